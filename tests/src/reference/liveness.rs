//! Rule K1 for one end of a link: a ping every thirty seconds, and no patience for a peer that answers none.

use super::world::{SECOND, Time};

/// The pings of one end.
#[derive(Clone, Debug)]
pub(super) struct Pings {
    /// When the next one goes out.
    pub(super) next: Time,
    sent: u32,
    /// Those that have no pong: which, and when each went out.
    unanswered: Vec<(u32, Time)>,
}

impl Pings {
    /// The link is up since now.
    #[must_use]
    pub(super) fn new(now: Time) -> Self {
        Self { next: now + 30 * SECOND, sent: 0, unanswered: Vec::new() }
    }

    /// A ping goes out: which one.
    pub(super) fn ping(&mut self, now: Time) -> u32 {
        self.next = now + 30 * SECOND;
        self.sent += 1;
        self.unanswered.push((self.sent - 1, now));
        self.sent - 1
    }

    /// A pong came.
    pub(super) fn pong(&mut self, number: u32) {
        self.unanswered.retain(|(sent, _)| *sent > number);
    }

    /// This end slept, and gives the peer another chance to answer.
    pub(super) fn forgive(&mut self, now: Time) {
        self.unanswered.iter_mut().for_each(|(_, at)| *at = now);
    }

    /// From when on the peer may be given up.
    #[must_use]
    pub(super) fn may_give_up(&self) -> Option<Time> {
        self.unanswered.first().map(|(_, at)| at + 60 * SECOND)
    }

    /// When it must be.
    #[must_use]
    pub(super) fn must_give_up(&self) -> Option<Time> {
        self.unanswered.first().map(|(_, at)| at + 90 * SECOND)
    }
}
