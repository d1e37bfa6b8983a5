//! The tests of the machines that take seconds, as one program: for what the fast ones miss.

#[path = "../tests/bodies.rs"]
mod bodies;
#[path = "../tests/footprint.rs"]
mod footprint;
#[path = "../tests/gateway_idle.rs"]
mod gateway_idle;
#[path = "../tests/json.rs"]
mod json;
#[path = "../tests/pair.rs"]
mod pair;
#[path = "../tests/reference.rs"]
mod reference;
#[path = "../tests/session_requests.rs"]
mod session_requests;
#[path = "../tests/whole_state.rs"]
mod whole_state;
