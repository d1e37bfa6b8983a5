//! Doing things one after the other within a lane, and side by side between lanes.

use std::collections::{BTreeMap, VecDeque};

/// The jobs that wait for one before them in the same lane.
#[derive(Debug)]
pub struct Lanes<J> {
    busy: BTreeMap<String, VecDeque<J>>,
}

/// Where a job runs; `None` waits for nobody and holds up nobody.
pub type Lane = Option<String>;

impl<J> Default for Lanes<J> {
    fn default() -> Self {
        Self { busy: BTreeMap::new() }
    }
}

impl<J> Lanes<J> {
    /// Takes a job. Given back, it is to be done now; otherwise it waits. Whoever has done a job asks for the
    /// [`next`](Self::next) one of its lane.
    #[must_use]
    pub fn enter(&mut self, lane: &Lane, job: J) -> Option<J> {
        let Some(name) = lane else { return Some(job) };
        if let Some(waiting) = self.busy.get_mut(name) {
            waiting.push_back(job);
            return None;
        }
        self.busy.insert(name.clone(), VecDeque::new());
        Some(job)
    }

    /// The jobs that wait need not be done any more. Those under way go on.
    pub fn forget_waiting(&mut self) {
        self.busy.values_mut().for_each(VecDeque::clear);
    }

    /// The job before it in this lane is done: the next one, if any waits.
    #[must_use]
    pub fn next(&mut self, lane: &Lane) -> Option<J> {
        let name = lane.as_ref()?;
        let next = self.busy.get_mut(name)?.pop_front();
        if next.is_none() {
            self.busy.remove(name);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_after_the_other_within_a_lane() {
        let mut lanes = Lanes::default();
        let (c, d) = (Some("c".to_owned()), Some("d".to_owned()));
        assert_eq!(lanes.enter(&c, 1), Some(1));
        assert_eq!(lanes.enter(&c, 2), None);
        assert_eq!(lanes.enter(&c, 3), None);
        assert_eq!(lanes.enter(&d, 4), Some(4));
        assert_eq!(lanes.enter(&None, 5), Some(5));
        assert_eq!(lanes.enter(&None, 6), Some(6));
        assert_eq!((lanes.next(&c), lanes.next(&c), lanes.next(&c)), (Some(2), Some(3), None));
        assert_eq!((lanes.next(&d), lanes.next(&None)), (None, None));
        assert_eq!(lanes.enter(&c, 7), Some(7), "the lane is free again");
        assert_eq!(lanes.enter(&c, 8), None);
        lanes.forget_waiting();
        assert_eq!(lanes.enter(&c, 9), None, "7 is still under way");
        assert_eq!((lanes.next(&c), lanes.next(&c)), (Some(9), None));
    }
}
