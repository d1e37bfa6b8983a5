//! A gateway: the machine, the task that drives it, and the application's handles to both.

mod delivery;
mod driver;
#[cfg(test)]
mod failed_send;
mod handle;
#[cfg(test)]
mod late_turn;
#[cfg(test)]
mod scripted;
mod shared;
mod status;
mod watch;

pub use delivery::{Deliveries, Delivery, Inbound};
pub use handle::{DormancyError, Gateway, SendError};
pub use status::LinkStatus;
pub use watch::StatusWatch;

use std::fmt;
use std::sync::Arc;

use relay_proto::auth::{self, Secret, TOKEN_TTL};
use relay_proto::endpoint::Endpoint;
use relay_proto::gateway as machine;

use crate::runtime::{BoxFuture, Clock, DialRequest, Runtime};
use driver::Driver;
use shared::{Handles, Shared};

/// What a gateway needs to know.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// Where the connector is.
    pub endpoint: Endpoint,
    /// Who the gateway is; without, it dials unauthenticated.
    pub credentials: Option<Credentials>,
    /// How long a token is good for, in seconds; 0 for ever.
    pub token_ttl: u64,
    /// The settings of the machine. Its token lifetime is set from `token_ttl`.
    pub link: machine::Config,
    /// A number that differs from process to process (rules L3, O5); by default one of the runtime's.
    pub seed: Option<u64>,
}

impl GatewayConfig {
    /// A gateway of this connector, with the contract's numbers.
    #[must_use]
    pub fn new(endpoint: Endpoint, credentials: Option<Credentials>) -> Self {
        Self { endpoint, credentials, token_ttl: TOKEN_TTL, link: machine::Config::default(), seed: None }
    }

    fn dial_request(&self, clock: &impl Clock) -> DialRequest {
        let authorization = self.credentials.as_ref().map(|credentials| {
            let expires_at = (self.token_ttl > 0).then(|| clock.unix_time().saturating_add(self.token_ttl));
            format!("Bearer {}", auth::mint_token(&credentials.gateway_id, &credentials.secret, expires_at))
        });
        DialRequest {
            tls: self.endpoint.is_tls(),
            host: self.endpoint.host().to_owned(),
            port: self.endpoint.port(),
            url: self.endpoint.dial_url(),
            authorization,
            message_limit: self.link.line_limit,
        }
    }
}

/// A gateway's name, and the secret by which it proves it.
#[derive(Clone)]
pub struct Credentials {
    /// The name.
    pub gateway_id: String,
    /// The secret; wiped when dropped.
    pub secret: Secret,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("gateway_id", &self.gateway_id).finish_non_exhaustive()
    }
}

/// A gateway that dials at once: its handle, what it is sent, and the task that has to be polled for anything to
/// happen.
///
/// The gateway shuts down by itself when every handle and the deliveries are dropped.
pub fn connect<R: Runtime>(mut config: GatewayConfig, runtime: R) -> (Gateway, Deliveries, BoxFuture<()>) {
    let lifetime = std::time::Duration::from_secs(config.token_ttl);
    config.link.token_lifetime = (config.credentials.is_some() && config.token_ttl > 0).then_some(lifetime);
    let machine = machine::Gateway::new(
        config.link.clone(),
        config.seed.unwrap_or_else(|| runtime.seed()),
        runtime.now(),
    );
    let shared = Arc::new(Shared::new(machine, Box::new(runtime.clone())));
    let handles = Arc::new(Handles::new(shared.clone()));
    let driver = Driver::new(config, runtime, shared);
    (Gateway::new(handles.clone()), Deliveries::new(handles), Box::pin(driver))
}
