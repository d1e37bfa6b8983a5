//! Running the program: once, for what it says, or for as long as a test lasts.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

/// How long anything may take. Only a failure takes this long.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for something.
///
/// # Panics
/// When it takes too long.
pub(super) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited {PATIENCE:?} in vain for {what}"),
    }
}

/// Waits for something that nobody tells of: looks again and again.
///
/// # Panics
/// When it takes too long.
pub(super) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let looking = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(what, looking).await;
}

/// The program with these arguments, and without the settings that this environment happens to have.
pub(super) fn relay(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_relay"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if ["GATEWAY_RELAY_", "RELAY_", "SSL_CERT_"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(&*name);
        }
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    command
}

/// What a run came to.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

/// Runs the program to its end.
pub(super) async fn said(mut command: Command) -> Said {
    let child = command.spawn().unwrap();
    let output = within("the end of the program", child.wait_with_output()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

impl Said {
    /// It refused to run: with this code, one line for a person that has all this in it, and nothing else.
    pub(super) fn is_refused(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.out, "", "{self:?}");
        let line = self.err.strip_suffix('\n').unwrap_or_else(|| panic!("{self:?} ends no line"));
        assert!(line.starts_with("relay: ") && !line.contains('\n'), "one line, not {line:?}");
        for part in parts {
            assert!(line.contains(part), "{part:?} is not in {line:?}");
        }
    }
}

/// A running program. It is killed when this is dropped.
pub(super) struct Running {
    child: Child,
    err: Lines<BufReader<ChildStderr>>,
    log: Vec<String>,
}

impl Running {
    pub(super) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let err = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, err, log: Vec::new() }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Waits for the next line on standard error that has this in it.
    pub(super) async fn logs(&mut self, part: &str) -> String {
        let reading = async {
            while let Some(line) = self.err.next_line().await.unwrap() {
                self.log.push(line.clone());
                if line.contains(part) {
                    return Some(line);
                }
            }
            None
        };
        let found = within(&format!("{part:?} in the log"), reading).await;
        found.unwrap_or_else(|| panic!("{part:?} is not in the log: {:#?}", self.log))
    }

    pub(super) fn take_output(&mut self) -> Lines<BufReader<ChildStdout>> {
        BufReader::new(self.child.stdout.take().unwrap()).lines()
    }

    /// Sends a signal such as `TERM`.
    pub(super) async fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.id());
        // The shell has a `kill` of its own wherever there is a shell.
        let status = Command::new("sh").arg("-c").arg(kill).status().await.unwrap();
        assert!(status.success());
    }

    /// Waits for its end: how it ended, and its whole log.
    pub(super) async fn ends(mut self) -> (ExitStatus, Vec<String>) {
        let ending = async {
            while let Some(line) = self.err.next_line().await.unwrap() {
                self.log.push(line);
            }
            self.child.wait().await.unwrap()
        };
        let status = within("the end of the program", ending).await;
        (status, self.log)
    }
}

/// An empty directory, which goes with this value.
pub(super) struct Directory(PathBuf);

impl Directory {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("relay-cli-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The path of something in it, whether or not it is there.
    pub(super) fn at(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// A file in it: its path.
    pub(super) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.at(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}
