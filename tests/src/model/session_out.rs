//! What comes out of the session, carried on, and looked at on its way.

use relay_proto::connector::{self, Cause, DeathCause};
use relay_proto::event::Descriptor;
use relay_proto::{LinkId, Position};
use serde_json::Value;

use super::act::Act;
use super::diagram::{self, Place};
use super::gateway_out::number_of_request;
use super::rules::Rule;
use super::step::Step;
use super::wire::{Packet, kind};
use crate::lines;

impl Step<'_> {
    pub(super) fn drain_session(&mut self) {
        if !self.state.session.is_touched() && self.act != Act::UnstallSession {
            return;
        }
        while let Some(event) = self.state.session.poll_event() {
            self.session_says(event);
        }
        loop {
            if self.state.session_stalled.is_some() && self.state.session.link() != self.state.session_stalled
            {
                self.state.session_stalled = None;
            }
            let stalled = self.state.session_stalled.is_some();
            let transmit = if stalled { None } else { self.state.session.poll_transmit() };
            // To look for something to send may have buried an entry.
            let mut said = false;
            while let Some(event) = self.state.session.poll_event() {
                self.session_says(event);
                said = true;
            }
            match transmit {
                Some(transmit) => self.session_sends(transmit),
                None if said => {}
                None => return,
            }
        }
    }

    fn session_says(&mut self, event: connector::Event) {
        match event {
            connector::Event::Hello(hello) => {
                let json = lines::descriptor_of(&hello.platform, &Value::Null).to_string();
                let descriptor = Descriptor::parse(&json).expect("a whole descriptor");
                self.state.session.describe(hello.link, hello.number, &descriptor);
            }
            connector::Event::Acked(Position(number)) => self.is_done(number),
            connector::Event::DeadLetter(Position(number), why) => self.is_dead(number, why),
            connector::Event::Outbound(outbound) => {
                let number = number_of_request(&outbound.action);
                self.state.desk.pending.extend(number.map(|number| (outbound.ticket, number)));
            }
            connector::Event::Poke => self.pokes(),
            connector::Event::Down(id, cause) => {
                // What the platform does for a link that is gone, it does all the same.
                if let Cause::Silent(_) = cause {
                    let silent = self.state.seen.session.beat.is_silent(self.state.now);
                    self.demand(silent, Rule::K1, || "the gateway is taken for dead, and is not".to_owned());
                }
                let seen = &mut self.state.seen.session;
                if seen.link.is_none_or(|link| link == id) {
                    *seen = std::mem::take(seen).without_link();
                }
            }
            connector::Event::Flipped
            | connector::Event::Unflipped
            | connector::Event::Linked(_)
            | connector::Event::Interrupt { .. }
            | connector::Event::Revoked => {}
        }
    }

    fn is_done(&mut self, number: u64) {
        let seen = &mut self.state.seen.session;
        let later = seen.acked_on_link.iter().any(|acked| acked > number);
        let passed_over = !self.model.world.is_acked(number) && seen.given.contains(&number) && later;
        let acked = seen.acked.contains(number) || passed_over;
        let fresh = seen.settled.insert(number);
        self.demand(acked, Rule::C3, || format!("{number} counts as done, and was never acked"));
        self.demand(fresh, Rule::C4, || format!("{number} is settled twice"));
        self.state.desk.store.remove(number);
    }

    fn is_dead(&mut self, number: u64, why: DeathCause) {
        self.note(Place::Session, Place::Wire, || format!("{number} to the dead letters: {why}"));
        let given = self.state.seen.session.give_outs.get(number as usize).copied().unwrap_or_default();
        let right = match why {
            DeathCause::TooLarge => self.model.world.is_too_large(number),
            DeathCause::NeverAcked { .. } => {
                let most = self.model.world.give_outs;
                most > 0 && given == most && !self.state.seen.session.given.contains(&number)
            }
            DeathCause::Unreadable => false,
        };
        self.demand(right, Rule::C9, || format!("{number} goes to the dead letters after {given} give-outs"));
        self.state.desk.dead.insert(number);
        self.state.desk.store.remove(number);
    }

    fn pokes(&mut self) {
        let now = self.state.now;
        self.note(Place::Session, Place::Wire, || "poke".to_owned());
        let seen = &self.state.seen.session;
        let (early, linked, empty) =
            (now < seen.poke_from, seen.link.is_some(), self.state.desk.store.is_empty());
        self.demand(!early, Rule::C8, || "a second poke within the cooldown".to_owned());
        let wanted = self.model.world.wakeable && !linked && !empty;
        self.demand(wanted, Rule::C8, || "a poke that nobody needs".to_owned());
        self.state.seen.session.poke_from = now + self.model.session.poke_cooldown;
        self.state.desk.poke = true;
        self.saw.poked = true;
    }

    fn session_sends(&mut self, transmit: connector::Transmit) {
        let (id, packet) = match transmit {
            connector::Transmit::Frame(id, line) => {
                self.note(Place::Session, Place::Wire, || diagram::brief(&line));
                self.look_at_frame(&line);
                (id, Packet::Line(bytes::Bytes::copy_from_slice(&line)))
            }
            connector::Transmit::Entry(id, position) => {
                self.note(Place::Session, Place::Wire, || format!("entry {}", position.0));
                self.look_at_entry(id, position.0);
                (id, Packet::Line(self.model.line(position.0)))
            }
            connector::Transmit::Ping(id, number) => {
                let due = self.state.seen.session.beat.ping(number, self.state.now);
                self.demand(due, Rule::K1, || format!("ping {number} goes out before it is due"));
                (id, Packet::Ping(number))
            }
            connector::Transmit::Close(id, close) => {
                self.note(Place::Session, Place::Wire, || format!("{close}"));
                self.state.seen.session.link.take_if(|link| *link == id);
                if let Some(wire) = self.state.wires.iter_mut().find(|wire| wire.session.id == id) {
                    wire.session_lets_go(Packet::Close(close));
                }
                return;
            }
        };
        if let Some(wire) = self.state.wires.iter_mut().find(|wire| wire.session.id == id) {
            wire.send_to_gateway(packet);
        }
    }

    fn look_at_frame(&mut self, line: &[u8]) {
        let seen = &mut self.state.seen.session;
        match kind(line) {
            "descriptor" => seen.descriptors += 1,
            "outbound_result" => {
                seen.owed = seen.owed.saturating_sub(1);
                seen.owed_before_ack = seen.owed_before_ack.saturating_sub(1);
            }
            "going_idle_ack" => {
                // A gateway that asks again is not waited for anew.
                let until = self.state.now + self.model.session.flip_timeout;
                seen.flipped_until.get_or_insert(until);
                let owed = seen.owed_before_ack;
                self.saw.idle_ack_written = true;
                self.demand(owed == 0, Rule::C5, || format!("{owed} results were to be written before"));
            }
            _ => {}
        }
    }

    fn look_at_entry(&mut self, id: LinkId, number: u64) {
        let seen = self.state.seen.session.clone();
        let stored = self.state.desk.store;
        self.demand(seen.link == Some(id), Rule::C10, || {
            format!("{number} is given to {id}, which is not open")
        });
        let greeted = seen.hellos > 0 && seen.descriptors == seen.hellos;
        self.demand(greeted, Rule::C6, || format!("{number} goes out before the descriptors"));
        let flipped = seen.flipped_until.is_some();
        self.demand(!flipped, Rule::C5, || format!("{number} goes out to a gateway that asked for quiet"));
        let open = stored.contains(number);
        self.demand(open, Rule::C4, || format!("{number} goes out again, and is done"));
        let later = seen.given.last().is_some_and(|last| *last >= number);
        self.demand(!later, Rule::C4, || format!("{number} goes out behind {:?}", seen.given));
        let skipped = stored.iter().find(|earlier| *earlier < number && !seen.given.contains(earlier));
        self.demand(skipped.is_none(), Rule::C6, || format!("{number} goes out ahead of {skipped:?}"));
        let unacked = seen.given.iter().filter(|given| stored.contains(**given)).count();
        let window = self.model.world.window;
        self.demand(unacked < window, Rule::C4, || format!("{number} goes out beside {unacked} unacked"));
        let give_outs = &mut self.state.seen.session.give_outs;
        give_outs.resize(give_outs.len().max(number as usize + 1), 0);
        let times = &mut give_outs[number as usize];
        *times = times.saturating_add(1);
        let (times, most) = (*times, self.model.world.give_outs);
        if most > 0 {
            self.demand(times <= most, Rule::C9, || format!("{number} goes out for the {times}th time"));
        } else {
            // It would only count.
            self.state.seen.session.give_outs.clear();
        }
        self.state.seen.session.given.push(number);
    }
}
