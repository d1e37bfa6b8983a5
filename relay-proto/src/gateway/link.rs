//! The life of a link: dialed, greeted, up, lost, and dialed again.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::event::{Cause, Event, Next, StayedAwake, Transmit, Violation};
use super::latch::{Standing, Verdict, judge};
use super::state::{Leaving, Open, Purpose, State, Token};
use super::{Gateway, Status, Timer};
use crate::backoff;
use crate::close::{Close, CloseCode, DialError, Ended};
use crate::codec::LineSplitter;
use crate::event::Descriptor;
use crate::frame::ToConnector;
use crate::ids::LinkId;
use crate::liveness::Liveness;
use crate::time::Instant;

/// What a gateway does once a link is gone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    /// The attempt failed: the next rung of the ladder.
    Backoff,
    /// Dial at once.
    AtOnce,
    /// Dial at once, because something wants the gateway up (rule L7): also one that is told not to reconnect.
    Wake,
}

impl Gateway {
    pub(super) fn dial(&mut self, now: Instant) {
        let link = LinkId(self.next_link);
        self.next_link += 1;
        self.stop_link_timers();
        self.timers.stop(Timer::Hold);
        let good_until = self.config.token_lifetime.map(|lifetime| now + lifetime);
        self.state = State::Dialing(Token { link, good_until });
        self.timers.set(Timer::Dial, now + self.config.dial_timeout);
        self.outbox.transmit(Transmit::Dial(link));
    }

    pub(super) fn on_opened(&mut self, link: LinkId, now: Instant) {
        let Some(token) = self.state.token().filter(|_| self.state.dialing() == Some(link)) else { return };
        self.timers.stop(Timer::Dial);
        self.timers.set(Timer::Handshake, now + self.config.handshake_timeout);
        self.timers.set(Timer::Ping, now + self.config.ping_interval);
        self.state = State::Open(Box::new(Open {
            token,
            splitter: LineSplitter::new(self.config.line_limit),
            descriptors: Vec::new(),
            awaited: self.config.identities.len(),
            stable_from: now,
            liveness: Liveness::new(self.config.pong_timeout),
            leaving: Leaving::No,
        }));
        let config = self.config.clone();
        for identity in &config.identities {
            let hello = ToConnector::Hello {
                platform: (&*identity.platform).into(),
                bot_id: (&*identity.bot_id).into(),
                command_manifest: identity.commands(),
            };
            self.outbox.frame(link, &hello);
        }
    }

    pub(super) fn on_descriptor(&mut self, link: LinkId, json: &str, now: Instant) {
        let stable_from = now + self.config.stable_after;
        let Some(open) = self.state.open_as(link) else { return };
        if json.len() > Descriptor::LARGEST {
            return self.break_off(Violation::DescriptorTooLarge, now);
        }
        let descriptor = match Descriptor::parse(json) {
            Ok(descriptor) => descriptor,
            Err(error) => return self.break_off(Violation::Descriptor(error), now),
        };
        if open.is_linked() {
            open.keep_descriptor(descriptor);
            return;
        }
        open.keep_descriptor(descriptor);
        open.stable_from = stable_from;
        self.trusted = true;
        self.timers.stop(Timer::Handshake);
        self.outbox.event(Event::Linked(link));
        self.send_parked(link);
    }

    pub(super) fn on_pong(&mut self, link: LinkId, number: u32) {
        if let Some(open) = self.state.open_as(link) {
            open.liveness.pong(number);
        }
    }

    /// Whether reading pauses because the application is behind. (Where the peer is behind, it must not stay so: a
    /// missing pong ends such a link.)
    pub(super) fn is_deaf(&self) -> bool {
        self.is_app_behind() && !self.awaits_peer()
    }

    /// Answers to pings cannot be seen, so none is waited for.
    pub(super) fn go_deaf(&mut self) {
        if let Some(open) = self.state.open_mut() {
            open.liveness.go_deaf();
        }
    }

    pub(super) fn on_closed(&mut self, link: LinkId, ended: Ended, now: Instant) {
        let Some(open) = self.state.open_as(link) else { return };
        let verdict = match &ended {
            Ended::Broken(_) => Verdict::Retry,
            Ended::Closed(close) => {
                let stale = open.token.good_until.is_some_and(|until| now >= until);
                judge(close, Standing { trusted: self.trusted, linked: open.is_linked(), stale })
            }
        };
        match (verdict, ended) {
            (Verdict::Revoked, Ended::Closed(close)) => self.disable(close),
            (Verdict::RetryAtOnce, ended) => self.lose(Cause::Ended(ended), After::AtOnce, now),
            (Verdict::Retry | Verdict::Revoked, ended) => self.lose(Cause::Ended(ended), After::Backoff, now),
        }
    }

    pub(super) fn on_dial_failed(&mut self, link: LinkId, error: DialError, now: Instant) {
        if self.state.dialing() == Some(link) {
            self.lose(Cause::Dial(error), After::Backoff, now);
        }
    }

    pub(super) fn on_timer(&mut self, timer: Timer, due: Instant, now: Instant) {
        match timer {
            Timer::Dial => {
                let limit = self.config.dial_timeout;
                self.give_up(Cause::DialTimeout(limit), Close::new(CloseCode::GOING_AWAY, ""), now);
            }
            Timer::Handshake => {
                let cause = Cause::HandshakeTimeout(self.config.handshake_timeout);
                self.give_up(cause, Close::new(CloseCode::PROTOCOL, "no descriptor"), now);
            }
            Timer::Redial | Timer::Cadence => self.dial_unless_held(now),
            Timer::Ping => self.on_ping_due(now),
            Timer::Pong => {
                let cause = Cause::Silent(self.config.pong_timeout);
                self.give_up(cause, Close::new(CloseCode::GOING_AWAY, "no pong"), now);
            }
            Timer::Request => self.on_request_due(now),
            Timer::IdleAck => self.on_idle_ack_overdue(now),
            Timer::Drain => self.leave(now),
            Timer::Hold => self.on_hold_over(now),
            Timer::Resume => self.on_resume_check(due, now),
        }
    }

    fn on_ping_due(&mut self, now: Instant) {
        self.timers.set(Timer::Ping, now + self.config.ping_interval);
        self.outbox.trim();
        self.requests.trim();
        let deaf = self.is_deaf();
        if let Some(open) = self.state.open_mut() {
            let number = open.liveness.ping(now, deaf);
            let link = open.link();
            self.outbox.transmit(Transmit::Ping(link, number));
        }
    }

    /// The hold is over: what it parked is due (rule L8).
    fn on_hold_over(&mut self, now: Instant) {
        if self.state == State::Waiting && !self.timers.is_set(Timer::Redial) {
            self.dial(now);
        }
    }

    /// A dial of the gateway's own accord. A hold parks it (rule L8).
    pub(super) fn dial_unless_held(&mut self, now: Instant) {
        if self.timers.is_set(Timer::Hold) {
            self.state = State::Waiting;
            self.stop_link_timers();
        } else {
            self.dial(now);
        }
    }

    pub(super) fn on_wake(&mut self, now: Instant) {
        self.timers.stop(Timer::Hold);
        match &self.state {
            State::Waiting | State::Dormant | State::Stopped => self.dial(now),
            State::Open(open) if open.leaving.purpose() == Some(Purpose::Dormancy) => {
                self.relink(StayedAwake::Woken, now);
            }
            State::Open(_) | State::Dialing(_) | State::Disabled | State::ShutDown => {}
        }
    }

    /// The link was asked to flip and must not stay as it is: a flipped connector would buffer for a connected
    /// gateway for ever (rule I3).
    pub(super) fn relink(&mut self, why: StayedAwake, now: Instant) {
        let Some(open) = self.state.open_mut() else { return };
        open.leaving = Leaving::No;
        let link = open.link();
        self.outbox.event(Event::DormancyRefused(why));
        self.outbox.give_up(link, Close::new(CloseCode::GOING_AWAY, "staying awake"));
        let after = if why == StayedAwake::Woken { After::Wake } else { After::AtOnce };
        self.lose(Cause::Relinked, after, now);
    }

    /// The peer broke the protocol: the link ends, and counts as a failed attempt.
    pub(super) fn break_off(&mut self, violation: Violation, now: Instant) {
        let code = match violation {
            Violation::LineTooLong(_) => CloseCode::TOO_BIG,
            Violation::Descriptor(_) | Violation::DescriptorTooLarge => CloseCode::PROTOCOL,
            Violation::Overflow => CloseCode::POLICY,
        };
        // A close reason has at most 123 bytes.
        let mut reason = violation.to_string();
        reason.truncate(reason.floor_char_boundary(123));
        self.give_up(Cause::Violation(violation), Close::new(code, reason), now);
    }

    /// This end gives up the dial or the link.
    fn give_up(&mut self, cause: Cause, close: Close, now: Instant) {
        if let Some(token) = self.state.token() {
            self.outbox.give_up(token.link, close);
            self.lose(cause, After::Backoff, now);
        }
    }

    /// The link is gone. All that follows from it happens here and now (rule L10).
    fn lose(&mut self, cause: Cause, after: After, now: Instant) {
        let leaving = self.state.open().map_or(Leaving::No, |open| open.leaving);
        self.credit_stable_link(now);
        self.stop_link_timers();
        self.outbox.clear_link();
        self.state = State::Stopped;
        match leaving {
            Leaving::No => {}
            Leaving::Asked(Purpose::Dormancy) => {
                self.outbox.event(Event::DormancyRefused(StayedAwake::LinkLost));
            }
            // The connector has agreed: that it was the one to close changes nothing.
            Leaving::Draining(Purpose::Dormancy) => {
                self.sleep(now);
                return self.settle_lost();
            }
            Leaving::Asked(Purpose::Shutdown) | Leaving::Draining(Purpose::Shutdown) => {
                self.outbox.event(Event::Down { cause, next: Next::Stay });
                return self.finish_shutdown();
            }
        }
        let next = if self.config.reconnect || after == After::Wake {
            self.plan_redial(after, now)
        } else {
            Next::Stay
        };
        self.outbox.event(Event::Down { cause, next });
        self.settle_lost();
        if next == Next::Redial(now) {
            self.dial(now);
        }
    }

    /// The link is about to end. One that was stable starts the ladder anew (rule L3).
    pub(super) fn credit_stable_link(&mut self, now: Instant) {
        if self.state.open().is_some_and(|open| open.is_linked() && now >= open.stable_from) {
            self.backoff.reset();
        }
    }

    fn plan_redial(&mut self, after: After, now: Instant) -> Next {
        self.state = State::Waiting;
        let wait = self.backoff.fail(backoff::draw(self.seed, self.next_link));
        let at = match after {
            After::Backoff => now + wait,
            After::AtOnce | After::Wake => now,
        };
        let held_until = self.timers.get(Timer::Hold).filter(|until| *until > at);
        if held_until.is_none() && at > now {
            self.timers.set(Timer::Redial, at);
        }
        Next::Redial(held_until.unwrap_or(at))
    }

    /// The credential is revoked: no dial, ever again (rule A4).
    fn disable(&mut self, close: Close) {
        let leaving = self.state.open().and_then(|open| open.leaving.purpose());
        self.timers.stop_all();
        self.outbox.clear_link();
        self.state = State::Disabled;
        match leaving {
            Some(Purpose::Dormancy) => self.outbox.event(Event::DormancyRefused(StayedAwake::LinkLost)),
            Some(Purpose::Shutdown) | None => {}
        }
        self.outbox.event(Event::Disabled(close));
        if leaving == Some(Purpose::Shutdown) {
            self.finish_shutdown();
        } else {
            self.settle_disabled();
        }
    }

    /// Stops what belongs to a link or leads to one. A hold and the requests' deadlines go on.
    pub(super) fn stop_link_timers(&mut self) {
        use Timer::{Cadence, Dial, Drain, Handshake, IdleAck, Ping, Redial, Resume};
        for timer in [Dial, Handshake, Redial, Ping, IdleAck, Drain, Cadence, Resume] {
            self.timers.stop(timer);
        }
    }

    pub(super) fn describe_state(&self) -> Status {
        match &self.state {
            State::Waiting => {
                let next = self.timers.get(Timer::Redial).max(self.timers.get(Timer::Hold));
                Status::Reconnecting { at: next.unwrap_or_default(), failures: self.backoff.failures() }
            }
            State::Dialing(_) => Status::Dialing,
            State::Open(open) => match open.leaving.purpose() {
                Some(Purpose::Shutdown) => Status::ShuttingDown,
                Some(Purpose::Dormancy) => Status::GoingIdle,
                None if open.is_linked() => Status::Linked,
                None => Status::Greeting,
            },
            State::Dormant => Status::Dormant,
            State::Stopped => Status::Stopped,
            State::Disabled => Status::Disabled,
            State::ShutDown => Status::ShutDown,
        }
    }
}
