//! A link over loopback, beside bare WebSocket clients that parse nothing.
//!
//! All talk to the same stand-in for a connector, which pushes frames that were made beforehand and answers with as
//! little work as can be, on a thread of its own. Each round runs the clients one after the other; what counts is the
//! median of the rounds' ratios, because machines differ and are shared.
//!
//! There are two bare clients. The plain one sends each message with `SinkExt::send`, as most programs do, which
//! flushes it. The batching one flushes only when it would otherwise wait, which is as little work as a client can do.

mod bare;
#[path = "../envelope.rs"]
mod envelope;
#[path = "../frame.rs"]
mod frame;
mod gateway;
mod median;
mod stand_in;

use median::median;
use stand_in::{Client, Work};

const ROUNDS: usize = 9;

fn main() {
    // Cargo passes options of its own harness.
    let only: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    println!(
        "{:<32} {:>11} {:>11} {:>11} {:>9} {:>9}",
        "frames a second", "plain", "batching", "relay", "÷ plain", "÷ batch."
    );
    for (name, work) in [
        ("inbound, acked, 1 in flight", Work::Inbound { window: 1, frames: 4_000 }),
        ("inbound, acked, 64 in flight", Work::Inbound { window: 64, frames: 60_000 }),
        ("inbound, acked, 1,024 in flight", Work::Inbound { window: 1_024, frames: 200_000 }),
        ("outbound, 1 in flight", Work::Outbound { window: 1, frames: 4_000 }),
        ("outbound, 64 in flight", Work::Outbound { window: 64, frames: 40_000 }),
    ] {
        if only.is_empty() || only.iter().any(|part| name.contains(part.as_str())) {
            compare(name, work);
        }
    }
}

/// The rates of one round.
struct Round {
    plain: f64,
    batching: f64,
    relay: f64,
}

fn compare(name: &str, work: Work) {
    let mut rounds = Vec::new();
    // The first round warms up all of them.
    for number in 0..=ROUNDS {
        let rate = |client: Client| stand_in::rate(work, number, client);
        let round =
            Round { plain: rate(bare::plain), batching: rate(bare::batching), relay: rate(gateway::run) };
        rounds.extend((number > 0).then_some(round));
    }
    let median = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure).collect());
    println!(
        "{name:<32} {:>11.0} {:>11.0} {:>11.0} {:>9.2} {:>9.2}",
        median(|round| round.plain),
        median(|round| round.batching),
        median(|round| round.relay),
        median(|round| round.relay / round.plain),
        median(|round| round.relay / round.batching),
    );
}
