//! What a driver saw of a link: the input that both machines share.

use bytes::Bytes;

use crate::close::{DialError, Ended};
use crate::ids::LinkId;

/// Something that happened on a link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LinkEvent {
    /// The upgrade is done: the socket is open, and the peer said that it can do this.
    Opened(LinkId, Features),
    /// A text or binary message came. Both count as UTF-8 text.
    Received(LinkId, Bytes),
    /// A pong came that bears this number.
    Pong(LinkId, u32),
    /// A message came that is over the limit of the WebSocket layer, and was not taken.
    TooLarge(LinkId),
    /// The socket ended.
    Closed(LinkId, Ended),
    /// The dial failed. Connectors do not dial.
    DialFailed(LinkId, DialError),
}

/// The header of the upgrade, both ways, in which an end says what it can do beyond the contract's first version:
/// names parted by commas. Who does not know it ignores it.
pub const FEATURES_HEADER: &str = "relay-features";

/// What a peer can do beyond what every peer of the contract can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Features {
    /// It acks a buffered `passthrough_forward`. Stock gateways never do (rule C9).
    pub passthrough_ack: bool,
}

const PASSTHROUGH_ACK: &str = "passthrough-ack";

impl Features {
    /// What this crate's own machines can do: the header's value.
    pub const OURS: &'static str = PASSTHROUGH_ACK;

    /// What the header says; names that this crate does not know are ignored.
    #[must_use]
    pub fn parse(header: &str) -> Self {
        let mut names = header.split(',').map(str::trim);
        Self { passthrough_ack: names.any(|name| name.eq_ignore_ascii_case(PASSTHROUGH_ACK)) }
    }
}
