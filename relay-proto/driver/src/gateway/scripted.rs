//! A runtime for the tests of a gateway's driver, all of it in their hands.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::{Sink, Stream};
use relay_proto::endpoint::Endpoint;
use relay_proto::event::Descriptor;
use relay_proto::gateway::Status;
use relay_proto::{DialError, Features, Instant};
use tungstenite::{Error, Message};

use super::{Deliveries, Gateway, GatewayConfig, connect};
use crate::{BoxFuture, Clock, DialRequest, Runtime, Socket};

/// A gateway in this world whose link has had its descriptor.
pub(super) fn linked(world: &World) -> (Gateway, Deliveries, BoxFuture<()>) {
    let endpoint = Endpoint::parse("http://connector.example").unwrap();
    let (gateway, deliveries, driver) = connect(GatewayConfig::new(endpoint, None), world.clone());
    let mut driver: BoxFuture<()> = Box::pin(driver);
    let descriptor = Descriptor::builtin("discord").to_json();
    world.peer_sends(Message::text(format!("{{\"type\":\"descriptor\",\"descriptor\":{descriptor}}}\n")));
    poll(&mut driver);
    assert_eq!(gateway.watch().current().status, Status::Linked);
    (gateway, deliveries, driver)
}

pub(super) fn poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// A runtime whose only socket does as it is told, and whose clock goes on when it is told to.
#[derive(Clone, Default)]
pub(super) struct World(Arc<Mutex<Wire>>);

#[derive(Default)]
struct Wire {
    /// In milliseconds.
    now: u64,
    dialed: bool,
    incoming: VecDeque<Message>,
    sent: Vec<Message>,
    fails: bool,
}

impl World {
    pub(super) fn peer_sends(&self, message: Message) {
        self.0.lock().unwrap().incoming.push_back(message);
    }

    /// How many of the peer's messages wait.
    pub(super) fn unread(&self) -> usize {
        self.0.lock().unwrap().incoming.len()
    }

    /// What was sent since the last call.
    pub(super) fn take_sent(&self) -> Vec<Message> {
        std::mem::take(&mut self.0.lock().unwrap().sent)
    }

    pub(super) fn fails_over_sends(&self) {
        self.0.lock().unwrap().fails = true;
    }

    pub(super) fn pass(&self, time: Duration) {
        self.0.lock().unwrap().now += time.as_millis() as u64;
    }
}

impl Clock for World {
    fn now(&self) -> Instant {
        Instant::from_millis(self.0.lock().unwrap().now)
    }

    fn unix_time(&self) -> u64 {
        0
    }
}

impl Runtime for World {
    type Socket = World;
    type Timer = BoxFuture<()>;

    fn timer(&self, _: Instant) -> BoxFuture<()> {
        Box::pin(pending())
    }

    fn dial(&self, _: DialRequest) -> BoxFuture<Result<(World, Features), DialError>> {
        if std::mem::replace(&mut self.0.lock().unwrap().dialed, true) {
            return Box::pin(pending());
        }
        let socket = self.clone();
        Box::pin(async { Ok((socket, Features::default())) })
    }

    fn seed(&self) -> u64 {
        7
    }

    fn spawn(&self, _: BoxFuture<()>) {
        panic!("a gateway spawns nothing");
    }
}

impl Stream for World {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0.lock().unwrap().incoming.pop_front() {
            Some(message) => Poll::Ready(Some(Ok(message))),
            None => Poll::Pending,
        }
    }
}

impl Sink<Message> for World {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        let mut wire = self.0.lock().unwrap();
        if wire.fails {
            return Err(Error::ConnectionClosed);
        }
        wire.sent.push(message);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }
}

impl Socket for World {
    fn poll_discard(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}
