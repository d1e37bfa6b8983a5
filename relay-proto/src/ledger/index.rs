//! From a fingerprint to the delivery that bears it: open addressing over numbers that are hashes already.

use alloc::vec;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use super::fingerprint::Fingerprint;

/// A map from fingerprints to `u64`s.
///
/// It follows from the ledger's lists, which say all that it says; so any two count as equal, and its layout, which
/// depends on the order of insertion, is no part of a machine's state.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// A power of two, or empty; at most three quarters in use.
    slots: Vec<Option<(Fingerprint, u64)>>,
    used: usize,
}

impl Index {
    pub(super) fn get(&self, key: Fingerprint) -> Option<u64> {
        let slot = self.find(key)?;
        self.slots[slot].map(|(_, value)| value)
    }

    pub(super) fn insert(&mut self, key: Fingerprint, value: u64) {
        if self.used * 4 >= self.slots.len() * 3 {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut slot = home(key, mask);
        while self.slots[slot].is_some_and(|(other, _)| other != key) {
            slot = (slot + 1) & mask;
        }
        self.used += usize::from(self.slots[slot].is_none());
        self.slots[slot] = Some((key, value));
    }

    pub(super) fn remove(&mut self, key: Fingerprint) {
        let Some(mut hole) = self.find(key) else { return };
        let mask = self.slots.len() - 1;
        self.slots[hole] = None;
        self.used -= 1;
        // Close the gap, so that no search ends early at it.
        let mut slot = (hole + 1) & mask;
        while let Some((other, _)) = self.slots[slot] {
            let reach = slot.wrapping_sub(home(other, mask)) & mask;
            if reach >= slot.wrapping_sub(hole) & mask {
                self.slots.swap(hole, slot);
                hole = slot;
            }
            slot = (slot + 1) & mask;
        }
    }

    fn find(&self, key: Fingerprint) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut slot = home(key, mask);
        loop {
            let (other, _) = self.slots[slot]?;
            if other == key {
                return Some(slot);
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let larger = vec![None; (self.slots.len() * 2).max(16)];
        let old = core::mem::replace(&mut self.slots, larger);
        self.used = 0;
        for (key, value) in old.into_iter().flatten() {
            self.insert(key, value);
        }
    }
}

fn home(key: Fingerprint, mask: usize) -> usize {
    key.bits() as usize & mask
}

impl PartialEq for Index {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Index {}

impl Hash for Index {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;

    /// Against a map that is known to be right, with keys that crowd into few places.
    #[test]
    fn agrees_with_a_tree() {
        let (mut index, mut tree) = (Index::default(), BTreeMap::new());
        let mut random = 7u64;
        for step in 0..50_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let number = u128::from(random >> 33) % 97 + 1;
            let key = Fingerprint::from_bits(number | number << 70).unwrap();
            match random >> 62 {
                0 | 1 => {
                    index.insert(key, step);
                    tree.insert(key, step);
                }
                2 => {
                    index.remove(key);
                    tree.remove(&key);
                }
                _ => {}
            }
            assert_eq!(index.get(key), tree.get(&key).copied());
            assert_eq!(index.used, tree.len());
        }
        assert!(tree.iter().all(|(key, value)| index.get(*key) == Some(*value)));
    }
}
