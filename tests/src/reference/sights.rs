//! Where schedules lead: how the model is shown in a failure, and what a good set of schedules must have come by.

use std::fmt;

use super::act::Op;
use super::gateway::{Doing, Leaving, Purpose};
use super::moves::Move;
use super::world::{Stage, World};

impl World {
    /// What schedules should come by.
    pub const SIGHTS: [&str; 20] = [
        "linked",
        "waiting",
        "dormant",
        "disabled",
        "shut down",
        "asked to be dormant",
        "draining for dormancy",
        "draining for shutdown",
        "flipped",
        "revoked",
        "both sinks full",
        "full window",
        "dead letter",
        "passed over",
        "answered",
        "failed",
        "ambiguous",
        "forgotten",
        "a follow-up answered",
        "a duplicate waits for its ack",
    ];

    /// Which of them are to be seen now.
    #[must_use]
    pub fn sights(&self) -> Vec<&'static str> {
        let leaving = self.gateway.leaving();
        let is = |stage: Stage| self.asked.iter().any(|asked| asked.stage == stage);
        let follow_up =
            |asked: &super::world::Asked| asked.op == Op::FollowUp && asked.stage == Stage::Answered;
        let seen = [
            self.gateway.is_linked(),
            matches!(self.gateway.doing, Doing::Waiting(_)),
            self.is_dormant(),
            matches!(self.gateway.doing, Doing::Disabled),
            matches!(self.gateway.doing, Doing::ShutDown),
            matches!(leaving, Some(Leaving::Asked(Purpose::Dormancy, _))),
            matches!(leaving, Some(Leaving::Draining(Purpose::Dormancy, _))),
            matches!(leaving, Some(Leaving::Draining(Purpose::Shutdown(_), _))),
            self.connector.is_flipped(),
            self.connector.revoked,
            self.gateway.stalled && self.connector.stalled,
            self.connector.is_full(),
            !self.platform.dead.is_empty(),
            !self.platform.passed_over.is_empty(),
            is(Stage::Answered),
            is(Stage::Failed),
            is(Stage::Ambiguous),
            is(Stage::Forgotten),
            self.asked.iter().any(follow_up),
            self.gateway.held.values().any(|acks| acks.len() > 1),
        ];
        Self::SIGHTS.into_iter().zip(seen).filter(|(_, seen)| *seen).map(|(sight, _)| sight).collect()
    }
}

/// A failure shows the model at its beginning, where there is not much to say.
impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { now, gateway, connector, .. } = self;
        let (legacy, wakeable) = (connector.is_legacy(), connector.wakeable());
        write!(f, "World(at {now}, {:?}, legacy: {legacy}, wakeable: {wakeable})", gateway.doing)
    }
}

/// In one line each.
impl fmt::Debug for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(act) => write!(f, "One({act:?})"),
            Self::Pick(which) => write!(f, "Pick({which})"),
            Self::GoOn(most) => write!(f, "GoOn({most})"),
            Self::Wait(time) => write!(f, "Wait({time})"),
            Self::Tick => write!(f, "Tick"),
            Self::Pass(time) => write!(f, "Pass({time})"),
            Self::SleepAndPick(which) => write!(f, "SleepAndPick({which})"),
            Self::Flap(times) => write!(f, "Flap({times})"),
            Self::RefusedLate => write!(f, "RefusedLate"),
        }
    }
}
