//! The order in which an instance's entries go out: one ordered path with a window of unacked ones.
//!
//! The mailbox holds positions, not bodies. Of the entries that have never been given out it knows the range, so
//! that its size does not grow with the backlog.

use alloc::collections::VecDeque;

use crate::frame::DeliveryKind;
use crate::ids::Position;

/// The entries of one instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Mailbox {
    window: usize,
    most_give_outs: u32,
    /// Given out on some link, and not settled; in order.
    out: VecDeque<Entry>,
    /// The first position that was never given out.
    next: Position,
    /// The position of the next entry to be appended.
    end: Position,
    /// Which of the entries from `next` on are passthroughs; in order.
    passthroughs: VecDeque<Position>,
    /// Which of the positions from `next` on bear no entry any more; in order.
    gone: VecDeque<Position>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Entry {
    position: Position,
    kind: DeliveryKind,
    give_outs: u32,
    /// Whether the present link has had it.
    on_link: bool,
}

/// What the mailbox has to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Give {
    /// This entry goes out now.
    Entry(Position),
    /// This entry has gone out too often, and belongs to the dead letters (rule C9).
    Bury(Position),
    /// Nothing for now.
    Nothing,
}

/// An entry that was given out so often without an ack is suspected to be what breaks its receiver. It then goes
/// out alone, so that the entries behind it are not counted as given out each time that it breaks the link.
const SUSPECT: u32 = 2;

impl Mailbox {
    pub(super) fn new(window: usize, most_give_outs: u32) -> Self {
        Self {
            window,
            most_give_outs,
            out: VecDeque::new(),
            next: Position(0),
            end: Position(0),
            passthroughs: VecDeque::new(),
            gone: VecDeque::new(),
        }
    }

    /// Takes over what a store holds: its entries in order, and the position of the next one.
    pub(super) fn restore(&mut self, entries: impl Iterator<Item = (Position, DeliveryKind)>, end: Position) {
        // Acks leave holes at the front. What lies before the last hole is kept one by one.
        let fresh = |(position, kind)| Entry { position, kind, give_outs: 0, on_link: false };
        self.out = entries.map(fresh).collect();
        self.end = end;
        self.next = end;
        while let Some(last) = self.out.back().filter(|last| last.position.0 + 1 == self.next.0) {
            self.next = last.position;
            if last.kind == DeliveryKind::Passthrough {
                self.passthroughs.push_front(last.position);
            }
            self.out.pop_back();
        }
    }

    /// The position that the next appended entry will have.
    pub(super) fn end(&self) -> Position {
        self.end
    }

    pub(super) fn append(&mut self, kind: DeliveryKind) -> Position {
        let position = self.end;
        self.end.0 += 1;
        if kind == DeliveryKind::Passthrough {
            self.passthroughs.push_back(position);
        }
        position
    }

    /// A new link: everything unacked goes out again, from the first on (rule C4).
    pub(super) fn rewind(&mut self) {
        self.out.iter_mut().for_each(|entry| entry.on_link = false);
    }

    /// What goes out next, to a peer that acks passthroughs or does not.
    pub(super) fn give(&mut self, acks_passthroughs: bool) -> Give {
        let Some(index) = self.out.iter().position(|entry| !entry.on_link) else {
            return self.give_fresh(acks_passthroughs);
        };
        let entry = self.out[index];
        if entry.give_outs >= self.most_give_outs {
            self.out.remove(index);
            return Give::Bury(entry.position);
        }
        if !self.has_room(acks_passthroughs) {
            return Give::Nothing;
        }
        self.out[index].give_outs += 1;
        self.out[index].on_link = true;
        Give::Entry(entry.position)
    }

    fn give_fresh(&mut self, acks_passthroughs: bool) -> Give {
        while self.gone.front() == Some(&self.next) {
            self.gone.pop_front();
            self.next.0 += 1;
        }
        if self.next == self.end || !self.has_room(acks_passthroughs) {
            return Give::Nothing;
        }
        let position = self.next;
        self.next.0 += 1;
        let kind = self.kind_of_fresh(position);
        self.out.push_back(Entry { position, kind, give_outs: 1, on_link: true });
        Give::Entry(position)
    }

    fn kind_of_fresh(&mut self, position: Position) -> DeliveryKind {
        match self.passthroughs.pop_front_if(|first| *first == position) {
            Some(_) => DeliveryKind::Passthrough,
            None => DeliveryKind::Message,
        }
    }

    /// Whether one more entry may be unacked on this link.
    fn has_room(&self, acks_passthroughs: bool) -> bool {
        let answers = |entry: &&Entry| acks_passthroughs || entry.kind == DeliveryKind::Message;
        // What the peer never acks can neither be suspected nor hold up what is: it would do so for ever.
        let suspect = self.out.iter().find(answers).filter(|first| {
            let before = u32::from(first.on_link);
            first.give_outs - before >= SUSPECT
        });
        let alone = suspect.is_some() && self.on_link().filter(answers).count() > 0;
        !alone && self.on_link().count() < self.window
    }

    /// What the present link has had, and is not settled.
    fn on_link(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.out.iter().filter(|entry| entry.on_link)
    }

    /// The last entry of a window that is full of passthroughs alone while more entries wait. A peer that never acks
    /// passthroughs says nothing of any of these, and nothing more can go out for it to ack.
    pub(super) fn stuck_behind_passthroughs(&self) -> Option<Position> {
        let is_full = self.on_link().count() >= self.window;
        let is_stuck = is_full && self.on_link().all(|entry| entry.kind == DeliveryKind::Passthrough);
        let more_wait = self.backlog() > self.on_link().count() as u64;
        self.on_link().next_back().filter(|_| is_stuck && more_wait).map(|last| last.position)
    }

    /// The entry is done: its kind, and whether the present link has had it. `None` for a position that waits for
    /// no ack.
    pub(super) fn ack(&mut self, position: Position) -> Option<(DeliveryKind, bool)> {
        let index = self.find(position)?;
        self.out.remove(index).map(|entry| (entry.kind, entry.on_link))
    }

    /// A peer that never acks passthroughs has read all that this link had before this position: one passthrough of
    /// these, which is thereby settled (rule C9).
    pub(super) fn take_passed_over(&mut self, read_to: Position) -> Option<Position> {
        let index = self.out.iter().position(|entry| {
            entry.position < read_to && entry.on_link && entry.kind == DeliveryKind::Passthrough
        })?;
        self.out.remove(index).map(|entry| entry.position)
    }

    /// The entry will not go out, or not again. False when there is no such entry.
    pub(super) fn bury(&mut self, position: Position) -> bool {
        if let Some(index) = self.find(position) {
            self.out.remove(index);
            return true;
        }
        let waits = position >= self.next && position < self.end;
        match self.gone.binary_search(&position) {
            Err(place) if waits => {
                self.gone.insert(place, position);
                self.passthroughs.retain(|held| *held != position);
                true
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// How many entries are not settled.
    pub(super) fn backlog(&self) -> u64 {
        self.out.len() as u64 + (self.end.0 - self.next.0) - self.gone.len() as u64
    }

    /// The first entry that is not settled.
    pub(super) fn oldest(&self) -> Option<Position> {
        let fresh = (self.next.0..self.end.0).map(Position).find(|position| !self.gone.contains(position));
        self.out.front().map(|entry| entry.position).or(fresh)
    }

    fn find(&self, position: Position) -> Option<usize> {
        self.out.binary_search_by_key(&position, |entry| entry.position).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DeliveryKind::{Message, Passthrough};
    use alloc::vec::Vec;

    fn mailbox(kinds: &[DeliveryKind]) -> Mailbox {
        let mut mailbox = Mailbox::new(3, 5);
        for kind in kinds {
            mailbox.append(*kind);
        }
        mailbox
    }

    fn given(mailbox: &mut Mailbox, acks_passthroughs: bool) -> Vec<u64> {
        let mut given = Vec::new();
        while let Give::Entry(position) = mailbox.give(acks_passthroughs) {
            given.push(position.0);
        }
        given
    }

    /// C4: in order, at most the window, from the first unacked one on a new link, never an acked one again.
    #[test]
    fn the_window() {
        let mut mailbox = mailbox(&[Message; 6]);
        assert_eq!(given(&mut mailbox, true), [0, 1, 2]);
        mailbox.ack(Position(1));
        assert_eq!(given(&mut mailbox, true), [3]);
        mailbox.rewind();
        assert_eq!(given(&mut mailbox, true), [0, 2, 3]);
        assert_eq!(mailbox.ack(Position(0)), Some((Message, true)));
        assert_eq!(mailbox.ack(Position(0)), None);
        assert_eq!(mailbox.ack(Position(5)), None, "never given out");
        assert_eq!(given(&mut mailbox, true), [4]);
        assert_eq!((mailbox.backlog(), mailbox.oldest()), (4, Some(Position(2))));
    }

    /// C9: after five give-outs the entry is buried and the tail moves on; those behind it are not counted along
    /// once it is suspected.
    #[test]
    fn a_poison_entry() {
        let mut mailbox = mailbox(&[Message; 3]);
        for link in 1..=5 {
            mailbox.rewind();
            let expected: &[u64] = if link <= 2 { &[0, 1, 2] } else { &[0] };
            assert_eq!(given(&mut mailbox, true), expected, "link {link}");
        }
        mailbox.rewind();
        assert_eq!(mailbox.give(true), Give::Bury(Position(0)));
        assert_eq!(mailbox.give(true), Give::Entry(Position(1)));
        assert_eq!(mailbox.give(true), Give::Nothing, "it went out twice: alone now, until acked");
        mailbox.ack(Position(1));
        assert_eq!(given(&mut mailbox, true), [2]);
    }

    /// C9: for a peer that never acks passthroughs, an ack of a later entry settles one; and such an entry does
    /// not narrow the window, for it would never widen again.
    #[test]
    fn passed_over_passthroughs() {
        let mut mailbox = mailbox(&[Passthrough, Message, Passthrough]);
        for link in 1..=4 {
            mailbox.rewind();
            let expected: &[u64] = if link <= 2 { &[0, 1, 2] } else { &[0, 1] };
            assert_eq!(given(&mut mailbox, false), expected, "link {link}");
        }
        assert_eq!(mailbox.ack(Position(1)), Some((Message, true)));
        assert_eq!(mailbox.take_passed_over(Position(1)), Some(Position(0)));
        assert_eq!(mailbox.take_passed_over(Position(1)), None);
        assert_eq!(mailbox.backlog(), 1);
    }

    /// C9: a passthrough that is never acked hides no poison entry behind it, and holds up nothing.
    #[test]
    fn a_poison_entry_behind_a_passthrough() {
        let mut mailbox = mailbox(&[Passthrough, Message, Message]);
        for link in 1..=5 {
            mailbox.rewind();
            let expected: &[u64] = if link <= 2 { &[0, 1, 2] } else { &[0, 1] };
            assert_eq!(given(&mut mailbox, false), expected, "link {link}");
        }
        mailbox.rewind();
        assert_eq!(mailbox.give(false), Give::Bury(Position(0)));
        assert_eq!(mailbox.give(false), Give::Bury(Position(1)));
        assert_eq!(given(&mut mailbox, false), [2]);
    }

    /// C4: passthroughs that do not count beside a suspected entry still count in the window.
    #[test]
    fn a_suspect_widens_nothing() {
        let mut mailbox = mailbox(&[Message, Passthrough, Passthrough, Passthrough, Passthrough]);
        for _ in 0..2 {
            mailbox.rewind();
            assert_eq!(given(&mut mailbox, false), [0, 1, 2]);
        }
        mailbox.rewind();
        assert_eq!(given(&mut mailbox, false), [0]);
        let mut mailbox = self::mailbox(&[Passthrough, Passthrough, Passthrough, Message]);
        assert_eq!(given(&mut mailbox, false), [0, 1, 2]);
        assert_eq!(mailbox.stuck_behind_passthroughs(), Some(Position(2)));
        assert_eq!(mailbox.take_passed_over(Position(1)), Some(Position(0)));
        assert_eq!(mailbox.stuck_behind_passthroughs(), None);
        mailbox.append(Message);
        assert_eq!(given(&mut mailbox, false), [3]);
        assert_eq!(mailbox.stuck_behind_passthroughs(), None, "the message will be acked");
        let mut mailbox = self::mailbox(&[Passthrough, Passthrough, Passthrough]);
        assert_eq!(given(&mut mailbox, false), [0, 1, 2]);
        assert_eq!(mailbox.stuck_behind_passthroughs(), None, "nothing waits for them");
    }

    #[test]
    fn buried_before_given_out() {
        let mut mailbox = mailbox(&[Message, Passthrough, Message]);
        assert_eq!(mailbox.oldest(), Some(Position(0)));
        assert!(mailbox.bury(Position(1)));
        assert!(!mailbox.bury(Position(1)));
        assert!(!mailbox.bury(Position(3)));
        assert_eq!(mailbox.backlog(), 2);
        assert_eq!(given(&mut mailbox, true), [0, 2]);
        assert!(mailbox.bury(Position(0)));
        assert_eq!(mailbox.oldest(), Some(Position(2)));
        // What is buried says nothing of the others: neither which comes first, nor of what kind they are.
        let mut mailbox = self::mailbox(&[Passthrough, Passthrough, Message]);
        assert!(mailbox.bury(Position(0)));
        assert_eq!(mailbox.oldest(), Some(Position(1)));
        assert_eq!(given(&mut mailbox, true), [1, 2]);
        assert_eq!(mailbox.ack(Position(1)), Some((Passthrough, true)));
    }

    #[test]
    fn restored_with_holes() {
        let mut mailbox = Mailbox::new(3, 5);
        let entries = [(2, Passthrough), (4, Message), (5, Passthrough), (6, Message)];
        mailbox.restore(entries.into_iter().map(|(at, kind)| (Position(at), kind)), Position(7));
        assert_eq!((mailbox.out.len(), mailbox.next, mailbox.backlog()), (1, Position(4), 4));
        assert_eq!(given(&mut mailbox, true), [2, 4, 5]);
        assert_eq!(mailbox.ack(Position(5)), Some((Passthrough, true)));
        assert_eq!(mailbox.append(Message), Position(7));
        let mut empty = Mailbox::new(3, 5);
        empty.restore(core::iter::empty(), Position(9));
        assert_eq!((empty.append(Message), empty.backlog()), (Position(9), 1));
    }
}
