//! A gateway and a connector of this crate, over real sockets.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use relay_tokio::proto::DeliveryKind;
use relay_tokio::proto::action::{Action, ActionResult};
use relay_tokio::proto::auth::Secret;
use relay_tokio::proto::connector::Status as SessionStatus;
use relay_tokio::proto::endpoint::Endpoint;
use relay_tokio::proto::event::Descriptor;
use relay_tokio::proto::gateway::{Outcome, Status};
use relay_tokio::{
    BoxFuture, Connector, ConnectorConfig, Credentials, Gateway, GatewayConfig, GatewayRecord, Inbound,
    Outbound, Owner, Platform,
};
use tokio::net::TcpListener;

/// A platform on which every action succeeds.
struct Anything;

impl Platform for Anything {
    fn describe(&self, _: &Owner, platform: &str, _: &str) -> BoxFuture<Descriptor> {
        let descriptor = Descriptor::builtin(platform);
        Box::pin(async move { descriptor })
    }

    fn perform(&self, outbound: Outbound) -> BoxFuture<String> {
        let length = outbound.action.len();
        Box::pin(async move { ActionResult::done(format!("m{length}")).to_json() })
    }

    fn interrupt(&self, _: &Owner, _: &str, _: Option<&str>) -> BoxFuture<()> {
        Box::pin(async {})
    }

    fn wake(&self, _: &str) -> BoxFuture<()> {
        Box::pin(async {})
    }
}

#[tokio::test]
async fn there_and_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let connector = Connector::new(ConnectorConfig::default(), Arc::new(Anything));
    let owner = Owner { tenant: "t".into(), instance: "i".into() };
    let secrets = vec![Secret::new("s3cret")];
    connector.register(GatewayRecord { id: "gw".into(), owner, secrets, wake_url: None }).unwrap();
    let serving = connector.clone();
    tokio::spawn(async move { serving.serve(listener).await });

    let credentials = Credentials { gateway_id: "gw".into(), secret: Secret::new("s3cret") };
    let config = GatewayConfig::new(Endpoint::parse(&base).unwrap(), Some(credentials));
    let (gateway, mut deliveries) = Gateway::connect(config);
    gateway.watch().wait_for(|status| status.status == Status::Linked).await;
    let session = connector.session("i").unwrap();
    assert_eq!(session.status(), SessionStatus::Live);

    let event = r#"{"text":"hi","message_id":"m","source":{"platform":"relay","chat_id":"c"}}"#;
    session.append(DeliveryKind::Message, event).unwrap();
    let Some(Inbound::Delivery(delivery)) = deliveries.next().await else { panic!("a delivery") };
    assert_eq!(delivery.json(), event);
    delivery.stored();
    let outcome = gateway.send(Action::send("c", "hello")).await.unwrap();
    let Outcome::Answered(result) = outcome else { panic!("{outcome:?}") };
    assert!(ActionResult::parse(std::str::from_utf8(&result).unwrap()).success);
    assert_eq!(session.backlog(), 0);

    assert!(connector.revoke("gw"));
    gateway.watch().wait_for(|status| status.status == Status::Disabled).await;
    assert!(deliveries.next().await.is_none());
    gateway.shut_down().await;
    connector.shut_down().await;
}

/// Whoever waits for a session's status may look at the session meanwhile.
#[test]
fn a_wait_looks_at_its_session() {
    let (tell, told) = mpsc::channel();
    // On a thread of its own: a wait that blocked would block every timeout beside it.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let connector = Connector::new(ConnectorConfig::default(), Arc::new(Anything));
            let owner = Owner { tenant: "t".into(), instance: "i".into() };
            let secrets = vec![Secret::new("s3cret")];
            connector.register(GatewayRecord { id: "gw".into(), owner, secrets, wake_url: None }).unwrap();
            let session = connector.session("i").unwrap();
            tell.send(session.wait_for(|_| session.backlog() == 0).await).unwrap();
        });
    });
    let status = told.recv_timeout(Duration::from_secs(60)).expect("the wait is over");
    assert_eq!(status, SessionStatus::Offline);
}
