//! The agent's process: started, minded until it is over, and started again.

use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{info, warn};

use super::{Happened, Progress, Relay, Wanted, pipes};

/// The first wait before an agent is started again, and the longest; it doubles while the agent does not last.
const RESTART: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// How long an agent must last for the waits to begin anew.
const LASTED: Duration = Duration::from_secs(10);

/// How long an agent may take to end once it is to, or has closed its input itself.
pub(super) const ENDING: Duration = Duration::from_secs(5);

/// How long the output of an agent that has ended is still read, while something that it started holds it open.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(1);

/// How many times as long it is read while there is still something in it.
const MOST_LAST_WORDS: u32 = 30;

/// The relay's own secrets. An agent's children would show them to whoever looks.
const SECRETS: [&str; 4] = [
    "GATEWAY_RELAY_SECRET",
    "GATEWAY_RELAY_DELIVERY_KEY",
    "GATEWAY_RELAY_ENROLL_TOKEN",
    "GATEWAY_RELAY_IDP_CLIENT_SECRET",
];

/// Keeps an agent running for as long as one is wanted.
pub(super) async fn supervise(command: String, mut relay: Relay) {
    let mut wait = RESTART.0;
    for start in 0.. {
        let began = Instant::now();
        match spawn(&command) {
            Err(error) => warn!("cannot start the agent: {error}; trying again in {wait:?}"),
            Ok(child) => {
                info!(pid = child.id(), "agent started");
                let ended = mind(child, start, &mut relay).await;
                if *relay.wanted.borrow() != Wanted::Always {
                    return;
                }
                if began.elapsed() >= LASTED {
                    wait = RESTART.0;
                }
                match ended {
                    Ok(status) => warn!("the agent ended: {status}; starting it again in {wait:?}"),
                    Err(error) => warn!("the agent is lost: {error}; starting it again in {wait:?}"),
                }
            }
        }
        tokio::select! {
            biased;
            () = at_most(&mut relay.wanted, Wanted::NoOther) => return,
            () = sleep(wait) => {}
        }
        wait = (wait * 2).min(RESTART.1);
    }
}

fn spawn(command: &str) -> std::io::Result<Child> {
    let mut shell = Command::new("sh");
    for secret in SECRETS {
        shell.env_remove(secret);
    }
    shell.arg("-c").arg(command).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    // In a group of its own, a Ctrl-C at the terminal reaches the relay alone, which then ends the agent in order.
    shell.process_group(0).spawn()
}

/// Feeds and reads one start of the agent until its process is over: how it ended.
async fn mind(mut child: Child, start: u64, relay: &mut Relay) -> std::io::Result<ExitStatus> {
    let mut group = Group::of(&child);
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(std::io::Error::other("it has no pipes"));
    };
    let Relay { lines, wanted, happened, progress } = relay;
    progress.send_replace(Progress { start, written: 0, has_ended: false });
    // If nobody hears this, nobody wants the agent either, and it is ended below.
    _ = happened.send(Happened::Started(start)).await;
    let heard = AtomicU64::new(0);
    let feeding = pipes::write(input, start, lines, progress);
    let reading = pipes::read(output, happened, &heard);
    tokio::pin!(feeding, reading);
    let (mut is_fed, mut is_read, mut is_to_end) = (false, false, false);
    let mut kill_at = None;
    let ended = loop {
        tokio::select! {
            ended = child.wait() => break ended,
            // An agent without its input is at its end. One without its output may still do what it is told.
            () = &mut feeding, if !is_fed => {
                is_fed = true;
                kill_at.get_or_insert(Instant::now() + ENDING);
            }
            () = &mut reading, if !is_read => is_read = true,
            () = at_most(wanted, Wanted::Ended), if !is_to_end => {
                is_to_end = true;
                kill_at.get_or_insert(Instant::now() + ENDING);
            }
            () = until(kill_at) => {
                kill_at = None;
                let why = if is_to_end { "does not end" } else { "has closed its input and does not end" };
                warn!("the agent {why}, and is killed");
                group.kill();
                _ = child.start_kill();
            }
        }
    };
    progress.send_modify(|progress| progress.has_ended = true);
    if !is_read {
        hear_out(reading, happened, &heard, &mut group).await;
    }
    group.kill();
    let written = progress.borrow().written;
    _ = happened.send(Happened::Ended { written }).await;
    ended
}

/// Reads what an agent that has ended said before. Whoever is left of it may hold its output open for ever.
async fn hear_out(
    mut reading: std::pin::Pin<&mut impl Future<Output = ()>>,
    happened: &mpsc::Sender<Happened>,
    heard: &AtomicU64,
    group: &mut Group,
) {
    for _ in 0..MOST_LAST_WORDS {
        let before = heard.load(Ordering::Relaxed);
        if timeout(LAST_WORDS, &mut reading).await.is_ok() {
            return;
        }
        // From here on its output ends, unless somebody has left the group and talks on.
        if !group.kill() && heard.load(Ordering::Relaxed) == before && happened.capacity() > 0 {
            return;
        }
    }
}

/// Waits until no more than this is wanted.
async fn at_most(wanted: &mut watch::Receiver<Wanted>, level: Wanted) {
    // An error means that nobody is left to want anything.
    _ = wanted.wait_for(|wanted| *wanted >= level).await;
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// The agent and all that it has started. Dropped, they are killed.
struct Group(Option<Pid>);

impl Group {
    fn of(leader: &Child) -> Self {
        Self(leader.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)))
    }

    /// Once, for the number may be another's after that. False when it was done before.
    fn kill(&mut self) -> bool {
        let Some(leader) = self.0.take() else { return false };
        // Mostly nobody is left.
        _ = kill_process_group(leader, Signal::KILL);
        true
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
