//! JSON that a peer wrote, read so that nothing in it can cost more than its own field (rule D8).
//!
//! A value stays text until somebody asks what it is. A field of the wrong type counts as absent. Where a peer cut a
//! text inside an emoji, the half pair becomes U+FFFD; a number stays the digits that it is, however large; and of
//! two fields with one name the last holds, as it does in the JSON readers of JavaScript and Python.

mod fields;
mod plain;
mod scan;

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

pub(crate) use fields::Fields;
pub(crate) use plain::plain_length;
pub(crate) use scan::{Fill, Invalid, Value, fill};
use serde::de::{self, Deserializer, Visitor};

/// One JSON value as its text, which is known to be well-formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// The value `null`.
    pub const NULL: Json<'static> = Json("null");

    /// One whole value; blanks around it are left out. `None` when the text is anything else.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        scan::whole(text)
    }

    /// Its text.
    #[must_use]
    pub fn get(self) -> &'a str {
        self.0
    }

    /// Whether it is an object.
    #[must_use]
    pub fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    /// Its text, in which each half of a surrogate pair that stands alone is U+FFFD: a message that somebody cut inside an
    /// emoji is not to be lost where a stricter reader follows.
    #[must_use]
    pub fn mended(self) -> Cow<'a, str> {
        let mut mended = String::new();
        let (mut kept, mut at) = (0, 0);
        while let Some(escape) = memchr::memchr(b'\\', &self.0.as_bytes()[at..]) {
            at += escape;
            let (length, is_lone) = match (surrogate(self.0, at), surrogate(self.0, at + UNIT)) {
                (Some(Half::High), Some(Half::Low)) => (2 * UNIT, false),
                (Some(_), _) => (UNIT, true),
                // Whatever is escaped, it is no other backslash's beginning.
                (None, _) => (2, false),
            };
            if is_lone {
                mended.push_str(&self.0[kept..at]);
                mended.push(char::REPLACEMENT_CHARACTER);
                kept = at + length;
            }
            at += length;
        }
        if kept == 0 {
            return Cow::Borrowed(self.0);
        }
        mended.push_str(&self.0[kept..]);
        Cow::Owned(mended)
    }

    /// A string, borrowed where it has no escapes, or a number's digits as they stand.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        match self.0.as_bytes().first()? {
            b'"' => Some(unescape(self.0)),
            b'-' | b'0'..=b'9' => Some(Cow::Borrowed(self.0)),
            _ => None,
        }
    }

    /// As [`Self::text`], and `true` and `false` as these words.
    pub(crate) fn scalar(self) -> Option<Cow<'a, str>> {
        self.bool().map(|flag| Cow::Borrowed(if flag { "true" } else { "false" })).or_else(|| self.text())
    }

    /// A string proper; a number does not count.
    pub(crate) fn string(self) -> Option<Cow<'a, str>> {
        self.0.starts_with('"').then(|| unescape(self.0))
    }

    pub(crate) fn bool(self) -> Option<bool> {
        self.0.parse().ok()
    }

    /// The elements of an array; of anything else, none.
    pub(crate) fn elements(self) -> Vec<Self> {
        scan::elements(self.0).unwrap_or_default()
    }

    pub(crate) fn object(self) -> Option<Fields<'a>> {
        Fields::parse(self.0)
    }
}

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The length of an escaped UTF-16 unit: a backslash, `u` and four digits.
const UNIT: usize = 6;

enum Half {
    High,
    Low,
}

/// The half of a surrogate pair that is escaped there.
fn surrogate(json: &str, at: usize) -> Option<Half> {
    let digits = json.get(at..at + UNIT)?.strip_prefix("\\u")?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xD800..=0xDBFF => Some(Half::High),
        0xDC00..=0xDFFF => Some(Half::Low),
        _ => None,
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
