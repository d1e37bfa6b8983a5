//! The relay link on tokio.
//!
//! - [`Gateway::connect`] dials a connector and keeps the link: a cloneable handle to send through, a stream of
//!   deliveries to store or release, and a watch of the link's status.
//! - [`Connector`] accepts gateways, buffers for them, and drains.
//!
//! Both must be called within a tokio runtime with IO and time enabled. The same face over async-std is that of
//! `relay-asyncstd`; over anything else, `relay-driver`.
//!
//! ```no_run
//! use relay_tokio::{Credentials, Gateway, GatewayConfig, Inbound};
//! use relay_tokio::proto::action::Action;
//! use relay_tokio::proto::{auth::Secret, endpoint::Endpoint};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let endpoint = Endpoint::parse("https://connector.example")?;
//! let credentials = Credentials { gateway_id: "gw-1".into(), secret: Secret::new("s3cret") };
//! let (gateway, mut deliveries) = Gateway::connect(GatewayConfig::new(endpoint, Some(credentials)));
//!
//! while let Some(inbound) = deliveries.next().await {
//!     let Inbound::Delivery(delivery) = inbound else { continue };
//!     let Some(event) = delivery.event() else { continue };
//!     // Keep it where a crash does not reach it, and only then:
//!     let reply = Action::send(&*event.source.chat_id, format!("You said: {}", event.text));
//!     delivery.stored();
//!     println!("{:?}", gateway.send(reply).await?);
//! }
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod accept;
mod dial;
mod host;
mod runtime;
mod socket;

use std::ops::Deref;
use std::sync::Arc;

pub use host::{Host, System};
pub use relay_driver::connector::{
    Admission, AppendError, ConnectorConfig, DeadLetter, GatewayRecord, InstanceStatus, MailboxLimits,
    Outbound, Owner, Platform, RegisterError, Session,
};
pub use relay_driver::gateway::{
    Credentials, Deliveries, Delivery, DormancyError, GatewayConfig, Inbound, LinkStatus, SendError,
    StatusWatch,
};
#[cfg(feature = "tls")]
pub use relay_driver::tls::platform_tls;
pub use relay_driver::{BoxFuture, Clock, proto};
pub use runtime::TokioRuntime;

/// A gateway: a cloneable handle to a link that keeps itself up. See [`relay_driver::gateway::Gateway`] for what it
/// can do.
#[derive(Clone, Debug)]
pub struct Gateway(relay_driver::gateway::Gateway);

impl Gateway {
    /// Dials the connector, now and whenever the link is lost, on a task of its own. When the last handle and the
    /// deliveries are dropped, the gateway shuts down.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn connect(config: GatewayConfig) -> (Self, Deliveries) {
        Self::connect_on(config, TokioRuntime::default())
    }

    /// [`connect`](Self::connect) with a runtime of the caller's, such as one that trusts other roots.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn connect_on<H: Host>(config: GatewayConfig, runtime: TokioRuntime<H>) -> (Self, Deliveries) {
        let (gateway, deliveries, driver) = relay_driver::gateway::connect(config, runtime);
        tokio::spawn(driver);
        (Self(gateway), deliveries)
    }
}

impl Deref for Gateway {
    type Target = relay_driver::gateway::Gateway;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// A connector: it knows gateways, keeps a mailbox for each instance, and drives the sessions. Clones are handles
/// to the same one. See [`relay_driver::connector::Connector`] for what it can do.
#[derive(Clone, Debug)]
pub struct Connector<H: Host = System> {
    connector: relay_driver::connector::Connector<TokioRuntime<H>>,
    line_limit: usize,
}

impl Connector {
    /// A connector that knows nobody yet, before these platforms.
    #[must_use]
    pub fn new(config: ConnectorConfig, platform: Arc<dyn Platform>) -> Self {
        Self::new_on(config, platform, TokioRuntime::default())
    }
}

impl<H: Host> Connector<H> {
    /// [`new`](Connector::new) with a runtime of the caller's.
    #[must_use]
    pub fn new_on(config: ConnectorConfig, platform: Arc<dyn Platform>, runtime: TokioRuntime<H>) -> Self {
        let line_limit = config.session.line_limit;
        let connector = relay_driver::connector::Connector::new(config, platform, runtime);
        Self { connector, line_limit }
    }
}

impl<H: Host> Deref for Connector<H> {
    type Target = relay_driver::connector::Connector<TokioRuntime<H>>;

    fn deref(&self) -> &Self::Target {
        &self.connector
    }
}
