//! Sets of the few numbers of a world: those of its entries, or of its requests.

use std::fmt;

/// A set of numbers below 64.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Numbers(u64);

impl Numbers {
    /// False when it was in already.
    pub(super) fn insert(&mut self, number: u64) -> bool {
        let before = self.0;
        self.0 |= 1 << number;
        self.0 != before
    }

    pub(super) fn remove(&mut self, number: u64) {
        self.0 &= !(1 << number);
    }

    pub(super) fn contains(self, number: u64) -> bool {
        self.0 >> number & 1 == 1
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    pub(super) fn last(self) -> Option<u64> {
        (0..64).rev().find(|number| self.contains(*number))
    }

    /// In their order.
    pub(super) fn iter(self) -> impl Iterator<Item = u64> {
        (0..64 - u64::from(self.0.leading_zeros())).filter(move |number| self.contains(*number))
    }
}

impl Extend<u64> for Numbers {
    fn extend<I: IntoIterator<Item = u64>>(&mut self, numbers: I) {
        numbers.into_iter().for_each(|number| _ = self.insert(number));
    }
}

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
