//! What goes wrong in the world of a [`Pair`].

use std::time::Duration;

use relay_proto::close::DialError;
use relay_proto::connector::Session;
use relay_proto::gateway::{Gateway, Status};
use relay_proto::{LinkEvent, Position};

use super::{Packet, Pair, Side, Step};
use crate::watch::{LinkWatch, RequestWatch};

/// Something that goes wrong. Where it has nothing to strike, it does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The dial under way is refused.
    Refuse,
    /// The dial is accepted, and the gateway never learns of it.
    HalfConnect,
    /// The gateway's link breaks, what is under way is lost, and both ends learn of it.
    Cut,
    /// The gateway's link carries nothing more, and nobody is told.
    Silence,
    /// The gateway's process dies and comes back; its inbox is durable.
    CrashGateway,
    /// The connector's process dies and comes back; its store is durable.
    CrashSession,
    /// The whole gateway host sleeps for a while; the connector does not.
    Suspend,
    /// The gateway's sink takes nothing until it is cut or released.
    StallGateway,
    /// The session's sink takes nothing until it is cut or released.
    StallSession,
    /// The application refuses the oldest delivery that it has.
    Release,
}

/// Every fault, for whoever tries them all.
pub const FAULTS: [Fault; 10] = [
    Fault::Refuse,
    Fault::HalfConnect,
    Fault::Cut,
    Fault::Silence,
    Fault::CrashGateway,
    Fault::CrashSession,
    Fault::Suspend,
    Fault::StallGateway,
    Fault::StallSession,
    Fault::Release,
];

impl Pair {
    /// This goes wrong now.
    pub fn strike(&mut self, fault: Fault) {
        match fault {
            Fault::Refuse => self.fail_dial(DialError::unreachable("no route")),
            Fault::HalfConnect => {
                if let Some(id) = self.network.dialing {
                    let wire = self.network.connect(id);
                    let session_id = wire.session_id;
                    wire.let_go(Side::Gateway, Packet::Broken);
                    // Nobody tells the session either: its own timers must find out.
                    wire.go_silent();
                    self.accept(session_id);
                    self.fail_dial(DialError::unreachable("reset by peer"));
                }
            }
            Fault::Cut => self.with_gateways_link(super::Wire::cut),
            Fault::Silence => self.with_gateways_link(super::Wire::go_silent),
            Fault::CrashGateway => self.crash_gateway(),
            Fault::CrashSession => self.crash_session(),
            Fault::Suspend => self.suspend_gateway(Duration::from_secs(400), None),
            Fault::StallGateway => self.gateway_writable = false,
            Fault::StallSession => self.session_writable = false,
            Fault::Release => {
                if let Some(delivery) = self.inbox.arrived.pop_front() {
                    self.deliveries.released(delivery.id);
                    self.gateway.release(delivery.id, self.now);
                }
            }
        }
        self.drain();
    }

    /// Everything that was stalled goes on. Deliveries that were released come again on another link only, so the
    /// link is cut.
    pub fn heal(&mut self) {
        self.gateway_writable = true;
        self.session_writable = true;
        self.drain();
        self.strike(Fault::Cut);
    }

    /// The operator revokes the gateway's credential.
    pub fn revoke(&mut self) {
        self.session.revoke();
        self.drain();
    }

    /// The application shuts the gateway down.
    pub fn shut_down(&mut self) {
        self.links.shut_down_asked();
        self.gateway.shut_down(self.now);
        self.drain();
    }

    /// Something wants the gateway up.
    pub fn wake(&mut self) {
        self.gateway.wake(self.now);
        self.drain();
    }

    pub(super) fn fail_dial(&mut self, error: DialError) {
        if let Some(id) = self.network.dialing.take() {
            // Of a dial that the machine has given up by itself, the close may still wait for the sink.
            if self.gateway.link() == Some(id) {
                self.links.ended(id);
            }
            self.gateway.handle_link(LinkEvent::DialFailed(id, error), self.now);
        }
    }

    pub(super) fn with_gateways_link(&mut self, happens: impl Fn(&mut super::Wire)) {
        if let Some(place) = self.network.gateways_link() {
            happens(&mut self.network.wires[place]);
        }
    }

    fn crash_gateway(&mut self) {
        if matches!(self.gateway.status(), Status::ShutDown | Status::Disabled) {
            return;
        }
        self.with_gateways_link(|wire| wire.let_go(Side::Gateway, Packet::Broken));
        self.network.dialing = None;
        // What is kept is kept, whether the machine was told or not.
        self.inbox.untold.iter().for_each(|delivery| self.deliveries.stored(delivery.id));
        self.inbox.crashes();
        self.lives += 1;
        let config = self.gateway.config().clone();
        self.links = LinkWatch::new(&config);
        self.requests = RequestWatch::default();
        let mut gateway = Gateway::new(config, self.lives, self.now);
        self.gateway.routes().into_iter().for_each(|(chat, route)| gateway.restore_route(chat, route));
        self.inbox.kept.iter().for_each(|(_, keys)| gateway.remember(*keys));
        self.gateway = gateway;
        self.deliveries.restarted();
        self.gateway_writable = true;
    }

    fn crash_session(&mut self) {
        for wire in &mut self.network.wires {
            if wire.is_held_by(Side::Session) {
                wire.let_go(Side::Session, Packet::Broken);
            }
        }
        let mut session = Session::new(self.session.config().clone());
        session.restore(self.platform.entries(), Position(self.platform.end));
        self.session = session;
        self.session_events.clear();
        self.platform.pending.clear();
        let entries = self.platform.entries().map(|(position, _)| position).collect();
        self.mailbox.restarted(&entries);
        self.session_writable = true;
    }

    /// The connector's timers go on meanwhile; what it sends waits in the network. The first thing that the gateway
    /// sees of the new time is this step, or else its timers.
    pub(super) fn suspend_gateway(&mut self, time: Duration, first: Option<Step>) {
        let end = self.now + time;
        while let Some(at) = self.session.poll_timeout().map(|deadline| deadline.at).filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.session.handle_timeout(self.now);
            self.drain_session();
            self.network.sweep();
        }
        self.now = end;
        if let Some(step) = first.filter(|step| self.enabled().contains(step)) {
            self.apply(step);
        }
        self.fire();
    }
}
