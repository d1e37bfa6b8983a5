//! A trace as a sequence diagram in text: what happened on the left, and below it what the machines said, each in
//! its column.

use std::fmt::Write as _;

use relay_proto::Instant;
use relay_proto::gateway::{Event, Next};

use super::LinkModel;
use super::act::Act;
use super::state::State;
use super::step::Step;
use super::wire::{field, kind};

/// Who says something, or is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    World,
    App,
    Gateway,
    Wire,
    Session,
}

/// An arrow of the diagram.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) from: Place,
    pub(super) to: Place,
    pub(super) what: String,
}

/// What a line says, in as few words as will do.
pub(super) fn brief(line: &[u8]) -> String {
    let names = ["bufferId", "requestId", "content"].into_iter().filter_map(|name| field(line, name));
    names.fold(kind(line).to_owned(), |brief, name| format!("{brief} {name}"))
}

/// What a gateway says, with times as they are from now on.
pub(super) fn said(event: &Event, now: Instant) -> String {
    match event {
        Event::Down { cause, next: Next::Redial(at) } => {
            format!("down: {cause}; the next dial in {:?}", at.since(now))
        }
        Event::Down { cause, next: Next::Stay } => format!("down: {cause}; no next dial"),
        event => format!("{event:?}"),
    }
}

/// The diagram of these acts from the beginning on.
#[must_use]
pub(super) fn diagram(model: &LinkModel, acts: &[Act]) -> String {
    let mut text = format!("{:<16}|{:<34}|{}\n", "application", "  gateway", "  connector");
    let mut state: State = model.beginning();
    for (number, act) in acts.iter().enumerate() {
        let mut step = Step::new(model, state, *act);
        step.notes = Some(Vec::new());
        step.take();
        for note in step.notes.take().into_iter().flatten() {
            _ = match (note.from, note.to) {
                (Place::World, Place::World) => writeln!(text, "{:>2}. {}", number + 1, note.what),
                (Place::World, _) => writeln!(text, "    {}", note.what),
                (_, Place::App) => writeln!(text, "{:<12}<---|  {}", "", note.what),
                (Place::Gateway, _) => writeln!(text, "{:<16}|  {} --->", "", note.what),
                (Place::Session | Place::App | Place::Wire, _) => {
                    writeln!(text, "{:<16}|{:<34}|<--- {}", "", "", note.what)
                }
            };
        }
        state = step.state;
    }
    for broken in &state.broken {
        _ = writeln!(text, "=> {} is broken: {}", broken.rule.name(), broken.how);
    }
    if state.broken.is_empty() {
        _ = writeln!(text, "=> and there it stands: {}", standing(&state));
    }
    text
}

/// Where the machines stand, for a rule that is about states rather than steps.
fn standing(state: &State) -> String {
    let gateway = state.status().map_or_else(|| "dead".to_owned(), |status| format!("{status:?}"));
    let (session, kept) = (state.session.status(), state.app.kept.len());
    let (appended, stored) = (state.desk.appended, state.desk.store.len());
    format!("gateway {gateway}, session {session:?}, {appended} appended, {stored} not done, {kept} kept")
}
