//! `relay-tokio`'s gateway and connector in a simulated network: partitions, delays and crashes that a seed decides.
//!
//! Everything above the sockets is what runs in production. `RELAY_SIMULATION_SEEDS` says how many seeds are run, and
//! `RELAY_SIMULATION_SEED` replays a single one and prints its trace.

#[path = "simulation/mod.rs"]
mod simulation;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use simulation::{Run, run};

/// How many seeds are run unless the environment says otherwise.
const SEEDS: u64 = 300;

/// How many seeds are run twice.
const TWICE: u64 = 12;

/// A failure is told with this much of the end of its trace. A replay prints the whole.
const TOLD: usize = 400;

/// What some run must have seen when as many seeds are run: faults, states, and outcomes of requests.
const SEEN: [&str; 19] = [
    "the network: cut",
    "the network: deaf to the gateway",
    "the network: deaf to the connector",
    "the network: holds",
    "the network: slow",
    "the network: well again",
    "the gateway crashes",
    "the connector crashes",
    "the connector revokes the gateway",
    "is Linked",
    "is Disabled",
    "after Silent",
    "after DialTimeout",
    "appends m0 again",
    "Answered",
    "Rejected",
    "Failed(TimedOut)",
    "Ambiguous(LinkLost)",
    "Ambiguous(TimedOut)",
];

/// W1 to W4, C4, D1, O1, O2, A3, A4, L2, L3: whatever the network does and whoever crashes, the rules hold all the
/// time; and once the faults stop, everything is linked and drained before long.
#[test]
fn every_seed_keeps_the_rules() {
    if let Some(seed) = number("RELAY_SIMULATION_SEED") {
        let run = run(seed);
        println!("{}", run.trace.join("\n"));
        return judge(seed, &run);
    }
    let seeds = number("RELAY_SIMULATION_SEEDS").unwrap_or(SEEDS);
    let (next, seen) = (AtomicU64::new(0), Mutex::new(BTreeSet::new()));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    let run = run(seed);
                    judge(seed, &run);
                    seen.lock().unwrap().extend(parts_seen(&run.trace));
                }
            });
        }
    });
    let seen = seen.into_inner().unwrap();
    let unseen: Vec<_> = SEEN.iter().filter(|part| !seen.contains(*part)).collect();
    assert!(unseen.is_empty() || seeds < SEEDS, "no run saw any of {unseen:?}");
}

/// The same seed gives the same run, to the byte and the millisecond: otherwise no failure could be replayed.
#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..TWICE {
        let [first, second] = [run(seed), run(seed)];
        let different = first.trace.iter().zip(&second.trace).position(|(one, other)| one != other);
        let shorter = first.trace.len().min(second.trace.len());
        let at = different.unwrap_or(shorter);
        assert!(
            different.is_none() && first.trace.len() == second.trace.len(),
            "seed {seed}: two runs differ at line {at}:\n{}\n--- and\n{}",
            around(&first.trace, at),
            around(&second.trace, at)
        );
    }
}

fn judge(seed: u64, run: &Run) {
    if let Some(violation) = &run.violation {
        let told = run.trace.len().saturating_sub(TOLD);
        panic!(
            "seed {seed}: {violation}\n--- the trace, from line {told}:\n{}\n--- seed {seed}: {violation}\n\
             replay: RELAY_SIMULATION_SEED={seed} cargo test -p relay-tests --test simulation every_seed -- --nocapture",
            run.trace[told..].join("\n")
        );
    }
}

fn parts_seen(trace: &[String]) -> impl Iterator<Item = &'static str> {
    SEEN.into_iter().filter(|part| trace.iter().any(|line| line.contains(part)))
}

fn around(trace: &[String], at: usize) -> String {
    trace[at.saturating_sub(5)..trace.len().min(at + 5)].join("\n")
}

fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}
