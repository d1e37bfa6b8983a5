//! What the application, the platform and the operator do, and the time.

use std::time::Duration;

use relay_proto::action::Action;
use relay_proto::connector;
use relay_proto::gateway::{Options, Status};
use relay_proto::{DeliveryKind, Position};

use super::diagram::Place;
use super::rules::Rule;
use super::seen::Shutdown;
use super::state::Asked;
use super::step::Step;

/// Whoever is this late was suspended.
const SUSPENDED: Duration = Duration::from_secs(5);

impl Step<'_> {
    pub(super) fn keep(&mut self) {
        let Some(arrived) = self.state.app.arrived.pop_front() else { return };
        let number = arrived.number;
        let behind = self.state.app.kept.iter().any(|(kept, _)| *kept > number);
        let excused = self.state.seen.ever_released.contains(number);
        self.demand(!behind || excused, Rule::W3, || format!("{number} is kept behind a later one"));
        self.state.app.kept.push((number, arrived.keys));
        self.state.app.untold.push_back(arrived);
    }

    pub(super) fn tell(&mut self) {
        let Some(told) = self.state.app.untold.pop_front() else { return };
        self.state.app.told.insert(told.number);
        let open = self.state.seen.held.as_ref().is_some_and(|held| held.opened);
        let open = open && self.state.stalled.is_none();
        self.with_gateway(|gateway, now| gateway.stored(told.id, now));
        self.drain_gateway();
        if open && self.model.world.entries != super::world::Entries::Unnamed {
            for entry in told.entries.iter() {
                let acked = self.saw.acks.contains(&entry);
                self.demand(acked, Rule::D3, || format!("{entry} is stored, and not acked on the link"));
            }
        }
    }

    pub(super) fn release(&mut self) {
        let Some(released) = self.state.app.arrived.pop_front() else { return };
        self.state.app.released.insert(released.number);
        self.state.seen.ever_released.insert(released.number);
        self.with_gateway(|gateway, now| gateway.release(released.id, now));
    }

    pub(super) fn send(&mut self) -> bool {
        let number = self.state.app.requests;
        let action = Action::send("chat", format!("r{number}"));
        let options = Options { wait_for_link: self.model.world.patient, ..Options::default() };
        let before = self.state.status();
        let now = self.state.now;
        let Some(gateway) = &mut self.state.gateway else { return false };
        let accepted = gateway.request(action, &options, now);
        self.state.app.requests += 1;
        let refused = accepted.is_err();
        match before {
            Some(Status::Disabled) => {
                self.demand(refused, Rule::A4, || "a request is accepted while disabled".to_owned());
            }
            Some(Status::ShutDown) => {
                self.demand(refused, Rule::L6, || "a request is accepted after the shutdown".to_owned());
            }
            Some(Status::Greeting | Status::Linked | Status::GoingIdle) => {
                self.demand(!refused, Rule::O4, || format!("a request is refused while {before:?}"));
            }
            _ => {}
        }
        if let Ok(id) = accepted {
            self.state.app.asked.push(Asked { id, number, written: false });
        }
        true
    }

    pub(super) fn interrupt(&mut self) -> bool {
        self.with_gateway(|gateway, _| gateway.interrupt("key", None).is_ok())
    }

    pub(super) fn hold(&mut self) -> bool {
        let now = self.state.now;
        // A hold while one lasts does not make it longer.
        if self.state.seen.parked_until.is_none_or(|until| until <= now) {
            self.state.seen.parked_until = Some(now + self.model.gateway.hold_limit);
        }
        self.with_gateway(|gateway, now| (gateway.hold(now), true).1)
    }

    pub(super) fn shut_down(&mut self) -> bool {
        let (before, now) = (self.state.status(), self.state.now);
        let linked = matches!(before, Some(Status::Linked | Status::GoingIdle));
        let wait = if linked { self.model.gateway.shutdown_idle_timeout } else { Duration::ZERO };
        let over = now + self.model.gateway.drain_timeout;
        if self.state.seen.shutdown.is_none() {
            self.state.seen.shutdown = Some(Shutdown { agreed_by: now + wait, over });
        }
        self.state.seen.parked_until = None;
        self.with_gateway(|gateway, now| (gateway.shut_down(now), true).1);
        self.drain_gateway();
        if before == Some(Status::Linked) && self.state.stalled.is_none() {
            let asked = self.saw.asked_idle;
            self.demand(asked, Rule::I4, || "a linked gateway shuts down without `going_idle`".to_owned());
        }
        true
    }

    pub(super) fn wake(&mut self) {
        self.state.desk.poke = false;
        self.state.seen.parked_until = None;
        let before = self.state.status();
        self.with_gateway(|gateway, now| (gateway.wake(now), true).1);
        if matches!(before, Some(Status::Dormant | Status::Reconnecting { .. } | Status::Stopped)) {
            let dials = self.state.status() == Some(Status::Dialing);
            self.demand(dials, Rule::L7, || format!("woken while {before:?}, it does not dial"));
        }
    }

    pub(super) fn append(&mut self) {
        let (number, now) = (self.state.desk.appended, self.state.now);
        self.state.desk.appended += 1;
        self.state.desk.store.insert(number);
        let world = &self.model.world;
        let kind =
            if world.is_passthrough(number) { DeliveryKind::Passthrough } else { DeliveryKind::Message };
        let too_large = world.is_too_large(number);
        let size = if too_large { usize::MAX } else { self.model.line(number).len() };
        let absent = self.state.session.status() == connector::Status::Offline;
        let position = self.state.session.append(kind, size, now);
        self.demand(position == Position(number), Rule::C3, || format!("{number} is appended at {position}"));
        self.drain_session();
        if too_large {
            let dead = self.state.desk.dead.contains(number);
            self.demand(dead, Rule::C9, || format!("{number} is too large, and no dead letter"));
        } else if absent && self.model.world.wakeable {
            let from = self.state.seen.session.poke_from;
            let planned = self.state.session.poll_timeout().is_some_and(|next| next.at <= from);
            let poked = self.saw.poked || planned;
            self.demand(poked, Rule::C8, || {
                format!("{number} waits for an absent gateway, and nobody pokes it")
            });
        }
    }

    pub(super) fn perform(&mut self) {
        let Some((ticket, number)) = self.state.desk.pending.pop_front() else { return };
        let failed = self.state.seen.failed.contains(number);
        self.demand(!failed, Rule::O2, || format!("request {number} is done although it failed definitely"));
        self.state.desk.performed.insert(number);
        if self.state.session.is_open(ticket) {
            self.state.seen.session.owed += 1;
        }
        self.state.session.respond(ticket, r#"{"success":true}"#);
    }

    /// The operator gives the gateway a new credential, or starts the connector again.
    pub(super) fn reopen(&mut self) {
        if self.state.session.status() == connector::Status::Revoked {
            self.state.session.reinstate();
        } else {
            self.crash_connector();
        }
    }

    pub(super) fn tick(&mut self) {
        let Some(at) = self.state.next_deadline() else { return };
        let now = self.state.now.max(at);
        self.saw.resumed = now.since(at) >= SUSPENDED;
        self.saw.late = now > at;
        let waited = now.since(self.state.now);
        self.note(Place::World, Place::Gateway, || format!("{waited:?} pass"));
        self.state.now = now;
        self.let_session_know();
        self.with_gateway(|gateway, now| (gateway.handle_timeout(now), true).1);
    }

    /// The session learns how late it is.
    pub(super) fn let_session_know(&mut self) {
        let now = self.state.now;
        self.state.session.handle_timeout(now);
        if self.state.seen.session.flipped_until.take_if(|until| *until <= now).is_some() {
            let status = self.state.session.status();
            let pushes = status != connector::Status::Flipped;
            self.demand(pushes, Rule::C7, || "flipped, connected, and stuck".to_owned());
        }
    }
}
