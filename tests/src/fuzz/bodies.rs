//! What frames and the control plane carry, addresses and texts: no bytes make a view fail, and what a view writes it
//! reads as it was.

use relay_proto::Features;
use relay_proto::action::{Action, ActionResult};
use relay_proto::control::{
    CredentialsReply, DmDefaultRequest, EnrollRequest, ErrorReply, LinkReply, MediaReply, PolicyRequest,
    PrincipalRequest, ProvisionRequest, RelevanceSettings, ScopeRequest, relevance_policy,
};
use relay_proto::endpoint::{Endpoint, same_origin};
use relay_proto::event::{
    Descriptor, EventHead, MessageEvent, Passthrough, SessionScope, interaction_event, prompt_press,
    session_key,
};
use relay_proto::json::Json;
use relay_proto::text::{LengthUnit, TextLimit, length, split};

use super::input::Input;

/// D8, H3, H4: message events and descriptors.
pub fn events(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    event_returns(&MessageEvent::parse(text));
    let head = EventHead::parse(text);
    _ = (head.fingerprint(), head.route());
    if let Ok(descriptor) = Descriptor::parse(text) {
        assert!(descriptor.limit().max > 0, "H3: a limit is never 0");
        assert_eq!(Descriptor::parse(&descriptor.to_json()), Ok(descriptor));
    }
}

fn event_returns(event: &MessageEvent<'_>) {
    assert_eq!(event.attachments().len(), event.media_urls.len());
    let key = session_key(&event.source, None, SessionScope::default());
    assert!(key.starts_with("agent:main:"), "{key}");
    let written = event.to_json();
    assert!(Json::parse(&written).is_some_and(Json::is_object), "{written}");
    assert_eq!(&MessageEvent::parse(&written), event);
}

/// D8: forwarded requests, and the events that Discord's interactions amount to. The bytes are read as a forward, as
/// the body of one, and as the token of a button.
pub fn interaction(data: &[u8]) {
    let forward = match std::str::from_utf8(data) {
        Ok(text) => {
            if let Some((prompt, option)) = prompt_press(text) {
                assert_eq!(format!("hp1:{prompt}:{option}"), text);
            }
            Passthrough::parse(text)
        }
        Err(_) => Passthrough::default(),
    };
    let written = serde_json::to_string(&forward).expect("texts always have a JSON form");
    assert_eq!(Passthrough::parse(&written), forward);
    interaction_returns(&forward);
    interaction_returns(&Passthrough { platform: "discord".into(), body: data.to_vec(), ..forward });
}

fn interaction_returns(forward: &Passthrough) {
    if let Some(event) = interaction_event(forward) {
        assert_eq!(forward.platform, "discord", "a request of another platform is no interaction");
        assert_eq!(event.source.platform, "discord");
        event_returns(&event);
    }
}

/// O9, O11: actions and their results.
pub fn actions(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(action) = Action::from_json(text) {
        _ = (action.name(), action.chat_id(), action.content());
        let written = serde_json::to_string(&action).expect("an action always has a JSON form");
        assert_eq!(Action::from_json(&written), Ok(action), "{written}");
    }
    let result = ActionResult::parse(text);
    let (name, _) = result.chat_info("c");
    let written = result.to_json();
    let again = ActionResult::parse(&written);
    assert_eq!(again.to_json(), written);
    assert_eq!(again.is_declined(), result.is_declined(), "O9: {written}");
    // A chat's name may stand beside the result, where it is read and not written.
    assert!(result.chat_info.is_none() || result.chat_info("c").0 == name);
}

/// The body of this type that the text is, if it is one; what it writes is read as it was.
macro_rules! returns {
    ($body:ty, $text:expr) => {
        serde_json::from_str::<$body>($text).ok().inspect(|body| {
            let written = serde_json::to_string(body).expect("texts always have a JSON form");
            let again = serde_json::from_str::<$body>(&written);
            assert_eq!(again.as_ref().ok(), Some(body), "{written}: {:?}", again.as_ref().err());
        })
    };
}

/// C2, A5: every body of the control plane, the settings that it declares, and the header of the upgrade.
pub fn control(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    _ = returns!(EnrollRequest, text);
    _ = returns!(ProvisionRequest, text);
    _ = returns!(ErrorReply, text);
    _ = returns!(PolicyRequest, text);
    _ = returns!(MediaReply, text);
    _ = returns!(LinkReply, text);
    _ = returns!(ScopeRequest, text);
    _ = returns!(PrincipalRequest, text);
    _ = returns!(DmDefaultRequest, text);
    if let Some(reply) = returns!(CredentialsReply, text) {
        let is_usable = reply.secret.as_ref().is_some_and(|secret| !secret.is_empty());
        assert_eq!(reply.issued().is_some(), is_usable && reply.secret_issued != Some(false));
    }
    if let Ok(settings) = serde_json::from_str::<RelevanceSettings>(text) {
        declares(&settings);
    }
    _ = Features::parse(text);
    assert!(Features::parse(&format!("{text},{}", Features::OURS)).passthrough_ack, "{text:?}");
}

/// What a gateway's settings declare is the same at either level, and never nothing.
fn declares(settings: &RelevanceSettings) {
    let none = RelevanceSettings::default();
    let policy = relevance_policy("discord", settings, &none, None);
    assert_eq!(relevance_policy("discord", &none, settings, None), policy);
    assert!(relevance_policy("discord", settings, settings, Some("all")).is_some());
    if let Some(policy) = policy {
        assert!(policy.require_address || !policy.free_response_scopes.is_empty(), "it says something");
        assert!(policy.free_response_scopes.iter().all(|scope| !scope.is_empty() && scope == scope.trim()));
    }
}

/// An address never fails the reader, the URLs that follow from it lead back to it, and an error is one line.
///
/// The bytes before the first line end are one address, those behind it another.
pub fn endpoint(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (base, other) = text.split_once('\n').unwrap_or((&text, ""));
    assert_eq!(same_origin(base, other), same_origin(other, base), "{base:?} {other:?}");
    for address in [base, other, &*text] {
        match Endpoint::parse(address) {
            Ok(endpoint) => leads_back(&endpoint, address),
            Err(error) => {
                let line = error.to_string();
                assert!(!line.is_empty() && !line.contains('\n'), "{line:?}");
            }
        }
    }
}

fn leads_back(endpoint: &Endpoint, address: &str) {
    let dial = endpoint.dial_url();
    assert_eq!(Endpoint::parse(&dial).as_ref(), Ok(endpoint), "{dial}");
    assert!(dial.ends_with("/relay") && !dial.contains(char::is_whitespace), "{dial:?}");
    assert!(dial.starts_with(if endpoint.is_tls() { "wss://" } else { "ws://" }), "{dial}");
    assert!(!endpoint.host().is_empty() && endpoint.port() > 0);
    for url in [endpoint.provision_url(), endpoint.policy_url(), endpoint.enroll_url(), endpoint.media_url()]
    {
        assert!(same_origin(&dial, &url), "{dial} {url}");
    }
    assert!(same_origin(&endpoint.manage_url("link"), address.trim()), "{address:?}");
}

/// O11: every piece of a text can be sent, and nothing but white space is lost.
///
/// Two bytes, the unit and the limit, and then the text.
pub fn text(data: &[u8]) {
    let mut input = Input::new(data);
    let unit = input.pick(&[LengthUnit::Chars, LengthUnit::Utf16]);
    let limit = TextLimit { max: input.index(), unit };
    let text = String::from_utf8_lossy(input.rest());
    let mut rest = &*text;
    for piece in split(&text, limit) {
        assert!(!piece.trim().is_empty(), "a piece has something in it");
        assert!(limit.fits(piece) || piece.chars().count() == 1, "{piece:?} is too long");
        assert_eq!(limit.fits(piece), length(piece, unit) <= limit.max);
        let at = piece.as_ptr() as usize - rest.as_ptr() as usize;
        assert!(rest[..at].trim().is_empty(), "{:?} is lost", &rest[..at]);
        rest = &rest[at + piece.len()..];
    }
    assert!(rest.trim().is_empty(), "{rest:?} is lost");
}
