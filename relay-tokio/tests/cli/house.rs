//! A connector in this process that `relay run` dials, and the platform behind it.

use std::sync::{Arc, Mutex};

use relay_tokio::proto::DeliveryKind;
use relay_tokio::proto::action::ActionResult;
use relay_tokio::proto::auth::Secret;
use relay_tokio::proto::connector::Status;
use relay_tokio::proto::event::Descriptor;
use relay_tokio::{BoxFuture, Connector, ConnectorConfig, GatewayRecord, Outbound, Owner, Platform, Session};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::mpsc;

use super::program::{Directory, relay, until, within};

/// The gateway's id and its secret.
pub(super) const GATEWAY: &str = "gw-1";
pub(super) const SECRET: &str = "hunter2-correct-horse";

/// What reaches the platform: actions, and interrupts as `{"interrupt": …}`.
struct Desk(Mutex<mpsc::UnboundedSender<Value>>);

impl Desk {
    fn note(&self, what: Value) {
        _ = self.0.lock().unwrap().send(what);
    }
}

impl Platform for Desk {
    fn describe(&self, _: &Owner, platform: &str, _: &str) -> BoxFuture<Descriptor> {
        let descriptor = Descriptor::builtin(platform);
        Box::pin(async move { descriptor })
    }

    fn perform(&self, outbound: Outbound) -> BoxFuture<String> {
        self.note(serde_json::from_slice(&outbound.action).unwrap());
        Box::pin(async { ActionResult::done("m").to_json() })
    }

    fn interrupt(&self, _: &Owner, session_key: &str, reason: Option<&str>) -> BoxFuture<()> {
        self.note(json!({"interrupt": session_key, "reason": reason}));
        Box::pin(async {})
    }

    fn wake(&self, _: &str) -> BoxFuture<()> {
        Box::pin(async {})
    }
}

/// The connector. It knows [`GATEWAY`], of instance `i`.
pub(super) struct House {
    pub(super) connector: Connector,
    pub(super) url: String,
    seen: mpsc::UnboundedReceiver<Value>,
    directory: Directory,
}

impl House {
    pub(super) async fn start() -> Self {
        let (note, seen) = mpsc::unbounded_channel();
        let connector = Connector::new(ConnectorConfig::default(), Arc::new(Desk(Mutex::new(note))));
        let owner = Owner { tenant: "t".into(), instance: "i".into() };
        let secrets = vec![Secret::new(SECRET)];
        connector.register(GatewayRecord { id: GATEWAY.into(), owner, secrets, wake_url: None }).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = connector.clone();
        tokio::spawn(async move { serving.serve(listener).await });
        let directory = Directory::new();
        directory.file("secret", format!("{SECRET}\n"));
        Self { connector, url, seen, directory }
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// `relay run` as the known gateway.
    pub(super) fn run(&self, arguments: &[&str]) -> Command {
        let secret = self.directory.at("secret");
        let mut command = relay(&["run", "--url", &self.url, "--id", GATEWAY, "--secret-file", &secret]);
        command.args(arguments);
        command
    }

    pub(super) fn session(&self) -> Session {
        self.connector.session("i").unwrap()
    }

    pub(super) async fn becomes(&self, status: Status) {
        let session = self.session();
        within(&format!("{status:?}"), session.wait_for(|now| now == status)).await;
    }

    /// A user says something in chat `c`.
    pub(super) fn say(&self, text: &str) {
        let source = json!({"platform": "relay", "chat_id": "c", "chat_type": "dm", "user_id": "u"});
        let event = json!({"text": text, "message_id": text, "source": source});
        self.session().append(DeliveryKind::Message, &event.to_string()).unwrap();
    }

    /// What reaches the platform next.
    pub(super) async fn sees(&mut self) -> Value {
        within("an action", self.seen.recv()).await.unwrap()
    }

    /// Waits until everything is acked.
    pub(super) async fn is_drained(&self) {
        until("an empty backlog", || self.session().backlog() == 0).await;
    }
}
