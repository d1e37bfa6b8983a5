//! A real gateway and a real session, joined by a fake network with virtual time.
//!
//! The world moves in single steps, of which several may be possible at a time; [`Pair::step`] takes the first,
//! [`Pair::apply`] any. Faults strike between steps. After every step everything that must hold at every step is
//! asserted, by the watches of both sides and by the world itself.

mod calls;
mod drivers;
mod ends;
mod faults;
mod network;

use std::collections::VecDeque;
use std::time::Duration;

use relay_proto::action::Action;
use relay_proto::connector::{self, Session};
use relay_proto::gateway::{self, Gateway, Options, Status};
use relay_proto::{DeliveryKind, Features, Instant, Position};

pub use ends::{Inbox, Platform, number_of};
pub use faults::{FAULTS, Fault};
pub use network::{Network, Packet, Side, Wire};

use crate::gateway_rig::plain_config;
use crate::watch::{DeliveryWatch, LinkWatch, MailboxWatch, RequestWatch};

/// The two machines and the world between and behind them.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The time.
    pub now: Instant,
    /// The gateway's machine.
    pub gateway: Gateway,
    /// The session's machine.
    pub session: Session,
    /// The network.
    pub network: Network,
    /// The application behind the gateway.
    pub inbox: Inbox,
    /// The platform behind the session.
    pub platform: Platform,
    /// Whether the gateway's sink takes anything.
    pub gateway_writable: bool,
    /// Whether the session's sink takes anything.
    pub session_writable: bool,
    /// Whether a poke of the wake URL reaches the gateway.
    pub pokes_arrive: bool,
    /// What the gateway's peers can do.
    pub features: Features,
    session_events: VecDeque<connector::Event>,
    lives: u64,
    links: LinkWatch,
    deliveries: DeliveryWatch,
    requests: RequestWatch,
    mailbox: MailboxWatch,
}

/// One thing that can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The driver of the session sees to the oldest event.
    SeeToEvent,
    /// The next packet of a link arrives at this end.
    Arrive(usize, Side),
    /// The dial under way succeeds.
    Connect,
    /// The application keeps the oldest delivery durably.
    Keep,
    /// The application tells the machine of the oldest kept delivery.
    Tell,
    /// The platform does the oldest thing asked for, and the session is told.
    Perform,
}

impl Default for Pair {
    fn default() -> Self {
        Self::new(plain_config(), connector::Config::default())
    }
}

impl Pair {
    /// A new gateway and a new session, not connected yet.
    #[must_use]
    pub fn new(gateway: gateway::Config, session: connector::Config) -> Self {
        let now = Instant::from_millis(1_000_000);
        let links = LinkWatch::new(&gateway);
        let deliveries = DeliveryWatch::new(gateway.dedupe_window);
        let mailbox = MailboxWatch::new(&session);
        let (network, inbox, platform, session_events, requests) = Default::default();
        let mut pair = Self {
            now,
            gateway: Gateway::new(gateway, 0, now),
            session: Session::new(session),
            network,
            inbox,
            platform,
            gateway_writable: true,
            session_writable: true,
            pokes_arrive: true,
            features: Features { passthrough_ack: true },
            session_events,
            lives: 0,
            links,
            deliveries,
            requests,
            mailbox,
        };
        pair.drain();
        pair
    }

    // The world moves

    /// What can happen next without any time passing; the first is what [`Self::step`] does.
    #[must_use]
    pub fn enabled(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut when = |possible: bool, step| possible.then(|| steps.push(step));
        when(!self.session_events.is_empty(), Step::SeeToEvent);
        for (place, wire) in self.network.wires.iter().enumerate() {
            let session_reads = self.session.wants_read();
            when(wire.has_packet_for(Side::Session) && session_reads, Step::Arrive(place, Side::Session));
            let gateway_reads = self.gateway.wants_read();
            when(wire.has_packet_for(Side::Gateway) && gateway_reads, Step::Arrive(place, Side::Gateway));
        }
        when(self.network.dialing.is_some(), Step::Connect);
        when(!self.inbox.arrived.is_empty(), Step::Keep);
        when(!self.inbox.untold.is_empty(), Step::Tell);
        when(!self.platform.pending.is_empty(), Step::Perform);
        steps
    }

    /// One step: the first that is possible, or else the next deadline, unless the world is settled. False when it
    /// is.
    pub fn step(&mut self) -> bool {
        if let Some(step) = self.enabled().first() {
            self.apply(*step);
            true
        } else if self.is_settled() {
            false
        } else {
            self.tick()
        }
    }

    /// Steps until the world is settled.
    ///
    /// # Panics
    /// When it does not settle (W4).
    pub fn drive(&mut self) {
        assert!(
            self.drive_bounded(20_000),
            "W4: {:?} / {:?} never settles",
            self.gateway.status(),
            self.session
        );
    }

    /// Steps until the world is settled, at most so often. False when it is not.
    pub fn drive_bounded(&mut self, most: usize) -> bool {
        (0..most).any(|_| !self.step())
    }

    /// Whether nothing is under way and nothing is left to do but to wait for somebody.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let done = match self.gateway.status() {
            Status::Linked => {
                let live = self.session.status() == connector::Status::Live;
                live && self.session.backlog() == 0 && self.gateway.open_requests() == 0
            }
            Status::Dormant | Status::Stopped | Status::Disabled | Status::ShutDown => true,
            Status::Dialing
            | Status::Greeting
            | Status::GoingIdle
            | Status::Reconnecting { .. }
            | Status::ShuttingDown => false,
        };
        done && self.enabled().is_empty()
    }

    /// Does this step, which must be possible.
    pub fn apply(&mut self, step: Step) {
        match step {
            Step::SeeToEvent => self.see_to_event(),
            Step::Arrive(place, Side::Session) => self.arrive_at_session(place),
            Step::Arrive(place, Side::Gateway) => self.arrive_at_gateway(place),
            Step::Connect => self.connect(),
            Step::Keep => self.inbox.keeps(),
            Step::Tell => {
                if let Some(delivery) = self.inbox.untold.pop_front() {
                    self.deliveries.stored(delivery.id);
                    self.gateway.stored(delivery.id, self.now);
                }
            }
            Step::Perform => self.perform(),
        }
        self.drain();
    }

    /// Time passes up to the next deadline of either machine, which is met. False when there is none.
    pub fn tick(&mut self) -> bool {
        let gateway = self.gateway.poll_timeout().map(|deadline| deadline.at);
        let session = self.session.poll_timeout().map(|deadline| deadline.at);
        let Some(at) = gateway.into_iter().chain(session).min() else { return false };
        self.now = self.now.max(at);
        self.fire();
        true
    }

    /// So much time passes, with every deadline met on the dot and every step taken.
    pub fn passes(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            if let Some(step) = self.enabled().first() {
                self.apply(*step);
                continue;
            }
            let gateway = self.gateway.poll_timeout().map(|deadline| deadline.at);
            let session = self.session.poll_timeout().map(|deadline| deadline.at);
            if gateway.into_iter().chain(session).min().is_none_or(|at| at > end) {
                self.now = end;
                break;
            }
            self.tick();
        }
    }

    // What the two ends want

    /// Something happens on the platform: a new entry, durable first.
    pub fn append(&mut self, kind: DeliveryKind) -> u64 {
        let buffer_id = self.session.buffer_id(self.session.next_position());
        let (number, size) = self.platform.appends(kind, &buffer_id);
        self.mailbox.appended(Position(number), kind, buffer_id);
        assert_eq!(self.session.append(kind, size, self.now), Position(number), "C3: the store's order");
        self.drain();
        number
    }

    /// The agent says this text, which is another one each time. False when the gateway refuses it.
    pub fn say(&mut self, text: &str, patient: bool) -> bool {
        let action = Action::send("chat", text);
        let options = Options { wait_for_link: patient, ..Options::default() };
        let asked = self.gateway.request(action.clone(), &options, self.now);
        if let Ok(id) = &asked {
            self.requests.accepted(*id, &action);
            self.inbox.asked.insert(*id, text.to_owned());
        }
        self.drain();
        asked.is_ok()
    }

    /// The gateway is to go dormant.
    pub fn go_dormant(&mut self) -> bool {
        let taken = self.gateway.go_dormant(self.now).is_ok();
        self.drain();
        taken
    }

    /// Everything that was appended is kept, or with the dead letters, and everything kept is kept once.
    ///
    /// # Panics
    /// When something is lost (W1) or doubled (W2).
    pub fn assert_nothing_is_lost(&self) {
        let mut accounted = self.inbox.numbers();
        accounted.extend(self.platform.dead.iter().filter(|dead| !self.inbox.numbers().contains(dead)));
        accounted.sort_unstable();
        assert_eq!(accounted, (0..self.platform.end).collect::<Vec<_>>(), "W1, W2");
    }
}
