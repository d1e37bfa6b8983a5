//! The gateway's requests that have no result yet, bounded by number and by size (rule C15).

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use super::Config;
use crate::ids::Ticket;

/// The open requests of a link. Tickets never repeat, over links either.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Tickets {
    open: BTreeMap<Ticket, Open>,
    next: u64,
    /// Of the actions of all open requests.
    bytes: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Open {
    /// The name that the gateway gave it.
    request_id: Box<str>,
    /// Of its action.
    bytes: usize,
}

impl Tickets {
    /// Whether a request with an action of this size may be opened.
    pub(super) fn has_room(&self, bytes: usize, config: &Config) -> bool {
        config.has_room_for(bytes, self.open.len(), self.bytes)
    }

    pub(super) fn open(&mut self, request_id: &str, bytes: usize) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.bytes += bytes;
        self.open.insert(ticket, Open { request_id: request_id.into(), bytes });
        ticket
    }

    /// The name of the request, which is open no more.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Box<str>> {
        let Open { request_id, bytes } = self.open.remove(&ticket)?;
        self.bytes -= bytes;
        Some(request_id)
    }

    pub(super) fn is_open(&self, ticket: Ticket) -> bool {
        self.open.contains_key(&ticket)
    }

    /// Their link is gone: nobody waits for their results.
    pub(super) fn forget(&mut self) {
        self.open.clear();
        self.bytes = 0;
    }
}
