//! What frames carry: descriptors, message events and where they come from, forwarded requests.
//!
//! A frame's body travels as raw JSON; the types here read it on demand. Those of events never fail: a field that
//! is wrong counts as absent, and the raw JSON stays at hand (rule D8). A [`Descriptor`] alone is strict, because
//! a link without a usable one must end (rule H4).

mod descriptor;
mod head;
mod interaction;
mod message;
mod parts;
mod passthrough;
mod projection;
mod session_key;
mod source;

pub use descriptor::{CONTRACT_VERSION, Descriptor, DescriptorError, LEGACY_OPS};
pub use head::EventHead;
pub use interaction::{interaction_event, prompt_press};
pub use message::{MessageEvent, MessageType};
pub use parts::{ContextMessage, Media, PromptResponse, ReplyTo};
pub use passthrough::Passthrough;
pub use projection::{PlatformEntry, RuntimeFacts};
pub use session_key::{SessionScope, session_key};
pub use source::SessionSource;
