//! What a gateway knows of its deliveries: handed out, stored, and the window in which duplicates are known.

mod fingerprint;
mod index;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

pub use fingerprint::Fingerprint;
pub(crate) use fingerprint::Fingerprinter;
use index::Index;

use crate::ids::DeliveryId;

/// By what a delivery's duplicates are known (rule D2). An inbox that survives the process keeps these with the
/// delivery, and gives them back to the machine that comes after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeliveryKeys {
    /// Of its `bufferId`.
    pub buffer: Option<Fingerprint>,
    /// Of its platform, chat, message id and content.
    pub message: Option<Fingerprint>,
}

impl DeliveryKeys {
    fn each(self) -> impl Iterator<Item = Fingerprint> {
        [self.buffer, self.message].into_iter().flatten()
    }
}

/// The key of a `bufferId`.
pub(crate) fn buffer_key(buffer_id: &str) -> Fingerprint {
    Fingerprinter::new(1).part(buffer_id.as_bytes()).finish()
}

/// How many `bufferId`s one delivery can have come under and still be acked under each. More than that is a peer
/// that plays; what is then not acked comes again, and is acked then.
const MOST_BUFFER_IDS: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ledger {
    /// How many stored deliveries are remembered.
    window: usize,
    next: u64,
    /// Handed out or about to be, and neither stored nor released; in the order of their ids.
    waiting: VecDeque<Waiting>,
    /// The keys of what was stored, oldest first.
    stored: VecDeque<DeliveryKeys>,
    /// Which delivery bears a key, waiting or stored.
    index: Index,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Waiting {
    id: DeliveryId,
    keys: DeliveryKeys,
    buffer_id: Option<Box<str>>,
    /// Under which other ids duplicates of it came.
    more_buffer_ids: Vec<Box<str>>,
}

/// What a delivery that arrives is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Not known: hand it out under this id.
    New(DeliveryId),
    /// A duplicate of one not yet stored: it will be acked with that one (rule D3).
    Waiting,
    /// A duplicate of a stored one: ack it at once (rule D3).
    Stored,
}

impl Ledger {
    pub(crate) fn new(window: usize) -> Self {
        Self { window, next: 0, waiting: VecDeque::new(), stored: VecDeque::new(), index: Index::default() }
    }

    pub(crate) fn admit(&mut self, keys: DeliveryKeys, buffer_id: Option<&str>) -> Admission {
        let Some(id) = keys.each().find_map(|key| self.index.get(key)) else {
            return Admission::New(self.enter(keys, buffer_id));
        };
        match self.find_waiting(DeliveryId(id)) {
            Some(place) => {
                self.waiting[place].also_under(buffer_id);
                Admission::Waiting
            }
            None => Admission::Stored,
        }
    }

    /// The application holds the delivery durably: gives the `bufferId`s to ack; `None` when no delivery of this
    /// id waits.
    pub(crate) fn stored(&mut self, id: DeliveryId) -> Option<impl Iterator<Item = Box<str>> + use<>> {
        let waiting = self.take_waiting(id)?;
        self.keep(waiting.keys);
        Some(waiting.buffer_id.into_iter().chain(waiting.more_buffer_ids))
    }

    /// The application does not take the delivery: it is as if it had never come (rule D4). False when no
    /// delivery of this id waits.
    pub(crate) fn release(&mut self, id: DeliveryId) -> bool {
        let Some(waiting) = self.take_waiting(id) else { return false };
        waiting.keys.each().for_each(|key| self.index.remove(key));
        true
    }

    /// From now on a delivery with these keys is a duplicate of a stored one.
    pub(crate) fn remember(&mut self, keys: DeliveryKeys) {
        let id = self.number(keys);
        self.keep(keys);
        debug_assert!(self.find_waiting(id).is_none(), "a new id waits for nothing");
    }

    /// How many deliveries are handed out, or about to be, and neither stored nor released.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn enter(&mut self, keys: DeliveryKeys, buffer_id: Option<&str>) -> DeliveryId {
        let id = self.number(keys);
        let buffer_id = buffer_id.map(Box::from);
        self.waiting.push_back(Waiting { id, keys, buffer_id, more_buffer_ids: Vec::new() });
        id
    }

    fn number(&mut self, keys: DeliveryKeys) -> DeliveryId {
        let id = DeliveryId(self.next);
        self.next += 1;
        keys.each().for_each(|key| self.index.insert(key, id.0));
        id
    }

    /// The window moves on by one stored delivery.
    fn keep(&mut self, keys: DeliveryKeys) {
        self.stored.push_back(keys);
        if self.stored.len() > self.window
            && let Some(oldest) = self.stored.pop_front()
        {
            oldest.each().for_each(|key| self.index.remove(key));
        }
    }

    fn take_waiting(&mut self, id: DeliveryId) -> Option<Waiting> {
        let place = self.find_waiting(id)?;
        self.waiting.remove(place)
    }

    fn find_waiting(&self, id: DeliveryId) -> Option<usize> {
        self.waiting.binary_search_by_key(&id, |waiting| waiting.id).ok()
    }
}

impl Waiting {
    /// A duplicate came under this id.
    fn also_under(&mut self, buffer_id: Option<&str>) {
        let Some(buffer_id) = buffer_id else { return };
        let more = &mut self.more_buffer_ids;
        let known = self.buffer_id.iter().chain(more.iter()).any(|known| **known == *buffer_id);
        if !known && more.len() + 1 < MOST_BUFFER_IDS {
            more.push(buffer_id.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(buffer: &str, message: u128) -> DeliveryKeys {
        DeliveryKeys { buffer: Some(buffer_key(buffer)), message: Fingerprint::from_bits(message) }
    }

    fn new_id(admission: Admission) -> DeliveryId {
        match admission {
            Admission::New(id) => id,
            Admission::Waiting | Admission::Stored => panic!("{admission:?}"),
        }
    }

    /// D2, D3: the same buffer id, or the same message under another one, is a duplicate before and after it is
    /// stored; each id that it came under is acked once.
    #[test]
    fn duplicates_by_either_key() {
        let mut ledger = Ledger::new(8);
        let id = new_id(ledger.admit(keys("b1", 1), Some("b1")));
        assert_eq!(ledger.admit(keys("b1", 2), Some("b1")), Admission::Waiting);
        assert_eq!(ledger.admit(keys("b2", 1), Some("b2")), Admission::Waiting);
        assert_eq!(ledger.admit(keys("b2", 1), Some("b2")), Admission::Waiting);
        assert_eq!(ledger.stored(id).unwrap().collect::<Vec<_>>(), ["b1".into(), "b2".into()]);
        assert_eq!(ledger.admit(keys("b1", 9), Some("b1")), Admission::Stored);
        assert_eq!(ledger.admit(keys("b9", 1), Some("b9")), Admission::Stored);
        assert!(ledger.stored(id).is_none());
    }

    /// D4: what was released is not remembered.
    #[test]
    fn released_deliveries_come_again() {
        let mut ledger = Ledger::new(8);
        let id = new_id(ledger.admit(keys("b1", 1), Some("b1")));
        assert!(ledger.release(id));
        assert!(!ledger.release(id));
        let again = new_id(ledger.admit(keys("b1", 1), Some("b1")));
        assert_ne!(again, id);
    }

    /// D2's window: the oldest stored delivery is forgotten first, and a waiting one is not counted.
    #[test]
    fn the_window_forgets_the_oldest() {
        let mut ledger = Ledger::new(2);
        let slow = new_id(ledger.admit(keys("slow", 99), Some("slow")));
        for number in 1..=3 {
            let name = ["", "a", "b", "c"][number as usize];
            let id = new_id(ledger.admit(keys(name, number), Some(name)));
            ledger.stored(id).unwrap().for_each(drop);
        }
        assert_eq!(ledger.admit(keys("slow", 99), Some("slow")), Admission::Waiting);
        assert_eq!(ledger.admit(keys("c", 3), Some("c")), Admission::Stored);
        assert_eq!(ledger.admit(keys("b", 2), Some("b")), Admission::Stored);
        new_id(ledger.admit(keys("a", 1), Some("a")));
        assert!(ledger.stored(slow).is_some());
    }

    #[test]
    fn a_playing_peer_cannot_fill_the_memory() {
        let mut ledger = Ledger::new(2);
        let id = new_id(ledger.admit(keys("0", 1), Some("0")));
        for number in 0..100u32 {
            let name = alloc::format!("{number}");
            assert_eq!(ledger.admit(keys(&name, 1), Some(&name)), Admission::Waiting);
        }
        assert_eq!(ledger.stored(id).unwrap().count(), MOST_BUFFER_IDS);
    }
}
