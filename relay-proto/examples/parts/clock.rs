//! Where the examples' time comes from.

use std::sync::LazyLock;
use std::time;

use relay_proto::Instant;

/// Milliseconds since the first call.
///
/// The clock of the standard library stands still while the machine is suspended, which is enough for an example. What
/// runs on a laptop takes `CLOCK_BOOTTIME`: see `docs/driving.md`.
#[expect(clippy::disallowed_methods, reason = "this is where time comes from")]
pub(crate) fn now() -> Instant {
    static START: LazyLock<time::Instant> = LazyLock::new(time::Instant::now);
    let start = *START;
    Instant::from_millis(u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX))
}
