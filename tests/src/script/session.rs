//! Scripts for a session's machine.

use std::time::Duration;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use relay_proto::close::Ended;
use relay_proto::connector::{Config, DeathCause, Event, Hello, Transmit};
use relay_proto::{DeliveryKind, Features, LinkEvent, LinkId, Position, Ticket};
use serde_json::json;

use super::pick;
use crate::lines;
use crate::session_rig::SessionRig;

/// One input of a session's machine.
#[derive(Clone, Debug)]
pub enum SessionInput {
    /// A link is accepted, of a peer that acks passthroughs or does not.
    Accepts(bool),
    /// The gateway sends this text, if a link is open.
    Says(String),
    /// The gateway sends these bytes.
    Noise(Vec<u8>),
    /// The gateway acks the entry of this number among those appended.
    Acks(usize),
    /// The gateway asks for something, under the request id of this number.
    Asks(u8),
    /// The socket breaks.
    Breaks,
    /// A pong comes.
    Pong(u32),
    /// A message over the limit of the layer below comes.
    TooLarge,
    /// Something happens on a link that is gone.
    Elsewhere(String),
    /// Time passes, every deadline met on the dot.
    Passes(u64),
    /// Time passes up to the next deadline.
    NextDeadline,
    /// An entry is appended, of this size.
    Appends(DeliveryKind, usize),
    /// The hello of this number is answered.
    Describes(usize),
    /// The request of this number is answered.
    Responds(usize, &'static str),
    /// A user stops what runs in the session.
    Interrupts,
    /// The driver buries the entry of this number.
    Buries(u64),
    /// The credential is revoked.
    Revokes,
    /// The credential is accepted again.
    Reinstates,
    /// The connector shuts down.
    ShutsDown,
    /// The sink takes more, or nothing.
    Sink(bool),
}

/// A rig on which a script runs, and all that came out of it.
#[derive(Clone, Debug)]
pub struct SessionRun {
    /// The rig.
    pub rig: SessionRig,
    /// Everything that came out, in order, one list a lane.
    pub log: (Vec<Transmit>, Vec<Event>),
    hellos: Vec<Hello>,
    tickets: Vec<Ticket>,
    appended: u64,
}

impl SessionRun {
    /// A new machine.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let (log, hellos, tickets) = Default::default();
        Self { rig: SessionRig::new(config), log, hellos, tickets, appended: 0 }
    }

    /// The input happens.
    pub fn apply(&mut self, input: &SessionInput) {
        match input {
            SessionInput::Accepts(acks) => _ = self.rig.accepts_with(Features { passthrough_ack: *acks }),
            SessionInput::Says(text) => {
                self.on_link(|link| LinkEvent::Received(link, Bytes::from(text.clone())));
            }
            SessionInput::Noise(bytes) => {
                self.on_link(|link| LinkEvent::Received(link, Bytes::from(bytes.clone())));
            }
            SessionInput::Acks(number) => {
                let position = Position((*number as u64).checked_rem(self.appended).unwrap_or(0));
                let text = lines::inbound_ack(&self.rig.machine.buffer_id(position));
                self.on_link(|link| LinkEvent::Received(link, Bytes::from(text)));
            }
            SessionInput::Asks(number) => {
                let text = lines::outbound(&format!("r{number}"), &json!({"op": "send"}));
                self.on_link(|link| LinkEvent::Received(link, Bytes::from(text)));
            }
            SessionInput::Breaks => self.on_link(|link| LinkEvent::Closed(link, Ended::broken("reset"))),
            SessionInput::Pong(number) => self.on_link(|link| LinkEvent::Pong(link, *number)),
            SessionInput::TooLarge => self.on_link(LinkEvent::TooLarge),
            SessionInput::Elsewhere(text) => self.elsewhere(text),
            SessionInput::Passes(millis) => self.rig.passes(Duration::from_millis(*millis)),
            SessionInput::NextDeadline => {
                if self.rig.next_deadline().is_some() {
                    self.rig.runs_to_deadline();
                }
            }
            SessionInput::Appends(kind, bytes) => {
                self.rig.append_sized(*kind, *bytes);
                self.appended += 1;
            }
            SessionInput::Describes(number) => {
                if let Some(hello) = pick(&self.hellos, *number).cloned() {
                    self.rig.describe(hello.link, hello.number, &hello.platform);
                }
            }
            SessionInput::Responds(number, result) => {
                if let Some(ticket) = pick(&self.tickets, *number) {
                    self.rig.respond(*ticket, result);
                }
            }
            SessionInput::Interrupts => _ = self.rig.interrupt("session", "chat"),
            SessionInput::Buries(number) => {
                self.rig.machine.bury(Position(*number), DeathCause::Unreadable);
                self.rig.passes(Duration::ZERO);
            }
            SessionInput::Revokes => self.rig.revoke(),
            SessionInput::Reinstates => self.rig.machine.reinstate(),
            SessionInput::ShutsDown => self.rig.shut_down(),
            SessionInput::Sink(takes) => {
                self.rig.writable = *takes;
                self.rig.passes(Duration::ZERO);
            }
        }
        self.collect();
    }

    /// From here on a peer that behaves gets everything across, unless links are no longer taken.
    ///
    /// # Panics
    /// When it does not (W4).
    pub fn recovers(&mut self) {
        self.apply(&SessionInput::Sink(true));
        self.rig.machine.reinstate();
        if self.rig.machine.status() == relay_proto::connector::Status::ShutDown {
            return;
        }
        self.rig.goes_live();
        self.collect();
        for _ in 0..2 {
            for position in 0..self.appended {
                self.apply(&SessionInput::Acks(usize::try_from(position).expect("few")));
            }
        }
        assert_eq!(self.rig.machine.backlog(), 0, "W4: something never goes out");
    }

    fn on_link(&mut self, event: impl FnOnce(LinkId) -> LinkEvent) {
        if let Some(link) = self.rig.machine.link() {
            self.rig.handle(event(link));
        }
    }

    fn elsewhere(&mut self, text: &str) {
        let before = self.rig.machine.clone();
        let present = self.rig.machine.link().map_or(0, |link| link.0);
        let link = LinkId(present.wrapping_sub(1));
        for event in [
            LinkEvent::Received(link, Bytes::from(text.to_owned())),
            LinkEvent::Pong(link, 0),
            LinkEvent::TooLarge(link),
            LinkEvent::Closed(link, Ended::broken("late")),
        ] {
            self.rig.handle(event);
        }
        assert_eq!(self.rig.machine, before, "C10: an old link changes something");
    }

    fn collect(&mut self) {
        self.log.0.extend(self.rig.take_transmits());
        for event in self.rig.take_events() {
            match &event {
                Event::Hello(hello) => self.hellos.push(hello.clone()),
                Event::Outbound(outbound) => self.tickets.push(outbound.ticket),
                _ => {}
            }
            self.log.1.push(event);
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(vec!["discord", "slack"]).prop_map(|platform| lines::hello(platform, "bot")),
        2 => Just(lines::going_idle()),
        1 => Just(lines::inbound_ack("nobody-1")),
        1 => Just(String::from("{\"type\":\"interrupt\",\"session_key\":\"s\",\"reason\":null}\n")),
        1 => Just(String::from("{\"type\":\"outbound\",\"requestId\":\"x\"")),
        1 => Just(String::from("\n")),
    ]
}

fn input() -> impl Strategy<Value = SessionInput> {
    let kind = prop_oneof![3 => Just(DeliveryKind::Message), 1 => Just(DeliveryKind::Passthrough)];
    let size = prop_oneof![9 => Just(100_usize), 1 => Just(usize::MAX)];
    prop_oneof![
        3 => any::<bool>().prop_map(SessionInput::Accepts),
        10 => text().prop_map(SessionInput::Says),
        1 => vec(any::<u8>(), 0..40).prop_map(SessionInput::Noise),
        14 => any::<usize>().prop_map(SessionInput::Acks),
        5 => (0..4_u8).prop_map(SessionInput::Asks),
        2 => Just(SessionInput::Breaks),
        3 => (0..4_u32).prop_map(SessionInput::Pong),
        1 => Just(SessionInput::TooLarge),
        1 => text().prop_map(SessionInput::Elsewhere),
        3 => select(vec![1, 5000, 15_000, 30_000, 60_000]).prop_map(SessionInput::Passes),
        3 => Just(SessionInput::NextDeadline),
        14 => (kind, size).prop_map(|(kind, size)| SessionInput::Appends(kind, size)),
        9 => any::<usize>().prop_map(SessionInput::Describes),
        4 => (any::<usize>(), select(vec!["{}", "7", "{\"success\":true}"]))
            .prop_map(|(number, result)| SessionInput::Responds(number, result)),
        1 => Just(SessionInput::Interrupts),
        1 => (0..20_u64).prop_map(SessionInput::Buries),
        1 => prop_oneof![
            4 => Just(SessionInput::Revokes),
            4 => Just(SessionInput::Reinstates),
            1 => Just(SessionInput::ShutsDown),
        ],
        4 => any::<bool>().prop_map(SessionInput::Sink),
    ]
}

/// Scripts of any inputs in any order; a handshake is likelier than chance would have it.
pub fn session_inputs() -> impl Strategy<Value = Vec<SessionInput>> {
    let handshake = any::<bool>().prop_map(|acks| {
        let hello = SessionInput::Says(lines::hello("discord", "bot"));
        vec![SessionInput::Accepts(acks), hello, SessionInput::Describes(usize::MAX)]
    });
    let part = prop_oneof![1 => handshake, 6 => input().prop_map(|input| vec![input])];
    vec(part, 1..80).prop_map(|parts| parts.concat())
}
