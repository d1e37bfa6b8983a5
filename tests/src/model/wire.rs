//! A link between the machines: what is in flight, in each direction and in order.

use std::collections::VecDeque;

use bytes::Bytes;
use relay_proto::close::Close;
use relay_proto::{Instant, LinkId};

/// What is under way in one direction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Packet {
    Line(Bytes),
    Ping(u32),
    Pong(u32),
    Close(Close),
    Broken,
}

impl Packet {
    fn is_last(&self) -> bool {
        matches!(self, Self::Close(_) | Self::Broken)
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
    /// Nothing gets through any more, and nobody is told; until when both ends must have noticed (rule K1).
    pub(super) dead: Option<Instant>,
}

impl End {
    fn new(id: LinkId, holds: bool) -> Self {
        Self { id, holds, coming: VecDeque::new() }
    }

    /// Something is sent to this end. Behind a close, and to an end that has let go, nothing comes.
    fn is_sent(&mut self, packet: Packet) {
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

    /// The lines that come next, in one message.
    fn takes_lines(&mut self) -> Bytes {
        let mut message = Vec::new();
        while let Some(Packet::Line(line)) = self.coming.pop_front_if(|next| matches!(next, Packet::Line(_)))
        {
            message.extend_from_slice(&line);
        }
        message.into()
    }
}

impl Wire {
    pub(super) fn new(gateway: LinkId, session: LinkId) -> Self {
        Self { gateway: End::new(gateway, true), session: End::new(session, true), dead: None }
    }

    /// A link of which only the session knows: the gateway's dial has failed at the last moment.
    pub(super) fn half(gateway: LinkId, session: LinkId) -> Self {
        Self { gateway: End::new(gateway, false), session: End::new(session, true), dead: None }
    }

    pub(super) fn send_to_gateway(&mut self, packet: Packet) {
        if self.dead.is_none() {
            self.gateway.is_sent(packet);
        }
    }

    pub(super) fn send_to_session(&mut self, packet: Packet) {
        if self.dead.is_none() {
            self.session.is_sent(packet);
        }
    }

    /// Both ends lose the link, and what was in flight.
    pub(super) fn is_cut(&mut self) {
        self.gateway.breaks();
        self.session.breaks();
    }

    /// Both ends lose what was in flight, and do not know it.
    pub(super) fn dies(&mut self, noticed_by: Instant) {
        self.dead = Some(noticed_by);
        self.gateway.coming.clear();
        self.session.coming.clear();
    }

    pub(super) fn gateway_lets_go(&mut self, last: Packet) {
        self.gateway.lets_go();
        self.send_to_session(last);
    }

    pub(super) fn session_lets_go(&mut self, last: Packet) {
        self.session.lets_go();
        self.send_to_gateway(last);
    }

    pub(super) fn arrives_at_gateway(&mut self) -> Option<Packet> {
        let packet = self.gateway.takes()?;
        match packet {
            Packet::Close(_) | Packet::Broken => self.send_to_session(Packet::Broken),
            Packet::Ping(number) => self.send_to_session(Packet::Pong(number)),
            Packet::Line(_) | Packet::Pong(_) => {}
        }
        Some(packet)
    }

    pub(super) fn arrives_at_session(&mut self) -> Option<Packet> {
        let packet = self.session.takes()?;
        match packet {
            Packet::Close(_) | Packet::Broken => self.send_to_gateway(Packet::Broken),
            Packet::Ping(number) => self.send_to_gateway(Packet::Pong(number)),
            Packet::Line(_) | Packet::Pong(_) => {}
        }
        Some(packet)
    }

    /// All lines that are on their way arrive at the gateway in one message.
    pub(super) fn burst_at_gateway(&mut self) -> Packet {
        Packet::Line(self.gateway.takes_lines())
    }
}

/// The text of this field of a line; enough for the few lines of a world, in which no text is escaped.
pub(super) fn field<'a>(line: &'a [u8], name: &str) -> Option<&'a str> {
    let mut rest = str::from_utf8(line).ok()?;
    while let Some(at) = rest.find(name) {
        let quoted = rest[..at].ends_with('"');
        rest = &rest[at + name.len()..];
        if let Some(text) = rest.strip_prefix("\":\"").filter(|_| quoted) {
            return text.split('"').next();
        }
    }
    None
}

/// The type of the frame in this line. The machines write it first, and the lines of a world have few types.
pub(super) fn kind(line: &[u8]) -> &str {
    field(line, "type").unwrap_or_default()
}
