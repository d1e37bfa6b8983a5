//! The frames of a link: one enum a direction.
//!
//! Strings borrow from the line where they can. What the frames carry for the applications (events, forwards,
//! actions, results) stays raw JSON; its typed views are in [`crate::event`] and [`crate::action`].

use alloc::borrow::Cow;

use crate::json::Json;

/// A frame from a connector to a gateway. `E` is what an `inbound` event is read as.
#[derive(Clone, Debug)]
pub enum ToGateway<'a, E = Json<'a>> {
    /// `descriptor`: the answer to one `hello`.
    Descriptor {
        /// The capability descriptor; see [`crate::event::Descriptor`].
        descriptor: Json<'a>,
    },
    /// `inbound`: a chat message or the like.
    Inbound {
        /// The message event; see [`crate::event::MessageEvent`].
        event: E,
        /// Set when the connector waits for an `inbound_ack`.
        buffer_id: Option<Cow<'a, str>>,
    },
    /// `passthrough_forward`: a request that a platform made over HTTP, already answered at the edge.
    Passthrough {
        /// The forwarded request; see [`crate::event::Passthrough`].
        forward: Json<'a>,
        /// Set when the connector waits for an `inbound_ack`.
        buffer_id: Option<Cow<'a, str>>,
    },
    /// `outbound_result`: what became of one `outbound`.
    OutboundResult {
        /// The id of the `outbound` frame.
        request_id: Cow<'a, str>,
        /// The result; see [`crate::action::ActionResult`].
        result: Json<'a>,
    },
    /// `interrupt_inbound`: a user stops what the agent does in this session.
    InterruptInbound {
        /// The session to stop.
        session_key: Cow<'a, str>,
        /// The chat from which the stop came.
        chat_id: Cow<'a, str>,
    },
    /// `going_idle_ack`: from here on the connector only buffers.
    GoingIdleAck,
}

/// A frame from a gateway to a connector.
#[derive(Clone, Debug)]
pub enum ToConnector<'a> {
    /// `hello`: one identity that the gateway fronts; the first one is its default.
    Hello {
        /// The platform's name.
        platform: Cow<'a, str>,
        /// The bot's id on that platform; may be empty.
        bot_id: Cow<'a, str>,
        /// The commands that the bot offers there.
        command_manifest: Option<Json<'a>>,
    },
    /// `inbound_ack`: the application holds this delivery durably (rule D1).
    InboundAck {
        /// The delivery's `bufferId`.
        buffer_id: Cow<'a, str>,
    },
    /// `outbound`: something to do on a platform.
    Outbound {
        /// The id that the result will bear.
        request_id: Cow<'a, str>,
        /// What to do; see [`crate::action::Action`]. `null` when the frame has none: it is a request all the same, and gets
        /// its result (rule C12).
        action: Json<'a>,
        /// The platform to act on; the session's default when absent.
        platform: Option<Cow<'a, str>>,
        /// The bot to act as; goes with `platform`.
        bot_id: Option<Cow<'a, str>>,
    },
    /// `interrupt`: the gateway stops what runs elsewhere in this session.
    Interrupt {
        /// The session to stop.
        session_key: Cow<'a, str>,
        /// Why.
        reason: Option<Cow<'a, str>>,
    },
    /// `going_idle`: the gateway asks the connector to only buffer from now on.
    GoingIdle,
}

/// The kinds of frame that carry something for the application, and may be buffered for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryKind {
    /// An `inbound` frame.
    Message,
    /// A `passthrough_forward` frame.
    Passthrough,
}
