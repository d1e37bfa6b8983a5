//! The model's gateway: dials, links and their ends, and what is written.

use std::collections::{BTreeMap, BTreeSet};

use super::liveness::Pings;
use super::wire::{End, Packet};
use super::world::{IDENTITIES, SECOND, Stage, Time, World};

/// What a gateway remembers.
#[derive(Clone, Debug, Default)]
pub struct Gateway {
    /// What it is doing.
    pub doing: Doing,
    /// Whether its sink takes nothing.
    pub stalled: bool,
    /// What was handed out and neither stored nor released: for each, the entries to ack once it is stored (D3).
    pub held: BTreeMap<u64, BTreeSet<u64>>,
    /// What was stored (D2). Comes back after a crash.
    pub known: BTreeSet<u64>,
    /// Whether a handshake has ever succeeded (A1).
    pub(super) trusted: bool,
    /// How many attempts in a row have failed: at least, and at most.
    pub(super) failures: (u32, u32),
    /// Until when dials are parked (L8).
    pub(super) hold: Option<Time>,
    /// What waits for the sink.
    pub(super) out: Vec<Packet>,
}

/// What a gateway is doing.
#[derive(Clone, Debug, Default)]
pub enum Doing {
    /// A dial is under way.
    Dialing {
        /// When it is given up.
        until: Time,
        /// Until when its token is young.
        token: Time,
    },
    /// A socket is open.
    Open(Open),
    /// It dials at this time.
    Waiting(Time),
    /// No dial is wanted. The last look for a resume was at this time.
    Dormant(Time),
    /// The credential is revoked.
    Disabled,
    /// The end.
    #[default]
    ShutDown,
}

/// An open socket.
#[derive(Clone, Debug)]
pub struct Open {
    /// Its name.
    pub name: u64,
    pub(super) token: Time,
    pub(super) opened: Time,
    /// When the first descriptor came.
    pub linked: Option<Time>,
    /// Whether it is being left.
    pub leaving: Leaving,
    pub(super) pings: Pings,
}

/// How far a link is being left on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// It is not.
    No,
    /// The connector was asked to only buffer, and has until then to agree.
    Asked(Purpose, Time),
    /// Results in flight may still come until then.
    Draining(Purpose, Time),
}

/// What a link is left for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be dormant.
    Dormancy,
    /// To end; at this time at the latest.
    Shutdown(Time),
}

/// What becomes of a gateway without its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Backoff,
    AtOnce,
    Dormant,
    Disabled,
    ShutDown,
}

/// L3: the ceiling of the wait after so many failures in a row.
fn ceiling(failures: u32) -> Time {
    (SECOND << failures.min(10)).min(30 * SECOND)
}

impl Gateway {
    /// The open link.
    #[must_use]
    pub fn link(&self) -> Option<u64> {
        self.open().map(|open| open.name)
    }

    /// The open socket.
    #[must_use]
    pub fn open(&self) -> Option<&Open> {
        if let Doing::Open(open) = &self.doing { Some(open) } else { None }
    }

    pub(super) fn open_mut(&mut self) -> Option<&mut Open> {
        if let Doing::Open(open) = &mut self.doing { Some(open) } else { None }
    }

    /// How far the open link is being left.
    #[must_use]
    pub fn leaving(&self) -> Option<Leaving> {
        self.open().map(|open| open.leaving)
    }

    /// Whether the link is being left on purpose.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.open().is_some_and(|open| open.leaving != Leaving::No)
    }

    /// Whether the link is up, and not being left.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        self.open().is_some_and(|open| open.linked.is_some() && open.leaving == Leaving::No)
    }
}

impl World {
    pub(super) fn dial(&mut self) {
        self.next_name += 1;
        self.dialing = Some(self.next_name);
        self.gateway.hold = None;
        self.gateway.doing = Doing::Dialing { until: self.now + 10 * SECOND, token: self.now + 300 * SECOND };
    }

    /// H1, and O4: the hellos, and then what waited for a link.
    pub(super) fn opened(&mut self, name: u64) {
        let Doing::Dialing { token, .. } = self.gateway.doing else { return };
        let pings = Pings::new(self.now);
        let leaving = Leaving::No;
        self.gateway.doing =
            Doing::Open(Open { name, token, opened: self.now, linked: None, leaving, pings });
        self.gateway.out = (0..IDENTITIES.len()).map(Packet::Hello).collect();
    }

    /// O3: what waited for a link goes out once this one has shown what it takes.
    fn greeted(&mut self) {
        self.gateway.trusted = true;
        for (number, asked) in (0..).zip(&self.asked) {
            let ask = Packet::Ask(number);
            if asked.stage == Stage::Unwritten && !self.gateway.out.contains(&ask) {
                self.gateway.out.push(ask);
            }
        }
    }

    pub(super) fn dial_fails(&mut self) {
        if let Doing::Dialing { .. } = self.gateway.doing {
            self.dialing = None;
            self.lose(After::Backoff);
        }
    }

    /// The gateway closes its link by itself.
    pub(super) fn close(&mut self, code: u16, reason: &str, after: After) {
        self.say_goodbye(code, reason);
        self.lose(after);
    }

    /// The last words on a link. What else waited for a full sink may go ahead, but for requests, which are settled.
    pub(super) fn say_goodbye(&mut self, code: u16, reason: &str) {
        let full = std::mem::take(&mut self.gateway.stalled);
        self.gateway.out.retain(|packet| !matches!(packet, Packet::Ask(_)));
        self.write_gateway();
        let link = self.gateway.link();
        if let Some(wire) = link.and_then(|name| self.wire(name)) {
            wire.closed_while_full = full;
            wire.let_go(End::Gateway, Packet::Close(code, reason.to_owned()));
        }
    }

    /// There is no link or dial any more: L10, O3, and then what comes next.
    pub(super) fn lose(&mut self, after: After) {
        self.gateway.out.clear();
        let ends = matches!(after, After::Disabled | After::ShutDown);
        for asked in &mut self.asked {
            match asked.stage {
                Stage::Written => asked.stage = Stage::Ambiguous,
                Stage::Unwritten if !asked.patient || ends => asked.stage = Stage::Failed,
                Stage::Unwritten
                | Stage::Refused
                | Stage::Answered
                | Stage::Failed
                | Stage::Ambiguous
                | Stage::Forgotten => {}
            }
        }
        let stable =
            self.gateway.open().and_then(|open| open.linked).is_some_and(|at| self.now >= at + 30 * SECOND);
        let (least, most) = if stable { (0, 0) } else { self.gateway.failures };
        match after {
            After::Backoff => {
                let earliest = self.now + ceiling(least) / 2 + 1;
                let latest = self.now + ceiling(most);
                self.gateway.failures = (least + 1, most + 1);
                self.wait(earliest, latest);
            }
            // Whether a link that was left on purpose counts as a failed attempt is not said.
            After::AtOnce => {
                self.gateway.failures = (least, most + 1);
                match self.gateway.hold.filter(|hold| *hold > self.now && !self.chosen.dialing) {
                    Some(hold) => self.gateway.doing = Doing::Waiting(hold),
                    None => self.dial(),
                }
            }
            After::Dormant => {
                self.gateway.failures = (least, most + 1);
                self.gateway.doing = Doing::Dormant(self.now);
            }
            After::Disabled => self.gateway.doing = Doing::Disabled,
            After::ShutDown => self.gateway.doing = Doing::ShutDown,
        }
    }

    /// L3, L8: the next dial is when the lot says, but not before the end of a hold.
    pub(super) fn wait(&mut self, earliest: Time, latest: Time) {
        let held = self.gateway.hold.unwrap_or_default();
        let (earliest, latest) = (earliest.max(held), latest.max(held));
        let at = self.chosen.redial.unwrap_or(latest);
        assert!(
            (earliest..=latest).contains(&at),
            "reference: L3: the next dial is at {at}, not within {earliest} to {latest}"
        );
        self.gateway.doing = Doing::Waiting(at);
    }

    pub(super) fn gateway_hears(&mut self, name: u64, packet: &Packet) {
        let trusted = self.gateway.trusted;
        let Some(open) = self.gateway.open_mut().filter(|open| open.name == name) else { return };
        match *packet {
            Packet::Descriptor(_) if open.linked.is_none() => {
                open.linked = Some(self.now);
                self.greeted();
            }
            Packet::Pong(number) => open.pings.pong(number),
            Packet::Entry(entry) => self.deliver(entry),
            Packet::Stop => self.inbox.interrupts += 1,
            Packet::Answer(number) => {
                let asked = &mut self.asked[number as usize];
                if asked.stage == Stage::Written {
                    asked.stage = Stage::Answered;
                    self.leave_if_drained();
                }
            }
            Packet::GoingIdleAck => {
                if let Leaving::Asked(purpose, _) = open.leaving {
                    self.drain(purpose);
                }
            }
            Packet::Close(4401, ref reason) if reason != "expired" && trusted => {
                let young = open.linked.is_some() || self.now < open.token;
                self.lose_or_end(if young { After::Disabled } else { After::AtOnce });
            }
            Packet::Close(..) | Packet::Broken => self.lose_or_end(After::Backoff),
            Packet::Descriptor(_)
            | Packet::Hello(_)
            | Packet::Ack(_)
            | Packet::Ask(_)
            | Packet::GoingIdle
            | Packet::Ping(_)
            | Packet::Several(_) => {}
        }
    }

    /// A loss, which is the end of a gateway that is being shut down (L6), whatever it was lost by; and all that was
    /// left to do for one that is to be dormant and has its ack (I2, L10).
    pub(super) fn lose_or_end(&mut self, otherwise: After) {
        let after = match self.gateway.leaving() {
            Some(Leaving::Asked(Purpose::Shutdown(_), _) | Leaving::Draining(Purpose::Shutdown(_), _)) => {
                After::ShutDown
            }
            Some(Leaving::Draining(Purpose::Dormancy, _)) if otherwise == After::Backoff => After::Dormant,
            Some(Leaving::No | Leaving::Asked(..) | Leaving::Draining(..)) | None => otherwise,
        };
        self.lose(after);
    }

    pub(super) fn crash_gateway(&mut self) {
        if matches!(self.gateway.doing, Doing::Disabled | Doing::ShutDown) {
            return;
        }
        let link = self.gateway.link();
        if let Some(wire) = link.and_then(|name| self.wire(name)) {
            wire.let_go(End::Gateway, Packet::Broken);
        }
        for asked in &mut self.asked {
            if matches!(asked.stage, Stage::Unwritten | Stage::Written) {
                asked.stage = Stage::Forgotten;
            }
        }
        self.inbox.arrived.clear();
        self.inbox.untold.clear();
        let known = self.inbox.kept.iter().copied().collect();
        self.gateway = Gateway { known, ..Gateway::default() };
        self.dial();
    }

    /// Whatever the sink takes is written.
    pub(super) fn write_gateway(&mut self) {
        let Some(name) = self.gateway.link().filter(|_| !self.gateway.stalled) else { return };
        for packet in std::mem::take(&mut self.gateway.out) {
            if let Packet::Ask(number) = packet {
                let asked = &mut self.asked[number as usize];
                if asked.stage != Stage::Unwritten {
                    continue;
                }
                asked.stage = Stage::Written;
            }
            if let Some(wire) = self.wire(name) {
                wire.send(End::Gateway, packet);
            }
        }
    }
}
