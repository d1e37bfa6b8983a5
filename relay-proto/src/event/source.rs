//! Where an event comes from: the platform, the chat, the person.

use alloc::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::json::Fields;

/// The source of an event. All of it was written by the peer: that an event came over the authenticated link is a
/// local fact which no field here can claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionSource<'a> {
    /// The platform's name; `relay` when the peer names none.
    pub platform: Cow<'a, str>,
    /// The chat; empty when the peer names none.
    pub chat_id: Cow<'a, str>,
    /// `dm`, `group`, `channel`, `thread` or `forum`; any other as it was given, `dm` when the peer names none.
    pub chat_type: Cow<'a, str>,
    /// What the chat is called.
    pub chat_name: Option<Cow<'a, str>>,
    /// The author's id.
    pub user_id: Option<Cow<'a, str>>,
    /// The author's account name; [`Self::display_name`] says what to call them.
    pub user_name: Option<Cow<'a, str>>,
    /// The thread inside the chat.
    pub thread_id: Option<Cow<'a, str>>,
    /// The chat's topic.
    pub chat_topic: Option<Cow<'a, str>>,
    /// An id of the author that is more stable than `user_id`.
    pub user_id_alt: Option<Cow<'a, str>>,
    /// Another id of the chat.
    pub chat_id_alt: Option<Cow<'a, str>>,
    /// The guild, workspace or server. Read from its old name `guild_id` when `scope_id` is absent, and written
    /// under both.
    pub scope_id: Option<Cow<'a, str>>,
    /// The chat that the thread `chat_id` belongs to.
    pub parent_chat_id: Option<Cow<'a, str>>,
    /// The message that caused the event.
    pub message_id: Option<Cow<'a, str>>,
    /// What the author wants to be called.
    pub user_display_name: Option<Cow<'a, str>>,
    /// The author's handle.
    pub user_handle: Option<Cow<'a, str>>,
    /// The agent's profile that the event is for.
    pub profile: Option<Cow<'a, str>>,
    /// Whether the author is a bot.
    pub is_bot: bool,
    /// Whether the event is an edit of an earlier message with the same id (rule D2).
    pub message_is_edit: bool,
    /// Whether the platform vouches that nobody else reads the chat.
    pub one_to_one_verified: bool,
    /// Whether the connector opened the thread by itself.
    pub auto_thread_created: bool,
    /// The name that it then gave to the thread.
    pub auto_thread_initial_name: Option<Cow<'a, str>>,
    /// The thread that the answer to this message will open.
    pub prospective_thread_id: Option<Cow<'a, str>>,
}

impl SessionSource<'_> {
    /// Whether the chat is a direct message.
    #[must_use]
    pub fn is_dm(&self) -> bool {
        self.chat_type == DM
    }

    /// What to call the author: the display name, else the account name, else the handle.
    #[must_use]
    pub fn display_name(&self) -> Option<&str> {
        [&self.user_display_name, &self.user_name, &self.user_handle].into_iter().find_map(filled)
    }

    /// The id by which sessions tell participants apart: `user_id_alt`, else `user_id`.
    #[must_use]
    pub fn participant(&self) -> Option<&str> {
        [&self.user_id_alt, &self.user_id].into_iter().find_map(filled)
    }
}

impl<'a> SessionSource<'a> {
    /// Reads a source; never fails.
    pub(super) fn read(fields: &Fields<'a>) -> Self {
        let unset = Self::default();
        Self {
            platform: fields.filled("platform").unwrap_or(unset.platform),
            chat_id: fields.text("chat_id").unwrap_or_default(),
            chat_type: fields.filled("chat_type").unwrap_or(unset.chat_type),
            chat_name: fields.text("chat_name"),
            user_id: fields.text("user_id"),
            user_name: fields.text("user_name"),
            thread_id: fields.text("thread_id"),
            chat_topic: fields.text("chat_topic"),
            user_id_alt: fields.filled("user_id_alt"),
            chat_id_alt: fields.filled("chat_id_alt"),
            scope_id: fields.filled("scope_id").or_else(|| fields.filled("guild_id")),
            parent_chat_id: fields.filled("parent_chat_id"),
            message_id: fields.filled("message_id"),
            user_display_name: fields.filled("user_display_name"),
            user_handle: fields.filled("user_handle"),
            profile: fields.filled("profile"),
            is_bot: fields.flag("is_bot"),
            message_is_edit: fields.flag("message_is_edit"),
            one_to_one_verified: fields.flag("one_to_one_verified"),
            auto_thread_created: fields.flag("auto_thread_created"),
            auto_thread_initial_name: fields.filled("auto_thread_initial_name"),
            prospective_thread_id: fields.filled("prospective_thread_id"),
        }
    }
}

impl Default for SessionSource<'_> {
    fn default() -> Self {
        Self {
            platform: Cow::Borrowed("relay"),
            chat_id: Cow::default(),
            chat_type: Cow::Borrowed(DM),
            chat_name: None,
            user_id: None,
            user_name: None,
            thread_id: None,
            chat_topic: None,
            user_id_alt: None,
            chat_id_alt: None,
            scope_id: None,
            parent_chat_id: None,
            message_id: None,
            user_display_name: None,
            user_handle: None,
            profile: None,
            is_bot: false,
            message_is_edit: false,
            one_to_one_verified: false,
            auto_thread_created: false,
            auto_thread_initial_name: None,
            prospective_thread_id: None,
        }
    }
}

/// The fields that are always sent, the nullable ones as null; after them those that are set.
impl Serialize for SessionSource<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for (name, value) in
            [("platform", &self.platform), ("chat_id", &self.chat_id), ("chat_type", &self.chat_type)]
        {
            map.serialize_entry(name, value)?;
        }
        for (name, value) in [
            ("chat_name", &self.chat_name),
            ("user_id", &self.user_id),
            ("user_name", &self.user_name),
            ("thread_id", &self.thread_id),
            ("chat_topic", &self.chat_topic),
        ] {
            map.serialize_entry(name, value)?;
        }
        for (name, value) in [
            ("user_id_alt", &self.user_id_alt),
            ("chat_id_alt", &self.chat_id_alt),
            ("scope_id", &self.scope_id),
            ("guild_id", &self.scope_id),
            ("parent_chat_id", &self.parent_chat_id),
            ("message_id", &self.message_id),
            ("user_display_name", &self.user_display_name),
            ("user_handle", &self.user_handle),
            ("profile", &self.profile),
            ("auto_thread_initial_name", &self.auto_thread_initial_name),
            ("prospective_thread_id", &self.prospective_thread_id),
        ] {
            if let Some(value) = filled(value) {
                map.serialize_entry(name, value)?;
            }
        }
        for (name, set) in [
            ("is_bot", self.is_bot),
            ("message_is_edit", self.message_is_edit),
            ("one_to_one_verified", self.one_to_one_verified),
            ("auto_thread_created", self.auto_thread_created),
        ] {
            if set {
                map.serialize_entry(name, &true)?;
            }
        }
        map.end()
    }
}

const DM: &str = "dm";

/// The text, unless there is none in it.
fn filled<'s>(text: &'s Option<Cow<'_, str>>) -> Option<&'s str> {
    text.as_deref().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::borrow::ToOwned;
    use alloc::string::String;

    fn read(json: &str) -> SessionSource<'_> {
        SessionSource::read(&Fields::parse(json).unwrap())
    }

    fn write(source: &SessionSource<'_>) -> String {
        serde_json::to_string(source).unwrap()
    }

    #[test]
    fn the_scope_is_read_under_its_old_name_too() {
        for json in [
            r#"{"scope_id":"s","guild_id":"g"}"#,
            r#"{"guild_id":"s"}"#,
            r#"{"scope_id":null,"guild_id":"s"}"#,
            r#"{"guild_id":"s","scope_id":""}"#,
        ] {
            assert_eq!(read(json).scope_id.as_deref(), Some("s"), "{json}");
        }
        let json = write(&read(r#"{"guild_id":"s"}"#));
        assert!(json.contains(r#""scope_id":"s","guild_id":"s""#), "{json}");
    }

    #[test]
    fn an_empty_source_is_a_dm_and_writes_what_is_always_sent() {
        let source = read("{}");
        assert!(source.is_dm());
        assert_eq!(source, SessionSource::default());
        assert_eq!(
            write(&source),
            r#"{"platform":"relay","chat_id":"","chat_type":"dm","chat_name":null,"user_id":null,"#
                .to_owned()
                + r#""user_name":null,"thread_id":null,"chat_topic":null}"#
        );
    }

    #[test]
    fn names_have_their_order() {
        assert_eq!(
            read(r#"{"user_name":"n","user_handle":"h","user_display_name":"d"}"#).display_name(),
            Some("d")
        );
        assert_eq!(
            read(r#"{"user_name":"n","user_handle":"h","user_display_name":""}"#).display_name(),
            Some("n")
        );
        assert_eq!(read(r#"{"user_handle":"h"}"#).display_name(), Some("h"));
        assert_eq!(read("{}").display_name(), None);
    }

    /// D8: each wrong type costs its own field.
    #[test]
    fn wrong_types_count_as_absent() {
        let json =
            r#"{"platform":7,"chat_id":-12,"chat_type":{},"user_id":[1],"is_bot":"yes","scope_id":{"a":1}}"#;
        let source = read(json);
        assert_eq!((&*source.platform, &*source.chat_id, &*source.chat_type), ("7", "-12", "dm"));
        assert_eq!((source.user_id, source.is_bot, source.scope_id), (None, false, None));
    }

    #[test]
    fn everything_set_is_read_as_it_was_written() {
        let json = r#"{"platform":"p","chat_id":"c","chat_type":"thread","chat_name":"cn","user_id":"u",
            "user_name":"un","thread_id":"t","chat_topic":"ct","user_id_alt":"ua","chat_id_alt":"ca","scope_id":"s",
            "guild_id":"s","parent_chat_id":"pc","message_id":"m","user_display_name":"d","user_handle":"h",
            "profile":"pr","auto_thread_initial_name":"ai","prospective_thread_id":"pt","is_bot":true,
            "message_is_edit":true,"one_to_one_verified":true,"auto_thread_created":true}"#;
        let source = read(json);
        assert_eq!(write(&source), json.split_whitespace().collect::<String>());
        assert_eq!(source.participant(), Some("ua"));
    }
}
