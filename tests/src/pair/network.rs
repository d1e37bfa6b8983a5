//! The fake network between the two machines: what is in flight, on each link and in each direction, in order.

use std::collections::VecDeque;

use bytes::Bytes;
use relay_proto::LinkId;
use relay_proto::close::Close;

/// What is under way in one direction of a link.
#[derive(Clone, Debug)]
pub enum Packet {
    /// A text message.
    Message(Bytes),
    /// A WebSocket ping.
    Ping(u32),
    /// The answer to one.
    Pong(u32),
    /// A close frame, the last thing that an end sends.
    Close(Close),
    /// The other end is gone without a close frame.
    Broken,
}

/// The two ends of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The gateway's.
    Gateway,
    /// The session's.
    Session,
}

/// A link: a socket at each end, as long as that end holds it.
#[derive(Clone, Debug)]
pub struct Wire {
    /// What the gateway calls it.
    pub gateway_id: LinkId,
    /// What the session calls it.
    pub session_id: LinkId,
    gateway_holds: bool,
    session_holds: bool,
    /// To the session.
    up: VecDeque<Packet>,
    /// To the gateway.
    down: VecDeque<Packet>,
    /// Nothing gets through any more, and nobody is told.
    silent: bool,
}

impl Wire {
    fn new(gateway_id: LinkId, session_id: LinkId) -> Self {
        let (up, down) = Default::default();
        Self { gateway_id, session_id, gateway_holds: true, session_holds: true, up, down, silent: false }
    }

    /// Whether this end's socket is there.
    #[must_use]
    pub fn is_held_by(&self, side: Side) -> bool {
        match side {
            Side::Gateway => self.gateway_holds,
            Side::Session => self.session_holds,
        }
    }

    /// The end `from` sends this, if it still can.
    pub fn send(&mut self, from: Side, packet: Packet) {
        if !self.is_held_by(from) || self.silent {
            return;
        }
        match from {
            Side::Gateway => self.up.push_back(packet),
            Side::Session => self.down.push_back(packet),
        }
    }

    /// This end's socket is gone: it reads nothing more, and the other end learns of it behind what is under way.
    pub fn let_go(&mut self, side: Side, last: Packet) {
        self.send(side, last);
        match side {
            Side::Gateway => {
                self.gateway_holds = false;
                self.down.clear();
            }
            Side::Session => {
                self.session_holds = false;
                self.up.clear();
            }
        }
    }

    /// Nothing gets through any more, and nobody is told.
    pub fn go_silent(&mut self) {
        self.silent = true;
        self.up.clear();
        self.down.clear();
    }

    /// What is under way is lost, and both ends learn that the link broke.
    pub fn cut(&mut self) {
        self.up = VecDeque::from([Packet::Broken]);
        self.down = VecDeque::from([Packet::Broken]);
    }

    /// Something between the two closes the link: the gateway gets this close behind what is under way to it, the
    /// session loses what is under way to it, and learns that the link broke.
    pub fn closed_midway(&mut self, close: Close) {
        self.up = VecDeque::from([Packet::Broken]);
        self.down.push_back(Packet::Close(close));
    }

    /// Whether something is under way to this end.
    #[must_use]
    pub fn has_packet_for(&self, side: Side) -> bool {
        self.is_held_by(side) && !self.under_way_to(side).is_empty()
    }

    /// The next thing under way to this end arrives.
    pub fn arrive(&mut self, side: Side) -> Option<Packet> {
        match side {
            Side::Gateway => self.down.pop_front(),
            Side::Session => self.up.pop_front(),
        }
    }

    /// What is under way to this end, the next to arrive first.
    #[must_use]
    pub fn under_way_to(&self, side: Side) -> &VecDeque<Packet> {
        match side {
            Side::Gateway => &self.down,
            Side::Session => &self.up,
        }
    }
}

/// The dial under way, and every link that one end still holds.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// The dial under way.
    pub dialing: Option<LinkId>,
    /// The links, the oldest first.
    pub wires: Vec<Wire>,
    next_session_id: u64,
}

impl Network {
    /// The connector accepts the dial: a new link, held by both ends.
    pub fn connect(&mut self, gateway_id: LinkId) -> &mut Wire {
        let session_id = LinkId(self.next_session_id);
        self.next_session_id += 1;
        self.wires.push(Wire::new(gateway_id, session_id));
        self.wires.last_mut().expect("just pushed")
    }

    /// The link that the gateway's end holds under this name.
    pub fn of_gateway(&mut self, id: LinkId) -> Option<&mut Wire> {
        self.wires.iter_mut().find(|wire| wire.gateway_holds && wire.gateway_id == id)
    }

    /// The link that the session's end holds under this name.
    pub fn of_session(&mut self, id: LinkId) -> Option<&mut Wire> {
        self.wires.iter_mut().find(|wire| wire.session_holds && wire.session_id == id)
    }

    /// The link that the gateway holds, by its place.
    #[must_use]
    pub fn gateways_link(&self) -> Option<usize> {
        self.wires.iter().position(|wire| wire.gateway_holds)
    }

    /// Forgets the links that nobody holds.
    pub fn sweep(&mut self) {
        self.wires.retain(|wire| wire.gateway_holds || wire.session_holds);
    }
}
