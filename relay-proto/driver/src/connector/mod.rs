//! A connector: who may connect, the mailbox of each instance, and the tasks that drive their sessions.

mod driver;
mod hub;
#[cfg(test)]
mod late_admission;
mod mailbox;
mod platform;
mod registry;
#[cfg(test)]
mod scripted;
mod session;
#[cfg(test)]
mod slow_platform;

pub use hub::{Admission, Connector, ConnectorConfig, InstanceStatus};
pub use mailbox::{AppendError, DeadLetter, MailboxLimits};
pub use platform::{Outbound, Owner, Platform};
pub use registry::{GatewayRecord, RegisterError};
pub use session::Session;
