//! Writing an action as JSON: for serde, and straight into the buffer that frames are written to, because that is done
//! for every request.

use alloc::string::String;
use alloc::vec::Vec;
use core::convert::Infallible;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Action, Fields, Op, PromptOption};
use crate::codec::put_string;

/// A field of an action.
enum Field<'a> {
    Text(&'a str),
    /// Written as null when it is absent.
    Nullable(&'a Option<String>),
    /// Not written when it is absent.
    Optional(&'a Option<String>),
    Flag(bool),
    OptionalCount(Option<u64>),
    PromptOptions(&'a Vec<PromptOption>),
    Object(&'a Fields),
    Any(&'a serde_json::Value),
}

impl Field<'_> {
    fn is_written(&self) -> bool {
        match self {
            Self::Optional(text) => text.is_some(),
            Self::OptionalCount(count) => count.is_some(),
            Self::Text(_)
            | Self::Nullable(_)
            | Self::Flag(_)
            | Self::PromptOptions(_)
            | Self::Object(_)
            | Self::Any(_) => true,
        }
    }
}

impl Action {
    /// Every field in the order of the wire, the op first.
    fn each_field<E>(&self, mut field: impl FnMut(&str, Field<'_>) -> Result<(), E>) -> Result<(), E> {
        field("op", Field::Text(self.name()))?;
        self.op.each_field(&mut field)?;
        if let Some(metadata) = &self.metadata {
            field("metadata", Field::Object(metadata))?;
        }
        self.extra.iter().try_for_each(|(name, value)| field(name, Field::Any(value)))
    }

    /// Appends the action as JSON.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let mut before = b'{';
        let Ok(()) = self.each_field(|name, field| {
            if field.is_written() {
                out.push(before);
                before = b',';
                put_string(out, name);
                out.push(b':');
                field.put(out);
            }
            Ok::<_, Infallible>(())
        });
        out.push(b'}');
    }
}

impl Field<'_> {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => put_string(out, text),
            Self::Nullable(text) | Self::Optional(text) => match text {
                Some(text) => put_string(out, text),
                None => out.extend_from_slice(b"null"),
            },
            Self::Flag(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
            Self::Object(fields) if fields.is_empty() => out.extend_from_slice(b"{}"),
            Self::OptionalCount(_) | Self::PromptOptions(_) | Self::Object(_) | Self::Any(_) => {
                // Only a map with keys that are no strings fails to serialise, and no action holds one.
                out.extend_from_slice(&serde_json::to_vec(self).unwrap_or_default());
            }
        }
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        self.each_field(
            |name, field| {
                if field.is_written() { map.serialize_entry(name, &field) } else { Ok(()) }
            },
        )?;
        map.end()
    }
}

impl Serialize for Field<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(to),
            Self::Nullable(text) | Self::Optional(text) => text.serialize(to),
            Self::Flag(flag) => flag.serialize(to),
            Self::OptionalCount(count) => count.serialize(to),
            Self::PromptOptions(options) => options.serialize(to),
            Self::Object(fields) => fields.serialize(to),
            Self::Any(value) => value.serialize(to),
        }
    }
}

impl Op {
    fn each_field<E>(&self, field: &mut impl FnMut(&str, Field<'_>) -> Result<(), E>) -> Result<(), E> {
        use Field::{Flag, Nullable, Optional, OptionalCount, PromptOptions, Text};
        match self {
            Self::Send { chat_id, content, reply_to } => {
                field("chat_id", Text(chat_id))?;
                field("content", Text(content))?;
                field("reply_to", Nullable(reply_to))
            }
            Self::Edit { chat_id, message_id, content } => {
                field("chat_id", Text(chat_id))?;
                field("message_id", Text(message_id))?;
                field("content", Text(content))
            }
            Self::Typing { chat_id, content } => {
                field("chat_id", Text(chat_id))?;
                field("content", Optional(content))
            }
            Self::FollowUp { session_key, kind, content } => {
                field("session_key", Text(session_key))?;
                field("kind", Text(kind))?;
                field("content", Text(content))
            }
            Self::GetChatInfo { chat_id } => field("chat_id", Text(chat_id)),
            Self::Delete { chat_id, message_id } => {
                field("chat_id", Text(chat_id))?;
                field("message_id", Text(message_id))
            }
            Self::SendMedia { chat_id, media_kind, source_url, content, filename, reply_to } => {
                field("chat_id", Text(chat_id))?;
                field("media_kind", Text(media_kind))?;
                field("source_url", Text(source_url))?;
                field("content", Optional(content))?;
                field("filename", Optional(filename))?;
                field("reply_to", Nullable(reply_to))
            }
            Self::Prompt { chat_id, prompt_kind, prompt_id, content, options, timeout_s, reply_to } => {
                field("chat_id", Text(chat_id))?;
                field("prompt_kind", Text(prompt_kind))?;
                field("prompt_id", Text(prompt_id))?;
                field("content", Text(content))?;
                field("options", PromptOptions(options))?;
                field("timeout_s", OptionalCount(*timeout_s))?;
                field("reply_to", Optional(reply_to))
            }
            Self::React { chat_id, message_id, emoji, remove } => {
                field("chat_id", Text(chat_id))?;
                field("message_id", Text(message_id))?;
                field("emoji", Text(emoji))?;
                field("remove", Flag(*remove))
            }
            Self::ThreadCreate { chat_id, thread_name, message_id } => {
                field("chat_id", Text(chat_id))?;
                field("thread_name", Text(thread_name))?;
                field("message_id", Optional(message_id))
            }
            Self::ThreadRename { chat_id, message_id, thread_name, only_if_current_name } => {
                field("chat_id", Text(chat_id))?;
                field("message_id", Text(message_id))?;
                field("thread_name", Text(thread_name))?;
                field("only_if_current_name", Optional(only_if_current_name))
            }
            Self::Draft { chat_id, draft_id, content, sealed } => {
                field("chat_id", Text(chat_id))?;
                field("draft_id", Text(draft_id))?;
                field("content", Text(content))?;
                field("final", Flag(*sealed))
            }
            Self::Other { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every op, with its optional fields and without, is read as it was written, and written the same both ways.
    #[test]
    fn what_is_written_is_read_again() {
        for json in [
            r#"{"op":"send","chat_id":"c","content":"x","reply_to":"m","metadata":{"é\"":{"a":[null,1.5]}}}"#,
            r#"{"op":"edit","chat_id":"c","message_id":"m","content":"x\n","metadata":{}}"#,
            r#"{"op":"typing","chat_id":"c","content":"","metadata":{}}"#,
            r#"{"op":"delete","chat_id":"c","message_id":"m","metadata":{}}"#,
            concat!(
                r#"{"op":"send_media","chat_id":"c","media_kind":"image","source_url":"u","content":"x","#,
                r#""filename":"f","reply_to":null,"metadata":{}}"#
            ),
            concat!(
                r#"{"op":"prompt","chat_id":"c","prompt_kind":"choice","prompt_id":"p","content":"x","#,
                r#""options":[{"id":"1","label":"a"},{"id":"2","label":"b","style":"s"}],"timeout_s":5,"#,
                r#""reply_to":"m","metadata":{}}"#
            ),
            r#"{"op":"react","chat_id":"c","message_id":"m","emoji":"👍","remove":true,"metadata":{}}"#,
            r#"{"op":"thread_create","chat_id":"c","thread_name":"t","metadata":{}}"#,
            r#"{"op":"thread_create","chat_id":"c","thread_name":"t","message_id":"m","metadata":{}}"#,
            concat!(
                r#"{"op":"thread_rename","chat_id":"c","message_id":"t","thread_name":"n","#,
                r#""only_if_current_name":"o","metadata":{"a":1},"further":[]}"#
            ),
            r#"{"op":"later","x":{"y":"\u0001"}}"#,
        ] {
            let action = Action::from_json(json).unwrap();
            assert_eq!(serde_json::to_string(&action).unwrap(), json);
            let mut put = Vec::new();
            action.put(&mut put);
            assert_eq!(core::str::from_utf8(&put), Ok(json));
        }
    }
}
