//! tokio, as the drivers see it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use relay_driver::proto::{DialError, Features, Instant};
use relay_driver::{BoxFuture, Clock, DialRequest, Runtime};
use tokio::time::Sleep;

use crate::{clock, dial};

/// The runtime that the drivers run on.
#[derive(Clone, Debug, Default)]
pub struct TokioRuntime {
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<std::sync::Arc<rustls::ClientConfig>>,
}

impl TokioRuntime {
    /// One that secures `wss://` by these settings, rather than by the platform's roots.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(settings: std::sync::Arc<rustls::ClientConfig>) -> Self {
        Self { tls: Some(settings) }
    }
}

/// tokio's timers stand still while the machine is suspended. So that none is late by the whole of that time, each
/// fires at least this often, for its owner to look at the clock.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

impl Clock for TokioRuntime {
    fn now(&self) -> Instant {
        clock::now()
    }

    fn unix_time(&self) -> u64 {
        clock::unix_time()
    }
}

impl Runtime for TokioRuntime {
    type Socket = dial::ClientSocket;
    type Timer = Timer;

    fn timer(&self, at: Instant) -> Timer {
        let wait = at.since(clock::now()).min(LONGEST_SLEEP);
        Timer(Box::pin(tokio::time::sleep(wait)))
    }

    fn dial(&self, request: DialRequest) -> BoxFuture<Result<(Self::Socket, Features), DialError>> {
        Box::pin(dial::dial(self.clone(), request))
    }

    fn seed(&self) -> u64 {
        // Without randomness the waits are as those of other processes, and the request ids may be: better than
        // not to start.
        getrandom::u64().unwrap_or_else(|_| clock::unix_time() ^ u64::from(std::process::id()) << 32)
    }

    fn spawn(&self, task: BoxFuture<()>) {
        tokio::spawn(task);
    }
}

/// A timer of [`TokioRuntime`].
#[derive(Debug)]
pub struct Timer(Pin<Box<Sleep>>);

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}
