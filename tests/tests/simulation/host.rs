//! What `relay-tokio` stands on in the simulation: simulated connections and time, and randomness from the seed.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use relay_tokio::proto::Instant;
use relay_tokio::{BoxFuture, Clock, Host};
use tokio::runtime::Handle;
use turmoil::net::TcpStream;

use super::dice::Dice;
use super::millis;
use super::recorded::Recorded;
use super::script::Machine;
use super::world::World;

/// The wall clock when the simulation starts, in unix seconds.
const EPOCH: u64 = 1_800_000_000;

/// One process on a simulated host.
#[derive(Clone)]
pub(super) struct SimulatedHost {
    world: Arc<World>,
    pub(super) machine: Machine,
    /// Counts the processes of this host.
    pub(super) process: usize,
    seed: u64,
    draws: Arc<AtomicU64>,
}

impl SimulatedHost {
    pub(super) fn new(world: Arc<World>, machine: Machine, process: usize, seed: u64) -> Self {
        Self { world, machine, process, seed, draws: Arc::default() }
    }

    /// Writes a line of the trace.
    pub(super) fn note(&self, what: &str) {
        let (name, process) = (self.machine.name(), self.process);
        self.world.note(self.now().as_millis(), &format!("{name} {process} {what}"));
    }

    pub(super) fn world(&self) -> &Arc<World> {
        &self.world
    }
}

impl Clock for SimulatedHost {
    fn now(&self) -> Instant {
        // Whoever is dropped with its runtime is beyond simulated time: tokio's clock is the real one there.
        let inside = Handle::try_current().is_ok();
        let elapsed = inside.then(turmoil::sim_elapsed).flatten().map_or(0, millis);
        Instant::from_millis(self.world.clock(self.machine).advance(elapsed))
    }

    fn unix_time(&self) -> u64 {
        EPOCH + self.now().as_millis() / 1_000
    }
}

impl Host for SimulatedHost {
    type Stream = Recorded;

    fn connect(&self, name: &str, port: u16) -> BoxFuture<io::Result<Recorded>> {
        let (host, address) = (self.clone(), (name.to_owned(), port));
        Box::pin(async move {
            host.note("dials");
            host.world.dials(host.process, host.now().as_millis());
            Ok(Recorded::new(TcpStream::connect(address).await?, host))
        })
    }

    fn seed(&self) -> u64 {
        let draw = self.draws.fetch_add(1, Ordering::Relaxed);
        let place = (self.process as u64) << 32 | (self.machine as u64) << 16 | draw;
        Dice::new(self.seed ^ place.wrapping_mul(0xD134_2543_DE82_EF95)).below(usize::MAX) as u64
    }
}

impl fmt::Debug for SimulatedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.machine, self.process)
    }
}

/// The time of a host. It goes on over a crash, and never goes back.
#[derive(Debug, Default)]
pub(super) struct HostTime(AtomicU64);

impl HostTime {
    fn advance(&self, elapsed: u64) -> u64 {
        self.0.fetch_max(elapsed, Ordering::Relaxed).max(elapsed)
    }
}
