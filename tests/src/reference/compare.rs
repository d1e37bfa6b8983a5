//! What must be the same in the machines and in the model.

use std::collections::{BTreeMap, VecDeque};

use relay_proto::connector::{self, Event};
use relay_proto::gateway::Status;
use serde_json::Value;

use super::connector::Standing;
use super::gateway::{Doing, Leaving, Purpose};
use super::lockstep::{Lockstep, redial_of, side, text_of, time_of};
use super::wire::{End, Packet};
use super::world::{IDENTITIES, Stage, Time, World};
use crate::lines;
use crate::pair;

/// What an application or an operator sees of the two ends.
#[derive(Debug, PartialEq, Eq)]
struct Face {
    gateway: &'static str,
    redial: Option<Time>,
    connector: Standing,
    dialing: bool,
    /// H2: whose descriptor speaks for the link.
    default: Option<String>,
}

/// What the two ends hold, by the numbers that the bodies show.
#[derive(Debug, PartialEq, Eq)]
struct Holdings {
    arrived: Vec<u64>,
    untold: Vec<u64>,
    kept: Vec<u64>,
    store: Vec<u64>,
    dead: Vec<u64>,
    backlog: usize,
    unanswered_deliveries: usize,
    performed: Vec<String>,
    interrupts: (usize, usize),
}

impl Lockstep {
    /// # Panics
    /// When the machines and the model do not look the same.
    pub(super) fn compare(&mut self, after: &str) {
        assert_eq!(
            self.real_face(),
            self.world.face(),
            "reference: status (L1 to L8, A1 to A6, I1 to I4, C5, C7, C10, C11), machines and model, after {after}"
        );
        assert_eq!(
            self.real_holdings(),
            self.world.holdings(),
            "reference: deliveries (D1 to D5, C3 to C9, C12, W1 to W3), machines and model, after {after}"
        );
        for (number, stage) in self.world.outcomes() {
            let real = self.real_stage(number);
            let same = real == stage || (real == Stage::Unwritten && stage == Stage::Written);
            assert!(same, "reference: O1 to O3: request {number} is {real:?}, not {stage:?}, after {after}");
        }
        self.compare_wires(after);
        self.compare_unseen(after);
        self.compare_deadlines(after);
    }

    fn real_face(&self) -> Face {
        let status = self.pair.gateway.status();
        let gateway = match status {
            Status::Dialing => "dialing",
            Status::Greeting => "greeting",
            Status::Linked => "linked",
            Status::GoingIdle => "going idle",
            Status::Reconnecting { .. } => "reconnecting",
            Status::Dormant => "dormant",
            Status::Stopped => "stopped",
            Status::Disabled => "disabled",
            Status::ShuttingDown => "shutting down",
            Status::ShutDown => "shut down",
        };
        let redial = redial_of(status);
        let connector = match self.pair.session.status() {
            connector::Status::Offline => Standing::Offline,
            connector::Status::Greeting => Standing::Greeting,
            connector::Status::Live => Standing::Live,
            connector::Status::Flipped => Standing::Flipped,
            connector::Status::Revoked => Standing::Revoked,
            connector::Status::ShutDown => panic!("nobody shuts the connector down"),
        };
        let default = self.pair.gateway.descriptor(None).map(|descriptor| descriptor.platform.to_string());
        Face { gateway, redial, connector, dialing: self.pair.network.dialing.is_some(), default }
    }

    fn real_holdings(&self) -> Holdings {
        let (inbox, platform) = (&self.pair.inbox, &self.pair.platform);
        Holdings {
            arrived: inbox.arrived.iter().map(pair::number_of).collect(),
            untold: inbox.untold.iter().map(pair::number_of).collect(),
            kept: inbox.numbers(),
            store: platform.store.keys().copied().collect(),
            dead: platform.dead.iter().copied().collect(),
            backlog: self.pair.session.backlog() as usize,
            unanswered_deliveries: self.pair.gateway.open_deliveries(),
            performed: platform.performed.clone(),
            interrupts: (inbox.interrupts, platform.interrupts),
        }
    }

    fn real_stage(&self, number: u64) -> Stage {
        let inbox = &self.pair.inbox;
        let text = &text_of(number);
        let told = [
            (inbox.asked.values().any(|asked| asked == text), Stage::Unwritten),
            (inbox.answered.contains(text), Stage::Answered),
            (inbox.failed.contains(text), Stage::Failed),
            (inbox.ambiguous.contains(text), Stage::Ambiguous),
        ];
        let mut told = told.into_iter().filter(|(is, _)| *is).map(|(_, stage)| stage);
        match (told.next(), told.next()) {
            (Some(stage), None) => stage,
            (None, _) if self.world.asked[number as usize].stage == Stage::Refused => Stage::Refused,
            (None, _) => Stage::Forgotten,
            (Some(first), Some(second)) => panic!("O1: {text} is {first:?} and {second:?}"),
        }
    }

    fn compare_wires(&mut self, after: &str) {
        let count = (self.pair.network.wires.len(), self.world.wires.len());
        assert_eq!(count.0, count.1, "reference: links, in the world and in the model, after {after}");
        for place in 0..count.0 {
            for end in [End::Gateway, End::Connector] {
                let wire = &self.pair.network.wires[place];
                let held = wire.is_held_by(side(end));
                let real: VecDeque<Packet> = wire
                    .under_way_to(side(end))
                    .iter()
                    .map(|packet| packet_of(packet, &mut self.names))
                    .collect();
                let model = &mut self.world.wires[place];
                let full = model.closed_while_full;
                let (model_held, queue) = match end {
                    End::Gateway => (model.at_gateway, &mut model.down),
                    End::Connector => (model.at_connector, &mut model.up),
                };
                assert_eq!(held, model_held, "reference: L1, C10: sockets of {end:?}, after {after}");
                assert!(
                    !held || alike(&real, queue) || (full && is_part_of(&real, queue)),
                    "reference: on the way to {end:?} is {real:?}, not {queue:?}, after {after}"
                );
                // The order between frames of different kinds is the machines' choice.
                *queue = real;
            }
            self.world.wires[place].closed_while_full = false;
        }
    }

    fn compare_unseen(&self, after: &str) {
        let mut real: Vec<String> = self.pair.unseen().iter().filter_map(event_name).collect();
        let mut model: Vec<String> = self.world.connector.unseen.iter().map(|said| said.name()).collect();
        real.sort();
        model.sort();
        assert_eq!(real, model, "reference: C3, C8, C9: what the connector is told, after {after}");
    }

    /// L2, K1, O1: a machine must not sleep past what the model waits for.
    fn compare_deadlines(&self, after: &str) {
        let gateway = self.pair.gateway.poll_timeout().map(|deadline| time_of(deadline.at));
        let session = self.pair.session.poll_timeout().map(|deadline| time_of(deadline.at));
        for (end, real, model) in [
            (End::Gateway, gateway, self.world.gateway_deadline()),
            (End::Connector, session, self.world.connector_deadline()),
        ] {
            let now = self.world.now;
            let in_time = model.is_none_or(|model| real.is_some_and(|real| real <= model.max(now)));
            assert!(in_time, "reference: {end:?} sleeps until {real:?}, past {model:?}, after {after}");
        }
    }
}

impl World {
    fn face(&self) -> Face {
        let (gateway, redial) = match &self.gateway.doing {
            Doing::Dialing { .. } => ("dialing", None),
            Doing::Waiting(at) => ("reconnecting", Some(*at)),
            Doing::Dormant(_) => ("dormant", None),
            Doing::Disabled => ("disabled", None),
            Doing::ShutDown => ("shut down", None),
            Doing::Open(open) => match open.leaving {
                Leaving::No if open.linked.is_none() => ("greeting", None),
                Leaving::No => ("linked", None),
                Leaving::Asked(Purpose::Dormancy, _) | Leaving::Draining(Purpose::Dormancy, _) => {
                    ("going idle", None)
                }
                Leaving::Asked(..) | Leaving::Draining(..) => ("shutting down", None),
            },
        };
        let linked = self.gateway.open().and_then(|open| open.linked);
        let default = linked.map(|_| IDENTITIES[0].0.to_owned());
        let connector = self.connector.standing();
        Face { gateway, redial, connector, dialing: self.dialing.is_some(), default }
    }

    fn holdings(&self) -> Holdings {
        let (inbox, platform) = (&self.inbox, &self.platform);
        let shows = |entry: &u64| platform.posts[*entry as usize].shows;
        Holdings {
            arrived: inbox.arrived.iter().map(shows).collect(),
            untold: inbox.untold.iter().map(shows).collect(),
            kept: inbox.kept.iter().map(shows).collect(),
            store: platform.store.iter().copied().collect(),
            dead: platform.dead.iter().copied().collect(),
            backlog: self.connector.entries.len(),
            unanswered_deliveries: self.gateway.held.len(),
            performed: platform.performed.iter().map(|number| text_of(*number)).collect(),
            interrupts: (inbox.interrupts, platform.interrupts),
        }
    }

    pub(super) fn is_dormant(&self) -> bool {
        matches!(self.gateway.doing, Doing::Dormant(_))
    }

    /// Whether nothing is left to do.
    pub(super) fn is_settled(&self) -> bool {
        let open = |stage: Stage| matches!(stage, Stage::Unwritten | Stage::Written);
        let quiet = self.asked.iter().all(|asked| !open(asked.stage));
        let over = matches!(self.gateway.doing, Doing::Disabled | Doing::ShutDown);
        let drained =
            self.gateway.is_linked() && self.connector.is_live() && self.connector.entries.is_empty();
        quiet && (over || drained)
    }

    /// W1, for a gateway that is still in use. A forwarded request that the application sent back, and that was then
    /// passed over (C9), is the exception.
    ///
    /// # Panics
    /// When something is lost.
    pub(super) fn nothing_is_lost(&self) {
        if !self.gateway.is_linked() {
            return;
        }
        assert!(self.platform.store.is_empty(), "reference: W1, C16: {:?} is not done", self.platform.store);
        for (number, post) in (0..).zip(&self.platform.posts) {
            let kept = |kept: &u64| *kept == number || self.platform.posts[*kept as usize].is_same_as(post);
            let is_there = self.inbox.kept.iter().any(kept) || self.platform.dead.contains(&number);
            let is_there = is_there || self.platform.passed_over.contains(&number);
            assert!(is_there, "reference: W1: entry {number} is lost");
        }
    }
}

fn flat(queue: &VecDeque<Packet>) -> Vec<Packet> {
    queue.iter().flat_map(Packet::parts).cloned().collect()
}

/// Whether the same is under way, and in the same order where order means something.
fn alike(real: &VecDeque<Packet>, model: &VecDeque<Packet>) -> bool {
    // Whether a ping still goes out ahead of a close that is due at the same time is the machines' choice.
    let closing = matches!(real.back(), Some(Packet::Close(..)));
    let counts = |packet: &Packet| !(closing && matches!(packet, Packet::Ping(_)));
    let mut real = flat(real);
    let mut model = flat(model);
    real.retain(counts);
    model.retain(counts);
    let only = |queue: &[Packet], which: fn(&Packet) -> bool| -> Vec<Packet> {
        queue.iter().filter(|packet| which(packet)).cloned().collect()
    };
    let sorted = |queue: &[Packet]| {
        let mut queue = queue.to_vec();
        queue.sort();
        queue
    };
    // C4, C5; the order of asking; pings and their answers.
    let lanes: [fn(&Packet) -> bool; 6] = [
        |packet| matches!(packet, Packet::Answer(_) | Packet::GoingIdleAck),
        |packet| matches!(packet, Packet::Descriptor(_)),
        |packet| matches!(packet, Packet::Entry(_) | Packet::GoingIdleAck),
        |packet| matches!(packet, Packet::Ask(_)),
        |packet| matches!(packet, Packet::Ping(_)),
        |packet| matches!(packet, Packet::Pong(_)),
    ];
    let lane = |which: &fn(&Packet) -> bool| only(&real, *which) == only(&model, *which);
    // H1: hellos come first. A close comes last.
    let place = |queue: &[Packet], which: fn(&Packet) -> bool| queue.iter().position(which);
    let is_hello: fn(&Packet) -> bool = |packet| matches!(packet, Packet::Hello(_));
    let is_close: fn(&Packet) -> bool = |packet| matches!(packet, Packet::Close(..));
    sorted(&real) == sorted(&model)
        && lanes.iter().all(lane)
        && lane(&is_hello)
        && place(&real, is_hello) == place(&model, is_hello)
        && real.last().is_some_and(is_close) == model.last().is_some_and(is_close)
}

/// Whether it is the same but for what is left out.
fn is_part_of(real: &VecDeque<Packet>, model: &VecDeque<Packet>) -> bool {
    let mut rest = flat(model);
    let taken =
        |packet: &Packet| rest.iter().position(|other| other == packet).map(|place| rest.remove(place));
    real.back() == model.back() && flat(real).iter().map(taken).all(|packet| packet.is_some())
}

fn entry_of(frame: &Value) -> u64 {
    let number = frame["bufferId"].as_str().and_then(|id| id.strip_prefix("0-")?.parse().ok());
    number.unwrap_or_else(|| panic!("C3: {frame} has no bufferId of ours"))
}

fn packet_of(packet: &pair::Packet, names: &mut BTreeMap<String, u64>) -> Packet {
    let message = match packet {
        pair::Packet::Message(message) => message,
        pair::Packet::Ping(number) => return Packet::Ping(*number),
        pair::Packet::Pong(number) => return Packet::Pong(*number),
        pair::Packet::Close(close) => return Packet::Close(close.code.0, close.reason.to_string()),
        pair::Packet::Broken => return Packet::Broken,
    };
    let lines = message.split_inclusive(|byte| *byte == b'\n');
    let mut frames: Vec<Packet> = lines.map(|line| frame_of(&lines::read(line), names)).collect();
    if frames.len() == 1 { frames.remove(0) } else { Packet::Several(frames) }
}

fn identity_of(platform: &Value) -> usize {
    let place = IDENTITIES.iter().position(|(fronted, _)| platform == fronted);
    place.unwrap_or_else(|| panic!("H1: {platform} is not fronted"))
}

fn frame_of(frame: &Value, names: &mut BTreeMap<String, u64>) -> Packet {
    let name = || frame["requestId"].as_str().expect("a request has a name").to_owned();
    match frame["type"].as_str().expect("a frame has a type") {
        "hello" => Packet::Hello(identity_of(&frame["platform"])),
        "descriptor" => Packet::Descriptor(identity_of(&frame["descriptor"]["platform"])),
        "inbound" | "passthrough_forward" => Packet::Entry(entry_of(frame)),
        "inbound_ack" => Packet::Ack(entry_of(frame)),
        "interrupt" | "interrupt_inbound" => Packet::Stop,
        "going_idle" => Packet::GoingIdle,
        "going_idle_ack" => Packet::GoingIdleAck,
        "outbound" => {
            let text = frame["action"]["content"].as_str().expect("every action has a text");
            let number = text.strip_prefix("say ").and_then(|number| number.parse().ok());
            let number = number.expect("every text has a number");
            names.insert(name(), number);
            Packet::Ask(number)
        }
        "outbound_result" => Packet::Answer(names[&name()]),
        other => panic!("{other} is no frame"),
    }
}

fn event_name(event: &Event) -> Option<String> {
    match event {
        Event::Hello(hello) => Some(format!("hello {}", hello.platform)),
        Event::Acked(position) => Some(format!("acked {}", position.0)),
        Event::DeadLetter(position, _) => Some(format!("dead {}", position.0)),
        Event::Outbound(outbound) => {
            let action: Value = serde_json::from_slice(&outbound.action).expect("an action is JSON");
            Some(format!("ask {}", action["content"].as_str().expect("every action has a text")))
        }
        Event::Interrupt { .. } => Some("stop".to_owned()),
        Event::Poke => Some("poke".to_owned()),
        Event::Linked(_) | Event::Down(..) | Event::Flipped | Event::Unflipped | Event::Revoked => None,
    }
}
