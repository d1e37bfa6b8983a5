//! One state of a world: both machines, what lies between and behind them, and what must be remembered to judge.

use std::collections::{BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use relay_proto::connector::Session;
use relay_proto::gateway::{DeliveryKeys, Gateway, Status};
use relay_proto::{DeliveryId, Instant, LinkId, RequestId, Ticket, connector};

use super::rebased::Rebased;
use super::wire::Wire;
use super::world::Counts;

/// One state of a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub(super) now: Instant,
    /// `None` while its process is dead.
    pub(super) gateway: Option<Gateway>,
    pub(super) session: Session,
    pub(super) wires: Vec<Wire>,
    pub(super) dialing: Option<LinkId>,
    /// The link whose sink takes nothing.
    pub(super) stalled: Option<LinkId>,
    pub(super) app: App,
    pub(super) desk: Desk,
    pub(super) left: Counts,
    pub(super) seen: Seen,
    pub(super) broken: Option<Broken>,
}

/// The application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct App {
    /// Handed out, and not kept.
    pub(super) arrived: VecDeque<Arrived>,
    /// Kept, and the machine not told.
    pub(super) untold: VecDeque<Arrived>,
    /// Kept durably, in this order.
    pub(super) kept: Vec<(u64, DeliveryKeys)>,
    /// Of the kept ones, which the present machine knows to be kept.
    pub(super) told: BTreeSet<u64>,
    /// Refused, and not handed out anew.
    pub(super) released: BTreeSet<u64>,
    pub(super) asked: Vec<Asked>,
    pub(super) requests: u64,
}

/// A delivery at the application.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Arrived {
    pub(super) id: DeliveryId,
    pub(super) number: u64,
    pub(super) keys: DeliveryKeys,
}

/// A request that is not resolved.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    pub(super) id: RequestId,
    pub(super) number: u64,
    pub(super) written: bool,
}

/// The connector's store, and the platform behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Desk {
    pub(super) store: BTreeSet<u64>,
    pub(super) appended: u64,
    pub(super) accepted_links: u64,
    pub(super) pending: VecDeque<(Ticket, u64)>,
    pub(super) performed: BTreeSet<u64>,
    pub(super) poke: bool,
}

/// What was seen from outside, and is needed to judge what comes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Seen {
    pub(super) lives: u64,
    /// The dial or the link that the gateway holds, as its transmits say.
    pub(super) held: Option<Held>,
    /// A handshake has succeeded in this life.
    pub(super) trusted: bool,
    pub(super) disabled: bool,
    pub(super) shut_down_asked: bool,
    /// Until when the application has parked re-dials at most (rule L8).
    pub(super) parked_until: Instant,
    /// What was ever handed out, for the order.
    pub(super) handed_out: BTreeSet<u64>,
    pub(super) ever_released: BTreeSet<u64>,
    /// Requests that certainly were not done.
    pub(super) failed: BTreeSet<u64>,
    pub(super) session: SeenSession,
}

/// The gateway's dial or link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Held {
    pub(super) id: LinkId,
    pub(super) opened: bool,
    pub(super) linked: bool,
    pub(super) idle_acked: bool,
    pub(super) good_until: Instant,
}

/// The session's life, and its link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct SeenSession {
    pub(super) link: Option<LinkId>,
    pub(super) hellos: usize,
    pub(super) descriptors: usize,
    pub(super) flipped: bool,
    /// Given out on this link, in this order.
    pub(super) given: Vec<u64>,
    /// Acks that came in this life.
    pub(super) acked: BTreeSet<u64>,
    /// Entries that are done, in this life.
    pub(super) settled: BTreeSet<u64>,
}

/// A rule that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Broken {
    pub(super) rule: &'static str,
    pub(super) how: String,
}

impl Hash for State {
    fn hash<H: Hasher>(&self, into: &mut H) {
        let mut into = Rebased { inner: into, now: self.now };
        self.gateway.hash(&mut into);
        self.session.hash(&mut into);
        (&self.wires, self.dialing, self.stalled, &self.app, &self.desk).hash(&mut into);
        (self.left, &self.seen, &self.broken).hash(&mut into);
    }
}

impl State {
    /// The same number for states between which nobody can tell.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    pub(super) fn status(&self) -> Option<Status> {
        self.gateway.as_ref().map(Gateway::status)
    }

    pub(super) fn has_kept(&self, number: u64) -> bool {
        self.app.kept.iter().any(|(kept, _)| *kept == number)
    }

    /// The place of the wire that the gateway holds.
    pub(super) fn gateways_wire(&self) -> Option<usize> {
        self.wires.iter().position(|wire| wire.gateway.holds)
    }

    /// Linked and drained, or at an end that is wanted.
    pub(super) fn has_arrived(&self) -> bool {
        match self.status() {
            Some(Status::Disabled | Status::ShutDown) => true,
            Some(Status::Linked) => {
                self.session.status() == connector::Status::Live
                    && self.session.backlog() == 0
                    && self.app.kept.len() as u64 == self.desk.appended
                    && self.app.asked.is_empty()
            }
            Some(_) | None => false,
        }
    }
}
