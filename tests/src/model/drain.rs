//! What comes out of the machines, carried on, and looked at on its way.

use relay_proto::connector;
use relay_proto::event::Descriptor;
use relay_proto::gateway::{self, Inbound, Outcome, Transmit};
use relay_proto::{LinkId, Position};
use serde_json::Value;

use super::diagram::Place;
use super::state::{Arrived, Held};
use super::step::{Step, number_of_ack};
use super::wire::{Packet, field};
use crate::lines;

impl Step<'_> {
    pub(super) fn drain_gateway(&mut self) {
        loop {
            while let Some(event) = self.state.gateway.as_mut().and_then(gateway::Gateway::poll_event) {
                self.gateway_says(event);
            }
            let Some(gateway) = &mut self.state.gateway else { return };
            // A sink stalls no longer than its link lives.
            if self.state.stalled.is_some() && gateway.link() != self.state.stalled {
                self.state.stalled = None;
            }
            let transmit = if self.state.stalled.is_none() { gateway.poll_transmit() } else { None };
            let Some(transmit) = transmit else { break };
            self.gateway_sends(transmit);
        }
        while let Some(inbound) = self.state.gateway.as_mut().and_then(gateway::Gateway::poll_inbound) {
            if let Inbound::Deliver(delivery) = inbound {
                self.hand_out(&delivery);
            }
        }
    }

    fn gateway_says(&mut self, event: gateway::Event) {
        let now = self.state.now;
        self.note(Place::Gateway, Place::App, || super::diagram::said(&event, now));
        match event {
            gateway::Event::Linked(id) => {
                self.state.seen.trusted = true;
                if let Some(held) = self.state.seen.held.as_mut().filter(|held| held.id == id) {
                    held.linked = true;
                }
            }
            gateway::Event::Resolved(id, outcome) => self.resolve(id, &outcome),
            gateway::Event::Disabled(_) => {
                let twice = self.state.seen.disabled;
                self.demand(!twice, "A4", || "disabled is reported twice".to_owned());
                self.state.seen.disabled = true;
            }
            gateway::Event::Down { .. } => {
                let disabled = self.state.seen.disabled;
                self.demand(!disabled, "A4", || "a link is down although disabled".to_owned());
            }
            gateway::Event::DormancyRefused(why) => self.saw.refused_dormancy = Some(why),
            gateway::Event::Dormant | gateway::Event::ShutDown => {}
        }
    }

    fn resolve(&mut self, id: relay_proto::RequestId, outcome: &Outcome) {
        let place = self.state.app.asked.iter().position(|asked| asked.id == id);
        self.demand(place.is_some(), "O1", || format!("{id} resolves twice, or was never asked"));
        let Some(place) = place else { return };
        let asked = self.state.app.asked.remove(place);
        let number = asked.number;
        let performed = self.state.desk.performed.contains(&number);
        match outcome {
            Outcome::Answered(_) => {
                self.demand(performed, "O2", || format!("request {number} has a result and was never done"));
            }
            Outcome::Failed(_) => {
                self.demand(!asked.written, "O2", || {
                    format!("request {number} was written, and fails definitely")
                });
                self.state.seen.failed.insert(number);
            }
            Outcome::Ambiguous(_) => {
                self.demand(asked.written, "O2", || {
                    format!("request {number} is ambiguous, and never written")
                });
            }
        }
    }

    fn gateway_sends(&mut self, transmit: Transmit) {
        match transmit {
            Transmit::Dial(id) => self.dial(id),
            Transmit::Frame(id, line) => {
                let kind = field(&line, "type").unwrap_or_default().to_owned();
                let open = self.state.seen.held.as_ref().is_some_and(|held| held.id == id && held.opened);
                self.demand(open, "L1", || format!("a {kind} for {id}, which is not open"));
                match &*kind {
                    "inbound_ack" => self.look_at_ack(&line),
                    "outbound" => self.look_at_outbound(&line),
                    _ => {}
                }
                self.note(Place::Gateway, Place::Wire, || super::diagram::brief(&line));
                let line = bytes::Bytes::copy_from_slice(&line);
                if let Some(wire) = self.state.wires.iter_mut().find(|wire| wire.gateway.id == id) {
                    wire.session.is_sent(Packet::Line(line));
                }
            }
            Transmit::Ping(..) => {}
            Transmit::Close(id, close) => {
                self.note(Place::Gateway, Place::Wire, || format!("{close}"));
                let held = self.state.seen.held.take_if(|held| held.id == id);
                self.demand(held.is_some(), "L1", || format!("a close of {id}, which is not held"));
                self.state.dialing.take_if(|dialing| *dialing == id);
                if let Some(wire) = self.state.wires.iter_mut().find(|wire| wire.gateway.id == id) {
                    wire.gateway_lets_go(Packet::Close(close));
                }
            }
        }
    }

    fn dial(&mut self, id: LinkId) {
        self.note(Place::Gateway, Place::Wire, || format!("dial {id}"));
        self.saw.dialed = true;
        let held = self.state.seen.held.clone();
        self.demand(held.is_none(), "L1", || format!("{id} is dialed beside {held:?}"));
        let (asked, disabled) = (self.state.seen.shut_down_asked, self.state.seen.disabled);
        self.demand(!asked, "L6", || format!("{id} is dialed after the shutdown"));
        self.demand(!disabled, "A4", || format!("{id} is dialed although disabled"));
        self.state.dialing = Some(id);
        let good_until = self.state.now + self.model.token_lifetime();
        self.state.seen.held = Some(Held { id, opened: false, linked: false, idle_acked: false, good_until });
    }

    fn look_at_ack(&mut self, line: &[u8]) {
        let number = number_of_ack(line);
        let kept = number.is_some_and(|number| self.state.has_kept(number));
        self.demand(kept, "D1", || format!("{number:?} is acked, and not stored"));
        self.saw.acks.extend(number);
    }

    fn look_at_outbound(&mut self, line: &[u8]) {
        let number = number_of_request(line);
        let asked =
            self.state.app.asked.iter_mut().find(|asked| Some(asked.number) == number && !asked.written);
        match asked {
            Some(asked) => asked.written = true,
            None => self.demand(false, "O1", || format!("nobody waits for request {number:?}")),
        }
    }

    fn hand_out(&mut self, delivery: &gateway::Delivery) {
        let number = field(delivery.json().as_bytes(), "message_id").and_then(|name| name.parse().ok());
        let Some(number) = number else { return };
        self.note(Place::Gateway, Place::App, || format!("delivery of {number}"));
        let kept = self.state.has_kept(number);
        self.demand(!kept, "W2", || format!("{number} is handed out although it is stored"));
        let waits = self.state.app.arrived.iter().any(|arrived| arrived.number == number);
        self.demand(!waits, "D2", || format!("{number} is handed out twice"));
        let first = self.state.seen.handed_out.insert(number);
        let last = self.state.seen.handed_out.last() == Some(&number);
        self.demand(!first || last, "W3", || format!("{number} is handed out behind a later one"));
        self.state.app.released.remove(&number);
        self.state.app.arrived.push_back(Arrived { id: delivery.id, number, keys: delivery.keys });
    }

    pub(super) fn drain_session(&mut self) {
        loop {
            while let Some(event) = self.state.session.poll_event() {
                self.session_says(event);
            }
            let transmit = self.state.session.poll_transmit();
            let Some(transmit) = transmit else { break };
            self.session_sends(transmit);
        }
    }

    fn session_says(&mut self, event: connector::Event) {
        match event {
            connector::Event::Hello(hello) => {
                let json = lines::descriptor_of(&hello.platform, &Value::Null).to_string();
                let descriptor = Descriptor::parse(&json).expect("a whole descriptor");
                self.state.session.describe(hello.link, hello.number, &descriptor);
            }
            connector::Event::Acked(Position(number)) => {
                let seen = &mut self.state.seen.session;
                let (acked, fresh) = (seen.acked.contains(&number), seen.settled.insert(number));
                self.demand(acked, "C3", || format!("{number} counts as done, and was never acked"));
                self.demand(fresh, "C4", || format!("{number} is settled twice"));
                self.state.desk.store.remove(&number);
            }
            connector::Event::DeadLetter(position, _) => {
                self.demand(false, "W1", || format!("{position} goes to the dead letters"));
            }
            connector::Event::Outbound(outbound) => {
                let number = number_of_request(&outbound.action);
                self.state.desk.pending.extend(number.map(|number| (outbound.ticket, number)));
            }
            connector::Event::Poke => self.state.desk.poke = true,
            connector::Event::Flipped => self.state.seen.session.flipped = true,
            connector::Event::Unflipped => self.state.seen.session.flipped = false,
            connector::Event::Down(id, _) => {
                // What the platform does for a link that is gone, it does all the same.
                self.state.seen.session.link.take_if(|link| *link == id);
            }
            connector::Event::Linked(_) | connector::Event::Interrupt { .. } | connector::Event::Revoked => {}
        }
    }

    fn session_sends(&mut self, transmit: connector::Transmit) {
        let (id, packet) = match transmit {
            connector::Transmit::Frame(id, line) => {
                self.note(Place::Session, Place::Wire, || super::diagram::brief(&line));
                if field(&line, "type") == Some("descriptor") {
                    self.state.seen.session.descriptors += 1;
                }
                (id, Packet::Line(bytes::Bytes::copy_from_slice(&line)))
            }
            connector::Transmit::Entry(id, position) => {
                self.note(Place::Session, Place::Wire, || format!("entry {}", position.0));
                self.look_at_entry(id, position.0);
                (id, Packet::Line(self.model.line(position.0)))
            }
            connector::Transmit::Ping(..) => return,
            connector::Transmit::Close(id, close) => {
                self.note(Place::Session, Place::Wire, || format!("{close}"));
                if let Some(wire) = self.state.wires.iter_mut().find(|wire| wire.session.id == id) {
                    wire.session_lets_go(Packet::Close(close));
                }
                return;
            }
        };
        if let Some(wire) = self.state.wires.iter_mut().find(|wire| wire.session.id == id) {
            wire.gateway.is_sent(packet);
        }
    }

    fn look_at_entry(&mut self, id: LinkId, number: u64) {
        let seen = self.state.seen.session.clone();
        let stored = self.state.desk.store.clone();
        self.demand(seen.link == Some(id), "C10", || format!("{number} is given to {id}, which is not open"));
        let greeted = seen.hellos > 0 && seen.descriptors == seen.hellos;
        self.demand(greeted, "C6", || format!("{number} goes out before the descriptors"));
        self.demand(!seen.flipped, "C5", || format!("{number} goes out to a gateway that asked for quiet"));
        self.demand(stored.contains(&number), "C4", || format!("{number} goes out again, and is done"));
        let later = seen.given.last().is_some_and(|last| *last >= number);
        self.demand(!later, "C4", || format!("{number} goes out behind {:?}", seen.given));
        let skipped = stored.range(..number).find(|earlier| !seen.given.contains(earlier));
        self.demand(skipped.is_none(), "C6", || format!("{number} goes out ahead of {skipped:?}"));
        let unacked = seen.given.iter().filter(|given| stored.contains(given)).count();
        let window = self.model.world.window;
        self.demand(unacked < window, "C4", || format!("{number} goes out beside {unacked} unacked"));
        self.state.seen.session.given.push(number);
    }
}

/// Which request this line, or its action, is.
fn number_of_request(line: &[u8]) -> Option<u64> {
    field(line, "content")?.strip_prefix('r')?.parse().ok()
}
