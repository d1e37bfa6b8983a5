//! The model's requests and interrupts: what the agent may ask for, and when.

use super::act::Op;
use super::gateway::{Doing, Leaving, Purpose};
use super::wire::Packet;
use super::world::{Asked, SECOND, Stage, World};

impl World {
    /// O1, O3, O4, A4, L6: whether a request is taken, and what becomes of it first.
    pub(super) fn ask(&mut self, op: Op, patient: bool) {
        let number = self.next_ask();
        let taken = match &self.gateway.doing {
            Doing::Open(open) => match open.leaving {
                Leaving::No | Leaving::Asked(Purpose::Dormancy, _) => true,
                // After the ack nothing more is promised.
                Leaving::Draining(Purpose::Dormancy, _) => self.chosen.taken,
                Leaving::Asked(..) | Leaving::Draining(..) => false,
            },
            Doing::Dialing { .. } | Doing::Waiting(_) | Doing::Dormant(_) => patient,
            Doing::Disabled | Doing::ShutDown => false,
        };
        let stage = if taken { Stage::Unwritten } else { Stage::Refused };
        self.asked.push(Asked { op, patient, deadline: self.now + 30 * SECOND, stage });
        if taken && self.gateway.open().is_some() {
            self.gateway.out.push(Packet::Ask(number));
        }
    }

    /// An interrupt is for now, or not at all. Until the handshake is done and once the link is being left, it may be
    /// taken or not.
    pub(super) fn stop_elsewhere(&mut self) {
        if self.gateway.open().is_some() && (self.gateway.is_linked() || self.chosen.taken) {
            self.gateway.out.push(Packet::Stop);
        }
    }

    /// The same towards the gateway.
    pub(super) fn stop_agent(&mut self) {
        if self.connector.link().is_some() && (self.connector.is_live() || self.chosen.taken) {
            self.connector.out.push(Packet::Stop);
        }
    }
}
