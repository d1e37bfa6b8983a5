//! A network namespace: a host of its own as far as the network is concerned. It goes with its value.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Where `ip netns exec` finds the files that a namespace has in place of those in `/etc`.
const FILES: &str = "/etc/netns";

/// A namespace that `ip netns` knows.
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    pub(super) fn new(role: &str) -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("relay-{}-{number}-{role}", std::process::id());
        succeeds(Command::new("ip").args(["netns", "add", &name]))?;
        Ok(Self { name })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ip` in it.
    pub(super) fn ip(&self, arguments: &[&str]) -> Result<(), String> {
        succeeds(Command::new("ip").args(["-n", &self.name]).args(arguments)).map(drop)
    }

    /// Runs a program in it: what that says.
    pub(super) fn run(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
        succeeds(Command::new("ip").args(["netns", "exec", &self.name, program]).args(arguments))
    }

    /// Moves the calling thread into it.
    pub(super) fn enter(&self) {
        let namespace = File::open(Path::new("/run/netns").join(&self.name)).unwrap();
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
    }

    /// Gives the programs that will be started in it these names and addresses, in place of those in `/etc/hosts`.
    pub(crate) fn hosts_file(&self, names: &str) -> Result<HostsFile, String> {
        let made = !Path::new(FILES).exists();
        let file = HostsFile { directory: Path::new(FILES).join(&self.name), made };
        let written =
            fs::create_dir_all(&file.directory).and_then(|()| fs::write(file.directory.join("hosts"), names));
        written.map_err(|error| format!("{}: {error}", file.directory.display()))?;
        let seen = self.run("cat", &["/etc/hosts"])?;
        if seen == names {
            Ok(file)
        } else {
            Err("the names of the namespace are not in its /etc/hosts".into())
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The cable goes with either of its ends, also while a program that was killed still holds the namespace.
        _ = self.ip(&["link", "delete", super::END]);
        if let Err(why) = succeeds(Command::new("ip").args(["netns", "delete", &self.name])) {
            eprintln!("the namespace {} stays: {why}", self.name);
        }
    }
}

/// The file with a namespace's names. It goes with this value.
pub(crate) struct HostsFile {
    directory: PathBuf,
    /// Whether the directory of all namespaces' files was made, too.
    made: bool,
}

impl Drop for HostsFile {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.directory);
        if self.made {
            // Unless another namespace has files by now.
            _ = fs::remove_dir(FILES);
        }
    }
}

/// Runs a command to its end: what it says, or what it complains of.
fn succeeds(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
    Err(format!("{} {}: {}", command.get_program().display(), arguments.join(" "), complaint.trim()))
}
