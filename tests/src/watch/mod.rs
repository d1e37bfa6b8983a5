//! Lookers-on: each sees what goes into a machine and what comes out, knows some rules that hold at every step, and
//! panics with a rule's name when one is broken. They know nothing of the machines' insides.

mod deliveries;
mod links;
mod mailbox;
mod requests;

pub use deliveries::DeliveryWatch;
pub use links::LinkWatch;
pub use mailbox::MailboxWatch;
pub use requests::RequestWatch;
