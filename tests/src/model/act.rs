//! What can happen next in a state.

use std::time::Duration;

use relay_proto::Instant;
use relay_proto::gateway::Status;

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
    /// Deliveries were released, and nothing else is left to do: the link is cut, so that they come again.
    Relink,
    /// The next deadline is met, with nothing else on its way.
    Tick,
    /// An entry is appended.
    Append,
    /// The application asks for something.
    Send,
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
    /// The next deadline is met while something is still on its way.
    Delay,
    /// The dial under way is refused.
    Refuse,
    /// The gateway's link breaks.
    Cut,
    /// The gateway's link is closed with 4401 `unauthorized`.
    Unauthorized,
    /// The gateway's link is closed with 4401 `expired`.
    Expired,
    /// The gateway's link is closed with 1001.
    GoAway,
    /// The gateway's sink takes nothing for now.
    Stall,
    /// The gateway's process dies.
    CrashGateway,
    /// The connector's process dies, and is back at once.
    CrashConnector,
    /// Both hosts sleep, for longer than a token lives.
    Suspend,
}

/// What lies farther off never comes in a world without pings.
const HORIZON: Duration = Duration::from_secs(1_000_000);

impl State {
    /// The next deadline of either machine.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let gateway = self.gateway.as_ref().and_then(|gateway| gateway.poll_timeout()).map(|next| next.at);
        let session = self.session.poll_timeout().map(|next| next.at);
        gateway.into_iter().chain(session).min().filter(|at| *at < self.now + HORIZON)
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
        when(self.dialing.is_some(), Act::Connect);
        when(self.stalled.is_some(), Act::Unstall);
        when(!self.app.arrived.is_empty(), Act::Keep);
        when(!self.app.untold.is_empty(), Act::Tell);
        when(!self.desk.pending.is_empty(), Act::Perform);
        when(self.desk.poke && self.gateway.is_some(), Act::Poke);
        when(self.gateway.is_none(), Act::Restart);
        let quiet = acts.len() == before;
        let status = self.status();
        let stuck = quiet && status == Some(Status::Linked) && !self.app.released.is_empty();
        if stuck && self.next_deadline().is_none() {
            acts.push(Act::Relink);
        }
        let next = self.next_deadline();
        if next.is_some_and(|at| quiet || at <= self.now) {
            acts.push(Act::Tick);
        }
        // Ahead of everything, so that the way back does not lie in looking for a suspension for ever.
        if matches!(status, Some(Status::Dormant | Status::Stopped)) {
            acts.insert(before, Act::WakeUp);
        }
    }

    /// What somebody may want, or what may go wrong, while the world allows it.
    pub(super) fn other_acts(&self, acts: &mut Vec<Act>) {
        let left = &self.left;
        let busy = !acts.contains(&Act::Tick);
        let wire = self.gateways_wire().map(|place| &self.wires[place]);
        let alive = self.gateway.is_some();
        let mut when = |left: u8, possible: bool, act| (left > 0 && possible).then(|| acts.push(act));
        when(left.messages, true, Act::Append);
        when(left.requests, alive, Act::Send);
        when(left.releases, !self.app.arrived.is_empty(), Act::Release);
        when(left.dormancies, self.status() == Some(Status::Linked), Act::GoDormant);
        when(left.wakes, alive, Act::Wake);
        when(left.holds, alive, Act::Hold);
        when(left.shutdowns, alive, Act::ShutDown);
        when(left.delays, busy && self.next_deadline().is_some(), Act::Delay);
        when(left.refusals, self.dialing.is_some(), Act::Refuse);
        when(left.cuts, wire.is_some(), Act::Cut);
        when(left.unauthorized, wire.is_some(), Act::Unauthorized);
        when(left.expired, wire.is_some(), Act::Expired);
        when(left.going_away, wire.is_some(), Act::GoAway);
        when(left.stalls, wire.is_some() && self.stalled.is_none(), Act::Stall);
        when(left.gateway_crashes, alive && !self.seen.shut_down_asked, Act::CrashGateway);
        when(left.connector_crashes, true, Act::CrashConnector);
        when(left.suspensions, true, Act::Suspend);
    }
}
