//! Arbitrary scripts: every input that a machine can get, as data, with strategies that make up lists of them.
//!
//! A script names things by number (the third delivery, the fifth request), so that every script fits every state.

mod gateway;
mod pair;
mod session;

pub use gateway::{GatewayInput, GatewayRun, gateway_inputs};
pub use pair::{Move, moves, play};
pub use session::{SessionInput, SessionRun, session_inputs};

/// The element of this number, counted round and round; none of an empty list.
fn pick<T>(list: &[T], number: usize) -> Option<&T> {
    list.get(number.checked_rem(list.len())?)
}
