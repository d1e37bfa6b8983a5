//! Reading JSON that a peer wrote, in one pass: a field of the wrong type counts as absent and never costs the rest
//! of the object (rule D8), and of a field given twice the last one holds.

use alloc::borrow::Cow;
use alloc::string::ToString;
use core::fmt;
use core::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

/// A `deserialize_with`: a string, borrowed where it has no escapes. Numbers count as their decimal digits, because
/// some peers write ids so; anything else counts as absent.
pub(crate) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    from.deserialize_any(AnyValue(AsText))
}

/// A `deserialize_with`: `true`, or `false` for anything else.
pub(crate) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    from.deserialize_any(AnyValue(AsFlag))
}

/// A `deserialize_with`: an object; anything else counts as absent.
pub(crate) fn object<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    from.deserialize_any(AnyValue(AsObject(PhantomData)))
}

/// An object that is filled in place, field by field: nothing is moved, and keys are looked up once.
pub(crate) trait Fill<'de>: Sized {
    /// Takes the value of this key.
    fn field<A: MapAccess<'de>>(&mut self, key: &str, value: Next<'_, A>) -> Result<(), A::Error>;

    /// Fills the object from JSON; what is no object leaves it as it was.
    fn fill<D: Deserializer<'de>>(&mut self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(AnyValue(Filling(self)))
    }
}

/// The value of the key that was read last, to be taken in one of these ways.
pub(crate) struct Next<'m, A>(&'m mut A);

impl<'de, A: MapAccess<'de>> Next<'_, A> {
    pub(crate) fn text(self) -> Result<Option<Cow<'de, str>>, A::Error> {
        self.0.next_value_seed(AnyValue(AsText))
    }

    pub(crate) fn flag(self) -> Result<bool, A::Error> {
        self.0.next_value_seed(AnyValue(AsFlag))
    }

    pub(crate) fn object(self, into: &mut impl Fill<'de>) -> Result<(), A::Error> {
        self.0.next_value_seed(AnyValue(Filling(into)))
    }

    pub(crate) fn value<T: Deserialize<'de>>(self) -> Result<T, A::Error> {
        self.0.next_value()
    }

    pub(crate) fn ignore(self) -> Result<(), A::Error> {
        self.0.next_value::<IgnoredAny>().map(drop)
    }
}

struct Filling<'t, T>(&'t mut T);

impl<'de, T: Fill<'de>> Wanted<'de> for Filling<'_, T> {
    type Value = ();
    fn absent(self) {}
    fn map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(AnyValue(AsText))? {
            self.0.field(key.as_deref().unwrap_or_default(), Next(&mut map))?;
        }
        Ok(())
    }
}

/// What a field wants to be; every method has the answer "absent" unless it says otherwise.
trait Wanted<'de>: Sized {
    type Value;
    fn absent(self) -> Self::Value;
    fn text(self, _: Cow<'de, str>) -> Self::Value {
        self.absent()
    }
    fn bool(self, _: bool) -> Self::Value {
        self.absent()
    }
    fn unsigned(self, _: u64) -> Self::Value {
        self.absent()
    }
    fn signed(self, _: i64) -> Self::Value {
        self.absent()
    }
    fn float(self, _: f64) -> Self::Value {
        self.absent()
    }
    fn map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self.absent())
    }
    fn seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self.absent())
    }
}

struct AsText;

impl<'de> Wanted<'de> for AsText {
    type Value = Option<Cow<'de, str>>;
    fn absent(self) -> Self::Value {
        None
    }
    fn text(self, text: Cow<'de, str>) -> Self::Value {
        Some(text)
    }
    fn unsigned(self, number: u64) -> Self::Value {
        Some(number.to_string().into())
    }
    fn signed(self, number: i64) -> Self::Value {
        Some(number.to_string().into())
    }
    fn float(self, number: f64) -> Self::Value {
        Some(number.to_string().into())
    }
}

struct AsFlag;

impl Wanted<'_> for AsFlag {
    type Value = bool;
    fn absent(self) -> bool {
        false
    }
    fn bool(self, flag: bool) -> bool {
        flag
    }
}

struct AsObject<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Wanted<'de> for AsObject<T> {
    type Value = Option<T>;
    fn absent(self) -> Self::Value {
        None
    }
    fn map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

/// Takes a value of any type and gives what [`Wanted`] makes of it.
struct AnyValue<W>(W);

impl<'de, W: Wanted<'de>> DeserializeSeed<'de> for AnyValue<W> {
    type Value = W::Value;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<W::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, W: Wanted<'de>> Visitor<'de> for AnyValue<W> {
    type Value = W::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }
    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<W::Value, E> {
        Ok(self.0.text(Cow::Borrowed(text)))
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<W::Value, E> {
        Ok(self.0.text(Cow::Owned(text.into())))
    }
    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<W::Value, E> {
        Ok(self.0.bool(flag))
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<W::Value, E> {
        Ok(self.0.unsigned(number))
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<W::Value, E> {
        Ok(self.0.signed(number))
    }
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<W::Value, E> {
        Ok(self.0.float(number))
    }
    fn visit_unit<E: de::Error>(self) -> Result<W::Value, E> {
        Ok(self.0.absent())
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<W::Value, A::Error> {
        self.0.map(map)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<W::Value, A::Error> {
        self.0.seq(seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[derive(Default, Debug, Deserialize, PartialEq)]
    #[serde(default)]
    struct Fields<'a> {
        #[serde(borrow, deserialize_with = "text")]
        id: Option<Cow<'a, str>>,
        #[serde(deserialize_with = "flag")]
        on: bool,
        #[serde(deserialize_with = "object")]
        inner: Option<Inner>,
    }

    #[derive(Default, Debug, Deserialize, PartialEq)]
    #[serde(default)]
    struct Inner {
        name: String,
    }

    /// D8: each wrong type costs its own field only.
    #[test]
    fn wrong_types_count_as_absent() {
        for wrong in ["null", "[]", "[1,{\"a\":[]}]", "[{\"a\":{\"b\":[null]}}]"] {
            let json = alloc::format!(r#"{{"id":{wrong},"on":{wrong},"inner":{wrong}}}"#);
            assert_eq!(serde_json::from_str::<Fields>(&json).unwrap(), Fields::default(), "{json}");
        }
        let json = r#"{"id":{"a":[{}]},"on":"true","inner":-1}"#;
        assert_eq!(serde_json::from_str::<Fields>(json).unwrap(), Fields::default());
    }

    #[test]
    fn right_types_are_read() {
        let json = r#"{"id":-7,"on":true,"inner":{"name":"x"}}"#;
        let fields: Fields = serde_json::from_str(json).unwrap();
        assert_eq!(fields.id.as_deref(), Some("-7"));
        assert!(fields.on);
        assert_eq!(fields.inner, Some(Inner { name: "x".into() }));
    }

    #[derive(Default, Debug, PartialEq)]
    struct Outer<'a> {
        id: Option<Cow<'a, str>>,
        on: bool,
        inner: Nested,
    }

    #[derive(Default, Debug, PartialEq)]
    struct Nested {
        on: bool,
    }

    impl<'de> Fill<'de> for Outer<'de> {
        fn field<A: MapAccess<'de>>(&mut self, key: &str, value: Next<'_, A>) -> Result<(), A::Error> {
            match key {
                "id" => self.id = value.text()?,
                "on" => self.on = value.flag()?,
                "inner" => value.object(&mut self.inner)?,
                _ => value.ignore()?,
            }
            Ok(())
        }
    }

    impl<'de> Fill<'de> for Nested {
        fn field<A: MapAccess<'de>>(&mut self, key: &str, value: Next<'_, A>) -> Result<(), A::Error> {
            match key {
                "on" => self.on = value.flag()?,
                _ => value.ignore()?,
            }
            Ok(())
        }
    }

    /// D8: as above, and of a key given twice the last one holds.
    #[test]
    fn objects_are_filled_in_place() {
        let filled = |json: &'static str| {
            let mut outer = Outer::default();
            outer.fill(&mut serde_json::Deserializer::from_str(json)).map(|()| outer)
        };
        let json =
            r#"{"id":"a","x":{"on":true},"inner":{"on":true,"y":[{}]},"id":"b","on":1,"\u006fn":true}"#;
        let expected = Outer { id: Some("b".into()), on: true, inner: Nested { on: true } };
        assert_eq!(filled(json).unwrap(), expected);
        for json in ["7", "[]", "null", r#"[{"on":true}]"#, r#"{"inner":[],"id":{}}"#] {
            assert_eq!(filled(json).unwrap(), Outer::default(), "{json}");
        }
        assert!(filled(r#"{"id":"\ud83d"}"#).is_err());
    }

    /// The hot path depends on it: a string without escapes is not copied.
    #[test]
    fn plain_strings_are_borrowed() {
        let fields: Fields = serde_json::from_str(r#"{"id":"abc"}"#).unwrap();
        assert!(matches!(fields.id, Some(Cow::Borrowed("abc"))));
    }
}
