//! The machines' notion of time: a number of milliseconds that the driver hands in with every call.

use core::ops::Add;
use core::time::Duration;

/// A point in time: milliseconds since an epoch of the driver's choice.
///
/// The clock behind it must never go back, and must count the time that the machine spent suspended
/// (`CLOCK_BOOTTIME` on Linux), because the age of a token and the death of a link do not stop while a laptop
/// sleeps (rules A3 and I2). The protocol only ever compares and adds; the epoch itself means nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

/// What the clock counts in. What repeats sooner than that would be due again at once.
pub(crate) const TICK: Duration = Duration::from_millis(1);

impl Instant {
    /// The epoch itself.
    pub const ZERO: Self = Self(0);

    /// The point `millis` milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Instant {
    /// The same point on a clock whose epoch is `epoch`. What lies before it is at the epoch: it is past either way.
    pub(crate) fn rebase(&mut self, epoch: Self) {
        self.0 = self.0.saturating_sub(epoch.0);
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// `self` moved on by `wait`, in whole milliseconds, rounded down; saturates.
    fn add(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(millis(wait)))
    }
}

/// A duration in whole milliseconds, rounded down; saturates at `u64::MAX`.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
