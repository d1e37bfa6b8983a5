//! The bodies of the fuzz targets, as ordinary functions of bytes.
//!
//! A fuzzer calls them from `fuzz/`, and an ordinary test calls them with every input of the committed corpora. Any
//! bytes at all are an input: what is cut short goes on as zeros, so that a fuzzer wastes no run.

mod bodies;
mod credentials;
mod gateway;
mod input;
mod pair;
mod reading;
mod session;
mod wire;

pub use bodies::{actions, control, endpoint, events, interaction, text};
pub use credentials::credentials;
pub use gateway::gateway;
pub use pair::pair;
pub use reading::reading;
pub use session::session;
pub use wire::{frames, json, lines};

/// A target: it panics when something does not hold.
pub type Target = fn(&[u8]);

/// Every target under its name, which is also the name of its corpus.
pub const TARGETS: [(&str, Target); 14] = [
    ("actions", actions),
    ("control", control),
    ("credentials", credentials),
    ("endpoint", endpoint),
    ("events", events),
    ("frames", frames),
    ("gateway", gateway),
    ("interaction", interaction),
    ("json", json),
    ("lines", lines),
    ("pair", pair),
    ("reading", reading),
    ("session", session),
    ("text", text),
];
