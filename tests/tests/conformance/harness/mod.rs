//! What the cases share: what is under test, peers that misbehave on demand, and a connector to dial.
//!
//! Everything is waited for, and nothing for longer than [`PATIENCE`]. No case sleeps for a guessed time: timers are
//! configured to be short, and what they cause is waited for.

#[macro_use]
mod cases;
mod desk;
mod end;
mod events;
mod gateway;
mod house;
mod proxy;
mod stack;
mod stand_in;
mod tls;

use std::time::Duration;

use tokio::time::Instant;

pub(crate) use desk::{Answer, Desk};
pub(crate) use end::{Carrier, End};
pub(crate) use events::{answered, delivered, delivery, inbound, result, text_of};
pub(crate) use gateway::{GATEWAY, SECRET, becomes, loses, patient, redials_quickly};
pub(crate) use house::{House, bearer, calm, record};
pub(crate) use proxy::{Break, Proxy};

pub(crate) use stack::{AsyncStd, Stack, Tokio};
pub(crate) use stand_in::{StandIn, descriptor};
pub(crate) use tls::Certificate;

/// How long anything may take. Only a failure takes this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The machines' clock counts whole milliseconds: by a finer one, what they wait for lasts up to that much less.
const GRAIN: Duration = Duration::from_millis(1);

/// What began then has taken at least this long, by the machines' clock.
///
/// # Panics
/// When it took less.
pub(crate) fn lasted(began: Instant, least: Duration) {
    let took = began.elapsed();
    assert!(took + GRAIN > least, "{took:?} is less than {least:?}");
}

/// Longer than any test lasts: a timer that is set to it plays no part.
pub(crate) const NEVER: Duration = Duration::from_secs(600);

/// Waits for something.
///
/// # Panics
/// When it takes too long.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited {PATIENCE:?} in vain for {what}"),
    }
}
