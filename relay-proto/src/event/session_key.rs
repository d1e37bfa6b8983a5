//! The key under which an agent keeps a conversation. Both sides compute it, so it must come out the same.

use alloc::borrow::Cow;
use alloc::string::String;

use super::source::SessionSource;

/// Whom a session is shared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionScope {
    /// Whether each participant of a chat has a session of their own; on by default. Nothing changes in a dm.
    pub group_sessions_per_user: bool,
    /// Whether this holds inside threads as well; off by default.
    pub thread_sessions_per_user: bool,
}

impl Default for SessionScope {
    fn default() -> Self {
        Self { group_sessions_per_user: true, thread_sessions_per_user: false }
    }
}

/// The session key of `source` for an agent's `profile`; none, an empty one and `default` are the main one.
///
/// On `whatsapp` a person comes under several names (with a `+`, a device, a server); their bare number stands for
/// all of them, as the chat of a dm and as the participant. The published peer can also map a person's hidden
/// number to their phone number, from files that its own WhatsApp bridge keeps; there are none behind a relay.
#[must_use]
pub fn session_key(source: &SessionSource<'_>, profile: Option<&str>, scope: SessionScope) -> String {
    let namespace = profile.filter(|profile| !matches!(*profile, "" | "default")).unwrap_or("main");
    let mut key = String::from("agent");
    for part in [namespace, &*source.platform, &*source.chat_type] {
        push(&mut key, part);
    }
    let participant = participant(source);
    let thread = source.thread_id.as_deref().filter(|thread| !thread.is_empty());
    let (chat, participant) = if source.is_dm() {
        (dm_chat(source).or(participant), None)
    } else {
        let per_user = scope.group_sessions_per_user && (thread.is_none() || scope.thread_sessions_per_user);
        (Some(Cow::Borrowed(&*source.chat_id)), participant.filter(|_| per_user))
    };
    for part in [chat.as_deref(), thread, participant.as_deref()].into_iter().flatten() {
        if !part.is_empty() {
            push(&mut key, part);
        }
    }
    key
}

fn push(key: &mut String, part: &str) {
    key.push(':');
    key.push_str(part);
}

fn dm_chat<'s>(source: &'s SessionSource<'_>) -> Option<Cow<'s, str>> {
    let chat =
        if is_whatsapp(source) { whatsapp_name(&source.chat_id) } else { Cow::Borrowed(&*source.chat_id) };
    Some(chat).filter(|chat| !chat.is_empty())
}

fn participant<'s>(source: &'s SessionSource<'_>) -> Option<Cow<'s, str>> {
    let id = source.participant()?;
    let bare = if is_whatsapp(source) { whatsapp_name(id) } else { Cow::Borrowed(id) };
    Some(if bare.is_empty() { Cow::Borrowed(id) } else { bare })
}

fn is_whatsapp(source: &SessionSource<'_>) -> bool {
    source.platform == "whatsapp"
}

/// One name for a person. The published peer takes the number out twice, and the keys must agree; where it would fail,
/// because nothing is left, the first name stays.
fn whatsapp_name(id: &str) -> Cow<'_, str> {
    let once = bare_number(id);
    let twice = bare_number(&once);
    if twice.is_empty() || twice == once { once } else { Cow::Owned(twice.into_owned()) }
}

/// `15551234567` of `+15551234567`, `15551234567:47@s.whatsapp.net` and `15551234567@lid`.
fn bare_number(id: &str) -> Cow<'_, str> {
    let id = id.trim();
    let bare = id.split([':', '@']).next().unwrap_or_default();
    // One `+` goes, wherever it stands: the published peer does so, and the keys must agree.
    match bare.split_once('+') {
        Some(("", digits)) => Cow::Borrowed(digits),
        Some((before, after)) => Cow::Owned([before, after].concat()),
        None => Cow::Borrowed(bare),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(chat_type: &'static str, chat: &'static str, user: &'static str) -> SessionSource<'static> {
        SessionSource {
            platform: "whatsapp".into(),
            chat_id: chat.into(),
            chat_type: chat_type.into(),
            user_id: Some(user.into()),
            ..SessionSource::default()
        }
    }

    fn key(source: &SessionSource<'_>) -> String {
        session_key(source, None, SessionScope::default())
    }

    #[test]
    fn a_whatsapp_person_has_one_key_under_every_name() {
        for name in [
            "15551234567",
            "+15551234567",
            " 15551234567:47@s.whatsapp.net",
            "15551234567@lid",
            "1555+1234567",
            "+15551234567+",
            "+ 15551234567 :47",
        ] {
            assert_eq!(key(&source("dm", name, "")), "agent:main:whatsapp:dm:15551234567", "{name}");
            assert_eq!(key(&source("dm", "", name)), "agent:main:whatsapp:dm:15551234567", "{name}");
            assert_eq!(key(&source("group", "g@g.us", name)), "agent:main:whatsapp:group:g@g.us:15551234567");
        }
    }

    #[test]
    fn a_whatsapp_id_without_a_number() {
        assert_eq!(key(&source("dm", "@lid", "@s.whatsapp.net")), "agent:main:whatsapp:dm:@s.whatsapp.net");
        assert_eq!(key(&source("group", "", "+")), "agent:main:whatsapp:group:+");
        assert_eq!(key(&source("group", "", "++")), "agent:main:whatsapp:group:+");
        assert_eq!(key(&source("dm", "", "")), "agent:main:whatsapp:dm");
    }

    #[test]
    fn other_platforms_keep_ids_as_they_are() {
        let matrix = SessionSource { platform: "matrix".into(), ..source("dm", "!a:host", "@u:host") };
        assert_eq!(key(&matrix), "agent:main:matrix:dm:!a:host");
    }

    #[test]
    fn the_default_profile_is_the_main_one() {
        let dm = source("dm", "1", "");
        for profile in [None, Some(""), Some("default")] {
            assert_eq!(session_key(&dm, profile, SessionScope::default()), "agent:main:whatsapp:dm:1");
        }
        assert_eq!(session_key(&dm, Some("work"), SessionScope::default()), "agent:work:whatsapp:dm:1");
    }
}
