//! `relay-asyncstd` as a library, in the test's own process: its connector with a platform that the test plays, and
//! its gateway.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use relay_asyncstd::proto::action::Action;
use relay_asyncstd::proto::auth::Secret;
use relay_asyncstd::proto::connector::Status;
use relay_asyncstd::proto::endpoint::Endpoint;
use relay_asyncstd::proto::event::Descriptor;
use relay_asyncstd::proto::gateway::{self, Identity};
use relay_asyncstd::{
    BoxFuture, Connector, ConnectorConfig, Credentials, Deliveries, Delivery, Gateway, GatewayConfig,
    GatewayRecord, Inbound, Outbound, Owner, Platform, Session,
};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::connector::{GATEWAY, INSTANCE, SECRET, TENANT};
use super::within;

/// The connector, and what it asks of its platform.
pub(crate) struct Library {
    connector: Connector,
    address: SocketAddr,
    asked: mpsc::UnboundedReceiver<Asked>,
}

/// What the platform is asked for.
pub(crate) enum Asked {
    /// An action, and where its result goes.
    Action(Value, oneshot::Sender<String>),
    /// The gateway stops what runs in this session, for this reason.
    Interrupt(String, Option<String>),
}

impl Library {
    /// A connector on a socket of its own that knows the one gateway.
    pub(crate) async fn start() -> Self {
        let (ask, asked) = mpsc::unbounded_channel();
        let connector = Connector::new(ConnectorConfig::default(), Arc::new(Played(ask)));
        let owner = Owner { tenant: TENANT.into(), instance: INSTANCE.into() };
        let secrets = vec![Secret::new(SECRET)];
        connector.register(GatewayRecord { id: GATEWAY.into(), owner, secrets, wake_url: None }).unwrap();
        let listener = async_std::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = connector.clone();
        async_std::task::spawn(async move { serving.serve(listener).await });
        Self { connector, address, asked }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn session(&self) -> Session {
        self.connector.session(INSTANCE).unwrap()
    }

    pub(crate) fn revoke(&self) {
        assert!(self.connector.revoke(GATEWAY));
    }

    /// Waits until the session is in this state.
    pub(crate) async fn becomes(&self, wanted: Status) {
        let session = self.session();
        within(&format!("{wanted:?}"), session.wait_for(|status| status == wanted)).await;
    }

    /// The next thing that the platform is asked for.
    pub(crate) async fn asked(&mut self) -> Asked {
        within("a request of the platform", self.asked.recv()).await.unwrap()
    }

    /// The next action, and where its result goes.
    pub(crate) async fn action(&mut self) -> (Value, oneshot::Sender<String>) {
        match self.asked().await {
            Asked::Action(action, answer) => (action, answer),
            Asked::Interrupt(session_key, _) => panic!("{session_key} is interrupted"),
        }
    }

    /// Does the next action.
    pub(crate) async fn does(&mut self) -> Value {
        let (action, answer) = self.action().await;
        answer.send(json!({"success": true, "message_id": "m"}).to_string()).unwrap();
        action
    }
}

struct Played(mpsc::UnboundedSender<Asked>);

impl Platform for Played {
    fn describe(&self, _: &Owner, platform: &str, _: &str) -> BoxFuture<Descriptor> {
        let descriptor = Descriptor::builtin(platform);
        Box::pin(async move { descriptor })
    }

    fn perform(&self, outbound: Outbound) -> BoxFuture<String> {
        let (answer, answered) = oneshot::channel();
        let action = serde_json::from_slice(&outbound.action).unwrap();
        _ = self.0.send(Asked::Action(action, answer));
        Box::pin(async move { answered.await.unwrap_or_default() })
    }

    fn interrupt(&self, _: &Owner, session_key: &str, reason: Option<&str>) -> BoxFuture<()> {
        _ = self.0.send(Asked::Interrupt(session_key.into(), reason.map(str::to_owned)));
        Box::pin(async {})
    }

    fn wake(&self, _: &str) -> BoxFuture<()> {
        Box::pin(async {})
    }
}

/// A gateway that is the bot `d-bot` on `discord`, and dials again soon.
pub(crate) fn gateway(url: &str) -> (Gateway, Deliveries) {
    let credentials = Credentials { gateway_id: GATEWAY.into(), secret: Secret::new(SECRET) };
    let mut config = GatewayConfig::new(Endpoint::parse(url).unwrap(), Some(credentials));
    config.link.identities = vec![Identity::new("discord", "d-bot")];
    config.link.backoff_base = Duration::from_millis(20);
    config.link.backoff_cap = Duration::from_millis(100);
    Gateway::connect(config)
}

/// Waits until the gateway is in this state.
pub(crate) async fn gateway_becomes(gateway: &Gateway, wanted: impl Fn(gateway::Status) -> bool) {
    within("the gateway's status", gateway.watch().wait_for(|status| wanted(status.status))).await;
}

/// The next delivery.
pub(crate) async fn delivery(deliveries: &mut Deliveries) -> Delivery {
    match within("a delivery", deliveries.next()).await {
        Some(Inbound::Delivery(delivery)) => delivery,
        other => panic!("expected a delivery, got {other:?}"),
    }
}

/// Text for the chat `c1`.
pub(crate) fn text(content: &str) -> Action {
    Action::send("c1", content)
}
