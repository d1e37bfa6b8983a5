//! A program that runs for a test: what it says on standard error, and its end.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::within;

/// A running program. It is killed when this is dropped.
pub(crate) struct Program {
    name: String,
    child: Child,
    log: Arc<Log>,
    /// Ends with the log.
    logging: JoinHandle<()>,
    /// How many lines of the log were looked at by [`logs`](Self::logs).
    looked_at: usize,
}

#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    news: Notify,
}

impl Program {
    /// Starts a command. Its standard error becomes the log.
    pub(crate) fn start(name: &str, command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let log = Arc::new(Log::default());
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let kept = log.clone();
        let logging = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                kept.lines.lock().unwrap().push(line);
                kept.news.notify_waiters();
            }
        });
        Self { name: name.to_owned(), child, log, logging, looked_at: 0 }
    }

    /// A `relay` command without the settings that this environment happens to have.
    pub(crate) fn relay(arguments: &[&str]) -> Command {
        let mut command = Command::new(relay_binary());
        without_surroundings(&mut command);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// Waits for the next line of the log that has this in it.
    pub(crate) async fn logs(&mut self, part: &str) -> String {
        let waiting = async {
            loop {
                let mut news = std::pin::pin!(self.log.news.notified());
                news.as_mut().enable();
                if let Some(line) = self.log.find(&mut self.looked_at, part) {
                    return line;
                }
                news.await;
            }
        };
        within(&format!("{part:?} in the log of {}", self.name), waiting).await
    }

    /// Everything in the log so far.
    pub(crate) fn log(&self) -> String {
        self.log.lines.lock().unwrap().join("\n")
    }

    pub(crate) fn take_input(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    pub(crate) fn take_output(&mut self) -> ChildStdout {
        self.child.stdout.take().unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("the program runs")
    }

    /// Sends a signal such as `TERM`.
    pub(crate) async fn signal(&self, signal: &str) {
        // The shell has a `kill` of its own wherever there is a shell.
        let kill = format!("kill -{signal} {}", self.id());
        let status = Command::new("sh").arg("-c").arg(kill).status().await.unwrap();
        assert!(status.success());
    }

    /// Waits until it has ended by itself, and all that it said is in the log.
    pub(crate) async fn ends(&mut self) -> ExitStatus {
        let status = within(&format!("the end of {}", self.name), self.child.wait()).await.unwrap();
        within(&format!("the end of the log of {}", self.name), &mut self.logging).await.unwrap();
        status
    }

    /// Kills it, and waits until it is gone.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }
}

/// A command that knows nothing of the settings and the proxies that this environment happens to have.
pub(crate) fn without_surroundings(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let upper = name.to_string_lossy().to_ascii_uppercase();
        if upper.starts_with("GATEWAY_RELAY_") || upper.ends_with("_PROXY") {
            command.env_remove(name);
        }
    }
    command
}

impl Log {
    /// The first line from `from` on that has this in it; `from` moves behind it.
    fn find(&self, from: &mut usize, part: &str) -> Option<String> {
        let lines = self.lines.lock().unwrap();
        let new = &lines[*from..];
        let found = new.iter().position(|line| line.contains(part));
        *from += found.map_or(new.len(), |at| at + 1);
        found.map(|at| new[at].clone())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the log of {}:\n{}", self.name, self.log());
        }
    }
}

/// `RELAY_BINARY`, or what cargo builds.
fn relay_binary() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| std::env::var_os("RELAY_BINARY").map_or_else(build_relay, PathBuf::from)).clone()
}

/// Builds the binary with the profile and into the directory of this test.
fn build_relay() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // TARGET/PROFILE/deps/TEST.
    let [profile, target] = [2, 3].map(|up| test.ancestors().nth(up).unwrap());
    let profile_name = match profile.file_name().and_then(|name| name.to_str()).unwrap() {
        "debug" => "dev",
        name => name,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = std::process::Command::new(cargo)
        .args(["build", "--quiet", "-p", "relay-tokio", "--bin", "relay", "--profile", profile_name])
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(status.success(), "cargo cannot build the relay binary");
    profile.join("relay")
}
