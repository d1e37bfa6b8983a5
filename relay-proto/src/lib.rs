//! The relay link's protocol, without IO.
//!
//! A **gateway** sits beside an agent and dials out; a **connector** owns the platform sockets and accepts. This
//! crate holds what the two say to each other, and the two state machines that say it: [`gateway::Gateway`] and
//! [`connector::Session`]. Frames and the passing of time go in, things to do come out; sockets, clocks,
//! randomness and threads belong to whoever drives a machine. The crate is `no_std` with `alloc`, holds no
//! `unsafe`, and gives the same outputs for the same inputs on every machine.
//!
//! The letters and numbers in the documentation (L3, D2 …) name the rules of `docs/rules.md`.
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::wildcard_enum_match_arm, clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

extern crate alloc;

pub mod action;
pub mod auth;
mod backoff;
pub mod close;
pub mod codec;
pub mod connector;
pub mod control;
pub mod endpoint;
pub mod event;
pub mod frame;
pub mod gateway;
pub mod ids;
pub mod json;
mod ledger;
pub mod link;
mod liveness;
mod requests;
pub mod routing;
pub mod text;
pub mod time;
mod timers;

pub use close::{Close, CloseCode, DialError, Ended};
pub use frame::DeliveryKind;
pub use ids::{DeliveryId, LinkId, Position, RequestId, Ticket};
pub use link::{Features, LinkEvent};
pub use time::Instant;

/// The code of `docs/driving.md`, which the tests run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/driving.md")]
struct Driving;
