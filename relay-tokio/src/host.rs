//! What the runtime stands on: the operating system, or a simulation in its place.

use std::{fmt, io};

use relay_driver::proto::Instant;
use relay_driver::race::race;
use relay_driver::{BoxFuture, Clock, system};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Connections, time and randomness. [`System`] has the operating system's; a simulated network brings its own, and
/// everything above it stays what runs in production.
///
/// Its [`Clock`] has to go with tokio's timers, which wait by it.
pub trait Host: Clock + Clone + fmt::Debug + Unpin {
    /// An open connection.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// Resolves a name or an address and connects to it. Frames are flushed when they are ready: the connection
    /// should not hold them back for more.
    fn connect(&self, name: &str, port: u16) -> BoxFuture<io::Result<Self::Stream>>;

    /// A number that differs from process to process, and from call to call.
    fn seed(&self) -> u64;
}

/// The operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Clock for System {
    fn now(&self) -> Instant {
        system::now()
    }

    fn unix_time(&self) -> u64 {
        system::unix_time()
    }
}

impl Host for System {
    type Stream = TcpStream;

    fn connect(&self, name: &str, port: u16) -> BoxFuture<io::Result<TcpStream>> {
        let name = name.to_owned();
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name, port)).await?;
            let connected = race(addresses, TcpStream::connect, tokio::time::sleep).await;
            let stream = connected.map_err(|error| {
                error.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
            })?;
            stream.set_nodelay(true)?;
            Ok(stream)
        })
    }

    fn seed(&self) -> u64 {
        system::seed()
    }
}
