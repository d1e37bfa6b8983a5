//! What else can be asked of a [`Pair`], beyond what every exchange needs.

use std::collections::VecDeque;
use std::time::Duration;

use relay_proto::action::Action;
use relay_proto::close::{Close, CloseCode, DialError, Ended, REASON_UNAUTHORIZED};
use relay_proto::gateway::Options;
use relay_proto::{DeliveryKind, Features, LinkEvent, LinkId, Position, connector};
use serde_json::Value;

use super::{Packet, Pair, Side, Step};
use crate::lines;

impl Pair {
    /// Something with this body happens on the platform: a new entry, durable first.
    pub fn append_body(&mut self, kind: DeliveryKind, body: Value) -> u64 {
        let buffer_id = self.session.buffer_id(self.session.next_position());
        let (number, size) = self.platform.appends_body(kind, body, &buffer_id);
        self.mailbox.appended(Position(number), kind, buffer_id);
        assert_eq!(self.session.append(kind, size, self.now), Position(number), "C3: the store's order");
        self.drain();
        number
    }

    /// A user stops what the agent does. False when the connector cannot say so now.
    pub fn stop_agent(&mut self) -> bool {
        let taken = self.session.interrupt("key", "chat").is_ok();
        self.drain();
        taken
    }

    /// The agent asks for this action, which is known by `text`. False when the gateway refuses it.
    pub fn ask(&mut self, action: &Action, text: &str, patient: bool) -> bool {
        let options = Options { wait_for_link: patient, ..Options::default() };
        let asked = self.gateway.request(action.clone(), &options, self.now);
        if let Ok(id) = &asked {
            self.requests.accepted(*id, action);
            self.inbox.asked.insert(*id, text.to_owned());
        }
        self.drain();
        asked.is_ok()
    }

    /// The agent stops what runs elsewhere. False when the gateway cannot say so now.
    pub fn stop_elsewhere(&mut self) -> bool {
        let taken = self.gateway.interrupt("key", None).is_ok();
        self.drain();
        taken
    }

    /// Dials are to be parked for a while.
    pub fn hold(&mut self) {
        self.gateway.hold(self.now);
        self.drain();
    }

    /// The operator wants the gateway to connect anew.
    pub fn disconnect(&mut self) {
        self.session.disconnect();
        self.drain();
    }

    /// This end's sink takes everything again.
    pub fn let_flow(&mut self, side: Side) {
        match side {
            Side::Gateway => self.gateway_writable = true,
            Side::Session => self.session_writable = true,
        }
        self.drain();
    }

    /// The dial under way comes to nothing.
    pub fn refuse(&mut self, error: DialError) {
        self.fail_dial(error);
        self.drain();
    }

    /// The dial under way is accepted by something that is not the connector, and closed in the same breath.
    pub fn rebuff(&mut self, close: Close) {
        let Some(id) = self.network.dialing.take() else { return };
        self.network.connect(id).let_go(Side::Session, Packet::Close(close));
        self.links.opened(id);
        self.deliveries.opened();
        self.gateway.handle_link(LinkEvent::Opened(id, Features::default()), self.now);
        self.drain();
    }

    /// Something between the two closes the gateway's link.
    pub fn close_midway(&mut self, close: &Close) {
        self.with_gateways_link(|wire| wire.closed_midway(close.clone()));
        self.drain();
    }

    /// The gateway's host sleeps for so long. What it then sees first is this step, or else its timers.
    pub fn sleep(&mut self, time: Duration, first: Option<Step>) {
        self.suspend_gateway(time, first);
        self.drain();
    }

    /// Something of a link that is over comes late: which of several things (rule L4).
    pub fn haunt(&mut self, which: usize) {
        let close = |reason| Ended::Closed(Close::new(CloseCode::UNAUTHORIZED, reason));
        if let Some(old) = self.gateway.link().and_then(|link| link.0.checked_sub(1)).map(LinkId) {
            let event = match which % 5 {
                0 => LinkEvent::Opened(old, Features::default()),
                1 => LinkEvent::DialFailed(old, DialError::unreachable("no route")),
                2 => LinkEvent::Closed(old, close(REASON_UNAUTHORIZED)),
                3 => LinkEvent::Closed(old, Ended::broken("reset by peer")),
                _ => LinkEvent::Received(old, lines::going_idle_ack().into()),
            };
            self.gateway.handle_link(event, self.now);
        }
        if let Some(old) = self.session.link().and_then(|link| link.0.checked_sub(1)).map(LinkId) {
            let event = match which / 5 % 2 {
                0 => LinkEvent::Closed(old, Ended::broken("reset by peer")),
                _ => LinkEvent::Received(old, lines::going_idle().into()),
            };
            self.session.handle_link(event, self.now);
        }
        self.drain();
    }

    /// What the driver of the session has not seen to, the oldest first.
    #[must_use]
    pub fn unseen(&self) -> &VecDeque<connector::Event> {
        &self.session_events
    }
}
