//! What an idle link costs in memory, on either runtime: 1,000 of them in one process, beside as many bare WebSockets.
//!
//! Both ends of each link are in the process: a gateway and its session, or a client and its server. Each case is a
//! process of its own, which reads its resident memory once everything is linked and quiet. The bare WebSockets have the
//! settings of the link's. Ends with status 1 when a link costs more than [`MOST`] above them.

#[path = "idle/on_asyncstd.rs"]
mod on_asyncstd;
#[path = "idle/on_tokio.rs"]
mod on_tokio;
#[path = "idle/parts.rs"]
mod parts;

use std::process::{Command, ExitCode};

/// How many links.
const LINKS: usize = 1_000;

/// What a link may cost above a bare WebSocket, in KiB.
const MOST: f64 = 24.0;

fn main() -> ExitCode {
    // Cargo passes options of its own harness.
    match std::env::args().skip(1).find(|argument| !argument.starts_with('-')).as_deref() {
        None => compare(),
        Some(case) => {
            let grown = match case {
                "bare-tokio" => on_tokio::bare(LINKS),
                "relay-tokio" => on_tokio::relay(LINKS),
                "bare-async-std" => on_asyncstd::bare(LINKS),
                "relay-async-std" => on_asyncstd::relay(LINKS),
                other => panic!("there is no case {other}"),
            };
            println!("{grown}");
            ExitCode::SUCCESS
        }
    }
}

fn compare() -> ExitCode {
    println!("{:<12} {:>12} {:>12} {:>12}", "KiB a link", "bare", "relay", "above");
    let mut most = 0.0_f64;
    for runtime in ["tokio", "async-std"] {
        let [bare, relay] = ["bare", "relay"].map(|what| case(&format!("{what}-{runtime}")));
        println!("{runtime:<12} {bare:>12.1} {relay:>12.1} {:>12.1}", relay - bare);
        most = most.max(relay - bare);
    }
    if most > MOST {
        eprintln!("a link costs {most:.1} KiB above a bare WebSocket: more than {MOST}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// By how much a process of this case grew for each link, in KiB.
fn case(name: &str) -> f64 {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program).arg(name).output().expect("a process of its own");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    let grown: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a figure");
    grown / LINKS as f64
}
