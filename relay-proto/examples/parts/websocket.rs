//! Between machines and tungstenite's WebSockets.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use relay_proto::link::FEATURES_HEADER;
use relay_proto::{Close, CloseCode, DialError, Ended, Features, LinkEvent, LinkId};
use tungstenite::client::IntoClientRequest;
use tungstenite::error::{CapacityError, Error, ProtocolError};
use tungstenite::handshake::client;
use tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tungstenite::http::{HeaderMap, HeaderValue};
use tungstenite::protocol::frame::coding::CloseCode as WireCode;
use tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tungstenite::{Message, Utf8Bytes};

/// The longest message that is taken: a line of the machines' limit, and room for more than one in a message.
pub(crate) fn config(line_limit: usize) -> WebSocketConfig {
    let most = Some(line_limit.saturating_mul(2));
    WebSocketConfig::default().max_message_size(most).max_frame_size(most)
}

/// The upgrade that a gateway asks for. A gateway with a credential also sends `Authorization: Bearer TOKEN`, with a
/// token of [`relay_proto::auth::mint_token`] that was minted for this dial.
pub(crate) fn upgrade(url: &str) -> Result<client::Request, DialError> {
    let mut request = url.into_client_request().map_err(|error| failed(&error))?;
    request.headers_mut().insert(FEATURES_HEADER, HeaderValue::from_static(Features::OURS));
    Ok(request)
}

/// Answers an upgrade, and keeps what the gateway said that it can do.
#[derive(Default)]
pub(crate) struct Answer(pub(crate) Arc<OnceLock<Features>>);

impl Callback for Answer {
    fn on_request(self, request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
        self.0.get_or_init(|| features(request.headers()));
        response.headers_mut().insert(FEATURES_HEADER, HeaderValue::from_static(Features::OURS));
        Ok(response)
    }
}

/// What the peer's upgrade says that it can do.
pub(crate) fn features(headers: &HeaderMap) -> Features {
    let header = headers.get(FEATURES_HEADER).and_then(|value| value.to_str().ok());
    header.map(Features::parse).unwrap_or_default()
}

/// Why a dial came to nothing.
pub(crate) fn refusal(error: Error) -> DialError {
    match error {
        Error::Http(response) => DialError::Status(response.status().as_u16()),
        error => failed(&error),
    }
}

pub(crate) fn failed(error: &dyn std::fmt::Display) -> DialError {
    DialError::unreachable(error.to_string())
}

pub(crate) fn line(line: Bytes) -> Message {
    Message::Text(Utf8Bytes::try_from(line).expect("a machine's lines are JSON"))
}

pub(crate) fn ping(number: u32) -> Message {
    Message::Ping(Bytes::copy_from_slice(&number.to_be_bytes()))
}

pub(crate) fn close(close: &Close) -> Message {
    let reason = Utf8Bytes::from(&*close.reason);
    Message::Close(Some(CloseFrame { code: WireCode::from(close.code.0), reason }))
}

/// What a machine wants to know of a message; nothing of a ping, which the library answers.
pub(crate) fn event_of(link: LinkId, message: Message) -> Option<LinkEvent> {
    match message {
        Message::Text(text) => Some(LinkEvent::Received(link, text.into())),
        Message::Binary(bytes) => Some(LinkEvent::Received(link, bytes)),
        Message::Pong(number) => {
            let number = number.as_ref().try_into().ok()?;
            Some(LinkEvent::Pong(link, u32::from_be_bytes(number)))
        }
        Message::Close(frame) => {
            // 1005 stands for a close frame without a code.
            let (code, reason) =
                frame.map_or((1005, Utf8Bytes::default()), |frame| (u16::from(frame.code), frame.reason));
            let close = Close::new(CloseCode(code), reason.as_str());
            Some(LinkEvent::Closed(link, Ended::Closed(close)))
        }
        Message::Ping(_) | Message::Frame(_) => None,
    }
}

/// What a machine wants to know of an error.
pub(crate) fn event_of_error(link: LinkId, error: &Error) -> LinkEvent {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => LinkEvent::TooLarge(link),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            LinkEvent::Closed(link, Ended::broken("the socket ended without a close frame"))
        }
        error => LinkEvent::Closed(link, Ended::broken(error.to_string())),
    }
}
