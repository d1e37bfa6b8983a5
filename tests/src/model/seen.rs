//! What was seen from outside, and is needed to judge what comes. Points in time are those from which on something
//! may be, or must have been.

use std::collections::VecDeque;
use std::time::Duration;

use relay_proto::{Instant, LinkId};

use super::numbers::Numbers;

/// Of the gateway, and of the session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Seen {
    pub(super) lives: u64,
    /// The dial or the link that the gateway holds, as its transmits say.
    pub(super) held: Option<Held>,
    /// A handshake has succeeded in this life.
    pub(super) trusted: bool,
    pub(super) disabled: bool,
    pub(super) shutdown: Option<Shutdown>,
    /// Until when the application has parked re-dials (rule L8).
    pub(super) parked_until: Option<Instant>,
    /// Failed attempts in a row (rule L3).
    pub(super) failures: u32,
    /// When the next dial is to be, as the gateway has said.
    pub(super) promised: Option<Instant>,
    /// When a dormant gateway may dial by itself (rule I2).
    pub(super) cadence: Option<Instant>,
    /// What was ever handed out, for the order.
    pub(super) handed_out: Numbers,
    pub(super) ever_released: Numbers,
    /// Requests that certainly were not done.
    pub(super) failed: Numbers,
    pub(super) session: SeenSession,
}

/// The gateway's dial or link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Held {
    pub(super) id: LinkId,
    pub(super) good_until: Instant,
    /// From here on it is open.
    pub(super) opened: bool,
    /// When the first descriptor must have come (rule L5).
    pub(super) greeted_by: Instant,
    /// Frames written, as far as they may be hellos (rule H1).
    pub(super) hellos: usize,
    /// The platforms of the descriptors, in the order in which they came (rule H2).
    pub(super) descriptors: Vec<String>,
    pub(super) linked: bool,
    /// From when on the link counts as stable (rule L3).
    pub(super) stable_from: Instant,
    pub(super) asked_idle: bool,
    pub(super) idle_acked: bool,
    pub(super) beat: Beat,
}

/// A shutdown that was asked for (rule I4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shutdown {
    /// Until when it waits for the connector to agree.
    pub(super) agreed_by: Instant,
    /// When it is over in any case.
    pub(super) over: Instant,
}

/// The session's life, and its link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct SeenSession {
    pub(super) link: Option<LinkId>,
    pub(super) hellos: usize,
    pub(super) descriptors: usize,
    /// It has agreed to only buffer, until then (rules C5, C7).
    pub(super) flipped_until: Option<Instant>,
    /// Given out on this link, in this order.
    pub(super) given: Vec<u64>,
    /// How often each entry was given out in this life (rule C9).
    pub(super) give_outs: Vec<u8>,
    /// Acks that came in this life.
    pub(super) acked: Numbers,
    /// Acks that came on this link.
    pub(super) acked_on_link: Numbers,
    /// Entries that are done, in this life.
    pub(super) settled: Numbers,
    /// Results that are not written yet, and those of them that came before `going_idle` (rule C5).
    pub(super) owed: u8,
    pub(super) owed_before_ack: u8,
    /// From when on the wake URL may be poked again (rule C8).
    pub(super) poke_from: Instant,
    pub(super) beat: Beat,
}

/// The pings of one end on its link (rule K1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Beat {
    /// When the next one is due.
    due: Option<Instant>,
    /// The unanswered ones, each with the time until which its pong may take.
    unanswered: VecDeque<(u32, Instant)>,
}

/// Between two pings.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// How late a pong may be.
const PONG_TIMEOUT: Duration = Duration::from_secs(60);

/// Within which a dead link must be noticed.
pub(super) const NOTICED_WITHIN: Duration = Duration::from_secs(90);

impl Beat {
    pub(super) fn begin(now: Instant) -> Self {
        Self { due: Some(now + PING_INTERVAL), unanswered: VecDeque::new() }
    }

    /// A ping goes out. Whether it was its time.
    pub(super) fn ping(&mut self, number: u32, now: Instant) -> bool {
        self.unanswered.push_back((number, now + PONG_TIMEOUT));
        self.due.replace(now + PING_INTERVAL) == Some(now)
    }

    pub(super) fn pong(&mut self, number: u32) {
        while self.unanswered.pop_front_if(|(sent, _)| *sent <= number).is_some() {}
    }

    /// Whether a ping should have gone out by now.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// Whether a pong has been waited for long enough.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        self.unanswered.front().is_some_and(|(_, until)| *until <= now)
    }
}

impl SeenSession {
    /// What is left of it with a new link, or without one.
    pub(super) fn without_link(self) -> Self {
        let Self { acked, settled, give_outs, poke_from, .. } = self;
        Self { acked, settled, give_outs, poke_from, ..Self::default() }
    }

    /// Whether entries may go out on the link.
    pub(super) fn takes_entries(&self) -> bool {
        let greeted = self.hellos > 0 && self.descriptors == self.hellos;
        self.link.is_some() && greeted && self.flipped_until.is_none()
    }
}
