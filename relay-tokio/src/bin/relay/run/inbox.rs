//! The inbox in memory: deliveries that the agent is not done with, and where replies to them go.
//!
//! Nothing of it outlives the process, so a delivery is acked to the connector only when the agent is done with it:
//! what a crash takes with it comes again.

use std::collections::{BTreeMap, VecDeque};

use relay_tokio::Delivery;

use super::protocol;

/// How many deliveries can still be replied to after the agent is done with them.
const REMEMBERED: usize = 4096;

/// How many deliveries the agent may have and not be done with, before no more are taken.
const MOST_HELD: usize = 1024;

/// How many bytes they may have together.
const MOST_HELD_BYTES: usize = 64 << 20;

#[derive(Default)]
pub(super) struct Inbox {
    next: u64,
    /// In the order of arrival.
    held: BTreeMap<u64, Held>,
    held_bytes: usize,
    origins: BTreeMap<u64, Origin>,
    /// Of the deliveries in `origins` that the agent is done with, the oldest first.
    done: VecDeque<u64>,
}

struct Held {
    delivery: Delivery,
    line: String,
}

/// Where a delivery came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) chat_id: String,
    pub(super) platform: String,
    pub(super) thread_id: Option<String>,
}

impl Inbox {
    /// Takes a delivery: its id, and the line about it for the agent.
    pub(super) fn take(&mut self, delivery: Delivery) -> (String, &str) {
        let id = self.next;
        self.next += 1;
        if let Some(origin) = origin_of(&delivery) {
            self.origins.insert(id, origin);
        }
        let name = id.to_string();
        let line = protocol::delivery(&name, &delivery);
        let held = Held { delivery, line };
        self.held_bytes += held.bytes();
        (name, &self.held.entry(id).or_insert(held).line)
    }

    /// The agent is done with the delivery: from here on the connector may forget it. False when it is not held.
    pub(super) fn done(&mut self, id: &str) -> bool {
        let Some(id) = id.parse().ok() else { return false };
        let Some(held) = self.held.remove(&id) else { return false };
        self.held_bytes -= held.bytes();
        held.delivery.stored();
        self.done.push_back(id);
        if self.done.len() > REMEMBERED
            && let Some(oldest) = self.done.pop_front()
        {
            self.origins.remove(&oldest);
        }
        true
    }

    /// What the agent is not done with, and the line about each, in the order of arrival.
    pub(super) fn held(&self) -> impl Iterator<Item = (String, &str)> {
        self.held.iter().map(|(id, held)| (id.to_string(), held.line.as_str()))
    }

    /// Where a reply to the delivery goes.
    pub(super) fn origin(&self, id: &str) -> Option<Origin> {
        self.origins.get(&id.parse().ok()?).cloned()
    }

    /// Whether another delivery may be taken.
    pub(super) fn has_room(&self) -> bool {
        self.held.len() < MOST_HELD && self.held_bytes < MOST_HELD_BYTES
    }
}

impl Held {
    fn bytes(&self) -> usize {
        // The delivery keeps the line that it came in.
        2 * self.line.len()
    }
}

fn origin_of(delivery: &Delivery) -> Option<Origin> {
    let event = delivery.event()?;
    let source = &event.source;
    let chat_id = source.chat_id.clone().into_owned();
    let platform = source.platform.clone().into_owned();
    let thread_id = source.thread_id.as_deref().map(str::to_owned);
    (!chat_id.is_empty()).then_some(Origin { chat_id, platform, thread_id })
}
