//! What a gateway's machine itself reads of an event: by what to know it again, and where replies to it go.

use alloc::borrow::Cow;

use crate::json::{Fill, Invalid, Json, Value, fill};
use crate::ledger::{Fingerprint, Fingerprinter};
use crate::routing::Route;

/// The few fields of a message event that the machine acts on. Anything that is not as expected counts as absent
/// (rule D8).
#[derive(Clone, Debug, Default)]
pub struct EventHead<'a>(Message<'a>);

#[derive(Clone, Debug, Default)]
struct Message<'a> {
    text: Option<Cow<'a, str>>,
    message_type: Option<Cow<'a, str>>,
    message_id: Option<Cow<'a, str>>,
    media_urls: Option<Json<'a>>,
    media: Option<Json<'a>>,
    prompt_response: Option<Json<'a>>,
    source: Source<'a>,
}

#[derive(Clone, Debug, Default)]
struct Source<'a> {
    platform: Option<Cow<'a, str>>,
    chat_id: Option<Cow<'a, str>>,
    chat_type: Option<Cow<'a, str>>,
    scope_id: Option<Cow<'a, str>>,
    guild_id: Option<Cow<'a, str>>,
    user_id: Option<Cow<'a, str>>,
    profile: Option<Cow<'a, str>>,
    message_is_edit: bool,
}

impl<'a> Fill<'a> for EventHead<'a> {
    fn field(&mut self, name: Cow<'a, str>, value: Value<'_, 'a>) -> Result<(), Invalid> {
        let message = &mut self.0;
        match &*name {
            "text" => message.text = value.text()?,
            "message_type" => message.message_type = value.text()?,
            "message_id" => message.message_id = value.text()?,
            "media_urls" => message.media_urls = Some(value.json()?),
            "media" => message.media = Some(value.json()?),
            "prompt_response" => message.prompt_response = Some(value.json()?),
            "source" => {
                message.source = Source::default();
                value.object(&mut message.source)?;
            }
            _ => value.skip()?,
        }
        Ok(())
    }
}

impl<'a> Fill<'a> for Source<'a> {
    fn field(&mut self, name: Cow<'a, str>, value: Value<'_, 'a>) -> Result<(), Invalid> {
        match &*name {
            "platform" => self.platform = value.text()?,
            "chat_id" => self.chat_id = value.text()?,
            "chat_type" => self.chat_type = value.text()?,
            "scope_id" => self.scope_id = value.text()?,
            "guild_id" => self.guild_id = value.text()?,
            "user_id" => self.user_id = value.text()?,
            "profile" => self.profile = value.text()?,
            "message_is_edit" => self.message_is_edit = value.flag()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

impl<'a> EventHead<'a> {
    /// The head of the event with this raw JSON; of what is no object, one that says nothing.
    #[must_use]
    pub fn parse(event: &'a str) -> Self {
        let mut head = Self::default();
        fill(event, &mut head).map_or_else(|_| Self::default(), |()| head)
    }

    /// By what a second copy of this message is known (rule D2): platform, chat, message id and content. An edit
    /// is another message. `None` for an event that names no chat or no message.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        let Message { text, message_type, message_id, media_urls, media, prompt_response, source } = &self.0;
        let name = Fingerprinter::new(2)
            .part_if(bytes(&source.platform))
            .part(set(&source.chat_id)?.as_bytes())
            .part(set(message_id)?.as_bytes())
            .part(&[u8::from(source.message_is_edit)])
            .part_if(bytes(text))
            .part_if(bytes(message_type))
            .part_if(json(media_urls))
            .part_if(json(media))
            .part_if(json(prompt_response));
        Some(name.finish())
    }

    /// The chat, and where a reply to it goes (rule O7). `None` for an event that names no chat.
    #[must_use]
    pub fn route(&self) -> Option<(&str, Route<'_>)> {
        let source = &self.0.source;
        let route = Route {
            platform: set(&source.platform),
            scope_id: set(&source.scope_id).or(set(&source.guild_id)),
            user_id: set(&source.user_id),
            profile: set(&source.profile),
            chat_type: set(&source.chat_type),
        };
        Some((set(&source.chat_id)?, route))
    }
}

/// An id that is there: the empty one names nothing.
fn set<'a>(field: &'a Option<Cow<'_, str>>) -> Option<&'a str> {
    field.as_deref().filter(|id| !id.is_empty())
}

fn bytes<'a>(field: &'a Option<Cow<'_, str>>) -> Option<&'a [u8]> {
    field.as_deref().map(str::as_bytes)
}

fn json<'a>(field: &Option<Json<'a>>) -> Option<&'a [u8]> {
    field.map(|value| value.get().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = r#"{"text":"hi","message_id":"m1","media_urls":["u"],
        "source":{"platform":"discord","chat_id":"c1","guild_id":"g1","user_id":7}}"#;

    /// D2: the content and the edit flag belong to the message, and so does each id; what surrounds it does not.
    #[test]
    fn what_makes_another_message() {
        let original = EventHead::parse(MESSAGE).fingerprint();
        assert!(original.is_some());
        for (from, to) in [
            ("hi", "ho"),
            ("m1", "m2"),
            ("\"u\"", "\"v\""),
            ("discord", "slack"),
            ("c1", "c2"),
            ("\"user_id\":7", "\"message_is_edit\":true"),
            ("\"text\"", "\"media\":[{\"url\":\"u\",\"caption\":\"x\"}],\"text\""),
            ("\"text\"", "\"prompt_response\":{\"option_id\":\"a\"},\"text\""),
        ] {
            let other = MESSAGE.replace(from, to);
            assert_ne!(EventHead::parse(&other).fingerprint(), original, "{other}");
        }
        let same = MESSAGE.replace("\"user_id\":7", "\"user_id\":8,\"chat_name\":\"ops\"");
        assert_eq!(EventHead::parse(&same).fingerprint(), original);
    }

    /// D8, D2, O7: half an emoji in the text costs neither the route nor the fingerprint.
    #[test]
    fn half_an_emoji_costs_nothing_else() {
        let odd = MESSAGE.replace("hi", "hi \\ud83d");
        let head = EventHead::parse(&odd);
        assert_eq!(head.route(), EventHead::parse(MESSAGE).route());
        assert!(head.fingerprint().is_some());
    }

    /// D2: without a chat or a message id there is nothing to know a message by.
    #[test]
    fn nameless_messages_have_no_fingerprint() {
        for gone in ["\"message_id\":\"m1\"", "\"chat_id\":\"c1\""] {
            assert_eq!(EventHead::parse(&MESSAGE.replace(gone, "\"x\":\"\"")).fingerprint(), None);
        }
        assert_eq!(EventHead::parse(&MESSAGE.replace("m1", "")).fingerprint(), None);
    }

    /// O7: the route of a chat, with the older name of its scope.
    #[test]
    fn routes() {
        let head = EventHead::parse(MESSAGE);
        let (chat, route) = head.route().unwrap();
        assert_eq!(chat, "c1");
        let expected =
            Route { platform: Some("discord"), scope_id: Some("g1"), user_id: Some("7"), ..Route::default() };
        assert_eq!(route, expected);
        let kind = MESSAGE.replace("\"guild_id\"", "\"chat_type\":\"group\",\"profile\":\"p\",\"guild_id\"");
        let head = EventHead::parse(&kind);
        let route = head.route().unwrap().1;
        assert_eq!((route.chat_type, route.profile), (Some("group"), Some("p")));
        let both = MESSAGE.replace("\"guild_id\"", "\"scope_id\":\"s1\",\"guild_id\"");
        assert_eq!(EventHead::parse(&both).route().unwrap().1.scope_id, Some("s1"));
    }
}
