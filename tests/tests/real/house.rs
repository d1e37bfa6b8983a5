//! A connector of `relay-tokio` on a socket of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use relay_tokio::proto::DeliveryKind;
use relay_tokio::proto::auth::{Secret, mint_token};
use relay_tokio::proto::connector::Status;
use relay_tokio::{Connector, ConnectorConfig, GatewayRecord, Owner, Session};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Desk, End, GATEWAY, NEVER, SECRET, within};

/// The connector, where it listens, and the platform behind it. It knows [`GATEWAY`], of tenant `t` and instance
/// `i`.
pub(crate) struct House {
    pub(crate) connector: Connector,
    pub(crate) address: SocketAddr,
    pub(crate) desk: Arc<Desk>,
}

impl House {
    /// One whose timers play no part.
    pub(crate) async fn start() -> Self {
        Self::with(Self::calm()).await
    }

    /// Settings with which no timer plays a part.
    pub(crate) fn calm() -> ConnectorConfig {
        let mut config = ConnectorConfig::default();
        let session = &mut config.session;
        for timer in [
            &mut session.hello_timeout,
            &mut session.ping_interval,
            &mut session.pong_timeout,
            &mut session.flip_timeout,
        ] {
            *timer = NEVER;
        }
        config
    }

    pub(crate) async fn with(config: ConnectorConfig) -> Self {
        let desk = Arc::new(Desk::default());
        let connector = Connector::new(config, desk.clone());
        connector.register(record(GATEWAY, "t", "i", &[SECRET])).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = connector.clone();
        tokio::spawn(async move { serving.serve(listener).await });
        Self { connector, address, desk }
    }

    /// The session of instance `i`.
    pub(crate) fn session(&self) -> Session {
        self.connector.session("i").unwrap()
    }

    /// Buffers a message with this text for instance `i`.
    pub(crate) fn say(&self, text: &str) {
        self.session().append(DeliveryKind::Message, &message(text).to_string()).unwrap();
    }

    /// Dials as the known gateway, greets, and is greeted.
    pub(crate) async fn link(&self) -> End {
        let mut end = End::dial(self.address, Some(&bearer(GATEWAY, SECRET, None))).await;
        greet(&mut end).await;
        end
    }

    /// Waits until the session of instance `i` is in this state.
    pub(crate) async fn becomes(&self, status: Status) {
        let session = self.session();
        within(&format!("{status:?}"), session.wait_for(|now| now == status)).await;
    }
}

/// Says hello as a discord bot, and waits for the answer.
async fn greet(end: &mut End) {
    end.send(&json!({"type": "hello", "platform": "discord", "botId": "b"})).await;
    end.next_of("descriptor").await;
}

/// What the connector is told of a gateway.
pub(crate) fn record(id: &str, tenant: &str, instance: &str, secrets: &[&str]) -> GatewayRecord {
    let owner = Owner { tenant: tenant.into(), instance: instance.into() };
    let secrets = secrets.iter().map(|secret| Secret::new(*secret)).collect();
    GatewayRecord { id: id.into(), owner, secrets, wake_url: None }
}

/// An `Authorization` header with a token that is good until then, or for ever.
pub(crate) fn bearer(id: &str, secret: &str, expires_at: Option<u64>) -> String {
    format!("Bearer {}", mint_token(id, &Secret::new(secret), expires_at))
}

fn message(text: &str) -> Value {
    json!({"text": text, "message_id": text, "source": {"platform": "discord", "chat_id": "c"}})
}
