//! Both machines, a wire between them that is carried by hand, and the steps that they are taken through.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use relay_proto::action::{Action, ActionResult};
use relay_proto::codec::Encode;
use relay_proto::connector::{self, Session};
use relay_proto::event::Descriptor;
use relay_proto::frame::ToGateway;
use relay_proto::gateway::{self, Gateway, Inbound, Options, Outcome};
use relay_proto::json::Json;
use relay_proto::{Close, CloseCode, DeliveryKind, Ended, Features, Instant, LinkEvent, LinkId, Position};

struct World {
    now: Instant,
    gateway: Gateway,
    session: Session,
    link: Option<LinkId>,
    up: VecDeque<LinkEvent>,
    down: VecDeque<LinkEvent>,
    store: Vec<(Position, Bytes)>,
    heard: Vec<String>,
    shown: usize,
    answered: usize,
    closed: Option<Close>,
}

/// Takes both machines through the steps; the number of one that did not come out as it must.
pub(crate) fn run() -> Result<(), u32> {
    let mut world = World::new();
    let check = |holds: bool, step: u32| if holds { Ok(()) } else { Err(step) };

    world.settle();
    check(world.gateway.status() == gateway::Status::Linked, 1)?;
    check(world.session.status() == connector::Status::Live, 2)?;

    world.user_writes("m1", "hello")?;
    world.settle();
    check(world.heard == ["hello"], 3)?;
    check(world.store.is_empty() && world.session.backlog() == 0, 4)?;
    check((world.shown, world.answered) == (1, 1), 5)?;

    world.cut();
    world.settle();
    check(matches!(world.gateway.status(), gateway::Status::Reconnecting { .. }), 6)?;
    world.user_writes("m2", "are you there?")?;
    world.settle();
    check(world.heard.len() == 1 && world.session.backlog() == 1, 7)?;

    world.wait();
    world.settle();
    check(world.heard == ["hello", "are you there?"], 8)?;
    check(world.store.is_empty() && world.session.backlog() == 0, 9)?;
    check((world.shown, world.answered) == (2, 2), 10)?;

    world.gateway.shut_down(world.now);
    world.settle();
    check(world.gateway.status() == gateway::Status::ShutDown, 11)?;
    check(world.closed.is_some_and(|close| close.code == CloseCode::NORMAL), 12)
}

/// The number of a step that is not one of its own: an event could not be made.
const NO_EVENT: u32 = 100;

impl World {
    fn new() -> Self {
        let now = Instant::ZERO;
        Self {
            now,
            gateway: Gateway::new(gateway::Config::default(), 1, now),
            session: Session::new(connector::Config::default()),
            link: None,
            up: VecDeque::new(),
            down: VecDeque::new(),
            store: Vec::new(),
            heard: Vec::new(),
            shown: 0,
            answered: 0,
            closed: None,
        }
    }

    fn user_writes(&mut self, message_id: &str, text: &str) -> Result<(), u32> {
        let event = alloc::format!(
            r#"{{"text":"{text}","message_id":"{message_id}","source":{{"platform":"relay","chat_id":"c1"}}}}"#
        );
        let event = Json::parse(&event).ok_or(NO_EVENT)?;
        let position = self.session.next_position();
        let buffer_id = Some(self.session.buffer_id(position).into());
        let line = ToGateway::Inbound { event, buffer_id }.to_line();
        let bytes = line.len();
        self.store.push((position, line));
        self.session.append(DeliveryKind::Message, bytes, self.now);
        Ok(())
    }

    /// Does everything that there is to do at this moment.
    fn settle(&mut self) {
        while self.drive_gateway() | self.drive_session() | self.carry() {}
    }

    fn drive_gateway(&mut self) -> bool {
        let mut busy = false;
        while let Some(event) = self.gateway.poll_event() {
            busy = true;
            self.answered += usize::from(matches!(event, gateway::Event::Resolved(_, Outcome::Answered(_))));
        }
        while let Some(inbound) = self.gateway.poll_inbound() {
            busy = true;
            let Inbound::Deliver(delivery) = inbound else { continue };
            let Some(event) = delivery.event() else { continue };
            self.heard.push(event.text.clone().into_owned());
            self.gateway.stored(delivery.id, self.now);
            let reply = Action::send(&*event.source.chat_id, "heard");
            // A refusal shows: no answer will be counted.
            _ = self.gateway.request(reply, &Options::default(), self.now);
        }
        while let Some(transmit) = self.gateway.poll_transmit() {
            busy = true;
            match transmit {
                gateway::Transmit::Dial(link) => self.connect(link),
                gateway::Transmit::Frame(link, line) => self.up.push_back(LinkEvent::Received(link, line)),
                // The peer's WebSocket would answer it.
                gateway::Transmit::Ping(link, number) => self.down.push_back(LinkEvent::Pong(link, number)),
                gateway::Transmit::Close(link, close) => {
                    self.closed = Some(close.clone());
                    self.up.push_back(LinkEvent::Closed(link, Ended::Closed(close)));
                }
            }
        }
        busy
    }

    fn drive_session(&mut self) -> bool {
        let mut busy = false;
        while let Some(event) = self.session.poll_event() {
            busy = true;
            match event {
                connector::Event::Hello(hello) => {
                    let descriptor = Descriptor::builtin(&hello.platform);
                    self.session.describe(hello.link, hello.number, &descriptor);
                }
                connector::Event::Outbound(outbound) => {
                    self.shown += 1;
                    self.session.respond(outbound.ticket, &ActionResult::done("m9").to_json());
                }
                connector::Event::Acked(acked) => self.store.retain(|(position, _)| *position != acked),
                _ => {}
            }
        }
        while let Some(transmit) = self.session.poll_transmit() {
            busy = true;
            match transmit {
                connector::Transmit::Frame(link, line) => {
                    self.down.push_back(LinkEvent::Received(link, line))
                }
                connector::Transmit::Entry(link, position) => {
                    let entry = self.store.iter().find(|(stored, _)| *stored == position);
                    let line = entry.map(|(_, line)| LinkEvent::Received(link, line.clone()));
                    self.down.extend(line);
                }
                connector::Transmit::Ping(link, number) => self.up.push_back(LinkEvent::Pong(link, number)),
                connector::Transmit::Close(link, close) => {
                    self.down.push_back(LinkEvent::Closed(link, Ended::Closed(close)));
                }
            }
        }
        busy
    }

    /// Lets what is on the wire arrive.
    fn carry(&mut self) -> bool {
        let busy = !(self.up.is_empty() && self.down.is_empty());
        while let Some(event) = self.up.pop_front() {
            self.session.handle_link(event, self.now);
        }
        while let Some(event) = self.down.pop_front() {
            self.gateway.handle_link(event, self.now);
        }
        busy
    }

    fn connect(&mut self, link: LinkId) {
        self.link = Some(link);
        let features = Features::parse(Features::OURS);
        self.session.handle_link(LinkEvent::Opened(link, features), self.now);
        self.gateway.handle_link(LinkEvent::Opened(link, features), self.now);
    }

    /// The wire breaks with what it carries, and both ends find out.
    fn cut(&mut self) {
        self.up.clear();
        self.down.clear();
        if let Some(link) = self.link.take() {
            self.session.handle_link(LinkEvent::Closed(link, Ended::broken("cut")), self.now);
            self.gateway.handle_link(LinkEvent::Closed(link, Ended::broken("cut")), self.now);
        }
    }

    /// Moves the clock to the gateway's next deadline.
    fn wait(&mut self) {
        if let Some(deadline) = self.gateway.poll_timeout() {
            self.now = deadline.at;
            self.gateway.handle_timeout(self.now);
            self.session.handle_timeout(self.now);
        }
    }
}
