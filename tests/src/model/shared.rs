//! A machine that states share for as long as nothing happens to it: most steps concern one of the two.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use relay_proto::Instant;

use super::rebased::Rebased;

/// A machine, and its hash as of the last [`seal`](Self::seal).
#[derive(Clone)]
pub(super) struct Shared<T> {
    machine: Arc<T>,
    hash: u64,
}

impl<T: Hash> Shared<T> {
    pub(super) fn new(machine: T) -> Self {
        Self { machine: Arc::new(machine), hash: 0 }
    }

    /// Whether something may have happened to it since the state that this one was made from: that one still has the
    /// machine as it was.
    pub(super) fn is_touched(&self) -> bool {
        Arc::strong_count(&self.machine) == 1
    }

    /// Works out the hash, as of now. Whether there may be another one.
    pub(super) fn seal(&mut self, now: Instant, later: bool) -> bool {
        let changed = later || self.is_touched();
        if changed {
            let mut into = Rebased::new(now);
            self.machine.hash(&mut into);
            self.hash = into.finish();
        }
        changed
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.machine
    }
}

impl<T: Clone> DerefMut for Shared<T> {
    fn deref_mut(&mut self) -> &mut T {
        Arc::make_mut(&mut self.machine)
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.machine.fmt(f)
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        self.machine == other.machine
    }
}

impl<T: Eq> Eq for Shared<T> {}

impl<T> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, into: &mut H) {
        // As bytes: it must not be taken for a point in time.
        into.write(&self.hash.to_le_bytes());
    }
}
