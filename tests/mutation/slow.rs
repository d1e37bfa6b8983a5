//! The tests of the machines that take seconds, as one program: for what the fast ones miss.

#[path = "../tests/json.rs"]
mod json;
#[path = "../tests/pair.rs"]
mod pair;
#[path = "../tests/reference.rs"]
mod reference;
#[path = "../tests/whole_state.rs"]
mod whole_state;
