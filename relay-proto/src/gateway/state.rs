//! Where the gateway's link stands, and what is known of it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::config::Identity;
use crate::codec::LineSplitter;
use crate::event::Descriptor;
use crate::ids::LinkId;
use crate::liveness::Liveness;
use crate::time::Instant;

/// No bot fronts more platforms than this; further descriptors are not kept.
const MOST_DESCRIPTORS: usize = 64;

/// Where the link stands. There is at most one (rule L1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum State {
    /// No link; a timer leads to the next dial (rule L2).
    Waiting,
    Dialing(Token),
    Open(Box<Open>),
    Dormant,
    /// No link, and told not to reconnect.
    Stopped,
    Disabled,
    ShutDown,
}

/// A dial, and until when the token shown on it is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Token {
    pub(super) link: LinkId,
    pub(super) good_until: Option<Instant>,
}

/// An open socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Open {
    pub(super) token: Token,
    pub(super) splitter: LineSplitter,
    /// In the order of arrival: the first is the default (rule H2). None before the handshake is complete.
    pub(super) descriptors: Vec<Descriptor>,
    /// How many hellos have no descriptor yet.
    pub(super) awaited: usize,
    /// From when on a loss starts the ladder anew (rule L3); set with the first descriptor.
    pub(super) stable_from: Instant,
    pub(super) liveness: Liveness,
    pub(super) leaving: Leaving,
}

/// How far the gateway is in leaving an open link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Leaving {
    No,
    /// `going_idle` is sent, and its ack has not come. Everything goes on (rule I1).
    Asked(Purpose),
    /// The connector only buffers, or its time to agree is over. Requests in flight may still be answered.
    Draining(Purpose),
}

/// What a link is left for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Purpose {
    Dormancy,
    Shutdown,
}

impl Leaving {
    pub(super) fn purpose(self) -> Option<Purpose> {
        match self {
            Self::No => None,
            Self::Asked(purpose) | Self::Draining(purpose) => Some(purpose),
        }
    }
}

impl Open {
    pub(super) fn link(&self) -> LinkId {
        self.token.link
    }

    /// Whether the handshake is complete.
    pub(super) fn is_linked(&self) -> bool {
        !self.descriptors.is_empty()
    }

    /// Keeps a descriptor under its platform. The first one stays the default, whatever comes later.
    pub(super) fn keep_descriptor(&mut self, descriptor: Descriptor) {
        self.awaited = self.awaited.saturating_sub(1);
        let further = self.descriptors.iter_mut().skip(1);
        if let Some(held) = further.into_iter().find(|held| held.platform == descriptor.platform) {
            *held = descriptor;
        } else if self.descriptors.len() < MOST_DESCRIPTORS {
            // Most gateways have one bot: no room is kept for more.
            self.descriptors.reserve_exact(1);
            self.descriptors.push(descriptor);
        }
    }

    /// The last descriptor that came under this platform.
    fn own_descriptor(&self, platform: &str) -> Option<&Descriptor> {
        self.descriptors.iter().rev().find(|held| *held.platform == *platform)
    }
}

impl State {
    /// Whether no dial will ever come again.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Disabled | Self::ShutDown => true,
            Self::Waiting | Self::Dialing(_) | Self::Open(_) | Self::Dormant | Self::Stopped => false,
        }
    }

    pub(super) fn open(&self) -> Option<&Open> {
        match self {
            Self::Open(open) => Some(open),
            Self::Waiting
            | Self::Dialing(_)
            | Self::Dormant
            | Self::Stopped
            | Self::Disabled
            | Self::ShutDown => None,
        }
    }

    pub(super) fn open_mut(&mut self) -> Option<&mut Open> {
        match self {
            Self::Open(open) => Some(open),
            Self::Waiting
            | Self::Dialing(_)
            | Self::Dormant
            | Self::Stopped
            | Self::Disabled
            | Self::ShutDown => None,
        }
    }

    /// The open socket, if it is this link's (rule L4).
    pub(super) fn open_as(&mut self, link: LinkId) -> Option<&mut Open> {
        self.open_mut().filter(|open| open.link() == link)
    }

    pub(super) fn token(&self) -> Option<Token> {
        match self {
            Self::Dialing(token) => Some(*token),
            Self::Open(open) => Some(open.token),
            Self::Waiting | Self::Dormant | Self::Stopped | Self::Disabled | Self::ShutDown => None,
        }
    }

    /// The dial under way.
    pub(super) fn dialing(&self) -> Option<LinkId> {
        self.token().filter(|_| self.open().is_none()).map(|token| token.link)
    }

    pub(super) fn pong_deadline(&self) -> Option<Instant> {
        self.open()?.liveness.deadline()
    }

    /// The descriptor that counts for a platform (rules H2, H3). `None` without a link, and for one of the
    /// gateway's own platforms whose descriptor is still to come: no other platform speaks for it.
    pub(super) fn descriptor(&self, platform: Option<&str>, identities: &[Identity]) -> Option<&Descriptor> {
        let open = self.open()?;
        let Some(platform) = platform else { return open.descriptors.first() };
        let is_fronted = || identities.iter().any(|identity| *identity.platform == *platform);
        match open.own_descriptor(platform) {
            Some(own) => Some(own),
            None if open.awaited > 0 && is_fronted() => None,
            None => open.descriptors.first(),
        }
    }
}
