//! What a socket that fails over a send costs, by rules O2 and O3: what was not handed to it was certainly not done.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures_util::{Sink, Stream};
use relay_proto::action::Action;
use relay_proto::endpoint::Endpoint;
use relay_proto::event::Descriptor;
use relay_proto::gateway::{Ambiguity, Failure, Outcome, Status};
use relay_proto::{DialError, Features, Instant};
use tungstenite::{Error, Message};

use super::{GatewayConfig, connect};
use crate::{BoxFuture, Clock, DialRequest, Runtime, Socket};

/// O2, O3: of three requests that wait for room, the one over which the socket fails may have been done; the others were
/// not. A socket may fail over a send before any read has seen that the peer is gone.
#[test]
fn what_is_behind_a_failed_send_was_not_written() {
    let world = World::default();
    let endpoint = Endpoint::parse("http://connector.example").unwrap();
    let (gateway, _deliveries, mut driver) = connect(GatewayConfig::new(endpoint, None), world.clone());
    let descriptor = Descriptor::builtin("discord").to_json();
    world.peer_says(&format!("{{\"type\":\"descriptor\",\"descriptor\":{descriptor}}}\n"));
    poll(&mut driver);
    assert_eq!(gateway.watch().current().status, Status::Linked);

    world.fails_over_sends();
    let mut sends: Vec<_> =
        ["a", "b", "c"].map(|text| Box::pin(gateway.send(Action::send("1", text)))).into_iter().collect();
    assert!(sends.iter_mut().all(|send| poll(send).is_none()));
    poll(&mut driver);
    let outcomes: Vec<Outcome> = sends.iter_mut().map(|send| poll(send).unwrap().unwrap()).collect();
    let (maybe, not_done) = (Outcome::Ambiguous(Ambiguity::LinkLost), Outcome::Failed(Failure::LinkLost));
    assert_eq!(outcomes, [maybe, not_done.clone(), not_done]);
}

fn poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// A runtime whose only socket does as it is told, and whose clock stands still.
#[derive(Clone, Default)]
struct World(Arc<Mutex<Wire>>);

#[derive(Default)]
struct Wire {
    dialed: bool,
    incoming: VecDeque<Message>,
    fails: bool,
}

impl World {
    fn peer_says(&self, line: &str) {
        self.0.lock().unwrap().incoming.push_back(Message::text(line));
    }

    fn fails_over_sends(&self) {
        self.0.lock().unwrap().fails = true;
    }
}

impl Clock for World {
    fn now(&self) -> Instant {
        Instant::ZERO
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

    fn start_send(self: Pin<&mut Self>, _: Message) -> Result<(), Error> {
        if self.0.lock().unwrap().fails { Err(Error::ConnectionClosed) } else { Ok(()) }
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
