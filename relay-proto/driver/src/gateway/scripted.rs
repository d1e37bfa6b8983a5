//! A gateway in a scripted world, for the tests of its driver.

use relay_proto::endpoint::Endpoint;
use relay_proto::event::Descriptor;
use relay_proto::gateway::Status;
use tungstenite::Message;

use super::{Deliveries, Gateway, GatewayConfig, connect};
use crate::BoxFuture;
use crate::scripted::{World, poll};

/// A gateway in this world whose link has had its descriptor.
pub(super) fn linked(world: &World) -> (Gateway, Deliveries, BoxFuture<()>) {
    let endpoint = Endpoint::parse("http://connector.example").unwrap();
    let (gateway, deliveries, driver) = connect(GatewayConfig::new(endpoint, None), world.clone());
    let mut driver: BoxFuture<()> = Box::pin(driver);
    let descriptor = Descriptor::builtin("discord").to_json();
    world.peer_sends(Message::text(format!("{{\"type\":\"descriptor\",\"descriptor\":{descriptor}}}\n")));
    poll(&mut driver);
    assert_eq!(gateway.watch().current().status, Status::Linked);
    (gateway, deliveries, driver)
}
