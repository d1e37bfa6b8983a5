//! The poll loop of a session.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use relay_proto::action::{Action, ActionResult, Op};
use relay_proto::close::REASON_UNAUTHORIZED;
use relay_proto::connector::Outbound as Request;
use relay_proto::connector::{DeathCause, Event, Hello, Status, Transmit};
use relay_proto::event::Descriptor;
use relay_proto::{Close, CloseCode, Instant, LinkEvent};

use super::platform::{Outbound, Platform};
use super::session::{Accepted, Shared, State};
use crate::lanes::Lane;
use crate::panics::{Panicked, outlive_panics};
use crate::port::Port;
use crate::rounds::{Rounds, Turn};
use crate::runtime::Runtime;
use crate::socket::Socket;

/// How many hellos the platforms may be at for one instance, also those of links that are gone. Past them a hello is
/// answered with what is known of its platform without asking.
pub(super) const MOST_DESCRIBING: usize = 256;

/// The task that drives a session. It ends when the session is shut down and its last bytes are out.
pub(super) struct Driver<R: Runtime> {
    shared: Arc<Shared>,
    platform: Arc<dyn Platform>,
    port: Port<R, Box<dyn Socket>>,
}

impl<R: Runtime> Rounds for Driver<R> {
    fn round(&mut self, cx: &mut Context<'_>) -> Turn {
        let shared = self.shared.clone();
        let mut state = shared.lock();
        // 1. A socket that was accepted.
        if let Some(Accepted { link, revocations, features, socket }) = state.accepted.pop_front() {
            if revocations == state.revocations {
                self.port.see(LinkEvent::Opened(link, features));
                self.port.open(link, socket);
            } else {
                self.port.refuse(link, socket, &Close::new(CloseCode::UNAUTHORIZED, REASON_UNAUTHORIZED));
            }
        }
        let wants_read = state.machine.wants_read();
        drop(state);
        // 2. What the peer sent, as far as the machine wants it.
        let more = self.port.poll_read(wants_read, cx);
        let now = self.port.runtime().now();
        let mut state = shared.lock();
        // 3. All that to the machine, and the time.
        self.feed(&mut state, now);
        // 4. What the machine wants seen to.
        self.see_to_events(&mut state, &shared);
        // 5. What it wants sent, as far as the socket takes it.
        self.transmit(&mut state, cx);
        self.see_to_events(&mut state, &shared);
        state.publish();
        // 6. What else may wake the task.
        self.port.poll_timer(state.machine.poll_timeout().map(|deadline| deadline.at), cx);
        state.driver.wait(cx);
        let over = state.machine.status() == Status::ShutDown;
        // What went out may have been what it waited for. Nothing else would wake the task for that.
        let reads_again = !wants_read && state.machine.wants_read();
        // And a socket that came after step 1 may have found nobody to wake.
        let accepted = !state.accepted.is_empty();
        drop(state);
        let closed = self.port.poll_closed(cx);
        if over && closed && !accepted {
            Turn::Over
        } else if more {
            Turn::Yield
        } else if reads_again || accepted || self.port.has_seen() {
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
    pub(super) fn new(shared: Arc<Shared>, platform: Arc<dyn Platform>, runtime: R) -> Self {
        Self { shared, platform, port: Port::new(runtime) }
    }

    fn feed(&mut self, state: &mut State, now: Instant) {
        for event in self.port.take_seen() {
            state.machine.handle_link(event, now);
        }
        let due = state.machine.poll_timeout().is_some_and(|deadline| deadline.at <= now);
        if due && self.port.has_caught_up() {
            state.machine.handle_timeout(now);
        }
    }

    fn transmit(&mut self, state: &mut State, cx: &mut Context<'_>) {
        // What is pulled counts as given out: nothing more, once a send has failed.
        while !self.port.has_seen()
            && !self.port.is_blocked(state.machine.link(), cx)
            && let Some(transmit) = state.machine.poll_transmit()
        {
            match transmit {
                Transmit::Frame(link, line) => self.port.send_line(link, line),
                Transmit::Entry(link, position) => match state.mailbox.line(position) {
                    Some(line) => self.port.send_line(link, line),
                    None => _ = state.machine.bury(position, DeathCause::Unreadable),
                },
                Transmit::Ping(link, number) => self.port.send_ping(link, number),
                Transmit::Close(link, close) => self.port.close(link, &close),
            }
        }
    }

    fn see_to_events(&self, state: &mut State, shared: &Arc<Shared>) {
        while let Some(event) = state.machine.poll_event() {
            match event {
                Event::Acked(position) => _ = state.mailbox.remove(position),
                Event::DeadLetter(position, cause) => state.mailbox.bury(position, cause),
                Event::Hello(hello) if state.describing < MOST_DESCRIBING => {
                    state.describing += 1;
                    self.describe(&hello, shared);
                }
                Event::Hello(Hello { link, number, platform, .. }) => {
                    state.machine.describe(link, number, &Descriptor::builtin(&platform));
                }
                Event::Outbound(request)
                    if state.under_way.has_room_for(request.action.len(), state.machine.config()) =>
                {
                    let lane = lane_of(&request);
                    if let Some(request) = state.lanes.enter(&lane, request) {
                        state.under_way.begins(request.action.len());
                        self.perform(lane, request, shared);
                    }
                }
                Event::Outbound(request) => state.machine.respond(request.ticket, &overloaded()),
                Event::Interrupt { session_key, reason } => {
                    // More of them than a gateway may have requests is more than anybody means.
                    let bytes = session_key.len() + reason.as_ref().map_or(0, |reason| reason.len());
                    if state.interrupting.has_room_for(bytes, state.machine.config()) {
                        state.interrupting.begins(bytes);
                        self.interrupt(&session_key, reason.as_deref(), bytes, shared);
                    }
                }
                Event::Poke => {
                    if let Some(wake_url) = state.wake_url() {
                        self.wake(wake_url.to_owned());
                    }
                }
                // Nobody waits for the answers any more.
                Event::Down(..) => state.lanes.forget_waiting(),
                Event::Linked(_) | Event::Flipped | Event::Unflipped | Event::Revoked => {}
            }
        }
    }

    // The platforms are called by tasks of their own, and not under the session's lock: they may well look at it.

    fn describe(&self, hello: &Hello, shared: &Arc<Shared>) {
        let (platform, shared) = (self.platform.clone(), shared.clone());
        let Hello { link, number, platform: name, bot_id, .. } = hello.clone();
        self.port.runtime().spawn(Box::pin(async move {
            let asking = async { platform.describe(shared.owner(), &name, &bot_id).await };
            let descriptor =
                outlive_panics(asking).await.unwrap_or_else(|Panicked| Descriptor::builtin(&name));
            shared.act(|state, _| {
                state.describing -= 1;
                state.machine.describe(link, number, &descriptor);
            });
        }));
    }

    fn interrupt(&self, session_key: &str, reason: Option<&str>, bytes: usize, shared: &Arc<Shared>) {
        let (platform, shared) = (self.platform.clone(), shared.clone());
        let (session_key, reason) = (session_key.to_owned(), reason.map(str::to_owned));
        self.port.runtime().spawn(Box::pin(async move {
            let interrupting =
                async { platform.interrupt(shared.owner(), &session_key, reason.as_deref()).await };
            _ = outlive_panics(interrupting).await;
            shared.lock().interrupting.ends(bytes);
        }));
    }

    fn wake(&self, wake_url: String) {
        let platform = self.platform.clone();
        self.port.runtime().spawn(Box::pin(async move { platform.wake(&wake_url).await }));
    }

    fn perform(&self, lane: Lane, first: Request, shared: &Arc<Shared>) {
        let (platform, shared) = (self.platform.clone(), shared.clone());
        self.port.runtime().spawn(Box::pin(async move {
            let mut next = Some(first);
            while let Some(request) = next {
                let (ticket, bytes) = (request.ticket, request.action.len());
                // A request whose link is gone has been given up by the gateway, which may have asked anew: what
                // has not begun by then is not begun.
                let is_open = shared.lock().machine.is_open(ticket);
                let mut result = None;
                if is_open {
                    let asked = outbound(&shared, request);
                    // Those behind it are to have their turn, and it is to have its result, whatever happens.
                    let done = outlive_panics(async { platform.perform(asked).await }).await;
                    result = Some(done.unwrap_or_else(|Panicked| failure()));
                }
                next = shared.act(|state, _| {
                    if let Some(result) = result {
                        state.machine.respond(ticket, &result);
                    }
                    state.under_way.ends(bytes);
                    let next = state.lanes.next(&lane);
                    if let Some(next) = &next {
                        state.under_way.begins(next.action.len());
                    }
                    next
                });
            }
        }));
    }
}

/// What a gateway is told while the platforms have enough to do for it.
fn overloaded() -> String {
    ActionResult::refused("overloaded", "too many requests are under way").to_json()
}

/// What a gateway is told of an action that ended in the platform's panic.
fn failure() -> String {
    ActionResult::failed("the connector failed over this action").to_json()
}

/// The chat, or else the session, that a request is about. Within one the order counts.
fn lane_of(request: &Request) -> Lane {
    let action = Action::from_json(std::str::from_utf8(&request.action).ok()?).ok()?;
    let about = match &action.op {
        Op::FollowUp { session_key, .. } => session_key,
        _ => action.chat_id()?,
    };
    Some(format!("{} {about}", request.platform))
}

fn outbound(shared: &Shared, request: Request) -> Outbound {
    let Request { ticket: _, action, platform, bot_id } = request;
    Outbound { owner: shared.owner().clone(), platform: platform.into(), bot_id: bot_id.into(), action }
}

impl<R: Runtime> Future for Driver<R> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.get_mut().poll_rounds(cx)
    }
}

impl<R: Runtime> Drop for Driver<R> {
    /// The task is at its end, or its executor is: whoever waits for that is told.
    fn drop(&mut self) {
        self.shared.lock().ended.set(true);
    }
}
