//! The model: everything that is true of a link, as lists and maps.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::act::{Act, Op, Patience, Step};
use super::connector::Connector;
use super::gateway::Gateway;
use super::posts::{Post, What};
use super::wire::{End, Packet, Wire};

/// Milliseconds since the zero of the virtual clock.
pub(super) type Time = u64;

/// One second.
pub const SECOND: Time = 1000;

/// The platforms that the gateway fronts, each with its bot, the default one first.
pub(super) const IDENTITIES: [(&str, &str); 2] = [("discord", "bot"), ("slack", "bot")];

/// What the real machines were seen to choose where the rules leave a choice.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// When the gateway says that it dials next. Drawn by lot (L3).
    pub redial: Option<Time>,
    /// Whether the call that was just made was taken.
    pub taken: bool,
    /// Whether a dial is under way.
    pub dialing: bool,
    /// Whether the gateway just gave its link up, or lost it.
    pub dropped_by_gateway: bool,
    /// The same of the connector.
    pub dropped_by_connector: bool,
    /// The entries that the connector has just taken for acked.
    pub acked: BTreeSet<u64>,
}

/// A link with all that stands behind its two ends.
#[derive(Clone)]
pub struct World {
    /// The time.
    pub now: Time,
    /// The dial under way, if any: its name.
    pub dialing: Option<u64>,
    /// The links, the oldest first.
    pub wires: Vec<Wire>,
    /// The gateway.
    pub gateway: Gateway,
    /// The connector.
    pub connector: Connector,
    /// The application's inbox.
    pub inbox: Inbox,
    /// The platform and the connector's store.
    pub platform: Platform,
    /// Every request that was ever asked for.
    pub asked: Vec<Asked>,
    /// What the rules leave open, as seen.
    pub chosen: Chosen,
    pub(super) next_name: u64,
}

/// The application's inbox: numbers of entries, in order.
#[derive(Clone, Debug, Default)]
pub struct Inbox {
    /// Handed out, not kept yet.
    pub arrived: VecDeque<u64>,
    /// Kept, the gateway not told yet.
    pub untold: VecDeque<u64>,
    /// Kept. Durable.
    pub kept: Vec<u64>,
    /// How often a user stopped the agent.
    pub interrupts: usize,
}

/// The platform, and the store of what happened there.
#[derive(Clone, Debug, Default)]
pub struct Platform {
    /// Everything that ever happened, in order. Durable.
    pub posts: Vec<Post>,
    /// The entries that are not done. Durable.
    pub store: BTreeSet<u64>,
    /// The entries that were given up. Durable.
    pub dead: BTreeSet<u64>,
    /// Forwarded requests that were passed over by an ack of something later (C9).
    pub passed_over: BTreeSet<u64>,
    /// What is still to be done: the request, and the link that it came on.
    pub pending: VecDeque<(u64, u64)>,
    /// The requests that were done.
    pub performed: Vec<u64>,
    /// How often the gateway stopped what runs elsewhere.
    pub interrupts: usize,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What it asks for.
    pub op: Op,
    /// Whether it waits for a link.
    pub patient: bool,
    /// When its time is up.
    pub deadline: Time,
    /// How far it is.
    pub stage: Stage,
}

/// How far a request is (O1, O2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The gateway did not take it.
    Refused,
    /// It has not been handed to a socket.
    Unwritten,
    /// It has.
    Written,
    /// It has a result.
    Answered,
    /// It was certainly not done.
    Failed,
    /// Nobody can say.
    Ambiguous,
    /// The process that asked is dead.
    Forgotten,
}

impl World {
    /// A gateway that dials for the first time, and an empty store. A `legacy` gateway does not say that it acks
    /// forwarded requests; a `wakeable` one has a wake URL.
    #[must_use]
    pub fn new(now: Time, legacy: bool, wakeable: bool) -> Self {
        let mut world = Self {
            now,
            dialing: None,
            wires: Vec::new(),
            gateway: Gateway::default(),
            connector: Connector::new(legacy, wakeable),
            inbox: Inbox::default(),
            platform: Platform::default(),
            asked: Vec::new(),
            chosen: Chosen::default(),
            next_name: 0,
        };
        world.dial();
        world
    }

    /// The number that the next request gets.
    #[must_use]
    pub fn next_ask(&self) -> u64 {
        self.asked.len() as u64
    }

    /// What can go on.
    #[must_use]
    pub fn enabled(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut when = |possible: bool, step| possible.then(|| steps.push(step));
        when(!self.connector.unseen.is_empty(), Step::See);
        for (place, wire) in self.wires.iter().enumerate() {
            for end in [End::Connector, End::Gateway] {
                when(wire.has_some_for(end), Step::Arrive(place, end));
            }
        }
        when(self.dialing.is_some(), Step::Connect);
        when(!self.inbox.arrived.is_empty(), Step::Keep);
        when(!self.inbox.untold.is_empty(), Step::Tell);
        when(!self.platform.pending.is_empty(), Step::Perform);
        steps
    }

    /// This happens.
    pub fn act(&mut self, act: &Act) {
        let links = (self.gateway.link(), self.connector.link());
        match *act {
            Act::Step(step) => self.step(step),
            Act::Post(what) => self.post(what),
            Act::StopAgent => self.stop_agent(),
            Act::Ask(op, patience) => self.ask(op, patience == Patience::Some),
            Act::StopElsewhere => self.stop_elsewhere(),
            Act::Release => {
                if let Some(entry) = self.inbox.arrived.pop_front() {
                    self.gateway.held.remove(&entry);
                }
            }
            Act::GoDormant => self.go_dormant(),
            Act::Wake => self.wake(),
            Act::Hold => self.hold(),
            Act::ShutDown => self.shut_down(),
            Act::Time(at) => {
                self.now = at;
                self.fire_gateway();
                self.fire_connector();
            }
            Act::Flow => (self.gateway.stalled, self.connector.stalled) = (false, false),
            Act::Stall(End::Gateway) => self.gateway.stalled = self.gateway.link().is_some(),
            Act::Stall(End::Connector) => self.connector.stalled = self.connector.link().is_some(),
            Act::Sleep(first) => self.sleep(first),
            Act::Revoke => self.revoke(),
            Act::Disconnect => self.disconnect(),
            Act::CrashGateway => self.crash_gateway(),
            Act::CrashConnector => self.crash_connector(),
            Act::Refuse(_) => self.dial_fails(),
            // L4.
            Act::Ghost(_) => {}
            Act::HalfConnect => self.half_connect(),
            Act::Rebuff(code, reason) => self.rebuff(code, reason),
            Act::Cut => self.strike(Wire::cut),
            Act::Silence => self.strike(Wire::go_silent),
            Act::Close(code, reason) => self.strike(|wire| wire.closed_midway(code, reason)),
        }
        self.gateway.stalled &= self.gateway.link() == links.0;
        self.connector.stalled &= self.connector.link() == links.1;
        self.flow();
    }

    /// Whatever can be written is written.
    pub(super) fn flow(&mut self) {
        self.write_gateway();
        self.write_connector();
        self.sweep();
    }

    fn sweep(&mut self) {
        self.wires.retain(|wire| wire.at_gateway || wire.at_connector);
    }

    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::See => self.see(),
            Step::Arrive(place, end) => self.arrive(place, end),
            Step::Connect => self.connect(),
            Step::Keep => {
                if let Some(entry) = self.inbox.arrived.pop_front() {
                    self.inbox.kept.push(entry);
                    self.inbox.untold.push_back(entry);
                }
            }
            Step::Tell => {
                if let Some(entry) = self.inbox.untold.pop_front() {
                    self.stored(entry);
                }
            }
            Step::Perform => {
                if let Some((ask, link)) = self.platform.pending.pop_front() {
                    self.platform.performed.push(ask);
                    self.answer(ask, link);
                }
            }
        }
    }

    fn arrive(&mut self, place: usize, end: End) {
        let Some(wire) = self.wires.get_mut(place).filter(|wire| wire.has_some_for(end)) else { return };
        let queue = match end {
            End::Gateway => &mut wire.down,
            End::Connector => &mut wire.up,
        };
        let Some(packet) = queue.pop_front() else { return };
        if let Packet::Ping(number) = packet {
            return wire.send(end, Packet::Pong(number));
        }
        if matches!(packet, Packet::Close(..) | Packet::Broken) {
            wire.let_go(end, Packet::Broken);
        }
        let name = wire.name;
        for part in packet.parts() {
            match end {
                End::Gateway => self.gateway_hears(name, part),
                End::Connector => self.connector_hears(name, part),
            }
        }
    }

    fn half_connect(&mut self) {
        let Some(name) = self.new_wire() else { return };
        if let Some(wire) = self.wire(name) {
            wire.let_go(End::Gateway, Packet::Broken);
            (wire.silent, wire.up) = (true, VecDeque::new());
        }
        self.accept(name);
        self.dial_fails();
    }

    fn rebuff(&mut self, code: u16, reason: &str) {
        let Some(name) = self.new_wire() else { return };
        if let Some(wire) = self.wire(name) {
            wire.let_go(End::Connector, Packet::Close(code, reason.to_owned()));
        }
        self.opened(name);
    }

    fn strike(&mut self, happens: impl Fn(&mut Wire)) {
        self.wires.iter_mut().filter(|wire| wire.at_gateway).for_each(happens);
    }

    fn connect(&mut self) {
        let Some(name) = self.new_wire() else { return };
        self.accept(name);
        self.opened(name);
    }

    fn sleep(&mut self, first: Option<Step>) {
        let end = self.now + 400 * SECOND;
        while let Some(at) = self.connector_deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.fire_connector();
            self.write_connector();
            self.sweep();
        }
        self.now = end;
        if let Some(step) = first {
            self.step(step);
            self.flow();
        }
        self.gateway_wakes_up();
        self.fire_connector();
    }

    fn post(&mut self, what: What) {
        let post = Post::next(&self.platform.posts, what);
        let number = self.platform.posts.len() as u64;
        self.platform.posts.push(post);
        self.platform.store.insert(number);
        self.append(number, post.kind);
    }

    /// The link of this name, if an end still holds it.
    pub(super) fn wire(&mut self, name: u64) -> Option<&mut Wire> {
        self.wires.iter_mut().find(|wire| wire.name == name)
    }

    /// The dial under way, if there is one, becomes a link.
    fn new_wire(&mut self) -> Option<u64> {
        let name = self.dialing.take()?;
        self.wires.push(Wire::new(name));
        Some(name)
    }

    /// Whether a result may come.
    #[must_use]
    pub fn has_in_flight(&self) -> bool {
        self.asked.iter().any(|asked| asked.stage == Stage::Written)
    }

    /// What each request has come to.
    #[must_use]
    pub fn outcomes(&self) -> BTreeMap<u64, Stage> {
        (0..).zip(self.asked.iter().map(|asked| asked.stage)).collect()
    }
}
