//! Waking tasks that wait for a change of shared state.

use std::task::{Context, Waker};

use event_listener::{Event, EventListener};

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

/// A value that changes, and how often it has; any number of tasks wait for the next [`change`].
#[derive(Debug)]
pub(crate) struct Watched<T> {
    value: T,
    changes: u64,
    changed: Event,
}

impl<T: PartialEq + Clone> Watched<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value, changes: 0, changed: Event::new() }
    }

    pub(crate) fn get(&self) -> &T {
        &self.value
    }

    /// Sets the value, and wakes who waits, if it is another one.
    pub(crate) fn set(&mut self, value: T) {
        if self.value != value {
            self.value = value;
            self.changes += 1;
            self.changed.notify(usize::MAX);
        }
    }

    /// The value and its number of changes, if that is not `seen`; otherwise what to wait for.
    pub(crate) fn changed_since(&self, seen: u64) -> Result<(T, u64), EventListener> {
        if self.changes == seen { Err(self.changed.listen()) } else { Ok((self.value.clone(), self.changes)) }
    }

    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }
}

/// Waits for what `look` finds in shared state, which holds a [`Watched`]. Who stops waiting leaves nothing behind: values
/// may stay as they are for weeks.
pub(crate) async fn change<T>(mut look: impl FnMut() -> Result<T, EventListener>) -> T {
    loop {
        match look() {
            Ok(found) => return found,
            Err(changed) => changed.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::{Arc, Mutex};
    use std::task::{Poll, Wake};

    use super::*;

    struct Task;

    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }

    /// One poll of a task that waits for the next change of what it has seen from the beginning, and then stops waiting.
    fn poll_once(watched: &Mutex<Watched<u8>>, waker: &Waker) -> Poll<(u8, u64)> {
        let waiting = pin!(change(|| watched.lock().unwrap().changed_since(0)));
        waiting.poll(&mut Context::from_waker(waker))
    }

    /// A waker keeps all of its task in memory.
    #[test]
    fn who_stops_waiting_leaves_nothing_behind() {
        let watched = Mutex::new(Watched::new(1));
        let task = Arc::new(Task);
        for _ in 0..100 {
            assert!(poll_once(&watched, &task.clone().into()).is_pending());
        }
        assert_eq!(Arc::strong_count(&task), 1);
    }

    #[test]
    fn all_who_wait_see_a_change() {
        let watched = Mutex::new(Watched::new(1));
        let mut cx = Context::from_waker(Waker::noop());
        let look = || watched.lock().unwrap().changed_since(0);
        let (mut one, mut two) = (pin!(change(look)), pin!(change(look)));
        assert!(one.as_mut().poll(&mut cx).is_pending() && two.as_mut().poll(&mut cx).is_pending());
        watched.lock().unwrap().set(1);
        assert!(one.as_mut().poll(&mut cx).is_pending(), "nothing has changed");
        watched.lock().unwrap().set(2);
        assert_eq!(one.poll(&mut cx), Poll::Ready((2, 1)));
        assert_eq!(two.poll(&mut cx), Poll::Ready((2, 1)));
        assert_eq!(poll_once(&watched, Waker::noop()), Poll::Ready((2, 1)));
    }
}
