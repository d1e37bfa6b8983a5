//! What a gateway's machine says: things for the driver to do, and what happened to the link and the requests.

use core::fmt;
use core::time::Duration;

use bytes::Bytes;

use crate::close::{Close, DialError, Ended};
use crate::codec::LineTooLong;
use crate::event::DescriptorError;
use crate::ids::{LinkId, RequestId};
use crate::text::TextLimit;
use crate::time::Instant;

/// Something for the driver to do with the network.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Transmit {
    /// Dial, with a token minted now (rule A5). Ends in [`LinkEvent::Opened`](crate::LinkEvent::Opened) or
    /// [`LinkEvent::DialFailed`](crate::LinkEvent::DialFailed).
    Dial(LinkId),
    /// Send these bytes, one line, as a text message.
    Frame(LinkId, Bytes),
    /// Send a WebSocket ping that bears this number; its pong comes back as
    /// [`LinkEvent::Pong`](crate::LinkEvent::Pong).
    Ping(LinkId, u32),
    /// Give up the dial, or send this close frame and drop the socket. The machine is done with the link: nothing
    /// of it may be reported afterwards, and if it is, it changes nothing (rule L4).
    Close(LinkId, Close),
}

/// Something that happened to the link or to a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The first descriptor of a link came: the handshake is complete.
    Linked(LinkId),
    /// A dial came to nothing, or the link is gone.
    Down {
        /// Why.
        cause: Cause,
        /// What comes next.
        next: Next,
    },
    /// A request is settled; each is once (rule O1).
    Resolved(RequestId, Outcome),
    /// The connector has agreed to only buffer, and the link is closed (rule I2).
    Dormant,
    /// The gateway does not go dormant after all.
    DormancyRefused(StayedAwake),
    /// The credential is revoked: this machine will never dial again (rule A4). Reported once.
    Disabled(Close),
    /// The machine is shut down: the last event.
    ShutDown,
}

/// Why a dial came to nothing, or a link is gone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The dial failed.
    Dial(DialError),
    /// The dial did not end in time.
    DialTimeout(Duration),
    /// No descriptor came in time (rule L5).
    HandshakeTimeout(Duration),
    /// The peer closed the link, or the socket broke.
    Ended(Ended),
    /// The peer stopped answering pings (rule K1).
    Silent(Duration),
    /// The peer broke the protocol.
    Violation(Violation),
    /// This end gave the link up, to get out of a dormancy that did not come about (rule I3).
    Relinked,
}

/// How a peer broke the protocol. The peer's fault.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Violation {
    /// A line over the limit (rule D7).
    LineTooLong(LineTooLong),
    /// A descriptor that cannot be used (rule H4).
    Descriptor(DescriptorError),
    /// A descriptor that is far larger than any platform needs.
    DescriptorTooLarge,
    /// More than the gateway will hold for its application (rule D6).
    Overflow,
}

/// What a machine does after a link is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// It dials at this time.
    Redial(Instant),
    /// It stays down: disabled, shut down, or told not to reconnect.
    Stay,
}

/// Why a gateway did not go dormant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StayedAwake {
    /// The connector did not agree in time (rule I3).
    NoAck,
    /// The link was lost before it agreed.
    LinkLost,
    /// The application wanted to stay awake.
    Woken,
    /// The application shut the gateway down.
    ShutDown,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The connector answered: the raw JSON of the result, for
    /// [`ActionResult::parse`](crate::action::ActionResult::parse).
    Answered(Bytes),
    /// It was never handed to the socket: it was certainly not done (rule O2).
    Failed(Failure),
    /// It was handed to the socket, and no result came: nobody can say whether it was done (rule O2).
    Ambiguous(Ambiguity),
}

/// Why a request was certainly not done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// Its time was up before it could be written.
    TimedOut,
    /// The link was lost before it could be written.
    LinkLost,
    /// The credential is revoked (rule A4).
    Disabled,
    /// The gateway was shut down.
    ShutDown,
    /// The chat's platform does not offer the op, as the next link turned out (rule O8).
    Unsupported,
    /// The text is too long for the chat's platform, as the next link turned out (rule O11).
    TooLong(TextLimit),
}

/// Why nobody can say whether a request was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ambiguity {
    /// No result in time.
    TimedOut,
    /// The link was lost before the result.
    LinkLost,
    /// The gateway was shut down before the result.
    ShutDown,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial(error) => error.fmt(f),
            Self::DialTimeout(limit) => write!(f, "the dial took longer than {limit:?}"),
            Self::HandshakeTimeout(limit) => write!(f, "no descriptor within {limit:?}"),
            Self::Ended(ended) => ended.fmt(f),
            Self::Silent(limit) => write!(f, "no pong within {limit:?}"),
            Self::Violation(violation) => violation.fmt(f),
            Self::Relinked => f.write_str("given up, to be up and awake again"),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineTooLong(error) => error.fmt(f),
            Self::Descriptor(error) => error.fmt(f),
            Self::DescriptorTooLarge => f.write_str("a descriptor is too large"),
            Self::Overflow => f.write_str("more deliveries than the application takes"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("not sent in time"),
            Self::LinkLost => f.write_str("the link was lost before it was sent"),
            Self::Disabled => f.write_str("the relay is disabled"),
            Self::ShutDown => f.write_str("the gateway was shut down before it was sent"),
            Self::Unsupported => f.write_str("the platform does not offer it"),
            Self::TooLong(limit) => write!(f, "the text is longer than the {limit} that the platform takes"),
        }
    }
}

impl fmt::Display for Ambiguity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "sent, but no result came in time",
            Self::LinkLost => "sent, but the link was lost before the result",
            Self::ShutDown => "sent, but the gateway was shut down before the result",
        })
    }
}
