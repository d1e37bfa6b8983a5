//! The poll loop of a gateway.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use relay_proto::gateway::{Inbound, Status, Transmit};
use relay_proto::{DialError, Features, Instant, LinkEvent, LinkId};

use super::GatewayConfig;
use super::shared::{Shared, State};
use crate::port::Port;
use crate::rounds::{Rounds, Turn};
use crate::runtime::{BoxFuture, Runtime};

/// The task that drives a gateway. It ends when the gateway is shut down and its last bytes are out.
pub(super) struct Driver<R: Runtime> {
    config: GatewayConfig,
    shared: Arc<Shared>,
    port: Port<R, R::Socket>,
    dial: Option<Dial<R>>,
}

struct Dial<R: Runtime> {
    link: LinkId,
    future: BoxFuture<Result<(R::Socket, Features), DialError>>,
}

impl<R: Runtime> Rounds for Driver<R> {
    fn round(&mut self, cx: &mut Context<'_>) -> Turn {
        let shared = self.shared.clone();
        // 1. What the dial came to, and what the peer sent, as far as the machine wants it.
        let wants_read = shared.lock().machine.wants_read();
        self.poll_dial(cx);
        let more = self.port.poll_read(wants_read, cx);
        let now = self.port.runtime().now();
        let mut state = shared.lock();
        // 2. All that to the machine, and the time.
        self.feed(&mut state, now);
        // 3. What the machine wants done, as far as the socket takes it.
        let dialed = self.transmit(&mut state, cx);
        // 4. What else may wake the task.
        self.port.poll_timer(state.machine.poll_timeout().map(|deadline| deadline.at), cx);
        if state.machine.has_inbound() || state.is_over() {
            state.receiver.wake();
        }
        state.driver.wait(cx);
        let over = state.machine.status() == Status::ShutDown;
        // What went out may have been what it waited for. Nothing else would wake the task for that.
        let reads_again = !wants_read && state.machine.wants_read();
        drop(state);
        let closed = self.port.poll_closed(cx);
        if over && closed {
            Turn::Over
        } else if more {
            Turn::Yield
        } else if dialed || reads_again || self.port.has_seen() {
            Turn::Again
        } else {
            Turn::Idle
        }
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> bool {
        self.port.flush(cx);
        self.port.has_seen()
    }
}

impl<R: Runtime> Driver<R> {
    pub(super) fn new(config: GatewayConfig, runtime: R, shared: Arc<Shared>) -> Self {
        Self { config, shared, port: Port::new(runtime), dial: None }
    }

    fn poll_dial(&mut self, cx: &mut Context<'_>) {
        let Some(dial) = &mut self.dial else { return };
        let Poll::Ready(result) = dial.future.as_mut().poll(cx) else { return };
        let link = dial.link;
        self.dial = None;
        let event = match result {
            Ok((socket, features)) => {
                self.port.open(link, socket);
                LinkEvent::Opened(link, features)
            }
            Err(error) => LinkEvent::DialFailed(link, error),
        };
        self.port.see(event);
    }

    fn feed(&mut self, state: &mut State, now: Instant) {
        for event in self.port.take_seen() {
            state.machine.handle_link(event, now);
        }
        let due = state.machine.poll_timeout().is_some_and(|deadline| deadline.at <= now);
        if due && self.port.has_caught_up() {
            state.machine.handle_timeout(now);
        }
        if !state.received {
            // Nobody will ever take them here: they are for another process.
            while let Some(inbound) = state.machine.poll_inbound() {
                if let Inbound::Deliver(delivery) = inbound {
                    state.machine.release(delivery.id, now);
                }
            }
        }
        state.publish();
    }

    /// True when a dial began, whose future has to be polled.
    fn transmit(&mut self, state: &mut State, cx: &mut Context<'_>) -> bool {
        let mut dialed = false;
        // What is pulled counts as written: nothing more, once a send has failed.
        while !self.port.has_seen()
            && !self.port.is_blocked(state.machine.link(), cx)
            && let Some(transmit) = state.machine.poll_transmit()
        {
            match transmit {
                Transmit::Dial(link) => {
                    let runtime = self.port.runtime();
                    let future = runtime.dial(self.config.dial_request(runtime));
                    self.dial = Some(Dial { link, future });
                    dialed = true;
                }
                Transmit::Frame(link, line) => self.port.send_line(link, line),
                Transmit::Ping(link, number) => self.port.send_ping(link, number),
                Transmit::Close(link, close) => {
                    self.dial.take_if(|dial| dial.link == link);
                    self.port.close(link, &close);
                }
            }
        }
        dialed
    }
}

impl<R: Runtime> Future for Driver<R> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.get_mut().poll_rounds(cx)
    }
}

impl<R: Runtime> Drop for Driver<R> {
    /// The task is at its end, or its executor is: whoever waits is told.
    fn drop(&mut self) {
        let now = self.port.runtime().now();
        self.shared.lock().end(now);
    }
}
