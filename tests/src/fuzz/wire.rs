//! Lines, JSON and frames: the way from bytes to meaning and back.

use std::fmt::Debug;

use bytes::Bytes;
use relay_proto::codec::{
    Decoded, Encode, LineSplitter, LineTooLong, Malformed, decode_to_connector, decode_to_gateway,
};
use relay_proto::frame::{ToConnector, ToGateway};
use relay_proto::json::Json;
use serde_json::value::RawValue;

use super::input::Input;

/// D7: whatever comes, in whatever chunks, the lines are those between the line ends, up to the first that is too
/// long; and the frames in them are the same.
///
/// Eight bytes, a limit and the lengths of seven chunks, and then the stream.
pub fn lines(data: &[u8]) {
    let mut input = Input::new(data);
    let limit = input.index() * 4;
    let lengths = [0; 7].map(|_: u8| input.byte());
    let stream = input.clone().rest();
    let expected = by_hand(stream, limit);
    assert_eq!(by_splitter(&[stream], limit), expected, "D7: one message");
    assert_eq!(by_splitter(&input.chunks(&lengths), limit), expected, "D7: chunks of {lengths:?}");
}

type Cut = (Vec<Vec<u8>>, Result<usize, LineTooLong>);

fn by_splitter(messages: &[&[u8]], limit: usize) -> Cut {
    let mut splitter = LineSplitter::new(limit);
    let mut lines = Vec::new();
    for message in messages {
        let mut message = Bytes::copy_from_slice(message);
        loop {
            match splitter.next_line(&mut message) {
                Ok(Some(line)) => lines.push(line.to_vec()),
                Ok(None) => break,
                Err(error) => return (lines, Err(error)),
            }
            assert!(splitter.held() <= limit, "D7: bounded");
        }
    }
    (lines, Ok(splitter.held()))
}

fn by_hand(stream: &[u8], limit: usize) -> Cut {
    let mut lines = Vec::new();
    let mut parts: Vec<&[u8]> = stream.split(|byte| *byte == b'\n').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        if part.len() > limit {
            return (lines, Err(LineTooLong { limit }));
        }
        if !part.trim_ascii().is_empty() {
            lines.push(part.to_vec());
        }
    }
    let held = if last.len() > limit { Err(LineTooLong { limit }) } else { Ok(last.len()) };
    (lines, held)
}

/// D7, D8: the crate takes the same texts for JSON as a JSON library does, and gives the same text back.
pub fn json(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        assert_eq!(Json::parse(text).map(Json::get), raw(text), "{text:?}");
    }
}

/// What a JSON library takes for one value, without the blanks around it.
fn raw(text: &str) -> Option<&str> {
    serde_json::from_str::<&RawValue>(text).ok().map(RawValue::get)
}

/// D7, D8: any bytes are a frame of a direction, an unknown one, or refused in the right words; and a frame that is
/// written is read as it was. So is one made up of any texts and any JSON.
pub fn frames(data: &[u8]) {
    match decode_to_gateway(data) {
        Ok(Decoded::Frame(frame)) => to_gateway_returns(&frame),
        Ok(Decoded::Unknown) => {}
        Err(why) => is_right(why, data),
    }
    match decode_to_connector(data) {
        Ok(Decoded::Frame(frame)) => to_connector_returns(&frame),
        Ok(Decoded::Unknown) => {}
        Err(why) => is_right(why, data),
    }
    made_up(&mut Input::new(data));
}

fn is_right(why: Malformed, data: &[u8]) {
    let object = std::str::from_utf8(data).map(|text| raw(text).is_some_and(|json| json.starts_with('{')));
    let expected = match object {
        Err(_) => why == Malformed::NotText,
        Ok(false) => why == Malformed::NotAnObject,
        Ok(true) => matches!(why, Malformed::Missing(_)),
    };
    assert!(expected, "{why:?}");
}

fn made_up(input: &mut Input<'_>) {
    let kind = input.byte();
    let [first, second] = [0; 2].map(|_: u8| input.text(24));
    let (is_first, is_second) = (input.flag(), input.flag());
    let body = input.text(255);
    let json = Json::parse(&body).unwrap_or(Json::NULL);
    let (one, two) = (is_first.then(|| first.clone()), is_second.then(|| second.clone()));
    match kind % 11 {
        0 => to_gateway_returns(&ToGateway::Descriptor { descriptor: json }),
        1 => to_gateway_returns(&ToGateway::Inbound { event: json, buffer_id: one }),
        2 => to_gateway_returns(&ToGateway::Passthrough { forward: json, buffer_id: one }),
        3 => to_gateway_returns(&ToGateway::OutboundResult { request_id: first, result: json }),
        4 => to_gateway_returns(&ToGateway::InterruptInbound { session_key: first, chat_id: second }),
        5 => to_gateway_returns(&ToGateway::GoingIdleAck),
        6 => to_connector_returns(&ToConnector::Hello {
            platform: first,
            bot_id: second,
            command_manifest: is_first.then_some(json),
        }),
        7 => to_connector_returns(&ToConnector::InboundAck { buffer_id: first }),
        8 => to_connector_returns(&ToConnector::Outbound {
            request_id: first,
            action: json,
            platform: is_first.then(|| second.clone()),
            bot_id: two,
        }),
        9 => to_connector_returns(&ToConnector::Interrupt { session_key: first, reason: two }),
        _ => to_connector_returns(&ToConnector::GoingIdle),
    }
}

fn to_gateway_returns(frame: &ToGateway<'_>) {
    let line = one_line(frame);
    let Ok(Decoded::Frame(read)) = decode_to_gateway(&line) else { panic!("{frame:?} is not read again") };
    is_the_same(&read, frame);
}

fn to_connector_returns(frame: &ToConnector<'_>) {
    let line = one_line(frame);
    let Ok(Decoded::Frame(read)) = decode_to_connector(&line) else { panic!("{frame:?} is not read again") };
    is_the_same(&read, frame);
}

fn one_line(frame: &impl Encode) -> Bytes {
    let line = frame.to_line();
    assert_eq!(line.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count(), 1, "a frame is one line");
    assert_eq!(line.last(), Some(&b'\n'));
    line
}

/// A line end between two tokens of a raw value is written as a blank; in texts, line ends show as escapes.
fn is_the_same(read: &impl Debug, frame: &impl Debug) {
    let plain = |frame: &dyn Debug| format!("{frame:?}").replace("\\n", " ").replace("\\r", " ");
    assert_eq!(plain(read), plain(frame));
}
