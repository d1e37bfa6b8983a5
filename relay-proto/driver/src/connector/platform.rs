//! What a connector's sessions need of whoever owns the platform sockets.

use bytes::Bytes;
use relay_proto::event::Descriptor;

use crate::runtime::BoxFuture;

/// Whose session it is. It comes from the connector's own records, never from a frame (rule C2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// The tenant.
    pub tenant: String,
    /// The tenant's instance.
    pub instance: String,
}

/// Something that a gateway asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbound {
    /// Whose gateway asks.
    pub owner: Owner,
    /// The platform to act on.
    pub platform: String,
    /// The bot to act as.
    pub bot_id: String,
    /// The action, as raw JSON.
    pub action: Bytes,
}

/// The platforms behind a connector.
pub trait Platform: Send + Sync + 'static {
    /// What this platform can do for this bot.
    fn describe(&self, owner: &Owner, platform: &str, bot_id: &str) -> BoxFuture<Descriptor>;

    /// Does it, and gives the result as raw JSON. Actions on one chat are asked for one after the other.
    fn perform(&self, outbound: Outbound) -> BoxFuture<String>;

    /// The gateway stops what runs in this session elsewhere.
    fn interrupt(&self, owner: &Owner, session_key: &str, reason: Option<&str>) -> BoxFuture<()>;

    /// Pokes a sleeping gateway's host: a `GET` without payload whose outcome does not matter (rule C8).
    fn wake(&self, wake_url: &str) -> BoxFuture<()>;
}
