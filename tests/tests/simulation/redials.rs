//! Watches how a gateway dials: no sooner and no later than the ladder of waits says, and never once it is disabled.

use relay_tokio::proto::gateway::Status;

use super::gateway::{BACKOFF_BASE, BACKOFF_CAP, STABLE_AFTER};
use super::millis;

/// How late a dial may be, in milliseconds: a timer of tokio's is late by one at most.
const SLACK: u64 = 10;

/// The dials of one gateway process.
#[derive(Debug, Default)]
pub(super) struct Redials {
    dials: u32,
    /// How many attempts in a row have failed.
    failures: u32,
    /// Since when the present link is up.
    linked: Option<u64>,
    /// When the next dial is due.
    due: Option<u64>,
    disabled: bool,
}

impl Redials {
    /// The gateway dials.
    pub(super) fn dials(&mut self, now: u64) -> Result<(), String> {
        self.dials += 1;
        if self.disabled {
            return Err("A4: a disabled gateway dials".into());
        }
        match self.due.take() {
            Some(due) if (due..=due + SLACK).contains(&now) => Ok(()),
            None if self.dials == 1 => Ok(()),
            due => Err(format!("L2, L3: a dial at {now} that is due at {due:?}")),
        }
    }

    /// The gateway says what it is doing.
    pub(super) fn says(&mut self, status: Status, now: u64) -> Result<(), String> {
        if self.disabled {
            return Err(format!("A4: {status:?} after a gateway was disabled"));
        }
        match status {
            Status::Linked => self.linked = Some(now),
            Status::Disabled => self.disabled = true,
            Status::Reconnecting { at, failures } => return self.waits(at.as_millis(), failures, now),
            _ => {}
        }
        Ok(())
    }

    /// Nothing happened up to now.
    pub(super) fn look(&self, now: u64) -> Result<(), String> {
        match self.due {
            Some(due) if due + SLACK < now => Err(format!("L2: no dial, which was due at {due}")),
            _ => Ok(()),
        }
    }

    fn waits(&mut self, due: u64, failures: u32, now: u64) -> Result<(), String> {
        let stable = self.linked.take().is_some_and(|since| now - since >= millis(STABLE_AFTER));
        self.failures = if stable { 1 } else { self.failures + 1 };
        if failures != self.failures {
            return Err(format!("L3: {failures} failures are told, {} there were", self.failures));
        }
        let ceiling = (millis(BACKOFF_BASE) << (failures - 1).min(16)).min(millis(BACKOFF_CAP));
        let wait = due.saturating_sub(now);
        self.due = Some(due);
        if wait <= ceiling / 2 || wait > ceiling {
            return Err(format!("L3: a wait of {wait} ms after {failures} failures"));
        }
        Ok(())
    }
}
