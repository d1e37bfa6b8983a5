//! A link over loopback, beside a bare WebSocket client that parses nothing.
//!
//! Both talk to the same stand-in for a connector, which pushes frames that were made beforehand and answers with as
//! little work as can be, on a thread of its own. Each round runs the bare client and the gateway one after the
//! other; what counts is the median of the rounds' ratios, because machines differ and are shared.

mod bare;
mod gateway;
mod stand_in;

use std::time::{Duration, Instant};

use stand_in::Work;

const ROUNDS: usize = 9;

fn main() {
    // Cargo passes options of its own harness.
    let only: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    println!("{:<38} {:>12} {:>12} {:>7}", "", "bare /s", "relay /s", "ratio");
    for (name, work) in [
        ("inbound, acked, 1 in flight", Work::Inbound { window: 1, frames: 4_000 }),
        ("inbound, acked, 64 in flight", Work::Inbound { window: 64, frames: 60_000 }),
        ("outbound, 1 in flight", Work::Outbound { window: 1, frames: 4_000 }),
        ("outbound, 64 in flight", Work::Outbound { window: 64, frames: 40_000 }),
    ] {
        if only.is_empty() || only.iter().any(|part| name.contains(part.as_str())) {
            compare(name, work);
        }
    }
}

fn compare(name: &str, work: Work) {
    let mut rounds = Vec::new();
    // The first round warms up both.
    for round in 0..=ROUNDS {
        let bare = rate(work, stand_in::run(work, round, bare::run));
        let relay = rate(work, stand_in::run(work, round, gateway::run));
        rounds.extend((round > 0).then_some((bare, relay)));
    }
    let median = |figure: fn(&(f64, f64)) -> f64| {
        let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    println!(
        "{name:<38} {:>12.0} {:>12.0} {:>7.2}",
        median(|(bare, _)| *bare),
        median(|(_, relay)| *relay),
        median(|(bare, relay)| relay / bare),
    );
}

fn rate(work: Work, elapsed: Duration) -> f64 {
    let (Work::Inbound { frames, .. } | Work::Outbound { frames, .. }) = work;
    frames as f64 / elapsed.as_secs_f64()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}
