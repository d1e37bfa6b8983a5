//! What both runtimes' cases need: who links to whom, and how much memory the process has.

use std::net::SocketAddr;
use std::sync::Arc;

use relay_driver::BoxFuture;
use relay_driver::connector::{GatewayRecord, Outbound, Owner, Platform};
use relay_driver::gateway::{Credentials, Gateway, GatewayConfig};
use relay_driver::proto::action::ActionResult;
use relay_driver::proto::auth::Secret;
use relay_driver::proto::endpoint::Endpoint;
use relay_driver::proto::event::Descriptor;
use relay_driver::proto::gateway::Status;

/// A platform of which nothing is asked.
pub(crate) struct Quiet;

impl Platform for Quiet {
    fn describe(&self, _: &Owner, platform: &str, _: &str) -> BoxFuture<Descriptor> {
        let descriptor = Descriptor::builtin(platform);
        Box::pin(async move { descriptor })
    }

    fn perform(&self, _: Outbound) -> BoxFuture<String> {
        Box::pin(async { ActionResult::done("1").to_json() })
    }

    fn interrupt(&self, _: &Owner, _: &str, _: Option<&str>) -> BoxFuture<()> {
        Box::pin(async {})
    }

    fn wake(&self, _: &str) -> BoxFuture<()> {
        Box::pin(async {})
    }
}

pub(crate) fn platform() -> Arc<dyn Platform> {
    Arc::new(Quiet)
}

/// What the connector is told of a gateway.
pub(crate) fn record(number: usize) -> GatewayRecord {
    let owner = Owner { tenant: "t".into(), instance: format!("i-{number}") };
    GatewayRecord { id: format!("gw-{number}"), owner, secrets: vec![Secret::new("s3cret")], wake_url: None }
}

/// What that gateway is told of the connector.
pub(crate) fn config(number: usize, address: SocketAddr) -> GatewayConfig {
    let credentials = Credentials { gateway_id: format!("gw-{number}"), secret: Secret::new("s3cret") };
    let endpoint = Endpoint::parse(&format!("http://{address}")).expect("an endpoint");
    GatewayConfig::new(endpoint, Some(credentials))
}

pub(crate) async fn linked(gateway: &Gateway) {
    gateway.watch().wait_for(|status| status.status == Status::Linked).await;
}

/// The resident memory of this process, in KiB.
pub(crate) fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux's figures");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("the resident memory");
    line.split_whitespace().nth(1).and_then(|figure| figure.parse().ok()).expect("a figure")
}
