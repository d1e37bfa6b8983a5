//! What is under way between the two ends, in the words of the model.

use std::collections::VecDeque;

/// One thing under way. Entries are numbered as the store does, requests in the order of asking.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Packet {
    /// The `hello` for this identity.
    Hello(usize),
    /// The `descriptor` for this identity.
    Descriptor(usize),
    /// An `inbound` or a `passthrough_forward`: the entry of this number.
    Entry(u64),
    /// An `inbound_ack` of this entry.
    Ack(u64),
    /// An `outbound`: the request of this number.
    Ask(u64),
    /// The `outbound_result` of this request.
    Answer(u64),
    /// An `interrupt`, or an `interrupt_inbound`.
    Stop,
    /// A `going_idle`.
    GoingIdle,
    /// A `going_idle_ack`.
    GoingIdleAck,
    /// A WebSocket ping: which one of its link.
    Ping(u32),
    /// The answer to one.
    Pong(u32),
    /// A close frame.
    Close(u16, String),
    /// The other end is gone without one.
    Broken,
    /// Several lines in one message, which arrive together.
    Several(Vec<Packet>),
}

impl Packet {
    /// The lines of a message, or the one packet that it is.
    #[must_use]
    pub fn parts(&self) -> &[Self] {
        match self {
            Self::Several(parts) => parts,
            one => std::slice::from_ref(one),
        }
    }
}

/// An end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The gateway's.
    Gateway,
    /// The connector's.
    Connector,
}

/// A link: what each end has of it, and what is under way.
#[derive(Clone, Debug)]
pub struct Wire {
    /// Its name, another one for each link.
    pub name: u64,
    /// Whether the gateway has a socket.
    pub at_gateway: bool,
    /// Whether the connector has a socket.
    pub at_connector: bool,
    /// On the way to the connector.
    pub up: VecDeque<Packet>,
    /// On the way to the gateway.
    pub down: VecDeque<Packet>,
    /// Whether everything gets lost, and nobody is told.
    pub silent: bool,
    /// Whether an end whose sink was full has just closed it. What waited for the sink may go ahead of the close, in
    /// whole or in part, or not at all.
    pub closed_while_full: bool,
}

impl Wire {
    /// A link that both ends hold.
    #[must_use]
    pub fn new(name: u64) -> Self {
        let (up, down) = Default::default();
        Self { name, at_gateway: true, at_connector: true, up, down, silent: false, closed_while_full: false }
    }

    /// This end sends.
    pub fn send(&mut self, from: End, packet: Packet) {
        match from {
            End::Gateway if self.at_gateway && !self.silent => self.up.push_back(packet),
            End::Connector if self.at_connector && !self.silent => self.down.push_back(packet),
            End::Gateway | End::Connector => {}
        }
    }

    /// This end's socket is gone, and this is the last that it sends.
    pub fn let_go(&mut self, end: End, last: Packet) {
        self.send(end, last);
        match end {
            End::Gateway => (self.at_gateway, self.down) = (false, VecDeque::new()),
            End::Connector => (self.at_connector, self.up) = (false, VecDeque::new()),
        }
    }

    /// What is under way is lost, and both ends learn that the link broke.
    pub fn cut(&mut self) {
        (self.up, self.down) = (VecDeque::from([Packet::Broken]), VecDeque::from([Packet::Broken]));
    }

    /// What is under way and whatever comes is lost, and nobody learns of it.
    pub fn go_silent(&mut self) {
        (self.silent, self.up, self.down) = (true, VecDeque::new(), VecDeque::new());
    }

    /// The gateway gets this close behind what is under way to it; the connector learns that the link broke.
    pub fn closed_midway(&mut self, code: u16, reason: &str) {
        self.up = VecDeque::from([Packet::Broken]);
        self.down.push_back(Packet::Close(code, reason.to_owned()));
    }

    /// Whether this end can read something.
    #[must_use]
    pub fn has_some_for(&self, end: End) -> bool {
        match end {
            End::Gateway => self.at_gateway && !self.down.is_empty(),
            End::Connector => self.at_connector && !self.up.is_empty(),
        }
    }
}
