//! What a gateway's machine hands to the application.

use alloc::boxed::Box;
use core::fmt;

use bytes::Bytes;

use crate::codec::{self, Decoded};
use crate::event::{MessageEvent, Passthrough, interaction_event};
use crate::frame::{DeliveryKind, ToGateway};
use crate::ids::DeliveryId;
use crate::ledger::DeliveryKeys;

/// Something that the peer sent for the application, in the order of the wire (rule D5).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Inbound {
    /// A message or a forwarded request, to be stored or released.
    Deliver(Delivery),
    /// A user stops what the agent does in this session.
    Interrupt {
        /// The session to stop.
        session_key: Box<str>,
        /// The chat from which the stop came; may be empty.
        chat_id: Box<str>,
    },
}

/// A message or a forwarded request for the application.
///
/// It has its own memory, of about the length of its line.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Delivery {
    /// Its name in [`Gateway::stored`](super::Gateway::stored) and [`Gateway::release`](super::Gateway::release).
    pub id: DeliveryId,
    /// What it is.
    pub kind: DeliveryKind,
    /// By what its duplicates are known; for an inbox that outlives the process.
    pub keys: DeliveryKeys,
    /// Whether the connector keeps it until it is acked.
    pub buffered: bool,
    /// The line that it came in: cheaper to keep than to cut.
    pub(super) line: Bytes,
}

impl Delivery {
    /// The raw JSON of the event, or of the forward, as the peer wrote it.
    #[must_use]
    pub fn json(&self) -> &str {
        // The line was read as a frame before, so it can be read again.
        match codec::decode_to_gateway(&self.line) {
            Ok(Decoded::Frame(ToGateway::Inbound { event, .. })) => event.get(),
            Ok(Decoded::Frame(ToGateway::Passthrough { forward, .. })) => forward.get(),
            Ok(_) | Err(_) => "null",
        }
    }

    /// The message event; for a forwarded Discord interaction, the event that it stands for. `None` for any other
    /// forward.
    #[must_use]
    pub fn event(&self) -> Option<MessageEvent<'_>> {
        match self.kind {
            DeliveryKind::Message => Some(MessageEvent::parse(self.json())),
            DeliveryKind::Passthrough => interaction_event(&Passthrough::parse(self.json())),
        }
    }

    /// The forwarded request; `None` for a message.
    #[must_use]
    pub fn forward(&self) -> Option<Passthrough> {
        match self.kind {
            DeliveryKind::Message => None,
            DeliveryKind::Passthrough => Some(Passthrough::parse(self.json())),
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, kind, keys: _, buffered, line } = self;
        write!(f, "Delivery({id}, {kind:?}, buffered: {buffered}, {} bytes)", line.len())
    }
}
