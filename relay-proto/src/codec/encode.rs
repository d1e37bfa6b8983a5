//! From a frame to a line.

use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};

use crate::frame::{ToConnector, ToGateway};
use crate::json::{Json, plain_length};

/// Frames that can be written as a line.
pub trait Encode {
    /// Appends the frame as one line, with its end, to `out`.
    fn encode(&self, out: &mut Vec<u8>);

    /// The frame as one line, with its end.
    fn to_line(&self) -> Bytes {
        let mut out = Vec::new();
        self.encode(&mut out);
        out.into()
    }
}

impl Encode for ToGateway<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Descriptor { descriptor } => {
                Line::new(out, "descriptor").raw("descriptor", *descriptor).end();
            }
            Self::Inbound { event, buffer_id } => {
                Line::new(out, "inbound")
                    .raw("event", *event)
                    .text_if("bufferId", buffer_id.as_deref())
                    .end();
            }
            Self::Passthrough { forward, buffer_id } => Line::new(out, "passthrough_forward")
                .raw("forward", *forward)
                .text_if("bufferId", buffer_id.as_deref())
                .end(),
            Self::OutboundResult { request_id, result } => {
                Line::new(out, "outbound_result").text("requestId", request_id).raw("result", *result).end();
            }
            Self::InterruptInbound { session_key, chat_id } => Line::new(out, "interrupt_inbound")
                .text("session_key", session_key)
                .text("chat_id", chat_id)
                .end(),
            Self::GoingIdleAck => Line::new(out, "going_idle_ack").end(),
        }
    }
}

impl Encode for ToConnector<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Hello { platform, bot_id, command_manifest } => Line::new(out, "hello")
                .text("platform", platform)
                .text("botId", bot_id)
                .raw_if("command_manifest", *command_manifest)
                .end(),
            Self::InboundAck { buffer_id } => Line::new(out, "inbound_ack").text("bufferId", buffer_id).end(),
            Self::Outbound { request_id, action, platform, bot_id } => Line::new(out, "outbound")
                .text("requestId", request_id)
                .raw("action", *action)
                .text_if("platform", platform.as_deref())
                .text_if("botId", bot_id.as_deref())
                .end(),
            Self::Interrupt { session_key, reason } => Line::new(out, "interrupt")
                .text("session_key", session_key)
                .text_or_null("reason", reason.as_deref())
                .end(),
            Self::GoingIdle => Line::new(out, "going_idle").end(),
        }
    }
}

/// Buffers that lines are written into, so that a line costs no allocation of its own: lines that are handed out share
/// a chunk, whose room is used again once all of them are gone.
///
/// It is a place to work in and no part of a machine's state: any two are equal.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    line: Vec<u8>,
    chunk: BytesMut,
    chunk_size: usize,
}

impl Scratch {
    /// Room for some dozens of acks, to share the cost of an allocation.
    const CHUNK: usize = 4096;
    /// What an idle machine has: room for a few small frames.
    const SMALLEST_CHUNK: usize = 256;

    pub(crate) fn line(&mut self, frame: &impl Encode) -> Bytes {
        self.line.clear();
        frame.encode(&mut self.line);
        if self.line.len() > Self::CHUNK {
            // It stands alone, and its room is not kept.
            return core::mem::take(&mut self.line).into();
        }
        if self.chunk.capacity() < self.line.len() {
            self.chunk_size = (2 * self.chunk_size).clamp(Self::SMALLEST_CHUNK, Self::CHUNK);
            self.chunk.reserve(self.chunk_size.max(self.line.len()));
        }
        self.chunk.extend_from_slice(&self.line);
        self.chunk.split().freeze()
    }
}

impl Clone for Scratch {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Scratch {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Scratch {}

impl core::hash::Hash for Scratch {
    fn hash<H: core::hash::Hasher>(&self, _: &mut H) {}
}

/// One line being written: an object whose first field is its type.
pub(crate) struct Line<'a>(&'a mut Vec<u8>);

impl<'a> Line<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>, kind: &str) -> Self {
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\"");
        Self(out)
    }

    fn key(&mut self, name: &str) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    fn text(mut self, name: &str, value: &str) -> Self {
        self.key(name);
        put_string(self.0, value);
        self
    }

    pub(crate) fn text_if(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// A field whose JSON is written by `put`.
    pub(crate) fn with(mut self, name: &str, put: impl FnOnce(&mut Vec<u8>)) -> Self {
        self.key(name);
        put(self.0);
        self
    }

    fn text_or_null(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            return self.text(name, value);
        }
        self.key(name);
        self.0.extend_from_slice(b"null");
        self
    }

    fn raw(mut self, name: &str, value: Json<'_>) -> Self {
        self.key(name);
        put_raw(self.0, value.get());
        self
    }

    fn raw_if(self, name: &str, value: Option<Json<'_>>) -> Self {
        match value {
            Some(value) => self.raw(name, value),
            None => self,
        }
    }

    pub(crate) fn end(self) {
        self.0.extend_from_slice(b"}\n");
    }
}

/// Writes a JSON value. Line ends can only stand between its tokens, and a frame is one line.
fn put_raw(out: &mut Vec<u8>, json: &str) {
    let mut rest = json.as_bytes();
    while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
        out.extend_from_slice(&rest[..end]);
        out.push(b' ');
        rest = &rest[end + 1..];
    }
    out.extend_from_slice(rest);
}

pub(crate) fn put_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let plain = plain_length(rest);
        out.extend_from_slice(&rest[..plain]);
        let Some(special) = rest.get(plain) else { break };
        put_escape(out, *special);
        rest = &rest[plain + 1..];
    }
    out.push(b'"');
}

fn put_escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        control => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(control >> 4)]);
            out.push(HEX[usize::from(control & 15)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn strings_are_escaped_as_json_asks() {
        let every: String = (0..=0x80).filter_map(char::from_u32).chain("é😀\u{2028}".chars()).collect();
        let mut out = Vec::new();
        put_string(&mut out, &every);
        assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), every);
    }

    #[test]
    fn each_byte_at_each_place() {
        for byte in 0..0x80u8 {
            for before in 0..20 {
                let text: String = core::iter::repeat_n('é', before).chain([char::from(byte), 'z']).collect();
                let mut out = Vec::new();
                put_string(&mut out, &text);
                assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
            }
        }
    }

    #[test]
    fn a_frame_is_one_line_whatever_its_payload() {
        let event = Json::parse("{\n \"text\":\r\n \"a\\nb\" }").unwrap();
        let line = ToGateway::Inbound { event, buffer_id: Some("b\"1\n".into()) }.to_line();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        let expected = br#"{"type":"inbound","event":{  "text":   "a\nb" },"bufferId":"b\"1\n"}"#;
        assert_eq!(line.strip_suffix(b"\n"), Some(&expected[..]));
    }

    #[test]
    fn scratch_hands_out_lines_that_stand_alone() {
        let mut scratch = Scratch::default();
        let ack = |id: &str| ToConnector::InboundAck { buffer_id: String::from(id).into() };
        let (first, second) = (scratch.line(&ack("1")), scratch.line(&ack("2")));
        assert_eq!(first, &b"{\"type\":\"inbound_ack\",\"bufferId\":\"1\"}\n"[..]);
        assert_eq!(second, &b"{\"type\":\"inbound_ack\",\"bufferId\":\"2\"}\n"[..]);
        let long = scratch.line(&ack(&"x".repeat(10_000)));
        assert_eq!(long.len(), first.len() + 9_999);
        assert_eq!(scratch.line(&ack("1")), first);
    }
}
