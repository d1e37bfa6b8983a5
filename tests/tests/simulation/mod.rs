//! One simulated run: a gateway's host and a connector's, the network between them, and a script of faults.
//!
//! A crash takes all that a process had in memory, the connector's mailboxes included. What is durable is in the
//! [`World`]: what the gateway's application has stored, and what the platform has posted and nobody has acked, which
//! it posts again to a connector that starts anew, with the same message ids.
//!
//! What is watched, at every step:
//! - No message is handed out before the one before it (W1, W3), and to a gateway process each at most once and in
//!   order (W2, W3), also when a connector that started anew has it posted again (D2). To the next process what was
//!   stored may come again, until it is acked: the application knows it by its store.
//! - No ack leaves the gateway for what is not stored (D1), and nothing that is acked leaves the connector (C4).
//! - A request resolves once and in time (O1), and is done once at most. Whether it failed definitely or ambiguously
//!   is compared with what the gateway wrote to its connection and with what the platform did (O2).
//! - Dials come when the ladder of waits says, neither later (L2) nor sooner (L3). A refusal once latched stays so:
//!   no dial, no other status, requests fail at once (A3, A4).
//! - After the last fault, everything is linked and drained before long (W4, W1).

mod connector;
mod deliveries;
#[allow(dead_code, reason = "the interop tests take more of it")]
#[path = "../interop/dice.rs"]
mod dice;
mod frames;
mod gateway;
mod host;
mod recorded;
mod redials;
mod requests;
mod script;
mod world;

use std::sync::Arc;
use std::time::Duration;

use script::{Deed, Machine, Network, Script};
use turmoil::{Builder, Sim};
use world::World;

/// How far a host runs before the other has its turn. Smaller is finer and slower.
const TICK: Duration = Duration::from_millis(10);

/// How long the way back to linked and drained may take once the faults are over (W4), in milliseconds: a dead link
/// is noticed within a ping and a pong, the wait before the dial is at the cap, and one attempt may still fail, because
/// the peer has yet to notice; then all is sent.
const SETTLED_WITHIN: u64 = 30_000;

/// For how long a revoked gateway is watched once the faults are over, in milliseconds.
const REVOKED_FOR: u64 = 20_000;

/// What a run came to.
pub(crate) struct Run {
    /// Everything that happened, a line each.
    pub(crate) trace: Vec<String>,
    /// Which rule was broken, and how.
    pub(crate) violation: Option<String>,
}

/// Runs the simulation that this seed stands for.
pub(crate) fn run(seed: u64) -> Run {
    let script = Arc::new(Script::new(seed));
    let world = Arc::new(World::new(&script));
    let mut sim = simulation(seed, &script, &world);
    let mut deeds = script.deeds.iter().peekable();
    let violation = loop {
        let now = millis(sim.elapsed());
        while let Some((_, deed)) = deeds.next_if(|(at, _)| *at <= now) {
            world.note(now, &deed.to_string());
            act(&mut sim, &world, &script, *deed);
        }
        if let Err(error) = sim.step() {
            break Some(format!("a host's software ended: {error}"));
        }
        world.look(now);
        if let Some(violation) = world.violation() {
            break Some(violation);
        }
        if deeds.peek().is_none()
            && let Some(verdict) = verdict(&world, now, now.saturating_sub(script.end))
        {
            break verdict.err();
        }
    };
    // The hosts' last words, as they are dropped, belong to no run.
    let trace = world.take_trace();
    Run { trace, violation }
}

/// The simulated network with its two hosts.
fn simulation<'a>(seed: u64, script: &Arc<Script>, world: &Arc<World>) -> Sim<'a> {
    let mut builder = Builder::new();
    builder
        .rng_seed(seed)
        .tick_duration(TICK)
        .enable_random_order()
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(script.latency)
        // What is lost in a partition is never sent again, and goes on filling the sender's buffer.
        .tcp_capacity(4_096);
    let mut sim = builder.build();
    let (world_of, script_of) = (world.clone(), script.clone());
    sim.host(Machine::Connector.name(), move || connector::software(world_of.clone(), script_of.clone()));
    let (world_of, script_of) = (world.clone(), script.clone());
    sim.host(Machine::Gateway.name(), move || gateway::software(world_of.clone(), script_of.clone()));
    sim
}

fn act(sim: &mut Sim<'_>, world: &World, script: &Script, deed: Deed) {
    let [gateway, connector] = [Machine::Gateway, Machine::Connector].map(Machine::name);
    match deed {
        Deed::Network(Network::Cut) => sim.partition(gateway, connector),
        Deed::Network(Network::DeafToGateway) => sim.partition_oneway(gateway, connector),
        Deed::Network(Network::DeafToConnector) => sim.partition_oneway(connector, gateway),
        Deed::Network(Network::Holds) => sim.hold(gateway, connector),
        Deed::Network(Network::Slow(latency)) => {
            sim.set_link_max_message_latency(gateway, connector, latency);
        }
        Deed::Network(Network::Well) => {
            sim.release(gateway, connector);
            sim.set_link_max_message_latency(gateway, connector, script.latency);
        }
        Deed::Crash(machine) => {
            world.crashes(machine);
            sim.crash(machine.name());
        }
        Deed::Start(machine) => sim.bounce(machine.name()),
        Deed::Revoke => world.revoke(),
    }
}

/// Whether the run is over, so many milliseconds after the last fault, and well.
fn verdict(world: &World, now: u64, since: u64) -> Option<Result<(), String>> {
    if world.is_revoked() {
        return (since >= REVOKED_FOR).then(|| world.judge_revoked());
    }
    match world.unsettled(now) {
        None => Some(world.judge_settled()),
        Some(_) if since < SETTLED_WITHIN => None,
        Some(what) => Some(Err(format!("W4: {SETTLED_WITHIN} ms after the last fault, {what}"))),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
