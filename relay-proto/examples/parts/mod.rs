//! What the examples with sockets have in common: the two ends with their applications, the way between machines and
//! WebSockets, a clock, and the story that they tell. How sockets and machines are brought together is each
//! example's own.

pub(crate) mod clock;
pub(crate) mod ends;
pub(crate) mod story;
pub(crate) mod websocket;
