//! What a command prints for whoever called it, on standard output.

use std::fmt;
use std::io::Write;

use crate::exit::Failure;

/// Prints a line.
///
/// # Errors
/// When nobody takes it, such as a full disk.
pub(crate) fn print_line(line: impl fmt::Display) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    written.map_err(|error| Failure::configuration(format!("cannot write to standard output: {error}")))
}
