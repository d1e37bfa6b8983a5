//! What comes out of the gateway, carried on, and looked at on its way.

use relay_proto::close::{Close, CloseCode};
use relay_proto::gateway::{self, Ambiguity, Cause, Inbound, Next, Outcome, Status, Transmit, Violation};
use relay_proto::{LinkId, RequestId};

use super::act::Act;
use super::diagram::{self, Place};
use super::reach::{number_of_delivery, number_of_entry};
use super::rules::Rule;
use super::seen::{Beat, Held};
use super::shared::Shared;
use super::state::Arrived;
use super::step::{INTERRUPT, Step};
use super::wire::{Packet, field, kind};
use super::world::Entries;

impl Step<'_> {
    pub(super) fn drain_gateway(&mut self) {
        let touched = self.state.gateway.as_ref().is_some_and(Shared::is_touched);
        if !touched && self.act != Act::Unstall {
            return;
        }
        loop {
            while let Some(event) = self.state.gateway.as_mut().and_then(|gateway| gateway.poll_event()) {
                self.gateway_says(event);
            }
            let Some(gateway) = &mut self.state.gateway else { return };
            // A sink stalls no longer than its link lives.
            if self.state.stalled.is_some() && gateway.link() != self.state.stalled {
                self.state.stalled = None;
            }
            let transmit = if self.state.stalled.is_none() { gateway.poll_transmit() } else { None };
            let Some(transmit) = transmit else { break };
            self.gateway_sends(transmit);
        }
        while let Some(inbound) = self.state.gateway.as_mut().and_then(|gateway| gateway.poll_inbound()) {
            match inbound {
                Inbound::Deliver(delivery) => self.hand_out(&delivery),
                Inbound::Interrupt { .. } => self.saw.handed.push(INTERRUPT),
            }
        }
    }

    fn gateway_says(&mut self, event: gateway::Event) {
        let now = self.state.now;
        self.note(Place::Gateway, Place::App, || diagram::said(&event, now));
        match event {
            gateway::Event::Linked(id) => {
                self.state.seen.trusted = true;
                if let Some(held) = self.state.seen.held.as_mut().filter(|held| held.id == id) {
                    held.linked = true;
                }
            }
            gateway::Event::Resolved(id, outcome) => self.resolve(id, &outcome),
            gateway::Event::Disabled(_) => {
                let twice = self.state.seen.disabled;
                self.demand(!twice, Rule::A4, || "disabled is reported twice".to_owned());
                self.state.seen.disabled = true;
            }
            gateway::Event::Down { cause, next } => self.goes_down(&cause, next),
            gateway::Event::DormancyRefused(why) => self.saw.refused_dormancy = Some(why),
            gateway::Event::Dormant => {
                self.credit_stable_link();
                let cadence = self.model.gateway.dormant_redial;
                self.state.seen.cadence = cadence.map(|cadence| now + cadence);
            }
            gateway::Event::ShutDown => {}
        }
    }

    fn goes_down(&mut self, cause: &Cause, next: Next) {
        if self.state.seen.disabled {
            self.demand(false, Rule::A4, || "a link is down although disabled".to_owned());
        }
        self.saw.overflow |= matches!(cause, Cause::Violation(Violation::Overflow));
        let held = self.saw.lost.as_ref().or(self.state.seen.held.as_ref()).cloned();
        if let Cause::Silent(_) = cause {
            let silent = held.as_ref().is_some_and(|held| held.beat.is_silent(self.state.now));
            self.demand(silent, Rule::K1, || "the peer is taken for dead, and is not".to_owned());
        }
        self.judge_next(cause, next, held.as_ref());
    }

    fn resolve(&mut self, id: RequestId, outcome: &Outcome) {
        let place = self.state.app.asked.iter().position(|asked| asked.id == id);
        self.demand(place.is_some(), Rule::O1, || format!("{id} resolves twice, or was never asked"));
        let Some(place) = place else { return };
        let asked = self.state.app.asked.remove(place);
        let number = asked.number;
        let performed = self.state.desk.performed.contains(number);
        match outcome {
            Outcome::Answered(_) => {
                self.demand(performed, Rule::O2, || {
                    format!("request {number} has a result and was never done")
                });
            }
            Outcome::Failed(_) => {
                self.demand(!asked.written, Rule::O2, || {
                    format!("request {number} was written, and fails definitely")
                });
                self.state.seen.failed.insert(number);
            }
            Outcome::Ambiguous(why) => {
                self.demand(asked.written, Rule::O2, || {
                    format!("request {number} is ambiguous, and never written")
                });
                self.judge_end_of_drain(*why);
            }
        }
    }

    /// A written request is given up for a shutdown: not before its time is up, unless the link is gone.
    fn judge_end_of_drain(&mut self, why: Ambiguity) {
        let over = self.state.seen.shutdown.as_ref().map(|shutdown| shutdown.over);
        if let (Ambiguity::ShutDown, Some(over), None) = (why, over, &self.saw.lost) {
            let early = self.state.now < over;
            self.demand(!early, Rule::O10, || "a request is given up though its result may come".to_owned());
        }
    }

    fn gateway_sends(&mut self, transmit: Transmit) {
        match transmit {
            Transmit::Dial(id) => self.dial(id),
            Transmit::Frame(id, line) => self.gateway_writes(id, &line),
            Transmit::Ping(id, number) => {
                let now = self.state.now;
                let held = self.state.seen.held.as_mut().filter(|held| held.id == id);
                let due = held.is_some_and(|held| held.beat.ping(number, now));
                self.demand(due, Rule::K1, || format!("ping {number} goes out before it is due"));
                if let Some(wire) = self.state.wires.iter_mut().find(|wire| wire.gateway.id == id) {
                    wire.send_to_session(Packet::Ping(number));
                }
            }
            Transmit::Close(id, close) => self.gateway_closes(id, close),
        }
    }

    fn gateway_writes(&mut self, id: LinkId, line: &[u8]) {
        let open = self.state.seen.held.as_ref().is_some_and(|held| held.id == id && held.opened);
        self.demand(open, Rule::L1, || format!("a {} for {id}, which is not open", kind(line)));
        self.look_at_hello(line);
        let mut lost_on_the_way = false;
        match kind(line) {
            "inbound_ack" => {
                self.look_at_ack(line);
                let entry = number_of_entry(line);
                lost_on_the_way = entry.is_some_and(|entry| !self.model.world.is_acked(entry));
            }
            "outbound" => self.look_at_outbound(line),
            "going_idle" => {
                self.saw.asked_idle = true;
                if let Some(held) = &mut self.state.seen.held {
                    held.asked_idle = true;
                }
            }
            _ => {}
        }
        self.note(Place::Gateway, Place::Wire, || diagram::brief(line));
        let wire = self.state.wires.iter_mut().find(|wire| wire.gateway.id == id);
        if let Some(wire) = wire.filter(|_| !lost_on_the_way) {
            wire.send_to_session(Packet::Line(bytes::Bytes::copy_from_slice(line)));
        }
    }

    /// The first frames of a link are the hellos, in the configured order.
    fn look_at_hello(&mut self, line: &[u8]) {
        let identities = &self.model.gateway.identities;
        let Some(held) = &mut self.state.seen.held else { return };
        let is_hello = kind(line) == "hello";
        let Some(identity) = identities.get(held.hellos) else {
            if is_hello {
                self.demand(false, Rule::H1, || "one hello too many".to_owned());
            }
            return;
        };
        held.hellos += 1;
        let platform = field(line, "platform").unwrap_or_default().to_owned();
        let right = is_hello && *platform == *identity.platform;
        self.demand(right, Rule::H1, || format!("a {} {platform} instead of the hello", kind(line)));
    }

    fn gateway_closes(&mut self, id: LinkId, close: Close) {
        self.note(Place::Gateway, Place::Wire, || format!("{close}"));
        let held = self.state.seen.held.take_if(|held| held.id == id);
        self.demand(held.is_some(), Rule::L1, || format!("a close of {id}, which is not held"));
        self.state.dialing.take_if(|dialing| *dialing == id);
        if let (Some(shutdown), Some(held)) =
            (self.state.seen.shutdown.clone(), held.filter(|held| held.opened))
        {
            self.demand(close.code == CloseCode::NORMAL, Rule::I4, || {
                format!("a shutdown ends with {close}")
            });
            let agreed = held.idle_acked || self.state.now >= shutdown.agreed_by;
            self.demand(agreed, Rule::I4, || "a shutdown does not wait for the connector".to_owned());
        }
        if let Some(wire) = self.state.wires.iter_mut().find(|wire| wire.gateway.id == id) {
            wire.gateway_lets_go(Packet::Close(close));
        }
    }

    fn dial(&mut self, id: LinkId) {
        self.note(Place::Gateway, Place::Wire, || format!("dial {id}"));
        self.saw.dialed = true;
        let held = self.state.seen.held.clone();
        self.demand(held.is_none(), Rule::L1, || format!("{id} is dialed beside {held:?}"));
        if self.state.seen.shutdown.is_some() {
            self.demand(false, Rule::L6, || format!("{id} is dialed after the shutdown"));
        }
        if self.state.seen.disabled {
            self.demand(false, Rule::A4, || format!("{id} is dialed although disabled"));
        }
        self.judge_dial();
        let now = self.state.now;
        self.state.dialing = Some(id);
        self.state.seen.held = Some(Held {
            id,
            good_until: now + self.model.token_lifetime(),
            opened: false,
            greeted_by: now,
            hellos: 0,
            descriptors: Vec::new(),
            linked: false,
            stable_from: now,
            asked_idle: false,
            idle_acked: false,
            beat: Beat::default(),
        });
    }

    fn look_at_ack(&mut self, line: &[u8]) {
        let entry = number_of_entry(line);
        let number = entry.map(|entry| self.model.world.content(entry));
        let kept = number.is_some_and(|number| self.state.has_kept(number));
        let named = self.model.world.entries != Entries::Unnamed;
        self.demand(kept && named, Rule::D1, || format!("{entry:?} is acked, and not stored"));
        if number.is_some_and(|number| self.state.seen.ever_released.contains(number)) {
            self.demand(kept, Rule::D4, || format!("{entry:?} was refused, and is acked"));
        }
        self.saw.acks.extend(entry);
    }

    fn look_at_outbound(&mut self, line: &[u8]) {
        let number = number_of_request(line);
        let asked =
            self.state.app.asked.iter_mut().find(|asked| Some(asked.number) == number && !asked.written);
        match asked {
            Some(asked) => asked.written = true,
            None => self.demand(false, Rule::O1, || format!("nobody waits for request {number:?}")),
        }
    }

    fn hand_out(&mut self, delivery: &gateway::Delivery) {
        let Some(number) = number_of_delivery(delivery.json().as_bytes()) else { return };
        self.note(Place::Gateway, Place::App, || format!("delivery of {number}"));
        self.saw.handed.push(number);
        let kept = self.state.has_kept(number);
        self.demand(!kept, Rule::W2, || format!("{number} is handed out although it is stored"));
        let twice = kept || self.state.waiting(number).is_some();
        self.demand(!twice, Rule::D2, || format!("{number} is handed out twice"));
        let first = self.state.seen.handed_out.insert(number);
        let last = self.state.seen.handed_out.last() == Some(number);
        self.demand(!first || last, Rule::W3, || format!("{number} is handed out behind a later one"));
        self.state.app.released.remove(number);
        let (id, keys) = (delivery.id, delivery.keys);
        self.state.app.arrived.push_back(Arrived { id, number, keys, entries: Default::default() });
    }

    /// A link that was stable starts the ladder anew.
    pub(super) fn credit_stable_link(&mut self) {
        let held = self.saw.lost.as_ref().or(self.state.seen.held.as_ref());
        if held.is_some_and(|held| held.linked && self.state.now >= held.stable_from) {
            self.state.seen.failures = 0;
        }
    }

    /// Whether the gateway waits because the application wants it to (rule L8).
    pub(super) fn is_parked(&self) -> bool {
        let waits = matches!(self.state.status(), Some(Status::Reconnecting { .. }));
        waits && self.state.seen.parked_until.is_some_and(|until| until > self.state.now)
    }
}

/// Which request this line, or its action, is.
pub(super) fn number_of_request(line: &[u8]) -> Option<u64> {
    field(line, "content")?.strip_prefix('r')?.parse().ok()
}
