//! What a gateway's machine can be told beforehand.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use crate::json::Json;
use crate::routing::GENERIC_PLATFORM;
use crate::time::TICK;

/// A platform and the bot that the gateway fronts there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The platform's name.
    pub platform: Box<str>,
    /// The bot's id; may be empty.
    pub bot_id: Box<str>,
    commands: Option<Box<str>>,
}

impl Identity {
    /// The bot `bot_id` on `platform`.
    pub fn new(platform: impl Into<Box<str>>, bot_id: impl Into<Box<str>>) -> Self {
        Self { platform: platform.into(), bot_id: bot_id.into(), commands: None }
    }

    /// The same with a manifest of the commands that the bot offers there, as raw JSON; what is no JSON is left
    /// out.
    #[must_use]
    pub fn with_commands(mut self, manifest: &str) -> Self {
        self.commands = Json::parse(manifest).map(|manifest| manifest.get().into());
        self
    }

    pub(super) fn commands(&self) -> Option<Json<'_>> {
        Json::parse(self.commands.as_deref()?)
    }
}

/// How much a gateway holds of what its peer sends before it stops reading, and before it gives the link up (rule
/// D6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InboundLimits {
    /// Past so many deliveries that the application has neither stored nor released, reading pauses, unless a
    /// request waits for its result.
    pub soft_count: usize,
    /// Past so many bytes that the application has not taken, reading pauses likewise.
    pub soft_bytes: usize,
    /// Past so many deliveries, the link is dropped.
    pub hard_count: usize,
    /// Past so many bytes, the link is dropped.
    pub hard_bytes: usize,
}

/// The settings of a [`Gateway`](super::Gateway). The defaults are the numbers of the contract.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// Which bots the gateway fronts, the default one first. None counts as the generic `relay`.
    pub identities: Vec<Identity>,
    /// Whether a lost link is dialed again (rule L2).
    pub reconnect: bool,
    /// How long a token is good for after its dial was asked for; `None` when it never expires (rule A3).
    pub token_lifetime: Option<Duration>,
    /// How long a dial may take, from names to upgrade.
    pub dial_timeout: Duration,
    /// How long the first descriptor may take (rule L5).
    pub handshake_timeout: Duration,
    /// The first ceiling of the waits between dials (rule L3).
    pub backoff_base: Duration,
    /// The last one.
    pub backoff_cap: Duration,
    /// How long a link must have been up before its loss starts the ladder anew (rule L3).
    pub stable_after: Duration,
    /// The beat of the pings (rule K1); less than a millisecond counts as one.
    pub ping_interval: Duration,
    /// How late a pong may be (rule K1).
    pub pong_timeout: Duration,
    /// How long a request waits for its result, unless its options say otherwise.
    pub request_timeout: Duration,
    /// How long `going_idle` waits for its ack before a dormancy is refused (rule I3).
    pub idle_timeout: Duration,
    /// The same at a shutdown, which goes on without it (rule I4).
    pub shutdown_idle_timeout: Duration,
    /// How long requests in flight may still get their results before a link is given up on purpose; at a
    /// shutdown, the budget of the whole (rules I4, O10).
    pub drain_timeout: Duration,
    /// How long a hold lasts at most (rule L8).
    pub hold_limit: Duration,
    /// After how long a dormant gateway dials by itself; `None` for never (rule I2).
    pub dormant_redial: Option<Duration>,
    /// How often a dormant gateway looks whether its machine was suspended meanwhile (rule I2); less than a millisecond counts
    /// as one.
    pub resume_check: Duration,
    /// How many stored deliveries are known again (rule D2). A connector may send again all that it has given out and
    /// not deleted: its unacked window (32 as a rule), and what it had not deleted when it crashed. With less than
    /// that, such a delivery is handed out a second time.
    pub dedupe_window: usize,
    /// The longest line that is taken, in bytes (rule D7).
    pub line_limit: usize,
    /// What is held of the peer's (rule D6).
    pub inbound: InboundLimits,
    /// How many requests may be open at once.
    pub request_limit: usize,
    /// How many chats the routing memory holds (rule O7).
    pub route_limit: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            identities: Vec::new(),
            reconnect: true,
            token_lifetime: Some(Duration::from_secs(300)),
            dial_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(30),
            backoff_base: Duration::from_secs(1),
            backoff_cap: Duration::from_secs(30),
            stable_after: Duration::from_secs(30),
            ping_interval: Duration::from_secs(30),
            pong_timeout: Duration::from_secs(60),
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(10),
            shutdown_idle_timeout: Duration::from_secs(2),
            drain_timeout: Duration::from_secs(5),
            hold_limit: Duration::from_secs(60),
            dormant_redial: None,
            resume_check: Duration::from_secs(1),
            dedupe_window: 4096,
            line_limit: 16 << 20,
            inbound: InboundLimits::default(),
            request_limit: 4096,
            route_limit: 4096,
        }
    }
}

impl Default for InboundLimits {
    fn default() -> Self {
        Self { soft_count: 1024, soft_bytes: 4 << 20, hard_count: 8192, hard_bytes: 64 << 20 }
    }
}

impl Config {
    pub(super) fn completed(mut self) -> Self {
        if self.identities.is_empty() {
            self.identities = vec![Identity::new(GENERIC_PLATFORM, "")];
        }
        self.ping_interval = self.ping_interval.max(TICK);
        self.resume_check = self.resume_check.max(TICK);
        self
    }
}
