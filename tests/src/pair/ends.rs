//! What stands behind the machines: the application with its inbox, and the connector with its store and its
//! platform. What they call durable outlives the machines.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use relay_proto::DeliveryKind;
use relay_proto::connector::Outbound;
use relay_proto::gateway::{Delivery, Outcome};
use relay_proto::{Position, RequestId};
use serde_json::Value;

use crate::lines;

/// The application's side.
#[derive(Clone, Debug, Default)]
pub struct Inbox {
    /// Handed out, and not kept yet.
    pub arrived: VecDeque<Delivery>,
    /// Kept durably, and the machine not told yet.
    pub untold: VecDeque<Delivery>,
    /// Kept durably, in this order: number and keys.
    pub kept: Vec<(u64, relay_proto::gateway::DeliveryKeys)>,
    /// What was asked for, by the process's ids.
    pub asked: BTreeMap<RequestId, String>,
    /// What became of it: texts that were certainly not sent.
    pub failed: BTreeSet<String>,
    /// Texts of which nobody can say.
    pub ambiguous: BTreeSet<String>,
    /// Texts that were sent, as the connector says; what it refused is neither this nor a failure.
    pub answered: BTreeSet<String>,
    /// How often a user stopped what the agent does.
    pub interrupts: usize,
    last_first_seen: Option<u64>,
    seen: BTreeSet<u64>,
}

impl Inbox {
    /// A delivery is handed out. `given_up` are entries that a session once called dead; where it died itself before
    /// that was durable, such an entry is alive again, and comes late.
    ///
    /// # Panics
    /// When it is kept already (W2), or was overtaken by one that was appended after it (W3).
    pub fn arrives(&mut self, delivery: Delivery, given_up: &BTreeSet<u64>) {
        let number = number_of(&delivery);
        assert!(!self.has_kept(number), "W2: {number} is handed out although it is stored");
        if self.seen.insert(number) && !given_up.contains(&number) {
            assert!(self.last_first_seen < Some(number), "W3: {number} after {:?}", self.last_first_seen);
            self.last_first_seen = Some(number);
        }
        self.arrived.push_back(delivery);
    }

    /// The oldest delivery is kept durably.
    pub fn keeps(&mut self) {
        if let Some(delivery) = self.arrived.pop_front() {
            self.kept.push((number_of(&delivery), delivery.keys));
            self.untold.push_back(delivery);
        }
    }

    /// A request is settled.
    pub fn resolves(&mut self, id: RequestId, outcome: &Outcome) {
        let text = self.asked.remove(&id).expect("O1: it was asked for, and not settled before");
        match outcome {
            Outcome::Answered(json) => {
                let result: Value = serde_json::from_slice(json).expect("a result is JSON");
                result["success"] == true && self.answered.insert(text)
            }
            Outcome::Failed(_) => self.failed.insert(text),
            Outcome::Ambiguous(_) => self.ambiguous.insert(text),
        };
    }

    /// The process dies: what is not durable is gone, and nobody waits for its requests any more.
    pub fn crashes(&mut self) {
        self.arrived.clear();
        self.untold.clear();
        self.asked.clear();
    }

    /// The numbers of what is kept, in this order.
    #[must_use]
    pub fn numbers(&self) -> Vec<u64> {
        self.kept.iter().map(|(number, _)| *number).collect()
    }

    fn has_kept(&self, number: u64) -> bool {
        self.kept.iter().any(|(kept, _)| *kept == number)
    }
}

/// The number of the entry that the delivery came of, or of the entry that this one is a copy of.
#[must_use]
pub fn number_of(delivery: &Delivery) -> u64 {
    let json: Value = serde_json::from_str(delivery.json()).expect("the platform writes plain JSON");
    let after = |field: &str, prefix: &str| json[field].as_str()?.strip_prefix(prefix);
    let name = json["source"]["user_name"].as_str();
    let name = name.or_else(|| after("text", "text of ")).or_else(|| after("path", "/hook/"));
    name.expect("every entry has a name").parse().expect("which is its number")
}

/// The connector's side.
#[derive(Clone, Debug, Default)]
pub struct Platform {
    /// The store: entries that are not done. Durable.
    pub store: BTreeMap<u64, (DeliveryKind, Value)>,
    /// How many entries were ever appended. Durable.
    pub end: u64,
    /// Entries that went to the dead letters. Durable.
    pub dead: BTreeSet<u64>,
    /// Entries that some session called dead, whether or not it lived to see to it.
    pub given_up: BTreeSet<u64>,
    /// What the session was asked for, and has not been answered.
    pub pending: VecDeque<Outbound>,
    /// Texts that were sent on the platform.
    pub performed: Vec<String>,
    /// How often the gateway stopped what runs elsewhere.
    pub interrupts: usize,
}

impl Platform {
    /// A new entry of this kind, stored durably: its number and the size of its line.
    pub fn appends(&mut self, kind: DeliveryKind, buffer_id: &str) -> (u64, usize) {
        let name = self.end.to_string();
        let body = match kind {
            DeliveryKind::Message => lines::message(&name),
            DeliveryKind::Passthrough => lines::forward(&name),
        };
        self.appends_body(kind, body, buffer_id)
    }

    /// The same with this body.
    pub fn appends_body(&mut self, kind: DeliveryKind, body: Value, buffer_id: &str) -> (u64, usize) {
        let number = self.end;
        self.end += 1;
        self.store.insert(number, (kind, body));
        (number, self.line(Position(number), buffer_id).len())
    }

    /// The line of a stored entry.
    ///
    /// # Panics
    /// When the entry is done, or never was.
    #[must_use]
    pub fn line(&self, position: Position, buffer_id: &str) -> Bytes {
        let stored = self.store.get(&position.0);
        let (kind, body) = stored.unwrap_or_else(|| panic!("C4: {position} is asked for, and is done"));
        let line = match kind {
            DeliveryKind::Message => lines::inbound(buffer_id, body),
            DeliveryKind::Passthrough => lines::passthrough(buffer_id, body),
        };
        Bytes::from(line)
    }

    /// What the store holds, for a new session.
    pub fn entries(&self) -> impl Iterator<Item = (Position, DeliveryKind)> + '_ {
        self.store.iter().map(|(number, (kind, _))| (Position(*number), *kind))
    }
}
