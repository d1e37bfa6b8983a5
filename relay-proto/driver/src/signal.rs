//! Waking tasks that wait for a change of shared state.

use std::task::{Context, Waker};

/// The one task that waits. Whoever makes the change it waits for takes the waker and wakes it.
#[derive(Debug, Default)]
pub(crate) struct Signal(Option<Waker>);

impl Signal {
    /// The task of `cx` waits from now on.
    pub(crate) fn wait(&mut self, cx: &Context<'_>) {
        match &mut self.0 {
            Some(waker) => waker.clone_from(cx.waker()),
            empty => *empty = Some(cx.waker().clone()),
        }
    }

    /// Wakes the task, if one waits. It has to wait anew to be woken again.
    pub(crate) fn wake(&mut self) {
        if let Some(waker) = self.0.take() {
            waker.wake();
        }
    }
}

/// A value that changes, and how often it has; any number of tasks wait for the next change.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    value: T,
    changes: u64,
    waiting: Vec<Waker>,
}

impl<T: PartialEq + Clone> Watched<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value, changes: 0, waiting: Vec::new() }
    }

    pub(crate) fn get(&self) -> &T {
        &self.value
    }

    /// Sets the value, and wakes who waits, if it is another one.
    pub(crate) fn set(&mut self, value: T) {
        if self.value != value {
            self.value = value;
            self.changes += 1;
            self.waiting.drain(..).for_each(Waker::wake);
        }
    }

    /// The value and its number of changes, if that is not `seen`; otherwise the task of `cx` waits.
    pub(crate) fn changed_since(&mut self, seen: u64, cx: &Context<'_>) -> Option<(T, u64)> {
        if self.changes != seen {
            return Some((self.value.clone(), self.changes));
        }
        if !self.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.waiting.push(cx.waker().clone());
        }
        None
    }

    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }
}
