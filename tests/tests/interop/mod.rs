//! What the tests with programs of their own share: the published Python clients, the `relay` binary, and whatever
//! stands in for the rest of the world.
//!
//! Everything is waited for, and nothing for longer than [`PATIENCE`]. Every program ends with the value that stands
//! for it.

#![allow(dead_code, unused_imports, reason = "each test file takes a part of it")]

mod agent;
mod connector;
mod dice;
mod environment;
pub(crate) mod functions;
mod gateway;
mod hook;
mod http;
pub(crate) mod library;
mod program;
mod proxy;
mod script;
mod stand_in;
mod stock_gateway;
mod temporary;

use std::time::Duration;

pub(crate) use agent::{Agent, AgentSeat};
pub(crate) use connector::{ADMIN_TOKEN, Connector, GATEWAY, HOOK_TOKEN, SECRET, event, text_event};
pub(crate) use dice::Dice;
pub(crate) use environment::{Version, on_each_version, script_path};
pub(crate) use gateway::RelayRun;
pub(crate) use hook::{Call, Hook};
pub(crate) use program::Program;
pub(crate) use proxy::Proxy;
pub(crate) use script::Script;
pub(crate) use stand_in::{Link, StandIn, descriptor, inbound};
pub(crate) use stock_gateway::{StockGateway, linked_client};
pub(crate) use temporary::Directory;

/// How long anything may take. Only a failure takes this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for something.
///
/// # Panics
/// When it takes too long.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited {PATIENCE:?} in vain for {what}"),
    }
}

/// Asks again and again until something is so.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(what, asking).await
}
