//! A cable that is slow and loses what goes through it. A program carries it from end to end, so that no kernel has to
//! be able to do that.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::END;
use super::namespace::Namespace;
use crate::interop::{Version, script_path};

/// What is done to what goes through.
pub(crate) struct Faults {
    /// How long everything takes, in each direction.
    pub(crate) delay: Duration,
    /// The share that is lost.
    pub(crate) loss: f64,
    /// Of the dice that say what is lost.
    pub(crate) seed: u64,
}

/// The frames that went through and that were lost, from the first host and from the second one.
#[derive(Debug)]
#[expect(dead_code, reason = "for a failure's sake")]
pub(crate) struct Traffic {
    carried: [u64; 2],
    pub(super) lost: [u64; 2],
}

/// The program. Both ends go with it.
pub(super) struct BadWire {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl BadWire {
    pub(super) fn lay(hosts: [&Namespace; 2], faults: &Faults) -> Result<Self, String> {
        let mut command = Command::new(Version::NEWEST.python());
        command.args(["-B", "-I", "-S"]).arg(script_path("bad_wire.py")).arg(END);
        command.args(hosts.map(Namespace::name));
        command.args([faults.delay.as_secs_f64(), faults.loss].map(|number| number.to_string()));
        command.arg(faults.seed.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let said = BufReader::new(child.stdout.take().expect("an output"));
        let mut wire = Self { child, said };
        match wire.line() {
            laid if laid == "laid" => Ok(wire),
            why => Err(why),
        }
    }

    /// Takes it away.
    pub(super) fn remove(mut self) -> Traffic {
        drop(self.child.stdin.take());
        let numbers: Vec<u64> =
            self.line().split(' ').map(|number| number.parse().expect("a number of frames")).collect();
        let &[first, second, lost_first, lost_second] = &numbers[..] else {
            panic!("four numbers of frames: {numbers:?}");
        };
        Traffic { carried: [first, second], lost: [lost_first, lost_second] }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("a text");
        line.trim().to_owned()
    }
}

impl Drop for BadWire {
    fn drop(&mut self) {
        // It may have ended already.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
