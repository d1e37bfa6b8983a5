//! Deliveries to a gateway's application: in wire order, none twice, none acked before it is stored.

use std::collections::BTreeMap;

use relay_proto::DeliveryId;
use relay_proto::gateway::{Inbound, Transmit};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::lines;

/// Looks at every line that the connector sends, at what the application gets and does, and at every ack.
#[derive(Clone, Debug)]
pub struct DeliveryWatch {
    /// How many stored deliveries must be known again.
    window: usize,
    /// Everything that was sent for the application, in wire order.
    sent: Vec<Sent>,
    partial: Vec<u8>,
    /// The first of `sent` that the application can still get.
    next: usize,
    /// What the application has and has neither stored nor released: indices into `sent`.
    open: BTreeMap<DeliveryId, usize>,
    /// What it has stored, in this order.
    stored: Vec<usize>,
    /// What it got, and the line from which on the same is new again: `usize::MAX` as long as it is known.
    known: BTreeMap<usize, usize>,
}

#[derive(Clone, Debug)]
struct Sent {
    kind: Kind,
    buffer_id: Option<String>,
    /// Names the message on its platform; none for an event that names no chat or no message.
    message: Option<Value>,
    /// As it was written.
    body: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Delivery,
    Interrupt,
}

impl Sent {
    /// The frame in this line, if it is one for the application. What it carries may be odder than JSON readers
    /// like.
    fn read(line: &[u8]) -> Option<Self> {
        let frame: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(line).ok()?;
        let field = |name: &str| frame.get(name).map(|raw| raw.get());
        let value = |name: &str| serde_json::from_str::<Value>(field(name)?).ok();
        let buffer_id = match value("bufferId") {
            Some(Value::String(id)) if !id.is_empty() => Some(id),
            Some(Value::Number(id)) => Some(id.to_string()),
            _ => None,
        };
        let (kind, body) = match value("type")?.as_str()? {
            "inbound" => (Kind::Delivery, field("event")?.to_owned()),
            "passthrough_forward" => (Kind::Delivery, field("forward")?.to_owned()),
            "interrupt_inbound" => (Kind::Interrupt, value("session_key")?.as_str()?.to_owned()),
            _ => return None,
        };
        Some(Self { kind, buffer_id, message: message_name(&body), body })
    }

    /// D2: the same `bufferId`, or the same platform, chat and message id with the same content.
    fn is_same_as(&self, other: &Self) -> bool {
        (self.buffer_id.is_some() && self.buffer_id == other.buffer_id)
            || (self.message.is_some() && self.message == other.message)
    }
}

fn message_name(body: &str) -> Option<Value> {
    let event: Value = serde_json::from_str(body).ok()?;
    if event["platform"] == "discord" {
        return Some(event);
    }
    let source = &event["source"];
    let named = |value: &Value| value.as_str().is_some_and(|id| !id.is_empty());
    if !named(&source["chat_id"]) || !named(&event["message_id"]) {
        return None;
    }
    let of_event = ["message_id", "text", "message_type", "media_urls", "media", "prompt_response"];
    let of_source = ["platform", "chat_id"].map(|name| source[name].clone());
    let is_edit = Value::from(source["message_is_edit"] == true);
    Some(of_event.map(|name| event[name].clone()).into_iter().chain(of_source).chain([is_edit]).collect())
}

impl DeliveryWatch {
    /// For a machine that knows so many stored deliveries again.
    #[must_use]
    pub fn new(window: usize) -> Self {
        let (sent, partial, open, stored, known) = Default::default();
        Self { window, sent, partial, next: 0, open, stored, known }
    }

    /// A new link: what was left of a line on the old one is gone.
    pub fn opened(&mut self) {
        self.partial.clear();
    }

    /// A new machine took over from one that is gone; what was stored stays.
    pub fn restarted(&mut self) {
        self.partial.clear();
        std::mem::take(&mut self.open).into_values().for_each(|place| self.forget(place));
        self.next = self.sent.len();
    }

    /// The connector sent these bytes on the link that the machine holds.
    pub fn heard(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            self.sent.extend(Sent::read(&line));
        }
    }

    /// The application got this.
    ///
    /// # Panics
    /// When it was not sent, comes out of order (D5), or was handed out before (D2).
    pub fn inbound(&mut self, inbound: &Inbound) {
        let (kind, body) = match inbound {
            Inbound::Deliver(delivery) => (Kind::Delivery, delivery.json()),
            Inbound::Interrupt { session_key, .. } => (Kind::Interrupt, &**session_key),
        };
        // D1: buffered iff it has a bufferId.
        let buffered = matches!(inbound, Inbound::Deliver(delivery) if delivery.buffered);
        let rest = self.sent.iter().enumerate().skip(self.next);
        let alike = rest.filter(|(_, sent)| {
            let as_buffered = kind == Kind::Interrupt || sent.buffer_id.is_some() == buffered;
            sent.kind == kind && sent.body == body && as_buffered
        });
        let places: Vec<usize> = alike.map(|(place, _)| place).collect();
        assert!(!places.is_empty(), "D5: {body} was not sent, or comes out of order");
        // Among lines that say the same, the first that was no duplicate when it came was meant.
        let is_new = |place: &&usize| kind == Kind::Interrupt || !self.is_duplicate(**place);
        let place = *places.iter().find(is_new).unwrap_or_else(|| panic!("D2: handed out twice: {body}"));
        self.next = place + 1;
        if let Inbound::Deliver(delivery) = inbound {
            assert!(self.open.insert(delivery.id, place).is_none(), "{} is given twice", delivery.id);
            self.known.retain(|_, until| *until > place);
            self.known.insert(place, usize::MAX);
        }
    }

    /// Whether this line came while the same was on its way to the application, lay there, or had been stored not
    /// long ago. It then belongs to that one, and shares its fate: when that one is released, it is as if neither
    /// had come (D4).
    fn is_duplicate(&self, place: usize) -> bool {
        let mut known = self.known.range(..place).filter(|(_, until)| place < **until);
        known.any(|(other, _)| self.sent[*other].is_same_as(&self.sent[place]))
    }

    /// What is the same as this line is new from now on.
    fn forget(&mut self, place: usize) {
        self.known.insert(place, self.sent.len());
    }

    /// The application said that it holds the delivery durably.
    pub fn stored(&mut self, delivery: DeliveryId) {
        let Some(place) = self.open.remove(&delivery) else { return };
        self.stored.push(place);
        let oldest_known = self.stored.len().saturating_sub(self.window);
        if let Some(oldest) = oldest_known.checked_sub(1) {
            self.forget(self.stored[oldest]);
        }
    }

    /// The application said that it does not take the delivery.
    pub fn released(&mut self, delivery: DeliveryId) {
        if let Some(place) = self.open.remove(&delivery) {
            self.forget(place);
        }
    }

    /// The machine gave this.
    ///
    /// # Panics
    /// When it acks what is not stored (D1).
    pub fn transmit(&self, transmit: &Transmit) {
        let Transmit::Frame(_, bytes) = transmit else { return };
        let frame = lines::read(bytes);
        if !lines::is(&frame, "inbound_ack") {
            return;
        }
        let acked = frame["bufferId"].as_str();
        let mut named = self.sent.iter().filter(|sent| sent.buffer_id.as_deref() == acked);
        let stored = |sent: &Sent| self.stored.iter().any(|place| self.sent[*place].is_same_as(sent));
        assert!(named.any(stored), "D1: {frame} for a delivery that is not stored");
    }

    /// How many deliveries the application has that it has neither stored nor released.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.len()
    }
}
