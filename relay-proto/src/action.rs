//! What a gateway asks a connector to do on a platform, and what came of it.

mod read;
mod result;
mod write;

use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;
use serde_json::Value;

pub use read::ActionError;
pub use result::{ActionResult, ChatInfo, EGRESS_DECLINED};

use crate::text::{LengthUnit, TextLimit};

/// The longest name that a thread may have: 100 characters.
pub const LONGEST_THREAD_NAME: TextLimit = TextLimit { max: 100, unit: LengthUnit::Chars };

/// A JSON object, its keys in order.
pub type Fields = serde_json::Map<String, Value>;

/// Something to do on a platform: the `action` of an `outbound` frame.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Action {
    /// What to do.
    pub op: Op,
    /// Routing discriminators and the caller's own keys; `None` for the ops that have none.
    pub metadata: Option<Fields>,
    /// Further fields, which travel as they are.
    pub extra: Fields,
}

/// The ops. A required text that the caller leaves empty is the caller's wish.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the fields are those of the wire, explained at their op")]
pub enum Op {
    /// A message to a chat.
    Send { chat_id: String, content: String, reply_to: Option<String> },
    /// A new content for a message.
    Edit { chat_id: String, message_id: String, content: String },
    /// The typing indicator; content `""` clears it.
    Typing { chat_id: String, content: Option<String> },
    /// A message through a capability that the connector holds for this session, such as
    /// `discord.interaction_token`. The gateway never sees the token.
    FollowUp { session_key: String, kind: String, content: String },
    /// The chat's name and type.
    GetChatInfo { chat_id: String },
    /// Removes a message.
    Delete { chat_id: String, message_id: String },
    /// A file; `media_kind` is `image`, `voice`, `audio`, `video` or `document`.
    SendMedia {
        chat_id: String,
        media_kind: String,
        source_url: String,
        content: Option<String>,
        filename: Option<String>,
        reply_to: Option<String>,
    },
    /// A question with buttons; `prompt_kind` is `approval`, `clarify` or `choice`.
    Prompt {
        chat_id: String,
        prompt_kind: String,
        prompt_id: String,
        content: String,
        options: Vec<PromptOption>,
        timeout_s: Option<u64>,
        reply_to: Option<String>,
    },
    /// Adds a reaction, or removes it.
    React { chat_id: String, message_id: String, emoji: String, remove: bool },
    /// A thread in a chat, from a message or on its own; the name has at most
    /// [`LONGEST_THREAD_NAME`].
    ThreadCreate { chat_id: String, thread_name: String, message_id: Option<String> },
    /// A new name for a thread, as long as in [`Op::ThreadCreate`]. `chat_id` is the parent, `message_id` the thread.
    ThreadRename {
        chat_id: String,
        message_id: String,
        thread_name: String,
        only_if_current_name: Option<String>,
    },
    /// A message being written, whole so far; `sealed` ends it.
    Draft { chat_id: String, draft_id: String, content: String, sealed: bool },
    /// An op that this crate does not know: all its fields are in [`Action::extra`].
    Other { op: String },
}

/// A button of a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct PromptOption {
    /// What comes back in the press.
    pub id: String,
    /// What the user reads.
    pub label: String,
    /// How it looks, in the platform's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub style: Option<String>,
}

impl Action {
    /// An action of this op, with no metadata of the caller's own.
    #[must_use]
    pub fn new(op: Op) -> Self {
        let metadata = match op {
            Op::GetChatInfo { .. } | Op::Other { .. } => None,
            Op::Send { .. }
            | Op::Edit { .. }
            | Op::Typing { .. }
            | Op::FollowUp { .. }
            | Op::Delete { .. }
            | Op::SendMedia { .. }
            | Op::Prompt { .. }
            | Op::React { .. }
            | Op::ThreadCreate { .. }
            | Op::ThreadRename { .. }
            | Op::Draft { .. } => Some(Fields::new()),
        };
        Self { op, metadata, extra: Fields::new() }
    }

    /// A message to a chat.
    pub fn send(chat_id: impl Into<String>, content: impl Into<String>) -> Self {
        Self::new(Op::Send { chat_id: chat_id.into(), content: content.into(), reply_to: None })
    }

    /// A message through a capability that the connector holds for this session.
    pub fn follow_up(
        session_key: impl Into<String>,
        kind: impl Into<String>,
        content: impl Into<String>,
    ) -> Self {
        Self::new(Op::FollowUp {
            session_key: session_key.into(),
            kind: kind.into(),
            content: content.into(),
        })
    }

    /// The chat's name and type.
    pub fn chat_info(chat_id: impl Into<String>) -> Self {
        Self::new(Op::GetChatInfo { chat_id: chat_id.into() })
    }

    /// The same with this key of the metadata set.
    #[must_use]
    pub fn with_metadata(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.get_or_insert_default().insert(key.into(), value.into());
        self
    }

    /// The op's name on the wire.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.op {
            Op::Send { .. } => "send",
            Op::Edit { .. } => "edit",
            Op::Typing { .. } => "typing",
            Op::FollowUp { .. } => "follow_up",
            Op::GetChatInfo { .. } => "get_chat_info",
            Op::Delete { .. } => "delete",
            Op::SendMedia { .. } => "send_media",
            Op::Prompt { .. } => "prompt",
            Op::React { .. } => "react",
            Op::ThreadCreate { .. } => "thread_create",
            Op::ThreadRename { .. } => "thread_rename",
            Op::Draft { .. } => "draft",
            Op::Other { op } => op,
        }
    }

    /// The chat to act on. Thread operations name the parent here; a follow-up names none.
    #[must_use]
    pub fn chat_id(&self) -> Option<&str> {
        match &self.op {
            Op::Send { chat_id, .. }
            | Op::Edit { chat_id, .. }
            | Op::Typing { chat_id, .. }
            | Op::GetChatInfo { chat_id }
            | Op::Delete { chat_id, .. }
            | Op::SendMedia { chat_id, .. }
            | Op::Prompt { chat_id, .. }
            | Op::React { chat_id, .. }
            | Op::ThreadCreate { chat_id, .. }
            | Op::ThreadRename { chat_id, .. }
            | Op::Draft { chat_id, .. } => Some(chat_id),
            Op::FollowUp { .. } => None,
            Op::Other { .. } => self.extra.get("chat_id")?.as_str(),
        }
    }

    /// The text that the platform's length limit is about, where there is one.
    #[must_use]
    pub fn content(&self) -> Option<&str> {
        match &self.op {
            Op::Send { content, .. }
            | Op::Edit { content, .. }
            | Op::FollowUp { content, .. }
            | Op::Prompt { content, .. }
            | Op::Draft { content, .. } => Some(content),
            Op::Typing { content, .. } | Op::SendMedia { content, .. } => content.as_deref(),
            Op::GetChatInfo { .. }
            | Op::Delete { .. }
            | Op::React { .. }
            | Op::ThreadCreate { .. }
            | Op::ThreadRename { .. }
            | Op::Other { .. } => None,
        }
    }

    /// The name that a thread is to have; at most [`LONGEST_THREAD_NAME`], whatever the platform.
    #[must_use]
    pub fn thread_name(&self) -> Option<&str> {
        match &self.op {
            Op::ThreadCreate { thread_name, .. } | Op::ThreadRename { thread_name, .. } => Some(thread_name),
            Op::Send { .. }
            | Op::Edit { .. }
            | Op::Typing { .. }
            | Op::FollowUp { .. }
            | Op::GetChatInfo { .. }
            | Op::Delete { .. }
            | Op::SendMedia { .. }
            | Op::Prompt { .. }
            | Op::React { .. }
            | Op::Draft { .. }
            | Op::Other { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(json: &str) -> String {
        serde_json::to_string(&Action::from_json(json).unwrap()).unwrap()
    }

    #[test]
    fn known_ops_are_written_as_on_the_wire() {
        for json in [
            r#"{"op":"send","chat_id":"c","content":"hi","reply_to":null,"metadata":{"a":1}}"#,
            r#"{"op":"typing","chat_id":"c","metadata":{}}"#,
            r#"{"op":"get_chat_info","chat_id":"c"}"#,
            r#"{"op":"draft","chat_id":"c","draft_id":"d","content":"x","final":true,"metadata":{}}"#,
            r#"{"op":"follow_up","session_key":"s","kind":"k","content":"x","metadata":{},"further":[1]}"#,
        ] {
            assert_eq!(round(json), json);
        }
        assert_eq!(
            serde_json::to_string(&Action::send("c", "hi")).unwrap(),
            r#"{"op":"send","chat_id":"c","content":"hi","reply_to":null,"metadata":{}}"#
        );
    }
}
