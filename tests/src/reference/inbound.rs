//! The model's gateway and deliveries: which are handed out, and which are acked.

use std::collections::BTreeSet;

use super::wire::Packet;
use super::world::World;

impl World {
    /// D2 to D5.
    pub(super) fn deliver(&mut self, entry: u64) {
        let posts = &self.platform.posts;
        let same = |other: u64| other == entry || posts[other as usize].is_same_as(&posts[entry as usize]);
        if self.gateway.known.iter().any(|known| same(*known)) {
            self.gateway.out.push(Packet::Ack(entry));
        } else if let Some((_, acks)) = self.gateway.held.iter_mut().find(|(held, _)| same(**held)) {
            acks.insert(entry);
        } else {
            self.gateway.held.insert(entry, BTreeSet::from([entry]));
            self.inbox.arrived.push_back(entry);
        }
    }

    /// D1, D3.
    pub(super) fn stored(&mut self, entry: u64) {
        let Some(acks) = self.gateway.held.remove(&entry) else { return };
        self.gateway.known.insert(entry);
        if self.gateway.open().is_some() {
            self.gateway.out.extend(acks.into_iter().map(Packet::Ack));
        }
    }
}
