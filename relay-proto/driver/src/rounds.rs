//! How the two poll loops take their turns: round upon round while there is more to do, and one flush for all that
//! the rounds wrote.

use std::task::{Context, Poll};

/// How many rounds are made before other tasks have theirs.
const MOST_ROUNDS: usize = 16;

/// What a round came to.
pub(crate) enum Turn {
    /// There may be more to do at once.
    Again,
    /// There may be more to do, once other tasks have had their turn.
    Yield,
    /// Nothing until something wakes the task.
    Idle,
    /// Nothing ever again.
    Over,
}

/// A task that works in rounds.
pub(crate) trait Rounds {
    /// One turn of everything but the flush, in the order of urgency.
    fn round(&mut self, cx: &mut Context<'_>) -> Turn;

    /// What was written goes out. True when that showed something that another round is to see.
    fn flush(&mut self, cx: &mut Context<'_>) -> bool;

    /// Polls the task.
    fn poll_rounds(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..MOST_ROUNDS {
            match self.round(cx) {
                Turn::Over => return Poll::Ready(()),
                Turn::Again => {}
                Turn::Yield => break,
                Turn::Idle => {
                    if !self.flush(cx) {
                        return Poll::Pending;
                    }
                }
            }
        }
        self.flush(cx);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Gives these turns, one a round, and counts; so many flushes show something.
    struct Scripted {
        turns: Vec<Turn>,
        shown: usize,
        rounds: usize,
        flushes: usize,
    }

    impl Rounds for Scripted {
        fn round(&mut self, _: &mut Context<'_>) -> Turn {
            self.rounds += 1;
            self.turns.remove(0)
        }

        fn flush(&mut self, _: &mut Context<'_>) -> bool {
            self.flushes += 1;
            self.flushes <= self.shown
        }
    }

    /// Polls once; whether it is over, and the rounds, flushes and wakes that it took.
    fn poll(turns: Vec<Turn>) -> (bool, usize, usize, usize) {
        poll_with(turns, 0)
    }

    fn poll_with(turns: Vec<Turn>, shown: usize) -> (bool, usize, usize, usize) {
        let mut task = Scripted { turns, shown, rounds: 0, flushes: 0 };
        let wakes = Arc::new(Wakes::default());
        let over = task.poll_rounds(&mut Context::from_waker(&wakes.clone().into())).is_ready();
        (over, task.rounds, task.flushes, wakes.0.load(Ordering::Relaxed))
    }

    #[test]
    fn rounds_follow_each_other_until_nothing_is_left() {
        assert_eq!(poll(vec![Turn::Again, Turn::Again, Turn::Idle]), (false, 3, 1, 0));
        assert_eq!(poll(vec![Turn::Again, Turn::Over]), (true, 2, 0, 0));
    }

    /// A socket that broke in a flush is not waited for.
    #[test]
    fn what_a_flush_shows_is_seen_to_at_once() {
        assert_eq!(poll_with(vec![Turn::Idle, Turn::Over], 1), (true, 2, 1, 0));
        assert_eq!(poll_with(vec![Turn::Idle, Turn::Idle, Turn::Idle], 2), (false, 3, 3, 0));
        assert_eq!(poll_with(vec![Turn::Yield, Turn::Idle], 1), (false, 1, 1, 1));
    }

    /// Other tasks have their turn, and what was written does not wait for them.
    #[test]
    fn a_task_that_yields_is_woken_again() {
        assert_eq!(poll(vec![Turn::Again, Turn::Yield, Turn::Idle]), (false, 2, 1, 1));
    }

    #[test]
    fn a_task_that_finds_ever_more_to_do_yields() {
        let turns = (0..2 * MOST_ROUNDS).map(|_| Turn::Again).collect();
        assert_eq!(poll(turns), (false, MOST_ROUNDS, 1, 1));
    }
}
