//! Durations as people write them.

use std::time::Duration;

/// Reads `250ms`, `30s`, `5m`, `1h` or, in seconds, `30` and `0.5`.
///
/// # Errors
/// In words, for anything else.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration: write it like 250ms, 30s, 5m or 1h");
    let text = text.trim();
    let unit_at = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit.trim() {
        "ms" => number / 1_000.0,
        "" | "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3_600.0,
        _ => return Err(wrong()),
    };
    // Whole milliseconds are what the protocol counts in.
    Duration::try_from_secs_f64(seconds)
        .map(|exact| Duration::from_millis(exact.as_millis() as u64))
        .map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write() {
        for (text, millis) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("30", 30_000),
            ("0.5", 500),
            ("1.5 m", 90_000),
            (" 1h ", 3_600_000),
            ("0", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "-1s", "1d", "1s2", "1e3", "1..2", "soon", "99999999999999999999h"] {
            assert!(parse(text).unwrap_err().contains("is no duration"), "{text}");
        }
    }
}
