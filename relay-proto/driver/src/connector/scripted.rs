//! A connector in a scripted world, with a platform to match, for the tests of its driver.

use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use relay_proto::Features;
use relay_proto::auth::{Secret, mint_token};
use relay_proto::event::Descriptor;
use tungstenite::Message;

use super::{Admission, Connector, ConnectorConfig, GatewayRecord, Outbound, Owner, Platform};
use crate::BoxFuture;
use crate::scripted::World;

/// What the platform does with whatever it is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Answers,
    NeverAnswers,
    Panics,
}

/// A platform that counts what it is asked.
pub(super) struct Desk {
    mood: Mood,
    pub(super) descriptions: AtomicUsize,
    pub(super) interrupts: AtomicUsize,
}

impl Desk {
    pub(super) fn new(mood: Mood) -> Arc<Self> {
        Arc::new(Self { mood, descriptions: AtomicUsize::new(0), interrupts: AtomicUsize::new(0) })
    }

    fn gives<T: Send + 'static>(&self, answer: T) -> BoxFuture<T> {
        match self.mood {
            Mood::Answers => Box::pin(ready(answer)),
            Mood::NeverAnswers => Box::pin(pending()),
            Mood::Panics => panic!("the platform's own fault"),
        }
    }
}

impl Platform for Desk {
    fn describe(&self, _: &Owner, platform: &str, _: &str) -> BoxFuture<Descriptor> {
        self.descriptions.fetch_add(1, Ordering::Relaxed);
        self.gives(Descriptor { label: "Asked".into(), ..Descriptor::builtin(platform) })
    }

    fn perform(&self, _: Outbound) -> BoxFuture<String> {
        self.gives("{\"success\":true}".into())
    }

    fn interrupt(&self, _: &Owner, _: &str, _: Option<&str>) -> BoxFuture<()> {
        self.interrupts.fetch_add(1, Ordering::Relaxed);
        self.gives(())
    }

    fn wake(&self, _: &str) -> BoxFuture<()> {
        self.gives(())
    }
}

/// A connector in this world that knows the gateway `g` by this secret.
pub(super) fn knowing(world: &World, desk: Arc<Desk>, secret: &str) -> Connector<World> {
    let connector = Connector::new(ConnectorConfig::default(), desk, world.clone());
    connector.register(record(secret)).unwrap();
    connector
}

pub(super) fn record(secret: &str) -> GatewayRecord {
    let owner = Owner { tenant: "t".into(), instance: "i".into() };
    GatewayRecord { id: "g".into(), owner, secrets: vec![Secret::new(secret)], wake_url: None }
}

/// What an upgrade of the gateway's with this secret comes to.
pub(super) fn admission(connector: &Connector<World>, secret: &str) -> Admission {
    let token = mint_token("g", &Secret::new(secret), None);
    connector.authenticate(Some(&format!("Bearer {token}")))
}

/// A link of the gateway's, of the secret `s`, at which this many hellos have come: its socket.
pub(super) fn greeted(connector: &Connector<World>, world: &World, hellos: usize) -> World {
    let socket = World::default();
    connector.attach(admission(connector, "s"), Features::default(), socket.clone());
    for number in 0..hellos {
        socket.peer_sends(Message::text(format!(
            "{{\"type\":\"hello\",\"platform\":\"p{number}\",\"botId\":\"b\"}}\n"
        )));
    }
    // A turn reads a few of them.
    (0..=hellos).for_each(|_| world.poll_tasks());
    socket
}

/// The close codes among these messages.
pub(super) fn closes(messages: &[Message]) -> Vec<u16> {
    let code = |message: &Message| match message {
        Message::Close(frame) => frame.as_ref().map(|frame| frame.code.into()),
        _ => None,
    };
    messages.iter().filter_map(code).collect()
}
