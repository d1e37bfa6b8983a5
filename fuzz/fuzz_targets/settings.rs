#![no_main]
//! The settings of `relay run`: its command line, its configuration file and its durations.
//!
//! The binary's own modules are compiled in, because a binary has no library to call. That is also why the body is
//! with the binary and not with the others.
#![allow(dead_code, reason = "what the binary alone uses")]

#[path = "../../relay-tokio/src/bin/relay/cli.rs"]
mod cli;
#[path = "../../relay-tokio/src/bin/relay/duration.rs"]
mod duration;
#[path = "../../relay-tokio/src/bin/relay/exit.rs"]
mod exit;
#[path = "../../relay-tokio/src/bin/relay/settings/fuzz.rs"]
mod fuzz;
#[path = "../../relay-tokio/src/bin/relay/output.rs"]
mod output;
#[path = "../../relay-tokio/src/bin/relay/secret_file.rs"]
mod secret_file;
#[path = "../../relay-tokio/src/bin/relay/settings/mod.rs"]
mod settings;
#[path = "../../relay-tokio/src/bin/relay/text_file.rs"]
mod text_file;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::resolves(data));
