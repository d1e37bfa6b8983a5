//! One step of a world: what happens to the machines, and whether they may answer it as they do.

use std::time::Duration;

use relay_proto::action::Action;
use relay_proto::close::{Close, CloseCode, DialError, Ended};
use relay_proto::connector::Session;
use relay_proto::gateway::{self, Gateway, Options, Status};
use relay_proto::{DeliveryKind, Features, LinkEvent, LinkId, Position};

use super::LinkModel;
use super::act::Act;
use super::diagram::{Note, Place};
use super::state::{Broken, SeenSession, State};
use super::wire::{Packet, Wire, field};

/// Longer than a token lives.
const LONG_SLEEP: Duration = Duration::from_secs(400);

/// Whoever is this late was suspended.
const SUSPENDED: Duration = Duration::from_secs(5);

/// A step that is being taken.
pub(super) struct Step<'a> {
    pub(super) model: &'a LinkModel,
    pub(super) state: State,
    pub(super) saw: Saw,
    /// For the diagram, when one is wanted.
    pub(super) notes: Option<Vec<Note>>,
}

/// What came out of the gateway in this step.
#[derive(Default)]
pub(super) struct Saw {
    pub(super) dialed: bool,
    pub(super) acks: Vec<u64>,
    pub(super) refused_dormancy: Option<gateway::StayedAwake>,
    /// The deadline was met so late that the host must have been suspended.
    pub(super) resumed: bool,
    /// The connector has agreed to only buffer on the link that was held.
    pub(super) idle_acked: bool,
}

impl Step<'_> {
    pub(super) fn demand(&mut self, holds: bool, rule: &'static str, how: impl FnOnce() -> String) {
        if !holds && self.state.broken.is_none() {
            self.state.broken = Some(Broken { rule, how: how() });
        }
    }

    pub(super) fn note(&mut self, from: Place, to: Place, what: impl FnOnce() -> String) {
        if let Some(notes) = &mut self.notes {
            notes.push(Note { from, to, what: what() });
        }
    }

    /// Takes it. False when it is not possible.
    pub(super) fn take(&mut self, act: Act) -> bool {
        let before = self.state.status();
        self.saw.idle_acked = self.state.seen.held.as_ref().is_some_and(|held| held.idle_acked);
        self.note(Place::World, Place::World, || format!("{act:?}"));
        if !self.happens(act) {
            return false;
        }
        self.drain_gateway();
        self.drain_session();
        self.state.wires.retain(|wire| wire.gateway.holds || wire.session.holds);
        self.judge_step(before, act);
        true
    }

    fn happens(&mut self, act: Act) -> bool {
        let left = &mut self.state.left;
        let budget = match act {
            Act::Append => &mut left.messages,
            Act::Send => &mut left.requests,
            Act::Release => &mut left.releases,
            Act::GoDormant => &mut left.dormancies,
            Act::Wake => &mut left.wakes,
            Act::Hold => &mut left.holds,
            Act::ShutDown => &mut left.shutdowns,
            Act::Delay => &mut left.delays,
            Act::Refuse => &mut left.refusals,
            Act::Cut => &mut left.cuts,
            Act::Unauthorized => &mut left.unauthorized,
            Act::Expired => &mut left.expired,
            Act::GoAway => &mut left.going_away,
            Act::Stall => &mut left.stalls,
            Act::CrashGateway => &mut left.gateway_crashes,
            Act::CrashConnector => &mut left.connector_crashes,
            Act::Suspend => &mut left.suspensions,
            _ => &mut 1,
        };
        *budget -= 1;
        match act {
            Act::ReachGateway(place) => self.reach_gateway(place),
            Act::ReachSession(place) => self.reach_session(place),
            Act::Connect => self.connect(),
            Act::Unstall => self.state.stalled = None,
            Act::Keep => self.keep(),
            Act::Tell => self.tell(),
            Act::Perform => self.perform(),
            Act::Poke | Act::WakeUp | Act::Wake => self.wake(),
            Act::Restart => self.restart(),
            Act::Relink => {
                self.state.app.released.clear();
                self.close(None);
            }
            Act::Tick | Act::Delay => self.tick(),
            Act::Append => self.append(),
            Act::Send => return self.send(),
            Act::Release => self.release(),
            Act::GoDormant => return self.with_gateway(|gateway, now| gateway.go_dormant(now).is_ok()),
            Act::Hold => {
                let until = self.state.now + self.model.gateway.hold_limit;
                self.state.seen.parked_until = self.state.seen.parked_until.max(until);
                return self.with_gateway(|gateway, now| (gateway.hold(now), true).1);
            }
            Act::ShutDown => {
                self.state.seen.shut_down_asked = true;
                return self.with_gateway(|gateway, now| (gateway.shut_down(now), true).1);
            }
            Act::Refuse => self.refuse(),
            Act::Cut => self.close(None),
            Act::Unauthorized => self.close(Some(Close::new(CloseCode::UNAUTHORIZED, "unauthorized"))),
            Act::Expired => self.close(Some(Close::new(CloseCode::UNAUTHORIZED, "expired"))),
            Act::GoAway => self.close(Some(Close::new(CloseCode::GOING_AWAY, ""))),
            Act::Stall => self.state.stalled = self.state.gateway.as_ref().and_then(Gateway::link),
            Act::CrashGateway => self.crash_gateway(),
            Act::CrashConnector => self.crash_connector(),
            Act::Suspend => self.suspend(),
        }
        true
    }

    fn with_gateway(&mut self, does: impl FnOnce(&mut Gateway, relay_proto::Instant) -> bool) -> bool {
        let now = self.state.now;
        self.state.gateway.as_mut().is_some_and(|gateway| does(gateway, now))
    }

    fn give_gateway(&mut self, event: LinkEvent) {
        self.with_gateway(|gateway, now| (gateway.handle_link(event, now), true).1);
    }

    fn connect(&mut self) {
        let Some(id) = self.state.dialing.take() else { return };
        let session_id = LinkId(self.state.desk.accepted_links);
        self.state.desk.accepted_links += 1;
        self.state.wires.push(Wire::new(id, session_id));
        if let Some(held) = &mut self.state.seen.held {
            held.opened = true;
        }
        let link = Some(session_id);
        let SeenSession { acked, settled, .. } = std::mem::take(&mut self.state.seen.session);
        self.state.seen.session = SeenSession { link, acked, settled, ..SeenSession::default() };
        let features = Features { passthrough_ack: true };
        self.state.session.handle_link(LinkEvent::Opened(session_id, features), self.state.now);
        self.drain_session();
        self.give_gateway(LinkEvent::Opened(id, features));
    }

    fn reach_gateway(&mut self, place: usize) {
        let id = self.state.wires[place].gateway.id;
        let Some(packet) = self.state.wires[place].arrives_at_gateway() else { return };
        let is_held = self.state.seen.held.as_ref().is_some_and(|held| held.id == id);
        match packet {
            Packet::Line(line) => {
                let number = field(&line, "message_id").and_then(|name| name.parse().ok());
                let stored = number.filter(|number| self.state.app.told.contains(number));
                if field(&line, "type") == Some("going_idle_ack")
                    && let Some(held) = self.state.seen.held.as_mut().filter(|_| is_held)
                {
                    held.idle_acked = true;
                    self.saw.idle_acked = true;
                }
                self.give_gateway(LinkEvent::Received(id, line));
                self.drain_gateway();
                if let Some(number) = stored.filter(|_| is_held && self.state.stalled.is_none()) {
                    let acked = self.saw.acks.contains(&number);
                    self.demand(acked, "D3", || format!("{number} is stored, comes again, and is not acked"));
                }
            }
            Packet::Close(close) => self.lose(id, is_held, &Ended::Closed(close)),
            Packet::Broken => self.lose(id, is_held, &Ended::broken("reset by peer")),
        }
    }

    fn lose(&mut self, id: LinkId, is_held: bool, ended: &Ended) {
        let held = self.state.seen.held.take_if(|held| held.id == id);
        let before = self.state.status();
        self.give_gateway(LinkEvent::Closed(id, ended.clone()));
        if let Some(held) = held.filter(|_| is_held) {
            self.judge_loss(&held, ended, before);
        }
    }

    fn reach_session(&mut self, place: usize) {
        let id = self.state.wires[place].session.id;
        let Some(packet) = self.state.wires[place].arrives_at_session() else { return };
        let is_its = self.state.seen.session.link == Some(id);
        let event = match packet {
            Packet::Line(line) => {
                let seen = &mut self.state.seen.session;
                match field(&line, "type") {
                    Some("hello") if is_its => seen.hellos += 1,
                    Some("inbound_ack") if is_its => seen.acked.extend(number_of_ack(&line)),
                    _ => {}
                }
                LinkEvent::Received(id, line)
            }
            Packet::Close(close) => LinkEvent::Closed(id, Ended::Closed(close)),
            Packet::Broken => LinkEvent::Closed(id, Ended::broken("reset by peer")),
        };
        if let LinkEvent::Closed(..) = event {
            self.state.seen.session.link.take_if(|link| *link == id);
        }
        self.state.session.handle_link(event, self.state.now);
    }

    fn keep(&mut self) {
        let Some(arrived) = self.state.app.arrived.pop_front() else { return };
        let number = arrived.number;
        let behind = self.state.app.kept.iter().any(|(kept, _)| *kept > number);
        let excused = self.state.seen.ever_released.contains(&number);
        self.demand(!behind || excused, "W3", || format!("{number} is kept behind a later one"));
        self.state.app.kept.push((number, arrived.keys));
        self.state.app.untold.push_back(arrived);
    }

    fn tell(&mut self) {
        let Some(told) = self.state.app.untold.pop_front() else { return };
        self.state.app.told.insert(told.number);
        let open = self.state.seen.held.as_ref().is_some_and(|held| held.opened);
        let open = open && self.state.stalled.is_none();
        self.with_gateway(|gateway, now| gateway.stored(told.id, now));
        self.drain_gateway();
        let acked = self.saw.acks.contains(&told.number);
        self.demand(acked || !open, "D3", || format!("{} is stored, and not acked on the link", told.number));
    }

    fn perform(&mut self) {
        let Some((ticket, number)) = self.state.desk.pending.pop_front() else { return };
        let failed = self.state.seen.failed.contains(&number);
        self.demand(!failed, "O2", || format!("request {number} is done although it failed definitely"));
        self.state.desk.performed.insert(number);
        self.state.session.respond(ticket, r#"{"success":true}"#);
    }

    fn wake(&mut self) {
        self.state.desk.poke = false;
        self.state.seen.parked_until = self.state.now;
        let before = self.state.status();
        self.with_gateway(|gateway, now| (gateway.wake(now), true).1);
        if matches!(before, Some(Status::Dormant | Status::Reconnecting { .. } | Status::Stopped)) {
            let dials = self.state.status() == Some(Status::Dialing);
            self.demand(dials, "L7", || format!("woken while {before:?}, it does not dial"));
        }
    }

    fn restart(&mut self) {
        self.state.seen.lives += 1;
        let mut gateway = self.model.new_gateway(self.state.seen.lives, self.state.now);
        for (number, keys) in &self.state.app.kept {
            gateway.remember(*keys);
            self.state.app.told.insert(*number);
        }
        self.state.gateway = Some(gateway);
    }

    fn tick(&mut self) {
        let Some(at) = self.state.next_deadline() else { return };
        let now = self.state.now.max(at);
        self.saw.resumed = now.since(at) >= SUSPENDED;
        let waited = now.since(self.state.now);
        self.note(Place::World, Place::Gateway, || format!("{waited:?} pass"));
        self.state.now = now;
        self.state.session.handle_timeout(now);
        self.with_gateway(|gateway, now| (gateway.handle_timeout(now), true).1);
    }

    fn append(&mut self) {
        let number = self.state.desk.appended;
        self.state.desk.appended += 1;
        self.state.desk.store.insert(number);
        let size = self.model.line(number).len();
        let position = self.state.session.append(DeliveryKind::Message, size, self.state.now);
        self.demand(position == Position(number), "C3", || format!("{number} is appended at {position}"));
    }

    fn send(&mut self) -> bool {
        let number = self.state.app.requests;
        let action = Action::send("chat", format!("r{number}"));
        let options = Options { wait_for_link: self.model.world.patient, ..Options::default() };
        let before = self.state.status();
        let now = self.state.now;
        let Some(gateway) = &mut self.state.gateway else { return false };
        let accepted = gateway.request(action, &options, now);
        self.state.app.requests += 1;
        let is_final = matches!(before, Some(Status::Disabled | Status::ShutDown));
        self.demand(accepted.is_err() || !is_final, "A4", || {
            format!("a request is accepted while {before:?}")
        });
        let is_up = matches!(before, Some(Status::Greeting | Status::Linked | Status::GoingIdle));
        self.demand(accepted.is_ok() || !is_up, "O4", || format!("a request is refused while {before:?}"));
        if let Ok(id) = accepted {
            self.state.app.asked.push(super::state::Asked { id, number, written: false });
        }
        true
    }

    fn release(&mut self) {
        let Some(released) = self.state.app.arrived.pop_front() else { return };
        self.state.app.released.insert(released.number);
        self.state.seen.ever_released.insert(released.number);
        self.with_gateway(|gateway, now| gateway.release(released.id, now));
    }

    fn refuse(&mut self) {
        let Some(id) = self.state.dialing.take() else { return };
        self.state.seen.held.take_if(|held| held.id == id);
        self.give_gateway(LinkEvent::DialFailed(id, DialError::Status(401)));
        let disabled = self.state.status() == Some(Status::Disabled);
        self.demand(!disabled, "A6", || "an HTTP status at the upgrade latches".to_owned());
    }

    fn close(&mut self, close: Option<Close>) {
        let Some(place) = self.state.gateways_wire() else { return };
        let wire = &mut self.state.wires[place];
        match close {
            None => wire.is_cut(),
            Some(close) => {
                wire.gateway.is_sent(Packet::Close(close));
                wire.session.is_sent(Packet::Broken);
            }
        }
    }

    fn crash_gateway(&mut self) {
        for wire in self.state.wires.iter_mut().filter(|wire| wire.gateway.holds) {
            wire.gateway_lets_go(Packet::Broken);
        }
        let state = &mut self.state;
        state.gateway = None;
        (state.dialing, state.stalled, state.seen.held) = (None, None, None);
        (state.seen.trusted, state.seen.disabled) = (false, false);
        state.app.arrived.clear();
        state.app.untold.clear();
        state.app.asked.clear();
        state.app.told.clear();
        state.app.released.clear();
    }

    fn crash_connector(&mut self) {
        for wire in self.state.wires.iter_mut().filter(|wire| wire.session.holds) {
            wire.session_lets_go(Packet::Broken);
        }
        self.state.session = Session::new(self.model.session.clone());
        let entries = self.state.desk.store.iter().map(|number| (Position(*number), DeliveryKind::Message));
        self.state.session.restore(entries, Position(self.state.desk.appended));
        self.state.desk.pending.clear();
        self.state.desk.poke = false;
        self.state.seen.session = SeenSession::default();
    }

    /// Time passes, and nobody sees it do so.
    fn suspend(&mut self) {
        self.state.now = self.state.now + LONG_SLEEP;
    }
}

/// Which entry this line acks.
pub(super) fn number_of_ack(line: &[u8]) -> Option<u64> {
    field(line, "bufferId")?.strip_prefix("0-")?.parse().ok()
}
