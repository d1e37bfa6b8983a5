//! The echo agent: it answers what it was told.

use relay_tokio::proto::action::Action;
use relay_tokio::{Deliveries, Gateway, Inbound};
use tracing::warn;

/// Answers until the link ends for good.
pub(super) async fn echo(gateway: Gateway, mut deliveries: Deliveries) {
    while let Some(inbound) = deliveries.next().await {
        let Inbound::Delivery(delivery) = inbound else { continue };
        let Some(event) = delivery.event() else { continue };
        let reply = Action::send(&*event.source.chat_id, &*event.text);
        // An agent with a memory would store the message first. This one has none.
        delivery.stored();
        if let Err(rejected) = gateway.send(reply).await {
            warn!("an echo was not sent: {rejected}");
        }
    }
}
