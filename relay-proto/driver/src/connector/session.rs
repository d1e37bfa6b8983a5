//! One instance's session: the machine, its mailbox, and the handles to both.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use relay_proto::codec::Encode;
use relay_proto::connector::{self as machine, NotNow, Status};
use relay_proto::frame::ToGateway;
use relay_proto::json::Json;
use relay_proto::{DeliveryKind, Features, Instant, LinkId, Position};

use super::mailbox::{AppendError, DeadLetter, Mailbox, MailboxLimits};
use super::platform::Owner;
use crate::lanes::Lanes;
use crate::runtime::Clock;
use crate::signal::{Signal, Watched, change};
use crate::socket::Socket;

/// One instance's session. Clones are handles to the same one.
#[derive(Clone)]
pub struct Session(pub(super) Arc<Shared>);

pub(super) struct Shared {
    owner: Owner,
    clock: Box<dyn Clock>,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) machine: machine::Session,
    pub(super) mailbox: Mailbox,
    /// The gateway's requests, a lane for each chat.
    pub(super) lanes: Lanes<machine::Outbound>,
    /// What the platforms are doing for it, also for links that are gone.
    pub(super) under_way: UnderWay,
    /// Its interrupts that a platform is at.
    pub(super) interrupting: UnderWay,
    /// How many of its hellos a platform is at.
    pub(super) describing: usize,
    /// The driving task.
    pub(super) driver: Signal,
    /// Sockets that were accepted for this instance, and that the driving task is to take.
    pub(super) accepted: VecDeque<Accepted>,
    /// How often a credential was revoked.
    pub(super) revocations: u64,
    pub(super) next_link: u64,
    pub(super) status: Watched<Status>,
    /// Where a sleeping host is woken.
    wake_url: Option<String>,
    /// Whether the driving task is gone.
    pub(super) ended: Watched<bool>,
}

/// Requests, or interrupts, that a platform has begun with, and their bytes. A link that ends gives its requests up, but
/// they end when the platform says so: without a bound, a gateway that dials anew and anew would have more and more.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    requests: usize,
    bytes: usize,
}

impl UnderWay {
    /// Whether another one may begin.
    pub(super) fn has_room_for(&self, bytes: usize, config: &machine::Config) -> bool {
        config.has_room_for(bytes, self.requests, self.bytes)
    }

    pub(super) fn begins(&mut self, bytes: usize) {
        self.requests += 1;
        self.bytes += bytes;
    }

    pub(super) fn ends(&mut self, bytes: usize) {
        self.requests -= 1;
        self.bytes -= bytes;
    }
}

/// A socket whose token was accepted.
pub(super) struct Accepted {
    pub(super) link: LinkId,
    /// How often a credential had been revoked when the token was checked: one more, and it may be that one's.
    pub(super) revocations: u64,
    pub(super) features: Features,
    pub(super) socket: Box<dyn Socket>,
}

impl Shared {
    pub(super) fn new(
        owner: Owner,
        clock: Box<dyn Clock>,
        config: machine::Config,
        limits: MailboxLimits,
    ) -> Self {
        let machine = machine::Session::new(config);
        let state = State {
            status: Watched::new(machine.status()),
            machine,
            mailbox: Mailbox::new(limits),
            lanes: Lanes::default(),
            under_way: UnderWay::default(),
            interrupting: UnderWay::default(),
            describing: 0,
            driver: Signal::default(),
            accepted: VecDeque::new(),
            revocations: 0,
            next_link: 0,
            wake_url: None,
            ended: Watched::new(false),
        };
        Self { owner, clock, state: Mutex::new(state) }
    }

    pub(super) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The state; a panic elsewhere does not make it unusable, for no call leaves the machine half done.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something done to the machine from outside: the driving task has to look.
    pub(super) fn act<T>(&self, act: impl FnOnce(&mut State, Instant) -> T) -> T {
        let now = self.clock.now();
        let mut state = self.lock();
        let result = act(&mut state, now);
        state.publish();
        state.driver.wake();
        result
    }
}

impl State {
    pub(super) fn publish(&mut self) {
        let status = self.machine.status();
        self.status.set(status);
    }

    pub(super) fn set_wake_url(&mut self, wake_url: Option<String>) {
        self.machine.set_wakeable(wake_url.is_some());
        self.wake_url = wake_url;
    }

    pub(super) fn wake_url(&self) -> Option<&str> {
        self.wake_url.as_deref()
    }
}

impl Session {
    /// Whose session it is.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        &self.0.owner
    }

    /// Buffers an event or a forwarded request, raw JSON both, for the instance. From here on it goes out until it
    /// is acked (rules C3, C16).
    ///
    /// # Errors
    /// When it is not buffered.
    pub fn append(&self, kind: DeliveryKind, json: &str) -> Result<Position, AppendError> {
        let payload = Json::parse(json).ok_or(AppendError::NotJson)?;
        self.0.act(|state, now| {
            if state.machine.status() == Status::Revoked {
                return Err(AppendError::Revoked);
            }
            let position = state.machine.next_position();
            let buffer_id = Some(state.machine.buffer_id(position).into());
            let line = match kind {
                DeliveryKind::Message => ToGateway::Inbound { event: payload, buffer_id }.to_line(),
                DeliveryKind::Passthrough => ToGateway::Passthrough { forward: payload, buffer_id }.to_line(),
            };
            if !state.mailbox.has_room_for(&line) {
                return Err(AppendError::Full);
            }
            let bytes = line.len();
            state.mailbox.append(position, line, now);
            Ok(state.machine.append(kind, bytes, now))
        })
    }

    /// Tells the gateway that a user stops what runs in this session.
    ///
    /// # Errors
    /// When the gateway is not connected: an interrupt is for now, or not at all.
    pub fn interrupt(&self, session_key: &str, chat_id: &str) -> Result<(), NotNow> {
        self.0.act(|state, _| state.machine.interrupt(session_key, chat_id))
    }

    /// Closes the link, if there is one; the gateway is free to dial again.
    pub fn disconnect(&self) {
        self.0.act(|state, _| state.machine.disconnect());
    }

    /// What the session is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.0.lock().machine.status()
    }

    /// How many entries are not done.
    #[must_use]
    pub fn backlog(&self) -> u64 {
        self.0.lock().machine.backlog()
    }

    /// For how long the oldest entry has waited, in milliseconds.
    #[must_use]
    pub fn oldest_age(&self) -> Option<u64> {
        let now = self.0.clock.now();
        let oldest = self.0.lock().mailbox.oldest()?;
        Some(now.as_millis().saturating_sub(oldest.as_millis()))
    }

    /// The entries that will not go out, the oldest first.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.0.lock().mailbox.dead_letters().cloned().collect()
    }

    /// Waits until the status is one that `wanted` accepts, which it may be at once. It sees the latest status,
    /// not every one.
    pub async fn wait_for(&self, mut wanted: impl FnMut(Status) -> bool) -> Status {
        let mut seen = None;
        loop {
            let (status, changes) = change(|| {
                let state = self.0.lock();
                state.status.changed_since(seen.unwrap_or_else(|| state.status.changes().wrapping_sub(1)))
            })
            .await;
            seen = Some(changes);
            // Without the lock: the caller may well look at the session.
            if wanted(status) {
                return status;
            }
        }
    }

    /// Waits until the driving task is gone.
    pub(super) async fn ended(&self) {
        change(|| self.0.lock().ended.changed_since(0)).await;
    }

    /// Hands the driving task a socket whose upgrade is complete and whose token was accepted after so many revocations.
    /// Gives it back when that task has nothing to do any more.
    pub(super) fn accept<S: Socket>(&self, revocations: u64, features: Features, socket: S) -> Result<(), S> {
        self.0.act(|state, _| {
            if state.machine.status() == Status::ShutDown {
                return Err(socket);
            }
            let link = LinkId(state.next_link);
            state.next_link += 1;
            state.accepted.push_back(Accepted { link, revocations, features, socket: Box::new(socket) });
            Ok(())
        })
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("owner", &self.0.owner).finish_non_exhaustive()
    }
}
