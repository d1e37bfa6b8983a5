//! tokio, as the drivers see it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use relay_driver::proto::{DialError, Features, Instant};
use relay_driver::{BoxFuture, Clock, DialRequest, Runtime};
use tokio::time::Sleep;

use crate::dial;
use crate::host::{Host, System};

/// The runtime that the drivers run on: tokio, on the operating system or on another [`Host`].
#[derive(Clone, Debug)]
pub struct TokioRuntime<H = System> {
    pub(crate) host: H,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<std::sync::Arc<rustls::ClientConfig>>,
}

impl Default for TokioRuntime {
    fn default() -> Self {
        Self::on(System)
    }
}

impl TokioRuntime {
    /// One that secures `wss://` by these settings, rather than by the platform's roots.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(settings: std::sync::Arc<rustls::ClientConfig>) -> Self {
        Self { tls: Some(settings), ..Self::default() }
    }
}

impl<H: Host> TokioRuntime<H> {
    /// One that stands on this host, such as a simulated one.
    #[must_use]
    pub fn on(host: H) -> Self {
        Self {
            host,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

/// tokio's timers stand still while the machine is suspended. So that none is late by the whole of that time, each
/// fires at least this often, for its owner to look at the clock.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

impl<H: Host> Clock for TokioRuntime<H> {
    fn now(&self) -> Instant {
        self.host.now()
    }

    fn unix_time(&self) -> u64 {
        self.host.unix_time()
    }
}

impl<H: Host> Runtime for TokioRuntime<H> {
    type Socket = dial::ClientSocket<H::Stream>;
    type Timer = Timer;

    fn timer(&self, at: Instant) -> Timer {
        let wait = at.since(self.now()).min(LONGEST_SLEEP);
        Timer(Box::pin(tokio::time::sleep(wait)))
    }

    fn dial(&self, request: DialRequest) -> BoxFuture<Result<(Self::Socket, Features), DialError>> {
        Box::pin(dial::dial(self.clone(), request))
    }

    fn seed(&self) -> u64 {
        self.host.seed()
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
