//! What a driver needs of a runtime.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use relay_proto::{DialError, Features, Instant};

use crate::socket::Socket;

/// A future on the heap that any thread may poll.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Where time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The machines' time: it never goes back, and counts the time that the machine spent suspended.
    fn now(&self) -> Instant;

    /// The wall clock, in unix seconds, for tokens.
    fn unix_time(&self) -> u64;
}

/// Sockets, timers and tasks.
pub trait Runtime: Clock + Clone + Unpin {
    /// What a dial gives.
    type Socket: Socket;
    /// What [`timer`](Self::timer) gives.
    type Timer: Future<Output = ()> + Send + Unpin + 'static;

    /// Completes at this time or a little later. It may also complete too early, say once in a few seconds, to see
    /// whether the machine was suspended; it is then asked for again.
    fn timer(&self, at: Instant) -> Self::Timer;

    /// Resolves, connects, secures and upgrades. Dropping the future gives the dial up.
    fn dial(&self, request: DialRequest) -> BoxFuture<Result<(Self::Socket, Features), DialError>>;

    /// A number that differs from process to process, and from call to call.
    fn seed(&self) -> u64;

    /// Runs a task to its end.
    fn spawn(&self, task: BoxFuture<()>);
}

/// One dial.
#[derive(Clone)]
pub struct DialRequest {
    /// Whether the socket is to be secured.
    pub tls: bool,
    /// The name or address to connect to.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The WebSocket URL of the upgrade.
    pub url: String,
    /// The value of the `Authorization` header, with a token minted for this dial (rule A5).
    pub authorization: Option<String>,
    /// The longest message that is to be taken, in bytes.
    pub message_limit: usize,
}

impl fmt::Debug for DialRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DialRequest").field("url", &self.url).finish_non_exhaustive()
    }
}
