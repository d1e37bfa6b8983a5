//! Between the bytes of a link and its frames: a bounded line splitter, the decoders and the encoders.

mod decode;
mod encode;
mod lines;

pub(crate) use decode::decode_head;
pub use decode::{Decoded, Malformed, decode_to_connector, decode_to_gateway};
pub use encode::Encode;
pub(crate) use encode::{Line, Scratch, put_string};
pub use lines::{LineSplitter, LineTooLong};
