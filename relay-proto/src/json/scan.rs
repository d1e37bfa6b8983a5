//! One pass over JSON text. It checks the grammar, as a parser does, and cuts out what is asked for; the rest is only
//! stepped over.
//!
//! It is here, beside a JSON library, because the library's reader stops at what it will not hold (half a surrogate
//! pair, a number out of range), and because every frame of a link goes through it. What it takes for JSON is what
//! the library does; a test holds the two together.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::plain::plain_length;
use super::{Json, unescape};

/// The text is no JSON where it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Invalid;

/// Something that takes the fields of an object one by one.
pub(crate) trait Fill<'a> {
    /// Takes the value under this name.
    fn field(&mut self, name: Cow<'a, str>, value: Value<'_, 'a>) -> Result<(), Invalid>;
}

/// The value of the field that was read last, to be taken in one of these ways.
#[must_use = "the scan goes on behind the value"]
pub(crate) struct Value<'s, 'a>(&'s mut Scanner<'a>);

/// Fills `into` from the object that is all of `text`.
pub(crate) fn fill<'a>(text: &'a str, into: &mut impl Fill<'a>) -> Result<(), Invalid> {
    let mut scanner = Scanner { text, at: 0 };
    match scanner.peek() {
        Some(b'{') => scanner.object(into)?,
        _ => return Err(Invalid),
    }
    scanner.end()
}

/// The value that is all of `text`.
pub(super) fn whole(text: &str) -> Option<Json<'_>> {
    let mut scanner = Scanner { text, at: 0 };
    let value = scanner.value().ok()?;
    scanner.end().ok().map(|()| value)
}

/// The elements of the array that is all of `text`.
pub(super) fn elements(text: &str) -> Option<Vec<Json<'_>>> {
    let mut scanner = Scanner { text, at: 0 };
    let mut elements = Vec::new();
    if scanner.opens(b'[', b']').ok()? {
        loop {
            elements.push(scanner.value().ok()?);
            if !scanner.goes_on(b']').ok()? {
                break;
            }
        }
    }
    scanner.end().ok().map(|()| elements)
}

impl<'a> Value<'_, 'a> {
    /// A string, borrowed where it has no escapes, or a number's digits as they stand; anything else counts as
    /// absent.
    pub(crate) fn text(self) -> Result<Option<Cow<'a, str>>, Invalid> {
        match self.0.peek() {
            Some(b'"') => self.0.string().map(|string| Some(string.text())),
            Some(b'-' | b'0'..=b'9') => self.0.value().map(|number| Some(Cow::Borrowed(number.get()))),
            _ => self.skip().map(|()| None),
        }
    }

    /// Whether it is `true`.
    pub(crate) fn flag(self) -> Result<bool, Invalid> {
        self.json().map(|value| value.get() == "true")
    }

    pub(crate) fn json(self) -> Result<Json<'a>, Invalid> {
        self.0.value()
    }

    /// Fills `into` from an object; anything else leaves it as it is.
    pub(crate) fn object(self, into: &mut impl Fill<'a>) -> Result<(), Invalid> {
        match self.0.peek() {
            Some(b'{') => self.0.object(into),
            _ => self.skip(),
        }
    }

    pub(crate) fn skip(self) -> Result<(), Invalid> {
        self.0.value().map(|_| ())
    }
}

/// A string: within its quotes, or, where it has escapes, with them.
struct Quoted<'a> {
    text: &'a str,
    has_escapes: bool,
}

impl<'a> Quoted<'a> {
    fn text(self) -> Cow<'a, str> {
        if self.has_escapes { unescape(self.text) } else { Cow::Borrowed(self.text) }
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no blank, which is not taken yet.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.at += 1;
        }
        self.byte()
    }

    fn end(mut self) -> Result<(), Invalid> {
        if self.peek().is_none() { Ok(()) } else { Err(Invalid) }
    }

    /// Takes the bracket that opens a list of items: whether it has any.
    fn opens(&mut self, open: u8, close: u8) -> Result<bool, Invalid> {
        if self.peek() != Some(open) {
            return Err(Invalid);
        }
        self.at += 1;
        let is_empty = self.peek() == Some(close);
        self.at += usize::from(is_empty);
        Ok(!is_empty)
    }

    /// Takes what stands behind an item: whether there is another one.
    fn goes_on(&mut self, close: u8) -> Result<bool, Invalid> {
        let next = self.peek();
        self.at += 1;
        match next {
            Some(b',') => Ok(true),
            Some(next) if next == close => Ok(false),
            _ => Err(Invalid),
        }
    }

    fn object(&mut self, into: &mut impl Fill<'a>) -> Result<(), Invalid> {
        if !self.opens(b'{', b'}')? {
            return Ok(());
        }
        loop {
            let name = self.name()?;
            into.field(name.text(), Value(self))?;
            if !self.goes_on(b'}')? {
                return Ok(());
            }
        }
    }

    /// The name of a field, and the colon.
    fn name(&mut self) -> Result<Quoted<'a>, Invalid> {
        if self.peek() != Some(b'"') {
            return Err(Invalid);
        }
        let name = self.string()?;
        if self.peek() != Some(b':') {
            return Err(Invalid);
        }
        self.at += 1;
        Ok(name)
    }

    /// Steps over one value, however deep it goes.
    fn value(&mut self) -> Result<Json<'a>, Invalid> {
        self.peek();
        let start = self.at;
        let mut nesting = Nesting::default();
        loop {
            match self.peek() {
                Some(b'{') => {
                    if self.opens(b'{', b'}')? {
                        nesting.push(true);
                        self.name()?;
                        continue;
                    }
                }
                Some(b'[') => {
                    if self.opens(b'[', b']')? {
                        nesting.push(false);
                        continue;
                    }
                }
                Some(b'"') => _ = self.string()?,
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.word("true")?,
                Some(b'f') => self.word("false")?,
                Some(b'n') => self.word("null")?,
                _ => return Err(Invalid),
            }
            loop {
                let Some(in_object) = nesting.innermost() else {
                    return Ok(Json(&self.text[start..self.at]));
                };
                if self.goes_on(if in_object { b'}' } else { b']' })? {
                    if in_object {
                        self.name()?;
                    }
                    break;
                }
                nesting.pop();
            }
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Invalid> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(Invalid);
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), Invalid> {
        self.at += usize::from(self.byte() == Some(b'-'));
        match self.byte() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<(), Invalid> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(Invalid) }
    }

    /// Takes a string whose first quote comes next.
    #[inline]
    fn string(&mut self) -> Result<Quoted<'a>, Invalid> {
        let start = self.at + 1;
        self.at = start + plain_length(&self.text.as_bytes()[start..]);
        if self.byte() != Some(b'"') {
            return self.escaped_string(start - 1);
        }
        let inner = &self.text[start..self.at];
        self.at += 1;
        Ok(Quoted { text: inner, has_escapes: false })
    }

    /// Goes on with a string that is not plain up to its end.
    #[cold]
    fn escaped_string(&mut self, start: usize) -> Result<Quoted<'a>, Invalid> {
        loop {
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Quoted { text: &self.text[start..self.at], has_escapes: true });
                }
                Some(b'\\') => self.escape()?,
                _ => return Err(Invalid),
            }
            self.at += plain_length(&self.text.as_bytes()[self.at..]);
        }
    }

    fn escape(&mut self) -> Result<(), Invalid> {
        let rest = &self.text.as_bytes()[self.at + 1..];
        let length = match rest.first() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') if rest.get(1..5).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) => 6,
            _ => return Err(Invalid),
        };
        self.at += length;
        Ok(())
    }
}

/// What a value lies in, one bit a level: whether it is an object.
#[derive(Default)]
struct Nesting {
    levels: u64,
    depth: u32,
    outer: Vec<u64>,
}

impl Nesting {
    fn push(&mut self, is_object: bool) {
        if self.depth == u64::BITS {
            self.outer.push(self.levels);
            self.depth = 0;
        }
        self.levels = self.levels << 1 | u64::from(is_object);
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.levels >>= 1;
        self.depth -= 1;
        if self.depth == 0
            && let Some(levels) = self.outer.pop()
        {
            self.levels = levels;
            self.depth = u64::BITS;
        }
    }

    fn innermost(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.levels & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;

    #[derive(Default, Debug, PartialEq)]
    struct Outer<'a> {
        id: Option<Cow<'a, str>>,
        on: bool,
        inner: Inner,
    }

    #[derive(Default, Debug, PartialEq)]
    struct Inner {
        on: bool,
    }

    impl<'a> Fill<'a> for Outer<'a> {
        fn field(&mut self, name: Cow<'a, str>, value: Value<'_, 'a>) -> Result<(), Invalid> {
            match &*name {
                "id" => self.id = value.text()?,
                "on" => self.on = value.flag()?,
                "inner" => value.object(&mut self.inner)?,
                _ => value.skip()?,
            }
            Ok(())
        }
    }

    impl<'a> Fill<'a> for Inner {
        fn field(&mut self, name: Cow<'a, str>, value: Value<'_, 'a>) -> Result<(), Invalid> {
            match &*name {
                "on" => self.on = value.flag()?,
                _ => value.skip()?,
            }
            Ok(())
        }
    }

    fn filled(json: &str) -> Result<Outer<'_>, Invalid> {
        let mut outer = Outer::default();
        fill(json, &mut outer).map(|()| outer)
    }

    /// D8: each wrong type costs its own field only, and of a name given twice the last one holds.
    #[test]
    fn objects_are_filled_in_place() {
        let json =
            r#" {"id":"a","x":{"on":true},"inner":{"on":true,"y":[{}]},"id":-7 ,"on":1,"\u006fn":true} "#;
        let expected = Outer { id: Some("-7".into()), on: true, inner: Inner { on: true } };
        assert_eq!(filled(json), Ok(expected));
        for wrong in ["null", "[]", r#"[1,{"a":[]}]"#, r#"{"a":{"b":[null]}}"#, "false", "[true]"] {
            let json = format!(r#"{{"id":{wrong},"on":{wrong},"inner":{wrong}}}"#);
            assert_eq!(filled(&json), Ok(Outer::default()), "{json}");
        }
        for none in ["7", "[]", "null", r#"[{"on":true}]"#, "", "{}{}", r#"{"id":1]"#, r#"{"id" 1}"#, "{,}"] {
            assert_eq!(filled(none), Err(Invalid), "{none}");
        }
    }

    /// The hot path depends on it: a string without escapes is not copied.
    #[test]
    fn plain_strings_are_borrowed() {
        assert!(matches!(filled(r#"{"id":"abc"}"#).unwrap().id, Some(Cow::Borrowed("abc"))));
        assert_eq!(filled(r#"{"id":"a\n\ud83d"}"#).unwrap().id.as_deref(), Some("a\n\u{fffd}"));
    }

    /// D7: however deep a value goes, it costs no stack, and what opens must close in order.
    #[test]
    fn nesting() {
        for depth in [1, 63, 64, 65, 128, 129, 5_000] {
            let bracket = |level: usize, object: &'static str, array: &'static str| {
                if level.is_multiple_of(3) { object } else { array }
            };
            let opening: String = (0..depth).map(|level| bracket(level, "{\"a\":", "[")).collect();
            let closing: String = (0..depth).rev().map(|level| bracket(level, "}", "]")).collect();
            let json = format!("{opening}7{closing}");
            assert_eq!(whole(&json).map(Json::get), Some(&*json), "{depth}");
            assert_eq!(whole(&json[..json.len() - 1]), None);
            assert_eq!(whole(&format!("{json}]")), None);
            let crossed = format!("{opening}7{}", closing.replacen(']', "}", 1));
            assert_eq!(whole(&crossed).is_some(), depth == 1, "{depth}");
        }
    }

    #[test]
    fn elements_are_cut_at_commas() {
        let texts = |json| elements(json).map(|all| all.into_iter().map(Json::get).collect::<Vec<_>>());
        let json = r#" [ 1 ,"a,]",[2,3] , {"x":[]}] "#;
        assert_eq!(texts(json).unwrap(), ["1", r#""a,]""#, "[2,3]", r#"{"x":[]}"#]);
        assert_eq!(texts("[]").unwrap(), [""; 0]);
        for none in ["", "[", "[1,]", "[,1]", "[1 2]", "{}", "1", "[1]]", "[1}"] {
            assert_eq!(texts(none), None, "{none}");
        }
    }
}
