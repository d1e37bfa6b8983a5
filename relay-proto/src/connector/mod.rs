//! The connector's end of the link, as a state machine: one session for each gateway instance.

mod config;
mod event;
mod link;
mod mailbox;
mod outbound;
mod tickets;

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

pub use config::Config;
pub use event::{Cause, DeathCause, Event, Hello, Outbound, Transmit, Violation};
use link::Link;
use mailbox::{Give, Mailbox};
pub use outbound::NotNow;
use tickets::Tickets;

use crate::close::{Close, CloseCode};
use crate::codec::Scratch;
use crate::event::Descriptor;
use crate::frame::DeliveryKind;
use crate::ids::{self, LinkId, Position, Ticket};
use crate::link::LinkEvent;
use crate::time::Instant;
use crate::timers::{TimerKind, Timers};

/// The connector's end: the link and the mailbox of one gateway instance.
///
/// # Driving it
///
/// As with the gateway's machine, a session does nothing by itself. Its methods fall into four classes:
///
/// - **A. What the world does**: [`handle_link`](Self::handle_link) and [`handle_timeout`](Self::handle_timeout).
///   Links are numbered by the driver, which has checked the upgrade's token before it reports one as opened.
/// - **B. What the platforms and the operator do**: [`append`](Self::append), [`describe`](Self::describe),
///   [`respond`](Self::respond), [`interrupt`](Self::interrupt), [`bury`](Self::bury), [`revoke`](Self::revoke),
///   [`shut_down`](Self::shut_down).
/// - **C. What comes out**: [`poll_transmit`](Self::poll_transmit), only when the socket can take more;
///   [`poll_event`](Self::poll_event), always; [`poll_timeout`](Self::poll_timeout).
/// - **D. What it looks like**: [`status`](Self::status), [`wants_read`](Self::wants_read).
///
/// After any call of class A or B, drain what class C gives, and sleep until the deadline of `poll_timeout` or the
/// next happening.
///
/// The bodies of entries stay in a store of the driver's. An entry is appended to the store first, and to the
/// session second (rule C16); the session says when a position goes out, and when it is done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Session {
    config: Arc<Config>,
    link: Option<Link>,
    mailbox: Mailbox,
    tickets: Tickets,
    timers: Timers<{ Timer::ALL.len() }>,
    /// Whether the instance has a wake URL.
    wakeable: bool,
    /// When the next poke may be (rule C8).
    poke_from: Instant,
    closed: Closed,
    transmits: VecDeque<Transmit>,
    /// Of the frames among them.
    queued_bytes: usize,
    events: VecDeque<Event>,
    scratch: Scratch,
    skipped: Skipped,
}

/// Whether links are still taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Closed {
    No,
    Revoked,
    ShutDown,
}

/// When the session next wants [`Session::handle_timeout`], and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Deadline {
    /// When.
    pub at: Instant,
    /// What for.
    pub timer: Timer,
}

/// The session's timers, each with its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// A gateway may connect and say nothing (rule C15).
    Hello,
    /// The beat of the pings (rule K1).
    Ping,
    /// The peer has not answered a ping (rule K1).
    Pong,
    /// A gateway that asked to be only buffered for is still there (rule C7).
    Flip,
    /// Entries wait for a gateway that is away, and its last poke is long enough ago (rule C8).
    Poke,
}

impl TimerKind for Timer {
    const ALL: &'static [Self] = &[Self::Hello, Self::Ping, Self::Pong, Self::Flip, Self::Poke];

    fn number(self) -> usize {
        self as usize
    }
}

/// What a session is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// No link: entries wait.
    Offline,
    /// A link, and no answered hello yet.
    Greeting,
    /// Entries go out.
    Live,
    /// A link, but the gateway asked to be only buffered for.
    Flipped,
    /// The credential is revoked.
    Revoked,
    /// The session is shut down.
    ShutDown,
}

/// What was left unread on all links so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Skipped {
    /// Lines that are no frames.
    pub malformed: u64,
    /// Frames of types that this crate does not know.
    pub unknown: u64,
    /// Acks of entries that wait for none.
    pub unknown_acks: u64,
    /// Results that came after their link was gone.
    pub late_results: u64,
}

impl Session {
    /// A session with an empty mailbox and no link.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let config = config.completed();
        Self {
            mailbox: Mailbox::new(config.window, config.give_outs),
            wakeable: config.wakeable,
            config: Arc::new(config),
            link: None,
            tickets: Tickets::default(),
            timers: Timers::new(),
            poke_from: Instant::ZERO,
            closed: Closed::No,
            transmits: VecDeque::new(),
            queued_bytes: 0,
            events: VecDeque::new(),
            scratch: Scratch::default(),
            skipped: Skipped::default(),
        }
    }

    /// Takes over what the store holds: its entries in order, and the position that the next one will have. For a
    /// session that is new.
    pub fn restore(&mut self, entries: impl IntoIterator<Item = (Position, DeliveryKind)>, end: Position) {
        self.mailbox.restore(entries.into_iter(), end);
        self.plan_poke();
    }

    // A. What the world does

    /// Something happened on a link. Events of old links change nothing.
    pub fn handle_link(&mut self, event: LinkEvent, now: Instant) {
        match event {
            LinkEvent::Opened(link, features) => self.on_opened(link, features, now),
            LinkEvent::Received(link, message) => self.on_received(link, message, now),
            LinkEvent::Pong(link, number) => self.on_pong(link, number),
            LinkEvent::TooLarge(link) => self.on_too_large(link),
            LinkEvent::Closed(link, ended) => self.on_closed(link, ended),
            LinkEvent::DialFailed(..) => {}
        }
        self.poke_if_due(now);
    }

    /// Time has passed. With nothing due, this changes nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(Deadline { at, timer }) = self.poll_timeout()
            && at <= now
        {
            self.timers.stop(timer);
            self.on_timer(timer, now);
        }
    }

    // B. What the platforms and the operator do

    /// The store holds a new entry durably, whose line has this many bytes: its position, which is what
    /// [`next_position`](Self::next_position) said (rules C3, C16).
    pub fn append(&mut self, kind: DeliveryKind, bytes: usize, now: Instant) -> Position {
        let position = self.mailbox.append(kind);
        if bytes > self.config.send_limit {
            self.bury(position, DeathCause::TooLarge);
            return position;
        }
        self.plan_poke();
        self.poke_if_due(now);
        position
    }

    /// The answer to a [`Hello`]. The descriptors go out in the order of the hellos (rule H2). Of one with more than 64 KiB
    /// of JSON, which no gateway takes, what is known of the platform without asking goes out instead.
    pub fn describe(&mut self, link: LinkId, number: usize, descriptor: &Descriptor) {
        self.on_described(link, number, descriptor);
    }

    /// The answer to an [`Outbound`], as raw JSON; what is no JSON object is answered as a failure. After its link
    /// is gone, an answer comes too late and changes nothing.
    pub fn respond(&mut self, ticket: Ticket, result: &str) {
        self.on_response(ticket, result);
    }

    /// Tells the gateway that a user stops what runs in this session.
    ///
    /// # Errors
    /// When the gateway is not connected: an interrupt is for now, or not at all.
    pub fn interrupt(&mut self, session_key: &str, chat_id: &str) -> Result<(), NotNow> {
        self.send_interrupt(session_key, chat_id)
    }

    /// The entry must not go out, or not again. False when no such entry waits.
    pub fn bury(&mut self, position: Position, cause: DeathCause) -> bool {
        let known = self.mailbox.bury(position);
        if known {
            self.events.push_back(Event::DeadLetter(position, cause));
        }
        known
    }

    /// Closes the link, if there is one; the gateway is free to dial again.
    pub fn disconnect(&mut self) {
        self.give_up(Close::new(CloseCode::GOING_AWAY, "asked to connect anew"), Cause::Disconnected);
    }

    /// The gateway's credential is no longer accepted: the link is closed, and no further one is taken (rule C11).
    pub fn revoke(&mut self) {
        self.close_for_good(Closed::Revoked);
    }

    /// The instance has a wake URL from now on, or has none.
    pub fn set_wakeable(&mut self, wakeable: bool) {
        self.wakeable = wakeable;
        self.timers.stop(Timer::Poke);
        self.plan_poke();
    }

    /// The instance has a new credential: links are taken again. Only a revocation can be taken back.
    pub fn reinstate(&mut self) {
        if self.closed == Closed::Revoked {
            self.closed = Closed::No;
        }
    }

    /// The connector goes away: the link is closed, and no further one is taken. Its entries stay in the store.
    pub fn shut_down(&mut self) {
        self.close_for_good(Closed::ShutDown);
    }

    /// Makes `epoch`, which must not lie in the future, the zero of the machine's clock: all times given from here on
    /// count from there. Nothing else changes. For model checkers; see [`Gateway::rebase`](crate::gateway::Gateway).
    pub fn rebase(&mut self, epoch: Instant) {
        self.timers.rebase(epoch);
        self.poke_from.rebase(epoch);
        if let Some(link) = &mut self.link {
            link.rebase(epoch);
        }
    }

    // C. What comes out

    /// The next thing to do with the network. An entry that this gives counts as given out.
    #[must_use]
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        if let Some(transmit) = self.transmits.pop_front() {
            if let Transmit::Frame(_, line) = &transmit {
                self.queued_bytes -= line.len();
            }
            return Some(transmit);
        }
        let link = self.link.as_ref().filter(|link| link.takes_entries())?;
        let (id, acks_passthroughs) = (link.id(), link.acks_passthroughs());
        loop {
            match self.mailbox.give(acks_passthroughs) {
                Give::Entry(position) => return Some(Transmit::Entry(id, position)),
                Give::Bury(position) => {
                    let give_outs = self.config.give_outs;
                    self.events.push_back(Event::DeadLetter(position, DeathCause::NeverAcked { give_outs }));
                }
                Give::Nothing => return None,
            }
        }
    }

    /// The next thing that happened or is to be seen to.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When the session next wants [`handle_timeout`](Self::handle_timeout); never, when there is nothing to wait
    /// for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let pong = self.link.as_ref().and_then(Link::pong_deadline).map(|at| (at, Timer::Pong));
        let (at, timer) = self.timers.next().into_iter().chain(pong).min()?;
        Some(Deadline { at, timer })
    }

    // D. What it looks like

    /// What the session is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        match (self.closed, &self.link) {
            (Closed::Revoked, _) => Status::Revoked,
            (Closed::ShutDown, _) => Status::ShutDown,
            (Closed::No, None) => Status::Offline,
            (Closed::No, Some(link)) => link.status(),
        }
    }

    /// Whether the driver should read from the socket. Where not, the peer asks for more than it takes.
    #[must_use]
    pub fn wants_read(&self) -> bool {
        self.transmits.len() <= self.config.request_limit
    }

    /// The position that the next entry will have: its line in the store bears that position's
    /// [`buffer_id`](Self::buffer_id).
    #[must_use]
    pub fn next_position(&self) -> Position {
        self.mailbox.end()
    }

    /// The `bufferId` of the entry at this position.
    #[must_use]
    pub fn buffer_id(&self, position: Position) -> String {
        format!("{}-{}", self.config.stream, position.0)
    }

    /// Whether somebody still waits for the result of this request: its link is up, and it has none yet.
    #[must_use]
    pub fn is_open(&self, ticket: Ticket) -> bool {
        self.tickets.is_open(ticket)
    }

    /// The link, if there is one.
    #[must_use]
    pub fn link(&self) -> Option<LinkId> {
        self.link.as_ref().map(Link::id)
    }

    /// How many entries are not done.
    #[must_use]
    pub fn backlog(&self) -> u64 {
        self.mailbox.backlog()
    }

    /// The first entry that is not done.
    #[must_use]
    pub fn oldest(&self) -> Option<Position> {
        self.mailbox.oldest()
    }

    /// What was left unread so far.
    #[must_use]
    pub fn skipped(&self) -> Skipped {
        self.skipped
    }

    /// What the session was told beforehand.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    fn parse_buffer_id(&self, buffer_id: &str) -> Option<Position> {
        let number = buffer_id.strip_prefix(&*self.config.stream)?.strip_prefix('-')?;
        ids::parse_number(number).map(Position)
    }
}
