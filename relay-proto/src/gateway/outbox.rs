//! What waits to come out of a gateway's machine: one lane for each domain of back-pressure.

use alloc::collections::VecDeque;
use core::hash::{Hash, Hasher};

use bytes::Bytes;

use super::delivery::Inbound;
use super::event::{Event, Transmit};
use crate::close::Close;
use crate::codec::{Encode, Scratch};
use crate::frame::ToConnector;
use crate::ids::{LinkId, RequestId};

/// The lanes, and what is to be known of their load.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Outbox {
    pub(super) transmits: VecDeque<Queued>,
    pub(super) events: VecDeque<Event>,
    inbound: VecDeque<Inbound>,
    inbound_load: Load,
    acks: usize,
    scratch: Scratch,
}

/// An entry of the transmit lane. A request's frame stays with the request until its turn, so that it can be given
/// up until then.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Queued {
    Ready(Transmit),
    Ack(LinkId, Bytes),
    Request(LinkId, RequestId),
}

/// What waits for the application that is no delivery of the ledger's, and how many bytes all of it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Load {
    interrupts: usize,
    bytes: usize,
}

impl Hash for Load {
    /// It follows from the lane.
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl Outbox {
    /// Writes a line into the shared buffer.
    pub(super) fn line(&mut self, frame: &impl Encode) -> Bytes {
        self.scratch.line(frame)
    }

    pub(super) fn frame(&mut self, link: LinkId, frame: &ToConnector<'_>) {
        let line = self.scratch.line(frame);
        self.transmits.push_back(Queued::Ready(Transmit::Frame(link, line)));
    }

    pub(super) fn ack(&mut self, link: LinkId, buffer_id: &str) {
        let line = self.scratch.line(&ToConnector::InboundAck { buffer_id: buffer_id.into() });
        self.acks += 1;
        self.transmits.push_back(Queued::Ack(link, line));
    }

    pub(super) fn transmit(&mut self, transmit: Transmit) {
        self.transmits.push_back(Queued::Ready(transmit));
    }

    pub(super) fn pop_transmit(&mut self) -> Option<Queued> {
        let queued = self.transmits.pop_front()?;
        if let Queued::Ack(..) = queued {
            self.acks -= 1;
        }
        Some(queued)
    }

    /// Forgets what was to be written on a link that is gone.
    pub(super) fn clear_link(&mut self) {
        self.acks = 0;
        self.transmits.retain(|queued| match queued {
            Queued::Ready(Transmit::Close(..) | Transmit::Dial(_)) => true,
            Queued::Ready(Transmit::Frame(..) | Transmit::Ping(..))
            | Queued::Ack(..)
            | Queued::Request(..) => false,
        });
    }

    /// Ends a dial or a link before its time. A dial that nobody has seen yet needs no close: it is not asked for.
    pub(super) fn give_up(&mut self, link: LinkId, close: Close) {
        self.clear_link();
        let unseen = Queued::Ready(Transmit::Dial(link));
        if self.transmits.back() == Some(&unseen) {
            self.transmits.pop_back();
        } else {
            self.transmit(Transmit::Close(link, close));
        }
    }

    /// Takes the requests out of the line: no more of them will be written on this link.
    pub(super) fn clear_requests(&mut self) {
        self.transmits.retain(|queued| match queued {
            Queued::Ready(_) | Queued::Ack(..) => true,
            Queued::Request(..) => false,
        });
    }

    /// Gives back the room that a burst took.
    pub(super) fn trim(&mut self) {
        self.transmits.shrink_to_fit();
        self.events.shrink_to_fit();
        self.inbound.shrink_to_fit();
        self.scratch = Scratch::default();
    }

    pub(super) fn event(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub(super) fn inbound(&mut self, inbound: Inbound) {
        self.inbound_load.add(&inbound);
        self.inbound.push_back(inbound);
    }

    pub(super) fn pop_inbound(&mut self) -> Option<Inbound> {
        let inbound = self.inbound.pop_front()?;
        self.inbound_load.remove(&inbound);
        Some(inbound)
    }

    pub(super) fn has_inbound(&self) -> bool {
        !self.inbound.is_empty()
    }

    /// How many interrupts wait for the application.
    pub(super) fn interrupts(&self) -> usize {
        self.inbound_load.interrupts
    }

    /// How many acks wait for the peer.
    pub(super) fn acks(&self) -> usize {
        self.acks
    }

    /// How many bytes wait for the application.
    pub(super) fn held_bytes(&self) -> usize {
        self.inbound_load.bytes
    }
}

impl Load {
    fn add(&mut self, inbound: &Inbound) {
        let (interrupts, bytes) = Self::of(inbound);
        self.interrupts += interrupts;
        self.bytes += bytes;
    }

    fn remove(&mut self, inbound: &Inbound) {
        let (interrupts, bytes) = Self::of(inbound);
        self.interrupts -= interrupts;
        self.bytes -= bytes;
    }

    fn of(inbound: &Inbound) -> (usize, usize) {
        match inbound {
            Inbound::Deliver(delivery) => (0, delivery.line.len()),
            Inbound::Interrupt { session_key, chat_id } => (1, session_key.len() + chat_id.len()),
        }
    }
}
