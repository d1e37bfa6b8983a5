//! Every frame of the wire, field by field, beside the same frame as a JSON library writes and reads it.

use relay_proto::Features;
use relay_proto::codec::{Decoded, Encode, Malformed, decode_to_connector, decode_to_gateway};
use relay_proto::frame::{ToConnector, ToGateway};
use relay_proto::json::Json;
use serde_json::{Value, json};

fn read(frame: &impl Encode) -> Value {
    let line = frame.to_line();
    let (end, body) = line.split_last().expect("a line");
    assert_eq!(*end, b'\n');
    assert!(!body.contains(&b'\n'), "one line");
    serde_json::from_slice(body).expect("JSON")
}

/// The frame is written as this JSON, and what is read of the JSON is written so, too.
fn to_gateway(frame: &ToGateway<'_>, json: &Value) {
    assert_eq!(read(frame), *json);
    let line = json.to_string();
    match decode_to_gateway(line.as_bytes()) {
        Ok(Decoded::Frame(again)) => assert_eq!(read(&again), *json),
        other => panic!("{json}: {other:?}"),
    }
}

fn to_connector(frame: &ToConnector<'_>, json: &Value) {
    assert_eq!(read(frame), *json);
    let line = json.to_string();
    match decode_to_connector(line.as_bytes()) {
        Ok(Decoded::Frame(again)) => assert_eq!(read(&again), *json),
        other => panic!("{json}: {other:?}"),
    }
}

fn raw(json: &str) -> Json<'_> {
    Json::parse(json).expect("JSON")
}

/// D1, H1, O1, I1: what a connector says.
#[test]
fn from_a_connector() {
    let body = raw(r#"{"a":[1,"x"]}"#);
    let json_body = json!({"a": [1, "x"]});
    to_gateway(
        &ToGateway::Descriptor { descriptor: body },
        &json!({"type": "descriptor", "descriptor": json_body}),
    );
    for buffer_id in [None, Some("b-1")] {
        let mut inbound = json!({"type": "inbound", "event": json_body});
        let mut forward = json!({"type": "passthrough_forward", "forward": json_body});
        if let Some(id) = buffer_id {
            inbound["bufferId"] = id.into();
            forward["bufferId"] = id.into();
        }
        let buffer_id = buffer_id.map(Into::into);
        to_gateway(&ToGateway::Inbound { event: body, buffer_id: buffer_id.clone() }, &inbound);
        to_gateway(&ToGateway::Passthrough { forward: body, buffer_id }, &forward);
    }
    to_gateway(
        &ToGateway::OutboundResult { request_id: "r-1".into(), result: body },
        &json!({"type": "outbound_result", "requestId": "r-1", "result": json_body}),
    );
    to_gateway(
        &ToGateway::InterruptInbound { session_key: "s\"1".into(), chat_id: "c-1".into() },
        &json!({"type": "interrupt_inbound", "session_key": "s\"1", "chat_id": "c-1"}),
    );
    to_gateway(&ToGateway::GoingIdleAck, &json!({"type": "going_idle_ack"}));
}

/// D1, H1, O1, O6, I1: what a gateway says.
#[test]
fn from_a_gateway() {
    let hello = |command_manifest| ToConnector::Hello {
        platform: "discord".into(),
        bot_id: "bot-1".into(),
        command_manifest,
    };
    to_connector(&hello(None), &json!({"type": "hello", "platform": "discord", "botId": "bot-1"}));
    to_connector(
        &hello(Some(raw("[{\"name\":\"stop\"}]"))),
        &json!({"type": "hello", "platform": "discord", "botId": "bot-1", "command_manifest": [{"name": "stop"}]}),
    );
    to_connector(
        &ToConnector::InboundAck { buffer_id: "b\u{7}1".into() },
        &json!({"type": "inbound_ack", "bufferId": "b\u{7}1"}),
    );
    let outbound = |platform: Option<&'static str>, bot_id: Option<&'static str>| ToConnector::Outbound {
        request_id: "r-1".into(),
        action: raw(r#"{"op":"typing"}"#),
        platform: platform.map(Into::into),
        bot_id: bot_id.map(Into::into),
    };
    let bare = json!({"type": "outbound", "requestId": "r-1", "action": {"op": "typing"}});
    to_connector(&outbound(None, None), &bare);
    let mut tagged = bare;
    tagged["platform"] = "slack".into();
    tagged["botId"] = "bot-2".into();
    to_connector(&outbound(Some("slack"), Some("bot-2")), &tagged);
    for reason in [None, Some("stopped by hand")] {
        to_connector(
            &ToConnector::Interrupt { session_key: "s-1".into(), reason: reason.map(Into::into) },
            &json!({"type": "interrupt", "session_key": "s-1", "reason": reason}),
        );
    }
    to_connector(&ToConnector::GoingIdle, &json!({"type": "going_idle"}));
}

/// D7, D8: a frame lacks what it cannot be without, and only that; the rest may be absent or of another type.
#[test]
fn what_a_frame_cannot_be_without() {
    let needs: &[(&str, &[&str])] = &[
        ("descriptor", &["descriptor"]),
        ("inbound", &["event"]),
        ("passthrough_forward", &["forward"]),
        ("outbound_result", &["requestId", "result"]),
        ("interrupt_inbound", &["session_key"]),
        ("going_idle_ack", &[]),
    ];
    for (kind, fields) in needs {
        for without in fields.iter() {
            let line = frame_with(kind, fields.iter().filter(|field| *field != without));
            assert_eq!(decode_to_gateway(line.as_bytes()).err(), Some(Malformed::Missing(without)), "{line}");
        }
        let line = frame_with(kind, fields.iter());
        assert!(matches!(decode_to_gateway(line.as_bytes()), Ok(Decoded::Frame(_))), "{line}");
        assert!(matches!(decode_to_connector(line.as_bytes()), Ok(Decoded::Unknown)), "{line}");
    }
    let needs: &[(&str, &[&str])] = &[
        ("hello", &["platform"]),
        ("inbound_ack", &["bufferId"]),
        ("outbound", &["requestId"]),
        ("interrupt", &["session_key"]),
        ("going_idle", &[]),
    ];
    for (kind, fields) in needs {
        for without in fields.iter() {
            let line = frame_with(kind, fields.iter().filter(|field| *field != without));
            assert_eq!(
                decode_to_connector(line.as_bytes()).err(),
                Some(Malformed::Missing(without)),
                "{line}"
            );
        }
        let line = frame_with(kind, fields.iter());
        assert!(matches!(decode_to_connector(line.as_bytes()), Ok(Decoded::Frame(_))), "{line}");
        assert!(matches!(decode_to_gateway(line.as_bytes()), Ok(Decoded::Unknown)), "{line}");
    }
}

fn frame_with<'a>(kind: &str, fields: impl Iterator<Item = &'a &'a str>) -> String {
    let mut frame = json!({"type": kind});
    fields.for_each(|field| frame[*field] = "x".into());
    frame.to_string()
}

/// C9: what a peer says that it can do counts, in whichever case and among names that nobody knows.
#[test]
fn features_are_read() {
    for (header, passthrough_ack) in [
        (Features::OURS, true),
        ("later, Passthrough-Ack ,x", true),
        ("", false),
        ("passthrough", false),
        ("passthrough-ack2", false),
    ] {
        assert_eq!(Features::parse(header), Features { passthrough_ack }, "{header:?}");
    }
}
