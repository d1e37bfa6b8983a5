//! When a gateway that nobody needs goes to sleep (rule I5).

use std::pin::Pin;
use std::time::Duration;

use relay_driver::Clock;
use relay_tokio::proto::Instant;
use relay_tokio::proto::gateway::{Sleep, SleepConditions, WhyAwake};
use relay_tokio::{BoxFuture, DormancyError, Gateway, TokioRuntime};
use tracing::info;

use super::outbox::Outbox;
use crate::cli::OnIdle;
use crate::settings::Idle;

/// Watches for the time to sleep.
pub(super) struct Idleness {
    gateway: Gateway,
    outbox: Outbox,
    /// Nothing when the gateway is never to sleep.
    idle: Option<Idle>,
    last_activity: Instant,
    /// While the connector is asked: everything else goes on (rule I1).
    falling_asleep: Option<BoxFuture<Result<(), DormancyError>>>,
    /// Whether something has happened since.
    is_disturbed: bool,
}

/// What has come of trying to sleep.
pub(super) enum Slept {
    /// The gateway is dormant, and waits to be woken.
    Dormant,
    /// The gateway is dormant, and the program is to end.
    Exit,
    /// It stays awake.
    Awake,
}

impl Idleness {
    pub(super) fn new(gateway: Gateway, outbox: Outbox, idle: Option<Idle>) -> Self {
        let last_activity = TokioRuntime::default().now();
        Self { gateway, outbox, idle, last_activity, falling_asleep: None, is_disturbed: false }
    }

    /// Something happened.
    pub(super) fn touch(&mut self) {
        self.is_disturbed = true;
        self.last_activity = TokioRuntime::default().now();
    }

    /// Falls asleep when it is time to. It is asked for anew after everything that happens; dropping the future loses
    /// nothing.
    pub(super) async fn next(&mut self) -> Slept {
        let Some(idle) = self.idle else { return std::future::pending().await };
        while self.falling_asleep.is_none() {
            match self.judge(idle) {
                Sleep::Now => {
                    info!("idle for {:?}: going to sleep", idle.after);
                    let gateway = self.gateway.clone();
                    self.is_disturbed = false;
                    self.falling_asleep = Some(Box::pin(async move { gateway.go_dormant().await }));
                }
                Sleep::NotBefore(at) => sleep_until(at).await,
                Sleep::Awake(_) => return std::future::pending().await,
            }
        }
        let slept = match self.falling_asleep.as_mut().map(Pin::as_mut) {
            Some(falling_asleep) => falling_asleep.await,
            None => Ok(()),
        };
        self.falling_asleep = None;
        let is_disturbed = self.is_disturbed;
        // Whatever came of it, it was tried now.
        self.touch();
        match slept {
            Ok(()) if is_disturbed => {
                info!("something came on the way to sleep: waking up again");
                self.gateway.wake();
                Slept::Awake
            }
            Ok(()) if idle.action == OnIdle::Exit => Slept::Exit,
            Ok(()) => Slept::Dormant,
            Err(error) => {
                info!("{error}");
                Slept::Awake
            }
        }
    }

    fn judge(&self, idle: Idle) -> Sleep {
        // Between two things in a lane the machine knows of none.
        if !self.outbox.is_idle() {
            return Sleep::Awake(WhyAwake::Busy);
        }
        // This process has no other platforms. Of what its agent does, it sees what comes through here, and the deliveries
        // that are not acked: with `--ack agent`, those that the agent works on.
        let last_activity = Some(self.last_activity);
        let conditions = SleepConditions { wake_url: true, others_live: Some(false), last_activity };
        let now = TokioRuntime::default().now();
        self.gateway.inspect(|machine| machine.may_sleep(idle.after, conditions, now))
    }
}

async fn sleep_until(at: Instant) {
    let wait = at.as_millis().saturating_sub(TokioRuntime::default().now().as_millis());
    tokio::time::sleep(Duration::from_millis(wait)).await;
}
