//! What a session's machine can be told beforehand.

use alloc::boxed::Box;
use core::time::Duration;

use crate::time::TICK;

/// The settings of a [`Session`](super::Session). The defaults are the numbers of the contract.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// The name of the store that holds the bodies, as part of every `bufferId`. It must be another one whenever
    /// positions begin anew: a gateway takes a `bufferId` that it knows for a duplicate (rule D2).
    pub stream: Box<str>,
    /// How many entries may be unacked at once (rule C4).
    pub window: usize,
    /// How often an entry goes out without an ack before it belongs to the dead letters (rule C9).
    pub give_outs: u32,
    /// The longest line that is sent, in bytes; a larger entry belongs to the dead letters (rule C9).
    pub send_limit: usize,
    /// The longest line that is taken, in bytes.
    pub line_limit: usize,
    /// How long the first hello may take (rule C15).
    pub hello_timeout: Duration,
    /// The beat of the pings (rule K1); less than a millisecond counts as one.
    pub ping_interval: Duration,
    /// How late a pong may be (rule K1).
    pub pong_timeout: Duration,
    /// How long a gateway that asked to be only buffered for may stay connected all the same (rule C7).
    pub flip_timeout: Duration,
    /// Whether the instance has a wake URL to begin with (rule C8).
    pub wakeable: bool,
    /// The least time between two pokes (rule C8).
    pub poke_cooldown: Duration,
    /// How many requests of the gateway's may be open at once; further ones are refused.
    pub request_limit: usize,
    /// How many bytes the actions of open requests may have together; further ones are refused, unless nothing else is
    /// open (rule C15).
    pub request_bytes: usize,
    /// How many bytes of results and the like may wait for a gateway that takes none; past them its link ends (rule
    /// C15).
    pub queue_limit: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            stream: "0".into(),
            window: 32,
            give_outs: 5,
            send_limit: 1 << 20,
            line_limit: 1 << 20,
            hello_timeout: Duration::from_secs(10),
            ping_interval: Duration::from_secs(30),
            pong_timeout: Duration::from_secs(60),
            flip_timeout: Duration::from_secs(15),
            wakeable: false,
            poke_cooldown: Duration::from_secs(60),
            request_limit: 1024,
            request_bytes: 32 << 20,
            queue_limit: 32 << 20,
        }
    }
}

impl Config {
    pub(super) fn completed(mut self) -> Self {
        self.ping_interval = self.ping_interval.max(TICK);
        self
    }

    /// Whether a further request, with an action of `action` bytes, may be open beside `requests` with actions of
    /// `bytes` together (rule C15). One that is large alone may.
    #[must_use]
    pub fn has_room_for(&self, action: usize, requests: usize, bytes: usize) -> bool {
        requests < self.request_limit && (requests == 0 || bytes.saturating_add(action) <= self.request_bytes)
    }
}
