//! Inputs and answers that were read off the published peer, one test a file of `tests/vectors`.

use std::fs;
use std::path::Path;

use relay_proto::auth::{
    Secret, TokenError, Verified, mint_token, peek_gateway_id, sign_delivery, verify_delivery, verify_token,
};
use relay_proto::endpoint::Endpoint;
use relay_proto::event::{Descriptor, MessageEvent, Passthrough, SessionScope, session_key};
use relay_proto::text::{LengthUnit, length};
use serde_json::Value;

/// The cases of a file; never none.
fn cases(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
    let json = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let cases: Vec<Value> = serde_json::from_str(&json).unwrap();
    assert!(!cases.is_empty(), "{file} has no cases");
    cases
}

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().unwrap_or_else(|| panic!("{name} of {case}"))
}

fn secret(case: &Value, name: &str) -> Secret {
    Secret::new(text(case, name))
}

/// Rules A5 and C1: the tokens that the peer mints are those that this crate mints, and verify as they do there.
#[test]
fn tokens() {
    let mut cases_with_a_ttl = 0;
    for case in cases("tokens.json") {
        let (id, now, ttl) =
            (text(&case, "gateway_id"), case["now"].as_u64().unwrap(), case["ttl"].as_u64().unwrap());
        let expires_at = (ttl > 0).then_some(now + ttl);
        let token = mint_token(id, &secret(&case, "secret"), expires_at);
        assert_eq!(token, text(&case, "token"));
        assert_eq!(peek_gateway_id(&token).as_deref(), Some(id));

        let held = [secret(&case, "secret")];
        let verified = verify_token(&token, &held, now);
        assert_eq!(verified, Ok(Verified { gateway_id: text(&case, "verify_at_now").into(), expires_at }));
        let late = verify_token(&token, &held, now + ttl + 1);
        match case["verify_one_second_late"].as_str() {
            Some(id) => assert_eq!(late.unwrap().gateway_id, id),
            None => {
                cases_with_a_ttl += 1;
                assert_eq!(late, Err(TokenError::Expired { gateway_id: id.into() }));
            }
        }
        assert!(case["verify_wrong_secret"].is_null());
        let other = Secret::new(text(&case, "secret").to_owned() + "x");
        assert_eq!(verify_token(&token, &[other], now), Err(TokenError::BadSignature));
    }
    assert!(cases_with_a_ttl > 0);
}

/// Rule C1: what is no token is refused, and never as expired.
#[test]
fn bad_tokens() {
    let (mut good, mut bad) = (0, 0);
    for case in cases("bad_tokens.json") {
        let secrets: Vec<Secret> = case["secrets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|secret| Secret::new(secret.as_str().unwrap()))
            .collect();
        let verified = verify_token(text(&case, "token"), &secrets, 1_750_000_000);
        if let Some(id) = case["verified"].as_str() {
            good += 1;
            assert_eq!(verified.unwrap().gateway_id, id, "{case}");
        } else {
            bad += 1;
            assert!(matches!(verified, Err(TokenError::Malformed | TokenError::BadSignature)), "{case}");
        }
    }
    assert!(good > 0 && bad > 0);
}

/// The wire's stored deliveries: signatures over the exact bytes, inside the window; and of rule C17, that a key before
/// the present one still verifies.
#[test]
fn delivery_signatures() {
    let (mut accepted, mut refused) = (0, 0);
    for case in cases("delivery_signatures.json") {
        let (at, body, now) = (text(&case, "timestamp"), text(&case, "body"), case["now"].as_u64().unwrap());
        let signature = sign_delivery(at.parse().unwrap(), body.as_bytes(), &secret(&case, "key"));
        assert_eq!(signature, text(&case, "signature"));

        let verify = |keys: &[Secret]| verify_delivery(at, &signature, body.as_bytes(), keys, now).is_ok();
        assert_eq!(verify(&[Secret::new("new"), secret(&case, "key")]), case["accepted"], "{case}");
        assert_eq!(verify(&[Secret::new("other")]), case["accepted_other_key"], "{case}");
        *(if case["accepted"] == true { &mut accepted } else { &mut refused }) += 1;
    }
    assert!(accepted > 0 && refused > 0);
}

/// Rules H3 and H4: every descriptor that the peer takes is taken, and means the same.
#[test]
fn descriptors() {
    for case in cases("descriptors.json") {
        let descriptor = Descriptor::parse(&case["received"].to_string()).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&descriptor.to_json()).unwrap(), case["parsed"], "{case}");
    }
}

/// Rules H3 and H4: a descriptor is written as the peer writes it, but for the peer's blanks.
#[test]
fn descriptor_json() {
    for case in cases("descriptor_json.json") {
        let descriptor = Descriptor::parse(&case["received"].to_string()).unwrap();
        let compact = text(&case, "text").replace("\": ", "\":").replace(", \"", ",\"");
        assert_eq!(descriptor.to_json(), compact);
        assert_eq!(Descriptor::parse(&compact).unwrap(), descriptor);
    }
}

/// Rule O11: both units count as the peer counts.
#[test]
fn lengths() {
    for case in cases("lengths.json") {
        assert_eq!(length(text(&case, "text"), LengthUnit::Chars), case["chars"], "{case}");
        assert_eq!(length(text(&case, "text"), LengthUnit::Utf16), case["utf16"], "{case}");
    }
}

/// Rule D8: a forward is read to the byte, and one without any fields is read as well.
#[test]
fn passthrough() {
    for case in cases("passthrough.json") {
        let forward = Passthrough::parse(&case["forward"].to_string());
        let hex: String = forward.body.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, text(&case, "body_hex"));
        assert_eq!(serde_json::to_value(&forward.headers).unwrap(), case["headers"]);
        for (read, name) in [
            (&forward.platform, "platform"),
            (&forward.bot_id, "bot_id"),
            (&forward.method, "method"),
            (&forward.path, "path"),
        ] {
            assert_eq!(read, text(&case, name));
        }
    }
}

/// The wire's session key, which no rule restates: both sides give a conversation the same one.
#[test]
fn session_keys() {
    for case in cases("session_keys.json") {
        let json = format!(r#"{{"source":{}}}"#, case["source"]);
        let event = MessageEvent::parse(&json);
        let scope = SessionScope {
            group_sessions_per_user: case["group_sessions_per_user"].as_bool().unwrap(),
            thread_sessions_per_user: case["thread_sessions_per_user"].as_bool().unwrap(),
        };
        assert_eq!(session_key(&event.source, case["profile"].as_str(), scope), text(&case, "key"), "{case}");
    }
}

/// The wire's transport, which no rule restates: the address that is configured leads to where the peer dials and
/// posts. The peer leaves surrounding blanks inside its HTTP URLs; here they are dropped everywhere.
#[test]
fn urls() {
    for case in cases("urls.json") {
        let endpoint = Endpoint::parse(text(&case, "configured")).unwrap();
        assert_eq!(endpoint.dial_url(), text(&case, "dial"));
        assert_eq!(endpoint.provision_url(), text(&case, "provision").replace(' ', ""));
        assert_eq!(endpoint.policy_url(), text(&case, "policy").replace(' ', ""));
    }
}
