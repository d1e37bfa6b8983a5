//! The connector as a whole: its gateways and their sessions.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use relay_proto::connector::{self as machine, Status};
use relay_proto::{Close, CloseCode, Features, LinkId};

use super::driver::Driver;
use super::mailbox::MailboxLimits;
use super::platform::{Owner, Platform};
use super::registry::{GatewayRecord, RegisterError, Registry, Revocation};
use super::session::{Session, Shared};
use crate::port::Port;
use crate::runtime::Runtime;
use crate::socket::Socket;

/// What a connector needs to know.
#[derive(Clone, Debug, Default)]
pub struct ConnectorConfig {
    /// The settings of each session's machine. `stream` is drawn anew by each connector, whatever stands here, because
    /// the mailboxes do not outlive it; `wakeable` follows from each gateway's record.
    pub session: machine::Config,
    /// How much each mailbox holds.
    pub mailbox: MailboxLimits,
}

/// A connector: it knows gateways, keeps a mailbox for each instance, and drives the sessions. Clones are handles
/// to the same one; when the last is dropped, it shuts down.
pub struct Connector<R: Runtime>(Arc<Inner<R>>);

struct Inner<R> {
    config: ConnectorConfig,
    platform: Arc<dyn Platform>,
    runtime: R,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    registry: Registry,
    sessions: BTreeMap<String, Session>,
}

/// Whether an upgrade's token was accepted, and whose session the socket belongs to.
pub struct Admission(Result<Admitted, Close>);

/// A session, and how often a credential for it had been revoked by then.
struct Admitted {
    session: Session,
    revocations: u64,
}

impl Admission {
    /// With which close frame the socket will be refused, if it will (rule C1).
    #[must_use]
    pub fn refusal(&self) -> Option<&Close> {
        self.0.as_ref().err()
    }
}

/// An instance as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceStatus {
    /// The gateway that has it.
    pub gateway_id: String,
    /// Whose it is.
    pub owner: Owner,
    /// What its session is doing.
    pub status: Status,
    /// How many entries are not done.
    pub backlog: u64,
    /// For how long the oldest of them has waited, in milliseconds.
    pub oldest_age: Option<u64>,
    /// How many entries will not go out.
    pub dead_letters: usize,
}

impl<R: Runtime> Connector<R> {
    /// A connector that knows nobody yet.
    pub fn new(mut config: ConnectorConfig, platform: Arc<dyn Platform>, runtime: R) -> Self {
        // Mailboxes in memory begin anew with each process, and so must the names of their entries: a gateway would
        // take the first ones for duplicates.
        config.session.stream = format!("{:016x}", runtime.seed()).into();
        Self(Arc::new(Inner { config, platform, runtime, state: Mutex::default() }))
    }

    /// From now on the gateway may connect. A known one takes on the new record; a revoked one is accepted again.
    ///
    /// # Errors
    /// When the record contradicts another one.
    pub fn register(&self, record: GatewayRecord) -> Result<(), RegisterError> {
        let mut state = self.lock();
        let (owner, wake_url) = (record.owner.clone(), record.wake_url.clone());
        state.registry.register(record)?;
        if let Some(session) = state.sessions.get(&owner.instance) {
            session.0.act(|session, _| {
                session.machine.reinstate();
                session.set_wake_url(wake_url);
            });
            return Ok(());
        }
        let ConnectorConfig { session, mailbox } = self.0.config.clone();
        let clock = Box::new(self.0.runtime.clone());
        let shared = Arc::new(Shared::new(owner.clone(), clock, session, mailbox));
        shared.lock().set_wake_url(wake_url);
        let driver = Driver::new(shared.clone(), self.0.platform.clone(), self.0.runtime.clone());
        self.0.runtime.spawn(Box::pin(driver));
        state.sessions.insert(owner.instance, Session(shared));
        Ok(())
    }

    /// The gateway is not accepted any more: its link is closed at once, and every later upgrade refused (rule
    /// C11). False when it is not known.
    #[must_use]
    pub fn revoke(&self, gateway_id: &str) -> bool {
        let mut state = self.lock();
        let instance = match state.registry.revoke(gateway_id) {
            Revocation::Unknown => return false,
            Revocation::Before => return true,
            Revocation::Now(owner) => owner.instance.clone(),
        };
        if let Some(session) = state.sessions.get(&instance) {
            session.0.act(|session, _| {
                session.revocations += 1;
                session.machine.revoke();
            });
        }
        true
    }

    /// Checks the `Authorization` header of an upgrade. The upgrade is to be completed in any case, and its socket
    /// handed to [`attach`](Self::attach): a refusal is a WebSocket close (rule C1).
    #[must_use]
    pub fn authenticate(&self, authorization: Option<&str>) -> Admission {
        let state = self.lock();
        let record = state.registry.authenticate(authorization, self.0.runtime.unix_time());
        Admission(record.map(|record| {
            let session = state.sessions[&record.owner.instance].clone();
            let revocations = session.0.lock().revocations;
            Admitted { session, revocations }
        }))
    }

    /// Takes a socket whose upgrade is complete.
    pub fn attach(&self, admission: Admission, features: Features, socket: impl Socket) {
        match admission.0 {
            Ok(Admitted { session, revocations }) => {
                if let Err(socket) = session.accept(revocations, features, socket) {
                    self.refuse(socket, &Close::new(CloseCode::GOING_AWAY, "shutting down"));
                }
            }
            Err(close) => self.refuse(socket, &close),
        }
    }

    fn refuse(&self, socket: impl Socket, close: &Close) {
        let mut port = Port::new(self.0.runtime.clone());
        port.refuse(LinkId(0), socket, close);
        self.0.runtime.spawn(Box::pin(poll_fn(move |cx| {
            if port.poll_closed(cx) { Poll::Ready(()) } else { Poll::Pending }
        })));
    }

    /// The session of an instance.
    #[must_use]
    pub fn session(&self, instance: &str) -> Option<Session> {
        self.lock().sessions.get(instance).cloned()
    }

    /// The sessions of all instances, in the order of the instances' names.
    #[must_use]
    pub fn sessions(&self) -> Vec<Session> {
        self.lock().sessions.values().cloned().collect()
    }

    /// Every instance as an operator sees it, in the order of the gateways' names.
    #[must_use]
    pub fn instances(&self) -> Vec<InstanceStatus> {
        let state = self.lock();
        let gateways = state.registry.all();
        let status = |(record, revoked): (&GatewayRecord, bool)| {
            let session = state.sessions.get(&record.owner.instance)?;
            Some(InstanceStatus {
                gateway_id: record.id.clone(),
                owner: record.owner.clone(),
                status: if revoked { Status::Revoked } else { session.status() },
                backlog: session.backlog(),
                oldest_age: session.oldest_age(),
                dead_letters: session.dead_letters().len(),
            })
        };
        gateways.filter_map(status).collect()
    }

    /// Closes every link. The gateways are told that the connector goes away, and will dial again.
    pub async fn shut_down(&self) {
        let sessions = self.sessions();
        for session in &sessions {
            session.0.act(|session, _| session.machine.shut_down());
        }
        for session in sessions {
            session.ended().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R> Drop for Inner<R> {
    /// A gateway whose link stayed would never dial the connector that comes after this one.
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        for session in state.sessions.values() {
            session.0.act(|session, _| session.machine.shut_down());
        }
    }
}

impl<R: Runtime> Clone for Connector<R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<R: Runtime> fmt::Debug for Connector<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("instances", &self.instances().len()).finish_non_exhaustive()
    }
}
