//! Watches the messages on their way from the platform to the application's store.
//!
//! Messages are numbered in the order of their posting. The application stores them one after the other, so that acks
//! come in order, too.

use std::collections::{BTreeMap, BTreeSet};

use relay_tokio::Session;

/// What is known of every message so far.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    /// How many messages the platform has posted.
    posted: usize,
    /// What the present connector process has appended, in this order.
    appended: Vec<usize>,
    /// How many of these are acked, as of the last look.
    acked: usize,
    /// What was acked to connector processes that are gone.
    acked_before: BTreeSet<usize>,
    /// The message of each entry that was ever given out.
    entries: BTreeMap<String, usize>,
    /// The first message that no gateway process was handed.
    unseen: usize,
    /// What the present gateway process was handed last.
    last: Option<usize>,
    /// What the application holds. It outlives every crash.
    stored: BTreeSet<usize>,
}

impl Deliveries {
    /// What a connector that starts anew is posted again: all that was posted before and is not acked.
    pub(super) fn posted_again(&self) -> Vec<usize> {
        (0..self.posted).filter(|number| !self.acked_before.contains(number)).collect()
    }

    pub(super) fn posted(&self) -> usize {
        self.posted
    }

    pub(super) fn appended(&mut self, number: usize) {
        self.posted = self.posted.max(number + 1);
        self.appended.push(number);
    }

    /// Looks how much is acked.
    pub(super) fn look(&mut self, session: &Session) {
        self.acked = self.appended.len() - usize::try_from(session.backlog()).expect("few are appended");
    }

    pub(super) fn connector_crashes(&mut self) {
        self.acked_before.extend(self.appended.drain(..).take(self.acked));
        self.acked = 0;
    }

    pub(super) fn gateway_starts(&mut self) {
        self.last = None;
    }

    /// The connector writes an entry.
    pub(super) fn given_out(&mut self, buffer_id: &str, number: usize) -> Result<(), String> {
        self.entries.insert(buffer_id.to_owned(), number);
        // What a link that is gone still had in its buffer may be of a process that is gone.
        let place = self.appended.iter().position(|appended| *appended == number);
        if place.is_some_and(|place| place < self.acked) {
            return Err(format!("C4: m{number} goes out again, and was acked"));
        }
        Ok(())
    }

    /// The gateway writes an ack.
    pub(super) fn acks(&self, buffer_id: &str) -> Result<(), String> {
        match self.entries.get(buffer_id) {
            Some(number) if self.stored.contains(number) => Ok(()),
            number => {
                Err(format!("D1: an ack of {buffer_id}, which is message {number:?} and is not stored"))
            }
        }
    }

    /// The application gets a message: within a process none twice, and all in order; over all processes none before
    /// the one before it.
    pub(super) fn handed(&mut self, number: usize) -> Result<(), String> {
        if self.last.is_some_and(|last| number <= last) {
            return Err(format!("W2, W3: m{number} is handed out after m{}", self.last.unwrap_or(0)));
        }
        if number > self.unseen {
            return Err(format!("W1, W3: m{number} is handed out before m{}", self.unseen));
        }
        self.last = Some(number);
        self.unseen = self.unseen.max(number + 1);
        Ok(())
    }

    pub(super) fn stored(&mut self, number: usize) {
        self.stored.insert(number);
    }

    /// What is not where it belongs, with so many messages in the script.
    pub(super) fn unsettled(&self, messages: usize) -> Option<String> {
        if self.posted < messages {
            return Some(format!("m{} is not even posted", self.posted));
        }
        if let Some(lost) = (0..messages).find(|number| !self.stored.contains(number)) {
            return Some(format!("m{lost} is not stored (W1)"));
        }
        (self.acked < self.appended.len()).then(|| format!("m{} is not acked", self.appended[self.acked]))
    }
}
