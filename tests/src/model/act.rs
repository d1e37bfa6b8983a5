//! What can happen next in a state.

use std::time::Duration;

use relay_proto::Instant;
use relay_proto::connector;
use relay_proto::gateway::{Status, Timer};

use super::state::State;

/// One thing that can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// The next packet of this link reaches the gateway.
    ReachGateway(usize),
    /// The next packet of this link reaches the session.
    ReachSession(usize),
    /// The dial under way succeeds.
    Connect,
    /// The gateway's sink takes again.
    Unstall,
    /// The session's sink takes again.
    UnstallSession,
    /// The application keeps the oldest delivery durably.
    Keep,
    /// The application tells the machine so.
    Tell,
    /// The platform does the oldest thing asked for.
    Perform,
    /// The poke of the wake URL reaches the gateway.
    Poke,
    /// A dead gateway process is started again.
    Restart,
    /// Something wakes a dormant gateway.
    WakeUp,
    /// A session that was revoked or shut down takes links again.
    Reopen,
    /// Deliveries were released, and nothing else is left to do: the link is cut, so that they come again.
    Relink,
    /// The next deadline is met, with nothing else on its way.
    Tick,
    /// An entry is appended.
    Append,
    /// The application asks for something.
    Send,
    /// The application stops what runs in a session elsewhere.
    Interrupt,
    /// A user stops what the agent does.
    Stop,
    /// The application does not take the oldest delivery.
    Release,
    /// The application wants to go dormant.
    GoDormant,
    /// Something wakes the gateway, whatever it is at.
    Wake,
    /// The application parks re-dials.
    Hold,
    /// The application shuts the gateway down.
    ShutDown,
    /// Half a minute passes in which nothing is due.
    Rest,
    /// The next deadline is met while something is still on its way.
    Delay,
    /// All lines that are on their way to the gateway on this link reach it in one message.
    Burst(usize),
    /// The dial under way is refused.
    Refuse,
    /// The dial under way fails, and the connector thinks that it succeeded.
    HalfDial,
    /// The gateway's link breaks.
    Cut,
    /// The gateway's link dies, and neither end is told.
    Die,
    /// The gateway's link is closed with 4401 `unauthorized`.
    Unauthorized,
    /// The gateway's link is closed with 4401 `expired`.
    Expired,
    /// The gateway's link is closed with 1001.
    GoAway,
    /// The operator revokes the gateway's credential.
    Revoke,
    /// The connector shuts the session down.
    ShutSession,
    /// The gateway's sink takes nothing for now.
    Stall,
    /// The session's sink takes nothing for now.
    StallSession,
    /// The poke of the wake URL gets lost.
    LosePoke,
    /// The gateway's process dies.
    CrashGateway,
    /// The connector's process dies, and is back at once.
    CrashConnector,
    /// Both hosts sleep, for longer than a token lives.
    Suspend,
    /// The gateway's host sleeps, and the connector's does not.
    SuspendGateway,
}

/// What lies farther off never comes in a world without pings.
const HORIZON: Duration = Duration::from_secs(1_000_000);

/// How long a rest takes: as long as a link must be up to count as stable (rule L3).
pub(super) const REST: Duration = Duration::from_secs(30);

impl State {
    /// The next deadline of either machine.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let gateway = self.gateway.as_ref().and_then(|gateway| gateway.poll_timeout()).map(|next| next.at);
        let session = self.session.poll_timeout().map(|next| next.at);
        gateway.into_iter().chain(session).min().filter(|at| *at < self.now + HORIZON)
    }

    /// Whether the next deadline is that of a ping.
    pub(super) fn is_next_a_beat(&self) -> bool {
        let gateway = self.gateway.as_ref().and_then(|gateway| gateway.poll_timeout());
        let gateway = gateway.map(|next| (next.at, next.timer == Timer::Ping));
        let session = self.session.poll_timeout();
        let session = session.map(|next| (next.at, next.timer == connector::Timer::Ping));
        gateway.into_iter().chain(session).min().is_some_and(|(_, is_ping)| is_ping)
    }

    /// Whether time may pass to the next deadline. Pings come for ever, and are bounded, unless it is by them that
    /// a dead link is to be noticed.
    fn may_tick(&self) -> bool {
        let free = self.left.beats > 0 || self.wires.iter().any(|wire| wire.dead.is_some());
        self.next_deadline().is_some() && (free || !self.is_next_a_beat())
    }

    /// Whether something was released that only comes again on a new link.
    fn waits_for_a_link(&self) -> bool {
        let (given, released) = (&self.seen.session.given, self.seen.ever_released);
        !released.is_empty() && self.desk.store.iter().any(|entry| given.contains(&entry))
    }

    /// What happens by itself, where nothing goes wrong: the first of it is what [`way_back`](super::way_back) does.
    pub(super) fn healthy_acts(&self, acts: &mut Vec<Act>) {
        let before = acts.len();
        for (place, wire) in self.wires.iter().enumerate() {
            let reads = self.gateway.as_ref().is_some_and(|gateway| gateway.wants_read());
            if !wire.gateway.coming.is_empty() && reads {
                acts.push(Act::ReachGateway(place));
            }
            if !wire.session.coming.is_empty() && self.session.wants_read() {
                acts.push(Act::ReachSession(place));
            }
        }
        let mut when = |possible: bool, act| possible.then(|| acts.push(act));
        // A gateway that no handshake has ever succeeded for would be turned away for ever.
        when(self.dialing.is_some() && (self.is_session_open() || self.left.turned_away > 0), Act::Connect);
        when(self.stalled.is_some(), Act::Unstall);
        when(self.session_stalled.is_some(), Act::UnstallSession);
        when(!self.app.arrived.is_empty(), Act::Keep);
        when(!self.app.untold.is_empty(), Act::Tell);
        when(!self.desk.pending.is_empty(), Act::Perform);
        when(self.desk.poke && self.gateway.is_some(), Act::Poke);
        when(self.gateway.is_none(), Act::Restart);
        let quiet = acts.len() == before && self.dialing.is_none();
        let status = self.status();
        let stuck = quiet && status == Some(Status::Linked) && self.waits_for_a_link();
        if stuck && self.next_deadline().is_none_or(|_| !self.may_tick()) {
            acts.push(Act::Relink);
        }
        let next = self.next_deadline();
        if next.is_some_and(|at| (quiet || at <= self.now) && self.may_tick()) {
            acts.push(Act::Tick);
        }
        // Ahead of everything, so that the way back does not lie in looking for a suspension, or in asking a closed
        // session, for ever.
        if matches!(status, Some(Status::Dormant | Status::Stopped)) {
            acts.insert(before, Act::WakeUp);
        }
        if !self.is_session_open() {
            acts.insert(before, Act::Reopen);
        }
    }

    /// What somebody may want, or what may go wrong, while the world allows it.
    pub(super) fn other_acts(&self, acts: &mut Vec<Act>) {
        let left = &self.left;
        let busy = !acts.contains(&Act::Tick);
        let place = self.gateways_wire();
        let wire = place.map(|place| &self.wires[place]).filter(|wire| wire.dead.is_none());
        let alive = self.gateway.is_some();
        let reads = self.gateway.as_ref().is_some_and(|gateway| gateway.wants_read());
        let lines = wire.filter(|_| reads).map_or(0, |wire| wire.gateway.coming.len());
        let mut when = |left: u8, possible: bool, act| (left > 0 && possible).then(|| acts.push(act));
        when(left.messages, true, Act::Append);
        when(left.requests, alive, Act::Send);
        when(left.interrupts, wire.is_some(), Act::Interrupt);
        when(left.interrupts, self.session.link().is_some(), Act::Stop);
        when(left.releases, !self.app.arrived.is_empty(), Act::Release);
        when(left.dormancies, self.status() == Some(Status::Linked), Act::GoDormant);
        when(left.wakes, alive, Act::Wake);
        when(left.holds, alive, Act::Hold);
        when(left.shutdowns, alive, Act::ShutDown);
        let rests = self.next_deadline().is_none_or(|at| at > self.now + REST);
        when(left.rests, rests, Act::Rest);
        when(left.delays, busy && self.may_tick(), Act::Delay);
        when(left.bursts, lines > 1, Act::Burst(place.unwrap_or_default()));
        when(left.refusals, self.dialing.is_some(), Act::Refuse);
        when(left.half_dials, self.dialing.is_some() && self.is_session_open(), Act::HalfDial);
        when(left.cuts, wire.is_some(), Act::Cut);
        when(left.deaths, wire.is_some(), Act::Die);
        when(left.unauthorized, wire.is_some(), Act::Unauthorized);
        when(left.expired, wire.is_some(), Act::Expired);
        when(left.going_away, wire.is_some(), Act::GoAway);
        when(left.revocations, self.is_session_open(), Act::Revoke);
        when(left.session_shutdowns, self.is_session_open(), Act::ShutSession);
        when(left.stalls, wire.is_some() && self.stalled.is_none(), Act::Stall);
        let stallable = self.session.link().is_some() && self.session_stalled.is_none();
        when(left.session_stalls, stallable, Act::StallSession);
        when(left.lost_pokes, self.desk.poke, Act::LosePoke);
        when(left.gateway_crashes, alive && self.seen.shutdown.is_none(), Act::CrashGateway);
        when(left.connector_crashes, true, Act::CrashConnector);
        when(left.suspensions, true, Act::Suspend);
        when(left.gateway_suspensions, alive, Act::SuspendGateway);
    }
}
