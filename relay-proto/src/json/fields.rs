//! The fields of one JSON object, for those who ask for many of them by name.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::{Fill, Invalid, Json, Value, fill};

/// The fields of one JSON object, in their order.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Fill<'a> for Fields<'a> {
    fn field(&mut self, name: Cow<'a, str>, value: Value<'_, 'a>) -> Result<(), Invalid> {
        self.0.push((name, value.json()?));
        Ok(())
    }
}

impl<'a> Fields<'a> {
    /// `None` when `json` is no JSON object.
    pub(crate) fn parse(json: &'a str) -> Option<Self> {
        let mut fields = Self::default();
        fill(json, &mut fields).ok().map(|()| fields)
    }

    /// The value under `name`, the last one if there are several.
    pub(crate) fn get(&self, name: &str) -> Option<Json<'a>> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name)?.text()
    }

    /// A text that is not empty: an empty id or name says no more than none.
    pub(crate) fn filled(&self, name: &str) -> Option<Cow<'a, str>> {
        self.text(name).filter(|text| !text.is_empty())
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.get(name).and_then(Json::bool).unwrap_or(false)
    }

    pub(crate) fn count(&self, name: &str) -> Option<u64> {
        self.get(name)?.get().parse().ok()
    }

    pub(crate) fn object(&self, name: &str) -> Option<Self> {
        self.get(name)?.object()
    }

    pub(crate) fn elements(&self, name: &str) -> Vec<Json<'a>> {
        self.get(name).map(Json::elements).unwrap_or_default()
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<Cow<'a, str>> {
        self.elements(name).into_iter().filter_map(Json::text).collect()
    }

    pub(crate) fn objects(&self, name: &str) -> impl Iterator<Item = Self> + use<'a> {
        self.elements(name).into_iter().filter_map(Json::object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_object_has_fields() {
        for json in ["", " ", "null", "1", "[]", "\"a\"", "{", "{} {}", "{\"a\":}", "{\"a\":1,}"] {
            assert!(Fields::parse(json).is_none(), "{json}");
        }
        assert!(Fields::parse(" {} ").is_some());
    }

    /// D8: what a JSON parser would refuse in one field costs that field only.
    #[test]
    fn a_defect_costs_its_own_field() {
        let json = r#"{"half":"a\ud83d b\ude00","\ud800":1,"huge":1e999,"deep":[[[{}]]],"name":"ok"}"#;
        let fields = Fields::parse(json).unwrap();
        assert_eq!(fields.text("half").unwrap(), "a\u{fffd} b\u{fffd}");
        assert_eq!(fields.text("huge").unwrap(), "1e999");
        assert_eq!(fields.text("name").unwrap(), "ok");
        assert_eq!(fields.text("deep"), None);
    }

    #[test]
    fn the_last_of_two_fields_holds() {
        let fields = Fields::parse(r#"{"a":1,"a":"x","\u0061":"y"}"#).unwrap();
        assert_eq!(fields.text("a").unwrap(), "y");
    }

    #[test]
    fn strings_without_escapes_are_borrowed() {
        let fields = Fields::parse(r#"{"a":"plain","b":"\"\u00e9\n😀"}"#).unwrap();
        assert!(matches!(fields.text("a"), Some(Cow::Borrowed("plain"))));
        assert_eq!(fields.text("b").unwrap(), "\"é\n😀");
    }

    #[test]
    fn values_are_read_by_their_kind() {
        let fields =
            Fields::parse(r#"{"n":-7,"t":true,"c":3,"l":["a",1,null,{"x":2}],"o":{"x":"y"}}"#).unwrap();
        assert_eq!(fields.text("n").unwrap(), "-7");
        assert_eq!(fields.get("t").unwrap().scalar().unwrap(), "true");
        assert_eq!((fields.text("t"), fields.flag("t"), fields.flag("n")), (None, true, false));
        assert_eq!((fields.count("c"), fields.count("n"), fields.count("t")), (Some(3), None, None));
        assert_eq!(fields.texts("l"), ["a", "1"]);
        assert_eq!(fields.objects("l").count(), 1);
        assert_eq!(fields.object("o").unwrap().text("x").unwrap(), "y");
    }
}
