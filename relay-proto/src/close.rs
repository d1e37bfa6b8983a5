//! WebSocket close codes, and how a link can end.

use alloc::boxed::Box;
use core::fmt;

/// A WebSocket close code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// The purpose of the link is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// This end goes away, or gives the link up for another one.
    pub const GOING_AWAY: Self = Self(1001);
    /// The peer broke the protocol.
    pub const PROTOCOL: Self = Self(1002);
    /// The peer asks for more than this end will hold.
    pub const POLICY: Self = Self(1008);
    /// A line over the limit (rule D7).
    pub const TOO_BIG: Self = Self(1009);
    /// The credential shown at the upgrade is not, or no longer, accepted.
    pub const UNAUTHORIZED: Self = Self(4401);
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The reason of a [`CloseCode::UNAUTHORIZED`] close whose token was good once, but too old (rule A2).
pub const REASON_EXPIRED: &str = "expired";

/// The reason of a [`CloseCode::UNAUTHORIZED`] close whose credential was refused or revoked.
pub const REASON_UNAUTHORIZED: &str = "unauthorized";

/// A close frame, sent or received.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Close {
    /// The code.
    pub code: CloseCode,
    /// The reason; at most 123 bytes on the wire.
    pub reason: Box<str>,
}

impl Close {
    /// A close with this code and reason.
    pub fn new(code: CloseCode, reason: impl Into<Box<str>>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// Whether the peer said that the credential is not accepted.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        self.code == CloseCode::UNAUTHORIZED
    }

    /// Whether the peer said that the token was good, but too old (rule A2).
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.is_unauthorized() && &*self.reason == REASON_EXPIRED
    }
}

impl fmt::Display for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reason.is_empty() {
            write!(f, "close {}", self.code)
        } else {
            write!(f, "close {} ({})", self.code, self.reason)
        }
    }
}

/// How an open link ended, as the driver saw it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// The peer sent a close frame.
    Closed(Close),
    /// The socket ended or failed without a close frame; the driver's words for it.
    Broken(Box<str>),
}

impl Ended {
    /// The socket ended or failed without a close frame.
    pub fn broken(what: impl Into<Box<str>>) -> Self {
        Self::Broken(what.into())
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(close) => close.fmt(f),
            Self::Broken(what) => what.fmt(f),
        }
    }
}

/// Why a dial came to nothing, as the driver saw it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DialError {
    /// The server answered the upgrade with this HTTP status. 401 and 403 show as "refused", but no status is
    /// final (rule A6).
    Status(u16),
    /// No address answered, or the names did not resolve, or TLS failed; the driver's words for it.
    Unreachable(Box<str>),
}

impl DialError {
    /// No address answered, or the names did not resolve, or TLS failed.
    pub fn unreachable(what: impl Into<Box<str>>) -> Self {
        Self::Unreachable(what.into())
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status @ (401 | 403)) => write!(f, "refused with HTTP {status}"),
            Self::Status(status) => write!(f, "the upgrade was answered with HTTP {status}"),
            Self::Unreachable(what) => what.fmt(f),
        }
    }
}
