//! The conformance suite: what each runtime's gateway and connector do over real loopback sockets, rule by rule.
//!
//! A case is written once, for any [`Stack`](harness::Stack), and run for each; where a gateway and a connector meet,
//! for each pair of the two. Its peer is a WebSocket in the test's own hands, which misbehaves as the case wants.

#[macro_use]
mod harness;

mod cuts;
mod dials;
mod dormancy;
mod endings;
mod handshake;
mod inbound;
mod lines;
mod links;
mod mailbox;
mod outbound;
mod pair;
mod refusals;
mod routing;
mod sessions;
mod slow_peers;
mod upgrade;
mod wake;
