//! The lines of the wire, written and read by hand, so that the crate's own codec has no say in what is right.

use serde_json::{Value, json};

/// The message event `name`, in chat `chat` on `platform`. Events of different names are different messages.
#[must_use]
pub fn message_in(platform: &str, chat: &str, name: &str) -> Value {
    json!({
        "text": format!("text of {name}"),
        "message_type": "text",
        "message_id": name,
        "source": {
            "platform": platform, "chat_id": chat, "chat_type": "group", "scope_id": "guild",
            "user_id": "author", "chat_name": null, "user_name": null, "thread_id": null, "chat_topic": null,
        },
    })
}

/// The message event `name`, in chat `chat` on discord.
#[must_use]
pub fn message(name: &str) -> Value {
    message_in("discord", "chat", name)
}

/// A forwarded request that is no interaction, so that only its `bufferId` names it.
#[must_use]
pub fn forward(name: &str) -> Value {
    json!({
        "platform": "slack", "botId": "bot", "method": "POST", "path": format!("/hook/{name}"),
        "headers": [["x-name", name]], "bodyB64": "e30=",
    })
}

/// An `inbound` line; `""` leaves the `bufferId` out.
#[must_use]
pub fn inbound(buffer_id: &str, event: &Value) -> String {
    delivery("inbound", "event", buffer_id, event)
}

/// A `passthrough_forward` line; `""` leaves the `bufferId` out.
#[must_use]
pub fn passthrough(buffer_id: &str, forward: &Value) -> String {
    delivery("passthrough_forward", "forward", buffer_id, forward)
}

fn delivery(kind: &str, field: &str, buffer_id: &str, body: &Value) -> String {
    let mut frame = json!({"type": kind, field: body});
    if !buffer_id.is_empty() {
        frame["bufferId"] = buffer_id.into();
    }
    line(&frame)
}

/// The descriptor of `platform`, with these fields changed; `null` leaves one out.
#[must_use]
pub fn descriptor_of(platform: &str, changes: &Value) -> Value {
    let mut descriptor = json!({
        "contract_version": 1, "platform": platform, "label": platform, "max_message_length": 2000,
        "supports_draft_streaming": false, "supports_edit": true, "supports_threads": true,
        "markdown_dialect": "discord", "len_unit": "chars",
    });
    for (name, value) in changes.as_object().into_iter().flatten() {
        descriptor[name] = value.clone();
    }
    descriptor.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    descriptor
}

/// A `descriptor` line with these fields changed; `null` leaves one out.
#[must_use]
pub fn descriptor_with(platform: &str, changes: &Value) -> String {
    line(&json!({"type": "descriptor", "descriptor": descriptor_of(platform, changes)}))
}

/// A `descriptor` line.
#[must_use]
pub fn descriptor(platform: &str) -> String {
    descriptor_with(platform, &Value::Null)
}

/// An `outbound_result` line.
#[must_use]
pub fn result(request_id: &str, result: &Value) -> String {
    line(&json!({"type": "outbound_result", "requestId": request_id, "result": result}))
}

/// An `interrupt_inbound` line.
#[must_use]
pub fn interrupt_inbound(session_key: &str, chat_id: &str) -> String {
    line(&json!({"type": "interrupt_inbound", "session_key": session_key, "chat_id": chat_id}))
}

/// The `going_idle_ack` line.
#[must_use]
pub fn going_idle_ack() -> String {
    line(&json!({"type": "going_idle_ack"}))
}

/// A `hello` line.
#[must_use]
pub fn hello(platform: &str, bot_id: &str) -> String {
    line(&json!({"type": "hello", "platform": platform, "botId": bot_id}))
}

/// An `inbound_ack` line.
#[must_use]
pub fn inbound_ack(buffer_id: &str) -> String {
    line(&json!({"type": "inbound_ack", "bufferId": buffer_id}))
}

/// The `going_idle` line.
#[must_use]
pub fn going_idle() -> String {
    line(&json!({"type": "going_idle"}))
}

/// An untagged `outbound` line.
#[must_use]
pub fn outbound(request_id: &str, action: &Value) -> String {
    line(&json!({"type": "outbound", "requestId": request_id, "action": action}))
}

/// The frame as a line, with its end.
#[must_use]
pub fn line(frame: &Value) -> String {
    format!("{frame}\n")
}

/// The frame that a machine wrote.
///
/// # Panics
/// When it is no line with one JSON object in it.
#[must_use]
pub fn read(line: &[u8]) -> Value {
    let body = line.strip_suffix(b"\n").expect("a frame ends with a line end");
    assert!(!body.contains(&b'\n'), "a frame is one line");
    let frame: Value = serde_json::from_slice(body).expect("a frame is JSON");
    assert!(frame["type"].is_string(), "a frame has a type: {frame}");
    frame
}

/// Whether this is a frame of that type.
#[must_use]
pub fn is(frame: &Value, kind: &str) -> bool {
    frame["type"] == kind
}
