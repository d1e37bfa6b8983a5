//! The gateway's host: a gateway of `relay-tokio`, an application that stores what it gets, and an agent that asks.

use std::sync::Arc;
use std::time::Duration;

use relay_tokio::proto::action::Action;
use relay_tokio::proto::auth::Secret;
use relay_tokio::proto::endpoint::Endpoint;
use relay_tokio::proto::gateway::{Identity, Options};
use relay_tokio::{Clock, Credentials, Deliveries, Gateway, GatewayConfig, Inbound, TokioRuntime};
use tokio::time::sleep;

use super::connector::{GATEWAY, PLATFORM, PORT, SECRET};
use super::dice::Dice;
use super::host::SimulatedHost;
use super::script::{Ask, Machine, Script};
use super::world::{World, number_of};

pub(super) const BACKOFF_BASE: Duration = Duration::from_millis(200);
pub(super) const BACKOFF_CAP: Duration = Duration::from_secs(4);
pub(super) const STABLE_AFTER: Duration = Duration::from_secs(3);
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// One process, from its start to its crash.
pub(super) async fn software(world: Arc<World>, script: Arc<Script>) -> turmoil::Result {
    let process = world.starts(Machine::Gateway);
    let host = SimulatedHost::new(world, Machine::Gateway, process, script.seed);
    host.note("starts");
    let (gateway, deliveries) = Gateway::connect_on(config(), TokioRuntime::on(host.clone()));
    tokio::spawn(watch(host.clone(), gateway.clone()));
    let asks: Vec<Ask> = script.asks.clone();
    for (number, ask) in asks.into_iter().enumerate() {
        tokio::spawn(keep_asking(host.clone(), gateway.clone(), number, ask));
    }
    store(host, deliveries, Dice::new(script.seed ^ process as u64)).await;
    // The deliveries end with the credential. The agent goes on.
    std::future::pending().await
}

/// The contract's numbers, at a tenth of the time or so.
fn config() -> GatewayConfig {
    let endpoint = Endpoint::parse(&format!("http://{}:{PORT}", Machine::Connector.name())).unwrap();
    let credentials = Credentials { gateway_id: GATEWAY.into(), secret: Secret::new(SECRET) };
    let mut config = GatewayConfig::new(endpoint, Some(credentials));
    let link = &mut config.link;
    link.identities = vec![Identity::new(PLATFORM, "bot")];
    link.dial_timeout = Duration::from_secs(3);
    link.handshake_timeout = Duration::from_secs(3);
    link.backoff_base = BACKOFF_BASE;
    link.backoff_cap = BACKOFF_CAP;
    link.stable_after = STABLE_AFTER;
    link.ping_interval = Duration::from_secs(2);
    link.pong_timeout = Duration::from_secs(4);
    link.request_timeout = REQUEST_TIMEOUT;
    config
}

/// Writes down what the gateway says of itself.
async fn watch(host: SimulatedHost, gateway: Gateway) {
    let mut watch = gateway.watch();
    let mut said = watch.current();
    loop {
        let cause = said.cause.as_ref().map(|cause| format!(" after {cause:?}")).unwrap_or_default();
        host.note(&format!("is {:?}{cause}", said.status));
        host.world().says(&said, host.now().as_millis());
        said = watch.changed().await;
    }
}

/// Stores what it is handed, one after the other. Now and then that takes its time, in which a crash may come.
async fn store(host: SimulatedHost, mut deliveries: Deliveries, mut dice: Dice) {
    while let Some(inbound) = deliveries.next().await {
        let Inbound::Delivery(delivery) = inbound else { panic!("nobody interrupts") };
        let event = serde_json::from_str::<serde_json::Value>(delivery.json()).expect("events are JSON");
        let number = number_of(&event["text"]);
        host.note(&format!("is handed m{number}"));
        host.world().handed(number);
        if dice.once_in(4) {
            let longest = dice.one_of(&[20, 200, 1_500]);
            sleep(Duration::from_millis(dice.below(longest) as u64)).await;
        }
        host.note(&format!("stores m{number}"));
        host.world().stored(number);
        delivery.stored();
    }
}

/// Asks for this in its time, unless that was before this process, and waits for what becomes of it.
async fn keep_asking(host: SimulatedHost, gateway: Gateway, number: usize, ask: Ask) {
    let now = host.now().as_millis();
    if ask.at < now {
        return;
    }
    sleep(Duration::from_millis(ask.at - now)).await;
    if !host.world().asks(number, host.process, host.now().as_millis()) {
        return;
    }
    host.note(&format!("asks s{number}"));
    let action = Action::send(format!("c{}", ask.chat), format!("s{number}"));
    let options = Options { wait_for_link: ask.waits, ..Options::default() };
    let outcome = match gateway.send_with(action, &options).await {
        Ok(outcome) => {
            host.note(&format!("learns of s{number}: {outcome:?}"));
            Some(outcome)
        }
        Err(rejected) => {
            host.note(&format!("learns of s{number}: Rejected, {}", rejected.refusal));
            None
        }
    };
    host.world().resolved(number, outcome.as_ref(), host.now().as_millis());
}
