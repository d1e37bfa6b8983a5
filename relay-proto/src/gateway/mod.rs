//! The gateway's end of the link, as a state machine.

mod config;
mod delivery;
mod event;
mod idle;
mod inbound;
mod latch;
mod link;
mod outbound;
mod outbox;
mod rebase;
mod sleep;
mod state;

use alloc::sync::Arc;
use alloc::vec::Vec;

pub use config::{Config, Identity, InboundLimits};
pub use delivery::{Delivery, Inbound};
pub use event::{Ambiguity, Cause, Event, Failure, Next, Outcome, StayedAwake, Transmit, Violation};
pub use idle::NotNow;
pub use outbound::{Options, Refusal, Rejected};
use outbox::{Outbox, Queued};
pub use sleep::{Sleep, SleepConditions, WhyAwake};
use state::State;

use crate::action::Action;
use crate::backoff::{self, Backoff};
use crate::event::Descriptor;
use crate::ids::{DeliveryId, LinkId, RequestId};
use crate::ledger::Ledger;
pub use crate::ledger::{DeliveryKeys, Fingerprint};
use crate::link::LinkEvent;
use crate::requests::Requests;
use crate::routing::{Route, Routing};
use crate::time::Instant;
use crate::timers::{TimerKind, Timers};

/// The gateway's end of the link.
///
/// # Driving it
///
/// A machine does nothing by itself. Its methods fall into four classes:
///
/// - **A. What the world does**: [`handle_link`](Self::handle_link) and [`handle_timeout`](Self::handle_timeout).
/// - **B. What the application does**: [`request`](Self::request), [`stored`](Self::stored),
///   [`release`](Self::release), [`interrupt`](Self::interrupt), [`go_dormant`](Self::go_dormant),
///   [`wake`](Self::wake), [`hold`](Self::hold), [`shut_down`](Self::shut_down).
/// - **C. What comes out**: [`poll_transmit`](Self::poll_transmit), [`poll_event`](Self::poll_event),
///   [`poll_inbound`](Self::poll_inbound), [`poll_timeout`](Self::poll_timeout).
/// - **D. What it looks like**: [`status`](Self::status), [`wants_read`](Self::wants_read) and the rest.
///
/// After any call of class A or B, drain what class C gives, and sleep until the deadline of `poll_timeout` or the
/// next happening. The lanes are apart because their takers are: `poll_transmit` is called only when the socket
/// can take more, because a frame that it gave counts as written (rule O2); `poll_inbound` only when the
/// application can take more; `poll_event` always. What an input causes is visible right after it. Calling
/// `handle_timeout` too early or twice changes nothing.
///
/// All calls must be given times that never go back; see [`Instant`].
///
/// Network input never panics and never fails a call: what a peer does wrong comes out as [`Event::Down`] with a
/// [`Violation`], or is skipped and counted. What the caller does wrong is an error that gives the argument back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Gateway {
    config: Arc<Config>,
    seed: u64,
    state: State,
    next_link: u64,
    /// Whether a handshake has ever succeeded (rule A1).
    trusted: bool,
    backoff: Backoff,
    timers: Timers<{ Timer::ALL.len() }>,
    requests: Requests,
    ledger: Ledger,
    routing: Routing,
    outbox: Outbox,
    skipped: Skipped,
}

/// When the machine next wants [`Gateway::handle_timeout`], and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Deadline {
    /// When.
    pub at: Instant,
    /// What for.
    pub timer: Timer,
}

/// The gateway's timers, each with its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// A dial may hang: after a time it is given up.
    Dial,
    /// A connector may accept and say nothing (rule L5).
    Handshake,
    /// The wait between two dials (rule L3).
    Redial,
    /// The beat of the pings (rule K1).
    Ping,
    /// The peer has not answered a ping (rule K1).
    Pong,
    /// A request's time is up (rule O1).
    Request,
    /// The connector has not agreed to only buffer (rules I3, I4).
    IdleAck,
    /// Requests in flight have had their time before a link is given up on purpose (rules I4, O10).
    Drain,
    /// A hold lapses by itself (rule L8).
    Hold,
    /// A dormant gateway dials of its own accord (rule I2).
    Cadence,
    /// A dormant gateway looks whether its machine was suspended (rule I2).
    Resume,
}

impl TimerKind for Timer {
    const ALL: &'static [Self] = &[
        Self::Dial,
        Self::Handshake,
        Self::Redial,
        Self::Ping,
        Self::Pong,
        Self::Request,
        Self::IdleAck,
        Self::Drain,
        Self::Hold,
        Self::Cadence,
        Self::Resume,
    ];

    fn number(self) -> usize {
        self as usize
    }
}

/// What a gateway is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// A dial is under way.
    Dialing,
    /// The socket is open, and no descriptor has come yet.
    Greeting,
    /// The link is up.
    Linked,
    /// The link is up, and the connector was asked to only buffer.
    GoingIdle,
    /// No link; the next dial is at this time.
    Reconnecting {
        /// When.
        at: Instant,
        /// How many attempts in a row have failed.
        failures: u32,
    },
    /// No link, and none wanted until something wakes the gateway. Healthy (rule I6).
    Dormant,
    /// No link, and none dialed: the gateway was told not to reconnect.
    Stopped,
    /// The credential is revoked; neither a failure nor a reconnection (rule A4).
    Disabled,
    /// The link is being given up for good.
    ShuttingDown,
    /// The machine is at its end.
    ShutDown,
}

/// What was left unread on all links so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Skipped {
    /// Lines that are no frames.
    pub malformed: u64,
    /// Frames of types that this crate does not know.
    pub unknown: u64,
    /// Deliveries that the application had already been given.
    pub duplicates: u64,
    /// Results of requests that are not, or no longer, open.
    pub late_results: u64,
}

impl Gateway {
    /// A gateway, which asks for its first dial at once. `seed` is any number that differs from process to process:
    /// it spreads the waits and makes the request ids unlike those of other processes (rules L3, O5).
    #[must_use]
    pub fn new(config: Config, seed: u64, now: Instant) -> Self {
        let config = Arc::new(config.completed());
        let mut gateway = Self {
            seed,
            state: State::Stopped,
            next_link: 0,
            trusted: false,
            backoff: Backoff::new(config.backoff_base, config.backoff_cap),
            timers: Timers::new(),
            requests: Requests::new(backoff::draw(seed, u64::MAX)),
            ledger: Ledger::new(config.dedupe_window),
            routing: Routing::new(config.route_limit),
            outbox: Outbox::default(),
            skipped: Skipped::default(),
            config,
        };
        gateway.dial(now);
        gateway
    }

    // A. What the world does

    /// Something happened on a link. Events of old links change nothing (rule L4).
    pub fn handle_link(&mut self, event: LinkEvent, now: Instant) {
        match event {
            LinkEvent::Opened(link, _) => self.on_opened(link, now),
            LinkEvent::Received(link, message) => self.on_received(link, message, now),
            LinkEvent::Pong(link, number) => self.on_pong(link, number),
            LinkEvent::TooLarge(link) => self.on_too_large(link, now),
            LinkEvent::Closed(link, ended) => self.on_closed(link, ended, now),
            LinkEvent::DialFailed(link, error) => self.on_dial_failed(link, error, now),
        }
        self.settle(now);
    }

    /// Time has passed. With nothing due, this changes nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(Deadline { at, timer }) = self.poll_timeout()
            && at <= now
        {
            self.timers.stop(timer);
            self.on_timer(timer, at, now);
        }
        self.settle(now);
    }

    // B. What the application does

    /// Asks for an action on a platform. Its [`Event::Resolved`] comes exactly once (rule O1).
    ///
    /// # Errors
    /// When the action is refused at once, which then was certainly not done; it is given back.
    #[expect(clippy::result_large_err, reason = "the argument goes back as it came")]
    pub fn request(
        &mut self,
        action: Action,
        options: &Options,
        now: Instant,
    ) -> Result<RequestId, Rejected<Action>> {
        self.open_request(action, options, now)
    }

    /// The application holds the delivery durably: its ack may go out (rule D1). False when no such delivery
    /// waits, because it was stored or released before.
    pub fn stored(&mut self, delivery: DeliveryId, now: Instant) -> bool {
        let known = self.on_stored(delivery);
        self.settle(now);
        known
    }

    /// The application does not take the delivery: it is forgotten, and handed out anew if it comes again (rule
    /// D4). False when no such delivery waits.
    pub fn release(&mut self, delivery: DeliveryId, now: Instant) -> bool {
        let known = self.ledger.release(delivery);
        self.settle(now);
        known
    }

    /// Tells the connector to stop what runs in this session elsewhere.
    ///
    /// # Errors
    /// When no link is open: an interrupt is for now, or not at all.
    pub fn interrupt(&mut self, session_key: &str, reason: Option<&str>) -> Result<(), NotNow> {
        self.send_interrupt(session_key, reason)
    }

    /// Asks the connector to only buffer, and then closes the link (rules I1 to I3). Ends in [`Event::Dormant`] or
    /// [`Event::DormancyRefused`].
    ///
    /// # Errors
    /// When there is no link to leave, or it is being left already.
    pub fn go_dormant(&mut self, now: Instant) -> Result<(), NotNow> {
        self.begin_dormancy(now)
    }

    /// Something wants the gateway up: without a link, it dials at once (rule L7); on the way into dormancy, it
    /// links anew. Ends a hold. Otherwise this changes nothing.
    pub fn wake(&mut self, now: Instant) {
        self.on_wake(now);
    }

    /// Parks the dials that the gateway would make of its own accord, until [`wake`](Self::wake) or until the
    /// hold limit is over (rule L8). A hold while one lasts does not make it longer.
    pub fn hold(&mut self, now: Instant) {
        if !self.state.is_final() && !self.timers.is_set(Timer::Hold) {
            self.timers.set(Timer::Hold, now + self.config.hold_limit);
        }
    }

    /// Gives the link up for good (rules I4, L6). Ends in [`Event::ShutDown`].
    pub fn shut_down(&mut self, now: Instant) {
        self.begin_shutdown(now);
    }

    /// A delivery with these keys was stored before this machine came to be: it will not be handed out (rule W2).
    pub fn remember(&mut self, keys: DeliveryKeys) {
        self.ledger.remember(keys);
    }

    /// The chat lived there before this machine came to be (rule O7).
    pub fn restore_route(&mut self, chat_id: &str, route: Route<'_>) {
        self.routing.learn(chat_id, route);
    }

    // C. What comes out

    /// The next thing to do with the network. A frame that this gives counts as written.
    #[must_use]
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        loop {
            match self.outbox.pop_transmit()? {
                Queued::Ready(transmit) => return Some(transmit),
                Queued::Ack(link, line) => return Some(Transmit::Frame(link, line)),
                Queued::Request(link, id) => {
                    if let Some(frame) = self.requests.write(id) {
                        return Some(Transmit::Frame(link, frame));
                    }
                }
            }
        }
    }

    /// The next thing that happened to the link or a request.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.outbox.events.pop_front()
    }

    /// The next thing that the peer sent for the application.
    #[must_use]
    pub fn poll_inbound(&mut self) -> Option<Inbound> {
        self.outbox.pop_inbound()
    }

    /// When the machine next wants [`handle_timeout`](Self::handle_timeout); never, when there is nothing to wait
    /// for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let table = self.timers.next();
        let request = self.requests.next_deadline().map(|at| (at, Timer::Request));
        let pong = self.state.pong_deadline().map(|at| (at, Timer::Pong));
        let (at, timer) = [table, pong, request].into_iter().flatten().min()?;
        Some(Deadline { at, timer })
    }

    // D. What it looks like

    /// What the gateway is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.describe_state()
    }

    /// The dial under way or the open link (rule L1). What [`poll_transmit`](Self::poll_transmit) still gives for
    /// another link is the last of it.
    #[must_use]
    pub fn link(&self) -> Option<LinkId> {
        self.state.token().map(|token| token.link)
    }

    /// Whether [`poll_inbound`](Self::poll_inbound) has something to give.
    #[must_use]
    pub fn has_inbound(&self) -> bool {
        self.outbox.has_inbound()
    }

    /// Whether the driver should read from the socket. Where not, the application has more than enough to take,
    /// and the peer should feel it (rule D6).
    #[must_use]
    pub fn wants_read(&self) -> bool {
        !(self.is_app_behind() || self.is_peer_behind()) || self.awaits_peer()
    }

    /// The descriptor of a platform, or the link's default one (rule H2). `None` without a link, and for a platform of
    /// the gateway's own whose descriptor is still to come.
    #[must_use]
    pub fn descriptor(&self, platform: Option<&str>) -> Option<&Descriptor> {
        self.state.descriptor(platform, &self.config.identities)
    }

    /// The descriptor that counts for this chat: that of its platform, or the default one (rule H3).
    #[must_use]
    pub fn chat_descriptor(&self, chat_id: &str) -> Option<&Descriptor> {
        self.descriptor(self.routing.get(chat_id).and_then(|route| route.platform))
    }

    /// Where each known chat lives, the one that was silent the longest first (rule O7).
    #[must_use]
    pub fn routes(&self) -> Vec<(&str, Route<'_>)> {
        self.routing.all()
    }

    /// How many requests are open.
    #[must_use]
    pub fn open_requests(&self) -> usize {
        self.requests.len()
    }

    /// How many deliveries are neither stored nor released.
    #[must_use]
    pub fn open_deliveries(&self) -> usize {
        self.ledger.waiting()
    }

    /// What was left unread so far.
    #[must_use]
    pub fn skipped(&self) -> Skipped {
        self.skipped
    }

    /// What the gateway was told beforehand.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }
}
