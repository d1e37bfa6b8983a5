//! A gateway linked to a connector's session by hand: no socket, no clock, no thread, no runtime.
//!
//! Both machines live in one loop that carries messages from one to the other and moves a made-up clock. A user
//! writes, the agent answers, the wire is cut, the user writes again while the gateway is away, and nothing is lost.
//! Run it with `cargo run -p relay-proto --example by_hand`.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;

use bytes::Bytes;
use relay_proto::action::{Action, ActionResult};
use relay_proto::connector::{self, Session};
use relay_proto::event::Descriptor;
use relay_proto::gateway::{self, Config, Gateway, Identity, Inbound, Options, Status};
use relay_proto::{Close, DeliveryKind, Ended, Features, Instant, LinkEvent, LinkId, Position};

/// What travels on the made-up wire.
#[derive(Debug)]
enum Message {
    Text(Bytes),
    Ping(u32),
    Pong(u32),
    Close(Close),
}

/// Both ends, what lies between them, and what they cannot do by themselves.
struct World {
    now: Instant,
    gateway: Gateway,
    session: Session,
    /// The open link. A wire that is cut has none, and loses what it carried.
    link: Option<LinkId>,
    to_session: VecDeque<Message>,
    to_gateway: VecDeque<Message>,
    /// The connector's store: a session knows positions only, not what they hold.
    store: BTreeMap<Position, Vec<u8>>,
    /// What the agent has been given.
    heard: Vec<String>,
}

impl World {
    fn new() -> Self {
        let now = Instant::from_millis(0);
        let config = Config { identities: vec![Identity::new("discord", "bot")], ..Config::default() };
        Self {
            now,
            gateway: Gateway::new(config, 1, now),
            session: Session::new(connector::Config::default()),
            link: None,
            to_session: VecDeque::new(),
            to_gateway: VecDeque::new(),
            store: BTreeMap::new(),
            heard: Vec::new(),
        }
    }

    /// A user writes: into the store first, to the session second.
    fn user_writes(&mut self, message_id: &str, text: &str) {
        let event = serde_json::json!({
            "text": text, "message_id": message_id,
            "source": {"platform": "discord", "chat_id": "c1", "chat_type": "dm", "user_id": "u1"},
        });
        let position = self.session.next_position();
        let buffer_id = self.session.buffer_id(position);
        let mut line =
            serde_json::json!({"type": "inbound", "event": event, "bufferId": buffer_id}).to_string();
        line.push('\n');
        let length = line.len();
        self.store.insert(position, line.into_bytes());
        assert_eq!(self.session.append(DeliveryKind::Message, length, self.now), position);
        println!("         the user writes {text:?}");
    }

    /// Does everything that there is to do at this moment.
    fn settle(&mut self) -> Result<(), Box<dyn Error>> {
        loop {
            let busy = self.drive_gateway()? | self.drive_session()? | self.carry();
            if !busy {
                return Ok(());
            }
        }
    }

    /// Drains the gateway's lanes.
    fn drive_gateway(&mut self) -> Result<bool, Box<dyn Error>> {
        let mut busy = false;
        while let Some(event) = self.gateway.poll_event() {
            println!("gateway  {event:?}");
            busy = true;
        }
        while let Some(inbound) = self.gateway.poll_inbound() {
            busy = true;
            let Inbound::Deliver(delivery) = inbound else { continue };
            let event = delivery.event().ok_or("not a message")?;
            println!("agent    hears {:?}", event.text);
            self.heard.push(event.text.clone().into_owned());
            // Durably kept, so the connector may forget it.
            self.gateway.stored(delivery.id, self.now);
            let reply = Action::send(&*event.source.chat_id, format!("you said: {}", event.text));
            self.gateway.request(reply, &Options::default(), self.now)?;
        }
        while let Some(transmit) = self.gateway.poll_transmit() {
            busy = true;
            match transmit {
                gateway::Transmit::Dial(link) => self.connect(link),
                gateway::Transmit::Frame(link, line) => self.send_up(link, Message::Text(line)),
                gateway::Transmit::Ping(link, number) => self.send_up(link, Message::Ping(number)),
                gateway::Transmit::Close(link, close) => self.send_up(link, Message::Close(close)),
            }
        }
        Ok(busy)
    }

    /// Drains the session's lanes.
    fn drive_session(&mut self) -> Result<bool, Box<dyn Error>> {
        let mut busy = false;
        while let Some(event) = self.session.poll_event() {
            busy = true;
            match event {
                connector::Event::Hello(hello) => {
                    let descriptor = Descriptor::builtin(&hello.platform);
                    self.session.describe(hello.link, hello.number, &descriptor);
                }
                connector::Event::Outbound(outbound) => {
                    let action = Action::from_json(std::str::from_utf8(&outbound.action)?)?;
                    println!("platform shows {:?}", action.content().unwrap_or_default());
                    self.session.respond(outbound.ticket, &ActionResult::done("m9").to_json());
                }
                connector::Event::Acked(position) => _ = self.store.remove(&position),
                other => println!("session  {other:?}"),
            }
        }
        while let Some(transmit) = self.session.poll_transmit() {
            busy = true;
            match transmit {
                connector::Transmit::Frame(link, line) => self.send_down(link, Message::Text(line)),
                connector::Transmit::Entry(link, position) => {
                    let line = self.store.get(&position).ok_or("the store has lost an entry")?.clone();
                    self.send_down(link, Message::Text(line.into()));
                }
                connector::Transmit::Ping(link, number) => self.send_down(link, Message::Ping(number)),
                connector::Transmit::Close(link, close) => self.send_down(link, Message::Close(close)),
            }
        }
        Ok(busy)
    }

    /// The dial succeeds: both ends learn of it.
    fn connect(&mut self, link: LinkId) {
        self.link = Some(link);
        let features = Features::parse(Features::OURS);
        self.session.handle_link(LinkEvent::Opened(link, features), self.now);
        self.gateway.handle_link(LinkEvent::Opened(link, features), self.now);
    }

    fn send_up(&mut self, link: LinkId, message: Message) {
        if self.link == Some(link) {
            self.to_session.push_back(message);
        }
    }

    fn send_down(&mut self, link: LinkId, message: Message) {
        if self.link == Some(link) {
            self.to_gateway.push_back(message);
        }
    }

    /// Lets what is on the wire arrive.
    fn carry(&mut self) -> bool {
        let Some(link) = self.link else { return false };
        let busy = !self.to_session.is_empty() || !self.to_gateway.is_empty();
        while let Some(message) = self.to_session.pop_front() {
            println!("      -> {}", show(&message));
            if let Some(event) = arrive(link, message, &mut self.to_gateway) {
                self.session.handle_link(event, self.now);
            }
        }
        while let Some(message) = self.to_gateway.pop_front() {
            println!("      <- {}", show(&message));
            if let Some(event) = arrive(link, message, &mut self.to_session) {
                self.gateway.handle_link(event, self.now);
            }
        }
        busy
    }

    /// The wire breaks, and both ends find out.
    fn cut(&mut self) {
        let Some(link) = self.link.take() else { return };
        println!("         the wire is cut");
        self.to_session.clear();
        self.to_gateway.clear();
        self.session.handle_link(LinkEvent::Closed(link, Ended::broken("cut")), self.now);
        self.gateway.handle_link(LinkEvent::Closed(link, Ended::broken("cut")), self.now);
    }

    /// Moves the clock to the next deadline of either machine.
    fn wait(&mut self) -> Result<(), Box<dyn Error>> {
        let gateway = self.gateway.poll_timeout().map(|deadline| deadline.at);
        let session = self.session.poll_timeout().map(|deadline| deadline.at);
        let next = gateway.into_iter().chain(session).min().ok_or("nothing is waited for")?;
        println!("         {:?} pass", next.since(self.now));
        self.now = next;
        self.gateway.handle_timeout(next);
        self.session.handle_timeout(next);
        Ok(())
    }
}

/// What a message is to the machine that it reaches. A WebSocket library answers pings by itself.
fn arrive(link: LinkId, message: Message, back: &mut VecDeque<Message>) -> Option<LinkEvent> {
    match message {
        Message::Text(bytes) => Some(LinkEvent::Received(link, bytes)),
        Message::Pong(number) => Some(LinkEvent::Pong(link, number)),
        Message::Close(close) => Some(LinkEvent::Closed(link, Ended::Closed(close))),
        Message::Ping(number) => {
            back.push_back(Message::Pong(number));
            None
        }
    }
}

fn show(message: &Message) -> String {
    match message {
        Message::Text(line) => String::from_utf8_lossy(line).trim_end().to_owned(),
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) => format!("{message:?}"),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut world = World::new();
    world.settle()?;
    world.user_writes("m1", "hello");
    world.settle()?;

    world.cut();
    world.user_writes("m2", "are you there?");
    world.settle()?;
    assert_eq!(world.heard, ["hello"]);
    assert!(matches!(world.gateway.status(), Status::Reconnecting { .. }));
    world.wait()?;
    world.settle()?;
    assert_eq!(world.heard, ["hello", "are you there?"]);
    assert!(world.store.is_empty(), "all of it is acked");

    world.gateway.shut_down(world.now);
    world.settle()?;
    assert_eq!(world.gateway.status(), Status::ShutDown);
    Ok(())
}

#[test]
fn it_goes_as_told() -> Result<(), Box<dyn Error>> {
    main()
}
