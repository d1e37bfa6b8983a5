//! What the machines say in words: one line each, which tells this case from every other of its kind.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::time::Duration;

use relay_proto::action::Action;
use relay_proto::auth::{DeliveryError, Secret, TokenError};
use relay_proto::close::{Close, CloseCode, DialError, Ended};
use relay_proto::codec::{LineTooLong, Malformed};
use relay_proto::endpoint::Endpoint;
use relay_proto::event::DescriptorError;
use relay_proto::gateway::{Ambiguity, Failure, Refusal, Rejected, WhyAwake};
use relay_proto::json::Json;
use relay_proto::text::{LengthUnit, TextLimit};
use relay_proto::{connector, gateway};

const LIMIT: Duration = Duration::from_secs(7);
const TEXT_LIMIT: TextLimit = TextLimit { max: 2000, unit: LengthUnit::Chars };
const LINE: LineTooLong = LineTooLong { limit: 99 };

/// Each is a line of its own, with nothing around it, and is told from the others.
fn say_different_things<T: Display>(all: &[T]) {
    let said: Vec<String> = all.iter().map(ToString::to_string).collect();
    for words in &said {
        assert!(words.len() > 1, "{said:?}");
        assert_eq!(words.trim(), words);
        assert!(!words.contains('\n') && !words.ends_with('.'), "{words:?}");
    }
    assert_eq!(said.iter().collect::<BTreeSet<_>>().len(), said.len(), "{said:?}");
}

/// Each says the figures and names that it has.
fn says(what: impl Display, parts: &[&str]) {
    let words = what.to_string();
    assert!(parts.iter().all(|part| words.contains(part)), "{words:?} lacks one of {parts:?}");
}

fn closed() -> Ended {
    Ended::Closed(Close::new(CloseCode(4401), "unauthorized"))
}

#[test]
fn closes_and_dials() {
    assert_eq!(CloseCode::GOING_AWAY.to_string(), "1001");
    assert_eq!(Close::new(CloseCode(1012), "").to_string(), "close 1012");
    assert_eq!(closed().to_string(), "close 4401 (unauthorized)");
    assert_eq!(Ended::broken("reset by peer").to_string(), "reset by peer");
    let dials =
        [DialError::Status(401), DialError::Status(502), DialError::unreachable("no address answered")];
    say_different_things(&dials);
    says(&dials[0], &["refused", "401"]);
    says(&dials[1], &["answered", "502"]);
}

#[test]
fn why_a_gateways_link_went_down() {
    use gateway::{Cause, Violation};
    let violations = [
        Violation::LineTooLong(LINE),
        Violation::Descriptor(DescriptorError::NoObject),
        Violation::DescriptorTooLarge,
        Violation::Overflow,
    ];
    say_different_things(&violations);
    says(&violations[0], &["99"]);
    let causes = [
        Cause::Dial(DialError::Status(500)),
        Cause::DialTimeout(LIMIT),
        Cause::HandshakeTimeout(LIMIT),
        Cause::Ended(closed()),
        Cause::Silent(LIMIT),
        Cause::Violation(Violation::Overflow),
        Cause::Relinked,
    ];
    say_different_things(&causes);
    for cause in [&causes[1], &causes[2], &causes[4]] {
        says(cause, &["7s"]);
    }
}

#[test]
fn why_a_session_lost_its_link() {
    use connector::{Cause, DeathCause, NotNow, Violation};
    say_different_things(&[Violation::LineTooLong(LINE), Violation::TooManyHellos, Violation::TakesNothing]);
    let causes = [
        Cause::Ended(closed()),
        Cause::Replaced,
        Cause::HelloTimeout(LIMIT),
        Cause::Silent(LIMIT),
        Cause::Violation(Violation::TooManyHellos),
        Cause::Revoked,
        Cause::Disconnected,
        Cause::ShutDown,
    ];
    say_different_things(&causes);
    says(&causes[2], &["7s"]);
    let deaths = [DeathCause::NeverAcked { give_outs: 8 }, DeathCause::TooLarge, DeathCause::Unreadable];
    say_different_things(&deaths);
    says(deaths[0], &["8 times"]);
    say_different_things(&[NotNow::NotLinked, NotNow::Congested, NotNow::TooLong, NotNow::Closed]);
}

#[test]
fn why_a_request_is_not_done() {
    use gateway::NotNow;
    say_different_things(&[
        Failure::TimedOut,
        Failure::LinkLost,
        Failure::Disabled,
        Failure::ShutDown,
        Failure::Unsupported,
        Failure::TooLong(TEXT_LIMIT),
    ]);
    says(Failure::TooLong(TEXT_LIMIT), &["2000 characters"]);
    says(Failure::TooLong(TextLimit { max: 7, unit: LengthUnit::Utf16 }), &["7 UTF-16"]);
    say_different_things(&[Ambiguity::TimedOut, Ambiguity::LinkLost, Ambiguity::ShutDown]);
    say_different_things(&[NotNow::NotLinked, NotNow::Leaving, NotNow::Disabled, NotNow::ShutDown]);
    let not_fronted = |platform: Option<&str>, bot_id: Option<&str>| Refusal::NotFronted {
        platform: platform.map(Into::into),
        bot_id: bot_id.map(Into::into),
    };
    let refusals = [
        Refusal::NotNow(NotNow::NotLinked),
        Refusal::TooMany { limit: 4096 },
        not_fronted(Some("slack"), Some("b1")),
        not_fronted(None, Some("b1")),
        Refusal::Unsupported { op: "draft".into() },
        Refusal::TooLong(TEXT_LIMIT),
    ];
    say_different_things(&refusals);
    says(&refusals[1], &["4096"]);
    says(&refusals[2], &["\"slack\"", "\"b1\""]);
    says(&refusals[4], &["\"draft\""]);
    let rejected = Rejected { refusal: refusals[1].clone(), argument: () };
    assert_eq!(rejected.to_string(), refusals[1].to_string());
}

#[test]
fn why_a_gateway_stays_awake() {
    say_different_things(&[
        WhyAwake::NoWakeUrl,
        WhyAwake::NoReconnect,
        WhyAwake::OthersLive,
        WhyAwake::Unreadable,
        WhyAwake::NotLinked,
        WhyAwake::Busy,
    ]);
}

#[test]
fn what_cannot_be_read() {
    say_different_things(&[Malformed::NotText, Malformed::NotAnObject, Malformed::Missing("event")]);
    says(Malformed::Missing("event"), &["`event`"]);
    says(LINE, &["99 bytes"]);
    let descriptors = [
        DescriptorError::NoObject,
        DescriptorError::Missing { field: "label" },
        DescriptorError::WrongType { field: "label", wanted: "string" },
    ];
    say_different_things(&descriptors);
    says(&descriptors[2], &["`label`", "string"]);
    let actions = ["[]", r#"{"op":"send"}"#, r#"{"op":"send","chat_id":"c"}"#]
        .map(|json| Action::from_json(json).expect_err(json));
    say_different_things(&actions);
    says(&actions[2], &["send", "`content`"]);
    assert_eq!(Json::parse(" [1, 2] ").expect("an array").to_string(), "[1, 2]");
}

#[test]
fn why_a_credential_is_refused() {
    let expired = TokenError::Expired { gateway_id: "gw-1".into() };
    says(&expired, &["gw-1", "expired"]);
    say_different_things(&[TokenError::Malformed, TokenError::BadSignature, expired]);
    say_different_things(&[
        DeliveryError::Malformed,
        DeliveryError::BadSignature,
        DeliveryError::OutsideWindow,
    ]);
    let secret = Secret::new("hunter2");
    assert_eq!((secret.to_string(), format!("{secret:?}")), ("…".into(), "Secret(…)".into()));
}

#[test]
fn what_is_wrong_with_a_url() {
    let errors = [
        "",
        "https://a b",
        "connector.example",
        "ftp://a",
        "https://",
        "https://ä",
        "https://::1",
        "https://a:0",
        "https://me@a",
        "https://a/ü",
        "https://a/?q",
        "https://a/#f",
    ]
    .map(|url| Endpoint::parse(url).expect_err(url));
    say_different_things(&errors);
}
