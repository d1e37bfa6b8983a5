//! How the two poll loops take their turns: round upon round while there is more to do, and one flush for all that
//! the rounds wrote.

use std::task::{Context, Poll};

/// How many rounds are made before other tasks have theirs.
const MOST_ROUNDS: usize = 16;

/// What a round came to.
pub(crate) enum Turn {
    /// There may be more to do at once.
    Again,
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
