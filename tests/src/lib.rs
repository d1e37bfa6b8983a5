//! What the integration tests share: scripted peers for one machine, and a fake network that joins two.
//!
//! Nothing here sleeps or reads a clock: time is a number that a test moves on. Whatever a test does, the watches
//! look on, and panic with the name of the rule when a machine breaks one that holds at every step.

pub mod fuzz;
pub mod gateway_rig;
pub mod lines;
pub mod model;
pub mod pair;
pub mod reference;
pub mod script;
pub mod session_rig;
pub mod watch;
