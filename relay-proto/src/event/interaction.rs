//! A forwarded Discord interaction (a slash command, a pressed component, a submitted form) as the event that the
//! same act would have been as a message.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::message::{MessageEvent, MessageType};
use super::parts::PromptResponse;
use super::passthrough::Passthrough;
use super::source::SessionSource;
use crate::json::{Fields, Json};

/// The event that a forwarded request amounts to. `None` for other platforms' requests and for bodies that are no
/// usable interaction; these reach the agent as they are.
///
/// A command's text is `/name`, the names of its sub-commands and the values of its options; a press is one of a
/// prompt when its `custom_id` says so ([`prompt_press`]), and then reads as the command `/option`; a form's text
/// is its values, one a line. The source has the key fields of a message in that chat, so that both belong to the
/// same session; the interaction's id is its message id, by which a second copy is known (rule D2).
#[must_use]
pub fn interaction_event(forward: &Passthrough) -> Option<MessageEvent<'static>> {
    if forward.platform != DISCORD {
        return None;
    }
    let fields = Fields::parse(core::str::from_utf8(&forward.body).ok()?)?;
    let data = fields.object("data")?;
    let said = match fields.count("type")? {
        APPLICATION_COMMAND => command(&data)?,
        MESSAGE_COMPONENT => press(&fields, &data)?,
        MODAL_SUBMIT => form(&data),
        _ => return None,
    };
    let source = source(&fields, forward.profile.as_deref());
    Some(MessageEvent { message_id: source.message_id.clone(), source, ..said })
}

/// The prompt and the option that a callback token `hp1:<prompt_id>:<option_id>` names. `None` for anything else:
/// a token has at most 64 bytes, an id 1 to 32 of `A-Z a-z 0-9 _ . -`.
#[must_use]
pub fn prompt_press(token: &str) -> Option<(&str, &str)> {
    if token.len() > 64 {
        return None;
    }
    let (prompt, option) = token.strip_prefix("hp1:")?.split_once(':')?;
    (is_prompt_id(prompt) && is_prompt_id(option)).then_some((prompt, option))
}

const DISCORD: &str = "discord";

const APPLICATION_COMMAND: u64 = 2;
const MESSAGE_COMPONENT: u64 = 3;
const MODAL_SUBMIT: u64 = 5;

/// Options of these types hold options of their own.
const SUB_COMMAND: u64 = 1;
const SUB_COMMAND_GROUP: u64 = 2;

/// The types of channel that are threads: announcement, public, private.
const THREADS: [u64; 3] = [10, 11, 12];

/// How far into options and components to look. Discord nests three levels; the bound keeps a hostile body from
/// using up the stack.
const DEPTH: usize = 8;

fn is_prompt_id(id: &str) -> bool {
    (1..=32).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

fn owned(text: Option<Cow<'_, str>>) -> Option<Cow<'static, str>> {
    text.map(|text| Cow::Owned(text.into_owned()))
}

fn command(data: &Fields<'_>) -> Option<MessageEvent<'static>> {
    let mut text = format!("/{}", data.filled("name")?);
    append_options(&mut text, data, DEPTH);
    Some(MessageEvent { text: text.into(), message_type: MessageType::Command, ..MessageEvent::default() })
}

fn append_options(text: &mut String, of: &Fields<'_>, depth: usize) {
    if depth == 0 {
        return;
    }
    for option in of.objects("options") {
        let nested = matches!(option.count("type"), Some(SUB_COMMAND | SUB_COMMAND_GROUP));
        let word = if nested { option.text("name") } else { option.get("value").and_then(Json::scalar) };
        if let Some(word) = word.as_deref().map(str::trim).filter(|word| !word.is_empty()) {
            text.push(' ');
            text.push_str(word);
        }
        if nested {
            append_options(text, &option, depth - 1);
        }
    }
}

fn press(fields: &Fields<'_>, data: &Fields<'_>) -> Option<MessageEvent<'static>> {
    let token = data.filled("custom_id")?;
    let Some((prompt, option)) = prompt_press(&token) else {
        return Some(MessageEvent { text: token.into_owned().into(), ..MessageEvent::default() });
    };
    let message = fields.object("message").unwrap_or_default();
    let response = PromptResponse {
        prompt_id: String::from(prompt).into(),
        option_id: String::from(option).into(),
        label: None,
        prompt_message_id: owned(message.filled("id")),
    };
    Some(MessageEvent {
        text: format!("/{option}").into(),
        message_type: MessageType::Command,
        prompt_response: Some(response),
        ..MessageEvent::default()
    })
}

fn form(data: &Fields<'_>) -> MessageEvent<'static> {
    let mut values = Vec::new();
    collect_values(&mut values, data, DEPTH);
    MessageEvent { text: values.join("\n").into(), ..MessageEvent::default() }
}

/// Inputs stand in rows (`components`) or below labels (`component`), and have a `value` or, as menus, `values`.
fn collect_values<'a>(values: &mut Vec<Cow<'a, str>>, of: &Fields<'a>, depth: usize) {
    if depth == 0 {
        return;
    }
    let own = of.get("value").into_iter().chain(of.elements("values"));
    values.extend(own.filter_map(Json::scalar).filter(|value| !value.trim().is_empty()));
    for inner in of.objects("components").chain(of.object("component")) {
        collect_values(values, &inner, depth - 1);
    }
}

fn source(fields: &Fields<'_>, profile: Option<&str>) -> SessionSource<'static> {
    let member = fields.object("member").unwrap_or_default();
    let user = member.object("user").or_else(|| fields.object("user")).unwrap_or_default();
    let channel = fields.object("channel").unwrap_or_default();
    let chat_id = owned(fields.filled("channel_id").or_else(|| channel.filled("id"))).unwrap_or_default();
    let scope_id = owned(fields.filled("guild_id"));
    let in_thread = scope_id.is_some() && channel.count("type").is_some_and(|kind| THREADS.contains(&kind));
    let chat_type = match (&scope_id, in_thread) {
        (_, true) => "thread",
        (Some(_), false) => "group",
        (None, false) => "dm",
    };
    SessionSource {
        platform: DISCORD.into(),
        chat_type: chat_type.into(),
        user_id: owned(user.filled("id")),
        user_name: owned(user.filled("username")),
        user_display_name: owned(member.filled("nick").or_else(|| user.filled("global_name"))),
        // A message in a Discord thread names the thread both as its chat and as its thread.
        thread_id: in_thread.then(|| chat_id.clone()),
        parent_chat_id: owned(channel.filled("parent_id").filter(|_| in_thread)),
        message_id: owned(fields.filled("id")),
        is_bot: user.flag("bot"),
        profile: profile.map(|profile| Cow::Owned(profile.into())),
        chat_id,
        scope_id,
        ..SessionSource::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{SessionScope, session_key};

    fn event(body: &str) -> Option<MessageEvent<'static>> {
        let forward = Passthrough { platform: "discord".into(), body: body.into(), ..Passthrough::default() };
        interaction_event(&forward)
    }

    #[test]
    fn a_command_reads_as_it_would_be_typed() {
        let body = r#"{"type":2,"id":"i","channel_id":"c","guild_id":"g",
            "member":{"nick":"Nick","user":{"id":"u","username":"n"}},
            "data":{"name":"config","options":[{"type":2,"name":"model","options":[{"type":1,"name":"set",
            "options":[{"type":3,"value":" gpt "},{"type":4,"value":12},{"type":5,"value":true},
            {"type":3,"value":" "},{"type":3,"value":null}]}]}]}}"#;
        let event = event(body).unwrap();
        assert_eq!(event.text, "/config model set gpt 12 true");
        assert_eq!((event.message_type, event.message_id.as_deref()), (MessageType::Command, Some("i")));
        assert_eq!(event.source.message_id.as_deref(), Some("i"));
        assert_eq!((event.source.scope_id.as_deref(), event.source.profile.as_deref()), (Some("g"), None));
        assert_eq!(event.source.display_name(), Some("Nick"));
        assert_eq!(session_key(&event.source, None, SessionScope::default()), "agent:main:discord:group:c:u");
    }

    #[test]
    fn the_forwards_profile_is_the_events() {
        let body = r#"{"type":2,"channel_id":"c","user":{"id":"u"},"data":{"name":"go"}}"#;
        let forward = Passthrough {
            platform: "discord".into(),
            body: body.into(),
            profile: Some("work".into()),
            ..Passthrough::default()
        };
        let event = interaction_event(&forward).unwrap();
        assert_eq!(event.source.profile.as_deref(), Some("work"));
    }

    #[test]
    fn in_a_thread_the_key_is_the_threads() {
        let body = r#"{"type":3,"channel_id":"t","guild_id":"g","channel":{"id":"t","type":11,"parent_id":"c"},
            "member":{"user":{"id":"u"}},"data":{"custom_id":"x"}}"#;
        let event = event(body).unwrap();
        assert_eq!((event.text.as_ref(), event.message_type), ("x", MessageType::Text));
        assert_eq!(event.source.parent_chat_id.as_deref(), Some("c"));
        assert_eq!(
            session_key(&event.source, None, SessionScope::default()),
            "agent:main:discord:thread:t:t"
        );
    }

    #[test]
    fn without_a_guild_it_is_a_dm() {
        let body = r#"{"type":2,"channel_id":"d","channel":{"type":1},"user":{"id":"u","global_name":"G"},
            "data":{"name":"go"}}"#;
        let event = event(body).unwrap();
        assert_eq!((event.source.user_id.as_deref(), event.source.display_name()), (Some("u"), Some("G")));
        assert_eq!((event.source.is_bot, event.source.user_name.as_deref()), (false, None));
        assert_eq!(session_key(&event.source, None, SessionScope::default()), "agent:main:discord:dm:d");
    }

    #[test]
    fn a_bot_that_presses_is_a_bot() {
        let body = r#"{"type":3,"channel_id":"c","user":{"id":"u","username":"helper","bot":true},
            "data":{"custom_id":"x"}}"#;
        let source = event(body).unwrap().source;
        assert!(source.is_bot);
        assert_eq!((source.platform.as_ref(), source.user_name.as_deref()), ("discord", Some("helper")));
    }

    #[test]
    fn a_prompt_press_is_told_apart() {
        let body = r#"{"type":3,"channel_id":"c","message":{"id":"m"},
            "data":{"custom_id":"hp1:a1b2c3.01234567:once"}}"#;
        let event = event(body).unwrap();
        let response = event.prompt_response.unwrap();
        assert_eq!((&*response.prompt_id, &*response.option_id), ("a1b2c3.01234567", "once"));
        assert_eq!(response.prompt_message_id.as_deref(), Some("m"));
        assert_eq!((&*event.text, event.message_type), ("/once", MessageType::Command));
    }

    #[test]
    fn tokens_of_others_are_no_prompt_press() {
        let long = "a".repeat(32);
        assert_eq!(prompt_press(&format!("hp1:{long}:{}", &long[..27])), Some((&*long, &long[..27])));
        for token in [
            "",
            "hp1:",
            "hp1:a",
            "hp1::b",
            "hp1:a:",
            "hp2:a:b",
            "hp1:a:b:c",
            "hp1:a b:c",
            "hp1:é:c",
            "xhp1:a:b",
        ] {
            assert_eq!(prompt_press(token), None, "{token}");
        }
        assert_eq!(prompt_press(&format!("hp1:{long}a:b")), None);
        assert_eq!(prompt_press(&format!("hp1:{long}:{}", &long[..28])), None);
    }

    #[test]
    fn a_form_is_its_values() {
        let body = r#"{"type":5,"channel_id":"c","data":{"custom_id":"f","components":[
            {"type":1,"components":[{"type":4,"value":"one"},{"type":4,"value":""}]},
            {"type":18,"component":{"type":3,"values":["two","three"]}}]}}"#;
        assert_eq!(event(body).unwrap().text, "one\ntwo\nthree");
    }

    #[test]
    fn what_is_no_interaction_is_left_as_it_is() {
        for body in [
            "",
            "[]",
            "{}",
            r#"{"type":1,"data":{}}"#,
            r#"{"type":2}"#,
            r#"{"type":2,"data":{"name":""}}"#,
            r#"{"type":3,"data":{}}"#,
            r#"{"type":"2","data":{"name":"x"}}"#,
        ] {
            assert_eq!(event(body), None, "{body}");
        }
        let body = br#"{"type":2,"data":{"name":"x"}}"#.to_vec();
        let twilio = Passthrough { platform: "twilio".into(), body, ..Passthrough::default() };
        assert_eq!(interaction_event(&twilio), None);
        assert_eq!(
            interaction_event(&Passthrough { platform: "discord".into(), body: [255].into(), ..twilio }),
            None
        );
    }

    #[test]
    fn a_hostile_depth_is_cut_off() {
        let nested = |open: &str, close: &str| format!("{}{}", open.repeat(50_000), close.repeat(50_000));
        let options = format!(
            r#"{{"type":2,"data":{{"name":"x"{}}}}}"#,
            nested(r#","options":[{"type":1,"name":"y""#, "}]")
        );
        assert!(event(&options).unwrap().text.len() < 30);
        let form = format!(r#"{{"type":5,"data":{{"a":1{}}}}}"#, nested(r#","component":{"value":"v""#, "}"));
        assert!(event(&form).unwrap().text.len() < 30);
    }
}
