//! What goes wrong: links that end, processes that die, hosts that sleep.

use std::time::Duration;

use relay_proto::close::{Close, DialError, Ended};
use relay_proto::connector::Session;
use relay_proto::gateway::Status;
use relay_proto::{DeliveryKind, Features, LinkEvent, LinkId, Position};

use super::rules::Rule;
use super::seen::NOTICED_WITHIN;
use super::shared::Shared;
use super::step::Step;
use super::wire::{Packet, Wire};

/// Longer than a token lives.
const LONG_SLEEP: Duration = Duration::from_secs(400);

impl Step<'_> {
    pub(super) fn refuse(&mut self) {
        self.fail_dial(DialError::Status(401));
        let disabled = self.state.status() == Some(Status::Disabled);
        self.demand(!disabled, Rule::A6, || "an HTTP status at the upgrade latches".to_owned());
    }

    /// The upgrade's answer does not reach the gateway.
    pub(super) fn half_dial(&mut self) {
        let Some(id) = self.state.dialing else { return };
        let session_id = self.accept_link();
        self.state.wires.push(Wire::half(id, session_id));
        self.open_at_session(session_id);
        self.fail_dial(DialError::unreachable("reset by peer"));
    }

    fn fail_dial(&mut self, error: DialError) {
        let Some(id) = self.state.dialing.take() else { return };
        self.saw.lost = self.state.seen.held.take_if(|held| held.id == id);
        self.give_gateway(LinkEvent::DialFailed(id, error));
    }

    pub(super) fn accept_link(&mut self) -> LinkId {
        let id = LinkId(self.state.desk.accepted_links);
        self.state.desk.accepted_links += 1;
        id
    }

    pub(super) fn open_at_session(&mut self, id: LinkId) {
        let seen = std::mem::take(&mut self.state.seen.session).without_link();
        self.state.seen.session = seen;
        self.state.seen.session.link = Some(id);
        self.state.seen.session.beat = super::seen::Beat::begin(self.state.now);
        self.state.session.handle_link(LinkEvent::Opened(id, self.model.features()), self.state.now);
        self.drain_session();
    }

    pub(super) fn close(&mut self, close: Option<Close>) {
        let Some(place) = self.state.gateways_wire() else { return };
        let wire = &mut self.state.wires[place];
        match close {
            None => wire.is_cut(),
            Some(close) => {
                wire.send_to_gateway(Packet::Close(close));
                wire.send_to_session(Packet::Broken);
            }
        }
    }

    pub(super) fn die(&mut self) {
        let Some(place) = self.state.gateways_wire() else { return };
        self.state.wires[place].dies(self.state.now + NOTICED_WITHIN);
    }

    /// The gateway's link is gone, for a reason of the world's.
    pub(super) fn lose(&mut self, id: LinkId, is_held: bool, ended: &Ended) {
        let held = self.state.seen.held.take_if(|held| held.id == id);
        let before = self.state.status();
        self.saw.at_once = held.as_ref().is_some_and(|held| self.is_too_old_to_tell(held, ended));
        self.saw.lost.clone_from(&held);
        self.give_gateway(LinkEvent::Closed(id, ended.clone()));
        if let Some(held) = held.filter(|_| is_held) {
            self.judge_loss(&held, ended, before);
        }
    }

    pub(super) fn crash_gateway(&mut self) {
        for wire in self.state.wires.iter_mut().filter(|wire| wire.gateway.holds) {
            wire.gateway_lets_go(Packet::Broken);
        }
        let state = &mut self.state;
        state.gateway = None;
        (state.dialing, state.stalled, state.seen.held) = (None, None, None);
        (state.seen.trusted, state.seen.disabled, state.seen.failures) = (false, false, 0);
        (state.seen.parked_until, state.seen.promised, state.seen.cadence) = (None, None, None);
        state.app.arrived.clear();
        state.app.untold.clear();
        state.app.asked.clear();
        state.app.told = Default::default();
        state.app.released = Default::default();
    }

    pub(super) fn restart(&mut self) {
        self.state.seen.lives += 1;
        let mut gateway = self.model.new_gateway(self.state.seen.lives, self.state.now);
        for (number, keys) in &self.state.app.kept {
            gateway.remember(*keys);
            self.state.app.told.insert(*number);
        }
        self.state.gateway = Some(Shared::new(gateway));
    }

    pub(super) fn crash_connector(&mut self) {
        for wire in self.state.wires.iter_mut().filter(|wire| wire.session.holds) {
            wire.session_lets_go(Packet::Broken);
        }
        self.state.session = Shared::new(Session::new(self.model.session.clone()));
        let world = &self.model.world;
        let entries = self.state.desk.store.iter().map(|number| {
            let passthrough = world.is_passthrough(number);
            let kind = if passthrough { DeliveryKind::Passthrough } else { DeliveryKind::Message };
            (Position(number), kind)
        });
        self.state.session.restore(entries, Position(self.state.desk.appended));
        self.state.desk.pending.clear();
        self.state.desk.poke = false;
        self.state.session_stalled = None;
        self.state.seen.session = Default::default();
    }

    /// Time passes, and nobody sees it do so.
    pub(super) fn suspend(&mut self) {
        self.state.now = self.state.now + LONG_SLEEP;
    }

    /// Time passes, and only the session sees it do so.
    pub(super) fn suspend_gateway(&mut self) {
        let end = self.state.now + LONG_SLEEP;
        while let Some(next) = self.state.session.poll_timeout().filter(|next| next.at <= end) {
            self.state.now = self.state.now.max(next.at);
            self.let_session_know();
            self.drain_session();
        }
        self.state.now = end;
    }
}

impl super::LinkModel {
    /// What the gateway says at the upgrade that it can do.
    pub(super) fn features(&self) -> Features {
        Features { passthrough_ack: self.world.gateway == super::world::Peer::Own }
    }
}
