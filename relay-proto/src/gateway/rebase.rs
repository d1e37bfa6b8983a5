//! Another epoch for a gateway's clock.

use super::Gateway;
use super::event::{Event, Next};
use super::state::{State, Token};
use crate::time::Instant;

impl Gateway {
    /// Makes `epoch`, which must not lie in the future, the zero of the machine's clock: all times given from here on
    /// count from there. Nothing else changes.
    ///
    /// For model checkers. Two machines that differ only in when they came to where they are become equal.
    pub fn rebase(&mut self, epoch: Instant) {
        self.timers.rebase(epoch);
        self.requests.rebase(epoch);
        match &mut self.state {
            State::Dialing(token) => token.rebase(epoch),
            State::Open(open) => {
                open.token.rebase(epoch);
                open.stable_from.rebase(epoch);
                open.liveness.rebase(epoch);
            }
            State::Waiting | State::Dormant | State::Stopped | State::Disabled | State::ShutDown => {}
        }
        for event in &mut self.outbox.events {
            if let Event::Down { next: Next::Redial(at), .. } = event {
                at.rebase(epoch);
            }
        }
    }
}

impl Token {
    fn rebase(&mut self, epoch: Instant) {
        if let Some(good_until) = &mut self.good_until {
            good_until.rebase(epoch);
        }
    }
}
