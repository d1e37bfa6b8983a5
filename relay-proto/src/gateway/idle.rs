//! Leaving a link on purpose: dormancy and shutdown.

use core::fmt;
use core::time::Duration;

use super::event::{Event, StayedAwake, Transmit};
use super::state::{Leaving, Purpose, State};
use super::{Gateway, Timer};
use crate::close::{Close, CloseCode};
use crate::frame::ToConnector;
use crate::ids::LinkId;
use crate::time::Instant;

/// Why something that needs a link cannot be done now. The caller's misuse, or bad luck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotNow {
    /// There is no link.
    NotLinked,
    /// The link is being left already.
    Leaving,
    /// The credential is revoked.
    Disabled,
    /// The gateway is shut down.
    ShutDown,
}

impl fmt::Display for NotNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotLinked => "the link is not up",
            Self::Leaving => "the link is being left already",
            Self::Disabled => "the relay is disabled",
            Self::ShutDown => "the gateway is shut down",
        })
    }
}

impl core::error::Error for NotNow {}

/// A resume check that comes this much too late means that the machine was suspended. Much more than a busy
/// machine delays a timer, much less than a suspension lasts.
const SUSPENDED: Duration = Duration::from_secs(5);

impl Gateway {
    pub(super) fn begin_dormancy(&mut self, now: Instant) -> Result<(), NotNow> {
        let open = match &mut self.state {
            State::Open(open) if open.leaving != Leaving::No => return Err(NotNow::Leaving),
            State::Open(open) if open.is_linked() => open,
            State::Disabled => return Err(NotNow::Disabled),
            State::ShutDown => return Err(NotNow::ShutDown),
            State::Open(_) | State::Waiting | State::Dialing(_) | State::Dormant | State::Stopped => {
                return Err(NotNow::NotLinked);
            }
        };
        open.leaving = Leaving::Asked(Purpose::Dormancy);
        let link = open.link();
        self.timers.set(Timer::IdleAck, now + self.config.idle_timeout);
        self.outbox.frame(link, &ToConnector::GoingIdle);
        Ok(())
    }

    pub(super) fn begin_shutdown(&mut self, now: Instant) {
        self.settle_parked_at_shutdown();
        let open = match &mut self.state {
            State::Open(open) => open,
            State::Dialing(_) | State::Waiting | State::Dormant | State::Stopped | State::Disabled => {
                return self.abandon_dial_and_finish();
            }
            State::ShutDown => return,
        };
        let (link, linked) = (open.link(), open.is_linked());
        let before = open.leaving;
        let shutting_down = Purpose::Shutdown;
        open.leaving = match before {
            Leaving::Asked(Purpose::Shutdown) | Leaving::Draining(Purpose::Shutdown) => return,
            Leaving::No if linked => Leaving::Asked(shutting_down),
            Leaving::Asked(Purpose::Dormancy) => Leaving::Asked(shutting_down),
            Leaving::No | Leaving::Draining(Purpose::Dormancy) => Leaving::Draining(shutting_down),
        };
        if before.purpose() == Some(Purpose::Dormancy) {
            self.outbox.event(Event::DormancyRefused(StayedAwake::ShutDown));
        } else if linked {
            self.outbox.frame(link, &ToConnector::GoingIdle);
        }
        self.timers.stop(Timer::Handshake);
        self.timers.stop(Timer::Hold);
        self.timers.set(Timer::Drain, now + self.config.drain_timeout);
        if linked {
            self.timers.set(Timer::IdleAck, now + self.config.shutdown_idle_timeout);
        }
        self.settle(now);
    }

    pub(super) fn on_idle_ack(&mut self, link: LinkId, now: Instant) {
        let Some(open) = self.state.open_as(link) else { return };
        let Leaving::Asked(purpose) = open.leaving else { return };
        open.leaving = Leaving::Draining(purpose);
        self.timers.stop(Timer::IdleAck);
        if purpose == Purpose::Dormancy {
            self.timers.set(Timer::Drain, now + self.config.drain_timeout);
        }
    }

    pub(super) fn on_idle_ack_overdue(&mut self, now: Instant) {
        let Some(open) = self.state.open_mut() else { return };
        match open.leaving {
            Leaving::Asked(Purpose::Dormancy) => self.relink(StayedAwake::NoAck, now),
            Leaving::Asked(Purpose::Shutdown) => open.leaving = Leaving::Draining(Purpose::Shutdown),
            Leaving::No | Leaving::Draining(_) => {}
        }
    }

    /// What every input ends with: a link that is being left, and on which nothing is in flight, is left.
    pub(super) fn settle(&mut self, now: Instant) {
        if self.is_deaf() {
            self.go_deaf();
        }
        if let Some(open) = self.state.open()
            && let Leaving::Draining(_) = open.leaving
            && !self.requests.any_in_flight()
        {
            self.leave(now);
        }
    }

    /// Closes the link on purpose. What the requests have not been told by now, they are told here.
    pub(super) fn leave(&mut self, now: Instant) {
        let Some(open) = self.state.open() else { return };
        let (link, purpose) = (open.link(), open.leaving.purpose());
        self.credit_stable_link(now);
        // What is already in the lane, acks above all, still goes out before the close.
        self.outbox.clear_requests();
        self.outbox.transmit(Transmit::Close(link, Close::new(CloseCode::NORMAL, "")));
        match purpose {
            Some(Purpose::Dormancy) => {
                self.sleep(now);
                self.settle_lost();
            }
            Some(Purpose::Shutdown) | None => self.finish_shutdown(),
        }
    }

    /// Dormant from here on: only [`Gateway::wake`], a resumed machine or the cadence lead back (rule I2).
    pub(super) fn sleep(&mut self, now: Instant) {
        self.stop_link_timers();
        self.state = State::Dormant;
        self.timers.set(Timer::Resume, now + self.config.resume_check);
        if let Some(cadence) = self.config.dormant_redial {
            self.timers.set(Timer::Cadence, now + cadence);
        }
        self.outbox.event(Event::Dormant);
    }

    /// The clock counts the time of a suspension, and a suspended machine cannot be on time.
    pub(super) fn on_resume_check(&mut self, due: Instant, now: Instant) {
        if now.since(due) >= SUSPENDED {
            self.dial_unless_held(now);
        } else {
            self.timers.set(Timer::Resume, now + self.config.resume_check);
        }
    }

    fn abandon_dial_and_finish(&mut self) {
        if let Some(link) = self.state.dialing() {
            self.outbox.give_up(link, Close::new(CloseCode::NORMAL, ""));
        }
        self.finish_shutdown();
    }

    /// The end: every waiter is told, and nothing will ever be dialed (rule L6).
    pub(super) fn finish_shutdown(&mut self) {
        self.settle_all_at_shutdown();
        self.timers.stop_all();
        self.state = State::ShutDown;
        self.outbox.event(Event::ShutDown);
    }
}
