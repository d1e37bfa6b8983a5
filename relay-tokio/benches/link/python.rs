//! A link over loopback, beside the published Python client on the same work.
//!
//! Both talk to the stand-in of the `link` benchmark, and so do two clients that show what is there to be had at all: the
//! batching one, which parses nothing, and the decoding one, which reads each frame's envelope and does nothing else that a
//! relay has to do. `bash tests/run.sh` installs the Python client.

mod bare;
#[path = "../envelope.rs"]
mod envelope;
#[path = "../frame.rs"]
mod frame;
mod gateway;
mod median;
mod stand_in;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use median::median;
use stand_in::Work;
use tokio::sync::oneshot;

const ROUNDS: usize = 5;
const VERSION: &str = "0.19.0";

fn main() -> ExitCode {
    if !interpreter().exists() {
        eprintln!("no Python client in {}: `bash tests/run.sh` installs it", interpreter().display());
        return ExitCode::FAILURE;
    }
    println!(
        "{:<32} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "frames a second", "python", "batching", "decoding", "relay", "batch. ÷", "decod. ÷", "relay ÷"
    );
    // The Python client gets less to do, so that both take their time.
    let inbound = |window, frames| Work::Inbound { window, frames };
    let outbound = |window, frames| Work::Outbound { window, frames };
    compare("inbound, acked, 64 in flight", inbound(64, 5_000), inbound(64, 100_000));
    compare("inbound, acked, 1,024 in flight", inbound(1_024, 5_000), inbound(1_024, 300_000));
    compare("outbound, 64 in flight", outbound(64, 5_000), outbound(64, 60_000));
    ExitCode::SUCCESS
}

/// The rates of one round.
struct Round {
    python: f64,
    batching: f64,
    decoding: f64,
    relay: f64,
}

fn compare(name: &str, python_work: Work, relay_work: Work) {
    let mut rounds = Vec::new();
    // The first round warms up both.
    for number in 0..=ROUNDS {
        let python = stand_in::rate(python_work, number, python);
        let batching = stand_in::rate(relay_work, number, bare::batching);
        let decoding = stand_in::rate(relay_work, number, bare::decoding);
        let relay = stand_in::rate(relay_work, number, gateway::run);
        rounds.extend((number > 0).then_some(Round { python, batching, decoding, relay }));
    }
    let median = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure).collect());
    println!(
        "{name:<32} {:>9.0} {:>9.0} {:>9.0} {:>9.0} {:>9.1} {:>9.1} {:>9.1}",
        median(|round| round.python),
        median(|round| round.batching),
        median(|round| round.decoding),
        median(|round| round.relay),
        median(|round| round.batching / round.python),
        median(|round| round.decoding / round.python),
        median(|round| round.relay / round.python),
    );
}

/// The published client does the work, in a process of its own.
fn python(address: SocketAddr, work: Work, over: oneshot::Receiver<()>) {
    let (kind, window, frames) = match work {
        Work::Inbound { window, frames } => ("inbound", window, frames),
        Work::Outbound { window, frames } => ("outbound", window, frames),
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/link/python.py");
    let mut client = Command::new(interpreter())
        .args(["-B", script, &format!("http://{address}"), kind, &window.to_string(), &frames.to_string()])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the Python client");
    _ = over.blocking_recv();
    // It ends with its input.
    drop(client.stdin.take());
    let status = client.wait().expect("the Python client");
    assert!(status.success(), "the Python client: {status}");
}

/// Where `tests/run.sh` installs the client.
fn interpreter() -> PathBuf {
    let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let target = scratch.parent().expect("cargo's target directory");
    target.join("interop").join(format!("hermes-{VERSION}")).join("bin/python")
}
