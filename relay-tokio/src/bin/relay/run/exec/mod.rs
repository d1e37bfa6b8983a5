//! An agent that is a command: started, fed with lines, read, and started again when it ends.

mod pipes;
mod process;
mod queue;

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tracing::warn;

use process::{ENDING, LAST_WORDS};
use queue::Queue;

/// Lines to the agent, and from it, that may be on their way at once.
const ON_THEIR_WAY: usize = 64;

/// How long an agent must run before what was written to it counts as given to it. A command that is not there, or that
/// ends over its first line of code, takes lines all the same.
const PROVEN: Duration = Duration::from_millis(500);

/// How long an agent that is to end may take for it and for its last words, before and after it is killed.
pub(super) const END: Duration = ENDING.saturating_add(LAST_WORDS.saturating_mul(3));

/// What the agent does.
pub(super) enum Seen {
    /// It was started: what it was told before is forgotten.
    Started,
    /// The line about this delivery is written.
    Written(String),
    /// It wrote this line.
    Said(String),
}

/// The running agent, and what waits to be written to it.
pub(super) struct Exec {
    /// Gone when the agent's input is to be closed.
    lines: Option<mpsc::Sender<ToAgent>>,
    is_closing: bool,
    wanted: watch::Sender<Wanted>,
    happened: mpsc::Receiver<Happened>,
    progress: watch::Receiver<Progress>,
    /// The start that runs, as far as is known here.
    start: Option<u64>,
    queue: Queue,
    /// When the agent that runs is proven to, unless it says something before.
    proven_at: Instant,
    /// The deliveries that were written to it before.
    unproven: VecDeque<String>,
    /// Whether it was told of that this start does not read what it is told.
    is_known_behind: bool,
}

/// The other end: what the task has that minds the process.
struct Relay {
    lines: mpsc::Receiver<ToAgent>,
    wanted: watch::Receiver<Wanted>,
    happened: mpsc::Sender<Happened>,
    progress: watch::Sender<Progress>,
}

/// A line for the agent.
struct ToAgent {
    /// For which start of the agent; what was meant for an earlier one is not written.
    start: u64,
    line: String,
}

/// What happens to the agent, one after the other.
enum Happened {
    Started(u64),
    Said(String),
    /// It was written so many lines.
    Ended {
        written: u64,
    },
}

/// How far one start of the agent is. This can be known while nobody hears what it says.
#[derive(Clone, Copy, Default)]
struct Progress {
    start: u64,
    /// How many lines are written to it.
    written: u64,
    has_ended: bool,
}

/// Whether an agent is to run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    /// Yes, and again when it ends.
    Always,
    /// The one that runs, and none after it.
    NoOther,
    /// None, and the one that runs is to end.
    Ended,
}

impl Exec {
    pub(super) fn start(command: String) -> Self {
        let (to_agent, lines) = mpsc::channel(ON_THEIR_WAY);
        let (tell, happened) = mpsc::channel(ON_THEIR_WAY);
        let (want, wanted) = watch::channel(Wanted::Always);
        let (note, progress) = watch::channel(Progress::default());
        tokio::spawn(process::supervise(command, Relay { lines, wanted, happened: tell, progress: note }));
        Self {
            lines: Some(to_agent),
            is_closing: false,
            wanted: want,
            happened,
            progress,
            start: None,
            queue: Queue::default(),
            proven_at: Instant::now(),
            unproven: VecDeque::new(),
            is_known_behind: false,
        }
    }

    /// Queues a line for the agent that runs.
    pub(super) fn tell(&mut self, line: String) {
        // A new one is told how things are when it starts.
        if self.start.is_some() {
            self.queue.push(line);
        }
    }

    /// Queues the latest status.
    pub(super) fn tell_status(&mut self, line: String) {
        if self.start.is_some() {
            self.queue.push_status(line);
        }
    }

    /// Queues the line about a delivery; [`Seen::Written`] follows. Without an agent that runs, the next one is to be
    /// told of it.
    pub(super) fn deliver(&mut self, delivery: String, line: String) {
        if self.start.is_some() && !self.is_closing {
            self.queue.push_delivery(delivery, line);
        }
    }

    /// Whether the agent takes deliveries.
    pub(super) fn has_room(&self) -> bool {
        self.queue.has_room()
    }

    /// Writes what waits and gives what the agent does next; nothing when it has ended on purpose. What it says is read
    /// only if it is to be heard, and while it reads what it is told itself. Dropping the future loses nothing.
    pub(super) async fn next(&mut self, is_heard: bool) -> Option<Seen> {
        loop {
            self.note_what_is_written();
            if Instant::now() >= self.proven_at
                && let Some(delivery) = self.unproven.pop_front()
            {
                return Some(Seen::Written(delivery));
            }
            if self.is_closing && self.queue.is_empty() {
                self.lines = None;
            }
            let hears = is_heard && !self.is_behind();
            let lines = self.lines.as_ref().zip(self.start).filter(|_| !self.queue.is_empty());
            let happened = tokio::select! {
                Some((room, start)) = room(lines) => {
                    if let Some(line) = self.queue.pop() {
                        room.send(ToAgent { start, line });
                    }
                    continue;
                }
                Ok(()) = self.progress.changed() => continue,
                () = tokio::time::sleep_until(self.proven_at), if !self.unproven.is_empty() => continue,
                happened = self.happened.recv(), if hears => happened?,
                else => return std::future::pending().await,
            };
            if let Some(seen) = self.on_happened(happened) {
                return Some(seen);
            }
        }
    }

    /// No agent is started any more. The one that runs goes on.
    pub(super) fn retire(&mut self) {
        self.wanted.send_replace(Wanted::NoOther);
    }

    /// Closes the agent's input, for it to end. It is still told what it waits for and why it ends, but given no more
    /// deliveries.
    pub(super) fn close(&mut self) {
        self.queue.forget_deliveries();
        self.is_closing = true;
        self.wanted.send_replace(Wanted::Ended);
    }

    fn on_happened(&mut self, happened: Happened) -> Option<Seen> {
        match happened {
            Happened::Started(start) => {
                self.start = Some(start);
                self.queue = Queue::default();
                self.unproven.clear();
                self.proven_at = Instant::now() + PROVEN;
                self.is_known_behind = false;
                Some(Seen::Started)
            }
            Happened::Said(line) => {
                self.proven_at = Instant::now();
                Some(Seen::Said(line))
            }
            Happened::Ended { written } => {
                self.unproven.extend(self.queue.written(written));
                if Instant::now() < self.proven_at {
                    self.unproven.clear();
                }
                self.start = None;
                self.queue = Queue::default();
                None
            }
        }
    }

    fn note_what_is_written(&mut self) {
        let progress = *self.progress.borrow_and_update();
        if Some(progress.start) == self.start {
            self.unproven.extend(self.queue.written(progress.written));
        }
    }

    /// Whether the agent leaves too much unread to be heard: each thing that it says may have an answer.
    fn is_behind(&mut self) -> bool {
        let progress = *self.progress.borrow();
        // What one that has ended was to be told is moot, and its last words are not.
        let is_behind = self.queue.is_too_long() && Some(progress.start) == self.start && !progress.has_ended;
        if is_behind && !self.is_known_behind {
            self.is_known_behind = true;
            warn!("the agent does not read its input: until it does, what it says is not heard");
        }
        is_behind
    }
}

/// Room for a line to a start of the agent; never any without one, and nothing when nobody takes lines any more.
async fn room(lines: Option<(&mpsc::Sender<ToAgent>, u64)>) -> Option<(mpsc::Permit<'_, ToAgent>, u64)> {
    match lines {
        Some((lines, start)) => Some((lines.reserve().await.ok()?, start)),
        None => std::future::pending().await,
    }
}
