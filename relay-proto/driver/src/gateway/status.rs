//! What is told of a gateway's link.

use std::sync::Arc;

use relay_proto::gateway::{Cause, Status};

/// What a gateway is doing, and why its last link or dial ended.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkStatus {
    /// What it is doing.
    pub status: Status,
    /// Why the last link or dial ended, if one has.
    pub cause: Option<Arc<Cause>>,
}
