//! What the agent asks for, done on the link: one thing after the other within a chat.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use relay_driver::lanes::{Lane, Lanes};
use relay_tokio::Gateway;
use relay_tokio::proto::action::{Action, ActionResult};
use relay_tokio::proto::gateway::{Options, Outcome, Rejected, Status};
use tokio::sync::Notify;
use tracing::warn;

use super::inbox::Origin;

/// How much the agent may have asked for that is not done, before it is not heard any more: in things, and in bytes that
/// it asked for them with. The last thing may go beyond.
const MOST_OPEN: (usize, usize) = (1024, 32 << 20);

/// Sends for the agent.
#[derive(Clone)]
pub(super) struct Outbox {
    gateway: Gateway,
    lanes: Arc<Mutex<Lanes<Job>>>,
    /// How many things are not done, and how many bytes they were asked for with.
    open: Arc<AtomicUsize>,
    open_bytes: Arc<AtomicUsize>,
    /// How many lanes are at work.
    working: Arc<AtomicUsize>,
    /// Told when one of these is less.
    done: Arc<Notify>,
}

/// One thing to do, and whom to tell.
struct Job {
    action: Action,
    options: Options,
    bytes: usize,
    tell: Tell,
}

/// Takes the outcome.
pub(super) type Tell = Box<dyn FnOnce(Result<Outcome, Rejected<Action>>) + Send>;

impl Outbox {
    pub(super) fn new(gateway: Gateway) -> Self {
        Self {
            gateway,
            lanes: Arc::default(),
            open: Arc::default(),
            open_bytes: Arc::default(),
            working: Arc::default(),
            done: Arc::default(),
        }
    }

    /// A message to where a delivery came from.
    pub(super) fn reply(&self, origin: Origin, content: String) {
        let bytes = content.len();
        let mut action = Action::send(origin.chat_id, content);
        if let Some(thread_id) = origin.thread_id {
            action = action.with_metadata("thread_id", thread_id);
        }
        let platform = self.is_fronted(&origin.platform).then(|| origin.platform.into());
        self.send(action, platform, bytes, Box::new(report));
    }

    /// Any action, asked for with so many bytes. While there is no link, it waits for the next one, for as long as a
    /// request may take.
    pub(super) fn send(&self, action: Action, platform: Option<Box<str>>, bytes: usize, tell: Tell) {
        // A gateway that sleeps, or is about to, has something to do again. One that has lost its link keeps to its
        // backoff.
        if let Status::Dormant | Status::GoingIdle = self.gateway.inspect(|machine| machine.status()) {
            self.gateway.wake();
        }
        self.open.fetch_add(1, Ordering::AcqRel);
        self.open_bytes.fetch_add(bytes, Ordering::AcqRel);
        let options = Options { platform, wait_for_link: true, ..Options::default() };
        let lane = action.chat_id().map(str::to_owned);
        let job = Job { action, options, bytes, tell };
        if let Some(job) = self.lanes.lock().unwrap_or_else(PoisonError::into_inner).enter(&lane, job) {
            self.working.fetch_add(1, Ordering::AcqRel);
            tokio::spawn(self.clone().work(lane, job));
        }
    }

    /// Whether more may be asked for.
    pub(super) fn has_room(&self) -> bool {
        self.open.load(Ordering::Acquire) < MOST_OPEN.0
            && self.open_bytes.load(Ordering::Acquire) < MOST_OPEN.1
    }

    /// Whether everything that was asked for is done.
    pub(super) fn is_idle(&self) -> bool {
        self.working.load(Ordering::Acquire) == 0
    }

    /// Waits for that.
    pub(super) async fn idle(&self) {
        while !self.is_idle() {
            self.done.notified().await;
        }
    }

    /// Waits until something more is done. One at a time may wait.
    pub(super) async fn progress(&self) {
        self.done.notified().await;
    }

    async fn work(self, lane: Lane, first: Job) {
        let mut next = Some(first);
        while let Some(Job { action, options, bytes, tell }) = next {
            tell(self.gateway.send_with(action, &options).await);
            self.open.fetch_sub(1, Ordering::AcqRel);
            self.open_bytes.fetch_sub(bytes, Ordering::AcqRel);
            self.done.notify_one();
            next = self.lanes.lock().unwrap_or_else(PoisonError::into_inner).next(&lane);
        }
        self.working.fetch_sub(1, Ordering::AcqRel);
        self.done.notify_one();
    }

    fn is_fronted(&self, platform: &str) -> bool {
        self.gateway.inspect(|machine| {
            machine.config().identities.iter().any(|identity| &*identity.platform == platform)
        })
    }
}

/// Nobody waits for the outcome of a reply: one that did not go out is for the log.
fn report(outcome: Result<Outcome, Rejected<Action>>) {
    match outcome {
        Ok(Outcome::Answered(result)) => {
            let result = String::from_utf8_lossy(&result);
            let result = ActionResult::parse(&result);
            if !result.success {
                warn!(
                    "a reply was not sent: {}",
                    result.error.as_deref().unwrap_or("the connector gave no reason")
                );
            }
        }
        Ok(Outcome::Failed(failure)) => warn!("a reply was not sent: {failure}"),
        Ok(Outcome::Ambiguous(ambiguity)) => warn!("a reply may not have been sent: {ambiguity}"),
        Err(rejected) => warn!("a reply was not sent: {rejected}"),
    }
}
