//! The parts of a message event that are objects of their own: attachments, the answered message, the messages
//! around it, the answer to a prompt.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::json::Fields;

/// What is known of one attachment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Media<'a> {
    /// The url that it is listed under in [`media_urls`](super::MessageEvent::media_urls).
    pub url: Cow<'a, str>,
    /// `image`, `voice`, `audio`, `video`, `document` …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Cow<'a, str>>,
    /// The MIME type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime: Option<Cow<'a, str>>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The file's name at its sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<Cow<'a, str>>,
    /// What the sender wrote below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<Cow<'a, str>>,
}

impl<'a> Media<'a> {
    /// `None` without a url, since nothing could be matched to it.
    pub(super) fn read(fields: &Fields<'a>) -> Option<Self> {
        Some(Self {
            url: fields.filled("url")?,
            kind: fields.filled("kind"),
            mime: fields.filled("mime"),
            size: fields.count("size"),
            filename: fields.filled("filename"),
            caption: fields.filled("caption"),
        })
    }
}

/// The message that an event answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct ReplyTo<'a> {
    /// What it said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Cow<'a, str>>,
    /// Who said it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<Cow<'a, str>>,
    /// Whether it was the agent.
    pub is_own: bool,
}

impl<'a> ReplyTo<'a> {
    pub(super) fn read(fields: &Fields<'a>) -> Self {
        Self { text: fields.text("text"), author: fields.filled("author"), is_own: fields.flag("is_own") }
    }
}

/// A message around the one that an event is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ContextMessage<'a> {
    /// What it said.
    pub text: Cow<'a, str>,
    /// Its author's name.
    pub user_name: Option<Cow<'a, str>>,
    /// Its author's id.
    pub user_id: Option<Cow<'a, str>>,
}

impl<'a> ContextMessage<'a> {
    /// `None` without a text, since there is nothing to read.
    pub(super) fn read(fields: &Fields<'a>) -> Option<Self> {
        let source = fields.object("source").unwrap_or_default();
        Some(Self {
            text: fields.filled("text")?,
            user_name: source.filled("user_name"),
            user_id: source.filled("user_id"),
        })
    }
}

impl Serialize for ContextMessage<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let source = BTreeMap::from([("user_name", &self.user_name), ("user_id", &self.user_id)]);
        let mut map = to.serialize_map(Some(2))?;
        map.serialize_entry("text", &self.text)?;
        map.serialize_entry("source", &source)?;
        map.end()
    }
}

/// The option of a prompt that somebody chose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct PromptResponse<'a> {
    /// The prompt.
    pub prompt_id: Cow<'a, str>,
    /// The option.
    pub option_id: Cow<'a, str>,
    /// What the option was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<Cow<'a, str>>,
    /// The message that showed the prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_message_id: Option<Cow<'a, str>>,
}

impl<'a> PromptResponse<'a> {
    /// `None` without both ids, since no prompt could be found for it.
    pub(super) fn read(fields: &Fields<'a>) -> Option<Self> {
        Some(Self {
            prompt_id: fields.filled("prompt_id")?,
            option_id: fields.filled("option_id")?,
            label: fields.filled("label"),
            prompt_message_id: fields.filled("prompt_message_id"),
        })
    }
}
