//! What a command says to whoever called it: answers on standard output, and complaints on standard error.

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

/// Says a line on standard error. Where nobody takes it, there is nobody to tell.
pub(crate) fn complain(line: impl fmt::Display) {
    _ = writeln!(std::io::stderr().lock(), "{line}");
}
