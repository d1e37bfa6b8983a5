//! Following what a gateway is doing.

use std::fmt;
use std::sync::Arc;

use super::shared::Shared;
use super::status::LinkStatus;
use crate::signal::change;

/// Follows a gateway's status. It sees the latest one, not every one. It does not keep the gateway from shutting down
/// when every handle is dropped.
pub struct StatusWatch {
    shared: Arc<Shared>,
    seen: u64,
}

impl StatusWatch {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let seen = shared.lock().status.changes();
        Self { shared, seen }
    }

    /// The status now.
    #[must_use]
    pub fn current(&self) -> LinkStatus {
        self.shared.lock().status.get().clone()
    }

    /// Waits until the status is another one than when this was last asked. Dropping the future loses nothing.
    pub async fn changed(&mut self) -> LinkStatus {
        let (status, seen) = change(|| self.shared.lock().status.changed_since(self.seen)).await;
        self.seen = seen;
        status
    }

    /// Waits until the status is one that `wanted` accepts, which it may be at once.
    pub async fn wait_for(&mut self, mut wanted: impl FnMut(&LinkStatus) -> bool) -> LinkStatus {
        let mut status = self.current();
        while !wanted(&status) {
            status = self.changed().await;
        }
        status
    }
}

impl fmt::Debug for StatusWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StatusWatch")
    }
}
