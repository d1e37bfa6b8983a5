//! What the two poll loops have in common: one socket, those before it that are being closed, and a timer.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use relay_proto::{Close, Instant, LinkEvent, LinkId};

use crate::runtime::Runtime;
use crate::socket::Socket;
use crate::wire::{Closing, Wire};

/// How many messages are read before the rest has its turn, other tasks included: half of a connector's default window.
/// So the application answers one half of a burst while the peer, which has those acks, sends on.
const READ_BUDGET: usize = 16;

/// How often in a row the budget may be too small before deadlines count nevertheless: a thousand messages.
const MOST_BEHIND: usize = 64;

/// How long a socket may take to close, in milliseconds.
const LINGER: u64 = 2_000;

/// How many sockets may be closing at once. A peer that dials anew and anew must not cost more.
const MOST_CLOSING: usize = 8;

/// The sockets and the timer of one machine.
pub(crate) struct Port<R: Runtime, S> {
    runtime: R,
    wire: Option<Wire<S>>,
    /// The socket that a newer one took the place of, until the machine says how it is to be closed.
    replaced: Option<Wire<S>>,
    closing: VecDeque<(Closing<S>, R::Timer)>,
    timer: Option<(Instant, R::Timer)>,
    /// What was seen of the link and not yet handed to the machine.
    seen: Vec<LinkEvent>,
    /// The end of a socket that takes nothing more, held back until what the peer had sent by then is read: acks and
    /// results among it count.
    broken: Option<LinkEvent>,
    /// How often in a row the budget was too small for what the peer had sent.
    behind: usize,
}

impl<R: Runtime, S: Socket> Port<R, S> {
    pub(crate) fn new(runtime: R) -> Self {
        let (closing, seen) = (VecDeque::new(), Vec::new());
        Self { runtime, wire: None, replaced: None, closing, timer: None, seen, broken: None, behind: 0 }
    }

    pub(crate) fn runtime(&self) -> &R {
        &self.runtime
    }

    /// From now on this is the socket. One before it is only waited for to be closed.
    pub(crate) fn open(&mut self, link: LinkId, socket: S) {
        self.broken = None;
        let before = self.wire.replace(Wire::new(link, socket));
        let long_before = before.and_then(|before| self.replaced.replace(before));
        if let Some(wire) = long_before {
            self.linger(wire.answer_close());
        }
    }

    /// Something happened on the link.
    pub(crate) fn see(&mut self, event: LinkEvent) {
        self.seen.push(event);
    }

    /// Reads as much as the budget allows, if it is `wanted`. True when there may be more.
    pub(crate) fn poll_read(&mut self, wanted: bool, cx: &mut Context<'_>) -> bool {
        while wanted
            && let Some(wire) = &mut self.wire
            && let Poll::Ready(event) = wire.poll_read(cx)
        {
            let over = matches!(event, LinkEvent::Closed(..));
            self.seen.push(event);
            if over {
                self.forget_wire();
            }
            if self.seen.len() >= READ_BUDGET {
                self.behind += 1;
                if self.broken.is_none() || self.behind <= MOST_BEHIND {
                    return true;
                }
                break;
            }
        }
        self.behind = 0;
        if let Some(event) = self.broken.take() {
            self.seen.push(event);
            self.forget_wire();
        }
        false
    }

    /// Whether the machine is to be told that a deadline has passed. After a turn that came late, the answer may be
    /// among what the peer has sent already. But a peer that sends ever more does not hold up the time.
    pub(crate) fn has_caught_up(&self) -> bool {
        self.behind == 0 || self.behind > MOST_BEHIND
    }

    /// What was seen since the last call.
    pub(crate) fn take_seen(&mut self) -> std::vec::Drain<'_, LinkEvent> {
        self.seen.drain(..)
    }

    /// Whether another round has something to see.
    pub(crate) fn has_seen(&self) -> bool {
        !self.seen.is_empty() || self.broken.is_some()
    }

    /// Whether nothing is to be pulled from the machine, whose link is `current`, because the socket has no room. A
    /// socket that the machine is done with is only waited for to be closed.
    pub(crate) fn is_blocked(&mut self, current: Option<LinkId>, cx: &mut Context<'_>) -> bool {
        match &mut self.wire {
            Some(wire) => current == Some(wire.link()) && !wire.is_ready(cx),
            None => false,
        }
    }

    /// Sends a line on this link, if it is still there.
    pub(crate) fn send_line(&mut self, link: LinkId, line: Bytes) {
        self.send(link, |wire| wire.send_line(line));
    }

    /// Sends a ping on this link, if it is still there.
    pub(crate) fn send_ping(&mut self, link: LinkId, number: u32) {
        self.send(link, |wire| wire.send_ping(number));
    }

    /// Closes this link, if it is still there.
    pub(crate) fn close(&mut self, link: LinkId, close: &Close) {
        let is_meant = |wire: &mut Wire<S>| wire.link() == link;
        if let Some(wire) = self.wire.take_if(is_meant) {
            self.broken = None;
            self.linger(wire.close(close));
        } else if let Some(wire) = self.replaced.take_if(is_meant) {
            self.linger(wire.close(close));
        }
    }

    /// Closes a socket that never was a link.
    pub(crate) fn refuse(&mut self, link: LinkId, socket: S, close: &Close) {
        self.linger(Wire::new(link, socket).close(close));
    }

    /// What was written goes out, all of it at once.
    pub(crate) fn flush(&mut self, cx: &mut Context<'_>) {
        if self.broken.is_none()
            && let Some(wire) = &mut self.wire
            && let Err(event) = wire.flush(cx)
        {
            self.broken = Some(event);
        }
    }

    /// Whether no socket is being closed any more.
    pub(crate) fn poll_closed(&mut self, cx: &mut Context<'_>) -> bool {
        self.closing.retain_mut(|(closing, limit)| {
            closing.poll_done(cx).is_pending() && Pin::new(limit).poll(cx).is_pending()
        });
        self.closing.is_empty()
    }

    /// Sees to it that the task is woken at the deadline. A timer that fires earlier than that is left to do so: to
    /// set another one for each request would cost more.
    pub(crate) fn poll_timer(&mut self, deadline: Option<Instant>, cx: &mut Context<'_>) {
        let Some(deadline) = deadline else {
            self.timer = None;
            return;
        };
        if self.timer.as_ref().is_none_or(|(at, _)| *at > deadline) {
            self.timer = Some((deadline, self.runtime.timer(deadline)));
        }
        while let Some((_, timer)) = &mut self.timer
            && Pin::new(timer).poll(cx).is_ready()
        {
            if deadline <= self.runtime.now() {
                self.timer = None;
                cx.waker().wake_by_ref();
                return;
            }
            self.timer = Some((deadline, self.runtime.timer(deadline)));
        }
    }

    fn send(&mut self, link: LinkId, send: impl FnOnce(&mut Wire<S>) -> Result<(), LinkEvent>) {
        if let Some(wire) = self.wire.as_mut().filter(|wire| wire.link() == link)
            && let Err(event) = send(wire)
        {
            self.broken = Some(event);
        }
    }

    fn forget_wire(&mut self) {
        self.broken = None;
        if let Some(wire) = self.wire.take() {
            self.linger(wire.answer_close());
        }
    }

    fn linger(&mut self, closing: Closing<S>) {
        let limit = Instant::from_millis(self.runtime.now().as_millis() + LINGER);
        if self.closing.len() == MOST_CLOSING {
            self.closing.pop_front();
        }
        self.closing.push_back((closing, self.runtime.timer(limit)));
    }
}
