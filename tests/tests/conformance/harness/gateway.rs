//! Gateways as the cases want them.

use std::time::Duration;

use relay_driver::gateway::{Credentials, Gateway, GatewayConfig, LinkStatus};
use relay_driver::proto::auth::Secret;
use relay_driver::proto::endpoint::Endpoint;
use relay_driver::proto::gateway::{Cause, Status};

use super::{NEVER, within};

/// The gateway's id.
pub(crate) const GATEWAY: &str = "gw-1";

/// Its secret, which must not show anywhere.
pub(crate) const SECRET: &str = "hunter2-correct-horse";

pub(crate) fn credentials() -> Credentials {
    Credentials { gateway_id: GATEWAY.into(), secret: Secret::new(SECRET) }
}

/// A gateway that dials again at once, and that no timer bothers otherwise.
pub(crate) fn redials_quickly(url: &str) -> GatewayConfig {
    let mut config = patient(url);
    config.link.backoff_base = Duration::from_millis(1);
    config.link.backoff_cap = Duration::from_millis(5);
    config
}

/// A gateway that takes its time: whatever happens, no timer is the cause.
pub(crate) fn patient(url: &str) -> GatewayConfig {
    let mut config = GatewayConfig::new(Endpoint::parse(url).unwrap(), Some(credentials()));
    let link = &mut config.link;
    for timer in [
        &mut link.dial_timeout,
        &mut link.handshake_timeout,
        &mut link.backoff_base,
        &mut link.backoff_cap,
        &mut link.stable_after,
        &mut link.ping_interval,
        &mut link.pong_timeout,
        &mut link.request_timeout,
        &mut link.idle_timeout,
        &mut link.shutdown_idle_timeout,
        &mut link.drain_timeout,
    ] {
        *timer = NEVER;
    }
    config
}

/// Waits until the gateway does this, and gives what it says of it.
pub(crate) async fn becomes(gateway: &Gateway, wanted: impl Fn(Status) -> bool) -> LinkStatus {
    within("the gateway's status", gateway.watch().wait_for(|status| wanted(status.status))).await
}

/// Waits until the gateway gives this as the cause of its last loss.
pub(crate) async fn loses(gateway: &Gateway, cause: &Cause) -> LinkStatus {
    let lost = |status: &LinkStatus| status.cause.as_deref() == Some(cause);
    within(&format!("{cause:?}"), gateway.watch().wait_for(lost)).await
}
