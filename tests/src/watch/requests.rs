//! Requests of a gateway: accepted, written at most once, resolved exactly once and truthfully.

use std::collections::BTreeMap;

use relay_proto::RequestId;
use relay_proto::action::Action;
use relay_proto::gateway::{Event, Outcome, Transmit};
use serde_json::Value;

use crate::lines;

/// Looks at every accepted request, at what is written and at what is resolved.
#[derive(Clone, Debug, Default)]
pub struct RequestWatch {
    requests: BTreeMap<RequestId, Request>,
}

#[derive(Clone, Debug)]
struct Request {
    /// What is asked for, without the metadata, which the machine completes.
    action: Value,
    written: bool,
    outcome: Option<Outcome>,
}

impl RequestWatch {
    /// The machine accepted the request.
    ///
    /// # Panics
    /// When the id was given before (O5).
    pub fn accepted(&mut self, id: RequestId, action: &Action) {
        let action = serde_json::to_value(action).expect("an action is JSON");
        let request = Request { action: bare(action), written: false, outcome: None };
        assert!(self.requests.insert(id, request).is_none(), "O5: {id} is given twice");
    }

    /// The machine gave this.
    ///
    /// # Panics
    /// When it writes what no open request asks for.
    pub fn transmit(&mut self, transmit: &Transmit) {
        let Transmit::Frame(_, bytes) = transmit else { return };
        let frame = lines::read(bytes);
        if !lines::is(&frame, "outbound") {
            return;
        }
        let action = bare(frame["action"].clone());
        let mut open = self.requests.values_mut();
        let request = open.find(|held| !held.written && held.outcome.is_none() && held.action == action);
        let request = request.unwrap_or_else(|| panic!("O1: nobody waits for {frame}"));
        request.written = true;
    }

    /// The machine said this.
    ///
    /// # Panics
    /// When it resolves a request twice (O1), or untruthfully (O2).
    pub fn event(&mut self, event: &Event) {
        let Event::Resolved(id, outcome) = event else { return };
        let request = self.requests.get_mut(id);
        let request = request.unwrap_or_else(|| panic!("O1: {id} resolves, which was never accepted"));
        assert!(request.outcome.is_none(), "O1: {id} resolves twice: {:?}, {outcome:?}", request.outcome);
        match outcome {
            Outcome::Answered(_) => {
                let local = request.action["op"] == "get_chat_info";
                assert!(request.written || local, "O2: {id} has an answer, and was never written");
            }
            Outcome::Failed(_) => assert!(!request.written, "O2: {id} fails definitely, and was written"),
            Outcome::Ambiguous(_) => assert!(request.written, "O2: {id} is ambiguous, and was never written"),
        }
        request.outcome = Some(outcome.clone());
    }

    /// How many accepted requests have not resolved.
    #[must_use]
    pub fn open(&self) -> usize {
        self.requests.values().filter(|request| request.outcome.is_none()).count()
    }

    /// What became of a request.
    #[must_use]
    pub fn outcome(&self, id: RequestId) -> Option<&Outcome> {
        self.requests.get(&id)?.outcome.as_ref()
    }
}

fn bare(mut action: Value) -> Value {
    action.as_object_mut().expect("an action is an object").remove("metadata");
    action
}
