//! Where the published Python clients are, and how a test meets each of them.

use std::path::{Path, PathBuf};
use std::thread;

/// A published version of the client. `tests/run.sh` installs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version(&'static str);

impl Version {
    pub(crate) const ALL: [Self; 2] = [Self("0.18.0"), Self::NEWEST];
    pub(crate) const NEWEST: Self = Self("0.19.0");

    /// Its Python.
    ///
    /// # Panics
    /// When it is not installed.
    pub(crate) fn python(self) -> PathBuf {
        let directory = environments().join(format!("hermes-{}", self.0));
        assert!(
            directory.join("complete").exists(),
            "hermes-agent {} is not in {}: run `bash tests/run.sh`, which sets up all that the interop tests need",
            self.0,
            directory.display()
        );
        directory.join("bin/python")
    }
}

/// Runs a test with each version, side by side. The thread that fails has the version's name.
pub(crate) fn on_each_version(test: impl AsyncFn(Version) + Sync) {
    let test = &test;
    thread::scope(|scope| {
        for version in Version::ALL {
            let run = move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(test(version));
            };
            let thread = thread::Builder::new().name(format!("with hermes-agent {}", version.0));
            thread.spawn_scoped(scope, run).unwrap();
        }
    });
}

/// A script of `tests/interop`.
pub(crate) fn script_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("interop").join(name)
}

/// `RELAY_INTEROP`, or `interop` in cargo's target directory.
fn environments() -> PathBuf {
    if let Some(directory) = std::env::var_os("RELAY_INTEROP") {
        return directory.into();
    }
    // TARGET/debug/deps/TEST, or TARGET/TRIPLE/debug/deps/TEST.
    let test = std::env::current_exe().unwrap();
    let mut targets = test.ancestors().skip(3).take(2).map(|target| target.join("interop"));
    let first = targets.next().unwrap();
    if first.exists() { first } else { targets.next().filter(|second| second.exists()).unwrap_or(first) }
}
