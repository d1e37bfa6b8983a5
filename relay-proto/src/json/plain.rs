//! How far a string's bytes mean themselves: the innermost loop of all reading, and of writing.

/// How many bytes come before the first that is a quote, a backslash or a control character.
#[inline]
pub(crate) fn plain_length(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut before = 0;
    for word in words {
        let specials = specials(u64::from_le_bytes(*word));
        if specials != 0 {
            return before + specials.trailing_zeros() as usize / 8;
        }
        before += 8;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    before + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// Eight bytes at once: the high bit of each one that is special. Of those behind the first special byte, some may be
/// marked that are not.
const fn specials(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH_BITS: u64 = ONES << 7;
    const fn below(word: u64, bound: u8) -> u64 {
        word.wrapping_sub(ONES * bound as u64) & !word
    }
    // With this bit turned over, the quote stands right behind the control characters, and the blank does not.
    let quotes_and_controls = below(word ^ (ONES * 2), 0x21);
    let backslashes = below(word ^ (ONES * b'\\' as u64), 1);
    (quotes_and_controls | backslashes) & HIGH_BITS
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    /// What ends a run of plain bytes is found at every place in a word, whatever stands before and behind it.
    #[test]
    fn special_bytes_are_found_wherever_they_stand() {
        for special in ['"', '\\', '\0', '\n', '\u{1f}'] {
            for before in 0..40 {
                for (plain, behind) in
                    [("a", "b"), ("!", "\u{1}"), ("\u{7f}", "#"), (" ", "\"\"\"\"\"\"\"\"\"")]
                {
                    let text = format!("{}{special}{behind}", plain.repeat(before));
                    assert_eq!(plain_length(text.as_bytes()), before, "{text:?}");
                }
            }
        }
        for plain in 0x20..=0xff_u8 {
            let expected = if matches!(plain, b'"' | b'\\') { 0 } else { 19 };
            assert_eq!(plain_length(&[plain; 19]), expected, "{plain}");
        }
    }
}
