//! Drives the machines of [`relay_proto`] over any runtime's WebSockets.
//!
//! There is one hand-written poll loop for a gateway and one for a connector's session. They know no sockets and no
//! executor: what they need of those is the small [`Runtime`] trait. An application that runs on tokio or
//! async-std takes the crate for its runtime instead; this one is for those who bring another.
#![forbid(unsafe_code)]

pub mod connector;
pub mod gateway;
pub mod lanes;
mod panics;
mod port;
pub mod race;
mod rounds;
mod runtime;
#[cfg(test)]
mod scripted;
mod signal;
mod socket;
pub mod system;
#[cfg(feature = "tls")]
pub mod tls;
pub mod upgrade;
mod wire;

pub use relay_proto as proto;
pub use runtime::{BoxFuture, Clock, DialRequest, Runtime};
pub use socket::{Discard, Socket, WebSocket, discard};
pub use wire::websocket_config;
