//! What must hold of every state.

use relay_proto::close::{Close, CloseCode, Ended};
use relay_proto::connector;
use relay_proto::gateway::{Gateway, Status};
use relay_proto::{DialError, Features, LinkEvent, LinkId};

use super::LinkModel;
use super::rules::Rule;
use super::state::State;

/// Whether the rule holds in this state; `None` where it has nothing to say. What a step broke stays broken.
pub(super) fn holds(rule: Rule, model: &LinkModel, state: &State) -> Option<bool> {
    if state.broken.iter().any(|broken| broken.rule == rule) {
        return Some(false);
    }
    match rule {
        Rule::L1 => Some(is_one_link(state)),
        Rule::L2 => state.gateway.as_ref().map(|gateway| is_on_its_way(gateway, model)),
        // A gateway that is the same as in the state before has been asked there.
        Rule::L4 if !state.fresh => None,
        Rule::L4 => state.gateway.as_ref().map(|gateway| ignores_old_links(gateway, state)),
        Rule::L6 => is_settled_at_the_end(state, Status::ShutDown),
        Rule::L8 => is_parked_no_longer(state),
        Rule::A4 => is_settled_at_the_end(state, Status::Disabled),
        Rule::H2 => state.gateway.as_ref().and_then(|gateway| knows_its_platforms(gateway, state)),
        Rule::D6 => state.gateway.as_ref().and_then(|gateway| reads_what_it_should(gateway, model, state)),
        Rule::O1 => {
            let gateway = state.gateway.as_ref()?;
            (state.app.requests > 0).then(|| gateway.open_requests() == state.app.asked.len())
        }
        Rule::O3 => is_all_written(state),
        Rule::W1 => (state.desk.appended > 0).then(|| is_nothing_lost(model, state)),
        Rule::W2 => (!state.app.kept.is_empty()).then(|| is_nothing_kept_twice(state)),
        Rule::C3 => {
            (state.desk.appended > 0).then(|| state.session.backlog() == state.desk.store.len() as u64)
        }
        Rule::C6 => is_nothing_held_back(state),
        Rule::C10 => {
            let held = state.wires.iter().filter(|wire| wire.session.holds).count();
            (state.wires.len() > 1).then_some(held <= 1)
        }
        _ => None,
    }
}

fn is_one_link(state: &State) -> bool {
    let held = state.wires.iter().filter(|wire| wire.gateway.holds).count();
    held + usize::from(state.dialing.is_some()) <= 1
}

/// There is a timer, or a status in which nothing is to come.
fn is_on_its_way(gateway: &Gateway, model: &LinkModel) -> bool {
    let timed = gateway.poll_timeout().is_some();
    match gateway.status() {
        Status::Disabled | Status::ShutDown => !timed,
        Status::Stopped => !model.world.reconnect,
        _ => timed,
    }
}

/// Whatever is said of a link that the gateway does not hold, it is the same gateway afterwards.
fn ignores_old_links(gateway: &Gateway, state: &State) -> bool {
    // The one before the present one, or one that never was.
    let id = LinkId(gateway.link().map_or(0, |link| link.0).wrapping_sub(1));
    let mut told = gateway.clone();
    let inbound = bytes::Bytes::from_static(b"{\"type\":\"inbound\",\"event\":{},\"bufferId\":\"old\"}\n");
    told.handle_link(LinkEvent::Opened(id, Features::default()), state.now);
    told.handle_link(LinkEvent::Received(id, inbound), state.now);
    told.handle_link(LinkEvent::DialFailed(id, DialError::Status(403)), state.now);
    let close = Close::new(CloseCode::UNAUTHORIZED, "unauthorized");
    told.handle_link(LinkEvent::Closed(id, Ended::Closed(close)), state.now);
    told == *gateway
}

fn is_settled_at_the_end(state: &State, end: Status) -> Option<bool> {
    let gateway = state.gateway.as_ref().filter(|gateway| gateway.status() == end)?;
    let said = end != Status::Disabled || state.seen.disabled;
    let settled = gateway.open_requests() == 0 && state.app.asked.is_empty();
    Some(said && settled && gateway.poll_timeout().is_none() && gateway.link().is_none())
}

/// No wait is longer than what the gateway has said or the application has asked for.
fn is_parked_no_longer(state: &State) -> Option<bool> {
    let Some(Status::Reconnecting { at, .. }) = state.status() else { return None };
    let (parked, promised) = (state.seen.parked_until?, state.seen.promised.unwrap_or_default());
    Some(at <= parked.max(promised))
}

/// The first descriptor of the link is the default, each is kept under its platform, and none without a link.
fn knows_its_platforms(gateway: &Gateway, state: &State) -> Option<bool> {
    let of = |platform: Option<&str>| gateway.descriptor(platform).map(|held| &*held.platform);
    match &state.seen.held {
        None => Some(of(None).is_none()),
        Some(held) if held.descriptors.is_empty() => Some(of(None).is_none()),
        Some(held) => {
            let default = of(None) == held.descriptors.first().map(|first| &**first);
            Some(default && held.descriptors.iter().all(|platform| of(Some(platform)) == Some(platform)))
        }
    }
}

/// Reading goes on while a request waits for its result, and pauses when the application has enough; and never has it
/// much more than that.
fn reads_what_it_should(gateway: &Gateway, model: &LinkModel, state: &State) -> Option<bool> {
    gateway.link().filter(|_| state.seen.held.as_ref().is_some_and(|held| held.opened))?;
    let limits = model.gateway.inbound;
    if state.app.asked.iter().any(|asked| asked.written) {
        return Some(gateway.wants_read());
    }
    let idle = state.app.asked.is_empty() && gateway.status() == Status::Linked;
    let behind = state.held_by_app() > limits.soft_count;
    if !model.world.tight || !idle || !behind {
        return None;
    }
    Some(!gateway.wants_read() && state.held_by_app() <= limits.hard_count)
}

/// Once the link is up, and its sink takes, nothing waits to be written.
fn is_all_written(state: &State) -> Option<bool> {
    let up = matches!(state.status(), Some(Status::Linked | Status::GoingIdle)) && state.stalled.is_none();
    (up && !state.app.asked.is_empty()).then(|| state.app.asked.iter().all(|asked| asked.written))
}

fn is_nothing_lost(model: &LinkModel, state: &State) -> bool {
    let kept = |number| state.has_kept(model.world.content(number));
    let held = |number| state.desk.store.contains(number) || state.desk.dead.contains(number);
    (0..state.desk.appended).all(|number| held(number) || kept(number))
}

fn is_nothing_kept_twice(state: &State) -> bool {
    let mut kept: Vec<_> = state.app.kept.iter().map(|(number, _)| *number).collect();
    kept.sort_unstable();
    kept.windows(2).all(|pair| pair[0] != pair[1])
}

/// With nothing unacked, what is stored has been given out.
fn is_nothing_held_back(state: &State) -> Option<bool> {
    let seen = &state.seen.session;
    let live = seen.takes_entries() && state.session_stalled.is_none();
    let live = live && state.session.status() == connector::Status::Live;
    let unacked = seen.given.iter().any(|given| state.desk.store.contains(*given));
    (live && !unacked).then(|| state.desk.store.is_empty())
}
