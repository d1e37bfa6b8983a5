//! What comes out of a session's machine.

use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;

use bytes::Bytes;

use crate::close::{Close, Ended};
use crate::codec::LineTooLong;
use crate::ids::{LinkId, Position, Ticket};

/// Something for the driver to do with the network.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Transmit {
    /// Send these bytes, one line, as a text message.
    Frame(LinkId, Bytes),
    /// Send the entry at this position: its body is in the store, its `bufferId` is
    /// [`Session::buffer_id`](super::Session::buffer_id). It counts as given out.
    Entry(LinkId, Position),
    /// Send a WebSocket ping that bears this number; its pong comes back as
    /// [`LinkEvent::Pong`](crate::LinkEvent::Pong).
    Ping(LinkId, u32),
    /// Send this close frame and drop the socket. The machine is done with the link.
    Close(LinkId, Close),
}

/// Something that the driver has to see to, or that happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The gateway fronts this bot. Answer with [`Session::describe`](super::Session::describe).
    Hello(Hello),
    /// The first hello of a link is answered: entries go out.
    Linked(LinkId),
    /// The link is gone.
    Down(LinkId, Cause),
    /// The entry is done: delete it durably (rule C16).
    ///
    /// After a crash, what was given out and is still in the store goes out again, and the gateway knows it by its
    /// [dedupe window](crate::gateway::Config::dedupe_window). So the entries that are unacked, or acked and not yet
    /// deleted, must never be more than that holds (4,096 by default); a driver that deletes before it reads on never
    /// has more than two of this session's windows.
    Acked(Position),
    /// The entry will not go out again: put it with the dead letters.
    DeadLetter(Position, DeathCause),
    /// The gateway asks for something on a platform. Answer with
    /// [`Session::respond`](super::Session::respond), whatever comes of it (rule C12).
    Outbound(Outbound),
    /// The gateway stops what runs in this session elsewhere.
    Interrupt {
        /// The session to stop.
        session_key: Box<str>,
        /// Why.
        reason: Option<Box<str>>,
    },
    /// The gateway asked to be only buffered for, and has been told that it is (rule C5).
    Flipped,
    /// The gateway asked for that, and stayed: entries go out again (rule C7).
    Unflipped,
    /// Something waits for the instance, and it has no link: poke its wake URL (rule C8).
    Poke,
    /// The gateway's credential is revoked, and its link, if any, is closed (rule C11).
    Revoked,
}

/// A bot that the gateway fronts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hello {
    /// The link that it was said on.
    pub link: LinkId,
    /// Which hello of the link it is, from zero.
    pub number: usize,
    /// The platform's name.
    pub platform: Box<str>,
    /// The bot's id; may be empty.
    pub bot_id: Box<str>,
    /// The commands that the bot offers there, as raw JSON.
    pub command_manifest: Option<Bytes>,
}

/// Something to do on a platform.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outbound {
    /// Its name in [`Session::respond`](super::Session::respond).
    pub ticket: Ticket,
    /// The action, as raw JSON.
    pub action: Bytes,
    /// The platform: that of the frame, or the first one fronted.
    pub platform: Box<str>,
    /// The bot: that of the frame, or the one fronted on the platform.
    pub bot_id: Box<str>,
}

/// Why a link is gone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The peer closed the link, or the socket broke.
    Ended(Ended),
    /// A newer link of the same instance took its place (rule C10).
    Replaced,
    /// No hello came in time (rule C15).
    HelloTimeout(Duration),
    /// The peer stopped answering pings (rule K1).
    Silent(Duration),
    /// The peer broke the protocol.
    Violation(Violation),
    /// The credential was revoked (rule C11).
    Revoked,
    /// The operator asked for it.
    Disconnected,
    /// The connector shuts down.
    ShutDown,
}

/// How a peer broke the protocol. The peer's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Violation {
    /// A line over the limit.
    LineTooLong(LineTooLong),
    /// More hellos than any gateway has bots.
    TooManyHellos,
    /// More results wait for the gateway than the session holds for one that takes none (rule C15).
    TakesNothing,
}

/// Why an entry belongs to the dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeathCause {
    /// It went out this often without an ack.
    NeverAcked {
        /// How often.
        give_outs: u32,
    },
    /// Its line would be over the limit.
    TooLarge,
    /// Its body cannot be read from the store.
    Unreadable,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(ended) => ended.fmt(f),
            Self::Replaced => f.write_str("replaced by a newer link"),
            Self::HelloTimeout(limit) => write!(f, "no hello within {limit:?}"),
            Self::Silent(limit) => write!(f, "no pong within {limit:?}"),
            Self::Violation(violation) => violation.fmt(f),
            Self::Revoked => f.write_str("the credential was revoked"),
            Self::Disconnected => f.write_str("the operator closed it"),
            Self::ShutDown => f.write_str("the connector shuts down"),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineTooLong(error) => error.fmt(f),
            Self::TooManyHellos => f.write_str("too many hellos"),
            Self::TakesNothing => f.write_str("results are not taken"),
        }
    }
}

impl fmt::Display for DeathCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverAcked { give_outs } => write!(f, "given out {give_outs} times without an ack"),
            Self::TooLarge => f.write_str("too large for a frame"),
            Self::Unreadable => f.write_str("its body cannot be read"),
        }
    }
}
