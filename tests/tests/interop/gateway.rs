//! `relay run`.

use std::ops::{Deref, DerefMut};

use super::connector::{GATEWAY, SECRET};
use super::{Directory, Program};

/// A running `relay run`, with waits that suit a test.
pub(crate) struct RelayRun {
    program: Program,
    _files: Directory,
}

impl RelayRun {
    /// Starts it as the bot `d-bot` on `discord`, with the right credentials. It logs all that it can.
    pub(crate) fn start(url: &str, agent: &str, arguments: &[&str]) -> Self {
        Self::start_as(&["discord:d-bot"], url, agent, arguments)
    }

    /// The same with other identities.
    pub(crate) fn start_as(identities: &[&str], url: &str, agent: &str, arguments: &[&str]) -> Self {
        let files = Directory::new();
        let secret = files.file("gateway.secret", SECRET);
        let mut command = Program::relay(&["run", "--url", url, "--agent", agent, "--id", GATEWAY]);
        command.args(["--secret-file", &secret]).args(arguments).env("RELAY_LOG", "trace");
        for identity in identities {
            command.args(["--identity", identity]);
        }
        if !arguments.contains(&"--backoff-base") {
            command.args(["--backoff-base", "20ms", "--backoff-cap", "100ms"]);
        }
        Self { program: Program::start("relay run", &mut command), _files: files }
    }

    /// Asks it to end.
    pub(crate) async fn terminate(&self) {
        self.signal("TERM").await;
    }

    /// Waits for its end: the exit code.
    pub(crate) async fn exit_code(&mut self) -> Option<i32> {
        self.ends().await.code()
    }
}

impl Deref for RelayRun {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.program
    }
}

impl DerefMut for RelayRun {
    fn deref_mut(&mut self) -> &mut Program {
        &mut self.program
    }
}
