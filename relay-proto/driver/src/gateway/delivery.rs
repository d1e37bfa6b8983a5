//! What a gateway is sent, one by one.

use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use relay_proto::gateway as machine;

use super::shared::{Handles, Shared};

/// The stream of what a gateway is sent, in the order of the wire (rule D5). It ends when the gateway is shut down
/// or disabled.
///
/// What is not taken is felt by the peer: past a limit the gateway stops reading (rule D6).
#[derive(Debug)]
pub struct Deliveries(Arc<Handles>);

/// Something that the peer sent for the application.
#[derive(Debug)]
pub enum Inbound {
    /// A message or a forwarded request.
    Delivery(Delivery),
    /// A user stops what the agent does in this session.
    Interrupt {
        /// The session to stop.
        session_key: Box<str>,
        /// The chat from which the stop came; may be empty.
        chat_id: Box<str>,
    },
}

/// A message or a forwarded request. It is to be stored or released; dropping it releases it (rule D4).
pub struct Delivery {
    delivery: machine::Delivery,
    shared: Arc<Shared>,
    settled: bool,
}

impl Delivery {
    /// The application holds it durably: the connector may forget it (rule D1), and duplicates of it are not
    /// handed out (rule D2).
    pub fn stored(mut self) {
        self.settled = true;
        self.shared.act(|state, now| state.machine.stored(self.delivery.id, now));
    }

    /// The application does not take it: if it comes again, it is handed out again (rule D4).
    pub fn release(self) {}
}

impl Deref for Delivery {
    type Target = machine::Delivery;

    fn deref(&self) -> &machine::Delivery {
        &self.delivery
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if !self.settled {
            self.shared.act(|state, now| state.machine.release(self.delivery.id, now));
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.delivery.fmt(f)
    }
}

impl Deliveries {
    pub(super) fn new(handles: Arc<Handles>) -> Self {
        Self(handles)
    }

    /// Waits for the next one; `None` at the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Inbound> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Deliveries {
    type Item = Inbound;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Inbound>> {
        let shared = self.0.shared();
        let mut state = shared.lock();
        let was_reading = state.machine.wants_read();
        let Some(inbound) = state.machine.poll_inbound() else {
            if state.is_over() {
                return Poll::Ready(None);
            }
            state.receiver.wait(cx);
            return Poll::Pending;
        };
        if !was_reading && state.machine.wants_read() {
            state.driver.wake();
        }
        Poll::Ready(Some(match inbound {
            machine::Inbound::Interrupt { session_key, chat_id } => {
                Inbound::Interrupt { session_key, chat_id }
            }
            machine::Inbound::Deliver(delivery) => {
                Inbound::Delivery(Delivery { delivery, shared: shared.clone(), settled: false })
            }
        }))
    }
}

impl Drop for Deliveries {
    fn drop(&mut self) {
        self.0.shared().act(|state, _| state.received = false);
    }
}
