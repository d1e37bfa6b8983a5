//! Every deadline of a machine in one table.

use crate::time::Instant;

/// A machine's kinds of timer: an enum without data, counted from zero.
pub(crate) trait TimerKind: Copy + 'static {
    /// Every kind, in the order of their numbers; when several are due at once, they fire in this order.
    const ALL: &'static [Self];
    fn number(self) -> usize;
}

/// One deadline, or none, for each of `N` kinds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Timers<const N: usize>([Option<Instant>; N]);

impl<const N: usize> Timers<N> {
    pub(crate) const fn new() -> Self {
        Self([None; N])
    }

    pub(crate) fn set(&mut self, kind: impl TimerKind, at: Instant) {
        self.0[kind.number()] = Some(at);
    }

    pub(crate) fn stop(&mut self, kind: impl TimerKind) {
        self.0[kind.number()] = None;
    }

    pub(crate) fn rebase(&mut self, epoch: Instant) {
        self.0.iter_mut().flatten().for_each(|at| at.rebase(epoch));
    }

    pub(crate) fn stop_all(&mut self) {
        self.0 = [None; N];
    }

    pub(crate) fn get(&self, kind: impl TimerKind) -> Option<Instant> {
        self.0[kind.number()]
    }

    pub(crate) fn is_set(&self, kind: impl TimerKind) -> bool {
        self.get(kind).is_some()
    }

    /// The deadline that comes first.
    pub(crate) fn next<K: TimerKind>(&self) -> Option<(Instant, K)> {
        let set = K::ALL.iter().filter_map(|kind| self.get(*kind).map(|at| (at, *kind)));
        set.min_by_key(|(at, kind)| (*at, kind.number()))
    }
}
