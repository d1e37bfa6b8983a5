//! Worlds explored to their ends.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model};

use super::LinkModel;
use super::act::Act;
use super::diagram::diagram;
use super::judge;
use super::rules::Rule;
use super::world::World;

/// What came of one world.
#[derive(Clone, Debug)]
pub struct Row {
    /// The world's name.
    pub world: &'static str,
    /// How many states there are.
    pub unique: usize,
    /// How many steps were taken to find them.
    pub steps: usize,
    /// How many steps the farthest is from the beginning.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// The rules that were at stake.
    pub stakes: Vec<Rule>,
    /// What does not hold.
    pub finding: Option<Finding>,
}

/// Rules that do not hold.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Those that are broken by the step that breaks the first.
    pub rules: Vec<Rule>,
    /// The shortest trace to it, as a sequence diagram.
    pub diagram: String,
}

/// How often the progress is told.
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// Explores a world to its end, or to the first rule that does not hold. `progress` is told how many states there
/// are so far, now and then.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "how long it takes is for the reader of the table")]
pub fn explore(world: World, mut progress: impl FnMut(usize)) -> Row {
    let name = world.name;
    let model = LinkModel::new(world);
    let begun = Instant::now();
    let checker = model.clone().checker().threads(2).finish_when(HasDiscoveries::Any).spawn_bfs();
    let mut told = begun;
    while !checker.is_done() {
        thread::sleep(Duration::from_millis(10));
        if told.elapsed() >= TOLD_EVERY {
            told = Instant::now();
            progress(checker.unique_state_count());
        }
    }
    let (unique, steps, depth) = (checker.unique_state_count(), checker.state_count(), checker.max_depth());
    let found = !checker.discoveries().is_empty();
    drop(checker);
    let finding = if found {
        // Two threads find something sooner, and one the shortest trace to it.
        Some(shortest_to(&model.anew(Vec::new()), 0))
    } else {
        let lost = model.ways.lost();
        (!lost.is_empty()).then(|| shortest_to(&model.anew(lost), 20))
    };
    let stakes = model.stakes.all();
    Row { world: name, unique, steps, depth, took: begun.elapsed(), stakes, finding }
}

/// The shortest trace to what is to be found, with so many steps of the way on from there.
fn shortest_to(model: &LinkModel, further: usize) -> Finding {
    let checker = model.clone().checker().finish_when(HasDiscoveries::Any).spawn_bfs().join();
    let Some((found, path)) = checker.discoveries().into_iter().next() else {
        return Finding { rules: vec![Rule::W4], diagram: "no trace is found again".to_owned() };
    };
    let mut state = path.last_state().clone();
    let broken = |rule: &&Rule| rule.name() == found || judge::holds(**rule, model, &state) == Some(false);
    let rules = Rule::ALL.iter().filter(broken).copied().collect();
    let mut acts: Vec<Act> = path.into_actions();
    for _ in 0..further {
        let Some(act) = state.way else { break };
        let Some(next) = model.after(&state, act) else { break };
        acts.push(act);
        state = next;
    }
    Finding { rules, diagram: diagram(model, &acts) }
}

/// Serves the checker's explorer of this world at this address, until the process ends; `begun` is called once it is
/// known that it can be.
///
/// # Errors
/// When the address cannot be served at.
pub fn serve(world: World, address: &str, begun: impl FnOnce()) -> std::io::Result<()> {
    // The explorer itself would panic.
    drop(TcpListener::bind(address)?);
    begun();
    LinkModel::new(world).checker().threads(2).serve(address);
    Ok(())
}
