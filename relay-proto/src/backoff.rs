//! The ladder of waits between dials.

use core::time::Duration;

use crate::time::millis;

/// Counts failed attempts in a row, and says how long to wait after each (rule L3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Backoff {
    base: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) const fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap, failures: 0 }
    }

    /// How many attempts in a row have failed.
    pub(crate) const fn failures(&self) -> u32 {
        self.failures
    }

    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// An attempt failed: the wait before the next one, from (ceiling/2, ceiling]. The ceilings double from the
    /// base to the cap. `draw` is any number; the same draw gives the same wait.
    pub(crate) fn fail(&mut self, draw: u64) -> Duration {
        let ceiling = self.ceiling();
        self.failures = self.failures.saturating_add(1);
        let spread = ceiling - ceiling / 2;
        // Scaled rather than taken modulo, so that no wait is likelier than another.
        let part = (u128::from(draw) * u128::from(spread)) >> 64;
        Duration::from_millis(ceiling - part as u64)
    }

    /// In milliseconds.
    fn ceiling(&self) -> u64 {
        let factor = 1u64.checked_shl(self.failures).unwrap_or(u64::MAX);
        let base = millis(self.base);
        base.saturating_mul(factor).min(millis(self.cap).max(base))
    }
}

/// A number that looks random and depends on the seed and on `turn` alone, so that drawing leaves no state behind.
pub(crate) fn draw(seed: u64, turn: u64) -> u64 {
    let mut mixed = seed.wrapping_add(turn.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn ladder(draw: u64) -> Vec<u64> {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        (0..70).map(|_| millis(backoff.fail(draw))).collect()
    }

    /// L3: 1, 2, 4 … 30 s, from just above the half to the whole.
    #[test]
    fn ceilings_double_to_the_cap() {
        assert_eq!(ladder(0)[..7], [1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        assert_eq!(ladder(u64::MAX)[..7], [501, 1001, 2001, 4001, 8001, 15001, 15001]);
        assert!(ladder(0)[7..].iter().all(|wait| *wait == 30000));
    }

    /// L3: the draw is even over its range, and the same for the same seed.
    #[test]
    fn draws_spread() {
        let mean: u64 = (0..1000).map(|turn| ladder(draw(7, turn))[0]).sum::<u64>() / 1000;
        assert!((740..=760).contains(&mean), "{mean}");
        assert_eq!(draw(7, 3), draw(7, 3));
        assert_ne!(draw(7, 3), draw(8, 3));
    }

    /// L3: the generator is SplitMix64, in whose published vectors each turn is the next number.
    #[test]
    fn draws_are_splitmix64() {
        assert_eq!(draw(0, 0), 0xe220_a839_7b1d_cdaf);
        let of_1234567 = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        let drawn: Vec<u64> = (0..5).map(|turn| draw(1_234_567, turn)).collect();
        assert_eq!(drawn, of_1234567);
    }

    #[test]
    fn failures_are_counted() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        for failures in 0..5 {
            assert_eq!(backoff.failures(), failures);
            backoff.fail(0);
        }
        backoff.reset();
        assert_eq!(backoff.failures(), 0);
    }

    #[test]
    fn tiny_bases_do_not_wait_for_nothing() {
        let mut backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(1));
        assert_eq!(backoff.fail(u64::MAX), Duration::from_millis(1));
        let mut backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(1));
        assert_eq!(backoff.fail(0), Duration::from_secs(5));
    }
}
