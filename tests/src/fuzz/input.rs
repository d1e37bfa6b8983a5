//! Raw bytes taken apart into choices, numbers and texts.

use std::borrow::Cow;

/// What is left of an input. Every choice takes few bytes at a fixed place, so that a small change of the input is a
/// small change of what is done with it.
#[derive(Clone, Debug)]
pub(super) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(super) const fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte; 0 at the end.
    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(super) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    pub(super) fn index(&mut self) -> usize {
        usize::from(self.byte())
    }

    pub(super) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.index() % list.len()]
    }

    pub(super) fn number(&mut self) -> u64 {
        u64::from_le_bytes([0; 8].map(|_: u8| self.byte()))
    }

    /// At most `most` bytes, and a byte that says how many.
    pub(super) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let length = self.index().min(most).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    /// A text of at most `most` bytes before what is no UTF-8 was replaced.
    pub(super) fn text(&mut self, most: usize) -> Cow<'a, str> {
        String::from_utf8_lossy(self.bytes(most))
    }

    /// All that is left.
    pub(super) const fn rest(self) -> &'a [u8] {
        self.0
    }

    /// All that is left, cut into chunks whose lengths are drawn from `lengths` round and round.
    pub(super) fn chunks(self, lengths: &[u8]) -> Vec<&'a [u8]> {
        let mut rest = self.0;
        let mut chunks = Vec::new();
        for length in lengths.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, after) = rest.split_at(usize::from(*length).clamp(1, rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        chunks
    }
}
