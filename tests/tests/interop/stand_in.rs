//! A connector's stand-in on Python's WebSockets: `tests/interop/stand_in.py`.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};

use serde_json::{Value, json};

use super::connector::{GATEWAY, SECRET};
use super::{Script, Version};

pub(crate) struct StandIn {
    script: Script,
    port: u64,
}

/// A link that a gateway has dialed.
#[derive(Default)]
pub(crate) struct Link {
    pub(crate) number: u64,
    /// The token that it was dialed with.
    pub(crate) token: Option<String>,
    /// Frames of a message that were not asked for yet.
    frames: VecDeque<Value>,
}

impl StandIn {
    pub(crate) async fn start() -> Self {
        let mut script = Script::start(Version::NEWEST, "stand_in.py");
        let port = script.sees("listening").await["port"].as_u64().unwrap();
        Self { script, port }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits for a dial, whose upgrade is accepted.
    pub(crate) async fn accepts(&mut self) -> Link {
        let dial = self.sees_where("dial", |dial| dial["refused_with"].is_null()).await;
        assert_eq!(dial["path"], "/relay");
        let authorization = dial["headers"]["authorization"].as_str();
        let token = authorization.and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned);
        let number = self.sees("link").await["link"].as_u64().unwrap();
        Link { number, token, frames: VecDeque::new() }
    }

    /// Waits for a dial and greets it with a descriptor for each hello of the one identity `discord:d-bot`.
    pub(crate) async fn links(&mut self) -> Link {
        let mut link = self.accepts().await;
        let hello = self.hears(&mut link).await;
        assert_eq!(hello, json!({"type": "hello", "platform": "discord", "botId": "d-bot"}));
        self.says(&link, &descriptor("discord", 2_000)).await;
        link
    }

    /// Sends one frame as one line in one message.
    pub(crate) async fn says(&mut self, link: &Link, frame: &Value) {
        self.sends(link, &format!("{frame}\n")).await;
    }

    /// Sends a message as it is.
    pub(crate) async fn sends(&mut self, link: &Link, message: &str) {
        self.ask("send", json!({"link": link.number, "text": message})).await;
    }

    /// Delivers an event, for which an ack is awaited if it has a `bufferId`.
    pub(crate) async fn delivers(&mut self, link: &Link, event: &Value, buffer_id: Option<&str>) {
        self.says(link, &inbound(event, buffer_id)).await;
    }

    /// Waits for the next frame. Every message is of whole lines.
    pub(crate) async fn hears(&mut self, link: &mut Link) -> Value {
        while link.frames.is_empty() {
            let number = link.number;
            let message = self.sees_where("message", |seen| seen["link"] == number).await;
            let lines = message["text"].as_str().unwrap().strip_suffix('\n').expect("whole lines");
            link.frames.extend(lines.split('\n').map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
        link.frames.pop_front().unwrap()
    }

    /// Waits for the next frame, which is the ack of this delivery.
    pub(crate) async fn hears_ack(&mut self, link: &mut Link, buffer_id: &str) {
        assert_eq!(self.hears(link).await, json!({"type": "inbound_ack", "bufferId": buffer_id}));
    }

    /// Waits for the next frame, which is a request.
    pub(crate) async fn hears_request(&mut self, link: &mut Link) -> Value {
        let frame = self.hears(link).await;
        assert_eq!(frame["type"], "outbound", "{frame}");
        frame
    }

    /// Answers a request.
    pub(crate) async fn answers(&mut self, link: &Link, request: &Value, result: Value) {
        let id = &request["requestId"];
        self.says(link, &json!({"type": "outbound_result", "requestId": id, "result": result})).await;
    }

    /// Answers a request with success.
    pub(crate) async fn does(&mut self, link: &Link, request: &Value) {
        self.answers(link, request, json!({"success": true, "message_id": "m"})).await;
    }

    pub(crate) async fn closes(&mut self, link: &Link, code: u16, reason: &str) {
        self.ask("close", json!({"link": link.number, "code": code, "reason": reason})).await;
    }

    /// The socket goes without a close frame.
    pub(crate) async fn cuts(&mut self, link: &Link) {
        self.ask("cut", json!({"link": link.number})).await;
    }

    /// Waits for the gateway to close the link: the code and the reason.
    pub(crate) async fn sees_closed(&mut self, link: &Link) -> (u64, String) {
        let number = link.number;
        let closed = self.sees_where("closed", |seen| seen["link"] == number).await;
        (closed["code"].as_u64().unwrap(), closed["reason"].as_str().unwrap().to_owned())
    }

    /// What the published client's own check makes of a token: the gateway's name, if it is good.
    pub(crate) async fn verifies(&mut self, token: &str) -> Option<String> {
        let verified = self.ask("verify", json!({"token": token, "secrets": ["", "another", SECRET]})).await;
        verified.as_str().map(str::to_owned)
    }

    /// The token of a link is good, and that of the gateway.
    pub(crate) async fn checks_token(&mut self, link: &Link) {
        let token = link.token.clone().expect("a token");
        assert_eq!(self.verifies(&token).await.as_deref(), Some(GATEWAY));
    }
}

/// An `inbound` frame.
pub(crate) fn inbound(event: &Value, buffer_id: Option<&str>) -> Value {
    let mut frame = json!({"type": "inbound", "event": event});
    if let Some(buffer_id) = buffer_id {
        frame["bufferId"] = buffer_id.into();
    }
    frame
}

/// A `descriptor` frame.
pub(crate) fn descriptor(platform: &str, max_message_length: u64) -> Value {
    json!({"type": "descriptor", "descriptor": {
        "contract_version": 1, "platform": platform, "label": platform, "emoji": "💬",
        "max_message_length": max_message_length, "supports_draft_streaming": false, "supports_edit": true,
        "supports_threads": false, "markdown_dialect": "plain", "len_unit": "chars",
    }})
}

impl Deref for StandIn {
    type Target = Script;

    fn deref(&self) -> &Script {
        &self.script
    }
}

impl DerefMut for StandIn {
    fn deref_mut(&mut self) -> &mut Script {
        &mut self.script
    }
}
