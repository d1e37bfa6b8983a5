//! async-std, as the drivers see it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_std::task;
use relay_driver::proto::{DialError, Features, Instant};
use relay_driver::{BoxFuture, Clock, DialRequest, Runtime, system};

use crate::dial;

/// The runtime that the drivers run on.
#[derive(Clone, Debug, Default)]
pub struct AsyncStdRuntime {
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<std::sync::Arc<rustls::ClientConfig>>,
}

impl AsyncStdRuntime {
    /// One that secures `wss://` by these settings, rather than by the platform's roots.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(settings: std::sync::Arc<rustls::ClientConfig>) -> Self {
        Self { tls: Some(settings) }
    }
}

/// async-std's timers stand still while the machine is suspended. So that none is late by the whole of that time,
/// each fires at least this often, for its owner to look at the clock.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

impl Clock for AsyncStdRuntime {
    fn now(&self) -> Instant {
        system::now()
    }

    fn unix_time(&self) -> u64 {
        system::unix_time()
    }
}

impl Runtime for AsyncStdRuntime {
    type Socket = dial::ClientSocket;
    type Timer = Timer;

    fn timer(&self, at: Instant) -> Timer {
        let wait = at.since(self.now()).min(LONGEST_SLEEP);
        Timer(Box::pin(task::sleep(wait)))
    }

    fn dial(&self, request: DialRequest) -> BoxFuture<Result<(Self::Socket, Features), DialError>> {
        Box::pin(dial::dial(self.clone(), request))
    }

    fn seed(&self) -> u64 {
        system::seed()
    }

    fn spawn(&self, task: BoxFuture<()>) {
        task::spawn(task);
    }
}

/// A timer of [`AsyncStdRuntime`].
pub struct Timer(BoxFuture<()>);

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Timer")
    }
}
