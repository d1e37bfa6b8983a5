//! The two drivers: they carry what arrives to the machines, and what the machines say to the world.

use relay_proto::close::Ended;
use relay_proto::connector;
use relay_proto::event::Descriptor;
use relay_proto::gateway::{self, Inbound, Status, Transmit};
use relay_proto::{Features, LinkEvent, LinkId};
use serde_json::Value;

use super::{Packet, Pair, Side};
use crate::lines;

impl Pair {
    pub(super) fn fire(&mut self) {
        self.gateway.handle_timeout(self.now);
        self.session.handle_timeout(self.now);
        self.drain();
    }

    pub(super) fn connect(&mut self) {
        let Some(id) = self.network.dialing.take() else { return };
        let session_id = self.network.connect(id).session_id;
        self.accept(session_id);
        self.links.opened(id);
        self.deliveries.opened();
        self.gateway.handle_link(LinkEvent::Opened(id, Features { passthrough_ack: true }), self.now);
    }

    pub(super) fn accept(&mut self, id: LinkId) {
        if !matches!(self.session.status(), connector::Status::Revoked | connector::Status::ShutDown) {
            self.mailbox.opened(id);
        }
        self.session.handle_link(LinkEvent::Opened(id, self.features), self.now);
    }

    pub(super) fn arrive_at_session(&mut self, place: usize) {
        let wire = &mut self.network.wires[place];
        let id = wire.session_id;
        let event = match wire.arrive(Side::Session) {
            Some(Packet::Message(bytes)) => {
                self.mailbox.heard(id, &bytes);
                LinkEvent::Received(id, bytes)
            }
            Some(Packet::Ping(number)) => return wire.send(Side::Session, Packet::Pong(number)),
            Some(Packet::Pong(number)) => {
                self.mailbox.ponged(id, number);
                LinkEvent::Pong(id, number)
            }
            Some(last @ (Packet::Close(_) | Packet::Broken)) => {
                wire.let_go(Side::Session, Packet::Broken);
                LinkEvent::Closed(id, ended(last))
            }
            None => return,
        };
        self.session.handle_link(event, self.now);
    }

    pub(super) fn arrive_at_gateway(&mut self, place: usize) {
        let wire = &mut self.network.wires[place];
        let id = wire.gateway_id;
        let is_held = self.gateway.link() == Some(id);
        let event = match wire.arrive(Side::Gateway) {
            Some(Packet::Message(bytes)) => {
                if is_held {
                    self.deliveries.heard(&bytes);
                }
                LinkEvent::Received(id, bytes)
            }
            Some(Packet::Ping(number)) => return wire.send(Side::Gateway, Packet::Pong(number)),
            Some(Packet::Pong(number)) => LinkEvent::Pong(id, number),
            Some(last @ (Packet::Close(_) | Packet::Broken)) => {
                wire.let_go(Side::Gateway, Packet::Broken);
                if is_held {
                    self.links.ended(id);
                }
                LinkEvent::Closed(id, ended(last))
            }
            None => return,
        };
        self.gateway.handle_link(event, self.now);
    }

    pub(super) fn see_to_event(&mut self) {
        match self.session_events.pop_front() {
            Some(connector::Event::Hello(hello)) => {
                let json = lines::descriptor_of(&hello.platform, &Value::Null).to_string();
                let descriptor = Descriptor::parse(&json).expect("a whole descriptor");
                self.session.describe(hello.link, hello.number, &descriptor);
            }
            Some(connector::Event::Acked(position)) => {
                self.platform.store.remove(&position.0);
            }
            Some(connector::Event::DeadLetter(position, _)) => {
                self.platform.store.remove(&position.0);
                self.platform.dead.insert(position.0);
            }
            Some(connector::Event::Outbound(outbound)) => self.platform.pending.push_back(outbound),
            Some(connector::Event::Poke) if self.pokes_arrive => self.gateway.wake(self.now),
            Some(connector::Event::Interrupt { .. }) => self.platform.interrupts += 1,
            Some(_) | None => {}
        }
    }

    pub(super) fn perform(&mut self) {
        let Some(outbound) = self.platform.pending.pop_front() else { return };
        let action: Value = serde_json::from_slice(&outbound.action).expect("an action is JSON");
        let text = action["content"].as_str().expect("every action has a text").to_owned();
        assert!(!self.inbox.failed.contains(&text), "O2: {text} is done although it failed definitely");
        self.platform.performed.push(text);
        self.session.respond(outbound.ticket, r#"{"success":true}"#);
    }

    /// Drains both machines' lanes, and checks what must hold at every step.
    pub(super) fn drain(&mut self) {
        while let Some(event) = self.gateway.poll_event() {
            self.links.event(&event);
            self.requests.event(&event);
            if let gateway::Event::Resolved(id, outcome) = &event {
                self.inbox.resolves(*id, outcome);
            }
        }
        while self.gateway_writable
            && let Some(transmit) = self.gateway.poll_transmit()
        {
            self.take_from_gateway(transmit);
        }
        while let Some(inbound) = self.gateway.poll_inbound() {
            self.deliveries.inbound(&inbound);
            match inbound {
                Inbound::Deliver(delivery) => self.inbox.arrives(delivery, &self.platform.given_up),
                Inbound::Interrupt { .. } => self.inbox.interrupts += 1,
            }
        }
        self.drain_session();
        self.network.sweep();
        self.look_closer();
    }

    fn take_from_gateway(&mut self, transmit: Transmit) {
        self.links.transmit(&transmit);
        self.requests.transmit(&transmit);
        self.deliveries.transmit(&transmit);
        match transmit {
            Transmit::Dial(id) => self.network.dialing = Some(id),
            Transmit::Frame(id, line) => self.send_to_session(id, Packet::Message(line)),
            Transmit::Ping(id, number) => self.send_to_session(id, Packet::Ping(number)),
            Transmit::Close(id, close) => {
                self.network.dialing.take_if(|dialing| *dialing == id);
                if let Some(wire) = self.network.of_gateway(id) {
                    wire.let_go(Side::Gateway, Packet::Close(close));
                }
            }
        }
    }

    fn send_to_session(&mut self, id: LinkId, packet: Packet) {
        if let Some(wire) = self.network.of_gateway(id) {
            wire.send(Side::Gateway, packet);
        }
    }

    pub(super) fn drain_session(&mut self) {
        loop {
            self.drain_session_events();
            let transmit = self.session_writable.then(|| self.session.poll_transmit()).flatten();
            self.drain_session_events();
            let Some(transmit) = transmit else { break };
            self.mailbox.transmit(&transmit);
            let (id, packet) = match transmit {
                connector::Transmit::Frame(id, line) => (id, Packet::Message(line)),
                connector::Transmit::Entry(id, position) => {
                    let line = self.platform.line(position, &self.session.buffer_id(position));
                    (id, Packet::Message(line))
                }
                connector::Transmit::Ping(id, number) => (id, Packet::Ping(number)),
                connector::Transmit::Close(id, close) => {
                    if let Some(wire) = self.network.of_session(id) {
                        wire.let_go(Side::Session, Packet::Close(close));
                    }
                    continue;
                }
            };
            if let Some(wire) = self.network.of_session(id) {
                wire.send(Side::Session, packet);
            }
        }
    }

    fn drain_session_events(&mut self) {
        while let Some(event) = self.session.poll_event() {
            self.mailbox.event(&event, self.now);
            if let connector::Event::DeadLetter(position, _) = event {
                self.platform.given_up.insert(position.0);
            }
            self.session_events.push_back(event);
        }
    }

    /// What must hold after every step, whatever it was.
    fn look_closer(&self) {
        let due = self.gateway.poll_timeout().is_some_and(|deadline| deadline.at <= self.now);
        let mut gateway = self.gateway.clone();
        gateway.handle_timeout(self.now);
        assert!(due || gateway == self.gateway, "a timeout with nothing due changes the gateway");
        let due = self.session.poll_timeout().is_some_and(|deadline| deadline.at <= self.now);
        let mut session = self.session.clone();
        session.handle_timeout(self.now);
        assert!(due || session == self.session, "a timeout with nothing due changes the session");
        let held = self.network.wires.iter().filter(|wire| wire.is_held_by(Side::Gateway)).count();
        let dialing = usize::from(self.network.dialing.is_some());
        assert!(held + dialing <= 1, "L1: {held} links and {dialing} dials");
        assert_eq!(self.gateway.open_requests(), self.requests.open(), "O1: each request resolves once");
        let waits = self.gateway.poll_timeout().is_some();
        let rests = matches!(self.gateway.status(), Status::Stopped | Status::Disabled | Status::ShutDown);
        assert!(waits || rests, "L2: {:?} without a timer", self.gateway.status());
        let performed = |text: &String| self.platform.performed.contains(text);
        assert!(!self.inbox.failed.iter().any(performed), "O2: a definite failure was done");
        assert!(self.inbox.answered.iter().all(performed), "O2: an answer to what was never done");
    }
}

fn ended(last: Packet) -> Ended {
    match last {
        Packet::Close(close) => Ended::Closed(close),
        Packet::Message(_) | Packet::Ping(_) | Packet::Pong(_) | Packet::Broken => {
            Ended::broken("reset by peer")
        }
    }
}
