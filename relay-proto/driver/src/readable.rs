//! Asking a socket for messages only when it has said that there may be some.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Whether a socket may have something to read.
///
/// The socket gets a waker of its own for that. So a task that something else woke, the application above all, need
/// not ask the socket again: on runtimes that keep no readiness of their own that is a system call each time.
pub(crate) struct Readable {
    said: Arc<Said>,
    /// What the socket is given: `said`.
    waker: Waker,
    /// The task that `said` wakes.
    task: Waker,
}

struct Said {
    ready: AtomicBool,
    task: Mutex<Waker>,
}

impl Readable {
    /// A socket that was not asked yet.
    pub(crate) fn new() -> Self {
        let task = Waker::noop().clone();
        let said = Arc::new(Said { ready: AtomicBool::new(true), task: Mutex::new(task.clone()) });
        Self { waker: said.clone().into(), said, task }
    }

    /// Asks the socket, if it may have something. Otherwise the task of `cx` is woken when it says so.
    pub(crate) fn poll<T>(
        &mut self,
        cx: &Context<'_>,
        ask: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        if !self.task.will_wake(cx.waker()) {
            self.task.clone_from(cx.waker());
            self.said.task().clone_from(cx.waker());
        }
        // Before it is asked: what it says meanwhile counts.
        if !self.said.ready.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let answer = ask(&mut Context::from_waker(&self.waker));
        if answer.is_ready() {
            self.ask_again();
        }
        answer
    }

    /// The socket is to be asked the next time, whatever it has said.
    pub(crate) fn ask_again(&self) {
        self.said.ready.store(true, Ordering::Release);
    }
}

impl Said {
    fn task(&self) -> MutexGuard<'_, Waker> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Said {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.store(true, Ordering::Release);
        // Not under the lock: a waker may do anything.
        let task = self.task().clone();
        task.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A task, and whether it was woken.
    #[derive(Default)]
    struct Task(AtomicBool);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    impl Task {
        fn was_woken(&self) -> bool {
            self.0.swap(false, Ordering::Relaxed)
        }
    }

    /// Polls for this task; the waker that the socket was asked with, if it was asked.
    fn poll(readable: &mut Readable, task: &Arc<Task>, answer: Poll<()>) -> Option<Waker> {
        let waker = task.clone().into();
        let mut given = None;
        let result = readable.poll(&Context::from_waker(&waker), |cx| {
            given = Some(cx.waker().clone());
            answer
        });
        assert_eq!(result, if given.is_some() { answer } else { Poll::Pending });
        given
    }

    #[test]
    fn a_socket_is_asked_until_it_has_nothing() {
        let (mut readable, task) = (Readable::new(), Arc::default());
        assert!(poll(&mut readable, &task, Poll::Ready(())).is_some());
        assert!(poll(&mut readable, &task, Poll::Pending).is_some());
        assert!(poll(&mut readable, &task, Poll::Ready(())).is_none());
        readable.ask_again();
        assert!(poll(&mut readable, &task, Poll::Pending).is_some());
    }

    #[test]
    fn a_socket_that_speaks_up_is_asked_again() {
        let (mut readable, task) = (Readable::new(), Arc::<Task>::default());
        let waker = poll(&mut readable, &task, Poll::Pending).unwrap();
        assert!(!task.was_woken());
        waker.wake();
        assert!(task.was_woken());
        assert!(poll(&mut readable, &task, Poll::Pending).is_some());
    }

    /// It may speak up between its answer and the end of the call.
    #[test]
    fn what_a_socket_says_while_it_is_asked_counts() {
        let (mut readable, task) = (Readable::new(), Arc::<Task>::default());
        let waker = task.clone().into();
        let asked = readable.poll(&Context::from_waker(&waker), |cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert!(asked.is_pending() && task.was_woken());
        assert!(poll(&mut readable, &task, Poll::Pending).is_some());
    }

    /// The socket keeps the waker of its own; the task behind it may be another one than asked.
    #[test]
    fn the_task_that_polled_last_is_woken() {
        let (mut readable, first, second) = (Readable::new(), Arc::<Task>::default(), Arc::<Task>::default());
        let waker = poll(&mut readable, &first, Poll::Pending).unwrap();
        assert!(poll(&mut readable, &second, Poll::Pending).is_none());
        waker.wake();
        assert!(!first.was_woken() && second.was_woken());
    }
}
