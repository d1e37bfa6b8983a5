//! From a line to a frame: one borrowed pass over the envelope.
//!
//! The envelope is a flat struct, because a frame's type may come behind its other fields.

use alloc::borrow::Cow;
use core::fmt;

use crate::event::EventHead;
use crate::frame::{ToConnector, ToGateway};
use crate::json::{Fill, Invalid, Json, Value, fill};

/// What a well-formed line is.
#[derive(Clone, Debug)]
pub enum Decoded<F> {
    /// A frame of this direction.
    Frame(F),
    /// A type that this direction does not have: ignored, so that newer peers can say more.
    Unknown,
}

/// Why a line is no frame. Such a line is skipped and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Malformed {
    /// It is no UTF-8.
    NotText,
    /// It is no JSON object.
    NotAnObject,
    /// It lacks a field without which the frame means nothing.
    Missing(&'static str),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText => f.write_str("a line is no UTF-8"),
            Self::NotAnObject => f.write_str("a line is no JSON object"),
            Self::Missing(field) => write!(f, "a frame lacks `{field}`"),
        }
    }
}

impl core::error::Error for Malformed {}

/// Reads a line that a connector sent.
///
/// # Errors
/// When the line is no frame.
pub fn decode_to_gateway(line: &[u8]) -> Result<Decoded<ToGateway<'_>>, Malformed> {
    decode::<FromConnector<'_, Json<'_>>>(line)?.frame()
}

/// Reads a line that a connector sent, and of an event only what a gateway's machine itself needs, in the same
/// pass.
pub(crate) fn decode_head(line: &[u8]) -> Result<Decoded<ToGateway<'_, EventHead<'_>>>, Malformed> {
    decode::<FromConnector<'_, EventHead<'_>>>(line)?.frame()
}

/// Reads a line that a gateway sent.
///
/// # Errors
/// When the line is no frame.
pub fn decode_to_connector(line: &[u8]) -> Result<Decoded<ToConnector<'_>>, Malformed> {
    decode::<FromGateway<'_>>(line)?.frame()
}

fn decode<'a, T: Default + Fill<'a>>(line: &'a [u8]) -> Result<T, Malformed> {
    let line = core::str::from_utf8(line).map_err(|_| Malformed::NotText)?;
    let mut envelope = T::default();
    fill(line, &mut envelope).map_err(|Invalid| Malformed::NotAnObject)?;
    Ok(envelope)
}

/// What an event can be read as.
trait ReadEvent<'a>: Sized {
    fn read(value: Value<'_, 'a>) -> Result<Self, Invalid>;
}

impl<'a> ReadEvent<'a> for Json<'a> {
    fn read(value: Value<'_, 'a>) -> Result<Self, Invalid> {
        value.json()
    }
}

impl<'a> ReadEvent<'a> for EventHead<'a> {
    fn read(value: Value<'_, 'a>) -> Result<Self, Invalid> {
        let mut head = Self::default();
        value.object(&mut head)?;
        Ok(head)
    }
}

struct FromConnector<'a, E> {
    kind: Option<Cow<'a, str>>,
    event: Option<E>,
    buffer_id: Option<Cow<'a, str>>,
    request_id: Option<Cow<'a, str>>,
    result: Option<Json<'a>>,
    descriptor: Option<Json<'a>>,
    forward: Option<Json<'a>>,
    session_key: Option<Cow<'a, str>>,
    chat_id: Option<Cow<'a, str>>,
}

impl<E> Default for FromConnector<'_, E> {
    fn default() -> Self {
        Self {
            kind: None,
            event: None,
            buffer_id: None,
            request_id: None,
            result: None,
            descriptor: None,
            forward: None,
            session_key: None,
            chat_id: None,
        }
    }
}

impl<'a, E: ReadEvent<'a>> Fill<'a> for FromConnector<'a, E> {
    fn field(&mut self, name: Cow<'a, str>, value: Value<'_, 'a>) -> Result<(), Invalid> {
        match &*name {
            "type" => self.kind = value.text()?,
            "event" => self.event = Some(E::read(value)?),
            "bufferId" => self.buffer_id = value.text()?,
            "requestId" => self.request_id = value.text()?,
            "result" => self.result = Some(value.json()?),
            "descriptor" => self.descriptor = Some(value.json()?),
            "forward" => self.forward = Some(value.json()?),
            "session_key" => self.session_key = value.text()?,
            "chat_id" => self.chat_id = value.text()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

impl<'a, E> FromConnector<'a, E> {
    fn frame(self) -> Result<Decoded<ToGateway<'a, E>>, Malformed> {
        let kind = self.kind.as_deref().ok_or(Malformed::Missing("type"))?;
        Ok(Decoded::Frame(match kind {
            "inbound" => ToGateway::Inbound { event: need(self.event, "event")?, buffer_id: self.buffer_id },
            "passthrough_forward" => {
                ToGateway::Passthrough { forward: need(self.forward, "forward")?, buffer_id: self.buffer_id }
            }
            "outbound_result" => ToGateway::OutboundResult {
                request_id: need(self.request_id, "requestId")?,
                result: need(self.result, "result")?,
            },
            "descriptor" => ToGateway::Descriptor { descriptor: need(self.descriptor, "descriptor")? },
            "interrupt_inbound" => ToGateway::InterruptInbound {
                session_key: need(self.session_key, "session_key")?,
                chat_id: self.chat_id.unwrap_or_default(),
            },
            "going_idle_ack" => ToGateway::GoingIdleAck,
            _ => return Ok(Decoded::Unknown),
        }))
    }
}

#[derive(Default)]
struct FromGateway<'a> {
    kind: Option<Cow<'a, str>>,
    buffer_id: Option<Cow<'a, str>>,
    request_id: Option<Cow<'a, str>>,
    action: Option<Json<'a>>,
    platform: Option<Cow<'a, str>>,
    bot_id: Option<Cow<'a, str>>,
    command_manifest: Option<Json<'a>>,
    session_key: Option<Cow<'a, str>>,
    reason: Option<Cow<'a, str>>,
}

impl<'a> Fill<'a> for FromGateway<'a> {
    fn field(&mut self, name: Cow<'a, str>, value: Value<'_, 'a>) -> Result<(), Invalid> {
        match &*name {
            "type" => self.kind = value.text()?,
            "bufferId" => self.buffer_id = value.text()?,
            "requestId" => self.request_id = value.text()?,
            "action" => self.action = Some(value.json()?),
            "platform" => self.platform = value.text()?,
            "botId" => self.bot_id = value.text()?,
            "command_manifest" => self.command_manifest = Some(value.json()?),
            "session_key" => self.session_key = value.text()?,
            "reason" => self.reason = value.text()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

impl<'a> FromGateway<'a> {
    fn frame(self) -> Result<Decoded<ToConnector<'a>>, Malformed> {
        let kind = self.kind.as_deref().ok_or(Malformed::Missing("type"))?;
        Ok(Decoded::Frame(match kind {
            "inbound_ack" => ToConnector::InboundAck { buffer_id: need(self.buffer_id, "bufferId")? },
            "outbound" => ToConnector::Outbound {
                request_id: need(self.request_id, "requestId")?,
                // Without one it is still a request, which somebody waits for (rule C12).
                action: self.action.unwrap_or(Json::NULL),
                platform: self.platform,
                bot_id: self.bot_id,
            },
            "hello" => ToConnector::Hello {
                platform: need(self.platform, "platform")?,
                bot_id: self.bot_id.unwrap_or_default(),
                command_manifest: self.command_manifest,
            },
            "interrupt" => ToConnector::Interrupt {
                session_key: need(self.session_key, "session_key")?,
                reason: self.reason,
            },
            "going_idle" => ToConnector::GoingIdle,
            _ => return Ok(Decoded::Unknown),
        }))
    }
}

fn need<T>(field: Option<T>, name: &'static str) -> Result<T, Malformed> {
    field.ok_or(Malformed::Missing(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway(line: &str) -> Result<Decoded<ToGateway<'_>>, Malformed> {
        decode_to_gateway(line.as_bytes())
    }

    #[test]
    fn unknown_types_and_fields_are_ignored() {
        assert!(matches!(gateway(r#"{"type":"later","x":{"y":1}}"#), Ok(Decoded::Unknown)));
        let line = r#"{"later":[1],"type":"going_idle_ack"}"#;
        assert!(matches!(gateway(line), Ok(Decoded::Frame(ToGateway::GoingIdleAck))));
    }

    /// D7: what is no frame is said to be none, in the words of its kind.
    #[test]
    fn what_is_no_frame() {
        for line in ["", "[]", "1", "\"a\"", "null", "{", r#"{"type":"inbound","event":{}"#, r#"["inbound"]"#]
        {
            assert_eq!(gateway(line).map(|_| ()), Err(Malformed::NotAnObject), "{line}");
        }
        assert_eq!(gateway("{}").map(|_| ()), Err(Malformed::Missing("type")));
        assert_eq!(gateway(r#"{"type":"inbound"}"#).map(|_| ()), Err(Malformed::Missing("event")));
        assert_eq!(decode_to_gateway(b"{\"type\":\"\xff\"}").map(|_| ()), Err(Malformed::NotText));
    }

    /// D8: whatever the event is, the frame is one, for the machine too; and of a key given twice the last holds.
    #[test]
    fn an_odd_event_survives() {
        for event in [r#"{"text":"a","text":"b"}"#, "7", "[]", r#"{"text":"\ud83d"}"#, r#"{"text":1e999}"#] {
            let line = alloc::format!(r#"{{"type":"x","type":"inbound","event":{event},"bufferId":7}}"#);
            let Ok(Decoded::Frame(ToGateway::Inbound { buffer_id, .. })) = decode_head(line.as_bytes())
            else {
                panic!("{line}");
            };
            assert_eq!(buffer_id.as_deref(), Some("7"));
            let Ok(Decoded::Frame(ToGateway::Inbound { event: raw, .. })) = gateway(&line) else {
                panic!("{line}");
            };
            assert_eq!(raw.get(), event);
        }
    }

    /// D8: half an emoji in one string costs no frame.
    #[test]
    fn half_an_emoji_in_an_envelope() {
        let line = br#"{"type":"interrupt","session_key":"s","reason":"stop \ud83d"}"#;
        let Ok(Decoded::Frame(ToConnector::Interrupt { session_key, reason })) = decode_to_connector(line)
        else {
            panic!("an interrupt");
        };
        assert_eq!((&*session_key, reason.as_deref()), ("s", Some("stop \u{fffd}")));
    }

    #[test]
    fn strings_are_borrowed_from_the_line() {
        let Ok(Decoded::Frame(ToGateway::Inbound { buffer_id, event })) =
            gateway(r#"{"type":"inbound","event":{"text":"x"},"bufferId":"b-1"}"#)
        else {
            panic!("an inbound frame");
        };
        assert!(matches!(buffer_id, Some(Cow::Borrowed("b-1"))));
        assert_eq!(event.get(), r#"{"text":"x"}"#);
    }
}
