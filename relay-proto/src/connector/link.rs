//! The life of a session's link: accepted, greeted, flipped, replaced, lost.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::ToString;

use bytes::Bytes;

use super::event::{Cause, Event, Hello, Transmit, Violation};
use super::{Closed, Session, Status, Timer};
use crate::close::{Close, CloseCode, Ended, REASON_UNAUTHORIZED};
use crate::codec::{self, Decoded, Encode, LineSplitter, LineTooLong};
use crate::event::Descriptor;
use crate::frame::{DeliveryKind, ToConnector, ToGateway};
use crate::ids::{LinkId, Position};
use crate::json::Json;
use crate::link::Features;
use crate::liveness::{self, Liveness};
use crate::time::Instant;

/// No gateway has more bots than this.
const MOST_HELLOS: usize = 64;

/// A longer name of a platform or a bot is none: it would cost memory with each of the gateway's requests.
const LONGEST_NAME: usize = 256;

/// A ping whose pong says that the peer has read the entries before a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Probe {
    ping: u32,
    read_to: Position,
}

/// An open socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Link {
    id: LinkId,
    /// Whether the peer acks passthroughs: it said so, or it has done it.
    acks_passthroughs: bool,
    splitter: LineSplitter,
    liveness: Liveness,
    /// A ping that was sent behind a window full of passthroughs, and what it was sent behind.
    probe: Option<Probe>,
    /// The bots that the gateway fronts, the default one first.
    identities: VecDeque<(Box<str>, Box<str>)>,
    /// The answers to the hellos that are not sent yet, from the first unanswered one on.
    answers: VecDeque<Option<Bytes>>,
    /// Whether the gateway asked to be only buffered for (rule C5).
    flipped: bool,
}

impl Link {
    pub(super) fn id(&self) -> LinkId {
        self.id
    }

    pub(super) fn acks_passthroughs(&self) -> bool {
        self.acks_passthroughs
    }

    /// Whether some hello, and every hello so far, is answered.
    fn is_greeted(&self) -> bool {
        !self.identities.is_empty() && self.answers.is_empty()
    }

    pub(super) fn takes_entries(&self) -> bool {
        self.is_greeted() && !self.flipped
    }

    pub(super) fn rebase(&mut self, epoch: Instant) {
        self.liveness.rebase(epoch);
    }

    pub(super) fn pong_deadline(&self) -> Option<Instant> {
        self.liveness.deadline()
    }

    pub(super) fn status(&self) -> Status {
        if self.flipped {
            Status::Flipped
        } else if self.is_greeted() {
            Status::Live
        } else {
            Status::Greeting
        }
    }

    /// The bot that a frame with these tags acts as; untagged, the first one. `None` for one that is not fronted.
    pub(super) fn identity(&self, platform: Option<&str>, bot_id: Option<&str>) -> Option<(&str, &str)> {
        let fits = |(held_platform, held_bot): &&(Box<str>, Box<str>)| {
            platform.is_none_or(|platform| *platform == **held_platform)
                && bot_id.is_none_or(|bot_id| *bot_id == **held_bot)
        };
        self.identities.iter().find(fits).map(|(platform, bot_id)| (&**platform, &**bot_id))
    }
}

impl Session {
    pub(super) fn on_opened(&mut self, id: LinkId, features: Features, now: Instant) {
        let refusal = match self.closed {
            Closed::No => None,
            Closed::Revoked => Some(Close::new(CloseCode::UNAUTHORIZED, REASON_UNAUTHORIZED)),
            Closed::ShutDown => Some(Close::new(CloseCode::GOING_AWAY, "shutting down")),
        };
        if let Some(close) = refusal {
            self.transmits.push_back(Transmit::Close(id, close));
            return;
        }
        self.give_up(Close::new(CloseCode::GOING_AWAY, "replaced by a newer link"), Cause::Replaced);
        self.mailbox.rewind();
        self.timers.stop(Timer::Poke);
        self.timers.set(Timer::Hello, now + self.config.hello_timeout);
        self.timers.set(Timer::Ping, now + self.config.ping_interval);
        self.link = Some(Link {
            id,
            acks_passthroughs: features.passthrough_ack,
            splitter: LineSplitter::new(self.config.line_limit),
            liveness: Liveness::new(self.config.pong_timeout),
            probe: None,
            identities: VecDeque::new(),
            answers: VecDeque::new(),
            flipped: false,
        });
    }

    pub(super) fn on_received(&mut self, id: LinkId, mut message: Bytes, now: Instant) {
        // A line can end the link, and with it the splitter: it is looked up for each.
        while let Some(link) = self.link_as(id) {
            match link.splitter.next_line(&mut message) {
                Ok(Some(line)) => self.on_line(id, &line, now),
                Ok(None) => return,
                Err(error) => return self.break_off(Violation::LineTooLong(error)),
            }
        }
    }

    pub(super) fn on_too_large(&mut self, id: LinkId) {
        if self.link_as(id).is_some() {
            let limit = self.config.line_limit;
            self.break_off(Violation::LineTooLong(LineTooLong { limit }));
        }
    }

    fn on_line(&mut self, id: LinkId, line: &Bytes, now: Instant) {
        let frame = match codec::decode_to_connector(line) {
            Ok(Decoded::Frame(frame)) => frame,
            Ok(Decoded::Unknown) => return self.skipped.unknown += 1,
            Err(_) => return self.skipped.malformed += 1,
        };
        match frame {
            ToConnector::InboundAck { buffer_id } => self.on_ack(&buffer_id),
            ToConnector::Outbound { request_id, action, platform, bot_id } => {
                self.on_outbound(&request_id, action, platform.as_deref(), bot_id.as_deref());
            }
            ToConnector::Hello { platform, bot_id, command_manifest } => {
                let commands = command_manifest.map(|raw| Bytes::copy_from_slice(raw.get().as_bytes()));
                self.on_hello(&platform, &bot_id, commands);
            }
            ToConnector::Interrupt { session_key, reason } => {
                let reason = reason.as_deref().map(Box::from);
                self.events.push_back(Event::Interrupt { session_key: (&*session_key).into(), reason });
            }
            ToConnector::GoingIdle => self.on_going_idle(id, now),
        }
    }

    fn on_ack(&mut self, buffer_id: &str) {
        let acked = self.parse_buffer_id(buffer_id);
        let Some((position, (kind, on_link))) = acked.and_then(|at| Some((at, self.mailbox.ack(at)?))) else {
            self.skipped.unknown_acks += 1;
            return;
        };
        self.events.push_back(Event::Acked(position));
        let Some(link) = &mut self.link else { return };
        if kind == DeliveryKind::Passthrough {
            link.acks_passthroughs = true;
        }
        if on_link && !link.acks_passthroughs {
            self.pass_over(position);
        }
    }

    /// The peer, which acks no passthroughs, has read all before this position.
    fn pass_over(&mut self, read_to: Position) {
        while let Some(passed_over) = self.mailbox.take_passed_over(read_to) {
            self.events.push_back(Event::Acked(passed_over));
        }
    }

    fn on_hello(&mut self, platform: &str, bot_id: &str, command_manifest: Option<Bytes>) {
        let Some(link) = &mut self.link else { return };
        let number = link.identities.len();
        if number == MOST_HELLOS {
            return self.break_off(Violation::TooManyHellos);
        }
        if platform.len().max(bot_id.len()) > LONGEST_NAME {
            self.skipped.malformed += 1;
            return;
        }
        self.timers.stop(Timer::Hello);
        link.identities.push_back((platform.into(), bot_id.into()));
        link.answers.push_back(None);
        let (platform, bot_id) = (platform.into(), bot_id.into());
        self.events.push_back(Event::Hello(Hello {
            link: link.id,
            number,
            platform,
            bot_id,
            command_manifest,
        }));
    }

    pub(super) fn on_described(&mut self, id: LinkId, number: usize, descriptor: &Descriptor) {
        let Some(link) = self.link_as(id) else { return };
        let first_open = link.identities.len() - link.answers.len();
        let slot = number.checked_sub(first_open).and_then(|index| link.answers.get_mut(index));
        let (Some(slot @ None), Some((platform, _))) = (slot, link.identities.get(number)) else { return };
        let mut json = descriptor.to_json();
        if json.len() > Descriptor::LARGEST {
            // No gateway takes it, and each would dial for ever.
            json = Descriptor::builtin(platform).to_json();
        }
        let Some(descriptor) = Json::parse(&json) else { return };
        *slot = Some(ToGateway::Descriptor { descriptor }.to_line());
        let (mut sent, mut lines) = (first_open, VecDeque::new());
        while let Some(Some(line)) = link.answers.pop_front_if(|answer| answer.is_some()) {
            lines.push_back(line);
            sent += 1;
        }
        if first_open == 0 && sent > 0 {
            self.events.push_back(Event::Linked(id));
        }
        self.queued_bytes += lines.iter().map(Bytes::len).sum::<usize>();
        self.transmits.extend(lines.into_iter().map(|line| Transmit::Frame(id, line)));
    }

    fn on_going_idle(&mut self, id: LinkId, now: Instant) {
        let Some(link) = self.link_as(id) else { return };
        if !link.flipped {
            link.flipped = true;
            self.timers.set(Timer::Flip, now + self.config.flip_timeout);
            self.events.push_back(Event::Flipped);
        }
        // What has been pulled before is being written before: nothing more than that goes out ahead of this.
        self.queue(&ToGateway::GoingIdleAck);
    }

    pub(super) fn on_timer(&mut self, timer: Timer, now: Instant) {
        match timer {
            Timer::Hello => {
                let cause = Cause::HelloTimeout(self.config.hello_timeout);
                self.give_up(Close::new(CloseCode::POLICY, "no hello"), cause);
            }
            Timer::Ping => {
                self.timers.set(Timer::Ping, now + self.config.ping_interval);
                if let Some(link) = &mut self.link {
                    // Even while the peer is not read: that is so because it takes nothing, and must not last.
                    let number = link.liveness.ping(now, false);
                    // Nothing else will ever settle these (rule C9), and nothing more goes out before they are.
                    if !link.acks_passthroughs
                        && link.probe.is_none()
                        && let Some(last) = self.mailbox.stuck_behind_passthroughs()
                    {
                        link.probe = Some(Probe { ping: number, read_to: Position(last.0 + 1) });
                    }
                    self.transmits.push_back(Transmit::Ping(link.id, number));
                }
            }
            Timer::Pong => {
                let cause = Cause::Silent(self.config.pong_timeout);
                self.give_up(Close::new(CloseCode::GOING_AWAY, "no pong"), cause);
            }
            Timer::Flip => {
                if let Some(link) = &mut self.link {
                    link.flipped = false;
                    self.events.push_back(Event::Unflipped);
                }
            }
            Timer::Poke => self.poke(now),
        }
    }

    pub(super) fn on_pong(&mut self, id: LinkId, number: u32) {
        let Some(link) = self.link_as(id) else { return };
        link.liveness.pong(number);
        let answers = |probe: &mut Probe| liveness::answers(number, probe.ping);
        if let Some(probe) = link.probe.take_if(answers)
            && !link.acks_passthroughs
        {
            self.pass_over(probe.read_to);
        }
    }

    pub(super) fn on_closed(&mut self, id: LinkId, ended: Ended) {
        if self.link_as(id).is_some() {
            self.drop_link(Cause::Ended(ended));
        }
    }

    pub(super) fn close_for_good(&mut self, how: Closed) {
        if self.closed == Closed::ShutDown || self.closed == how {
            return;
        }
        self.closed = how;
        self.timers.stop(Timer::Poke);
        match how {
            Closed::Revoked => {
                self.give_up(Close::new(CloseCode::UNAUTHORIZED, REASON_UNAUTHORIZED), Cause::Revoked);
                self.events.push_back(Event::Revoked);
            }
            Closed::ShutDown | Closed::No => {
                self.give_up(Close::new(CloseCode::GOING_AWAY, "shutting down"), Cause::ShutDown);
            }
        }
    }

    fn break_off(&mut self, violation: Violation) {
        let code = match violation {
            Violation::LineTooLong(_) => CloseCode::TOO_BIG,
            Violation::TooManyHellos | Violation::TakesNothing => CloseCode::POLICY,
        };
        self.give_up(Close::new(code, violation.to_string()), Cause::Violation(violation));
    }

    /// This end gives the link up, if there is one.
    pub(super) fn give_up(&mut self, close: Close, cause: Cause) {
        if let Some(link) = &self.link {
            let id = link.id;
            self.drop_link(cause);
            self.transmits.push_back(Transmit::Close(id, close));
        }
    }

    fn drop_link(&mut self, cause: Cause) {
        let Some(link) = self.link.take() else { return };
        self.timers.stop_all();
        self.tickets.forget();
        // Closes of links that were refused or replaced are still to be done.
        self.transmits.retain(|transmit| matches!(transmit, Transmit::Close(..)));
        self.queued_bytes = 0;
        self.events.push_back(Event::Down(link.id, cause));
        self.plan_poke();
    }

    /// What waits for a gateway that is away is worth a poke, as soon as there may be one (rule C8). That includes
    /// what came, or was given out, before the link was found to be gone: nothing else may bring the gateway back.
    pub(super) fn plan_poke(&mut self) {
        let may = self.wakeable && self.closed == Closed::No;
        if may && self.link.is_none() && self.mailbox.backlog() > 0 {
            self.timers.set(Timer::Poke, self.poke_from);
        }
    }

    pub(super) fn poke_if_due(&mut self, now: Instant) {
        if self.timers.get(Timer::Poke).is_some_and(|at| at <= now) {
            self.timers.stop(Timer::Poke);
            self.poke(now);
        }
    }

    fn poke(&mut self, now: Instant) {
        self.poke_from = now + self.config.poke_cooldown;
        self.events.push_back(Event::Poke);
    }

    /// Queues a frame for the present link, unless its line is longer than a gateway takes: then, false.
    pub(super) fn queue_if_it_fits(&mut self, frame: &ToGateway<'_>) -> bool {
        let line = self.scratch.line(frame);
        let fits = line.len() <= self.config.send_limit;
        if fits {
            self.queue_line(line);
        }
        fits
    }

    fn queue(&mut self, frame: &ToGateway<'_>) {
        let line = self.scratch.line(frame);
        self.queue_line(line);
    }

    fn queue_line(&mut self, line: Bytes) {
        let Some(link) = &self.link else { return };
        self.queued_bytes += line.len();
        self.transmits.push_back(Transmit::Frame(link.id, line));
        if self.queued_bytes > self.config.queue_limit {
            self.break_off(Violation::TakesNothing);
        }
    }

    fn link_as(&mut self, id: LinkId) -> Option<&mut Link> {
        self.link.as_mut().filter(|link| link.id == id)
    }
}
