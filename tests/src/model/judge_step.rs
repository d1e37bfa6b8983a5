//! What must hold of a step as a whole.

use relay_proto::close::{Close, Ended};
use relay_proto::gateway::{Cause, Next, Status, StayedAwake};

use super::act::Act;
use super::rules::Rule;
use super::seen::Held;
use super::step::Step;

impl Step<'_> {
    /// What a link's end means, told from what was seen of the link alone (rules A1 to A3, A6, L10, O3).
    pub(super) fn judge_loss(&mut self, held: &Held, ended: &Ended, before: Option<Status>) {
        self.drain_gateway();
        let status = self.state.status();
        let leaving = matches!(before, Some(Status::ShuttingDown | Status::ShutDown));
        let latched = self.state.seen.disabled;
        match ended {
            Ended::Closed(close) if is_expired(close) => {
                self.demand(!latched, Rule::A2, || "expired is terminal".to_owned());
            }
            Ended::Closed(close) if is_unauthorized(close) && !self.state.seen.trusted => {
                self.demand(!latched, Rule::A1, || "4401 before any handshake is terminal".to_owned());
            }
            Ended::Closed(close) if self.is_too_old_to_tell(held, ended) => {
                self.demand(!latched, Rule::A3, || {
                    format!("{close} for a token that was too old is terminal")
                });
                let dials = status == Some(Status::Dialing) || self.is_parked();
                let dials = dials || leaving || held.idle_acked || !self.model.world.reconnect;
                self.demand(dials, Rule::A3, || format!("no new token is tried at once: {status:?}"));
            }
            Ended::Closed(close) if is_unauthorized(close) => {
                self.demand(latched || leaving, Rule::A3, || format!("{close} does not latch: {status:?}"));
            }
            Ended::Closed(_) | Ended::Broken(_) => {
                self.demand(!latched, Rule::A6, || format!("{ended} latches"));
            }
        }
        let link = self.state.gateway.as_ref().and_then(|gateway| gateway.link());
        self.demand(link != Some(held.id), Rule::L10, || format!("{} is over, and still held", held.id));
        let pending = self.state.app.asked.iter().filter(|asked| asked.written).count();
        self.demand(pending == 0, Rule::O3, || format!("{pending} written requests wait on a lost link"));
        let waiting = self.state.app.asked.len();
        if !self.model.world.patient {
            self.demand(waiting == 0, Rule::O3, || {
                format!("{waiting} requests wait for a next link unasked")
            });
        }
    }

    /// A refusal that says nothing of the credential.
    pub(super) fn is_too_old_to_tell(&self, held: &Held, ended: &Ended) -> bool {
        let Ended::Closed(close) = ended else { return false };
        let refused = is_unauthorized(close) && !is_expired(close) && self.state.seen.trusted;
        refused && !held.linked && self.state.now >= held.good_until
    }

    /// What the gateway says of its next dial (rules L2, L3, L5, L8).
    pub(super) fn judge_next(&mut self, cause: &Cause, next: Next, held: Option<&Held>) {
        let (now, world) = (self.state.now, &self.model.world);
        let at = match next {
            Next::Stay => {
                let wanted = self.state.seen.shutdown.is_some() || !world.reconnect;
                return self.demand(wanted, Rule::L2, || format!("down for {cause}, and it stays down"));
            }
            Next::Redial(at) => at,
        };
        let wanted = world.reconnect || self.is_woken();
        self.demand(wanted, Rule::L2, || "it dials again though told not to".to_owned());
        self.credit_stable_link();
        let config = &self.model.gateway;
        let base = config.backoff_base.as_millis() as u64;
        let cap = config.backoff_cap.as_millis() as u64;
        let ceiling = base.checked_shl(self.state.seen.failures).map_or(cap, |ceiling| ceiling.min(cap));
        self.state.seen.failures = (self.state.seen.failures + 1).min(16);
        let at_once = self.saw.at_once || matches!(cause, Cause::Relinked);
        let wait = at.since(now).as_millis() as u64;
        let parked = self.state.seen.parked_until.filter(|until| *until > now);
        match parked {
            Some(until) => {
                let most = if at_once { until } else { until.max(now + config.backoff_cap) };
                self.demand(at <= most, Rule::L8, || {
                    format!("parked for {:?}, it waits for {wait} ms", until.since(now))
                });
            }
            None if at_once => self.demand(wait == 0, Rule::L3, || format!("it waits {wait} ms")),
            None => {
                let right = ceiling / 2 < wait && wait <= ceiling;
                self.demand(right, Rule::L3, || {
                    format!("it waits {wait} ms, and the ceiling is {ceiling} ms")
                });
            }
        }
        self.state.seen.promised = Some(at);
        if held.is_some_and(|held| held.opened && !held.linked) && !at_once {
            let failed = matches!(self.state.status(), Some(Status::Reconnecting { failures: 1.., .. }));
            self.demand(failed, Rule::L5, || "a link without a descriptor is no failed attempt".to_owned());
        }
    }

    /// A dial goes out.
    pub(super) fn judge_dial(&mut self) {
        let now = self.state.now;
        let promised = self.state.seen.promised.take();
        let parked_until = self.state.seen.parked_until.take();
        if self.is_woken() {
            return;
        }
        if let Some(until) = parked_until {
            self.demand(now >= until, Rule::L8, || {
                format!("parked for {:?} more, it dials", until.since(now))
            });
        }
        if let Some(at) = promised {
            self.demand(now >= at, Rule::L3, || format!("it was to dial in {:?}, and dials", at.since(now)));
        }
    }

    /// What must hold of a step from a state of this status.
    pub(super) fn judge_step(&mut self, before: Option<Status>) {
        let status = self.state.status();
        self.judge_sleep(before, status);
        if matches!(self.act, Act::Tick | Act::Delay) {
            self.judge_deadlines(status);
        }
        if self.saw.overflow {
            // Acks that wait to be written are bounded likewise.
            let (held, acks) = (self.state.held_by_app(), self.saw.acks_due);
            let most = self.model.gateway.inbound.hard_count;
            self.demand(held.max(acks) >= most, Rule::D6, || {
                format!("the link is dropped for {held} deliveries and {acks} acks")
            });
        }
        let held = self.state.held_by_app();
        let most = self.model.gateway.inbound.hard_count;
        self.demand(held <= most, Rule::D6, || format!("{held} deliveries are held, and {most} may be"));
        let waiting = self.state.app.asked.len();
        let held = self.state.seen.held.as_ref();
        let agreed = held.is_some_and(|held| held.idle_acked) && self.is_leaving_for_good();
        if agreed && waiting == 0 {
            self.demand(false, Rule::I4, || "a shutdown waits for nothing".to_owned());
        }
    }

    fn judge_sleep(&mut self, before: Option<Status>, status: Option<Status>) {
        let now = self.state.now;
        if before == Some(Status::Dormant) && self.saw.dialed {
            let cadence = self.state.seen.cadence.is_some_and(|from| now >= from);
            let allowed = self.is_woken() || self.saw.resumed || cadence;
            let act = self.act;
            self.demand(allowed, Rule::I2, || format!("dormant, it dials upon {act:?}"));
        }
        match self.saw.refused_dormancy {
            Some(StayedAwake::NoAck | StayedAwake::Woken) => {
                let dials = status == Some(Status::Dialing) || self.is_parked();
                let dials = dials || status == Some(Status::Stopped) && !self.model.world.reconnect;
                self.demand(dials, Rule::I3, || format!("dormancy is refused, and it stays {status:?}"));
            }
            Some(StayedAwake::LinkLost | StayedAwake::ShutDown) => {}
            None => {
                let silent = before == Some(Status::GoingIdle) && status == Some(Status::Linked);
                if before == Some(Status::GoingIdle) {
                    self.demand(!silent, Rule::I3, || "a dormancy is dropped without a word".to_owned());
                }
            }
        }
        if before != Some(Status::Dormant) && status == Some(Status::Dormant) {
            let acked = self.saw.idle_acked;
            self.demand(acked, Rule::I2, || "dormant without an ack".to_owned());
        }
    }

    /// The machines have been told the time: nothing is overdue.
    fn judge_deadlines(&mut self, status: Option<Status>) {
        let now = self.state.now;
        let seen = &self.state.seen;
        if let (Some(Status::Reconnecting { .. }), Some(at)) = (status, seen.promised) {
            let due = now >= at && seen.parked_until.is_none_or(|until| now >= until);
            let rule = if seen.parked_until.is_some() { Rule::L8 } else { Rule::L3 };
            self.demand(!due, rule, || "it was to dial, and does not".to_owned());
        }
        if let Some(shutdown) = self.state.seen.shutdown.clone() {
            let in_time = now < shutdown.over || status == Some(Status::ShutDown) || status.is_none();
            self.demand(in_time, Rule::I4, || format!("a shutdown takes longer than it may: {status:?}"));
        }
        if let Some(held) = self.state.seen.held.clone().filter(|held| held.opened) {
            let greeted = held.linked || now < held.greeted_by || self.state.seen.shutdown.is_some();
            if !held.linked {
                self.demand(greeted, Rule::L5, || "no descriptor in time, and the link is kept".to_owned());
            }
            if self.model.world.pings && self.state.stalled.is_none() {
                let overdue = held.beat.is_overdue(now);
                self.demand(!overdue, Rule::K1, || "the gateway does not ping".to_owned());
            }
        }
    }

    pub(super) fn judge_session_step(&mut self) {
        let now = self.state.now;
        if !matches!(self.act, Act::Tick | Act::Delay) || !self.model.world.pings {
            return;
        }
        if self.state.session.link().is_some() && self.state.session_stalled.is_none() {
            let overdue = self.state.seen.session.beat.is_overdue(now);
            self.demand(!overdue, Rule::K1, || "the session does not ping".to_owned());
        }
        for place in 0..self.state.wires.len() {
            let wire = &self.state.wires[place];
            if let Some(noticed_by) = wire.dead {
                let noticed = now < noticed_by || !(wire.gateway.holds || wire.session.holds);
                self.demand(noticed, Rule::K1, || "a dead link is held for longer than 90 s".to_owned());
            }
        }
    }
}

/// By the letter of the wire: what a close says of itself is a part of what is judged.
fn is_unauthorized(close: &Close) -> bool {
    close.code.0 == 4401
}

fn is_expired(close: &Close) -> bool {
    is_unauthorized(close) && &*close.reason == "expired"
}
