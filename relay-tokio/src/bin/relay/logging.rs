//! What the program says of itself, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;

use crate::cli::LogFormat;
use crate::output::complain;

/// Which messages are written: `error`, `warn`, `info`, `debug`, `trace` or `off`.
const LEVEL: &str = "RELAY_LOG";

/// By convention, whoever sets this to anything wants no colours: <https://no-color.org>.
const NO_COLOR: &str = "NO_COLOR";

/// From here on messages are written.
pub(crate) fn start(format: LogFormat) {
    let wanted = std::env::var(LEVEL).ok().filter(|level| !level.trim().is_empty());
    let level = wanted.as_deref().and_then(|level| level.trim().parse().ok());
    if let (Some(wanted), None) = (&wanted, level) {
        complain(format_args!(
            "relay: warning: {LEVEL}={wanted:?} is no level: write error, warn, info, debug, trace or off"
        ));
    }
    let lines = fmt()
        .with_max_level(level.unwrap_or(LevelFilter::INFO))
        .with_writer(std::io::stderr)
        // Who takes no messages is no reason to end, as their library's complaint about it would be: it panics.
        .log_internal_errors(false)
        .with_target(false);
    match format {
        LogFormat::Text => lines.with_ansi(in_colour()).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
}

fn in_colour() -> bool {
    let unwanted = std::env::var_os(NO_COLOR).is_some_and(|value| !value.is_empty());
    !unwanted && std::io::stderr().is_terminal()
}
