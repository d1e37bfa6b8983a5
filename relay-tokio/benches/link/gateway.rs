//! The gateway as an application uses it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use relay_tokio::proto::action::Action;
use relay_tokio::proto::endpoint::Endpoint;
use relay_tokio::proto::gateway::{Outcome, Status};
use relay_tokio::{BoxFuture, Deliveries, Gateway, GatewayConfig, Inbound};
use tokio::sync::oneshot;

use crate::stand_in::{Work, runtime};

/// On tokio.
pub(crate) fn run(address: SocketAddr, work: Work, over: oneshot::Receiver<()>) {
    runtime().block_on(async {
        let (gateway, deliveries) = Gateway::connect(config(address));
        let spawn = |task| -> BoxFuture<()> {
            let task = tokio::spawn(task);
            Box::pin(async { task.await.expect("a sender") })
        };
        take_part(&gateway, deliveries, work, spawn).await;
        over.await.ok();
    });
}

pub(crate) fn config(address: SocketAddr) -> GatewayConfig {
    GatewayConfig::new(Endpoint::parse(&format!("http://{address}")).expect("an endpoint"), None)
}

/// Does the work, whatever the gateway runs on.
pub(crate) async fn take_part(
    gateway: &relay_driver::gateway::Gateway,
    mut deliveries: Deliveries,
    work: Work,
    spawn: impl Fn(BoxFuture<()>) -> BoxFuture<()>,
) {
    match work {
        Work::Inbound { frames, .. } => {
            for _ in 0..frames {
                let Some(Inbound::Delivery(delivery)) = deliveries.next().await else { panic!("a delivery") };
                delivery.stored();
            }
        }
        Work::Outbound { window, frames } => {
            gateway.watch().wait_for(|status| status.status == Status::Linked).await;
            let left = Arc::new(AtomicUsize::new(frames));
            join_all((0..window).map(|_| spawn(Box::pin(request(gateway.clone(), left.clone()))))).await;
        }
    }
}

/// One request after the other, as long as any are left to be made.
async fn request(gateway: relay_driver::gateway::Gateway, left: Arc<AtomicUsize>) {
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        let text = "All three checks failed on the same node; it is being drained.";
        let outcome = gateway.send(Action::send("1200000000000000001", text)).await;
        assert!(matches!(outcome, Ok(Outcome::Answered(_))), "{outcome:?}");
    }
}
