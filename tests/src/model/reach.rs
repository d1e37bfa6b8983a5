//! What reaches a machine over a link, and what it must do upon it at once.

use relay_proto::LinkEvent;
use relay_proto::close::Ended;
use relay_proto::gateway::Status;

use super::rules::Rule;
use super::seen::Beat;
use super::step::{INTERRUPT, Step};
use super::wire::{Packet, Wire, field, kind};
use super::world::Entries;

impl Step<'_> {
    pub(super) fn connect(&mut self) {
        let Some(id) = self.state.dialing.take() else { return };
        let session_id = self.accept_link();
        self.state.wires.push(Wire::new(id, session_id));
        let greeted_by = self.state.now + self.model.gateway.handshake_timeout;
        let beat = Beat::begin(self.state.now);
        if let Some(held) = &mut self.state.seen.held {
            (held.opened, held.greeted_by, held.beat) = (true, greeted_by, beat);
        }
        self.open_at_session(session_id);
        self.give_gateway(LinkEvent::Opened(id, self.model.features()));
    }

    pub(super) fn reach_gateway(&mut self, place: usize) {
        if let Some(packet) = self.state.wires[place].arrives_at_gateway() {
            self.give_packet_to_gateway(place, packet);
        }
    }

    pub(super) fn burst(&mut self, place: usize) {
        let packet = self.state.wires[place].burst_at_gateway();
        self.give_packet_to_gateway(place, packet);
    }

    fn give_packet_to_gateway(&mut self, place: usize, packet: Packet) {
        let id = self.state.wires[place].gateway.id;
        let is_held = self.state.seen.held.as_ref().is_some_and(|held| held.id == id);
        match packet {
            Packet::Line(lines) => {
                let expected = if is_held { self.expect(&lines) } else { Expected::default() };
                self.saw.acks_due = expected.acked.len();
                self.give_gateway(LinkEvent::Received(id, lines));
                self.drain_gateway();
                if is_held {
                    self.judge_reading(&expected);
                }
            }
            Packet::Ping(_) => {}
            Packet::Pong(number) => {
                if let Some(held) = self.state.seen.held.as_mut().filter(|_| is_held) {
                    held.beat.pong(number);
                }
                self.give_gateway(LinkEvent::Pong(id, number));
            }
            Packet::Close(close) => self.lose(id, is_held, &Ended::Closed(close)),
            Packet::Broken => self.lose(id, is_held, &Ended::broken("reset by peer")),
        }
    }

    /// What the gateway must do upon these lines.
    fn expect(&mut self, lines: &[u8]) -> Expected {
        let mut expected = Expected::default();
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            match kind(line) {
                "inbound" | "passthrough_forward" => self.expect_delivery(line, &mut expected),
                "interrupt_inbound" => expected.handed.push(INTERRUPT),
                "outbound_result" => expected.results.extend(number_of_result(line)),
                "descriptor" => {
                    let platform = field(line, "platform").unwrap_or_default().to_owned();
                    self.see_descriptor(platform);
                }
                "going_idle_ack" => {
                    if let Some(held) = &mut self.state.seen.held {
                        held.idle_acked = true;
                        self.saw.idle_acked = true;
                    }
                }
                _ => {}
            }
        }
        let held = self.state.seen.held.as_ref();
        expected.asked_idle = held.is_some_and(|held| held.asked_idle && !held.idle_acked);
        let asked = &self.state.app.asked;
        expected.results.retain(|id| asked.iter().any(|asked| asked.written && asked.id.0 == *id));
        expected
    }

    fn expect_delivery(&mut self, line: &[u8], expected: &mut Expected) {
        let Some(number) = number_of_delivery(line) else { return };
        let entry = number_of_entry(line);
        if self.state.app.told.contains(number) {
            expected.acked.extend(entry);
        } else if let Some(arrived) = self.state.waiting(number) {
            arrived.entries.extend(entry);
        } else if !expected.handed.contains(&number) {
            expected.handed.push(number);
        }
        expected.came.extend(entry.map(|entry| (number, entry)));
    }

    fn see_descriptor(&mut self, platform: String) {
        let stable_from = self.state.now + self.model.gateway.stable_after;
        let Some(held) = &mut self.state.seen.held else { return };
        if held.descriptors.is_empty() {
            held.stable_from = stable_from;
        }
        held.descriptors.push(platform);
    }

    fn judge_reading(&mut self, expected: &Expected) {
        for (number, entry) in &expected.came {
            if let Some(arrived) = self.state.waiting(*number) {
                arrived.entries.insert(*entry);
            }
        }
        // A link that is dropped takes its acks along.
        if self.saw.overflow {
            return;
        }
        let stalled = self.state.stalled.is_some();
        for entry in expected.acked.iter().filter(|_| !stalled) {
            let acked = self.saw.acks.contains(entry);
            self.demand(acked, Rule::D3, || format!("{entry} is stored, comes again, and is not acked"));
        }
        for number in &expected.handed {
            let handed = self.saw.handed.contains(number);
            let rule = match number {
                &INTERRUPT => Rule::D6,
                number if self.state.seen.ever_released.contains(*number) => Rule::D4,
                1 if self.model.world.entries == Entries::Edits => Rule::D2,
                _ if expected.asked_idle => Rule::I1,
                _ => Rule::W1,
            };
            self.demand(handed, rule, || format!("{number} has come, and is not handed out"));
        }
        if !expected.handed.is_empty() {
            let in_order = self.saw.handed.iter().filter(|number| expected.handed.contains(number));
            let in_order =
                in_order.eq(expected.handed.iter().filter(|number| self.saw.handed.contains(number)));
            let saw = self.saw.handed.clone();
            self.demand(in_order, Rule::D5, || format!("{:?} came, as {saw:?}", expected.handed));
        }
        self.judge_results(expected);
    }

    fn judge_results(&mut self, expected: &Expected) {
        let rule = if self.state.seen.shutdown.is_some() { Rule::O10 } else { Rule::O1 };
        for id in &expected.results {
            let waits = self.state.app.asked.iter().any(|asked| asked.id.0 == *id);
            self.demand(!waits, rule, || format!("the result of request {id} has come, and it still waits"));
        }
    }

    pub(super) fn reach_session(&mut self, place: usize) {
        let id = self.state.wires[place].session.id;
        let Some(packet) = self.state.wires[place].arrives_at_session() else { return };
        let is_its = self.state.seen.session.link == Some(id);
        let (mut acked, mut asked_idle) = (None, false);
        let event = match packet {
            Packet::Line(line) => {
                if is_its {
                    asked_idle = kind(&line) == "going_idle";
                    acked = self.session_hears(&line);
                }
                LinkEvent::Received(id, line)
            }
            Packet::Ping(_) => return,
            Packet::Pong(number) => {
                if is_its {
                    self.state.seen.session.beat.pong(number);
                }
                LinkEvent::Pong(id, number)
            }
            Packet::Close(close) => LinkEvent::Closed(id, Ended::Closed(close)),
            Packet::Broken => LinkEvent::Closed(id, Ended::broken("reset by peer")),
        };
        if let LinkEvent::Closed(..) = event {
            self.state.seen.session.link.take_if(|link| *link == id);
        }
        self.state.session.handle_link(event, self.state.now);
        self.drain_session();
        if let Some(acked) = acked {
            self.judge_passed_over(acked);
        }
        if asked_idle && self.state.session_stalled.is_none() {
            let acked = self.saw.idle_ack_written;
            self.demand(acked, Rule::C5, || "`going_idle` is not acked".to_owned());
        }
    }

    fn session_hears(&mut self, line: &[u8]) -> Option<u64> {
        let seen = &mut self.state.seen.session;
        match kind(line) {
            "hello" => seen.hellos += 1,
            "going_idle" => seen.owed_before_ack = seen.owed,
            "inbound_ack" => {
                let acked = number_of_entry(line);
                seen.acked.extend(acked);
                seen.acked_on_link.extend(acked);
                return acked;
            }
            _ => {}
        }
        None
    }

    /// A peer that never acks passthroughs has acked a later entry of the link.
    fn judge_passed_over(&mut self, acked: u64) {
        let world = &self.model.world;
        let seen = &self.state.seen.session;
        if !seen.given.contains(&acked) {
            return;
        }
        let silent =
            |entry: &&u64| **entry < acked && world.is_passthrough(**entry) && !world.is_acked(**entry);
        let passed_over: Vec<u64> = seen.given.iter().filter(silent).copied().collect();
        for entry in passed_over {
            let settled = !self.state.desk.store.contains(entry);
            self.demand(settled, Rule::C9, || format!("{entry} was passed over, and is not settled"));
        }
    }

    /// Whether the gateway serves on, while nothing is known of the connector's answer to `going_idle`.
    pub(super) fn is_leaving_for_good(&self) -> bool {
        matches!(self.state.status(), Some(Status::ShuttingDown | Status::ShutDown))
    }
}

/// What the gateway must do upon the lines that it reads.
#[derive(Default)]
struct Expected {
    /// These come to the application, in this order.
    handed: Vec<u64>,
    /// These entries are acked.
    acked: Vec<u64>,
    /// The deliveries and the entries that they came as.
    came: Vec<(u64, u64)>,
    /// The results that these requests wait for.
    results: Vec<u64>,
    /// It has asked the connector to only buffer, and is not answered.
    asked_idle: bool,
}

/// Which entry this line is, or acks.
pub(super) fn number_of_entry(line: &[u8]) -> Option<u64> {
    field(line, "bufferId")?.strip_prefix("0-")?.parse().ok()
}

/// Which request this result is for, as its own machine counts.
fn number_of_result(line: &[u8]) -> Option<u64> {
    field(line, "requestId")?.split_once('-')?.1.parse().ok()
}

/// What the application sees in this line, or in the JSON of its event or forward.
pub(super) fn number_of_delivery(line: &[u8]) -> Option<u64> {
    let text = field(line, "text").and_then(|text| text.strip_prefix("text of "));
    text.or_else(|| field(line, "path")?.strip_prefix("/hook/"))?.parse().ok()
}
