//! What came of the worlds, as tables that a person likes to read.

use std::fmt::Write as _;
use std::time::Duration;

use super::explore::Row;
use super::rules::Rule;

/// Both tables, for a terminal.
#[must_use]
pub fn plain_table(rows: &[Row]) -> String {
    let mut text = String::new();
    let width = rows.iter().map(|row| row.world.len()).max().unwrap_or_default() + 2;
    _ = writeln!(
        text,
        "{:<width$}{:>12}{:>13}{:>7}{:>9}  rules",
        "world", "states", "steps", "depth", "seconds"
    );
    for row in rows {
        let Row { world, unique, steps, depth, took, .. } = row;
        let (seconds, verdict) = (took.as_secs_f64(), verdict(row));
        _ = writeln!(
            text,
            "{world:<width$}{:>12}{:>13}{depth:>7}{seconds:>9.1}  {verdict}",
            grouped(*unique),
            grouped(*steps)
        );
    }
    let (unique, steps, took) = sums(rows);
    let seconds = took.as_secs_f64();
    _ = writeln!(
        text,
        "{:<width$}{:>12}{:>13}{:>7}{seconds:>9.1}",
        "in all",
        grouped(unique),
        grouped(steps),
        ""
    );
    for rule in Rule::ALL {
        let Held { worlds, states, broken, .. } = held(*rule, rows);
        let word = if broken { "is BROKEN; it held in" } else { "holds in" };
        _ = writeln!(text, "{:<4} {word} {worlds:>2} worlds, {:>10} states", rule.name(), grouped(states));
    }
    text
}

/// The worlds, in Markdown.
#[must_use]
pub fn world_table(rows: &[Row]) -> String {
    let mut text = "| world | states | steps | depth | seconds | rules at stake |\n".to_owned();
    text += "|---|---:|---:|---:|---:|---:|\n";
    for row in rows {
        let Row { world, unique, steps, depth, took, stakes, .. } = row;
        let (unique, steps) = (grouped(*unique), grouped(*steps));
        let (seconds, stakes) = (took.as_secs_f64(), stakes.len());
        _ = writeln!(text, "| {world} | {unique} | {steps} | {depth} | {seconds:.1} | {stakes} |");
    }
    let (unique, steps, took) = sums(rows);
    let (unique, steps, seconds) = (grouped(unique), grouped(steps), took.as_secs_f64());
    _ = writeln!(text, "| **in all** | **{unique}** | **{steps}** | | **{seconds:.1}** | |");
    text
}

/// The rules, in Markdown: where each was at stake, and in how many states it held.
#[must_use]
pub fn rule_table(rows: &[Row]) -> String {
    let mut text = "| rule | | worlds | states | the worlds, where they are few |\n".to_owned();
    text += "|---|---|---:|---:|---|\n";
    for rule in Rule::ALL {
        let Held { worlds, states, broken, names } = held(*rule, rows);
        let verdict = match (broken, worlds) {
            (true, _) => "**broken**",
            (false, 0) => "never at stake",
            (false, _) => "holds",
        };
        let names = if worlds <= 4 { names.join(", ") } else { String::new() };
        _ = writeln!(text, "| {} | {verdict} | {worlds} | {} | {names} |", rule.name(), grouped(states));
    }
    text
}

/// In what a rule has held.
struct Held<'a> {
    worlds: usize,
    states: usize,
    broken: bool,
    names: Vec<&'a str>,
}

fn held(rule: Rule, rows: &[Row]) -> Held<'_> {
    let is_broken = |row: &&Row| row.finding.as_ref().is_some_and(|finding| finding.rules.contains(&rule));
    let broken = rows.iter().any(|row| is_broken(&row));
    let at_stake = rows.iter().filter(|row| row.stakes.contains(&rule) && !is_broken(row));
    let names: Vec<_> = at_stake.clone().map(|row| row.world).collect();
    Held { worlds: names.len(), states: at_stake.map(|row| row.unique).sum(), broken, names }
}

fn verdict(row: &Row) -> String {
    let Some(finding) = &row.finding else { return "all hold".to_owned() };
    let names: Vec<_> = finding.rules.iter().map(|rule| rule.name()).collect();
    format!("BROKEN: {}", names.join(" "))
}

fn sums(rows: &[Row]) -> (usize, usize, Duration) {
    let unique = rows.iter().map(|row| row.unique).sum();
    let steps = rows.iter().map(|row| row.steps).sum();
    (unique, steps, rows.iter().map(|row| row.took).sum())
}

/// A number with its thousands apart.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
