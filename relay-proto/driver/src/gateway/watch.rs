//! Following what a gateway is doing.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use super::shared::Handles;
use super::status::LinkStatus;

/// Follows a gateway's status. It sees the latest one, not every one.
#[derive(Debug)]
pub struct StatusWatch {
    handles: Arc<Handles>,
    seen: u64,
}

impl StatusWatch {
    pub(super) fn new(handles: Arc<Handles>) -> Self {
        let seen = handles.shared().lock().status.changes();
        Self { handles, seen }
    }

    /// The status now.
    #[must_use]
    pub fn current(&self) -> LinkStatus {
        self.handles.shared().lock().status.get().clone()
    }

    /// Waits until the status is another one than when this was last asked. Dropping the future loses nothing.
    pub async fn changed(&mut self) -> LinkStatus {
        let (status, seen) = poll_fn(|cx| {
            let change = self.handles.shared().lock().status.changed_since(self.seen, cx);
            change.map_or(Poll::Pending, Poll::Ready)
        })
        .await;
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
