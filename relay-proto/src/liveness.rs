//! Whether the peer still answers: pings at a fixed beat, and a deadline for the oldest unanswered one.

use core::time::Duration;

use crate::time::Instant;

/// The pings of one link (rule K1).
///
/// Only pongs count as signs of life. A peer that goes on sending but reads nothing never sees the pings, and so is
/// dropped as well: this is also what ends a link whose writes make no progress (rule C15).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Liveness {
    pong_timeout: Duration,
    sent: u32,
    /// The oldest ping that is waited for, and until when.
    awaited: Option<(u32, Instant)>,
}

impl Liveness {
    pub(crate) const fn new(pong_timeout: Duration) -> Self {
        Self { pong_timeout, sent: 0, awaited: None }
    }

    /// The next ping goes out: its number. While `deaf`, this end does not read, so no answer is waited for.
    pub(crate) fn ping(&mut self, now: Instant, deaf: bool) -> u32 {
        let number = self.sent;
        self.sent = self.sent.wrapping_add(1);
        if self.awaited.is_none() && !deaf {
            self.awaited = Some((number, now + self.pong_timeout));
        }
        number
    }

    /// The pong to this ping came. Later pings may still be unanswered; they get their own deadline with the next
    /// ping, which keeps the whole within one beat and one timeout.
    pub(crate) fn pong(&mut self, number: u32) {
        if self.awaited.is_some_and(|(awaited, _)| answers(number, awaited)) {
            self.awaited = None;
        }
    }

    /// This end stops reading for a while, so answers cannot be seen.
    pub(crate) fn go_deaf(&mut self) {
        self.awaited = None;
    }

    pub(crate) fn rebase(&mut self, epoch: Instant) {
        if let Some((_, until)) = &mut self.awaited {
            until.rebase(epoch);
        }
    }

    /// Until when the peer must have answered.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.awaited.map(|(_, until)| until)
    }
}

/// Whether the pong of this number answers this ping, by itself or as a later one.
pub(crate) fn answers(pong: u32, ping: u32) -> bool {
    pong.wrapping_sub(ping) < u32::MAX / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1000)
    }

    /// K1: a pong 60 s late closes nothing, and whenever a peer dies, it is dropped within 90 s.
    #[test]
    fn late_pongs_are_fine_and_dead_peers_are_found() {
        let mut liveness = Liveness::new(TIMEOUT);
        let first = liveness.ping(at(30), false);
        let second = liveness.ping(at(60), false);
        assert_eq!(liveness.deadline(), Some(at(90)));
        liveness.pong(first);
        assert_eq!(liveness.deadline(), None);
        let third = liveness.ping(at(90), false);
        assert_eq!(liveness.deadline(), Some(at(150)));
        liveness.pong(second);
        assert_eq!(liveness.deadline(), Some(at(150)), "an older pong answers nothing later");
        liveness.pong(third);
        assert_eq!(liveness.deadline(), None);
    }

    /// K1: the answer to a later ping is a sign of life as well, also where the numbers begin anew.
    #[test]
    fn a_later_pong_will_do() {
        let mut liveness = Liveness { sent: u32::MAX, ..Liveness::new(TIMEOUT) };
        liveness.ping(at(30), false);
        let second = liveness.ping(at(60), false);
        assert_eq!(second, 0);
        liveness.pong(second);
        assert_eq!(liveness.deadline(), None);
    }

    #[test]
    fn nothing_is_awaited_while_deaf() {
        let mut liveness = Liveness::new(TIMEOUT);
        liveness.ping(at(30), false);
        liveness.go_deaf();
        liveness.ping(at(60), true);
        assert_eq!(liveness.deadline(), None);
    }
}
