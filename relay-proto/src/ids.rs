//! The small numbers by which a machine and its driver name things to each other.

use core::fmt;

/// The number that an id on the wire ends with. Another spelling of it, such as `+5` or `05`, is another id, which
/// nobody gave out.
pub(crate) fn parse_number(digits: &str) -> Option<u64> {
    let is_canonical = digits == "0" || !digits.starts_with(['0', '+']);
    is_canonical.then(|| digits.parse().ok()).flatten()
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

id! {
    /// One dial and the socket that came of it, or one accepted socket. Never used twice by a machine, so that an
    /// event of an old link can be told from one of the present link (rule L4).
    LinkId, "link-"
}

id! {
    /// One request that the application made of a gateway. Never used twice by a machine.
    RequestId, "request-"
}

id! {
    /// One delivery that a gateway handed to its application. Never used twice by a machine.
    DeliveryId, "delivery-"
}

id! {
    /// One entry of an instance's mailbox. Positions grow in the order of appending (rule C4).
    Position, "position-"
}

id! {
    /// One `outbound` frame that a connector owes a result (rule C12). Never used twice by a machine.
    Ticket, "ticket-"
}
