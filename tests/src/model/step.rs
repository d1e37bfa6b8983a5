//! One step of a world: what happens to the machines, and whether they may answer it as they do.

use relay_proto::close::{Close, CloseCode};
use relay_proto::gateway::{self, Gateway};
use relay_proto::{Instant, LinkEvent};

use super::LinkModel;
use super::act::Act;
use super::diagram::{Note, Place};
use super::rules::Rule;
use super::seen::Held;
use super::state::{Broken, State};

/// A step that is being taken.
pub(super) struct Step<'a> {
    pub(super) model: &'a LinkModel,
    pub(super) state: State,
    pub(super) act: Act,
    pub(super) saw: Saw,
    /// For the diagram, when one is wanted.
    pub(super) notes: Option<Vec<Note>>,
}

/// What came out of the machines in this step.
#[derive(Default)]
pub(super) struct Saw {
    pub(super) dialed: bool,
    /// The entries that were acked.
    pub(super) acks: Vec<u64>,
    /// What was handed out; interrupts as [`INTERRUPT`].
    pub(super) handed: Vec<u64>,
    pub(super) refused_dormancy: Option<gateway::StayedAwake>,
    /// The deadline was met so late that the host must have been suspended.
    pub(super) resumed: bool,
    /// The deadline was met later than it was to be.
    pub(super) late: bool,
    /// The link on which the connector has agreed to only buffer.
    pub(super) idle_acked: bool,
    pub(super) asked_idle: bool,
    /// The link or dial that the world ended in this step.
    pub(super) lost: Option<Held>,
    /// That link is gone for a token that was too old to tell anything.
    pub(super) at_once: bool,
    pub(super) overflow: bool,
    /// How many acks the lines of this step ask for.
    pub(super) acks_due: usize,
    pub(super) poked: bool,
    pub(super) idle_ack_written: bool,
    /// What made this step, in a word or two.
    pub(super) cause: &'static str,
}

/// Stands for an interrupt among the deliveries.
pub(super) const INTERRUPT: u64 = u64::MAX;

impl<'a> Step<'a> {
    pub(super) fn new(model: &'a LinkModel, state: State, act: Act) -> Self {
        Self { model, state, act, saw: Saw::default(), notes: None }
    }

    /// Of this the rule speaks.
    pub(super) fn demand(&mut self, holds: bool, rule: Rule, how: impl FnOnce() -> String) {
        self.model.stakes.touch(rule);
        if !holds && self.state.broken.iter().all(|broken| broken.rule != rule) {
            self.state.broken.push(Broken { rule, how: how() });
        }
    }

    pub(super) fn note(&mut self, from: Place, to: Place, what: impl FnOnce() -> String) {
        if let Some(notes) = &mut self.notes {
            notes.push(Note { from, to, what: what() });
        }
    }

    /// Takes it. False when it is not possible.
    pub(super) fn take(&mut self) -> bool {
        let before = self.state.status();
        self.saw.idle_acked = self.state.seen.held.as_ref().is_some_and(|held| held.idle_acked);
        self.saw.cause = self.cause();
        let act = self.act;
        self.note(Place::World, Place::World, || format!("{act:?}"));
        if !self.happens() {
            return false;
        }
        self.drain_gateway();
        self.drain_session();
        self.state.wires.retain(|wire| wire.gateway.holds || wire.session.holds);
        self.judge_step(before);
        self.judge_session_step();
        self.state.seal();
        true
    }

    fn happens(&mut self) -> bool {
        self.spend();
        match self.act {
            Act::ReachGateway(place) => self.reach_gateway(place),
            Act::Burst(place) => self.burst(place),
            Act::ReachSession(place) => self.reach_session(place),
            Act::Connect => self.connect(),
            Act::Unstall => self.state.stalled = None,
            Act::UnstallSession => self.state.session_stalled = None,
            Act::Keep => self.keep(),
            Act::Tell => self.tell(),
            Act::Perform => self.perform(),
            Act::Poke | Act::WakeUp | Act::Wake => self.wake(),
            Act::Restart => self.restart(),
            Act::Reopen => self.reopen(),
            Act::Relink => self.close(None),
            Act::Tick | Act::Delay => self.tick(),
            Act::Rest => self.state.now = self.state.now + super::act::REST,
            Act::Append => self.append(),
            Act::Send => return self.send(),
            Act::Interrupt => return self.interrupt(),
            Act::Stop => return self.state.session.interrupt("key", "chat").is_ok(),
            Act::Release => self.release(),
            Act::GoDormant => return self.with_gateway(|gateway, now| gateway.go_dormant(now).is_ok()),
            Act::Hold => return self.hold(),
            Act::ShutDown => return self.shut_down(),
            Act::Refuse => self.refuse(),
            Act::HalfDial => self.half_dial(),
            Act::Cut => self.close(None),
            Act::Die => self.die(),
            Act::Unauthorized => self.close(Some(Close::new(CloseCode::UNAUTHORIZED, "unauthorized"))),
            Act::Expired => self.close(Some(Close::new(CloseCode::UNAUTHORIZED, "expired"))),
            Act::GoAway => self.close(Some(Close::new(CloseCode::GOING_AWAY, ""))),
            Act::Revoke => self.state.session.revoke(),
            Act::ShutSession => self.state.session.shut_down(),
            Act::Stall => self.state.stalled = self.state.gateway.as_ref().and_then(|gateway| gateway.link()),
            Act::StallSession => self.state.session_stalled = self.state.session.link(),
            Act::LosePoke => self.state.desk.poke = false,
            Act::CrashGateway => self.crash_gateway(),
            Act::CrashConnector => self.crash_connector(),
            Act::Suspend => self.suspend(),
            Act::SuspendGateway => self.suspend_gateway(),
        }
        true
    }

    /// Takes the act from what may happen yet.
    fn spend(&mut self) {
        if matches!(self.act, Act::Tick | Act::Delay) && self.state.is_next_a_beat() {
            self.state.left.beats = self.state.left.beats.saturating_sub(1);
        }
        let turned_away = self.act == Act::Connect && !self.state.is_session_open();
        let left = &mut self.state.left;
        let budget = match self.act {
            Act::Connect if turned_away => &mut left.turned_away,
            Act::Append => &mut left.messages,
            Act::Send => &mut left.requests,
            Act::Interrupt | Act::Stop => &mut left.interrupts,
            Act::Release => &mut left.releases,
            Act::GoDormant => &mut left.dormancies,
            Act::Wake => &mut left.wakes,
            Act::Hold => &mut left.holds,
            Act::ShutDown => &mut left.shutdowns,
            Act::Rest => &mut left.rests,
            Act::Delay => &mut left.delays,
            Act::Burst(_) => &mut left.bursts,
            Act::Refuse => &mut left.refusals,
            Act::HalfDial => &mut left.half_dials,
            Act::Cut => &mut left.cuts,
            Act::Die => &mut left.deaths,
            Act::Unauthorized => &mut left.unauthorized,
            Act::Expired => &mut left.expired,
            Act::GoAway => &mut left.going_away,
            Act::Revoke => &mut left.revocations,
            Act::ShutSession => &mut left.session_shutdowns,
            Act::Stall => &mut left.stalls,
            Act::StallSession => &mut left.session_stalls,
            Act::LosePoke => &mut left.lost_pokes,
            Act::CrashGateway => &mut left.gateway_crashes,
            Act::CrashConnector => &mut left.connector_crashes,
            Act::Suspend => &mut left.suspensions,
            Act::SuspendGateway => &mut left.gateway_suspensions,
            _ => return,
        };
        *budget -= 1;
    }

    /// Whether something wakes the gateway in this step, or brings it to life.
    pub(super) fn is_woken(&self) -> bool {
        matches!(self.act, Act::Poke | Act::Wake | Act::WakeUp | Act::Restart)
    }

    pub(super) fn with_gateway(&mut self, does: impl FnOnce(&mut Gateway, Instant) -> bool) -> bool {
        let now = self.state.now;
        self.state.gateway.as_mut().is_some_and(|gateway| does(gateway, now))
    }

    pub(super) fn give_gateway(&mut self, event: LinkEvent) {
        self.with_gateway(|gateway, now| (gateway.handle_link(event, now), true).1);
    }
}
