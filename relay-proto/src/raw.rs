//! One JSON object read field by field, so that nothing in it can cost more than its own field (rule D8).
//!
//! `lenient` reads an object in one pass; there, what the JSON parser itself refuses ends the whole object: half a
//! surrogate pair (a peer cut a text inside an emoji), a number out of range, a name given twice. Here everything
//! else is kept when one of these turns up: the half pair becomes U+FFFD, a number stays the digits it is, and of
//! two fields with one name the last holds, as it does in the JSON readers of JavaScript and Python. Bodies are read
//! so on demand, and frames where one pass was not enough.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// One JSON value, still as text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw<'a>(&'a RawValue);

impl<'a> Raw<'a> {
    pub(crate) fn json(self) -> &'a RawValue {
        self.0
    }

    /// A string, borrowed where it has no escapes, or a number's digits as they stand.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        match self.0.get().as_bytes().first()? {
            b'"' => Some(unescape(self.0.get())),
            b'-' | b'0'..=b'9' => Some(Cow::Borrowed(self.0.get())),
            _ => None,
        }
    }

    /// As [`Self::text`], and `true` and `false` as these words.
    pub(crate) fn scalar(self) -> Option<Cow<'a, str>> {
        self.bool().map(|flag| Cow::Borrowed(if flag { "true" } else { "false" })).or_else(|| self.text())
    }

    /// A string proper; a number does not count.
    pub(crate) fn string(self) -> Option<Cow<'a, str>> {
        self.0.get().starts_with('"').then(|| unescape(self.0.get()))
    }

    pub(crate) fn bool(self) -> Option<bool> {
        self.0.get().parse().ok()
    }

    /// A number's digits as they stand.
    pub(crate) fn digits(self) -> Option<&'a str> {
        let json = self.0.get();
        json.starts_with(|first: char| first == '-' || first.is_ascii_digit()).then_some(json)
    }

    /// The elements of an array; of anything else, none.
    pub(crate) fn elements(self) -> Vec<Self> {
        let elements: Vec<&RawValue> = serde_json::from_str(self.0.get()).unwrap_or_default();
        elements.into_iter().map(Self).collect()
    }

    pub(crate) fn object(self) -> Option<Fields<'a>> {
        Fields::parse(self.0.get())
    }
}

/// The fields of one JSON object.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a>(Vec<(Cow<'a, str>, Raw<'a>)>);

impl<'a> Fields<'a> {
    /// `None` when `json` is no JSON object.
    pub(crate) fn parse(json: &'a str) -> Option<Self> {
        let mut from = serde_json::Deserializer::from_str(json);
        let fields = from.deserialize_map(Collect).ok()?;
        from.end().ok()?;
        Some(fields)
    }

    /// The value under `name`, the last one if there are several.
    pub(crate) fn get(&self, name: &str) -> Option<Raw<'a>> {
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
        self.get(name).and_then(Raw::bool).unwrap_or(false)
    }

    pub(crate) fn count(&self, name: &str) -> Option<u64> {
        self.get(name)?.digits()?.parse().ok()
    }

    pub(crate) fn object(&self, name: &str) -> Option<Self> {
        self.get(name)?.object()
    }

    pub(crate) fn elements(&self, name: &str) -> Vec<Raw<'a>> {
        self.get(name).map(Raw::elements).unwrap_or_default()
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<Cow<'a, str>> {
        self.elements(name).into_iter().filter_map(Raw::text).collect()
    }

    pub(crate) fn objects(&self, name: &str) -> impl Iterator<Item = Self> + use<'a> {
        self.elements(name).into_iter().filter_map(Raw::object)
    }
}

/// The text of a JSON string that is known to be well-formed, quotes and all.
fn unescape(quoted: &str) -> Cow<'_, str> {
    let inner = &quoted[1..quoted.len() - 1];
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Cow::Borrowed(inner);
    }
    serde_json::from_str(quoted).map_or_else(|_| mend(quoted), Cow::Owned)
}

/// The text of a JSON string with lone surrogates in it, each of them as U+FFFD.
fn mend(quoted: &str) -> Cow<'_, str> {
    /// The lead byte that every surrogate has in the generalized UTF-8 that the JSON parser gives as bytes.
    const SURROGATE_LEAD: u8 = 0xED;
    let bytes = serde_json::Deserializer::from_str(quoted).deserialize_bytes(Bytes).unwrap_or_default();
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if chunk.invalid().first() == Some(&SURROGATE_LEAD) {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    Cow::Owned(text)
}

struct Collect;

impl<'de> Visitor<'de> for Collect {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, value)) = map.next_entry::<&'de RawValue, &'de RawValue>()? {
            fields.push((unescape(name.get()), Raw(value)));
        }
        Ok(Fields(fields))
    }
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON string")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(bytes.into())
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

    /// D8: what the JSON parser refuses in one field costs that field only.
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
