//! The operating system's time and randomness.

use relay_proto::Instant;

/// Milliseconds since the machine started, suspended or not.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[must_use]
pub fn now() -> Instant {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let millis = time.tv_sec.saturating_mul(1_000).saturating_add(time.tv_nsec / 1_000_000);
    Instant::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// Milliseconds since the process first asked. Whether they count a suspension is the platform's choice.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[expect(clippy::disallowed_methods, reason = "this is where time comes from")]
#[must_use]
pub fn now() -> Instant {
    use std::sync::LazyLock;
    static START: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);
    let start = *START;
    Instant::from_millis(u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX))
}

/// The wall clock, in unix seconds.
#[expect(clippy::disallowed_methods, reason = "this is where time comes from")]
#[must_use]
pub fn unix_time() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// A random number.
#[must_use]
pub fn seed() -> u64 {
    // Without randomness the waits are as those of other processes, and the request ids may be: better than not to
    // start.
    getrandom::u64().unwrap_or_else(|_| unix_time() ^ u64::from(std::process::id()) << 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_tell_time() {
        let before = now();
        assert!(now() >= before && unix_time() > 1_700_000_000);
    }

    #[test]
    fn seeds_differ() {
        assert_ne!(seed(), seed());
    }
}
