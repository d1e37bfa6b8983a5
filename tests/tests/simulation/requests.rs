//! Watches the requests of the agent: each resolves once, in time and truthfully.

use std::collections::BTreeMap;

use relay_tokio::proto::gateway::Outcome;

use super::gateway::REQUEST_TIMEOUT;
use super::millis;

/// How late an outcome may be, in milliseconds.
const SLACK: u64 = 10;

/// What is known of every request so far.
#[derive(Debug, Default)]
pub(super) struct Requests(BTreeMap<usize, Request>);

#[derive(Debug)]
struct Request {
    /// The gateway process that the agent asked.
    process: usize,
    asked: u64,
    /// Whether the gateway has handed it to the socket.
    written: bool,
    /// How often the platform has done it.
    performed: u32,
    resolved: Option<Resolved>,
}

/// What the agent was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resolved {
    Answered,
    /// It was certainly not done.
    Failed,
    /// Nobody can say whether it was done.
    Ambiguous,
}

impl Requests {
    pub(super) fn asked(&mut self, number: usize, process: usize, now: u64) {
        let request = Request { process, asked: now, written: false, performed: 0, resolved: None };
        assert!(self.0.insert(number, request).is_none(), "the script asks once");
    }

    /// The gateway hands it to the socket.
    pub(super) fn written(&mut self, number: usize) -> Result<(), String> {
        let request = self.get(number);
        request.written = true;
        request
            .is_not(Resolved::Failed)
            .map_err(|()| format!("O2: s{number} failed definitely, and is written"))
    }

    /// The platform does it.
    pub(super) fn performed(&mut self, number: usize) -> Result<(), String> {
        let request = self.get(number);
        request.performed += 1;
        if request.performed > 1 {
            return Err(format!("O2: s{number} is done twice"));
        }
        request.is_not(Resolved::Failed).map_err(|()| format!("O2: s{number} failed definitely, and is done"))
    }

    /// The agent is told; `None` stands for a refusal at once.
    pub(super) fn resolved(
        &mut self,
        number: usize,
        outcome: Option<&Outcome>,
        disabled: bool,
        now: u64,
    ) -> Result<(), String> {
        let resolved = match outcome {
            Some(Outcome::Answered(_)) => Resolved::Answered,
            Some(Outcome::Failed(_)) | None => Resolved::Failed,
            Some(Outcome::Ambiguous(_)) => Resolved::Ambiguous,
        };
        let request = self.get(number);
        let took = now - request.asked;
        if request.resolved.replace(resolved).is_some() {
            return Err(format!("O1: s{number} resolves twice"));
        }
        if took > millis(REQUEST_TIMEOUT) + SLACK {
            return Err(format!("O1: s{number} resolves after {took} ms"));
        }
        if disabled && (resolved != Resolved::Failed || took > 0) {
            return Err(format!("A4: s{number} of a disabled gateway: {resolved:?} after {took} ms"));
        }
        match resolved {
            Resolved::Answered if request.performed == 0 => {
                Err(format!("O2: s{number} has an answer, and was not done"))
            }
            Resolved::Failed if request.written || request.performed > 0 => {
                Err(format!("O2: s{number} fails definitely, and was written"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn is_asked(&self, number: usize) -> bool {
        self.0.contains_key(&number)
    }

    /// A request of this process that has no outcome.
    pub(super) fn open(&self, process: usize) -> Option<usize> {
        let open = |request: &Request| request.process == process && request.resolved.is_none();
        self.0.iter().find(|(_, request)| open(request)).map(|(number, _)| *number)
    }

    /// What shows only at the end: by then, whatever was handed to a socket has been seen there.
    pub(super) fn judge(&self) -> Result<(), String> {
        let untrue = |request: &Request| request.resolved == Some(Resolved::Ambiguous) && !request.written;
        match self.0.iter().find(|(_, request)| untrue(request)) {
            Some((number, _)) => Err(format!("O2: s{number} is ambiguous, and was never written")),
            None => Ok(()),
        }
    }

    fn get(&mut self, number: usize) -> &mut Request {
        self.0.get_mut(&number).expect("the request was asked for")
    }
}

impl Request {
    fn is_not(&self, resolved: Resolved) -> Result<(), ()> {
        if self.resolved == Some(resolved) { Err(()) } else { Ok(()) }
    }
}
