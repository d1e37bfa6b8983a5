//! The exhaustive model: the real gateway and the real session in small worlds in which everything that can happen
//! does, in every order.
//!
//! A state is the two machines as they are, the packets between them, what the application and the connector hold
//! durably, and what has been seen of them so far. States count as one when they differ in the hour alone, so a
//! world ends although its clock does not. Every rule is a property by its name.

mod act;
mod diagram;
mod drain;
mod judge;
mod rebased;
mod state;
mod step;
mod table;
mod way_back;
mod wire;
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use relay_proto::Instant;
use relay_proto::connector::{self, Session};
use relay_proto::gateway::{self, Gateway, Identity};
use stateright::{Model, Property};

pub use act::Act;
pub use state::State;
pub use table::{Row, Verdict, explore, table};
pub use world::{Counts, World};

use crate::lines;
use way_back::{Next, Ways};

/// The rules that are checked in every world, W4 apart, which is about all states of a world together.
pub const RULES: [&str; 28] = [
    "L1", "L2", "L4", "L6", "L7", "L10", "A1", "A2", "A3", "A4", "A6", "D1", "D2", "D3", "O1", "O2", "O3",
    "O4", "I2", "I3", "C3", "C4", "C5", "C6", "C10", "W1", "W2", "W3",
];

/// Both machines in a world.
#[derive(Clone, Debug)]
pub struct LinkModel {
    world: World,
    gateway: gateway::Config,
    session: connector::Config,
    /// The lines of the entries, which are the same in every state.
    lines: Vec<Bytes>,
    ways: Arc<Ways>,
    /// Whether something was found already: the checker would take any later finding for the better one.
    found: Arc<AtomicBool>,
    /// States from which there is no way back, when the shortest trace to one is wanted.
    wanted: Arc<Vec<u64>>,
}

impl LinkModel {
    /// The model of this world.
    #[must_use]
    pub fn new(world: World) -> Self {
        // No pings: a world with them has a clock that never rests. They have tests of their own (rule K1).
        let never = Duration::from_millis(1 << 50);
        let second = Duration::from_secs(1);
        let bots = [Identity::new("discord", "bot"), Identity::new("slack", "bot")];
        let gateway = gateway::Config {
            identities: bots[..world.identities].to_vec(),
            ping_interval: never,
            // One wait instead of a ladder, which has tests of its own (rule L3).
            backoff_base: Duration::from_millis(1),
            backoff_cap: Duration::from_millis(1),
            resume_check: second,
            ..gateway::Config::default()
        };
        let session = connector::Config {
            window: world.window,
            wakeable: world.wakeable,
            // Dead letters have tests of their own (rule C9).
            give_outs: u32::MAX,
            ping_interval: never,
            ..connector::Config::default()
        };
        let line = |number: u8| {
            let name = number.to_string();
            Bytes::from(lines::inbound(&format!("0-{name}"), &lines::message(&name)))
        };
        let lines = (0..world.at_most.messages).map(line).collect();
        let (ways, found, wanted) = Default::default();
        Self { world, gateway, session, lines, ways, found, wanted }
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
            gateway: Some(self.new_gateway(0, now)),
            session: Session::new(self.session.clone()),
            wires: Vec::new(),
            dialing: None,
            stalled: None,
            app: state::App::default(),
            desk: state::Desk::default(),
            left: self.world.at_most,
            seen: state::Seen::default(),
            broken: None,
        };
        let mut step = step::Step { model: self, state, saw: step::Saw::default(), notes: None };
        step.drain_gateway();
        step.state
    }

    fn after(&self, state: &State, act: Act) -> Option<State> {
        let (state, saw) = (state.clone(), step::Saw::default());
        let mut step = step::Step { model: self, state, saw, notes: None };
        step.take(act).then_some(step.state)
    }

    /// The same model, with nothing found yet.
    fn anew(&self, wanted: Vec<u64>) -> Self {
        Self { found: Arc::default(), wanted: Arc::new(wanted), ..self.clone() }
    }

    /// Only the first finding counts: with one thread it has the shortest trace.
    fn stands(&self, holds: bool) -> bool {
        holds || self.found.swap(true, Ordering::Relaxed)
    }

    /// Where the way back from this state goes on.
    fn way_on(&self, state: &State) -> Next {
        if state.has_arrived() {
            return Next::Arrived;
        }
        let mut acts = Vec::new();
        state.healthy_acts(&mut acts);
        let next = acts.first().and_then(|act| self.after(state, *act));
        next.map_or(Next::Stuck, |next| Next::To(next.fingerprint()))
    }
}

/// W4 is always true while the states are entered; what they come to is seen when all are there.
fn enter_way(model: &LinkModel, state: &State) -> bool {
    if model.wanted.is_empty() {
        model.ways.enter(state.fingerprint(), model.way_on(state));
        return true;
    }
    model.stands(!model.wanted.contains(&state.fingerprint()))
}

macro_rules! property {
    ($($rule:literal)*) => {
        [$(Property::always($rule, |model: &LinkModel, state: &State| {
            model.stands(judge::holds($rule, state))
        })),*]
    };
}

impl Model for LinkModel {
    type State = State;
    type Action = Act;

    fn init_states(&self) -> Vec<State> {
        vec![self.beginning()]
    }

    fn actions(&self, state: &State, acts: &mut Vec<Act>) {
        if state.broken.is_none() {
            state.healthy_acts(acts);
            state.other_acts(acts);
        }
    }

    fn next_state(&self, state: &State, act: Act) -> Option<State> {
        self.after(state, act)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = property![
            "L1" "L2" "L4" "L6" "L7" "L10" "A1" "A2" "A3" "A4" "A6" "D1" "D2" "D3" "O1" "O2" "O3" "O4" "I2" "I3"
            "C3" "C4" "C5" "C6" "C10" "W1" "W2" "W3"
        ]
        .to_vec();
        properties.push(Property::always("W4", enter_way));
        properties
    }
}
