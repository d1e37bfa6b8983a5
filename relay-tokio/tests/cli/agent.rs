//! An agent of `exec:` whose lines the test reads and writes itself.

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::unix::pipe::{self, Receiver, Sender};
use tokio::process::Command;

use super::program::{Directory, within};

/// The agent's seat. What `relay run` writes to the agent is read here, and what is said here is read by `relay run`
/// as the agent's.
pub(super) struct Agent {
    heard: Lines<BufReader<Receiver>>,
    mouth: Mouth,
    command: String,
}

/// What the agent says with, which goes on while it does not listen.
pub(super) struct Mouth {
    to_relay: Sender,
    path: String,
}

impl Agent {
    /// A seat with its pipes in this directory.
    pub(super) async fn seat(directory: &Directory) -> Self {
        let (from_relay, to_relay) = (directory.at("from-relay"), directory.at("to-relay"));
        let status = Command::new("mkfifo").args([&from_relay, &to_relay]).status().await.unwrap();
        assert!(status.success());
        // Opened for both, a pipe outlives the programs at its other end.
        let mut open = pipe::OpenOptions::new();
        open.read_write(true);
        let heard = BufReader::new(open.open_receiver(&from_relay).unwrap()).lines();
        let command = format!("cat '{to_relay}' & cat > '{from_relay}'; kill $!");
        let mouth = Mouth { to_relay: open.open_sender(&to_relay).unwrap(), path: to_relay };
        Self { heard, mouth, command }
    }

    /// The command that takes the seat.
    pub(super) fn command(&self) -> &str {
        &self.command
    }

    /// The value for `--agent`.
    pub(super) fn exec(&self) -> String {
        format!("exec:{}", self.command)
    }

    /// The next line that the agent is told.
    pub(super) async fn hears(&mut self) -> Value {
        let line = within("a line for the agent", self.heard.next_line()).await.unwrap().unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    /// The next line that is no status.
    pub(super) async fn hears_of_work(&mut self) -> Value {
        loop {
            let line = self.hears().await;
            if line["type"] != "status" {
                return line;
            }
        }
    }

    /// Waits until it is told of this status: that line.
    pub(super) async fn hears_status(&mut self, status: &str) -> Value {
        loop {
            let line = self.hears().await;
            assert_eq!(line["type"], "status", "{line}");
            if line["status"] == status {
                return line;
            }
        }
    }

    pub(super) async fn says(&mut self, line: &Value) {
        self.mouth.says(line).await;
    }

    /// Says these bytes, whatever they are.
    pub(super) async fn says_bytes(&mut self, bytes: &[u8]) {
        self.mouth.says_bytes(bytes).await;
    }

    /// Another mouth of the same agent's.
    pub(super) fn mouth(&self) -> Mouth {
        let path = self.mouth.path.clone();
        Mouth { to_relay: pipe::OpenOptions::new().read_write(true).open_sender(&path).unwrap(), path }
    }
}

impl Mouth {
    pub(super) async fn says(&mut self, line: &Value) {
        self.says_bytes(format!("{line}\n").as_bytes()).await;
    }

    async fn says_bytes(&mut self, bytes: &[u8]) {
        within("room", self.to_relay.write_all(bytes)).await.unwrap();
    }
}
