//! A link over loopback on async-std, beside the same on tokio.
//!
//! Both do the work of `relay-tokio`'s benchmark against its stand-in. Each round runs one after the other; what counts
//! is the median of the rounds' ratios. tokio's runtime is on the calling thread, so async-std gets one thread as well:
//! between more of them, both would be busy waking each other.

#[path = "../../relay-tokio/benches/frame.rs"]
mod frame;
#[path = "../../relay-tokio/benches/link/gateway.rs"]
mod gateway;
#[path = "../../relay-tokio/benches/link/median.rs"]
mod median;
#[path = "../../relay-tokio/benches/link/stand_in.rs"]
mod stand_in;

use std::net::SocketAddr;
use std::process::{Command, ExitCode};
use std::sync::mpsc;

use async_std::task;
use median::median;
use relay_asyncstd::Gateway;
use stand_in::{Client, Work};
use tokio::sync::oneshot;

const ROUNDS: usize = 9;

/// How many threads async-std runs its tasks on. It looks at the environment once, when it starts.
const THREADS: &str = "ASYNC_STD_THREAD_COUNT";

fn main() -> ExitCode {
    if std::env::var_os(THREADS).is_none() {
        let program = std::env::current_exe().expect("this program");
        let status = Command::new(program).args(std::env::args_os().skip(1)).env(THREADS, "1").status();
        return if status.expect("this program again").success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    // Cargo passes options of its own harness.
    let only: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    println!("{:<30} {:>11} {:>11} {:>9}", "frames a second", "tokio", "async-std", "÷ tokio");
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
    ExitCode::SUCCESS
}

/// The rates of one round.
struct Round {
    tokio: f64,
    asyncstd: f64,
}

fn compare(name: &str, work: Work) {
    let mut rounds = Vec::new();
    // The first round warms up both.
    for number in 0..=ROUNDS {
        let rate = |client: Client| stand_in::rate(work, number, client);
        let round = Round { tokio: rate(gateway::run), asyncstd: rate(run) };
        rounds.extend((number > 0).then_some(round));
    }
    let median = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure).collect());
    println!(
        "{name:<30} {:>11.0} {:>11.0} {:>9.2}",
        median(|round| round.tokio),
        median(|round| round.asyncstd),
        median(|round| round.asyncstd / round.tokio),
    );
}

/// On async-std.
fn run(address: SocketAddr, work: Work, over: oneshot::Receiver<()>) {
    let (tell, told) = mpsc::channel();
    // The application is a task beside the driver's, as it is on tokio. This thread only waits: one that blocks on a
    // future takes part in waiting for the sockets, and then has to wake the thread that runs the tasks.
    task::spawn(async move {
        let (gateway, deliveries) = Gateway::connect(gateway::config(address));
        gateway::take_part(&gateway, deliveries, work, |sender| Box::pin(task::spawn(sender))).await;
        over.await.ok();
        tell.send(()).ok();
    });
    told.recv().expect("the work is done");
}
