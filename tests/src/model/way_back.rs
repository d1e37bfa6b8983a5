//! The way back (rule W4): from every reached state, letting everything that is under way happen, and nothing else
//! go wrong, leads to linked and drained, or to an end that is wanted.
//!
//! The checker's own `eventually` does not see cycles. So each state is entered here with the one that follows it
//! on the way; once all have been reached, all ways are walked to their ends.

use std::collections::BTreeMap;
use std::sync::Mutex;

/// Where the way from a state goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It has arrived.
    Arrived,
    /// To the state of this fingerprint.
    To(u64),
    /// Nothing happens any more.
    Stuck,
}

/// The ways from all states.
#[derive(Debug, Default)]
pub(super) struct Ways(Mutex<BTreeMap<u64, Next>>);

impl Ways {
    pub(super) fn enter(&self, state: u64, next: Next) {
        self.0.lock().expect("no thread panics with it").insert(state, next);
    }

    /// The states from which the way leads nowhere: to a stop short of the aim, or round in a circle.
    pub(super) fn lost(&self) -> Vec<u64> {
        let ways = self.0.lock().expect("no thread panics with it");
        let mut fine: BTreeMap<u64, bool> = BTreeMap::new();
        for start in ways.keys() {
            let (mut path, mut at) = (Vec::new(), *start);
            let ends_well = loop {
                if let Some(known) = fine.get(&at) {
                    break *known;
                }
                // Whoever comes by here again is going round in a circle.
                fine.insert(at, false);
                path.push(at);
                match ways.get(&at) {
                    Some(Next::Arrived) => break true,
                    Some(Next::To(next)) => at = *next,
                    Some(Next::Stuck) | None => break false,
                }
            };
            path.into_iter().for_each(|state| _ = fine.insert(state, ends_well));
        }
        fine.into_iter().filter_map(|(state, ends_well)| (!ends_well).then_some(state)).collect()
    }
}
