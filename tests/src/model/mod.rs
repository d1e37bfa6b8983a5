//! The exhaustive model: the real gateway and the real session in small worlds in which everything that can happen
//! does, in every order.
//!
//! A state is the two machines as they are, the packets between them, what the application and the connector hold
//! durably, and what has been seen of them so far. States count as one when they differ in the hour alone, so a
//! world ends although its clock does not. Every rule is a property by its name, told from what can be seen from
//! outside: the wire, the application, the connector's store, and what the machines say of themselves.

mod act;
mod deeds;
mod diagram;
mod explore;
mod faults;
mod gateway_out;
mod judge;
mod judge_step;
mod numbers;
mod reach;
mod rebased;
mod rules;
mod seen;
mod session_out;
mod shared;
mod state;
mod statuses;
mod step;
mod table;
mod way_back;
mod wire;
mod world;
mod worlds;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use relay_proto::Instant;
use relay_proto::connector::{self, Session};
use relay_proto::gateway::{self, Gateway, Identity, InboundLimits};
use stateright::{Model, Property};

pub use act::Act;
pub use explore::{Finding, Row, explore, serve};
pub use rules::Rule;
pub use state::State;
pub use statuses::diagrams;
pub use table::{plain_table, rule_table, world_table};
pub use way_back::{Next, Ways};
pub use world::{Counts, Entries, Peer, World};
pub use worlds::{deep, drawn, quick};

use crate::lines;
use rules::Stakes;
use shared::Shared;
use statuses::Edge;

/// Both machines in a world.
#[derive(Clone, Debug)]
pub struct LinkModel {
    world: World,
    gateway: gateway::Config,
    session: connector::Config,
    /// The lines of the entries, which are the same in every state.
    lines: Vec<Bytes>,
    ways: Arc<Ways>,
    stakes: Arc<Stakes>,
    /// Whether something was found already: the checker would take any later finding for the better one.
    found: Arc<AtomicBool>,
    /// States from which there is no way back, in order, when the shortest trace to one is wanted.
    wanted: Arc<Vec<u64>>,
    /// What leads from status to status, when it is wanted.
    edges: Option<Arc<Mutex<BTreeSet<Edge>>>>,
}

impl LinkModel {
    /// The model of this world.
    #[must_use]
    pub fn new(world: World) -> Self {
        let (gateway, session) = (gateway_config(&world), session_config(&world));
        let lines = (0..world.at_most.messages).map(|number| line(&world, number.into())).collect();
        let (ways, stakes, found, wanted) = Default::default();
        Self { world, gateway, session, lines, ways, stakes, found, wanted, edges: None }
    }

    fn line(&self, number: u64) -> Bytes {
        let place = usize::try_from(number).ok();
        place.and_then(|place| self.lines.get(place)).cloned().unwrap_or_default()
    }

    fn token_lifetime(&self) -> Duration {
        self.gateway.token_lifetime.unwrap_or(Duration::MAX)
    }

    fn new_gateway(&self, life: u64, now: Instant) -> Gateway {
        Gateway::new(self.gateway.clone(), life, now)
    }

    fn beginning(&self) -> State {
        let now = rebased::BEGINNING;
        let state = State {
            now,
            gateway: Some(Shared::new(self.new_gateway(0, now))),
            session: Shared::new(Session::new(self.session.clone())),
            wires: Vec::new(),
            dialing: None,
            stalled: None,
            session_stalled: None,
            app: state::App::default(),
            desk: state::Desk::default(),
            left: self.world.at_most,
            seen: seen::Seen::default(),
            broken: Vec::new(),
            way: None,
            fresh: false,
            sealed_at: None,
            fingerprint: 0,
        };
        let mut step = step::Step::new(self, state, Act::Restart);
        step.drain_gateway();
        step.state.seal();
        step.state
    }

    fn after(&self, state: &State, act: Act) -> Option<State> {
        let mut step = step::Step::new(self, state.clone(), act);
        if !step.take() {
            return None;
        }
        if let Some(edges) = &self.edges {
            edges.lock().expect("no thread panics with it").extend(statuses::edges(state, &step));
        }
        Some(step.state)
    }

    /// The same model, with nothing found yet.
    fn anew(&self, wanted: Vec<u64>) -> Self {
        Self { found: Arc::default(), wanted: Arc::new(wanted), ..self.clone() }
    }

    /// Only the first finding counts: with one thread it has the shortest trace.
    fn judge(&self, rule: Rule, state: &State) -> bool {
        let holds = match rule {
            Rule::W4 => Some(self.is_on_the_way(state)),
            rule => judge::holds(rule, self, state),
        };
        if holds.is_some() {
            self.stakes.touch(rule);
        }
        holds != Some(false) || self.found.swap(true, Ordering::Relaxed)
    }

    /// W4 is always true while the states are entered; what they come to is seen when all are there.
    fn is_on_the_way(&self, state: &State) -> bool {
        if !self.wanted.is_empty() {
            return self.wanted.binary_search(&state.fingerprint).is_err();
        }
        if state.has_arrived(&self.world) {
            self.ways.enter(state.fingerprint, Next::Arrived);
        } else if state.way.is_none() {
            self.ways.enter(state.fingerprint, Next::Stuck);
        }
        true
    }
}

fn gateway_config(world: &World) -> gateway::Config {
    let bots = [Identity::new("discord", "bot"), Identity::new("slack", "bot")];
    let defaults = gateway::Config::default();
    let tight = InboundLimits { soft_count: 1, hard_count: 2, ..defaults.inbound };
    // One wait instead of a ladder, and no pings, where they are not what the world is for: each of them makes it
    // many times as large.
    let (one, second) = (Duration::from_millis(1), Duration::from_secs(1));
    gateway::Config {
        identities: bots[..world.identities].to_vec(),
        reconnect: world.reconnect,
        ping_interval: if world.pings { defaults.ping_interval } else { NEVER },
        backoff_base: if world.ladder { second } else { one },
        backoff_cap: if world.ladder { 4 * second } else { one },
        dormant_redial: world.cadence.then_some(30 * second),
        inbound: if world.tight { tight } else { defaults.inbound },
        ..defaults
    }
}

fn session_config(world: &World) -> connector::Config {
    let defaults = connector::Config::default();
    connector::Config {
        window: world.window,
        wakeable: world.wakeable,
        give_outs: if world.give_outs == 0 { u32::MAX } else { world.give_outs.into() },
        ping_interval: if world.pings { defaults.ping_interval } else { NEVER },
        ..defaults
    }
}

/// A world with pings has a clock that never rests.
const NEVER: Duration = Duration::from_millis(1 << 50);

/// The line of an entry.
fn line(world: &World, entry: u64) -> Bytes {
    let (name, content) = (entry.to_string(), world.content(entry).to_string());
    let mut buffer_id = format!("0-{name}");
    if world.entries == Entries::Unnamed {
        buffer_id.clear();
    }
    if world.is_passthrough(entry) {
        return lines::passthrough(&buffer_id, &lines::forward(&name)).into();
    }
    let mut message = lines::message(&content);
    if world.entries == Entries::Edits && entry == 1 {
        message["message_id"] = "0".into();
    }
    lines::inbound(&buffer_id, &message).into()
}

impl Model for LinkModel {
    type State = State;
    type Action = Act;

    fn init_states(&self) -> Vec<State> {
        vec![self.beginning()]
    }

    fn actions(&self, state: &State, acts: &mut Vec<Act>) {
        if state.broken.is_empty() {
            state.healthy_acts(acts);
            state.other_acts(acts);
        }
    }

    fn next_state(&self, state: &State, act: Act) -> Option<State> {
        let next = self.after(state, act);
        if state.way == Some(act) && self.wanted.is_empty() && !state.has_arrived(&self.world) {
            let next = next.as_ref().map_or(Next::Stuck, |next| Next::To(next.fingerprint));
            self.ways.enter(state.fingerprint, next);
        }
        next
    }

    fn properties(&self) -> Vec<Property<Self>> {
        rules::properties()
    }
}
