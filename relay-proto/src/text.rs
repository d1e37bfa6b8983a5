//! How long a text is to a platform, and how to cut one that is too long into sends (rule O11).

use alloc::vec::Vec;
use core::fmt;

/// What a platform counts when it measures a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LengthUnit {
    /// Code points.
    #[default]
    Chars,
    /// UTF-16 code units: two for a code point outside the basic plane, such as most emoji.
    Utf16,
}

impl LengthUnit {
    /// The unit of this name on the wire; an unknown one counts as characters.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        if name == Self::Utf16.as_str() { Self::Utf16 } else { Self::Chars }
    }

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chars => "chars",
            Self::Utf16 => "utf16",
        }
    }

    fn of(self, c: char) -> usize {
        match self {
            Self::Chars => 1,
            Self::Utf16 => c.len_utf16(),
        }
    }
}

/// The length of `text` in `unit`.
#[must_use]
pub fn length(text: &str, unit: LengthUnit) -> usize {
    text.chars().map(|c| unit.of(c)).sum()
}

/// The longest text that a platform takes in one send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TextLimit {
    /// The length, in `unit`.
    pub max: usize,
    /// What is counted.
    pub unit: LengthUnit,
}

impl TextLimit {
    /// Whether `text` can go out in one send.
    #[must_use]
    pub fn fits(self, text: &str) -> bool {
        // No unit is shorter than a byte, so that most texts need no counting.
        text.len() <= self.max || length(text, self.unit) <= self.max
    }
}

/// How long a text is in each unit, once the text itself is put away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Length {
    chars: usize,
    utf16: usize,
}

impl Length {
    pub(crate) fn of(text: &str) -> Self {
        Self { chars: length(text, LengthUnit::Chars), utf16: length(text, LengthUnit::Utf16) }
    }

    pub(crate) fn fits(self, limit: TextLimit) -> bool {
        let length = match limit.unit {
            LengthUnit::Chars => self.chars,
            LengthUnit::Utf16 => self.utf16,
        };
        length <= limit.max
    }
}

impl fmt::Display for TextLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.unit {
            LengthUnit::Chars => "characters",
            LengthUnit::Utf16 => "UTF-16 code units",
        };
        write!(f, "{} {what}", self.max)
    }
}

/// Cuts `text` into pieces that each can be sent, in order (rule O11).
///
/// A piece is within the limit, begins and ends between code points, and has something in it that is not white
/// space. A cut is made at a line end if there is one in the second half of the room, else at the last word end,
/// and inside a word only when the word alone fills the room. Nothing is lost but white space at the cuts and at
/// the ends of a text that is cut; a line after a cut keeps its indentation if its first word has room beside it.
/// A text that fits comes back as it is, and one with nothing but white space in it gives no pieces, since no
/// platform would take it. A code point that is longer than the limit goes out alone.
///
/// The work is proportional to the length of the text.
#[must_use]
pub fn split(text: &str, limit: TextLimit) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.trim_start().is_empty() {
        match room(rest, limit) {
            Room::Enough => {
                pieces.push(rest);
                break;
            }
            Room::BlanksFirst => rest = rest.trim_start(),
            Room::Until(cut) => {
                let (piece, after) = rest.split_at(cut);
                pieces.push(piece.trim_end());
                rest = skip_cut(after);
            }
        }
    }
    pieces
}

/// What can be sent of the beginning of a text.
enum Room {
    /// All of it.
    Enough,
    /// Nothing worth sending before the white space that it begins with is gone.
    BlanksFirst,
    /// The bytes up to here; among them is some that is not white space.
    Until(usize),
}

fn room(rest: &str, limit: TextLimit) -> Room {
    let mut used = 0;
    let mut begun = false;
    let mut line_end = None;
    let mut word_end = None;
    for (at, c) in rest.char_indices() {
        let blank = c.is_whitespace();
        // A blank that does not fit any more still ends the word before it.
        if blank && begun {
            word_end = Some(at);
            if c == '\n' && used >= limit.max / 2 {
                line_end = Some(at);
            }
        }
        used += limit.unit.of(c);
        if used > limit.max {
            return match line_end.or(word_end) {
                Some(end) => Room::Until(end),
                None if rest.starts_with(char::is_whitespace) => Room::BlanksFirst,
                None => Room::Until(if at == 0 { c.len_utf8() } else { at }),
            };
        }
        begun |= !blank;
    }
    Room::Enough
}

/// What follows a cut, without the white space there: to the end of its last line end if it has one, so that the
/// next line keeps its indentation, else all of it.
fn skip_cut(after: &str) -> &str {
    let word = after.trim_start();
    let blank = &after[..after.len() - word.len()];
    blank.rfind('\n').map_or(word, |line_end| &after[line_end + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chars(max: usize) -> TextLimit {
        TextLimit { max, unit: LengthUnit::Chars }
    }

    fn utf16(max: usize) -> TextLimit {
        TextLimit { max, unit: LengthUnit::Utf16 }
    }

    /// O11: a line end in the second half goes before a later blank, one in the first half does not.
    #[test]
    fn line_ends_of_the_second_half() {
        assert_eq!(split("aaaaaa\nbb cc", chars(10)), ["aaaaaa", "bb cc"]);
        assert_eq!(split("aaaaa\nbbb cc", chars(10)), ["aaaaa", "bbb cc"]);
        assert_eq!(split("aaaa\nbbbb cc", chars(10)), ["aaaa\nbbbb", "cc"]);
    }

    #[test]
    fn what_fits_is_left_as_it_is() {
        assert_eq!(split(" a \n", chars(4)), [" a \n"]);
        assert!(chars(2).fits("日本") && !utf16(3).fits("😀😀") && chars(2).fits("😀😀"));
    }

    #[test]
    fn nothing_to_say_gives_no_pieces() {
        for blank in ["", " ", "\n\n", " \t\u{2003}\n     "] {
            assert_eq!(split(blank, chars(3)), [""; 0], "{blank:?}");
        }
    }

    #[test]
    fn line_ends_come_before_word_ends() {
        assert_eq!(split("one two\nthree four", chars(12)), ["one two", "three four"]);
        assert_eq!(split("one two three", chars(9)), ["one two", "three"]);
        assert_eq!(split("one two", chars(3)), ["one", "two"]);
        assert_eq!(split("one\ntwo", chars(3)), ["one", "two"]);
    }

    #[test]
    fn a_line_end_that_would_leave_most_of_the_room_empty_is_passed_over() {
        assert_eq!(split("a\nbbbb cccc dddd", chars(12)), ["a\nbbbb cccc", "dddd"]);
    }

    #[test]
    fn a_line_after_a_cut_keeps_its_indentation() {
        assert_eq!(split("first line\r\n\n    code", chars(12)), ["first line", "    code"]);
        assert_eq!(split("first    second", chars(7)), ["first", "second"]);
    }

    #[test]
    fn a_word_is_cut_only_when_it_fills_the_room() {
        assert_eq!(split("ab cdefghij k", chars(4)), ["ab", "cdef", "ghij", "k"]);
    }

    #[test]
    fn more_blanks_than_room_are_passed_over() {
        assert_eq!(split("       a      b", chars(3)), ["a", "b"]);
        assert_eq!(split("ab\n     cd", chars(3)), ["ab", "cd"]);
        assert_eq!(split("   ab", chars(3)), ["ab"]);
    }

    #[test]
    fn an_indentation_gives_way_to_a_word() {
        assert_eq!(split("a\n  bcd", chars(4)), ["a", "bcd"]);
        assert_eq!(split("  bcdefgh", chars(4)), ["bcde", "fgh"]);
    }

    #[test]
    fn a_code_point_is_never_cut() {
        assert_eq!(split("😀😀😀", utf16(5)), ["😀😀", "😀"]);
        assert_eq!(split("a😀b", utf16(2)), ["a", "😀", "b"]);
    }

    #[test]
    fn a_code_point_longer_than_the_limit_goes_out_alone() {
        assert_eq!(split("😀a 😀", utf16(1)), ["😀", "a", "😀"]);
        assert_eq!(split("ab c", chars(0)), ["a", "b", "c"]);
    }

    /// A text without a good place to cut, and one whose good places come early, both take one pass or two.
    #[test]
    fn long_texts_are_cut_in_linear_time() {
        let text = "a \n".repeat(300_000) + &"b".repeat(300_000);
        let pieces = split(&text, chars(4_000));
        assert!(pieces.len() < 700, "{}", pieces.len());
    }
}
