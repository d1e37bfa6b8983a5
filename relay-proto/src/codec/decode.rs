//! From a line to a frame: one borrowed pass over the envelope.
//!
//! The envelope is a flat struct: an internally tagged enum would buffer every value, and cannot hold raw JSON. Where
//! one pass fails, because the JSON parser refuses some string or a key stands twice, the line is read once more
//! field by field, which only fails on what is no JSON object.

use alloc::borrow::Cow;
use core::fmt;

use serde::de::MapAccess;
use serde_json::value::RawValue;

use crate::event::EventHead;
use crate::frame::{ToConnector, ToGateway};
use crate::lenient::{Fill, Next};
use crate::raw::{Fields, Raw};

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
    decode::<FromConnector<'_, &RawValue>>(line)?.frame()
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

fn decode<'a, T: Envelope<'a>>(line: &'a [u8]) -> Result<T, Malformed> {
    let line = core::str::from_utf8(line).map_err(|_| Malformed::NotText)?;
    if !line.trim_ascii_start().starts_with('{') {
        return Err(Malformed::NotAnObject);
    }
    let mut envelope = T::default();
    let mut json = serde_json::Deserializer::from_str(line);
    match envelope.fill(&mut json).and_then(|()| json.end()) {
        Ok(()) => Ok(envelope),
        Err(_) => Fields::parse(line).map(|fields| T::read(&fields)).ok_or(Malformed::NotAnObject),
    }
}

/// The fields of all frames of a direction, flat.
trait Envelope<'a>: Default + Fill<'a> {
    fn read(fields: &Fields<'a>) -> Self;
}

/// What an event can be read as.
pub(crate) trait ReadEvent<'a>: Sized {
    fn next<A: MapAccess<'a>>(value: Next<'_, A>) -> Result<Self, A::Error>;
    fn raw(value: Raw<'a>) -> Self;
}

impl<'a> ReadEvent<'a> for &'a RawValue {
    fn next<A: MapAccess<'a>>(value: Next<'_, A>) -> Result<Self, A::Error> {
        value.value()
    }

    fn raw(value: Raw<'a>) -> Self {
        value.json()
    }
}

impl<'a> ReadEvent<'a> for EventHead<'a> {
    fn next<A: MapAccess<'a>>(value: Next<'_, A>) -> Result<Self, A::Error> {
        let mut head = Self::default();
        value.object(&mut head)?;
        Ok(head)
    }

    fn raw(value: Raw<'a>) -> Self {
        Self::parse(value.json().get())
    }
}

struct FromConnector<'a, E> {
    kind: Option<Cow<'a, str>>,
    event: Option<E>,
    buffer_id: Option<Cow<'a, str>>,
    request_id: Option<Cow<'a, str>>,
    result: Option<&'a RawValue>,
    descriptor: Option<&'a RawValue>,
    forward: Option<&'a RawValue>,
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
    fn field<A: MapAccess<'a>>(&mut self, key: &str, value: Next<'_, A>) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = value.text()?,
            "event" => self.event = Some(E::next(value)?),
            "bufferId" => self.buffer_id = value.text()?,
            "requestId" => self.request_id = value.text()?,
            "result" => self.result = value.value()?,
            "descriptor" => self.descriptor = value.value()?,
            "forward" => self.forward = value.value()?,
            "session_key" => self.session_key = value.text()?,
            "chat_id" => self.chat_id = value.text()?,
            _ => value.ignore()?,
        }
        Ok(())
    }
}

impl<'a, E: ReadEvent<'a>> Envelope<'a> for FromConnector<'a, E> {
    fn read(fields: &Fields<'a>) -> Self {
        Self {
            kind: fields.text("type"),
            event: fields.get("event").map(E::raw),
            buffer_id: fields.text("bufferId"),
            request_id: fields.text("requestId"),
            result: fields.get("result").map(Raw::json),
            descriptor: fields.get("descriptor").map(Raw::json),
            forward: fields.get("forward").map(Raw::json),
            session_key: fields.text("session_key"),
            chat_id: fields.text("chat_id"),
        }
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
    action: Option<&'a RawValue>,
    platform: Option<Cow<'a, str>>,
    bot_id: Option<Cow<'a, str>>,
    command_manifest: Option<&'a RawValue>,
    session_key: Option<Cow<'a, str>>,
    reason: Option<Cow<'a, str>>,
}

impl<'a> Fill<'a> for FromGateway<'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, value: Next<'_, A>) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = value.text()?,
            "bufferId" => self.buffer_id = value.text()?,
            "requestId" => self.request_id = value.text()?,
            "action" => self.action = value.value()?,
            "platform" => self.platform = value.text()?,
            "botId" => self.bot_id = value.text()?,
            "command_manifest" => self.command_manifest = value.value()?,
            "session_key" => self.session_key = value.text()?,
            "reason" => self.reason = value.text()?,
            _ => value.ignore()?,
        }
        Ok(())
    }
}

impl<'a> Envelope<'a> for FromGateway<'a> {
    fn read(fields: &Fields<'a>) -> Self {
        Self {
            kind: fields.text("type"),
            buffer_id: fields.text("bufferId"),
            request_id: fields.text("requestId"),
            action: fields.get("action").map(Raw::json),
            platform: fields.text("platform"),
            bot_id: fields.text("botId"),
            command_manifest: fields.get("command_manifest").map(Raw::json),
            session_key: fields.text("session_key"),
            reason: fields.text("reason"),
        }
    }
}

impl<'a> FromGateway<'a> {
    fn frame(self) -> Result<Decoded<ToConnector<'a>>, Malformed> {
        let kind = self.kind.as_deref().ok_or(Malformed::Missing("type"))?;
        Ok(Decoded::Frame(match kind {
            "inbound_ack" => ToConnector::InboundAck { buffer_id: need(self.buffer_id, "bufferId")? },
            "outbound" => ToConnector::Outbound {
                request_id: need(self.request_id, "requestId")?,
                action: need(self.action, "action")?,
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
