//! A connector on a socket of its own.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use relay_driver::connector::{ConnectorConfig, GatewayRecord, Owner, Session};
use relay_driver::proto::DeliveryKind;
use relay_driver::proto::auth::{Secret, mint_token};
use relay_driver::proto::connector::Status;
use serde_json::{Value, json};

use super::{Desk, End, GATEWAY, NEVER, SECRET, Stack, within};

/// The connector, where it listens, and the platform behind it. It knows [`GATEWAY`], of tenant `t` and instance
/// `i`.
pub(crate) struct House<S: Stack> {
    pub(crate) connector: S::Connector,
    pub(crate) address: SocketAddr,
    pub(crate) desk: Arc<Desk>,
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

impl<S: Stack> House<S> {
    /// One whose timers play no part.
    pub(crate) fn start() -> Self {
        Self::with(calm())
    }

    pub(crate) fn with(config: ConnectorConfig) -> Self {
        let desk = Arc::new(Desk::default());
        let connector = S::connector(config, desk.clone());
        connector.register(record(GATEWAY, "t", "i", &[SECRET])).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        S::serve(&connector, listener);
        Self { connector, address, desk }
    }

    /// The base URL that a gateway is configured with.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
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

    /// Buffers a forwarded request with this path for instance `i`.
    pub(crate) fn forward(&self, path: &str) {
        let forward = json!({"platform": "discord", "botId": "b", "method": "POST", "path": path,
                             "headers": [["x-a", "1"], ["x-a", "2"]], "bodyB64": "AAH/"});
        self.session().append(DeliveryKind::Passthrough, &forward.to_string()).unwrap();
    }

    /// Waits until the session of instance `i` has so many entries that are not done.
    pub(crate) async fn has_backlog(&self, entries: u64) {
        let session = self.session();
        let settling = async {
            while session.backlog() != entries {
                tokio::task::yield_now().await;
            }
        };
        within(&format!("a backlog of {entries}"), settling).await;
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
