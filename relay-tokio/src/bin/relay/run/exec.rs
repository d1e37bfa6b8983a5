//! An agent that is a command: started, fed with lines, read, and started again when it ends.

use std::collections::VecDeque;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{info, warn};

/// Lines for the agent that may wait; past them, deliveries are not taken.
const QUEUE: usize = 64;

/// The longest line that an agent may write, in bytes.
const LONGEST_LINE: u64 = 1 << 20;

/// The first wait before an agent is started again, and the longest; it doubles while the agent does not last.
const RESTART: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// How long an agent must last for the waits to begin anew.
const LASTED: Duration = Duration::from_secs(10);

/// How long an agent may take to end once its input is closed.
pub(super) const ENDING: Duration = Duration::from_secs(5);

/// How long an agent must run before what was written to it counts as given to it. A command that is not there, or that
/// ends over its first line of code, takes lines all the same.
const PROVEN: Duration = Duration::from_millis(500);

/// A line for the agent.
struct ToAgent {
    /// For which start of the agent; what was meant for an earlier one is not written.
    start: u64,
    line: String,
    /// The delivery that the line is about, to be told when it is written.
    delivery: Option<String>,
}

/// What the agent does.
pub(super) enum Seen {
    /// It was started: what it was told before is forgotten.
    Started(u64),
    /// The line about this delivery is written.
    Written(String),
    /// It wrote this line.
    Said(String),
    /// It has ended by itself, and will be started again.
    Ended,
}

/// The running agent, and what waits to be written to it.
pub(super) struct Exec {
    /// Gone when the agent is to end.
    to_agent: Option<mpsc::Sender<ToAgent>>,
    waiting: VecDeque<ToAgent>,
    is_ending: bool,
    seen: mpsc::Receiver<Seen>,
    start: u64,
    /// When the agent that runs is proven to, unless it says something before.
    proven_at: Instant,
    /// The deliveries that were written to it before.
    unproven: VecDeque<String>,
}

impl Exec {
    pub(super) fn start(command: String) -> Self {
        let (to_agent, lines) = mpsc::channel(QUEUE);
        let (tell, seen) = mpsc::channel(QUEUE);
        tokio::spawn(supervise(command, lines, tell));
        Self {
            to_agent: Some(to_agent),
            waiting: VecDeque::new(),
            is_ending: false,
            seen,
            start: 0,
            proven_at: Instant::now(),
            unproven: VecDeque::new(),
        }
    }

    /// Queues a line for the agent as it runs now; with a delivery, [`Seen::Written`] follows.
    pub(super) fn tell(&mut self, line: String, delivery: Option<String>) {
        self.waiting.push_back(ToAgent { start: self.start, line, delivery });
    }

    /// From here on the agent is the one of this start; what was meant for one before it is forgotten.
    pub(super) fn started(&mut self, start: u64) {
        self.start = start;
        self.waiting.clear();
        self.unproven.clear();
        self.proven_at = Instant::now() + PROVEN;
    }

    /// Whether the agent takes what it is told.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < QUEUE
    }

    /// Writes what waits and gives what the agent does next; nothing when it has ended on purpose. Dropping the
    /// future loses nothing.
    pub(super) async fn next(&mut self) -> Option<Seen> {
        loop {
            if Instant::now() >= self.proven_at
                && let Some(delivery) = self.unproven.pop_front()
            {
                return Some(Seen::Written(delivery));
            }
            let (proven_at, is_waited_for) = (self.proven_at, !self.unproven.is_empty());
            let seen = tokio::select! {
                seen = self.write_and_read() => seen?,
                () = tokio::time::sleep_until(proven_at), if is_waited_for => continue,
            };
            match seen {
                Seen::Written(delivery) => self.unproven.push_back(delivery),
                Seen::Said(line) => {
                    self.proven_at = Instant::now();
                    return Some(Seen::Said(line));
                }
                Seen::Ended if Instant::now() < self.proven_at => self.unproven.clear(),
                Seen::Ended => {}
                started @ Seen::Started(_) => return Some(started),
            }
        }
    }

    async fn write_and_read(&mut self) -> Option<Seen> {
        loop {
            if self.is_ending && self.waiting.is_empty() {
                self.to_agent = None;
            }
            let Some(to_agent) = self.to_agent.as_ref().filter(|_| !self.waiting.is_empty()) else {
                return self.seen.recv().await;
            };
            tokio::select! {
                room = to_agent.reserve() => {
                    if let (Ok(room), Some(line)) = (room, self.waiting.pop_front()) {
                        room.send(line);
                    }
                }
                seen = self.seen.recv() => return seen,
            }
        }
    }

    /// Closes the agent's input, for it to end. It is still told what it waits for and why it ends, but given no more
    /// deliveries.
    pub(super) fn close(&mut self) {
        self.waiting.retain(|line| line.delivery.is_none());
        self.is_ending = true;
    }
}

async fn supervise(command: String, mut lines: mpsc::Receiver<ToAgent>, tell: mpsc::Sender<Seen>) {
    let mut wait = RESTART.0;
    for start in 0.. {
        let began = Instant::now();
        match spawn(&command) {
            Err(error) => warn!("cannot start the agent: {error}"),
            Ok(child) => {
                info!(pid = child.id(), "agent started");
                if tell.send(Seen::Started(start)).await.is_err() {
                    return;
                }
                let ended = serve(child, start, &mut lines, &tell).await;
                if began.elapsed() >= LASTED {
                    wait = RESTART.0;
                }
                match ended {
                    None => return,
                    Some(status) => {
                        warn!("the agent ended: {status}; starting it again in {wait:?}");
                        if tell.send(Seen::Ended).await.is_err() {
                            return;
                        }
                    }
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = tell.closed() => return,
        }
        wait = (wait * 2).min(RESTART.1);
    }
}

fn spawn(command: &str) -> std::io::Result<Child> {
    let mut shell = Command::new("sh");
    // The secret is the link's alone; children of the agent would show it to whoever looks.
    shell.env_remove("GATEWAY_RELAY_SECRET").env_remove("GATEWAY_RELAY_DELIVERY_KEY");
    shell.arg("-c").arg(command).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    // In a group of its own, a Ctrl-C at the terminal reaches the relay alone, which then ends the agent in order.
    shell.process_group(0).spawn()
}

/// Feeds and reads one start of the agent: how it ended, or nothing when it was ended on purpose.
async fn serve(
    mut child: Child,
    start: u64,
    lines: &mut mpsc::Receiver<ToAgent>,
    tell: &mpsc::Sender<Seen>,
) -> Option<ExitStatus> {
    let (input, output) = (child.stdin.take()?, child.stdout.take()?);
    let group = Group::of(&child);
    let reading = read(output, tell);
    let writing = write(input, start, lines, tell);
    tokio::pin!(reading);
    tokio::select! {
        // Reading goes on while a write waits: an agent may fill its output before it reads on.
        closed = writing => match closed {
            Closed::OnPurpose => {
                let ended = async { tokio::join!(child.wait(), &mut reading) };
                if tokio::time::timeout(ENDING, ended).await.is_err() {
                    warn!("the agent does not end, and is killed");
                    drop(group);
                    _ = child.wait().await;
                }
                return None;
            }
            Closed::ByAgent => reading.await,
        },
        () = &mut reading => {}
    }
    // Without its pipes an agent is of no use, even if it goes on.
    drop(group);
    child.wait().await.ok()
}

/// The agent and all that it has started. Dropped, they are killed.
struct Group(Option<Pid>);

impl Group {
    fn of(leader: &Child) -> Self {
        Self(leader.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // Mostly nobody is left.
            _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// Why nothing more can be written.
enum Closed {
    OnPurpose,
    ByAgent,
}

async fn write(
    mut input: ChildStdin,
    start: u64,
    lines: &mut mpsc::Receiver<ToAgent>,
    tell: &mpsc::Sender<Seen>,
) -> Closed {
    while let Some(ToAgent { start: meant, line, delivery }) = lines.recv().await {
        if meant != start {
            continue;
        }
        if input.write_all(line.as_bytes()).await.is_err() || input.flush().await.is_err() {
            return Closed::ByAgent;
        }
        if let Some(delivery) = delivery
            && tell.send(Seen::Written(delivery)).await.is_err()
        {
            return Closed::OnPurpose;
        }
    }
    Closed::OnPurpose
}

async fn read(output: ChildStdout, tell: &mpsc::Sender<Seen>) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut output).take(LONGEST_LINE).read_until(b'\n', &mut line).await;
        match read {
            Ok(0) | Err(_) => return,
            Ok(_) if line.len() as u64 == LONGEST_LINE && line.last() != Some(&b'\n') => {
                warn!("the agent wrote a line of over {LONGEST_LINE} bytes, which is not read");
                if skip_line(&mut output).await.is_err() {
                    return;
                }
            }
            Ok(_) => {
                let text = String::from_utf8_lossy(&line);
                let text = text.trim();
                if !text.is_empty() && tell.send(Seen::Said(text.to_owned())).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Reads to the end of the line without keeping it.
async fn skip_line(output: &mut BufReader<ChildStdout>) -> std::io::Result<()> {
    loop {
        let buffer = output.fill_buf().await?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let (used, over) = end.map_or((buffer.len(), false), |end| (end + 1, true));
        output.consume(used);
        if over {
            return Ok(());
        }
    }
}
