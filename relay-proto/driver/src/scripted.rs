//! A runtime for the tests of the drivers, all of it in their hands.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::{Sink, Stream};
use relay_proto::{DialError, Features, Instant};
use tungstenite::{Error, Message};

use crate::{BoxFuture, Clock, DialRequest, Runtime, Socket};

pub(crate) fn poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// A runtime whose only socket does as it is told, and whose clock goes on when it is told to.
#[derive(Clone, Default)]
pub(crate) struct World(Arc<Mutex<Wire>>);

#[derive(Default)]
struct Wire {
    /// In milliseconds.
    now: u64,
    dialed: bool,
    incoming: VecDeque<Message>,
    left: bool,
    sent: Vec<Message>,
    fails: bool,
    tasks: Vec<BoxFuture<()>>,
}

impl World {
    pub(crate) fn peer_sends(&self, message: Message) {
        self.0.lock().unwrap().incoming.push_back(message);
    }

    /// There is an end behind what the peer has sent.
    pub(crate) fn peer_leaves(&self) {
        self.0.lock().unwrap().left = true;
    }

    /// How many of the peer's messages wait.
    pub(crate) fn unread(&self) -> usize {
        self.0.lock().unwrap().incoming.len()
    }

    /// What was sent since the last call.
    pub(crate) fn take_sent(&self) -> Vec<Message> {
        std::mem::take(&mut self.0.lock().unwrap().sent)
    }

    pub(crate) fn fails_over_sends(&self) {
        self.0.lock().unwrap().fails = true;
    }

    /// Polls each task that was spawned, and those that they spawn.
    pub(crate) fn poll_tasks(&self) {
        let mut done = Vec::new();
        while let Some(mut task) = self.pop_task() {
            if poll(&mut task).is_none() {
                done.push(task);
            }
        }
        self.0.lock().unwrap().tasks = done;
    }

    fn pop_task(&self) -> Option<BoxFuture<()>> {
        self.0.lock().unwrap().tasks.pop()
    }

    /// How many tasks are not at their ends.
    pub(crate) fn tasks(&self) -> usize {
        self.0.lock().unwrap().tasks.len()
    }

    pub(crate) fn pass(&self, time: Duration) {
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

    fn spawn(&self, task: BoxFuture<()>) {
        self.0.lock().unwrap().tasks.push(task);
    }
}

impl Stream for World {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut wire = self.0.lock().unwrap();
        match wire.incoming.pop_front() {
            Some(message) => Poll::Ready(Some(Ok(message))),
            None if wire.left => Poll::Ready(None),
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
