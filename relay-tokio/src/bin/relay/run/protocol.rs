//! The agent protocol: JSON lines to an agent and from it.

use std::borrow::Cow;

use relay_tokio::Delivery;
use relay_tokio::proto::DeliveryKind;
use relay_tokio::proto::action::{Action, ActionResult};
use relay_tokio::proto::event::{MessageEvent, SessionScope, session_key};
use relay_tokio::proto::gateway::{Outcome, Rejected, Status};
use relay_tokio::proto::json::Json;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::raw_json;

/// A line to the agent about a delivery: a message, or a forward that is none.
pub(super) fn delivery(id: &str, delivery: &Delivery) -> String {
    let raw: &RawValue = serde_json::from_str(delivery.json()).unwrap_or(RawValue::NULL);
    let Some(event) = delivery.event() else {
        return line(&Line {
            kind: "passthrough",
            delivery: id,
            session_key: None,
            event: None,
            forward: Some(raw),
        });
    };
    let key = session_key(&event.source, event.source.profile.as_deref(), SessionScope::default());
    let converted = match delivery.kind {
        DeliveryKind::Message => None,
        DeliveryKind::Passthrough => serde_json::value::to_raw_value(&event).ok(),
    };
    let event = Some(converted.as_deref().unwrap_or(raw));
    line(&Line { kind: "message", delivery: id, session_key: Some(&key), event, forward: None })
}

#[derive(serde::Serialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    delivery: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forward: Option<&'a RawValue>,
}

/// A line to the agent: a user stops what it does in this session.
pub(super) fn interrupt(session_key: &str, chat_id: &str) -> String {
    line(&json!({"type": "interrupt", "session_key": session_key, "chat_id": chat_id}))
}

/// A line to the agent: what the link is doing. `None` when the agent need not know the difference.
pub(super) fn status(status: Status, cause: Option<&str>) -> String {
    let mut told = json!({"type": "status", "status": name_of(status)});
    if let (Some(cause), Value::Object(fields)) = (cause, &mut told) {
        fields.insert("reason".into(), cause.into());
    }
    line(&told)
}

/// The status in the words of the protocol.
pub(super) fn name_of(status: Status) -> &'static str {
    match status {
        Status::Linked | Status::GoingIdle | Status::ShuttingDown => "linked",
        Status::Dialing | Status::Greeting | Status::Reconnecting { .. } | Status::Stopped => "reconnecting",
        Status::Dormant => "dormant",
        Status::Disabled => "disabled",
        Status::ShutDown => "shut_down",
    }
}

/// A line to the agent: what became of its action. A connector's answer is told as it came.
pub(super) fn result(reference: &Value, outcome: Result<Outcome, Rejected<Action>>) -> String {
    let (result, ambiguous) = match outcome {
        Ok(Outcome::Answered(result)) => (raw_json::mended(&String::from_utf8_lossy(&result)), false),
        Ok(Outcome::Failed(failure)) => (refused("not_sent", &failure), false),
        Ok(Outcome::Ambiguous(ambiguity)) => (refused("unknown_outcome", &ambiguity), true),
        Err(rejected) => (refused("refused", &rejected), false),
    };
    line(&Told { kind: "result", reference, result, ambiguous })
}

/// A line to the agent: its action could not be understood.
pub(super) fn misunderstood(reference: &Value, error: &str) -> String {
    line(&Told { kind: "result", reference, result: refused("bad_action", &error), ambiguous: false })
}

fn refused(code: &'static str, why: &impl std::fmt::Display) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(&ActionResult::refused(code, why.to_string())).ok()
}

#[derive(serde::Serialize)]
struct Told<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "ref")]
    reference: &'a Value,
    result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    ambiguous: bool,
}

/// What an agent says.
#[derive(Debug, PartialEq)]
pub(super) enum FromAgent {
    /// It is done with the delivery.
    Ack { delivery: String },
    /// A message to the chat that the delivery came from.
    Reply { delivery: String, content: String },
    /// Something to do on a platform.
    Action { reference: Value, action: Box<Action>, platform: Option<String> },
    /// What runs elsewhere in this session is to stop.
    Interrupt { session_key: String, reason: Option<String> },
}

impl FromAgent {
    /// Reads a line of the agent's. Half an emoji in it is U+FFFD.
    ///
    /// # Errors
    /// In words, when it is none of the protocol; with the reference, if the agent waits for a result.
    pub(super) fn read(text: &str) -> Result<Self, (String, Option<Value>)> {
        let text = &*Json::parse(text).map_or(Cow::Borrowed(text), Json::mended);
        let spoken: Spoken =
            serde_json::from_str(text).map_err(|error| (error.to_string(), reference_of(text)))?;
        Ok(match spoken {
            Spoken::Ack { delivery } => Self::Ack { delivery: id(delivery) },
            Spoken::Reply { delivery, content } => Self::Reply { delivery: id(delivery), content },
            Spoken::Interrupt { session_key, reason } => Self::Interrupt { session_key, reason },
            Spoken::Action { reference, action, platform } => match Action::from_fields(action) {
                Ok(action) => Self::Action { reference, action: Box::new(action), platform },
                Err(error) => return Err((error.to_string(), Some(reference))),
            },
        })
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Spoken {
    Ack {
        delivery: Value,
    },
    Reply {
        delivery: Value,
        content: String,
    },
    Action {
        #[serde(rename = "ref", default)]
        reference: Value,
        action: serde_json::Map<String, Value>,
        platform: Option<String>,
    },
    Interrupt {
        session_key: String,
        reason: Option<String>,
    },
}

/// What the result of an action that cannot be read is to be known by.
fn reference_of(text: &str) -> Option<Value> {
    #[derive(Deserialize)]
    struct Asked {
        #[serde(rename = "type")]
        kind: String,
        #[serde(rename = "ref", default)]
        reference: Value,
    }
    let asked: Asked = serde_json::from_str(text).ok()?;
    (asked.kind == "action").then_some(asked.reference)
}

/// Ids are strings here, but an agent may have made a number of one.
fn id(value: Value) -> String {
    match value {
        Value::String(id) => id,
        other => other.to_string(),
    }
}

fn line(told: &impl serde::Serialize) -> String {
    // Nothing here holds a key that is no string, which alone would fail.
    let told = serde_json::to_string(told).unwrap_or_default();
    // In what a peer wrote, these can only stand between the tokens. Some agents would take them for the line's end.
    let mut line = told.replace(['\n', '\r'], " ");
    line.push('\n');
    line
}

/// What the echo agent answers: the text, or for anything that has none, nothing.
pub(super) fn text_of(event: &MessageEvent<'_>) -> Option<String> {
    (!event.text.trim().is_empty()).then(|| event.text.clone().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_says() {
        assert_eq!(
            FromAgent::read(r#"{"type":"reply","delivery":"7","content":"x","later":1}"#),
            Ok(FromAgent::Reply { delivery: "7".into(), content: "x".into() })
        );
        assert_eq!(
            FromAgent::read(r#"{"type":"reply","delivery":"7","content":"cut \ud83d"}"#),
            Ok(FromAgent::Reply { delivery: "7".into(), content: "cut \u{fffd}".into() })
        );
        assert_eq!(
            FromAgent::read(r#"{"type":"ack","delivery":7}"#),
            Ok(FromAgent::Ack { delivery: "7".into() })
        );
        let (error, reference) =
            FromAgent::read(r#"{"type":"action","ref":3,"action":{"op":"send"}}"#).unwrap_err();
        assert!(error.contains("chat_id") && reference == Some(json!(3)));
        for unreadable in
            [r#""action":"x""#, r#""action":null"#, r#""later":1"#, r#""action":{},"platform":7"#]
        {
            let (_, reference) =
                FromAgent::read(&format!(r#"{{"type":"action","ref":3,{unreadable}}}"#)).unwrap_err();
            assert_eq!(reference, Some(json!(3)), "{unreadable}");
        }
        for wrong in ["", "{}", "[]", r#"{"type":"later"}"#, r#"{"type":"reply","delivery":"7"}"#] {
            assert!(FromAgent::read(wrong).is_err_and(|(_, reference)| reference.is_none()), "{wrong}");
        }
    }

    #[test]
    fn what_an_agent_is_told() {
        for (answer, told) in [
            (r#"{"success":true,"message_id":"m"}"#, r#"{"success":true,"message_id":"m"}"#),
            (r#"{"success":false,"error":"cut \ud83d"}"#, "{\"success\":false,\"error\":\"cut \u{fffd}\"}"),
            ("{\"success\":\rtrue}", r#"{"success": true}"#),
            (
                r#"{"z":1,"count":123456789012345678901234567890}"#,
                r#"{"z":1,"count":123456789012345678901234567890}"#,
            ),
        ] {
            let expected = format!("{{\"type\":\"result\",\"ref\":\"a\",\"result\":{told}}}\n");
            assert_eq!(result(&json!("a"), Ok(Outcome::Answered(answer.into()))), expected);
        }
        let lost =
            result(&json!(1), Ok(Outcome::Ambiguous(relay_tokio::proto::gateway::Ambiguity::LinkLost)));
        assert!(lost.contains("\"ambiguous\":true"), "{lost}");
        assert_eq!(status(Status::Dormant, None), "{\"status\":\"dormant\",\"type\":\"status\"}\n");
    }
}
