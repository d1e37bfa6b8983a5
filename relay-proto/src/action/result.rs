//! What a connector says became of an action.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use serde::Serialize;

use crate::json::{Fill, Invalid, Value, fill};

/// The `code` of a result whose destination is not the tenant's (rule O9).
pub const EGRESS_DECLINED: &str = "egress_declined";

/// The `result` of an `outbound_result`, as far as the contract names its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct ActionResult<'a> {
    /// Whether it was done.
    pub success: bool,
    /// The message that came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<Cow<'a, str>>,
    /// Why it was not done, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Cow<'a, str>>,
    /// Why it was not done, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Cow<'a, str>>,
    /// The thread that was made, or that the message went to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<Cow<'a, str>>,
    /// The name of a thread that the platform made by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_thread_name: Option<Cow<'a, str>>,
    /// The answer to `get_chat_info`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_info: Option<ChatInfo<'a>>,
    /// The answer to `get_chat_info`, as some connectors write it: beside the rest.
    #[serde(skip)]
    flat_name: Option<Cow<'a, str>>,
    #[serde(skip)]
    flat_kind: Option<Cow<'a, str>>,
}

/// A chat's name and type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct ChatInfo<'a> {
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Cow<'a, str>>,
    /// The type: `dm`, `group`, `channel`, `thread` or `forum`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Cow<'a, str>>,
}

impl<'a> Fill<'a> for ActionResult<'a> {
    fn field(&mut self, name: Cow<'a, str>, value: Value<'_, 'a>) -> Result<(), Invalid> {
        match &*name {
            "success" => self.success = value.flag()?,
            "message_id" => self.message_id = value.text()?,
            "error" => self.error = value.text()?,
            "code" => self.code = value.text()?,
            "thread_id" => self.thread_id = value.text()?,
            "auto_thread_name" => self.auto_thread_name = value.text()?,
            "chat_info" => value.object(self.chat_info.insert(ChatInfo::default()))?,
            "name" => self.flat_name = value.text()?,
            "type" => self.flat_kind = value.text()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

impl<'a> Fill<'a> for ChatInfo<'a> {
    fn field(&mut self, name: Cow<'a, str>, value: Value<'_, 'a>) -> Result<(), Invalid> {
        match &*name {
            "name" => self.name = value.text()?,
            "type" => self.kind = value.text()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

impl<'a> ActionResult<'a> {
    /// It was done, and this message came of it.
    pub fn done(message_id: impl Into<Cow<'a, str>>) -> Self {
        Self { success: true, message_id: Some(message_id.into()), ..Self::default() }
    }

    /// It was not done.
    pub fn failed(error: impl Into<Cow<'a, str>>) -> Self {
        Self { error: Some(error.into()), ..Self::default() }
    }

    /// It was not done, for a reason that programs know by this code.
    pub fn refused(code: impl Into<Cow<'a, str>>, error: impl Into<Cow<'a, str>>) -> Self {
        Self { code: Some(code.into()), ..Self::failed(error) }
    }

    /// The destination is not the tenant's: the same words whatever the cause, so that they tell nothing (rule
    /// C12).
    #[must_use]
    pub fn declined(platform: &str) -> Self {
        Self::refused(
            EGRESS_DECLINED,
            format!("{platform} egress declined: target is not an approved destination for this connection"),
        )
    }

    /// What the raw JSON of a result says. What is not as expected counts as absent, and then as not done.
    #[must_use]
    pub fn parse(result: &'a str) -> Self {
        let mut parsed = Self::default();
        fill(result, &mut parsed).map_or_else(|_| Self::default(), |()| parsed)
    }

    /// As raw JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether the destination was declined, which no other attempt will change (rule O9).
    #[must_use]
    pub fn is_declined(&self) -> bool {
        self.code.as_deref() == Some(EGRESS_DECLINED)
            || self.code.is_none()
                && self.error.as_deref().is_some_and(|error| error.contains("egress declined"))
    }

    /// The answer to `get_chat_info` for this chat; what the connector does not know is as for a direct message.
    #[must_use]
    pub fn chat_info(&self, chat_id: &str) -> (String, String) {
        let nested = self.chat_info.as_ref();
        let name = nested.and_then(|info| info.name.as_deref()).or(self.flat_name.as_deref());
        let kind = nested.and_then(|info| info.kind.as_deref()).or(self.flat_kind.as_deref());
        (name.unwrap_or(chat_id).into(), kind.unwrap_or("dm").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_answer_chat_info() {
        let nested = ActionResult::parse(r#"{"success":true,"chat_info":{"name":"ops","type":"group"}}"#);
        let flat = ActionResult::parse(r#"{"success":true,"name":"ops","type":"group"}"#);
        for result in [nested, flat] {
            assert_eq!(result.chat_info("c"), ("ops".into(), "group".into()));
        }
        assert_eq!(ActionResult::parse("{}").chat_info("c"), ("c".into(), "dm".into()));
    }

    /// O9: declined is told apart, in the old words too.
    #[test]
    fn declined_is_told_apart() {
        let declined = ActionResult::declined("discord").to_json();
        assert!(ActionResult::parse(&declined).is_declined());
        let old = r#"{"success":false,"error":"discord egress declined: target not routed"}"#;
        assert!(ActionResult::parse(old).is_declined());
        assert!(!ActionResult::failed("boom").is_declined());
        assert!(!ActionResult::parse("[]").success);
    }

    #[test]
    fn written_as_on_the_wire() {
        assert_eq!(ActionResult::done("m1").to_json(), r#"{"success":true,"message_id":"m1"}"#);
        let refused = ActionResult::refused("overloaded", "too much").to_json();
        assert_eq!(refused, r#"{"success":false,"error":"too much","code":"overloaded"}"#);
    }
}
