//! Scripts for a gateway's machine.

use std::time::Duration;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use relay_proto::action::Action;
use relay_proto::close::{Close, CloseCode, DialError, Ended};
use relay_proto::gateway::{Config, Event, Inbound, Options, Status, Transmit};
use relay_proto::{DeliveryId, Features, LinkEvent, LinkId};
use serde_json::{Value, json};

use super::pick;
use crate::gateway_rig::GatewayRig;
use crate::lines;

/// One input of a gateway's machine.
#[derive(Clone, Debug)]
pub enum GatewayInput {
    /// The dial under way succeeds.
    Open,
    /// The dial under way fails, with an HTTP status or without.
    DialFails(Option<u16>),
    /// The connector sends this text, if a link is open.
    Says(String),
    /// The connector sends these bytes.
    Noise(Vec<u8>),
    /// The connector answers the request of this number.
    Answers(usize),
    /// The connector closes the link.
    Closes(u16, &'static str),
    /// The socket breaks.
    Breaks,
    /// A pong comes.
    Pong(u32),
    /// A message over the limit of the layer below comes.
    TooLarge,
    /// Something happens on another link.
    Elsewhere(u64, Box<Self>),
    /// Time passes, every deadline met on the dot.
    Passes(u64),
    /// Time passes in a suspension.
    Sleeps(u64),
    /// Time passes up to the next deadline.
    NextDeadline,
    /// The application asks for something.
    Asks(&'static str, bool),
    /// The application stores the delivery of this number.
    Stores(usize),
    /// The application releases the delivery of this number.
    Releases(usize),
    /// The application stops what runs elsewhere.
    Interrupts,
    /// The application wants to go dormant.
    GoesDormant,
    /// Something wants the gateway up.
    Wakes,
    /// The application parks re-dials.
    Holds,
    /// The application shuts the gateway down.
    ShutsDown,
    /// The sink takes more, or nothing.
    Sink(bool),
    /// The application takes more, or nothing.
    App(bool),
}

/// A rig on which a script runs, and all that came out of it.
#[derive(Clone, Debug)]
pub struct GatewayRun {
    /// The rig.
    pub rig: GatewayRig,
    /// Everything that came out, in order, one list a lane.
    pub log: (Vec<Transmit>, Vec<Event>, Vec<Inbound>),
    deliveries: Vec<DeliveryId>,
    wire_ids: Vec<String>,
    asked: usize,
}

impl GatewayRun {
    /// A new machine.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let (log, deliveries, wire_ids) = Default::default();
        Self { rig: GatewayRig::new(config), log, deliveries, wire_ids, asked: 0 }
    }

    /// The input happens.
    pub fn apply(&mut self, input: &GatewayInput) {
        match input {
            GatewayInput::Open => self.on_link(|link| LinkEvent::Opened(link, Features::default())),
            GatewayInput::DialFails(status) => {
                let error = status.map_or(DialError::unreachable("no route"), DialError::Status);
                self.on_link(|link| LinkEvent::DialFailed(link, error));
            }
            GatewayInput::Says(text) => {
                self.on_link(|link| LinkEvent::Received(link, Bytes::from(text.clone())));
            }
            GatewayInput::Noise(bytes) => {
                self.on_link(|link| LinkEvent::Received(link, Bytes::from(bytes.clone())));
            }
            GatewayInput::Answers(number) => {
                if let Some(id) = pick(&self.wire_ids, *number) {
                    let text = lines::result(id, &json!({"success": true, "thread_id": "thread"}));
                    self.on_link(|link| LinkEvent::Received(link, Bytes::from(text)));
                }
            }
            GatewayInput::Closes(code, reason) => {
                let close = Close::new(CloseCode(*code), *reason);
                self.on_link(|link| LinkEvent::Closed(link, Ended::Closed(close)));
            }
            GatewayInput::Breaks => self.on_link(|link| LinkEvent::Closed(link, Ended::broken("reset"))),
            GatewayInput::Pong(number) => self.on_link(|link| LinkEvent::Pong(link, *number)),
            GatewayInput::TooLarge => self.on_link(LinkEvent::TooLarge),
            GatewayInput::Elsewhere(away, input) => self.elsewhere(*away, input),
            GatewayInput::Passes(millis) => self.rig.passes(Duration::from_millis(*millis)),
            GatewayInput::Sleeps(millis) => self.rig.sleeps(Duration::from_millis(*millis)),
            GatewayInput::NextDeadline => {
                if self.rig.next_deadline().is_some() {
                    self.rig.runs_to_deadline();
                }
            }
            GatewayInput::Asks(action, patient) => {
                self.asked += 1;
                let action = action.replace("NUMBER", &self.asked.to_string());
                let options = Options { wait_for_link: *patient, ..Options::default() };
                _ = self.rig.try_request(Action::from_json(&action).expect("an action"), &options);
            }
            GatewayInput::Stores(number) => {
                if let Some(id) = pick(&self.deliveries, *number) {
                    self.rig.stored(*id);
                }
            }
            GatewayInput::Releases(number) => {
                if let Some(id) = pick(&self.deliveries, *number) {
                    self.rig.release(*id);
                }
            }
            GatewayInput::Interrupts => _ = self.rig.interrupt("session", Some("why")),
            GatewayInput::GoesDormant => _ = self.rig.go_dormant(),
            GatewayInput::Wakes => self.rig.wake(),
            GatewayInput::Holds => self.rig.hold(),
            GatewayInput::ShutsDown => self.rig.shut_down(),
            GatewayInput::Sink(takes) => {
                self.rig.writable = *takes;
                self.rig.passes(Duration::ZERO);
            }
            GatewayInput::App(takes) => {
                self.rig.app_takes = *takes;
                self.rig.passes(Duration::ZERO);
            }
        }
        self.collect();
    }

    /// The way back to a link that is up, which there must be unless the end was reached.
    ///
    /// # Panics
    /// When there is none (W4).
    pub fn recovers(&mut self) {
        self.apply(&GatewayInput::Sink(true));
        self.apply(&GatewayInput::App(true));
        self.rig.passes(Duration::from_secs(30));
        if matches!(self.rig.machine.status(), Status::Disabled | Status::ShutDown) {
            return;
        }
        for number in 0..self.deliveries.len() {
            self.apply(&GatewayInput::Stores(number));
        }
        self.rig.wake();
        for _ in 0..100 {
            match self.rig.machine.status() {
                Status::Linked => return,
                Status::Dialing => self.apply(&GatewayInput::Open),
                Status::Greeting => self.apply(&GatewayInput::Says(lines::descriptor("discord"))),
                Status::Dormant | Status::Stopped => self.rig.wake(),
                Status::Reconnecting { .. } | Status::GoingIdle | Status::ShuttingDown => {
                    self.apply(&GatewayInput::NextDeadline);
                }
                Status::Disabled | Status::ShutDown => break,
            }
        }
        panic!("W4: no way back from {:?}", self.rig.machine.status());
    }

    fn on_link(&mut self, event: impl FnOnce(LinkId) -> LinkEvent) {
        // Nothing happens on a link whose dial nobody has seen yet.
        if let Some(link) = self.rig.link().filter(|link| self.rig.machine.link() == Some(*link)) {
            self.rig.handle(event(link));
        }
    }

    /// L4: an event of a link that is not the present one changes nothing.
    fn elsewhere(&mut self, away: u64, input: &GatewayInput) {
        let present = self.rig.machine.link().map_or(0, |link| link.0);
        let link = LinkId(present.wrapping_sub(1).wrapping_sub(away));
        let event = match input {
            GatewayInput::Open => LinkEvent::Opened(link, Features::default()),
            GatewayInput::DialFails(_) => LinkEvent::DialFailed(link, DialError::Status(401)),
            GatewayInput::Closes(code, reason) => {
                LinkEvent::Closed(link, Ended::Closed(Close::new(CloseCode(*code), *reason)))
            }
            GatewayInput::Says(text) => LinkEvent::Received(link, Bytes::from(text.clone())),
            GatewayInput::Pong(number) => LinkEvent::Pong(link, *number),
            _ => LinkEvent::TooLarge(link),
        };
        let before = self.rig.machine.clone();
        self.rig.handle(event);
        assert_eq!(self.rig.machine, before, "L4");
    }

    fn collect(&mut self) {
        for transmit in self.rig.take_transmits() {
            if let Transmit::Frame(_, line) = &transmit {
                let frame = lines::read(line);
                self.wire_ids.extend(frame["requestId"].as_str().map(str::to_owned));
            }
            self.log.0.push(transmit);
        }
        self.log.1.extend(self.rig.take_events());
        for inbound in self.rig.take_inbound() {
            if let Inbound::Deliver(delivery) = &inbound {
                self.deliveries.push(delivery.id);
            }
            self.log.2.push(inbound);
        }
    }
}

/// What the connector may say.
fn text() -> impl Strategy<Value = String> {
    let event = (0..6_u8, 0..3_u8, any::<bool>()).prop_map(|(message, content, edit)| {
        let mut event = lines::message(&format!("m{message}"));
        event["text"] = content.into();
        if edit {
            event["source"]["message_is_edit"] = true.into();
        }
        event
    });
    let buffer_id = select(vec!["", "b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7"]);
    let narrow = json!({"max_message_length": 3, "supported_ops": ["send", "react"]});
    prop_oneof![
        4 => Just(lines::descriptor("discord")),
        1 => Just(lines::descriptor_with("slack", &narrow)),
        1 => Just(lines::descriptor_with("discord", &json!({"label": null}))),
        8 => (buffer_id.clone(), event).prop_map(|(id, event)| lines::inbound(id, &event)),
        2 => (buffer_id, 0..3_u8).prop_map(|(id, name)| lines::passthrough(id, &lines::forward(&format!("f{name}")))),
        3 => Just(lines::going_idle_ack()),
        1 => Just(lines::interrupt_inbound("s", "c")),
        1 => Just(lines::result("nobody", &Value::Null)),
        1 => Just(String::from("{\"type\":\"inbound\",\"event\"")),
        1 => Just(String::from("\n")),
    ]
}

fn actions() -> impl Strategy<Value = &'static str> {
    select(vec![
        r#"{"op":"send","chat_id":"chat","content":"NUMBER"}"#,
        r#"{"op":"send","chat_id":"elsewhere","content":"NUMBER and more than a narrow platform takes"}"#,
        r#"{"op":"edit","chat_id":"chat","message_id":"m","content":"NUMBER"}"#,
        r#"{"op":"react","chat_id":"chat","message_id":"m","emoji":"NUMBER","remove":false}"#,
        r#"{"op":"get_chat_info","chat_id":"NUMBER"}"#,
    ])
}

fn closes() -> impl Strategy<Value = GatewayInput> {
    let code = select(vec![1000, 1001, 1006, 1011, 4401, 4401, 4401, 4403]);
    let reason = select(vec!["", "expired", "expired", "unauthorized"]);
    (code, reason).prop_map(|(code, reason)| GatewayInput::Closes(code, reason))
}

fn input() -> impl Strategy<Value = GatewayInput> {
    let millis = || select(vec![1, 400, 999, 1000, 2000, 5000, 10_000, 30_000, 60_000, 90_000]);
    let elsewhere = prop_oneof![
        Just(GatewayInput::Open),
        Just(GatewayInput::DialFails(None)),
        closes(),
        text().prop_map(GatewayInput::Says),
        Just(GatewayInput::Pong(0)),
        Just(GatewayInput::TooLarge),
    ];
    prop_oneof![
        10 => Just(GatewayInput::Open),
        3 => prop_oneof![Just(None), select(vec![401, 403, 503]).prop_map(Some)].prop_map(GatewayInput::DialFails),
        24 => text().prop_map(GatewayInput::Says),
        1 => vec(any::<u8>(), 0..40).prop_map(GatewayInput::Noise),
        5 => any::<usize>().prop_map(GatewayInput::Answers),
        2 => closes(),
        2 => Just(GatewayInput::Breaks),
        3 => (0..4_u32).prop_map(GatewayInput::Pong),
        1 => Just(GatewayInput::TooLarge),
        2 => (0..3_u64, elsewhere).prop_map(|(away, input)| GatewayInput::Elsewhere(away, Box::new(input))),
        4 => millis().prop_map(GatewayInput::Passes),
        2 => select(vec![1000, 6000, 60_000, 400_000]).prop_map(GatewayInput::Sleeps),
        6 => Just(GatewayInput::NextDeadline),
        9 => (actions(), any::<bool>()).prop_map(|(action, patient)| GatewayInput::Asks(action, patient)),
        8 => any::<usize>().prop_map(GatewayInput::Stores),
        2 => any::<usize>().prop_map(GatewayInput::Releases),
        1 => Just(GatewayInput::Interrupts),
        3 => Just(GatewayInput::GoesDormant),
        3 => Just(GatewayInput::Wakes),
        2 => Just(GatewayInput::Holds),
        1 => Just(GatewayInput::ShutsDown),
        4 => any::<bool>().prop_map(GatewayInput::Sink),
        3 => any::<bool>().prop_map(GatewayInput::App),
    ]
}

/// Scripts of any inputs in any order; a handshake is likelier than chance would have it.
pub fn gateway_inputs() -> impl Strategy<Value = Vec<GatewayInput>> {
    let handshake = Just(vec![GatewayInput::Open, GatewayInput::Says(lines::descriptor("discord"))]);
    let part = prop_oneof![1 => handshake, 6 => input().prop_map(|input| vec![input])];
    vec(part, 1..80).prop_map(|parts| parts.concat())
}
