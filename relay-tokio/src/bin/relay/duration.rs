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
    let exact = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    u64::try_from(exact.as_millis()).map(Duration::from_millis).map_err(|_| wrong())
}

/// Reads a duration that is counted in whole seconds, such as a token's time; 0 is for ever.
///
/// # Errors
/// In words, for anything else.
pub(crate) fn parse_seconds(text: &str) -> Result<Duration, String> {
    let duration = parse(text)?;
    if duration.subsec_nanos() != 0 {
        return Err(format!("{text:?} is no whole number of seconds, by which tokens count"));
    }
    Ok(duration)
}

/// Reads a duration that is longer than nothing.
///
/// # Errors
/// In words, for anything else.
pub(crate) fn parse_some(text: &str) -> Result<Duration, String> {
    let duration = parse(text)?;
    if duration.is_zero() {
        return Err("it must be longer than nothing".to_owned());
    }
    Ok(duration)
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
        for text in [
            "",
            "s",
            "-1s",
            "1d",
            "1s2",
            "1e3",
            "1..2",
            "soon",
            "18446744073709552s",
            "99999999999999999999h",
        ] {
            assert!(parse(text).unwrap_err().contains("is no duration"), "{text}");
        }
    }

    #[test]
    fn durations_that_are_no_good_for_their_purpose() {
        assert_eq!(parse_seconds("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse_seconds("0"), Ok(Duration::ZERO));
        assert!(parse_seconds("500ms").unwrap_err().contains("whole number"));
        assert_eq!(parse_some("1ms"), Ok(Duration::from_millis(1)));
        assert!(parse_some("0.0001s").unwrap_err().contains("longer than nothing"));
    }
}
