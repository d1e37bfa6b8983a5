//! The model's gateway on its way out: dormancy, wakes, holds and shutdown.

use super::gateway::{After, Doing, Leaving, Purpose};
use super::wire::Packet;
use super::world::{SECOND, Stage, World};

impl World {
    pub(super) fn go_dormant(&mut self) {
        if self.gateway.is_linked() {
            self.gateway.out.push(Packet::GoingIdle);
            self.set_leaving(Leaving::Asked(Purpose::Dormancy, self.now + 10 * SECOND));
        }
    }

    fn set_leaving(&mut self, leaving: Leaving) {
        if let Some(open) = self.gateway.open_mut() {
            open.leaving = leaving;
        }
    }

    pub(super) fn wake(&mut self) {
        self.gateway.hold = None;
        if matches!(self.gateway.doing, Doing::Waiting(_) | Doing::Dormant(_)) {
            self.dial();
        }
        if let Some(Leaving::Asked(Purpose::Dormancy, _) | Leaving::Draining(Purpose::Dormancy, _)) =
            self.gateway.leaving()
        {
            self.close(1001, "staying awake", After::AtOnce);
        }
    }

    /// L8.
    pub(super) fn hold(&mut self) {
        if matches!(self.gateway.doing, Doing::Disabled | Doing::ShutDown) || self.gateway.hold.is_some() {
            return;
        }
        let until = self.now + 60 * SECOND;
        self.gateway.hold = Some(until);
        if let Doing::Waiting(at) = &mut self.gateway.doing {
            *at = until.max(*at);
        }
    }

    /// I4, L6, O10.
    pub(super) fn shut_down(&mut self) {
        let end = self.now + 5 * SECOND;
        let purpose = Purpose::Shutdown(end);
        match self.gateway.leaving() {
            None => {
                self.dialing = None;
                self.lose(After::ShutDown);
            }
            Some(Leaving::No) if !self.gateway.is_linked() => {
                self.give_up_waiting();
                self.drain(purpose);
            }
            Some(Leaving::No) => {
                self.gateway.out.push(Packet::GoingIdle);
                self.set_leaving(Leaving::Asked(purpose, self.now + 2 * SECOND));
            }
            // The shutdown has its own times, whatever was left of those of the dormancy.
            Some(Leaving::Asked(Purpose::Dormancy, _)) => {
                self.set_leaving(Leaving::Asked(purpose, self.now + 2 * SECOND));
            }
            Some(Leaving::Draining(Purpose::Dormancy, _)) => {
                self.set_leaving(Leaving::Draining(purpose, end));
            }
            Some(_) => {}
        }
    }

    /// What waits for a link that takes it will not get one any more.
    fn give_up_waiting(&mut self) {
        let queued = self.gateway.out.clone();
        for (number, asked) in (0..).zip(&mut self.asked) {
            if asked.stage == Stage::Unwritten && !queued.contains(&Packet::Ask(number)) {
                asked.stage = Stage::Failed;
            }
        }
    }

    pub(super) fn drain(&mut self, purpose: Purpose) {
        let until = match purpose {
            Purpose::Dormancy => self.now + 5 * SECOND,
            Purpose::Shutdown(end) => end,
        };
        self.set_leaving(Leaving::Draining(purpose, until));
        self.leave_if_drained();
    }

    pub(super) fn leave_if_drained(&mut self) {
        let Some(Leaving::Draining(..)) = self.gateway.leaving() else { return };
        // Whether a request counts that still waits for the sink is not said.
        let mut open = (0..).zip(&self.asked).filter(|(_, asked)| asked.stage == Stage::Unwritten);
        let queued = open.any(|(number, _)| self.gateway.out.contains(&Packet::Ask(number)));
        let waits = queued && !self.chosen.dropped_by_gateway;
        if !self.has_in_flight() && !waits {
            self.leave();
        }
    }

    pub(super) fn leave(&mut self) {
        let Some(Leaving::Draining(purpose, _)) = self.gateway.leaving() else { return };
        let after = if purpose == Purpose::Dormancy { After::Dormant } else { After::ShutDown };
        self.close(1000, "", after);
    }
}
