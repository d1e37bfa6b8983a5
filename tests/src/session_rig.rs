//! A session's machine with a scripted gateway, a scripted platform and virtual time around it.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use relay_proto::close::{Close, CloseCode, Ended};
use relay_proto::connector::{Config, Deadline, Event, NotNow, Outbound, Session, Status, Transmit};
use relay_proto::event::Descriptor;
use relay_proto::{DeliveryKind, Features, Instant, LinkEvent, LinkId, Position, Ticket};
use serde_json::Value;

use crate::lines;
use crate::watch::MailboxWatch;

/// The machine, and everything that came out of it and was not taken yet.
///
/// After every input it drains all lanes, as a driver does, and asserts what must hold at every step.
#[derive(Clone, Debug)]
pub struct SessionRig {
    /// The machine itself.
    pub machine: Session,
    /// The time.
    pub now: Instant,
    /// Whether the sink takes more: while it does not, nothing is written or given out.
    pub writable: bool,
    next_link: u64,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    mailbox: MailboxWatch,
}

impl Default for SessionRig {
    fn default() -> Self {
        Self::new(Config::default())
    }
}

impl SessionRig {
    /// A new session with an empty mailbox.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::restored(config, &[], Position(0))
    }

    /// A new session over a store that holds these entries, the last of which came before `end`.
    #[must_use]
    pub fn restored(config: Config, entries: &[(Position, DeliveryKind)], end: Position) -> Self {
        let mut mailbox = MailboxWatch::new(&config);
        let mut machine = Session::new(config);
        machine.restore(entries.iter().copied(), end);
        for (position, kind) in entries {
            mailbox.appended(*position, *kind, machine.buffer_id(*position));
        }
        let (transmits, events) = Default::default();
        let now = Instant::from_millis(1_000_000);
        let mut rig = Self { machine, now, writable: true, next_link: 0, transmits, events, mailbox };
        rig.drain();
        rig
    }

    /// The same with a live link of a peer that acks passthroughs, and what came of that taken.
    #[must_use]
    pub fn live(config: Config) -> Self {
        let mut rig = Self::new(config);
        rig.goes_live();
        rig.forget();
        rig
    }

    // What the gateway and the network do

    /// A link of a gateway that acks passthroughs is accepted.
    pub fn accepts(&mut self) -> LinkId {
        self.accepts_with(Features { passthrough_ack: true })
    }

    /// A link is accepted.
    pub fn accepts_with(&mut self, features: Features) -> LinkId {
        let link = LinkId(self.next_link);
        self.next_link += 1;
        self.handle(LinkEvent::Opened(link, features));
        link
    }

    /// A link of a gateway that acks passthroughs is accepted, greets and is answered.
    pub fn goes_live(&mut self) -> LinkId {
        let link = self.accepts();
        self.greets();
        link
    }

    /// A link of a gateway like the published ones is accepted, greets and is answered.
    pub fn goes_live_with_stock_peer(&mut self) -> LinkId {
        let link = self.accepts_with(Features::default());
        self.greets();
        link
    }

    /// The gateway says one hello, and is answered.
    pub fn greets(&mut self) {
        self.gateway_says(&lines::hello("discord", "bot"));
        let hello = self.events.iter().rev().find_map(|event| match event {
            Event::Hello(hello) => Some(hello.clone()),
            _ => None,
        });
        let hello = hello.expect("a hello is reported");
        self.describe(hello.link, hello.number, &hello.platform);
    }

    /// The gateway sends this, in one message.
    pub fn gateway_says(&mut self, text: &str) {
        let link = self.mailbox.link().expect("a link is open");
        self.handle(LinkEvent::Received(link, Bytes::copy_from_slice(text.as_bytes())));
    }

    /// The gateway acks the entry.
    pub fn gateway_acks(&mut self, position: Position) {
        let buffer_id = self.machine.buffer_id(position);
        self.gateway_says(&lines::inbound_ack(&buffer_id));
    }

    /// The gateway closes the link.
    pub fn gateway_closes(&mut self) {
        let link = self.mailbox.link().expect("a link is open");
        self.handle(LinkEvent::Closed(link, Ended::Closed(Close::new(CloseCode::NORMAL, ""))));
    }

    /// The socket breaks.
    pub fn socket_breaks(&mut self) {
        let link = self.mailbox.link().expect("a link is open");
        self.handle(LinkEvent::Closed(link, Ended::broken("reset by peer")));
    }

    /// Anything happens on any link.
    pub fn handle(&mut self, event: LinkEvent) {
        match &event {
            LinkEvent::Opened(link, _) if !self.is_closed() => self.mailbox.opened(*link),
            LinkEvent::Received(link, bytes) => self.mailbox.heard(*link, bytes),
            LinkEvent::Pong(link, number) => self.mailbox.ponged(*link, *number),
            LinkEvent::Closed(link, _) => self.mailbox.ended(*link),
            _ => {}
        }
        self.machine.handle_link(event, self.now);
        self.drain();
    }

    /// The clock begins anew now.
    pub fn rebase(&mut self) {
        self.machine.rebase(self.now);
        self.mailbox.rebase(self.now);
        self.now = Instant::ZERO;
    }

    /// Time passes, with every deadline met on the dot.
    pub fn passes(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(deadline) = self.next_deadline().filter(|deadline| deadline.at <= end) {
            self.now = self.now.max(deadline.at);
            self.fire();
        }
        self.now = end;
        self.fire();
    }

    /// Time passes up to the next deadline, which is met.
    pub fn runs_to_deadline(&mut self) -> Deadline {
        let deadline = self.next_deadline().expect("a deadline is set");
        self.now = self.now.max(deadline.at);
        self.fire();
        deadline
    }

    /// What the machine waits for.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Deadline> {
        self.machine.poll_timeout()
    }

    /// The sink takes more again.
    pub fn sink_takes(&mut self) {
        self.writable = true;
        self.drain();
    }

    // What the platforms and the operator do

    /// A message is appended, of a size that fits.
    pub fn append(&mut self) -> Position {
        self.append_sized(DeliveryKind::Message, 100)
    }

    /// A forwarded request is appended, of a size that fits.
    pub fn append_passthrough(&mut self) -> Position {
        self.append_sized(DeliveryKind::Passthrough, 100)
    }

    /// An entry is appended.
    pub fn append_sized(&mut self, kind: DeliveryKind, bytes: usize) -> Position {
        let position = self.machine.next_position();
        self.mailbox.appended(position, kind, self.machine.buffer_id(position));
        assert_eq!(self.machine.append(kind, bytes, self.now), position, "C3: the position is known before");
        self.drain();
        position
    }

    /// A hello is answered with the descriptor of `platform`.
    pub fn describe(&mut self, link: LinkId, number: usize, platform: &str) {
        let json = lines::descriptor_of(platform, &Value::Null).to_string();
        let descriptor = Descriptor::parse(&json).expect("a whole descriptor");
        self.machine.describe(link, number, &descriptor);
        self.drain();
    }

    /// An `outbound` is answered.
    pub fn respond(&mut self, ticket: Ticket, result: &str) {
        self.machine.respond(ticket, result);
        self.drain();
    }

    /// A user stops what runs in the session.
    ///
    /// # Errors
    /// When the machine refuses it.
    pub fn interrupt(&mut self, session_key: &str, chat_id: &str) -> Result<(), NotNow> {
        let taken = self.machine.interrupt(session_key, chat_id);
        self.drain();
        taken
    }

    /// The credential is revoked.
    pub fn revoke(&mut self) {
        self.machine.revoke();
        self.drain();
    }

    /// The connector shuts down.
    pub fn shut_down(&mut self) {
        self.machine.shut_down();
        self.drain();
    }

    // What came out

    /// Takes everything for the network, in order.
    pub fn take_transmits(&mut self) -> Vec<Transmit> {
        self.transmits.drain(..).collect()
    }

    /// Takes everything for the network, and gives the positions among it.
    pub fn take_entries(&mut self) -> Vec<u64> {
        let positions = self.take_transmits().into_iter().filter_map(|transmit| match transmit {
            Transmit::Entry(_, position) => Some(position.0),
            Transmit::Frame(..) | Transmit::Ping(..) | Transmit::Close(..) => None,
        });
        positions.collect()
    }

    /// Takes everything for the network, and gives the frames of this type among it.
    pub fn take_frames_of(&mut self, kind: &str) -> Vec<Value> {
        let frames = self.take_transmits().into_iter().filter_map(|transmit| match transmit {
            Transmit::Frame(_, line) => Some(lines::read(&line)),
            Transmit::Entry(..) | Transmit::Ping(..) | Transmit::Close(..) => None,
        });
        frames.filter(|frame| lines::is(frame, kind)).collect()
    }

    /// Takes everything for the network, and gives the pings among it.
    pub fn take_pings(&mut self) -> Vec<u32> {
        let pings = self.take_transmits().into_iter().filter_map(|transmit| match transmit {
            Transmit::Ping(_, number) => Some(number),
            Transmit::Frame(..) | Transmit::Entry(..) | Transmit::Close(..) => None,
        });
        pings.collect()
    }

    /// Takes everything for the network, and gives the closes among it.
    pub fn take_closes(&mut self) -> Vec<(LinkId, Close)> {
        let closes = self.take_transmits().into_iter().filter_map(|transmit| match transmit {
            Transmit::Close(link, close) => Some((link, close)),
            Transmit::Frame(..) | Transmit::Entry(..) | Transmit::Ping(..) => None,
        });
        closes.collect()
    }

    /// Takes the events.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    /// Takes the events, and says how often the wake URL was to be poked.
    pub fn take_pokes(&mut self) -> usize {
        self.take_events().iter().filter(|event| matches!(event, Event::Poke)).count()
    }

    /// Takes the events, and gives the positions that are done.
    pub fn take_acked(&mut self) -> Vec<u64> {
        let acked = self.take_events().into_iter().filter_map(|event| match event {
            Event::Acked(position) => Some(position.0),
            _ => None,
        });
        acked.collect()
    }

    /// Takes the events, and gives what the gateway asked for.
    pub fn take_outbounds(&mut self) -> Vec<Outbound> {
        let asked = self.take_events().into_iter().filter_map(|event| match event {
            Event::Outbound(outbound) => Some(outbound),
            _ => None,
        });
        asked.collect()
    }

    /// Takes everything, and drops it.
    pub fn forget(&mut self) {
        self.transmits.clear();
        self.events.clear();
    }

    /// How many results the present link is owed.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.mailbox.owed()
    }

    fn fire(&mut self) {
        self.machine.handle_timeout(self.now);
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            while let Some(event) = self.machine.poll_event() {
                self.mailbox.event(&event, self.now);
                self.events.push_back(event);
            }
            let transmit = self.writable.then(|| self.machine.poll_transmit()).flatten();
            // What a pull buries is reported with it.
            while let Some(event) = self.machine.poll_event() {
                self.mailbox.event(&event, self.now);
                self.events.push_back(event);
            }
            let Some(transmit) = transmit else { break };
            self.mailbox.transmit(&transmit);
            self.transmits.push_back(transmit);
        }
        self.look_closer();
    }

    /// What must hold after every step, whatever it was.
    fn look_closer(&self) {
        let mut poked = self.machine.clone();
        if self.next_deadline().is_none_or(|deadline| deadline.at > self.now) {
            poked.handle_timeout(self.now);
            assert_eq!(poked, self.machine, "a timeout with nothing due changes the machine");
        }
        assert_eq!(self.machine.backlog(), self.mailbox.unsettled() as u64, "C3: done only when acked");
        let waits = self.next_deadline().is_some();
        let has_link = match self.machine.status() {
            Status::Greeting | Status::Live | Status::Flipped => {
                assert!(waits, "K1: a link that is not watched");
                true
            }
            Status::Offline => false,
            Status::Revoked | Status::ShutDown => {
                assert!(!waits, "C11: the end waits for nothing");
                false
            }
        };
        assert_eq!(self.mailbox.link().is_some(), has_link, "C10: a link is reported as gone when it is");
    }

    fn is_closed(&self) -> bool {
        matches!(self.machine.status(), Status::Revoked | Status::ShutDown)
    }
}
