//! The diagrams of the machines' statuses, made from what the explored worlds have in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use relay_proto::connector::{self, Timer as SessionTimer};
use relay_proto::gateway::{Status, Timer};
use stateright::{Checker, Model};

use super::LinkModel;
use super::act::Act;
use super::state::State;
use super::step::Step;
use super::wire::{Packet, kind};
use super::world::World;

/// From a status to another, and what leads there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    machine: Machine,
    from: &'static str,
    to: &'static str,
    cause: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Machine {
    Gateway,
    Session,
}

/// Both diagrams as a page of Markdown, from these worlds.
#[must_use]
pub fn diagrams(worlds: Vec<World>) -> String {
    let edges = Arc::new(Mutex::new(BTreeSet::new()));
    for world in worlds {
        let model = LinkModel { edges: Some(edges.clone()), ..LinkModel::new(world) };
        model.checker().threads(2).spawn_bfs().join();
    }
    let edges = edges.lock().expect("no thread panics with it");
    let mut text = String::from(HEAD);
    for (machine, title) in [(Machine::Gateway, "The gateway"), (Machine::Session, "The connector's session")]
    {
        _ = writeln!(text, "\n## {title}\n\n```mermaid\n{}```", mermaid(machine, &edges));
    }
    text
}

const HEAD: &str = "# What the machines do\n
The statuses of both machines, and what leads from one to another, as the exhaustive model has seen it happen
(see [verification.md](verification.md)). This page is generated; to make it anew:\n
    cargo run --release -p relay-tests -- diagrams\n
*Lost* is any end of a link or a dial that says nothing of the credential; *revoked* is 4401 `unauthorized`, *too old*
the same for a token that had passed its lifetime. Names in `code` are calls of the application's or the operator's.
The death of a process is left out: whatever it was at, it begins anew.
";

fn mermaid(machine: Machine, edges: &BTreeSet<Edge>) -> String {
    let mut merged: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for edge in edges.iter().filter(|edge| edge.machine == machine) {
        merged.entry((edge.from, edge.to)).or_default().push(edge.cause);
    }
    let first = match machine {
        Machine::Gateway => "Dialing",
        Machine::Session => "Offline",
    };
    let mut text = format!("stateDiagram-v2\n    [*] --> {first}\n");
    for ((from, to), causes) in merged {
        _ = writeln!(text, "    {from} --> {to}: {}", causes.join(", "));
    }
    text
}

/// What the step has led to, for both machines.
pub(super) fn edges(before: &State, step: &Step<'_>) -> impl Iterator<Item = Edge> {
    let ends =
        matches!(step.act, Act::CrashGateway | Act::CrashConnector | Act::Reopen | Act::SuspendGateway);
    let gateway = (before.status().map(gateway_name), step.state.status().map(gateway_name));
    let session = (session_name(before.session.status()), session_name(step.state.session.status()));
    let gateway = match gateway {
        (Some(from), Some(to)) if from != to && !ends => {
            Some(Edge { machine: Machine::Gateway, from, to, cause: step.saw.cause })
        }
        _ => None,
    };
    let cause = session_cause(before, step.act);
    let session = (session.0 != session.1 && (!ends || step.act == Act::Reopen)).then_some(Edge {
        machine: Machine::Session,
        from: session.0,
        to: session.1,
        cause,
    });
    gateway.into_iter().chain(session)
}

fn gateway_name(status: Status) -> &'static str {
    match status {
        Status::Dialing => "Dialing",
        Status::Greeting => "Greeting",
        Status::Linked => "Linked",
        Status::GoingIdle => "GoingIdle",
        Status::Reconnecting { .. } => "Reconnecting",
        Status::Dormant => "Dormant",
        Status::Stopped => "Stopped",
        Status::Disabled => "Disabled",
        Status::ShuttingDown => "ShuttingDown",
        Status::ShutDown => "ShutDown",
    }
}

fn session_name(status: connector::Status) -> &'static str {
    match status {
        connector::Status::Offline => "Offline",
        connector::Status::Greeting => "Greeting",
        connector::Status::Live => "Live",
        connector::Status::Flipped => "Flipped",
        connector::Status::Revoked => "Revoked",
        connector::Status::ShutDown => "ShutDown",
    }
}

impl Step<'_> {
    /// What is about to happen to the gateway, in a word or two.
    pub(super) fn cause(&self) -> &'static str {
        match self.act {
            Act::Connect => "opened",
            Act::ReachGateway(place) => {
                let wire = &self.state.wires[place];
                wire.gateway.coming.front().map_or("", |packet| self.cause_of(packet))
            }
            Act::Burst(_) => "a burst of lines",
            Act::Tick | Act::Delay => self.gateway_timer(),
            Act::Poke | Act::Wake | Act::WakeUp => "`wake`",
            Act::GoDormant => "`go_dormant`",
            Act::Hold => "`hold`",
            Act::ShutDown => "`shut_down`",
            Act::Refuse | Act::HalfDial => "lost",
            _ => "its own",
        }
    }

    fn cause_of(&self, packet: &Packet) -> &'static str {
        let held = self.state.seen.held.as_ref();
        match packet {
            Packet::Line(line) => match kind(line) {
                "descriptor" => "descriptor",
                "going_idle_ack" => "going_idle_ack",
                "outbound_result" => "last result",
                _ => "too many deliveries",
            },
            Packet::Close(close) if close.is_unauthorized() && !close.is_expired() => {
                let ended = relay_proto::close::Ended::Closed(close.clone());
                let old = held.is_some_and(|held| self.is_too_old_to_tell(held, &ended));
                match (self.state.seen.trusted, old) {
                    (false, _) => "lost",
                    (true, true) => "too old",
                    (true, false) => "revoked",
                }
            }
            Packet::Close(_) | Packet::Broken => "lost",
            Packet::Ping(_) | Packet::Pong(_) => "",
        }
    }

    fn gateway_timer(&self) -> &'static str {
        let next = self.state.gateway.as_ref().and_then(|gateway| gateway.poll_timeout());
        match next.map(|next| next.timer) {
            Some(Timer::Dial | Timer::Handshake) => "timed out",
            // A ping and a missing pong may be due at once.
            Some(Timer::Pong | Timer::Ping) => "no pong",
            Some(Timer::Redial) => "waited",
            Some(Timer::IdleAck) => "no ack",
            Some(Timer::Drain) => "drain time over",
            Some(Timer::Hold) => "hold over",
            Some(Timer::Cadence) => "cadence",
            Some(Timer::Resume) => "host resumed",
            Some(Timer::Request) => "last request timed out",
            None => "",
        }
    }
}

/// What has happened to the session, in a word or two.
fn session_cause(before: &State, act: Act) -> &'static str {
    match act {
        Act::Connect | Act::HalfDial => "opened",
        Act::ReachSession(place) => match before.wires[place].session.coming.front() {
            Some(Packet::Line(line)) if kind(line) == "hello" => "hello",
            Some(Packet::Line(line)) if kind(line) == "going_idle" => "going_idle",
            _ => "lost",
        },
        Act::Tick | Act::Delay => match before.session.poll_timeout().map(|next| next.timer) {
            Some(SessionTimer::Hello) => "no hello",
            Some(SessionTimer::Flip) => "stayed for 15 s",
            Some(SessionTimer::Pong | SessionTimer::Ping) => "no pong",
            Some(SessionTimer::Poke) | None => "",
        },
        Act::Revoke => "`revoke`",
        Act::ShutSession => "`shut_down`",
        Act::Reopen if before.session.status() == connector::Status::Revoked => "`reinstate`",
        Act::Reopen => "started anew",
        _ => "its own",
    }
}
