//! What outlives every crash: the trace, what is durable, and the watches over the rules.

use std::sync::{Mutex, MutexGuard, PoisonError};

use relay_tokio::proto::gateway::{Outcome, Status};
use relay_tokio::{LinkStatus, Session};
use serde_json::Value;

use super::deliveries::Deliveries;
use super::host::{HostTime, SimulatedHost};
use super::redials::Redials;
use super::requests::Requests;
use super::script::{Machine, Script};

pub(super) struct World {
    clocks: [HostTime; 2],
    state: Mutex<State>,
}

struct State {
    trace: Vec<String>,
    violation: Option<String>,
    deliveries: Deliveries,
    requests: Requests,
    redials: Redials,
    /// How many processes each machine has had.
    processes: [usize; 2],
    /// What the present gateway process said last.
    status: Option<Status>,
    /// Whether it was ever linked.
    trusted: bool,
    /// The present connector process.
    session: Option<Session>,
    revoked: bool,
    revoke: Option<Box<dyn Fn() + Send>>,
    messages: usize,
    asks: usize,
    /// When the last request is asked for.
    last_ask: u64,
}

impl World {
    pub(super) fn new(script: &Script) -> Self {
        let state = State {
            trace: Vec::new(),
            violation: None,
            deliveries: Deliveries::default(),
            requests: Requests::default(),
            redials: Redials::default(),
            processes: [0; 2],
            status: None,
            trusted: false,
            session: None,
            revoked: false,
            revoke: None,
            messages: script.posts.len(),
            asks: script.asks.len(),
            last_ask: script.asks.last().map_or(0, |ask| ask.at),
        };
        Self { clocks: Default::default(), state: Mutex::new(state) }
    }

    pub(super) fn clock(&self, machine: Machine) -> &HostTime {
        &self.clocks[machine as usize]
    }

    /// Writes a line of the trace.
    pub(super) fn note(&self, now: u64, what: &str) {
        self.lock().trace.push(format!("{now:>6} {what}"));
    }

    pub(super) fn violation(&self) -> Option<String> {
        self.lock().violation.clone()
    }

    pub(super) fn take_trace(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().trace)
    }

    /// A process of this machine starts: how many there were before it.
    pub(super) fn starts(&self, machine: Machine) -> usize {
        let mut state = self.lock();
        if machine == Machine::Gateway {
            state.redials = Redials::default();
            state.deliveries.gateway_starts();
            (state.status, state.trusted) = (None, false);
        }
        state.processes[machine as usize] += 1;
        state.processes[machine as usize] - 1
    }

    pub(super) fn crashes(&self, machine: Machine) {
        let mut state = self.lock();
        match machine {
            Machine::Gateway => (state.status, state.redials) = (None, Redials::default()),
            Machine::Connector => {
                state.deliveries.connector_crashes();
                (state.session, state.revoke) = (None, None);
            }
        }
    }

    /// A look at both hosts between two steps.
    pub(super) fn look(&self, now: u64) {
        self.judge(|state| {
            if let Some(session) = &state.session {
                state.deliveries.look(session);
            }
            state.redials.look(now)
        });
    }

    fn judge(&self, judge: impl FnOnce(&mut State) -> Result<(), String>) {
        let mut state = self.lock();
        if let Err(violation) = judge(&mut state) {
            state.violation.get_or_insert(violation);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the connector's process tells.
impl World {
    /// It listens: what it is posted again. A credential that is revoked stays so.
    pub(super) fn listens(&self, session: Session, revoke: impl Fn() + Send + 'static) -> Vec<usize> {
        let mut state = self.lock();
        state.session = Some(session);
        let (revoked, again) = (state.revoked, state.deliveries.posted_again());
        if revoked {
            drop(state);
            revoke();
            return Vec::new();
        }
        state.revoke = Some(Box::new(revoke));
        again
    }

    pub(super) fn posted(&self) -> usize {
        self.lock().deliveries.posted()
    }

    pub(super) fn appended(&self, number: usize) {
        self.lock().deliveries.appended(number);
    }

    pub(super) fn performs(&self, number: usize) {
        self.judge(|state| state.requests.performed(number));
    }

    pub(super) fn revoke(&self) {
        let revoke = {
            let mut state = self.lock();
            state.revoked = true;
            state.revoke.take()
        };
        if let Some(revoke) = revoke {
            revoke();
        }
    }

    pub(super) fn is_revoked(&self) -> bool {
        self.lock().revoked
    }
}

/// What the gateway's process and its agent tell.
impl World {
    pub(super) fn dials(&self, process: usize, now: u64) {
        self.judge(|state| {
            assert_eq!(process + 1, state.processes[Machine::Gateway as usize], "the dead do not dial");
            state.redials.dials(now)
        });
    }

    pub(super) fn says(&self, said: &LinkStatus, now: u64) {
        self.judge(|state| {
            state.status = Some(said.status);
            state.trusted |= said.status == Status::Linked;
            state.redials.says(said.status, now)
        });
    }

    pub(super) fn handed(&self, number: usize) {
        self.judge(|state| state.deliveries.handed(number));
    }

    pub(super) fn stored(&self, number: usize) {
        self.lock().deliveries.stored(number);
    }

    /// The agent asks for this, unless it has before.
    pub(super) fn asks(&self, number: usize, process: usize, now: u64) -> bool {
        let mut state = self.lock();
        let is_new = !state.requests.is_asked(number);
        if is_new {
            state.requests.asked(number, process, now);
        }
        is_new
    }

    pub(super) fn resolved(&self, number: usize, outcome: Option<&Outcome>, now: u64) {
        self.judge(|state| {
            let disabled = state.status == Some(Status::Disabled);
            state.requests.resolved(number, outcome, disabled, now)
        });
    }

    /// A process hands a line to its socket.
    pub(super) fn wrote(&self, host: &SimulatedHost, line: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match text(&line["type"]).as_str() {
            "inbound" => {
                let (buffer_id, number) = (text(&line["bufferId"]), number_of(&line["event"]["text"]));
                host.note(&format!("gives out m{number}"));
                self.judge(|state| state.deliveries.given_out(&buffer_id, number));
            }
            "inbound_ack" => {
                host.note(&format!("acks {}", text(&line["bufferId"])));
                self.judge(|state| state.deliveries.acks(&text(&line["bufferId"])));
            }
            "outbound" => {
                let number = number_of(&line["action"]["content"]);
                host.note(&format!("writes s{number}"));
                self.judge(|state| state.requests.written(number));
            }
            kind => host.note(&format!("writes a {kind}")),
        }
    }
}

/// The end of a run.
impl World {
    /// What is not linked or not drained.
    pub(super) fn unsettled(&self, now: u64) -> Option<String> {
        let state = self.lock();
        if now <= state.last_ask {
            return Some(format!("not all of {} requests are asked for", state.asks));
        }
        if state.status != Some(Status::Linked) {
            return Some(format!("the gateway is {:?}", state.status));
        }
        let process = state.processes[Machine::Gateway as usize] - 1;
        let open = state.requests.open(process).map(|number| format!("s{number} has no outcome (O1)"));
        open.or_else(|| state.deliveries.unsettled(state.messages))
    }

    pub(super) fn judge_settled(&self) -> Result<(), String> {
        self.lock().requests.judge()
    }

    /// A3: a gateway that was linked knows that it is revoked, and is disabled; one that never was goes on trying
    /// (A1).
    pub(super) fn judge_revoked(&self) -> Result<(), String> {
        let state = self.lock();
        state.requests.judge()?;
        match (state.trusted, state.status) {
            (true, Some(Status::Disabled)) => Ok(()),
            (false, Some(Status::Reconnecting { .. } | Status::Dialing | Status::Greeting)) => Ok(()),
            (trusted, status) => {
                Err(format!("A1, A3: trusted: {trusted}, and the revoked gateway is {status:?}"))
            }
        }
    }
}

/// The number in a text such as `m17`.
pub(super) fn number_of(text: &Value) -> usize {
    let number = text.as_str().and_then(|text| text.get(1..)?.parse().ok());
    number.unwrap_or_else(|| panic!("{text} is no text of the script"))
}
