//! The two ends: a machine each, and the application behind it.

use std::collections::BTreeMap;
use std::sync::mpsc::Sender;
use std::time::Duration;

use bytes::Bytes;
use relay_proto::action::{Action, ActionResult};
use relay_proto::codec::Encode;
use relay_proto::connector::{self, Session};
use relay_proto::event::Descriptor;
use relay_proto::frame::ToGateway;
use relay_proto::gateway::{self, Config, Gateway, Inbound, Options, Outcome, Status};
use relay_proto::json::Json;
use relay_proto::{Close, DeliveryKind, Instant, LinkEvent, LinkId, Position};
use tungstenite::Message;

use super::story::Seen;
use super::websocket;

/// Something to do with the network.
pub(crate) enum Task {
    Dial(LinkId),
    Send(LinkId, Message),
    Close(LinkId, Close),
}

/// What an example drives: a machine and its application.
pub(crate) trait End: Send + 'static {
    fn handle_link(&mut self, event: LinkEvent, now: Instant);

    fn handle_timeout(&mut self, now: Instant);

    /// Takes from the machine what is not for the socket. To be called after every input.
    fn settle(&mut self, now: Instant);

    /// The next thing to do with the network. To be called only when the socket takes more.
    fn poll_task(&mut self) -> Option<Task>;

    fn deadline(&self) -> Option<Instant>;

    fn wants_read(&self) -> bool;

    fn link(&self) -> Option<LinkId>;

    fn shut_down(&mut self, now: Instant);

    fn is_shut_down(&self) -> bool;
}

/// The gateway's end, with an agent that answers whatever it hears.
pub(crate) struct Agent {
    gateway: Gateway,
    seen: Sender<Seen>,
}

impl Agent {
    /// An agent whose gateway dials at once.
    pub(crate) fn new(seen: Sender<Seen>, now: Instant) -> Self {
        // The tokenless link of an example, which is dialed again within milliseconds.
        let backoff_base = Duration::from_millis(10);
        let config = Config { token_lifetime: None, backoff_base, ..Config::default() };
        // A program of your own takes a number that differs from process to process.
        Self { gateway: Gateway::new(config, 1, now), seen }
    }

    fn tell(&self, seen: Seen) {
        // Whoever listened may have heard enough.
        _ = self.seen.send(seen);
    }

    fn answer(&mut self, delivery: &gateway::Delivery, now: Instant) {
        let event = delivery.event().expect("the connector sends messages only");
        self.tell(Seen::AgentHears(event.text.clone().into_owned()));
        let reply = Action::send(&*event.source.chat_id, format!("you said: {}", event.text));
        // Durably kept, in a program of your own: from here on the connector may forget it.
        self.gateway.stored(delivery.id, now);
        self.gateway
            .request(reply, &Options::default(), now)
            .expect("the link is up, so a reply is accepted");
    }
}

impl End for Agent {
    fn handle_link(&mut self, event: LinkEvent, now: Instant) {
        self.gateway.handle_link(event, now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.gateway.handle_timeout(now);
    }

    fn settle(&mut self, now: Instant) {
        while let Some(event) = self.gateway.poll_event() {
            match event {
                gateway::Event::Linked(_) => self.tell(Seen::GatewayLinked),
                gateway::Event::Down { .. } => self.tell(Seen::GatewayDown),
                gateway::Event::Resolved(_, Outcome::Answered(_)) => self.tell(Seen::Answered),
                gateway::Event::ShutDown => self.tell(Seen::GatewayShutDown),
                other => panic!("nothing else happens to a gateway here: {other:?}"),
            }
        }
        while let Some(inbound) = self.gateway.poll_inbound() {
            if let Inbound::Deliver(delivery) = inbound {
                self.answer(&delivery, now);
            }
        }
    }

    fn poll_task(&mut self) -> Option<Task> {
        Some(match self.gateway.poll_transmit()? {
            gateway::Transmit::Dial(link) => Task::Dial(link),
            gateway::Transmit::Frame(link, line) => Task::Send(link, websocket::line(line)),
            gateway::Transmit::Ping(link, number) => Task::Send(link, websocket::ping(number)),
            gateway::Transmit::Close(link, close) => Task::Close(link, close),
        })
    }

    fn deadline(&self) -> Option<Instant> {
        self.gateway.poll_timeout().map(|deadline| deadline.at)
    }

    fn wants_read(&self) -> bool {
        self.gateway.wants_read()
    }

    fn link(&self) -> Option<LinkId> {
        self.gateway.link()
    }

    fn shut_down(&mut self, now: Instant) {
        self.gateway.shut_down(now);
    }

    fn is_shut_down(&self) -> bool {
        self.gateway.status() == Status::ShutDown
    }
}

/// The connector's end, with a platform that has one user.
pub(crate) struct Connector {
    session: Session,
    /// The lines of the entries: a session knows positions only.
    store: BTreeMap<Position, Bytes>,
    seen: Sender<Seen>,
}

impl Connector {
    pub(crate) fn new(seen: Sender<Seen>) -> Self {
        let session = Session::new(connector::Config::default());
        Self { session, store: BTreeMap::new(), seen }
    }

    /// A user writes: into the store first, to the session second.
    pub(crate) fn user_writes(&mut self, message_id: &str, text: &str, now: Instant) {
        let event = serde_json::json!({
            "text": text, "message_id": message_id,
            "source": {"platform": "relay", "chat_id": "c1", "chat_type": "dm", "user_id": "u1"},
        });
        let event = event.to_string();
        let position = self.session.next_position();
        let buffer_id = Some(self.session.buffer_id(position).into());
        let event = Json::parse(&event).expect("it was just made");
        let line = ToGateway::Inbound { event, buffer_id }.to_line();
        let bytes = line.len();
        self.store.insert(position, line);
        self.session.append(DeliveryKind::Message, bytes, now);
        self.tell(Seen::UserWrites(text.to_owned()));
    }

    /// Whether no entry waits, in the session or in the store.
    pub(crate) fn is_empty(&self) -> bool {
        self.session.backlog() == 0 && self.store.is_empty()
    }

    fn tell(&self, seen: Seen) {
        // Whoever listened may have heard enough.
        _ = self.seen.send(seen);
    }

    fn perform(&mut self, outbound: &connector::Outbound) {
        let action = std::str::from_utf8(&outbound.action).expect("a frame is text");
        let action = Action::from_json(action).expect("a gateway sends actions");
        self.tell(Seen::PlatformShows(action.content().unwrap_or_default().to_owned()));
        self.session.respond(outbound.ticket, &ActionResult::done("m9").to_json());
    }
}

impl End for Connector {
    fn handle_link(&mut self, event: LinkEvent, now: Instant) {
        self.session.handle_link(event, now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.session.handle_timeout(now);
    }

    fn settle(&mut self, _: Instant) {
        while let Some(event) = self.session.poll_event() {
            match event {
                connector::Event::Hello(hello) => {
                    let descriptor = Descriptor::builtin(&hello.platform);
                    self.session.describe(hello.link, hello.number, &descriptor);
                }
                connector::Event::Outbound(outbound) => self.perform(&outbound),
                connector::Event::Acked(position) => {
                    self.store.remove(&position);
                    self.tell(Seen::Acked);
                }
                connector::Event::Linked(_) => self.tell(Seen::ConnectorLinked),
                connector::Event::Down(_, cause) => self.tell(Seen::ConnectorDown(cause.to_string())),
                connector::Event::Flipped => self.tell(Seen::GoingIdle),
                other => panic!("nothing else happens to a connector here: {other:?}"),
            }
        }
    }

    fn poll_task(&mut self) -> Option<Task> {
        Some(match self.session.poll_transmit()? {
            connector::Transmit::Frame(link, line) => Task::Send(link, websocket::line(line)),
            connector::Transmit::Entry(link, position) => {
                Task::Send(link, websocket::line(self.store[&position].clone()))
            }
            connector::Transmit::Ping(link, number) => Task::Send(link, websocket::ping(number)),
            connector::Transmit::Close(link, close) => Task::Close(link, close),
        })
    }

    fn deadline(&self) -> Option<Instant> {
        self.session.poll_timeout().map(|deadline| deadline.at)
    }

    fn wants_read(&self) -> bool {
        self.session.wants_read()
    }

    fn link(&self) -> Option<LinkId> {
        self.session.link()
    }

    fn shut_down(&mut self, _: Instant) {
        self.session.shut_down();
    }

    fn is_shut_down(&self) -> bool {
        self.session.status() == connector::Status::ShutDown
    }
}
