//! Properties of the typed bodies: texts, tokens, signatures, descriptors, events, forwards, addresses.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use relay_proto::Instant;
use relay_proto::action::{Action, ActionResult, Op};
use relay_proto::auth::{
    DeliveryError, Secret, TokenError, Verified, mint_token, peek_gateway_id, sign_delivery, verify_delivery,
    verify_token,
};
use relay_proto::endpoint::{Endpoint, same_origin};
use relay_proto::event::{
    Descriptor, MessageEvent, Passthrough, PlatformEntry, RuntimeFacts, SessionScope, interaction_event,
    prompt_press, session_key,
};
use relay_proto::text::{LengthUnit, TextLimit, split};
use serde_json::{Value, json as value};

const NOW: u64 = 1_750_000_000;

fn unit() -> impl Strategy<Value = LengthUnit> {
    select(vec![LengthUnit::Chars, LengthUnit::Utf16])
}

/// Texts with all that matters to cutting: words, blanks, line ends, code points of every length.
fn prose() -> impl Strategy<Value = String> {
    vec(select(vec!["a", "word", " ", "  ", "\n", "\r\n", "\t", "é", "日本", "😀", "\u{2003}"]), 0..60)
        .prop_map(|parts| parts.concat())
}

/// Any JSON value, with the names that the views look for among its keys.
fn json() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("1e999".to_owned()),
        Just(r#""\ud83d""#.to_owned()),
        Just(r#""hp1:a:b""#.to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        (0_u8..20).prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("JSON has none", |number| number.is_finite())
            .prop_map(|number| number.to_string()),
        any::<String>().prop_map(|text| Value::from(text).to_string()),
    ];
    let name = select(vec![
        "text",
        "message_type",
        "source",
        "chat_type",
        "chat_id",
        "user_id",
        "scope_id",
        "media",
        "media_urls",
        "url",
        "context",
        "reply_to",
        "prompt_response",
        "prompt_id",
        "headers",
        "bodyB64",
        "type",
        "data",
        "options",
        "components",
        "value",
        "values",
        "name",
        "custom_id",
        "member",
        "user",
        "channel",
        "guild_id",
        "profile",
        "platform",
        "max_message_length",
        "label",
    ]);
    scalar.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(|list| format!("[{}]", list.join(","))),
            vec((name.clone(), inner), 0..8).prop_map(|fields| {
                let fields: Vec<_> =
                    fields.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

fn secret() -> impl Strategy<Value = Secret> {
    ".{1,40}".prop_map(Secret::new)
}

fn without_blanks(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

proptest! {
    /// Rule O11: every piece can be sent, and nothing but white space is lost.
    #[test]
    fn pieces_can_be_sent_and_lose_nothing(
        text in prop_oneof![prose(), any::<String>()],
        max in 0_usize..40,
        unit in unit(),
    ) {
        let limit = TextLimit { max, unit };
        let pieces = split(&text, limit);
        for piece in &pieces {
            prop_assert!(!piece.trim().is_empty());
            prop_assert!(limit.fits(piece) || piece.chars().count() == 1, "{piece:?}");
        }
        prop_assert_eq!(without_blanks(&pieces.concat()), without_blanks(&text));
        // The pieces are slices of the text, in order, with white space alone between them.
        let mut rest = &*text;
        for piece in &pieces {
            let at = piece.as_ptr() as usize - rest.as_ptr() as usize;
            prop_assert!(rest[..at].trim().is_empty());
            rest = &rest[at + piece.len()..];
        }
        prop_assert!(rest.trim().is_empty());
    }

    /// Rule O11: what fits goes out as it is, and a word that has room is never cut.
    #[test]
    fn words_with_room_stay_whole(text in prose(), max in 12_usize..60, unit in unit()) {
        let limit = TextLimit { max, unit };
        let pieces = split(&text, limit);
        if limit.fits(&text) && !text.trim().is_empty() {
            prop_assert_eq!(&pieces, &[&*text]);
        }
        if text.split_whitespace().all(|word| limit.fits(word)) {
            let words: Vec<_> = pieces.iter().flat_map(|piece| piece.split_whitespace()).collect();
            prop_assert_eq!(words, text.split_whitespace().collect::<Vec<_>>());
        }
    }

    /// Rule O11: without line ends, each piece takes in every word that it has room for.
    #[test]
    fn pieces_are_as_long_as_words_allow(words in vec("[a-zé😀]{1,9}", 0..60), max in 20_usize..60, unit in unit()) {
        let limit = TextLimit { max, unit };
        let text = words.join(" ");
        for two in split(&text, limit).windows(2) {
            let next = two[1].split(' ').next().unwrap();
            prop_assert!(!limit.fits(&format!("{} {next}", two[0])), "{two:?}");
        }
    }

    /// Rules A5 and C1: a minted token is verified by each secret of the list, until it expires.
    #[test]
    fn minted_tokens_verify(id in any::<String>(), secrets in vec(secret(), 1..4), by in any::<Index>(),
                            ttl in prop::option::of(0_u64..1_000)) {
        let expires_at = ttl.map(|ttl| NOW + ttl);
        let token = mint_token(&id, by.get(&secrets), expires_at);
        prop_assert_eq!(peek_gateway_id(&token), Some(id.clone()));
        let verified = Ok(Verified { gateway_id: id.clone(), expires_at });
        prop_assert_eq!(verify_token(&token, &secrets, NOW), verified);
        if let Some(at) = expires_at {
            let expired = Err(TokenError::Expired { gateway_id: id });
            prop_assert_eq!(verify_token(&token, &secrets, at + 1), expired);
        }
    }

    /// Rule C1: neither a changed token nor one of another secret verifies, nor counts as expired.
    #[test]
    fn forged_tokens_do_not_verify(id in "[a-z:]{0,12}", held in secret(), other in secret(), at in any::<Index>(),
                                   bit in 0_u8..8) {
        prop_assume!(held != other);
        let token = mint_token(&id, &held, Some(NOW));
        prop_assert_eq!(verify_token(&token, &[other], NOW + 1), Err(TokenError::BadSignature));
        let mut bytes = token.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(forged) = String::from_utf8(bytes) {
            let answer = verify_token(&forged, &[held], NOW + 1);
            prop_assert!(matches!(answer, Err(TokenError::Malformed | TokenError::BadSignature)), "{answer:?}");
        }
    }

    /// Rule D7's like for credentials: no text makes the reader of tokens and signatures fail.
    #[test]
    fn any_text_can_be_verified(token in any::<String>(), signature in any::<String>(), key in secret()) {
        let keys = [key];
        prop_assert!(verify_token(&token, &keys, NOW).is_err());
        let _ = peek_gateway_id(&token);
        prop_assert!(verify_delivery(&token, &signature, b"", &keys, NOW).is_err());
    }

    /// Stored deliveries: a signature holds for its bytes, its second and its key, inside the window.
    #[test]
    fn delivery_signatures_hold(body in vec(any::<u8>(), 0..64), off in -400_i64..400, key in secret(), other in secret(),
                                flip in any::<Index>()) {
        prop_assume!(key != other);
        let at = NOW.checked_add_signed(off).unwrap();
        let signature = sign_delivery(at, &body, &key);
        let verify = |body: &[u8], at: u64, key: &Secret| {
            verify_delivery(&at.to_string(), &signature, body, &[Secret::new(""), key.clone()], NOW)
        };
        let expected = if off.abs() <= 300 { Ok(()) } else { Err(DeliveryError::OutsideWindow) };
        prop_assert_eq!(verify(&body, at, &key), expected);
        prop_assert_eq!(verify(&body, at, &other), Err(DeliveryError::BadSignature));
        prop_assert_eq!(verify(&body, at + 1, &key), Err(DeliveryError::BadSignature));
        if !body.is_empty() {
            let mut changed = body.clone();
            changed[flip.index(body.len())] ^= 1;
            prop_assert_eq!(verify(&changed, at, &key), Err(DeliveryError::BadSignature));
        }
    }

    /// Rules H3 and H4: what is written is read as it was, unknown fields or not, and a length is never 0.
    #[test]
    fn descriptors_are_read_as_they_are_written(
        name in any::<String>(), label in any::<String>(), hint in any::<String>(), max_message_length in any::<u32>(),
        flags in any::<[bool; 6]>(), unit in unit(), ops in vec("[a-z_]{1,10}", 0..5), unknown in json(),
    ) {
        let entry = PlatformEntry { max_message_length, platform_hint: hint, pii_safe: flags[0], ..PlatformEntry::new(name, label) };
        let facts = RuntimeFacts {
            len_unit: unit,
            supports_edit: flags[1],
            supports_threads: flags[2],
            supports_context: flags[3],
            supports_block_formatting: flags[4],
            supports_inchannel_continuable: flags[5],
            supported_ops: ops,
            ..RuntimeFacts::default()
        };
        let descriptor = Descriptor::project(entry, facts);
        prop_assert!(descriptor.limit().max > 0);
        let json = descriptor.to_json();
        let with_more = format!("{{\"later\":{unknown},{}", &json[1..]);
        prop_assert_eq!(Descriptor::parse(&json), Ok(descriptor.clone()));
        prop_assert_eq!(Descriptor::parse(&with_more), Ok(descriptor));
    }

    /// Rule D8: no JSON makes a view fail, and what a view writes it reads as it was.
    #[test]
    fn views_never_fail(json in json()) {
        let event = MessageEvent::parse(&json);
        let _ = event.attachments();
        let _ = session_key(&event.source, None, SessionScope::default());
        let written = event.to_json();
        prop_assert_eq!(MessageEvent::parse(&written), event);

        let _ = Descriptor::parse(&json);
        let forward = Passthrough::parse(&json);
        prop_assert_eq!(&Passthrough::parse(&serde_json::to_string(&forward).unwrap()), &forward);
        let discord = Passthrough { platform: "discord".into(), body: json.into_bytes(), ..forward };
        if let Some(event) = interaction_event(&discord) {
            let written = event.to_json();
            prop_assert_eq!(MessageEvent::parse(&written), event);
        }
    }

    /// Rule D8: a field that is wrong costs that field only.
    #[test]
    fn a_wrong_field_costs_no_other(wrong in json(), name in select(vec!["message_id", "media", "context", "reply_to"])) {
        let json = format!(
            r#"{{"text":"hi","{name}":{wrong},"message_type":"photo","source":{{"chat_id":"c","user_id":{wrong}}}}}"#
        );
        let event = MessageEvent::parse(&json);
        prop_assert_eq!((&*event.text, event.message_type.as_str(), &*event.source.chat_id), ("hi", "photo", "c"));
    }

    /// Rule D8: no text at all makes a view fail.
    #[test]
    fn views_take_any_text(text in any::<String>()) {
        let _ = MessageEvent::parse(&text);
        let _ = Descriptor::parse(&text);
        let _ = Passthrough::parse(&text);
        let _ = prompt_press(&text);
        let discord = Passthrough { platform: "discord".into(), body: text.into_bytes(), ..Passthrough::default() };
        prop_assert_eq!(interaction_event(&discord), None);
    }

    /// A forward's body, headers and names survive the wire to the byte.
    #[test]
    fn forwards_survive_the_wire(
        body in vec(any::<u8>(), 0..200), headers in vec((any::<String>(), any::<String>()), 0..5),
        names in any::<[String; 4]>(), profile in prop::option::of(".+"),
    ) {
        let [platform, bot_id, method, path] = names;
        let forward = Passthrough { platform, bot_id, method, path, headers, body, profile };
        prop_assert_eq!(Passthrough::parse(&serde_json::to_string(&forward).unwrap()), forward);
    }

    /// An address never fails the reader, and the URLs that follow from it lead back to it.
    #[test]
    fn addresses_lead_back_to_themselves(
        base in prop_oneof![
            any::<String>(),
            "(https?|wss?|HTTP|ftp)?(://)?[a-z@:\\[\\]?#/ .]{0,12}(:[0-9]{0,6})?(/[a-z%é]{0,4}){0,3}(/relay)?/{0,2}",
        ]
    ) {
        match Endpoint::parse(&base) {
            Ok(endpoint) => {
                let dial = endpoint.dial_url();
                prop_assert_eq!(Endpoint::parse(&dial).unwrap(), endpoint.clone());
                prop_assert!(dial.ends_with("/relay") && !dial.contains(char::is_whitespace));
                prop_assert!(same_origin(&dial, &endpoint.provision_url()));
                prop_assert!(same_origin(&endpoint.manage_url("link"), base.trim()));
            }
            Err(error) => {
                let line = error.to_string();
                prop_assert!(!line.is_empty() && !line.contains('\n'));
            }
        }
    }
}

/// O8: an action that was read is of the kind that its op names, and needs what that needs.
#[test]
fn actions_are_of_their_kind() {
    for action in [
        value!({"op": "get_chat_info", "chat_id": "c"}),
        value!({"op": "delete", "chat_id": "c", "message_id": "m"}),
        value!({"op": "typing", "chat_id": "c"}),
    ] {
        let read = Action::from_json(&action.to_string()).unwrap();
        assert!(!matches!(read.op, Op::Other { .. }), "{read:?}");
        let mut without = action.clone();
        without.as_object_mut().unwrap().remove("chat_id");
        assert!(Action::from_json(&without.to_string()).is_err(), "{action} needs its chat");
    }
}

/// O8: a result is read field by field.
#[test]
fn results_are_read() {
    let json =
        r#"{"success":true,"message_id":"m","error":"e","code":"c","thread_id":"t","auto_thread_name":"a"}"#;
    let result = ActionResult::parse(json);
    assert!(result.success);
    let read = [&result.message_id, &result.error, &result.code, &result.thread_id, &result.auto_thread_name];
    assert_eq!(read.map(Option::as_deref), [Some("m"), Some("e"), Some("c"), Some("t"), Some("a")]);
    assert!(!ActionResult::parse("{}").success);
}

/// The descriptor of a platform that nobody has described offers threads.
#[test]
fn a_builtin_descriptor_offers_threads() {
    assert!(Descriptor::builtin("discord").supports_threads);
}

/// A time is as many milliseconds as it was made of.
#[test]
fn times_tell_their_milliseconds() {
    assert_eq!([0, 1, 7].map(|millis| Instant::from_millis(millis).as_millis()), [0, 1, 7]);
}
