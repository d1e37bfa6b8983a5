//! A message, command or press that a platform reports, as a view of its JSON.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::parts::{ContextMessage, Media, PromptResponse, ReplyTo};
use super::source::SessionSource;
use crate::json::{Fields, Json};

/// A typed view of an event. It borrows from the event's JSON where it can.
///
/// Reading never fails (rule D8): a field of the wrong type counts as absent, and the JSON itself stays the whole
/// truth. Writing gives a JSON that every peer of the contract reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MessageEvent<'a> {
    /// What was said.
    pub text: Cow<'a, str>,
    /// What kind of message it is.
    pub message_type: MessageType,
    /// The message's id.
    pub message_id: Option<Cow<'a, str>>,
    /// The message that it answers.
    pub reply_to_message_id: Option<Cow<'a, str>>,
    /// The attachments; [`Self::attachments`] says what is known of each.
    pub media_urls: Vec<Cow<'a, str>>,
    /// Where it comes from.
    pub source: SessionSource<'a>,
    /// What is known of attachments, in any order.
    pub media: Vec<Media<'a>>,
    /// What the answered message said.
    pub reply_to: Option<ReplyTo<'a>>,
    /// Surrounding messages, oldest first, for reading only. Never any in a direct message, whatever the peer
    /// wrote.
    pub context: Vec<ContextMessage<'a>>,
    /// Why there is no context.
    pub context_error: Option<Cow<'a, str>>,
    /// The answer to a prompt, when the event is one.
    pub prompt_response: Option<PromptResponse<'a>>,
}

impl<'a> MessageEvent<'a> {
    /// Reads an event. What is no JSON object gives an empty one.
    #[must_use]
    pub fn parse(json: &'a str) -> Self {
        Fields::parse(json).map(|fields| Self::read(&fields)).unwrap_or_default()
    }

    /// The event as compact JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings, numbers and bools always have a JSON form")
    }

    /// Each url of [`Self::media_urls`], in order, with what [`Self::media`] says of it. The two are matched by
    /// url, because their orders need not agree.
    #[must_use]
    pub fn attachments(&self) -> Vec<(&str, Option<&Media<'a>>)> {
        let known: BTreeMap<&str, &Media<'a>> = self.media.iter().map(|media| (&*media.url, media)).collect();
        self.media_urls.iter().map(|url| (&**url, known.get(&**url).copied())).collect()
    }

    fn read(fields: &Fields<'a>) -> Self {
        let source = fields.object("source").map(|source| SessionSource::read(&source)).unwrap_or_default();
        let context = if source.is_dm() {
            Vec::new()
        } else {
            fields.objects("context").filter_map(|message| ContextMessage::read(&message)).collect()
        };
        Self {
            text: fields.text("text").unwrap_or_default(),
            message_type: fields
                .get("message_type")
                .and_then(Json::string)
                .as_deref()
                .map(MessageType::from_name)
                .unwrap_or_default(),
            message_id: fields.filled("message_id"),
            reply_to_message_id: fields.filled("reply_to_message_id"),
            media_urls: fields.texts("media_urls"),
            media: fields.objects("media").filter_map(|media| Media::read(&media)).collect(),
            reply_to: fields.object("reply_to").map(|reply| ReplyTo::read(&reply)),
            context_error: fields.filled("context_error"),
            prompt_response: fields
                .object("prompt_response")
                .and_then(|answer| PromptResponse::read(&answer)),
            context,
            source,
        }
    }
}

/// The kind of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum MessageType {
    #[default]
    Text,
    Location,
    Photo,
    Video,
    Audio,
    Voice,
    Document,
    Sticker,
    Command,
}

impl MessageType {
    const ALL: [Self; 9] = [
        Self::Text,
        Self::Location,
        Self::Photo,
        Self::Video,
        Self::Audio,
        Self::Voice,
        Self::Document,
        Self::Sticker,
        Self::Command,
    ];

    /// The kind of this name; an unknown one is [`Self::Text`].
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).unwrap_or_default()
    }

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Location => "location",
            Self::Photo => "photo",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Voice => "voice",
            Self::Document => "document",
            Self::Sticker => "sticker",
            Self::Command => "command",
        }
    }
}

/// The fields of contract version 1 always, except for ids that are not set; the later ones when they are set.
impl Serialize for MessageEvent<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("text", &self.text)?;
        map.serialize_entry("message_type", self.message_type.as_str())?;
        for (name, value) in [
            ("message_id", &self.message_id),
            ("reply_to_message_id", &self.reply_to_message_id),
            ("context_error", &self.context_error),
        ] {
            if value.is_some() {
                map.serialize_entry(name, value)?;
            }
        }
        map.serialize_entry("media_urls", &self.media_urls)?;
        map.serialize_entry("source", &self.source)?;
        if !self.media.is_empty() {
            map.serialize_entry("media", &self.media)?;
        }
        if self.reply_to.is_some() {
            map.serialize_entry("reply_to", &self.reply_to)?;
        }
        if !self.context.is_empty() && !self.source.is_dm() {
            map.serialize_entry("context", &self.context)?;
        }
        if self.prompt_response.is_some() {
            map.serialize_entry("prompt_response", &self.prompt_response)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"{"text":"hi","message_type":"photo","message_id":"m","reply_to_message_id":"r",
        "context_error":"ce","media_urls":["u1","u2"],"source":{"platform":"discord","chat_id":"c",
        "chat_type":"group","chat_name":null,"user_id":"u","user_name":null,"thread_id":null,"chat_topic":null},
        "media":[{"url":"u2","kind":"image","mime":"image/png","size":3,"filename":"f","caption":"ca"},{"url":"u9"}],
        "reply_to":{"text":"rt","author":"ra","is_own":true},
        "context":[{"text":"before","source":{"user_id":"x","user_name":"X"}}],
        "prompt_response":{"prompt_id":"p","option_id":"o","label":"l","prompt_message_id":"pm"}}"#;

    #[test]
    fn everything_set_is_read_as_it_was_written() {
        let event = MessageEvent::parse(FULL);
        assert_eq!(event.to_json(), FULL.split_whitespace().collect::<String>());
        assert_eq!(event.context[0].user_name.as_deref(), Some("X"));
    }

    #[test]
    fn what_is_always_sent_is_written_always() {
        let json = MessageEvent::default().to_json();
        assert!(json.starts_with(r#"{"text":"","message_type":"text","media_urls":[],"source":{"#), "{json}");
        assert_eq!(MessageEvent::parse(&json), MessageEvent::default());
    }

    #[test]
    fn media_is_matched_by_url() {
        let event = MessageEvent::parse(FULL);
        let attachments = event.attachments();
        assert_eq!(attachments[0], ("u1", None));
        assert_eq!(attachments[1].1.unwrap().mime.as_deref(), Some("image/png"));
        assert_eq!(attachments.len(), 2);
    }

    #[test]
    fn a_direct_message_has_no_context() {
        let mut event = MessageEvent::parse(FULL);
        event.source.chat_type = "dm".into();
        assert!(!event.to_json().contains("\"context\""));
        for dm in [r#""chat_type":"dm""#, r#""chat_type":null"#, r#""chat_type":3.5,"chat_type":[]"#] {
            let json = FULL.replace(r#""chat_type":"group""#, dm);
            assert_eq!(MessageEvent::parse(&json).context, [], "{dm}");
        }
    }

    /// D8: each wrong type costs its own field.
    #[test]
    fn wrong_types_count_as_absent() {
        let json = r#"{"text":["a"],"message_type":"carrier pigeon","message_id":17,"media_urls":"u","source":[],
            "media":[1,{"kind":"image"},{"url":"u","size":-1}],"reply_to":"x","context":{},
            "prompt_response":{"prompt_id":"p"}}"#;
        let event = MessageEvent::parse(json);
        let media = Media { url: "u".into(), ..Media::default() };
        assert_eq!(
            event,
            MessageEvent { message_id: Some("17".into()), media: [media].into(), ..MessageEvent::default() }
        );
        for json in ["", "[]", "\"text\"", "{\"text\":\"a\""] {
            assert_eq!(MessageEvent::parse(json), MessageEvent::default());
        }
    }

    #[test]
    fn kinds_are_known_by_their_names() {
        for kind in MessageType::ALL {
            assert_eq!(MessageType::from_name(kind.as_str()), kind);
        }
    }
}
