//! The model's connector: one mailbox and one link.

use std::collections::VecDeque;

use relay_proto::DeliveryKind;

use super::liveness::Pings;
use super::wire::{End, Packet};
use super::world::{IDENTITIES, SECOND, Time, World};

/// How many entries may be unacked (C4): fewer than usual, so that few posts fill it.
pub(super) const WINDOW: usize = 4;
/// How often an entry goes out without an ack (C9).
pub(super) const GIVE_OUTS: u32 = 5;

/// What a connector remembers of its one gateway.
#[derive(Clone, Debug)]
pub struct Connector {
    /// Whether the credential is revoked.
    pub revoked: bool,
    /// The link.
    pub(super) link: Option<Link>,
    /// What is not done, in order.
    pub entries: Vec<Entry>,
    /// What the driver has not seen to.
    pub unseen: VecDeque<Said>,
    /// Whether its sink takes nothing.
    pub stalled: bool,
    /// What waits for the sink.
    pub(super) out: Vec<Packet>,
    pub(super) wants_poke: bool,
    pub(super) poke_from: Time,
    pub(super) legacy: bool,
    pub(super) wakeable: bool,
}

/// An entry that is not done.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub(super) number: u64,
    pub(super) kind: DeliveryKind,
    pub(super) given: u32,
    pub(super) on_link: bool,
}

/// A link.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) name: u64,
    pub(super) hello_until: Option<Time>,
    /// How many hellos were heard, and how many of them answered.
    pub(super) hellos: (usize, usize),
    pub(super) flipped: Option<Time>,
    pub(super) acks_forwards: bool,
    pub(super) pings: Pings,
    /// A ping that followed a window full of forwarded requests, and the last of these.
    pub(super) probe: Option<(u32, u64)>,
}

/// What a connector's machine says to its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    /// On this link, the hello for this identity is to be answered.
    Hello(u64, usize),
    /// An entry is done.
    Acked(u64),
    /// An entry is given up.
    Dead(u64),
    /// A request of this number came on that link.
    Ask(u64, u64),
    /// An interrupt came.
    Stop,
    /// The wake URL is to be poked.
    Poke,
}

/// How the link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is none.
    Offline,
    /// There are hellos to answer.
    Greeting,
    /// Entries go out.
    Live,
    /// The gateway wants to be only buffered for.
    Flipped,
    /// There will be none.
    Revoked,
}

impl Connector {
    /// With an empty mailbox.
    #[must_use]
    pub fn new(legacy: bool, wakeable: bool) -> Self {
        Self {
            revoked: false,
            link: None,
            entries: Vec::new(),
            unseen: VecDeque::new(),
            stalled: false,
            out: Vec::new(),
            wants_poke: false,
            poke_from: 0,
            legacy,
            wakeable,
        }
    }

    /// Whether its gateway does not say that it acks forwarded requests.
    #[must_use]
    pub fn is_legacy(&self) -> bool {
        self.legacy
    }

    /// Whether there is a wake URL.
    #[must_use]
    pub fn wakeable(&self) -> bool {
        self.wakeable
    }

    /// The link.
    #[must_use]
    pub fn link(&self) -> Option<u64> {
        self.link.as_ref().map(|link| link.name)
    }

    /// How it is.
    #[must_use]
    pub fn standing(&self) -> Standing {
        match &self.link {
            _ if self.revoked => Standing::Revoked,
            None => Standing::Offline,
            Some(link) if link.flipped.is_some() => Standing::Flipped,
            // C6: no entry goes out between a hello and its descriptor.
            Some(Link { hellos: (heard, answered @ 1..), .. }) if heard == answered => Standing::Live,
            Some(_) => Standing::Greeting,
        }
    }

    /// Whether the gateway asked to be only buffered for.
    #[must_use]
    pub fn is_flipped(&self) -> bool {
        self.standing() == Standing::Flipped
    }

    /// Whether more entries wait than may be unacked.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let given = self.entries.iter().filter(|entry| entry.on_link).count();
        given == WINDOW && self.entries.len() > WINDOW
    }

    /// Whether entries go out.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.standing() == Standing::Live
    }
}

impl World {
    /// C10, C4: a newer link takes over, and begins at the first entry that is not done.
    pub(super) fn accept(&mut self, name: u64) {
        if self.connector.revoked {
            if let Some(wire) = self.wire(name) {
                wire.let_go(End::Connector, Packet::Close(4401, "unauthorized".to_owned()));
            }
            return;
        }
        self.hang_up(1001, "replaced by a newer link");
        self.connector.entries.iter_mut().for_each(|entry| entry.on_link = false);
        self.connector.wants_poke = false;
        let (now, acks_forwards) = (self.now, !self.connector.legacy);
        self.connector.link = Some(Link {
            name,
            hello_until: Some(now + 10 * SECOND),
            hellos: (0, 0),
            flipped: None,
            acks_forwards,
            pings: Pings::new(now),
            probe: None,
        });
    }

    /// The connector closes its link, if there is one.
    fn hang_up(&mut self, code: u16, reason: &str) {
        let full = self.connector.stalled;
        let waiting = std::mem::take(&mut self.connector.out);
        let link = self.connector.link();
        if let Some(wire) = link.and_then(|name| self.wire(name)) {
            waiting.into_iter().for_each(|packet| wire.send(End::Connector, packet));
            wire.closed_while_full = full;
            wire.let_go(End::Connector, Packet::Close(code, reason.to_owned()));
        }
        if link.is_some() {
            self.off_line();
        }
    }

    fn off_line(&mut self) {
        self.connector.link = None;
        self.connector.out.clear();
        self.connector.plan_poke();
    }

    pub(super) fn disconnect(&mut self) {
        self.hang_up(1001, "asked to connect anew");
    }

    /// C11.
    pub(super) fn revoke(&mut self) {
        self.hang_up(4401, "unauthorized");
        (self.connector.revoked, self.connector.wants_poke) = (true, false);
    }

    /// The store is all that is left.
    pub(super) fn crash_connector(&mut self) {
        for wire in self.wires.iter_mut().filter(|wire| wire.at_connector) {
            wire.let_go(End::Connector, Packet::Broken);
        }
        let mut connector = Connector::new(self.connector.legacy, self.connector.wakeable);
        let kind = |number: u64| self.platform.posts[number as usize].kind;
        let stored = self.platform.store.iter();
        let entry = |number: &u64| Entry { number: *number, kind: kind(*number), given: 0, on_link: false };
        connector.entries = stored.map(entry).collect();
        connector.plan_poke();
        self.connector = connector;
        self.platform.pending.clear();
    }

    pub(super) fn connector_hears(&mut self, name: u64, packet: &Packet) {
        let now = self.now;
        let Some(link) = self.connector.link.as_mut().filter(|link| link.name == name) else { return };
        match *packet {
            Packet::Hello(number) => {
                link.hello_until = None;
                link.hellos.0 += 1;
                self.connector.unseen.push_back(Said::Hello(name, number));
            }
            Packet::Ack(entry) => self.acked(entry),
            Packet::Ask(number) => self.connector.unseen.push_back(Said::Ask(number, name)),
            Packet::Stop => self.connector.unseen.push_back(Said::Stop),
            Packet::GoingIdle => {
                link.flipped.get_or_insert(now + 15 * SECOND);
                self.connector.out.push(Packet::GoingIdleAck);
            }
            Packet::Pong(number) => {
                link.pings.pong(number);
                if let Some((_, last)) = link.probe.take_if(|(ping, _)| *ping <= number) {
                    self.pass_over(last + 1);
                }
            }
            Packet::Close(..) | Packet::Broken => self.off_line(),
            Packet::Descriptor(_)
            | Packet::Entry(_)
            | Packet::Answer(_)
            | Packet::GoingIdleAck
            | Packet::Ping(_)
            | Packet::Several(_) => {}
        }
        self.poke();
    }

    /// The driver sees to everything that the machine said.
    pub(super) fn see(&mut self) {
        while let Some(said) = self.connector.unseen.pop_front() {
            match said {
                Said::Hello(name, number) => {
                    if let Some(link) = self.connector.link.as_mut().filter(|link| link.name == name) {
                        link.hellos.1 += 1;
                        self.connector.out.push(Packet::Descriptor(number));
                    }
                }
                Said::Acked(number) => _ = self.platform.store.remove(&number),
                Said::Dead(number) => {
                    self.platform.store.remove(&number);
                    self.platform.dead.insert(number);
                }
                Said::Ask(number, link) => self.platform.pending.push_back((number, link)),
                Said::Stop => self.platform.interrupts += 1,
                Said::Poke => self.wake(),
            }
            self.flow();
        }
    }

    /// C12: an answer, to the link that asked or to nobody.
    pub(super) fn answer(&mut self, number: u64, link: u64) {
        if self.connector.link() == Some(link) {
            self.connector.out.push(Packet::Answer(number));
        }
    }

    /// Whatever the sink takes is written, entries last (C4 to C6).
    pub(super) fn write_connector(&mut self) {
        let Some(name) = self.connector.link().filter(|_| !self.connector.stalled) else { return };
        let mut packets = std::mem::take(&mut self.connector.out);
        while self.connector.is_live()
            && let Some(entry) = self.connector.give()
        {
            packets.push(Packet::Entry(entry));
        }
        if let Some(wire) = self.wire(name) {
            packets.into_iter().for_each(|packet| wire.send(End::Connector, packet));
        }
    }

    /// When the connector must do something by itself.
    #[must_use]
    pub fn connector_deadline(&self) -> Option<Time> {
        let poke = self.connector.wants_poke.then_some(self.connector.poke_from);
        let Some(link) = &self.connector.link else { return poke };
        let gone = self.chosen.dropped_by_connector;
        let patience = if gone { link.pings.may_give_up() } else { link.pings.must_give_up() };
        [poke, link.hello_until, link.flipped, Some(link.pings.next), patience].into_iter().flatten().min()
    }

    /// Everything that is due happens.
    pub(super) fn fire_connector(&mut self) {
        while let Some(at) = self.connector_deadline().filter(|at| *at <= self.now) {
            self.connector_is_due(at);
            self.write_connector();
        }
    }

    fn connector_is_due(&mut self, at: Time) {
        let now = self.now;
        let Some(link) = &mut self.connector.link else { return self.poke() };
        if link.hello_until == Some(at) {
            self.hang_up(1008, "no hello");
        } else if link.flipped == Some(at) {
            // C7.
            link.flipped = None;
            self.connector.wants_poke = false;
        } else if link.pings.next == at {
            let number = link.pings.ping(now);
            if !link.acks_forwards {
                link.probe =
                    link.probe.or(full_of_forwards(&self.connector.entries).map(|last| (number, last)));
            }
            self.connector.out.push(Packet::Ping(number));
        } else if link.pings.may_give_up() <= Some(now) && link.pings.may_give_up().is_some() {
            self.hang_up(1001, "no pong");
        }
        self.poke();
    }
}

/// C9: the last entry of a window that is full of nothing but forwarded requests while more entries wait.
fn full_of_forwards(entries: &[Entry]) -> Option<u64> {
    let window: Vec<&Entry> = entries.iter().filter(|entry| entry.on_link).collect();
    let is_full =
        window.len() == WINDOW && window.iter().all(|entry| entry.kind == DeliveryKind::Passthrough);
    let more_wait = entries.iter().any(|entry| !entry.on_link);
    window.last().filter(|_| is_full && more_wait).map(|last| last.number)
}

impl Said {
    /// In a word or two.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Hello(_, number) => format!("hello {}", IDENTITIES[*number].0),
            Self::Acked(number) => format!("acked {number}"),
            Self::Dead(number) => format!("dead {number}"),
            Self::Ask(number, _) => format!("ask say {number}"),
            Self::Stop => "stop".to_owned(),
            Self::Poke => "poke".to_owned(),
        }
    }
}
