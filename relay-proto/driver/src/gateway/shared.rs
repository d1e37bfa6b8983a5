//! What the driving task and the application's handles share: the machine, behind a lock.
//!
//! Handles act on the machine directly and then wake the task, so that a call costs no message and no switch of
//! tasks, and a refused one gives its argument back at once.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_channel::oneshot;
use relay_proto::gateway::{Event, Gateway, Outcome, Status, StayedAwake};
use relay_proto::{Instant, RequestId};

use super::status::LinkStatus;
use crate::runtime::Clock;
use crate::signal::{Signal, Watched};

pub(super) struct Shared {
    state: Mutex<State>,
    clock: Box<dyn Clock>,
}

pub(super) struct State {
    pub(super) machine: Gateway,
    /// The driving task.
    pub(super) driver: Signal,
    /// The task that takes deliveries.
    pub(super) receiver: Signal,
    /// Whether anybody takes deliveries.
    pub(super) received: bool,
    pub(super) status: Watched<LinkStatus>,
    /// Who waits for an outcome; in the order of the requests.
    waiters: VecDeque<(RequestId, oneshot::Sender<Outcome>)>,
    /// Who waits for a dormancy to come about.
    pub(super) falling_asleep: Vec<oneshot::Sender<Result<(), StayedAwake>>>,
    /// Who waits for the end.
    pub(super) ending: Vec<oneshot::Sender<()>>,
    /// Whether the driving task is gone.
    pub(super) ended: bool,
}

impl Shared {
    pub(super) fn new(machine: Gateway, clock: Box<dyn Clock>) -> Self {
        let status = LinkStatus { status: machine.status(), cause: None };
        let state = State {
            machine,
            driver: Signal::default(),
            receiver: Signal::default(),
            received: true,
            status: Watched::new(status),
            waiters: VecDeque::new(),
            falling_asleep: Vec::new(),
            ending: Vec::new(),
            ended: false,
        };
        Self { state: Mutex::new(state), clock }
    }

    /// The state; a panic elsewhere does not make it unusable, for no call leaves the machine half done.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Something that the application does: acts on the machine, tells who waits, and wakes the driving task.
    pub(super) fn act<T>(&self, act: impl FnOnce(&mut State, Instant) -> T) -> T {
        let now = self.now();
        let mut state = self.lock();
        let result = act(&mut state, now);
        state.publish();
        state.driver.wake();
        result
    }
}

impl State {
    pub(super) fn wait_for_outcome(&mut self, request: RequestId) -> oneshot::Receiver<Outcome> {
        let (sender, receiver) = oneshot::channel();
        self.waiters.push_back((request, sender));
        receiver
    }

    /// Hands on what the machine has said, to whoever waits for it. After every call that changes the machine.
    pub(super) fn publish(&mut self) {
        let mut cause = None;
        while let Some(event) = self.machine.poll_event() {
            match event {
                Event::Resolved(request, outcome) => self.resolve(request, outcome),
                Event::Down { cause: why, .. } => cause = Some(Arc::new(why)),
                Event::Dormant => self.fall_asleep(Ok(())),
                Event::DormancyRefused(why) => self.fall_asleep(Err(why)),
                Event::Linked(_) | Event::Disabled(_) | Event::ShutDown => {}
            }
        }
        let (status, known) = (self.machine.status(), self.status.get());
        if cause.is_some() || status != known.status {
            let cause = cause.or_else(|| known.cause.clone());
            self.status.set(LinkStatus { status, cause });
        }
    }

    fn resolve(&mut self, request: RequestId, outcome: Outcome) {
        if let Ok(place) = self.waiters.binary_search_by_key(&request, |(held, _)| *held)
            && let Some((_, waiter)) = self.waiters.remove(place)
        {
            // Who waited may have stopped waiting.
            _ = waiter.send(outcome);
        }
    }

    fn fall_asleep(&mut self, result: Result<(), StayedAwake>) {
        for waiter in self.falling_asleep.drain(..) {
            _ = waiter.send(result);
        }
    }

    /// The driving task ends: nothing will ever happen again.
    pub(super) fn end(&mut self, now: Instant) {
        self.machine.shut_down(now);
        self.publish();
        self.ended = true;
        self.waiters.clear();
        self.ending.drain(..).for_each(|waiter| _ = waiter.send(()));
        self.receiver.wake();
    }

    /// Whether anything can still come from the peer.
    pub(super) fn is_over(&self) -> bool {
        self.ended || matches!(self.machine.status(), Status::ShutDown | Status::Disabled)
    }
}

/// The application's handles as a whole: when the last one goes, the gateway shuts down.
pub(super) struct Handles(Arc<Shared>);

impl Handles {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Drop for Handles {
    fn drop(&mut self) {
        self.0.act(|state, now| state.machine.shut_down(now));
    }
}

impl fmt::Debug for Handles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handles")
    }
}
