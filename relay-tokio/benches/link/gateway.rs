//! The gateway as an application uses it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use relay_tokio::proto::action::Action;
use relay_tokio::proto::endpoint::Endpoint;
use relay_tokio::proto::gateway::{Outcome, Status};
use relay_tokio::{Gateway, GatewayConfig, Inbound};
use tokio::sync::oneshot;

use crate::stand_in::{Work, runtime};

pub(crate) fn run(address: SocketAddr, work: Work, over: oneshot::Receiver<()>) {
    runtime().block_on(async {
        let endpoint = Endpoint::parse(&format!("http://{address}")).expect("an endpoint");
        let (gateway, mut deliveries) = Gateway::connect(GatewayConfig::new(endpoint, None));
        match work {
            Work::Inbound { frames, .. } => {
                for _ in 0..frames {
                    let Some(Inbound::Delivery(delivery)) = deliveries.next().await else {
                        panic!("a delivery")
                    };
                    delivery.stored();
                }
            }
            Work::Outbound { window, frames } => {
                gateway.watch().wait_for(|status| status.status == Status::Linked).await;
                request(&gateway, window, frames).await;
            }
        }
        over.await.ok();
    });
}

async fn request(gateway: &Gateway, window: usize, frames: usize) {
    let left = Arc::new(AtomicUsize::new(frames));
    let senders: Vec<_> = (0..window)
        .map(|_| {
            let (gateway, left) = (gateway.clone(), left.clone());
            tokio::spawn(async move {
                while left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                    .is_ok()
                {
                    let text = "All three checks failed on the same node; it is being drained.";
                    let outcome = gateway.send(Action::send("1200000000000000001", text)).await;
                    assert!(matches!(outcome, Ok(Outcome::Answered(_))), "{outcome:?}");
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.expect("a sender");
    }
}
