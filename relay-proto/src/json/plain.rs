//! How far a string's bytes mean themselves: the innermost loop of all reading.

/// How many bytes come before the first that is a quote, a backslash or a control character.
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let (pairs, rest) = bytes.as_chunks::<16>();
    for (number, pair) in pairs.iter().enumerate() {
        let pair = u128::from_le_bytes(*pair);
        let low = specials(pair as u64);
        let high = specials((pair >> 64) as u64);
        if low | high != 0 {
            let place = if low != 0 { low.trailing_zeros() } else { 64 + high.trailing_zeros() };
            return number * 16 + place as usize / 8;
        }
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    pairs.len() * 16 + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// Eight bytes at once: the high bit of each one that is special. Of those behind the first special byte, some may be
/// marked that are not.
const fn specials(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH_BITS: u64 = ONES << 7;
    const fn below(word: u64, bound: u8) -> u64 {
        word.wrapping_sub(ONES * bound as u64) & !word
    }
    let quotes = below(word ^ (ONES * b'"' as u64), 1);
    let backslashes = below(word ^ (ONES * b'\\' as u64), 1);
    (below(word, 0x20) | quotes | backslashes) & HIGH_BITS
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
