//! Two hosts with a cable between them, and `relay run` on one of them.

mod bad_wire;
mod namespace;

use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use bad_wire::BadWire;
pub(crate) use bad_wire::Faults;
use namespace::Namespace;
use tokio::process::Command;

use crate::interop::{Directory, GATEWAY, Program, SECRET};

/// The connector's host.
pub(crate) const LIVE: &str = "10.213.77.1";

/// An address that the gateway's host has a route to, and where nobody is.
pub(crate) const DEAD: &str = "fd77:213::dead";

/// What both ends of the cable are called.
const END: &str = "cable";

/// Two hosts that nothing but this connects, neither to each other nor to anything else.
pub(crate) struct Cable {
    pub(crate) gateway: Namespace,
    connector: Namespace,
    /// What the cable is made of, unless it is the kernel's own.
    bad: Option<BadWire>,
}

impl Cable {
    fn lay(faults: Option<&Faults>) -> Result<Self, String> {
        let (gateway, connector) = (Namespace::new("gateway")?, Namespace::new("connector")?);
        let bad = match faults {
            Some(faults) => Some(BadWire::lay([&gateway, &connector], faults)?),
            None => {
                let other = ["peer", "name", END, "netns", connector.name()];
                gateway.ip(&[&["link", "add", END, "type", "veth"][..], &other].concat())?;
                None
            }
        };
        let cable = Self { gateway, connector, bad };
        let (gateway, connector) = (&cable.gateway, &cable.connector);
        for (host, address) in [(gateway, "10.213.77.2/24"), (connector, "10.213.77.1/24")] {
            host.ip(&["link", "set", "lo", "up"])?;
            host.ip(&["address", "add", address, "dev", END])?;
            host.ip(&["link", "set", END, "up"])?;
        }
        // What is sent to the dead address goes out to a station that does not exist.
        gateway.ip(&["-6", "address", "add", "fd77:213::2/64", "dev", END, "nodad"])?;
        let station = ["lladdr", "02:00:00:00:de:ad", "dev", END, "nud", "permanent"];
        gateway.ip(&[&["-6", "neighbour", "add", DEAD][..], &station].concat())?;
        Ok(cable)
    }

    /// Nothing goes through any more.
    pub(crate) fn cut(&self) {
        self.connector.ip(&["link", "set", END, "down"]).unwrap();
    }

    pub(crate) fn mend(&self) {
        self.connector.ip(&["link", "set", END, "up"]).unwrap();
    }

    /// The connections of the gateway's host, for a failure's sake.
    pub(crate) fn sockets(&self) -> String {
        self.gateway.run("ss", &["-tan"]).unwrap_or_else(|why| why)
    }
}

/// Runs a test on the connector's host: what it starts or listens on is there. Where no hosts can be made, it says
/// that this is not checked.
pub(crate) fn between_hosts(unchecked: &str, test: impl AsyncFnOnce(&Cable) + Send) {
    match Cable::lay(None) {
        Ok(cable) => on_the_connectors_host(&cable, unchecked, test),
        Err(why) => not_checked(unchecked, &why),
    }
}

/// The same, over a cable that does this to what goes through it, in both directions.
///
/// # Panics
/// When the cable has lost nothing at all in the end, in one of the directions: then too little was checked. Which
/// frames of a direction are lost follows from the seed alone.
pub(crate) fn over_a_bad_cable(faults: &Faults, unchecked: &str, test: impl AsyncFnOnce(&Cable) + Send) {
    let mut cable = match Cable::lay(Some(faults)) {
        Ok(cable) => cable,
        Err(why) => return not_checked(unchecked, &why),
    };
    on_the_connectors_host(&cable, unchecked, test);
    let traffic = cable.bad.take().expect("a bad cable").remove();
    assert!(traffic.lost.iter().all(|lost| *lost > 0), "the cable did no harm: {traffic:?}");
}

fn on_the_connectors_host(cable: &Cable, what: &str, test: impl AsyncFnOnce(&Cable) + Send) {
    let run = || {
        // The thread alone moves there, with all that it opens and starts from now on.
        cable.connector.enter();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(test(cable));
    };
    let name = thread::current().name().unwrap_or(what).to_owned();
    thread::scope(|scope| _ = thread::Builder::new().name(name).spawn_scoped(scope, run).unwrap());
}

/// Says what was not checked, also when the output of tests that pass is not shown.
pub(crate) fn not_checked(what: &str, why: &str) {
    _ = writeln!(std::io::stderr(), "NOT CHECKED: {what}: {}", why.trim());
}

/// `relay run` on the gateway's host, with an agent that echoes.
pub(crate) struct GatewayHost {
    pub(crate) program: Program,
    /// What it said when it began to dial.
    pub(crate) dialing: String,
    /// What it said when it was linked.
    pub(crate) linked: String,
    _files: Directory,
}

impl GatewayHost {
    /// Starts it, and waits until it is linked.
    pub(crate) async fn start(cable: &Cable, url: &str, arguments: &[&str]) -> Self {
        let files = Directory::new();
        let secret = files.file("gateway.secret", SECRET);
        let mut command = Program::relay(&["run", "--url", url, "--agent", "echo", "--id", GATEWAY]);
        command
            .args(["--secret-file", &secret, "--identity", "discord:d-bot", "--dial-timeout", "60s"])
            .args(["--backoff-base", "50ms", "--backoff-cap", "500ms"])
            .args(arguments)
            .env("RELAY_LOG", "info");
        let mut program = Program::start("relay run", &mut on(&cable.gateway, &command));
        let dialing = program.logs("dialing ").await;
        let linked = program.logs("linked").await;
        Self { program, dialing, linked, _files: files }
    }
}

/// The same command on this host.
fn on(host: &Namespace, command: &Command) -> Command {
    let command = command.as_std();
    let mut there = Command::new("ip");
    there.args(["netns", "exec", host.name()]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => there.env(name, value),
            None => there.env_remove(name),
        };
    }
    there.stdin(Stdio::null()).stdout(Stdio::null());
    there
}

/// The time of day that a line of the log begins with.
pub(crate) fn since_midnight(line: &str) -> Duration {
    let time =
        line.split_once('T').and_then(|(_, rest)| rest.split_once('Z')).expect("a line has its time").0;
    let seconds = time.split(':').fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().unwrap());
    Duration::from_secs_f64(seconds)
}
