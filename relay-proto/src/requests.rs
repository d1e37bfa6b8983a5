//! A gateway's requests, from acceptance to resolution: each resolves exactly once (rule O1).

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::ids::{self, RequestId};
use crate::text::Length;
use crate::time::Instant;

/// The correlation table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Requests {
    /// Tells this machine's ids from those of one before it (rule O5).
    prefix: Box<str>,
    next: u64,
    /// In the order of their ids.
    open: VecDeque<(RequestId, Request)>,
    /// Of the open requests, in their order; new ones mostly come last.
    deadlines: VecDeque<(Instant, RequestId)>,
}

/// A request that has not resolved yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Request {
    pub(crate) stage: Stage,
    /// The caller would rather wait for the next link than fail (rule O3).
    pub(crate) patient: bool,
    pub(crate) what: What,
    deadline: Instant,
}

/// What a request is about, for as long as it is open.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct What {
    /// The chat, for the threads that may come of it.
    pub(crate) chat: Option<Box<str>>,
    /// The platform, where the caller chose another one than the chat lives on.
    pub(crate) elsewhere: Option<Box<str>>,
    /// Of a request that may wait for the next link: whether that link's platforms offer it is not known before.
    pub(crate) unchecked: Option<Box<Unchecked>>,
}

/// What is to be checked once the next link is up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Unchecked {
    pub(crate) op: Box<str>,
    pub(crate) platform: Option<Box<str>>,
    /// Of a text that has a limit.
    pub(crate) length: Option<Length>,
}

/// How far a request has come. Only a written one may have been done (rule O2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    /// It waits for the next link.
    Parked(Bytes),
    /// It waits for its turn on the present link.
    Queued(Bytes),
    /// The socket has it.
    Written,
}

impl Requests {
    pub(crate) fn new(prefix: u64) -> Self {
        Self {
            prefix: format!("{prefix:016x}").into(),
            next: 0,
            open: VecDeque::new(),
            deadlines: VecDeque::new(),
        }
    }

    /// Appends the name on the wire of the next request, as JSON.
    pub(crate) fn put_next_id(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        out.extend_from_slice(self.prefix.as_bytes());
        out.push(b'-');
        out.extend_from_slice(self.next.to_string().as_bytes());
        out.push(b'"');
    }

    /// The id of a request that is answered without being opened.
    pub(crate) fn skip_id(&mut self) -> RequestId {
        let id = RequestId(self.next);
        self.next += 1;
        id
    }

    pub(crate) fn open(&mut self, stage: Stage, patient: bool, what: What, deadline: Instant) -> RequestId {
        let id = self.skip_id();
        let place = self.deadlines.partition_point(|held| *held < (deadline, id));
        self.deadlines.insert(place, (deadline, id));
        self.open.push_back((id, Request { stage, patient, what, deadline }));
        id
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether any request is out on the present link, or about to be.
    pub(crate) fn any_in_flight(&self) -> bool {
        self.open.iter().any(|(_, request)| request.is_in_flight())
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.front().map(|(at, _)| *at)
    }

    /// The frame of a request whose turn has come, which from now on counts as written; `None` when the request
    /// has been given up meanwhile.
    pub(crate) fn write(&mut self, id: RequestId) -> Option<Bytes> {
        let place = self.find(id)?;
        let request = &mut self.open[place].1;
        let Stage::Queued(frame) = &mut request.stage else { return None };
        let frame = core::mem::take(frame);
        request.stage = Stage::Written;
        Some(frame)
    }

    /// The request that a result is for; `None` for an unknown or late id, or one that was never written (rule
    /// O5).
    pub(crate) fn take_answered(&mut self, wire_id: &str) -> Option<(RequestId, Request)> {
        let id = self.parse(wire_id)?;
        if self.open[self.find(id)?].1.stage != Stage::Written {
            return None;
        }
        self.take(id)
    }

    /// One request whose deadline has passed.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<(RequestId, Request)> {
        let (deadline, id) = *self.deadlines.front()?;
        if deadline > now {
            return None;
        }
        self.take(id)
    }

    /// One request that meets the condition; the oldest first.
    pub(crate) fn take_where(&mut self, wanted: impl Fn(&Request) -> bool) -> Option<(RequestId, Request)> {
        let id = self.open.iter().find(|(_, request)| wanted(request))?.0;
        self.take(id)
    }

    /// Puts what is parked in line for the present link: the ids, oldest first.
    pub(crate) fn unpark(&mut self) -> Vec<RequestId> {
        let parked = self.open.iter_mut().filter_map(|(id, request)| match &mut request.stage {
            Stage::Parked(frame) => {
                request.stage = Stage::Queued(core::mem::take(frame));
                Some(*id)
            }
            Stage::Queued(_) | Stage::Written => None,
        });
        parked.collect()
    }

    /// The link is gone: what waited for its turn and may wait longer is parked.
    pub(crate) fn park_patient(&mut self) {
        for (_, request) in self.open.iter_mut().filter(|(_, request)| request.patient) {
            if let Stage::Queued(frame) = &mut request.stage {
                request.stage = Stage::Parked(core::mem::take(frame));
            }
        }
    }

    pub(crate) fn rebase(&mut self, epoch: Instant) {
        self.open.iter_mut().for_each(|(_, request)| request.deadline.rebase(epoch));
        self.deadlines.iter_mut().for_each(|(at, _)| at.rebase(epoch));
    }

    /// Gives back the room that a burst took.
    pub(crate) fn trim(&mut self) {
        self.open.shrink_to_fit();
        self.deadlines.shrink_to_fit();
    }

    fn take(&mut self, id: RequestId) -> Option<(RequestId, Request)> {
        let (id, request) = self.open.remove(self.find(id)?)?;
        if let Ok(place) = self.deadlines.binary_search(&(request.deadline, id)) {
            self.deadlines.remove(place);
        }
        Some((id, request))
    }

    fn find(&self, id: RequestId) -> Option<usize> {
        self.open.binary_search_by_key(&id, |(held, _)| *held).ok()
    }

    fn parse(&self, wire_id: &str) -> Option<RequestId> {
        let number = wire_id.strip_prefix(&*self.prefix)?.strip_prefix('-')?;
        ids::parse_number(number).map(RequestId)
    }
}

impl Request {
    fn is_in_flight(&self) -> bool {
        match self.stage {
            Stage::Queued(_) | Stage::Written => true,
            Stage::Parked(_) => false,
        }
    }
}
