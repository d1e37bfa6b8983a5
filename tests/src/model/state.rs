//! One state of a world: both machines, what lies between and behind them, and what must be remembered to judge.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use relay_proto::connector::Session;
use relay_proto::gateway::{DeliveryKeys, Gateway, Status};
use relay_proto::{DeliveryId, Instant, LinkId, RequestId, Ticket, connector};

use super::act::Act;
use super::numbers::Numbers;
use super::rebased::Rebased;
use super::rules::Rule;
use super::seen::Seen;
use super::shared::Shared;
use super::wire::Wire;
use super::world::{Counts, World};

/// One state of a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub(super) now: Instant,
    /// `None` while its process is dead.
    pub(super) gateway: Option<Shared<Gateway>>,
    pub(super) session: Shared<Session>,
    pub(super) wires: Vec<Wire>,
    pub(super) dialing: Option<LinkId>,
    /// The link whose sink takes nothing of the gateway's.
    pub(super) stalled: Option<LinkId>,
    /// The link whose sink takes nothing of the session's.
    pub(super) session_stalled: Option<LinkId>,
    pub(super) app: App,
    pub(super) desk: Desk,
    pub(super) left: Counts,
    pub(super) seen: Seen,
    pub(super) broken: Vec<Broken>,
    /// Where the way back goes on from here; follows from the rest.
    pub(super) way: Option<Act>,
    /// Whether the gateway is another one, or of another time, than in the state before.
    pub(super) fresh: bool,
    /// When the machines were hashed.
    pub(super) sealed_at: Option<Instant>,
    /// The same number for states between which nobody can tell; follows from the rest.
    pub(super) fingerprint: u64,
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
    pub(super) told: Numbers,
    /// Refused, and not handed out anew.
    pub(super) released: Numbers,
    pub(super) asked: Vec<Asked>,
    pub(super) requests: u64,
}

/// A delivery at the application.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Arrived {
    pub(super) id: DeliveryId,
    pub(super) number: u64,
    pub(super) keys: DeliveryKeys,
    /// The entries that it came as.
    pub(super) entries: Numbers,
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
    pub(super) store: Numbers,
    /// The dead letters.
    pub(super) dead: Numbers,
    pub(super) appended: u64,
    pub(super) accepted_links: u64,
    pub(super) pending: VecDeque<(Ticket, u64)>,
    pub(super) performed: Numbers,
    pub(super) poke: bool,
}

/// A rule that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Broken {
    pub(super) rule: Rule,
    pub(super) how: String,
}

impl Hash for State {
    fn hash<H: Hasher>(&self, into: &mut H) {
        into.write_u64(self.fingerprint);
    }
}

impl State {
    /// To be called once a step is over: works out what follows from the rest.
    pub(super) fn seal(&mut self) {
        let (now, later) = (self.now, self.sealed_at != Some(self.now));
        self.fresh = self.gateway.as_mut().is_some_and(|gateway| gateway.seal(now, later));
        self.session.seal(now, later);
        self.sealed_at = Some(now);
        let mut into = Rebased::new(now);
        self.gateway.hash(&mut into);
        self.session.hash(&mut into);
        (&self.wires, self.dialing, self.stalled, self.session_stalled).hash(&mut into);
        (&self.app, &self.desk, self.left, &self.seen, &self.broken).hash(&mut into);
        self.fingerprint = into.finish();
        let mut acts = Vec::new();
        self.healthy_acts(&mut acts);
        self.way = acts.first().copied();
    }

    pub(super) fn status(&self) -> Option<Status> {
        self.gateway.as_ref().map(|gateway| gateway.status())
    }

    pub(super) fn has_kept(&self, number: u64) -> bool {
        self.app.kept.iter().any(|(kept, _)| *kept == number)
    }

    /// Whether the session takes links.
    pub(super) fn is_session_open(&self) -> bool {
        !matches!(self.session.status(), connector::Status::Revoked | connector::Status::ShutDown)
    }

    /// How many deliveries the application holds that the machine does not know to be kept.
    pub(super) fn held_by_app(&self) -> usize {
        self.app.arrived.len() + self.app.untold.len()
    }

    /// The delivery of this number that the application has, and that the machine does not know to be kept.
    pub(super) fn waiting(&mut self, number: u64) -> Option<&mut Arrived> {
        self.app.arrived.iter_mut().chain(&mut self.app.untold).find(|arrived| arrived.number == number)
    }

    /// The place of the wire that the gateway holds.
    pub(super) fn gateways_wire(&self) -> Option<usize> {
        self.wires.iter().position(|wire| wire.gateway.holds)
    }

    /// Linked and drained, or at an end that is wanted.
    pub(super) fn has_arrived(&self, world: &World) -> bool {
        match self.status() {
            Some(Status::Disabled | Status::ShutDown) => true,
            Some(Status::Linked) => {
                let alive = self.wires.iter().all(|wire| wire.dead.is_none() || !wire.gateway.holds);
                let given = &self.seen.session.given;
                let done = |entry| !world.is_acked(entry) && given.contains(&entry);
                let kept = |entry| self.has_kept(world.content(entry)) || self.desk.dead.contains(entry);
                alive
                    && self.session.status() == connector::Status::Live
                    && self.desk.store.iter().all(done)
                    && (0..self.desk.appended).all(kept)
                    && self.app.asked.is_empty()
            }
            Some(_) | None => false,
        }
    }
}
