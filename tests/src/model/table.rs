//! Worlds explored to their ends, and what came of it, as a table.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model};

use super::LinkModel;
use super::act::Act;
use super::diagram::diagram;
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
    /// How far the farthest is from the beginning.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// The rules that do not hold, each with the shortest trace as a diagram.
    pub broken: Vec<(&'static str, String)>,
}

/// Whether a rule held in a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// In every state.
    Holds,
    /// Not in some state.
    Broken,
}

impl Row {
    /// Whether this rule held.
    #[must_use]
    pub fn verdict(&self, rule: &str) -> Verdict {
        let broken = self.broken.iter().any(|(broken, _)| *broken == rule);
        if broken { Verdict::Broken } else { Verdict::Holds }
    }
}

/// Explores a world to its end, or to the first rule that does not hold.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "how long it takes is for the reader of the table")]
pub fn explore(world: World) -> Row {
    let name = world.name;
    let model = LinkModel::new(world);
    let begun = Instant::now();
    let checker = model.clone().checker().threads(2).finish_when(HasDiscoveries::Any).spawn_bfs().join();
    let mut broken: Vec<(&'static str, String)> = Vec::new();
    if !checker.discoveries().is_empty() {
        // Two threads find something sooner, and one the shortest trace to it.
        let model = model.anew(Vec::new());
        let checker = model.clone().checker().finish_when(HasDiscoveries::Any).spawn_bfs().join();
        let found = checker.discoveries().into_iter();
        broken.extend(found.map(|(rule, path)| (rule, diagram(&model, &path.into_actions()))));
    }
    let (unique, steps, depth) = (checker.unique_state_count(), checker.state_count(), checker.max_depth());
    if broken.is_empty() {
        let lost = model.ways.lost();
        if !lost.is_empty() {
            broken.push(("W4", shortest_to(&model, lost)));
        }
    }
    Row { world: name, unique, steps, depth, took: begun.elapsed(), broken }
}

/// The shortest trace to one of these states, with the way on from there until it turns in a circle.
fn shortest_to(model: &LinkModel, lost: Vec<u64>) -> String {
    let model = model.anew(lost);
    let checker = model.clone().checker().finish_when(HasDiscoveries::Any).spawn_bfs().join();
    let Some(path) = checker.discovery("W4") else { return "no trace is found again".to_owned() };
    let mut state = path.last_state().clone();
    let mut acts: Vec<Act> = path.into_actions();
    for _ in 0..20 {
        let mut healthy = Vec::new();
        state.healthy_acts(&mut healthy);
        let Some(next) = healthy.first().and_then(|act| model.after(&state, *act)) else { break };
        acts.push(healthy[0]);
        state = next;
    }
    diagram(&model, &acts)
}

/// The rows as a table that a person likes to read, with the rules and their worlds below.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut text =
        format!("{:<28}{:>12}{:>12}{:>7}{:>9}  rules\n", "world", "states", "steps", "depth", "seconds");
    for row in rows {
        let Row { world, unique, steps, depth, took, broken } = row;
        let seconds = took.as_secs_f64();
        let rules = match &broken[..] {
            [] => "all hold".to_owned(),
            broken => broken.iter().map(|(rule, _)| format!("{rule} BROKEN ")).collect(),
        };
        _ = writeln!(text, "{world:<28}{unique:>12}{steps:>12}{depth:>7}{seconds:>9.1}  {rules}");
    }
    let (states, took) =
        (rows.iter().map(|row| row.unique).sum::<usize>(), rows.iter().map(|row| row.took).sum());
    let seconds = Duration::as_secs_f64(&took);
    _ = writeln!(text, "{:<28}{states:>12}{:>12}{:>7}{seconds:>9.1}", "in all", "", "");
    for rule in super::RULES.iter().chain(&["W4"]) {
        let held = rows.iter().filter(|row| row.verdict(rule) == Verdict::Holds);
        let (worlds, states) = held.fold((0, 0), |(worlds, states), row| (worlds + 1, states + row.unique));
        _ = writeln!(text, "{rule:<5} holds in {worlds} of {} worlds, {states} states", rows.len());
    }
    text
}
