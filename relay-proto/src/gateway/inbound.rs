//! What the peer sends: lines, frames, deliveries.

use bytes::Bytes;

use super::Gateway;
use super::delivery::{Delivery, Inbound};
use super::event::Violation;
use super::state::Leaving;
use crate::codec::{self, Decoded, LineTooLong};
use crate::event::{EventHead, Passthrough, interaction_event};
use crate::frame::{DeliveryKind, ToGateway};
use crate::ids::{DeliveryId, LinkId};
use crate::ledger::{Admission, DeliveryKeys, buffer_key};
use crate::time::Instant;

/// A longer `bufferId` is no id: it would cost memory for as long as its delivery waits.
const LONGEST_BUFFER_ID: usize = 1024;

impl Gateway {
    pub(super) fn on_received(&mut self, link: LinkId, mut message: Bytes, now: Instant) {
        // A line can end the link, and with it the splitter: it is looked up for each.
        while let Some(open) = self.state.open_as(link) {
            match open.splitter.next_line(&mut message) {
                Ok(Some(line)) => self.on_line(link, &line, now),
                Ok(None) => return,
                Err(error) => return self.break_off(Violation::LineTooLong(error), now),
            }
        }
    }

    /// The WebSocket layer refused a message, so a line in it is over the limit or, among many, about to be.
    pub(super) fn on_too_large(&mut self, link: LinkId, now: Instant) {
        if self.state.open_as(link).is_some() {
            let limit = self.config.line_limit;
            self.break_off(Violation::LineTooLong(LineTooLong { limit }), now);
        }
    }

    fn on_line(&mut self, link: LinkId, line: &Bytes, now: Instant) {
        let frame = match codec::decode_head(line) {
            Ok(Decoded::Frame(frame)) => frame,
            Ok(Decoded::Unknown) => return self.skipped.unknown += 1,
            Err(_) => return self.skipped.malformed += 1,
        };
        match frame {
            ToGateway::Inbound { event, buffer_id } => {
                self.on_delivery(link, DeliveryKind::Message, line, &event, buffer_id.as_deref(), now);
            }
            ToGateway::Passthrough { forward, buffer_id } => {
                // A forwarded interaction lives in a chat and has an id, as a message does.
                let event = interaction_event(&Passthrough::parse(forward.get()));
                let event = event.and_then(|event| serde_json::to_string(&event).ok()).unwrap_or_default();
                let head = EventHead::parse(&event);
                self.on_delivery(link, DeliveryKind::Passthrough, line, &head, buffer_id.as_deref(), now);
            }
            ToGateway::OutboundResult { request_id, result } => {
                let result = Bytes::copy_from_slice(result.get().as_bytes());
                self.on_result(&request_id, result);
            }
            ToGateway::InterruptInbound { session_key, chat_id } => {
                if self.is_too_much(1, session_key.len() + chat_id.len()) {
                    return self.break_off(Violation::Overflow, now);
                }
                let (session_key, chat_id) = ((&*session_key).into(), (&*chat_id).into());
                self.outbox.inbound(Inbound::Interrupt { session_key, chat_id });
            }
            ToGateway::Descriptor { descriptor } => self.on_descriptor(link, descriptor.get(), now),
            ToGateway::GoingIdleAck => self.on_idle_ack(link, now),
        }
    }

    fn on_delivery(
        &mut self,
        link: LinkId,
        kind: DeliveryKind,
        line: &Bytes,
        head: &EventHead<'_>,
        buffer_id: Option<&str>,
        now: Instant,
    ) {
        let buffer_id = buffer_id.filter(|id| !id.is_empty());
        if buffer_id.is_some_and(|id| id.len() > LONGEST_BUFFER_ID) {
            self.skipped.malformed += 1;
            return;
        }
        let keys = DeliveryKeys { buffer: buffer_id.map(buffer_key), message: head.fingerprint() };
        match self.ledger.admit(keys, buffer_id) {
            // The ledger has counted it.
            Admission::New(id) if self.is_too_much(0, line.len()) => {
                self.ledger.release(id);
                self.break_off(Violation::Overflow, now);
            }
            Admission::New(id) => {
                if let Some((chat, route)) = head.route() {
                    self.routing.learn(chat, route);
                }
                // Memory of its own: what the line arrived in may be much larger than what is counted.
                let line = Bytes::copy_from_slice(line);
                let delivery = Delivery { id, kind, keys, buffered: buffer_id.is_some(), line };
                self.outbox.inbound(Inbound::Deliver(delivery));
            }
            Admission::Waiting => self.skipped.duplicates += 1,
            Admission::Stored => {
                self.skipped.duplicates += 1;
                if let Some(buffer_id) = buffer_id {
                    self.outbox.ack(link, buffer_id);
                    if self.outbox.acks() > self.config.inbound.hard_count {
                        self.break_off(Violation::Overflow, now);
                    }
                }
            }
        }
    }

    /// Acks go out on whatever link is up now; without one, the duplicate that comes on the next link is acked
    /// (rule D3).
    pub(super) fn on_stored(&mut self, delivery: DeliveryId) -> bool {
        let Some(buffer_ids) = self.ledger.stored(delivery) else { return false };
        if let Some(open) = self.state.open() {
            let link = open.link();
            buffer_ids.for_each(|buffer_id| self.outbox.ack(link, &buffer_id));
        }
        true
    }

    /// Whether so many things more, of so many bytes, are more than may wait for the application (rule D6). A thing that
    /// is large by itself still gets through, when nothing waits before it.
    fn is_too_much(&self, things: usize, bytes: usize) -> bool {
        let limits = self.config.inbound;
        let with_it = self.outbox.held_bytes().saturating_add(bytes);
        self.held_for_app() + things > limits.hard_count
            || self.outbox.has_inbound() && with_it > limits.hard_bytes
    }

    /// Whether the application has enough to take for now (rule D6).
    pub(super) fn is_app_behind(&self) -> bool {
        let limits = self.config.inbound;
        self.held_for_app() > limits.soft_count || self.outbox.held_bytes() > limits.soft_bytes
    }

    /// Whether the peer has enough acks to take for now.
    pub(super) fn is_peer_behind(&self) -> bool {
        self.outbox.acks() > self.config.inbound.soft_count
    }

    /// Whether something that the application waits for can only come by reading on (rule D6).
    pub(super) fn awaits_peer(&self) -> bool {
        let Some(open) = self.state.open() else { return false };
        !open.is_linked() || matches!(open.leaving, Leaving::Asked(_)) || self.requests.any_in_flight()
    }

    fn held_for_app(&self) -> usize {
        self.ledger.waiting() + self.outbox.interrupts()
    }
}
