//! The way back (rule W4): from every reached state, letting everything that is under way happen, and nothing else
//! go wrong, leads to linked and drained, or to an end that is wanted.
//!
//! The checker's own `eventually` does not see cycles. So each state is entered here with the one that follows it
//! on the way; once all have been reached, all ways are walked to their ends.

use std::sync::Mutex;

/// Where the way from a state goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It has arrived.
    Arrived,
    /// To the state of this fingerprint.
    To(u64),
    /// Nothing happens any more.
    Stuck,
}

/// The ways from all states. There are millions: in parts, so that threads do not wait for each other, and in as
/// few bytes as will do.
#[derive(Debug)]
pub struct Ways([Mutex<Vec<(u64, u64)>>; PARTS]);

const PARTS: usize = 16;

/// Stand for what is no fingerprint.
const ARRIVED: u64 = 0;
const STUCK: u64 = 1;

impl Default for Ways {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Ways {
    /// The way from this state goes on there.
    ///
    /// # Panics
    /// When another thread has panicked with the ways.
    pub fn enter(&self, state: u64, next: Next) {
        let next = match next {
            Next::Arrived => ARRIVED,
            Next::To(next) => next,
            Next::Stuck => STUCK,
        };
        let part = &self.0[state as usize % PARTS];
        part.lock().expect("no thread panics with it").push((state, next));
    }

    /// The states from which the way leads nowhere: to a stop short of the aim, or round in a circle.
    /// What was entered is forgotten.
    ///
    /// # Panics
    /// When another thread has panicked with the ways.
    pub fn lost(&self) -> Vec<u64> {
        let mut ways = Vec::new();
        for part in &self.0 {
            ways.append(&mut part.lock().expect("no thread panics with it"));
        }
        ways.sort_unstable();
        ways.dedup_by_key(|(state, _)| *state);
        let find = |state: u64| ways.binary_search_by_key(&state, |(state, _)| *state).ok();
        // Not walked, leads nowhere (so far), and leads to the aim.
        let mut known = vec![None; ways.len()];
        for start in 0..ways.len() {
            let (mut path, mut at) = (Vec::new(), Some(start));
            let ends_well = loop {
                let Some(place) = at else { break false };
                if let Some(known) = known[place] {
                    break known;
                }
                // Whoever comes by here again is going round in a circle.
                known[place] = Some(false);
                path.push(place);
                match ways[place].1 {
                    ARRIVED => break true,
                    STUCK => break false,
                    next => at = find(next),
                }
            };
            path.into_iter().for_each(|place| known[place] = Some(ends_well));
        }
        let lost = ways.iter().zip(&known).filter(|(_, known)| **known != Some(true));
        lost.map(|((state, _), _)| *state).collect()
    }
}
