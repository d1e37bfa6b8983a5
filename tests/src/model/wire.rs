//! A link between the machines: what is in flight, in each direction and in order.

use std::collections::VecDeque;

use bytes::Bytes;
use relay_proto::LinkId;
use relay_proto::close::Close;

/// What is under way in one direction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Packet {
    Line(Bytes),
    Close(Close),
    Broken,
}

impl Packet {
    fn is_last(&self) -> bool {
        !matches!(self, Self::Line(_))
    }
}

/// One end, and what is on its way to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct End {
    pub(super) id: LinkId,
    pub(super) holds: bool,
    pub(super) coming: VecDeque<Packet>,
}

/// A link, as long as one of its ends holds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Wire {
    pub(super) gateway: End,
    pub(super) session: End,
}

impl End {
    fn new(id: LinkId) -> Self {
        Self { id, holds: true, coming: VecDeque::new() }
    }

    /// Something is sent to this end. Behind a close, and to an end that has let go, nothing comes.
    pub(super) fn is_sent(&mut self, packet: Packet) {
        if self.holds && !self.coming.back().is_some_and(Packet::is_last) {
            self.coming.push_back(packet);
        }
    }

    fn breaks(&mut self) {
        self.coming.clear();
        self.is_sent(Packet::Broken);
    }

    fn lets_go(&mut self) {
        self.holds = false;
        self.coming.clear();
    }

    /// The next packet arrives; the end lets go after the last one.
    fn takes(&mut self) -> Option<Packet> {
        let packet = self.coming.pop_front()?;
        if packet.is_last() {
            self.lets_go();
        }
        Some(packet)
    }
}

impl Wire {
    pub(super) fn new(gateway: LinkId, session: LinkId) -> Self {
        Self { gateway: End::new(gateway), session: End::new(session) }
    }

    /// Both ends lose the link, and what was in flight.
    pub(super) fn is_cut(&mut self) {
        self.gateway.breaks();
        self.session.breaks();
    }

    pub(super) fn gateway_lets_go(&mut self, last: Packet) {
        self.gateway.lets_go();
        self.session.is_sent(last);
    }

    pub(super) fn session_lets_go(&mut self, last: Packet) {
        self.session.lets_go();
        self.gateway.is_sent(last);
    }

    pub(super) fn arrives_at_gateway(&mut self) -> Option<Packet> {
        let packet = self.gateway.takes()?;
        if packet.is_last() {
            self.session.is_sent(Packet::Broken);
        }
        Some(packet)
    }

    pub(super) fn arrives_at_session(&mut self) -> Option<Packet> {
        let packet = self.session.takes()?;
        if packet.is_last() {
            self.gateway.is_sent(Packet::Broken);
        }
        Some(packet)
    }
}

/// The text of this field of a line; enough for the few lines of a world, in which no text is escaped.
pub(super) fn field<'a>(line: &'a [u8], name: &str) -> Option<&'a str> {
    let line = str::from_utf8(line).ok()?;
    let key = format!("\"{name}\":\"");
    let start = line.find(&key)? + key.len();
    line[start..].split('"').next()
}
