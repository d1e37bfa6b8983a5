//! The tests of the machines that take no time, as one program: less to build for each mutant.

#![allow(unreachable_pub, reason = "what is public in relay-tests is a part of this program")]

extern crate self as relay_tests;

#[path = "../src/gateway_rig/mod.rs"]
pub mod gateway_rig;
#[path = "../src/lines.rs"]
pub mod lines;
#[path = "../src/session_rig.rs"]
pub mod session_rig;
#[path = "../src/watch/mod.rs"]
pub mod watch;

#[path = "../tests/bodies.rs"]
mod bodies;
#[path = "../tests/frames.rs"]
mod frames;
#[path = "../tests/gateway_auth.rs"]
mod gateway_auth;
#[path = "../tests/gateway_handshake.rs"]
mod gateway_handshake;
#[path = "../tests/gateway_hold.rs"]
mod gateway_hold;
#[path = "../tests/gateway_idle.rs"]
mod gateway_idle;
#[path = "../tests/gateway_inbound.rs"]
mod gateway_inbound;
#[path = "../tests/gateway_link.rs"]
mod gateway_link;
#[path = "../tests/gateway_offers.rs"]
mod gateway_offers;
#[path = "../tests/gateway_outbound.rs"]
mod gateway_outbound;
#[path = "../tests/gateway_reading.rs"]
mod gateway_reading;
#[path = "../tests/gateway_routing.rs"]
mod gateway_routing;
#[path = "../tests/gateway_shutdown.rs"]
mod gateway_shutdown;
#[path = "../tests/gateway_sleep.rs"]
mod gateway_sleep;
#[path = "../tests/liveness.rs"]
mod liveness;
#[path = "../tests/session.rs"]
mod session;
#[path = "../tests/session_mailbox.rs"]
mod session_mailbox;
#[path = "../tests/session_requests.rs"]
mod session_requests;
#[path = "../tests/session_wake.rs"]
mod session_wake;
#[path = "../tests/vectors.rs"]
mod vectors;
#[path = "../tests/words.rs"]
mod words;
