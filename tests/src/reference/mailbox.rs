//! The model's mailbox: which entries go out, which are done, and when somebody is woken for them.

use relay_proto::DeliveryKind;

use super::connector::{Connector, Entry, GIVE_OUTS, Said, WINDOW};
use super::world::{SECOND, World};

impl Connector {
    /// C4, and: an entry that was given out twice goes alone among those that can be acked, until it is acked or given
    /// up.
    fn has_room(&self) -> bool {
        let acks_forwards = self.link.as_ref().is_some_and(|link| link.acks_forwards);
        let can_be_acked = |entry: &&Entry| entry.kind == DeliveryKind::Message || acks_forwards;
        let on_link: Vec<&Entry> = self.entries.iter().filter(|entry| entry.on_link).collect();
        let first = self.entries.iter().find(can_be_acked);
        let is_suspect = first.is_some_and(|first| first.given - u32::from(first.on_link) >= 2);
        let goes_alone = is_suspect && on_link.iter().any(can_be_acked);
        on_link.len() < WINDOW && !goes_alone
    }

    /// C9, C4: the next entry to go out.
    pub(super) fn give(&mut self) -> Option<u64> {
        loop {
            if !self.has_room() {
                return None;
            }
            let place = self.entries.iter().position(|entry| !entry.on_link)?;
            let entry = &mut self.entries[place];
            if entry.given < GIVE_OUTS {
                (entry.given, entry.on_link) = (entry.given + 1, true);
                return Some(entry.number);
            }
            self.unseen.push_back(Said::Dead(entry.number));
            self.entries.remove(place);
        }
    }

    /// C8: whether somebody waits who could be woken.
    pub(super) fn plan_poke(&mut self) {
        self.wants_poke |= self.wakeable && self.link.is_none() && !self.revoked && !self.entries.is_empty();
    }
}

impl World {
    /// C3, C8.
    pub(super) fn append(&mut self, number: u64, kind: DeliveryKind) {
        self.connector.entries.push(Entry { number, kind, given: 0, on_link: false });
        self.connector.plan_poke();
        self.poke();
    }

    pub(super) fn poke(&mut self) {
        if self.connector.wants_poke && self.connector.poke_from <= self.now {
            self.connector.wants_poke = false;
            self.connector.poke_from = self.now + 60 * SECOND;
            self.connector.unseen.push_back(Said::Poke);
        }
    }

    /// C3, C9: done, unless it is not known to have gone out, which is left open; and with it, for a peer that acks no forwarded requests, those given to it before.
    pub(super) fn acked(&mut self, number: u64) {
        let entries = &mut self.connector.entries;
        let counts = |entry: &Entry| entry.given > 0 || self.chosen.acked.contains(&number);
        let place = entries.iter().position(|entry| entry.number == number && counts(entry));
        let Some(place) = place else { return };
        let entry = entries.remove(place);
        self.connector.unseen.push_back(Said::Acked(number));
        let Some(link) = &mut self.connector.link else { return };
        link.acks_forwards |= entry.kind == DeliveryKind::Passthrough;
        if link.acks_forwards || !entry.on_link {
            return;
        }
        self.pass_over(number);
    }

    /// C9: a peer that acks no forwarded requests has read all before this entry.
    pub(super) fn pass_over(&mut self, number: u64) {
        let acks_forwards = self.connector.link.as_ref().is_none_or(|link| link.acks_forwards);
        let passed_over = |entry: &Entry| {
            !acks_forwards
                && entry.number < number
                && entry.on_link
                && entry.kind == DeliveryKind::Passthrough
        };
        let done = self.connector.entries.iter().filter(|entry| passed_over(entry)).map(|entry| entry.number);
        let done: Vec<u64> = done.collect();
        self.connector.unseen.extend(done.iter().copied().map(Said::Acked));
        self.platform.passed_over.extend(done);
        self.connector.entries.retain(|entry| !passed_over(entry));
    }
}
