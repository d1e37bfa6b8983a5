//! The connector's host: a connector of `relay-tokio`, and the platform that posts to it and does what it is asked.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use relay_tokio::proto::DeliveryKind;
use relay_tokio::proto::action::{Action, ActionResult};
use relay_tokio::proto::auth::Secret;
use relay_tokio::proto::event::Descriptor;
use relay_tokio::{
    AppendError, BoxFuture, Clock, Connector, ConnectorConfig, GatewayRecord, Outbound, Owner, Platform,
    Session, TokioRuntime,
};
use serde_json::{Value, json};
use tokio::time::sleep;
use turmoil::net::TcpListener;

use super::host::SimulatedHost;
use super::recorded::Recorded;
use super::script::{Machine, Script};
use super::world::{World, number_of};

pub(super) const PORT: u16 = 8080;
pub(super) const GATEWAY: &str = "gw-1";
pub(super) const SECRET: &str = "a simulated secret";
pub(super) const PLATFORM: &str = "discord";
const INSTANCE: &str = "i";

/// One process, from its start to its crash.
pub(super) async fn software(world: Arc<World>, script: Arc<Script>) -> turmoil::Result {
    let process = world.starts(Machine::Connector);
    let host = SimulatedHost::new(world, Machine::Connector, process, script.seed);
    let listener = TcpListener::bind((IpAddr::from(Ipv4Addr::UNSPECIFIED), PORT)).await?;
    host.note("starts");
    let desk = Arc::new(Desk { host: host.clone(), script: script.clone() });
    let connector = Connector::new_on(config(), desk, TokioRuntime::on(host.clone()));
    connector.register(record())?;
    let session = connector.session(INSTANCE).expect("it was registered");
    let revoking = connector.clone();
    let again =
        host.world().listens(session.clone(), move || assert!(revoking.revoke(GATEWAY), "it is known"));
    tokio::spawn(post(host.clone(), session, script, again));
    loop {
        let (stream, _) = listener.accept().await?;
        host.note("accepts");
        let (connector, stream) = (connector.clone(), Recorded::new(stream, host.clone()));
        tokio::spawn(async move { connector.accept(stream).await });
    }
}

/// The contract's numbers, at a tenth of the time or so.
fn config() -> ConnectorConfig {
    let mut config = ConnectorConfig::default();
    let session = &mut config.session;
    session.window = 8;
    session.hello_timeout = Duration::from_secs(3);
    session.ping_interval = Duration::from_secs(2);
    session.pong_timeout = Duration::from_secs(4);
    // So many faults would make a dead letter of any message.
    session.give_outs = u32::MAX;
    config
}

fn record() -> GatewayRecord {
    let owner = Owner { tenant: "t".into(), instance: INSTANCE.into() };
    GatewayRecord { id: GATEWAY.into(), owner, secrets: vec![Secret::new(SECRET)], wake_url: None }
}

/// The platform posts: first what was posted before and is lost with the process before this one, then each message
/// in its time, or when the connector is there to take it.
async fn post(host: SimulatedHost, session: Session, script: Arc<Script>, again: Vec<usize>) {
    for number in again {
        append(&host, &session, number, " again");
    }
    for number in host.world().posted()..script.posts.len() {
        let wait = script.posts[number].saturating_sub(host.now().as_millis());
        sleep(Duration::from_millis(wait)).await;
        append(&host, &session, number, "");
    }
}

fn append(host: &SimulatedHost, session: &Session, number: usize, again: &str) {
    let text = format!("m{number}");
    let source = json!({"platform": PLATFORM, "chat_id": format!("c{}", number % 3), "chat_type": "group"});
    let event = json!({"text": text, "message_type": "text", "message_id": text, "source": source});
    match session.append(DeliveryKind::Message, &event.to_string()) {
        Ok(_) => {
            host.note(&format!("appends {text}{again}"));
            host.world().appended(number);
        }
        Err(AppendError::Revoked) => host.note(&format!("refuses {text}")),
        Err(error) => panic!("{text} is not appended: {error}"),
    }
}

/// The platform, as far as it does what it is asked.
struct Desk {
    host: SimulatedHost,
    script: Arc<Script>,
}

impl Platform for Desk {
    fn describe(&self, _: &Owner, platform: &str, _: &str) -> BoxFuture<Descriptor> {
        let descriptor = Descriptor::builtin(platform);
        Box::pin(async move { descriptor })
    }

    fn perform(&self, outbound: Outbound) -> BoxFuture<String> {
        let action = std::str::from_utf8(&outbound.action).expect("actions are text");
        let action = Action::from_json(action).expect("the action is read");
        let number = number_of(&action.content().map_or(Value::Null, Value::from));
        let (host, takes) = (self.host.clone(), self.script.asks[number].takes);
        Box::pin(async move {
            host.note(&format!("does s{number}"));
            host.world().performs(number);
            sleep(takes).await;
            ActionResult::done(format!("done-{number}")).to_json()
        })
    }

    fn interrupt(&self, _: &Owner, _: &str, _: Option<&str>) -> BoxFuture<()> {
        Box::pin(async {})
    }

    fn wake(&self, _: &str) -> BoxFuture<()> {
        Box::pin(async {})
    }
}
