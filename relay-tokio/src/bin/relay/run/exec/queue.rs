//! What one start of the agent is to be told, until it is written.

use std::collections::VecDeque;

/// Lines that may wait before deliveries are not taken.
const ROOM: usize = 64;

/// How much of what is no delivery may wait for an agent that is heard, in lines and in bytes. Deliveries are bounded by
/// the inbox.
const MOST: (usize, usize) = (1024, 16 << 20);

#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Line>,
    /// What is on its way to be written.
    on_its_way: VecDeque<About>,
    /// How many lines have been on their way.
    given: u64,
    /// How many lines that are no deliveries are not written, and how many bytes they have.
    others: usize,
    other_bytes: usize,
}

struct Line {
    text: String,
    about: About,
}

/// What a line is about.
enum About {
    Delivery(String),
    Status { bytes: usize },
    Other { bytes: usize },
}

impl Queue {
    pub(super) fn push(&mut self, text: String) {
        let about = About::Other { bytes: text.len() };
        self.enter(Line { text, about });
    }

    /// For one who takes its time, the latest status is the only one that counts.
    pub(super) fn push_status(&mut self, text: String) {
        if self.waiting.len() >= ROOM {
            self.forget(|about| matches!(about, About::Status { .. }));
        }
        let about = About::Status { bytes: text.len() };
        self.enter(Line { text, about });
    }

    pub(super) fn push_delivery(&mut self, delivery: String, text: String) {
        self.enter(Line { text, about: About::Delivery(delivery) });
    }

    /// The next line, which from now on is on its way.
    pub(super) fn pop(&mut self) -> Option<String> {
        let Line { text, about } = self.waiting.pop_front()?;
        self.on_its_way.push_back(about);
        self.given += 1;
        Some(text)
    }

    /// So many lines are written, of all that were ever on their way: the deliveries among them that were not before.
    pub(super) fn written(&mut self, lines: u64) -> Vec<String> {
        let mut deliveries = Vec::new();
        let left = usize::try_from(self.given.saturating_sub(lines)).unwrap_or(usize::MAX);
        while self.on_its_way.len() > left
            && let Some(about) = self.on_its_way.pop_front()
        {
            self.leave(&about);
            if let About::Delivery(delivery) = about {
                deliveries.push(delivery);
            }
        }
        deliveries
    }

    pub(super) fn forget_deliveries(&mut self) {
        self.forget(|about| matches!(about, About::Delivery(_)));
    }

    /// Whether nothing waits to be on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether deliveries are to be added.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < ROOM
    }

    /// Whether nothing is to be added that can be helped.
    pub(super) fn is_too_long(&self) -> bool {
        self.others > MOST.0 || self.other_bytes > MOST.1
    }

    fn enter(&mut self, line: Line) {
        if let Some(bytes) = line.about.bytes() {
            self.others += 1;
            self.other_bytes += bytes;
        }
        self.waiting.push_back(line);
    }

    fn leave(&mut self, about: &About) {
        if let Some(bytes) = about.bytes() {
            self.others -= 1;
            self.other_bytes -= bytes;
        }
    }

    fn forget(&mut self, which: impl Fn(&About) -> bool) {
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let (gone, kept): (VecDeque<_>, _) = waiting.partition(|line| which(&line.about));
        self.waiting = kept;
        gone.iter().for_each(|line| self.leave(&line.about));
    }
}

impl About {
    /// How many bytes it counts with; nothing for what is bounded elsewhere.
    fn bytes(&self) -> Option<usize> {
        match self {
            Self::Delivery(_) => None,
            Self::Status { bytes } | Self::Other { bytes } => Some(*bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines leave in their order, count until they are written, and give their deliveries back once.
    #[test]
    fn until_it_is_written() {
        let mut queue = Queue::default();
        queue.push("a".into());
        queue.push_delivery("7".into(), "b".into());
        queue.push_delivery("8".into(), "c".into());
        assert_eq!((queue.pop(), queue.pop()), (Some("a".into()), Some("b".into())));
        assert_eq!((queue.others, queue.other_bytes), (1, 1));
        assert!(queue.written(0).is_empty());
        assert_eq!((queue.written(2), queue.written(2)), (vec!["7".to_owned()], vec![]));
        assert_eq!((queue.others, queue.other_bytes), (0, 0));
        queue.forget_deliveries();
        assert!(queue.is_empty() && queue.pop().is_none());
    }

    /// It is too long by its lines, or by their bytes; deliveries do not count, and of many statuses the last stays.
    #[test]
    fn too_long() {
        let mut queue = Queue::default();
        (0..2 * MOST.0).for_each(|_| queue.push_delivery(String::new(), "x".repeat(MOST.1 / MOST.0)));
        (0..100).for_each(|_| queue.push_status("s".into()));
        assert_eq!(queue.others, 1);
        assert!(!queue.is_too_long() && !queue.has_room());
        (1..MOST.0).for_each(|_| queue.push("x".into()));
        assert!(!queue.is_too_long());
        queue.push("x".into());
        assert!(queue.is_too_long());
        let mut queue = Queue::default();
        queue.push("x".repeat(MOST.1));
        assert!(!queue.is_too_long());
        queue.push("x".into());
        assert!(queue.is_too_long());
    }
}
