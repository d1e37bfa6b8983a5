//! What must hold of a step as a whole, and of every state.

use relay_proto::close::{Close, CloseCode, Ended};
use relay_proto::gateway::{Gateway, Status, StayedAwake};
use relay_proto::{DialError, Features, LinkEvent, LinkId};

use super::act::Act;
use super::state::{Held, State};
use super::step::Step;

impl Step<'_> {
    /// What a link's end means, told from what was seen of the link alone (rules A1 to A3, A6, L10, O3).
    pub(super) fn judge_loss(&mut self, held: &Held, ended: &Ended, before: Option<Status>) {
        let status = self.state.status();
        self.drain_gateway();
        let leaving = matches!(before, Some(Status::ShuttingDown | Status::ShutDown));
        let latched = self.state.seen.disabled;
        let stale = self.state.now >= held.good_until;
        match ended {
            Ended::Closed(close) if close.is_expired() => {
                self.demand(!latched, "A2", || "expired is terminal".to_owned());
            }
            Ended::Closed(close) if close.is_unauthorized() && !self.state.seen.trusted => {
                self.demand(!latched, "A1", || "4401 before any handshake is terminal".to_owned());
            }
            Ended::Closed(close) if close.is_unauthorized() && (held.linked || !stale) => {
                self.demand(latched || leaving, "A3", || format!("{close} does not latch: {status:?}"));
            }
            Ended::Closed(close) if close.is_unauthorized() => {
                self.demand(!latched, "A3", || "4401 for a token that was too old is terminal".to_owned());
                let dials = status == Some(Status::Dialing) || self.is_parked();
                let dials = dials || leaving || held.idle_acked;
                self.demand(dials, "A3", || format!("no new token is tried at once: {status:?}"));
            }
            Ended::Closed(_) | Ended::Broken(_) => {
                self.demand(!latched, "A6", || format!("{ended} latches"));
            }
        }
        let link = self.state.gateway.as_ref().and_then(Gateway::link);
        self.demand(link != Some(held.id), "L10", || format!("{} is over, and still held", held.id));
        let pending = self.state.app.asked.iter().filter(|asked| asked.written).count();
        self.demand(pending == 0, "O3", || format!("{pending} written requests wait on a lost link"));
        if !self.model.world.patient {
            let waiting = self.state.app.asked.len();
            self.demand(waiting == 0, "O3", || format!("{waiting} requests wait for a next link unasked"));
        }
    }

    /// Whether the gateway waits because the application wants it to (rule L8).
    fn is_parked(&self) -> bool {
        let waits = matches!(self.state.status(), Some(Status::Reconnecting { .. }));
        waits && self.state.seen.parked_until > self.state.now
    }

    /// What must hold of a step from a state of this status.
    pub(super) fn judge_step(&mut self, before: Option<Status>, act: Act) {
        let status = self.state.status();
        if before == Some(Status::Dormant) && self.saw.dialed {
            let woken = matches!(act, Act::Poke | Act::Wake | Act::WakeUp);
            let allowed = woken || self.saw.resumed;
            self.demand(allowed, "I2", || format!("dormant, it dials upon {act:?}"));
        }
        match self.saw.refused_dormancy {
            Some(StayedAwake::NoAck | StayedAwake::Woken) => {
                let dials = status == Some(Status::Dialing) || self.is_parked();
                self.demand(dials, "I3", || format!("dormancy is refused, and it stays {status:?}"));
            }
            Some(StayedAwake::LinkLost | StayedAwake::ShutDown) => {}
            None => {
                let silent = before == Some(Status::GoingIdle) && status == Some(Status::Linked);
                self.demand(!silent, "I3", || "a dormancy is dropped without a word".to_owned());
            }
        }
        if before != Some(Status::Dormant) && status == Some(Status::Dormant) {
            let acked = self.saw.idle_acked;
            self.demand(acked, "I2", || "dormant without an ack".to_owned());
        }
    }
}

/// What must hold of every state, by the rule's name. What a step broke stays broken.
pub(super) fn holds(rule: &str, state: &State) -> bool {
    if state.broken.as_ref().is_some_and(|broken| broken.rule == rule) {
        return false;
    }
    match rule {
        "L1" => is_one_link(state),
        "L2" => state.gateway.as_ref().is_none_or(is_on_its_way),
        "L4" => state.gateway.as_ref().is_none_or(|gateway| ignores_old_links(gateway, state)),
        "L6" => is_settled_at_the_end(state, Status::ShutDown),
        "A4" => is_settled_at_the_end(state, Status::Disabled),
        "O1" => state.gateway.as_ref().is_none_or(|held| held.open_requests() == state.app.asked.len()),
        "O3" => is_all_written(state),
        "W1" => (0..state.desk.appended)
            .all(|number| state.desk.store.contains(&number) || state.has_kept(number)),
        "W2" => {
            let mut kept: Vec<_> = state.app.kept.iter().map(|(number, _)| *number).collect();
            kept.sort_unstable();
            kept.windows(2).all(|pair| pair[0] != pair[1])
        }
        "C3" => state.session.backlog() == state.desk.store.len() as u64,
        _ => true,
    }
}

fn is_one_link(state: &State) -> bool {
    let held = state.wires.iter().filter(|wire| wire.gateway.holds).count();
    held + usize::from(state.dialing.is_some()) <= 1
}

/// Once the link is up, and its sink takes, nothing waits to be written.
fn is_all_written(state: &State) -> bool {
    let up = matches!(state.status(), Some(Status::Linked | Status::GoingIdle)) && state.stalled.is_none();
    !up || state.app.asked.iter().all(|asked| asked.written)
}

/// There is a timer, or a status in which nothing is to come.
fn is_on_its_way(gateway: &Gateway) -> bool {
    let rests = matches!(gateway.status(), Status::Disabled | Status::ShutDown);
    gateway.poll_timeout().is_some() != rests
}

/// Whatever is said of a link that the gateway does not hold, it is the same gateway afterwards.
fn ignores_old_links(gateway: &Gateway, state: &State) -> bool {
    // The one before the present one, and one that never was.
    let held = gateway.link().map_or(0, |link| link.0);
    let old = [LinkId(held.wrapping_sub(1)), LinkId(1 << 40)];
    let mut told = gateway.clone();
    for id in old {
        let inbound = "{\"type\":\"inbound\",\"event\":{},\"bufferId\":\"old\"}\n";
        told.handle_link(LinkEvent::Opened(id, Features::default()), state.now);
        told.handle_link(LinkEvent::Received(id, inbound.into()), state.now);
        told.handle_link(LinkEvent::DialFailed(id, DialError::Status(403)), state.now);
        let close = Close::new(CloseCode::UNAUTHORIZED, "unauthorized");
        told.handle_link(LinkEvent::Closed(id, Ended::Closed(close)), state.now);
    }
    told == *gateway
}

fn is_settled_at_the_end(state: &State, end: Status) -> bool {
    let Some(gateway) = state.gateway.as_ref().filter(|gateway| gateway.status() == end) else { return true };
    let said = end != Status::Disabled || state.seen.disabled;
    said && gateway.open_requests() == 0 && gateway.poll_timeout().is_none() && gateway.link().is_none()
}
