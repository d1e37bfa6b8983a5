//! How the program ends.

use std::fmt;
use std::process::ExitCode;

use crate::output::complain;

/// Why the program ends with something else than 0: one line for a person, and a code for whoever started it.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

/// The command line cannot be understood (EX_USAGE).
const USAGE: u8 = 64;
/// The credential is revoked: to be started again would not help (EX_NOPERM).
const DISABLED: u8 = 77;
/// What the command line, the environment or a file asks for cannot be done (EX_CONFIG).
const CONFIGURATION: u8 = 78;

impl Failure {
    /// The command line cannot be understood.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(USAGE, message)
    }

    /// What the command line, the environment or a file asks for cannot be done.
    pub(crate) fn configuration(message: impl fmt::Display) -> Self {
        Self::new(CONFIGURATION, message)
    }

    /// The credential is revoked.
    pub(crate) fn disabled(message: impl fmt::Display) -> Self {
        Self::new(DISABLED, message)
    }

    fn new(code: u8, message: impl fmt::Display) -> Self {
        // Whatever the parts say, the whole is one line.
        let message = message.to_string();
        let words: Vec<&str> = message.split_whitespace().collect();
        Self { code, message: words.join(" ") }
    }

    /// Tells it, and gives the code.
    pub(crate) fn report(&self) -> ExitCode {
        complain(format_args!("relay: {}", self.message));
        ExitCode::from(self.code)
    }
}
