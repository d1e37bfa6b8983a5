//! Hellos and descriptors of a gateway, rules H1 to H4.

use std::time::Duration;

use relay_proto::close::CloseCode;
use relay_proto::gateway::{Cause, Config, Event, Identity, Next, Options, Refusal, Status, Violation};
use relay_proto::text::{LengthUnit, TextLimit};
use relay_proto::{LinkId, action::Action};
use relay_tests::gateway_rig::{GatewayRig, plain_config};
use relay_tests::lines;
use serde_json::{Value, json};

const SECOND: Duration = Duration::from_secs(1);

const REQUIRED: [&str; 9] = [
    "contract_version",
    "platform",
    "label",
    "max_message_length",
    "supports_draft_streaming",
    "supports_edit",
    "supports_threads",
    "markdown_dialect",
    "len_unit",
];

fn two_bots() -> Config {
    let identities = vec![Identity::new("discord", "bot-d"), Identity::new("telegram", "bot-t")];
    Config { identities, ..Config::default() }
}

/// H1: one hello an identity, in the configured order, on every link anew.
#[test]
fn hellos_in_the_configured_order() {
    let identities = vec![
        Identity::new("slack", "s1").with_commands(r#"[{"name":"ask","description":"Ask"}]"#),
        Identity::new("discord", "d1"),
        Identity::new("slack", ""),
    ];
    let mut rig = GatewayRig::new(Config { identities, ..Config::default() });
    for _ in 0..3 {
        rig.open();
        let expected = [
            json!({"type": "hello", "platform": "slack", "botId": "s1",
                "command_manifest": [{"name": "ask", "description": "Ask"}]}),
            json!({"type": "hello", "platform": "discord", "botId": "d1"}),
            json!({"type": "hello", "platform": "slack", "botId": ""}),
        ];
        assert_eq!(rig.take_frames(), expected);
        rig.socket_breaks();
        rig.runs_to_dial();
    }
}

/// H1: who fronts nothing by name says the generic hello.
#[test]
fn the_generic_hello() {
    let mut rig = GatewayRig::new(Config::default());
    rig.open();
    assert_eq!(rig.take_frames(), [json!({"type": "hello", "platform": "relay", "botId": ""})]);
}

/// H1: nothing is said before the upgrade, and whatever is asked for right at the upgrade comes after the hellos.
#[test]
fn nothing_goes_ahead_of_the_hellos() {
    let mut rig = GatewayRig::linked(two_bots());
    rig.connector_says(&lines::inbound("b1", &lines::message("m1")));
    let delivery = rig.take_delivery();
    rig.socket_breaks();
    rig.runs_to_dial();
    rig.send_patiently("parked");
    assert_eq!(rig.take_frames(), [] as [Value; 0]);
    rig.writable = false;
    rig.open();
    rig.stored(delivery.id);
    rig.interrupt("session", Some("stop")).unwrap();
    rig.send("at once");
    rig.passes(30 * SECOND - Duration::from_millis(1));
    rig.sink_takes();
    let frames = rig.take_frames();
    let kinds: Vec<_> = frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["hello", "hello", "inbound_ack", "interrupt", "outbound"]);
}

/// H2: the first descriptor of the link is its default, and stays it, whoever speaks later.
#[test]
fn the_first_descriptor_is_the_default() {
    let mut rig = GatewayRig::new(two_bots());
    rig.open();
    assert_eq!(rig.machine.descriptor(None), None);
    rig.connector_says(&lines::descriptor("telegram"));
    rig.connector_says(&lines::descriptor("discord"));
    rig.connector_says(&lines::descriptor_with("telegram", &json!({"label": "second"})));
    let label = |platform| rig.machine.descriptor(platform).map(|held| held.label.clone());
    assert_eq!(label(None).as_deref(), Some("telegram"));
    assert_eq!(label(Some("discord")).as_deref(), Some("discord"));
    assert_eq!(label(Some("telegram")).as_deref(), Some("second"), "each is kept under its platform");
    assert_eq!(label(Some("matrix")).as_deref(), Some("telegram"), "the default for all others");
}

/// H2: one handshake a link, however many descriptors come.
#[test]
fn linked_once_a_link() {
    let mut rig = GatewayRig::new(two_bots());
    for _ in 0..2 {
        rig.link_up();
        rig.connector_says(&lines::descriptor("slack"));
        let linked = rig.take_events().into_iter().filter(|event| matches!(event, Event::Linked(_)));
        assert_eq!(linked.count(), 1);
        rig.socket_breaks();
        rig.runs_to_dial();
    }
}

/// H2: no descriptor outlives its link: not while waiting, not while dialing, not on the next link, and not by
/// dormancy.
#[test]
fn no_descriptor_outlives_its_link() {
    let mut rig = GatewayRig::linked(two_bots());
    let mut dormant = rig.clone();
    dormant.becomes_dormant();
    assert_eq!(dormant.machine.descriptor(Some("discord")), None);
    rig.socket_breaks();
    assert_eq!(rig.machine.descriptor(Some("discord")), None);
    rig.runs_to_dial();
    assert_eq!(rig.machine.descriptor(Some("discord")), None);
    rig.open();
    assert_eq!(rig.machine.descriptor(Some("discord")), None);
    rig.connector_says(&lines::descriptor("telegram"));
    assert_eq!(rig.machine.descriptor(None).unwrap().platform, "telegram", "the old link's default is gone");
    assert_eq!(rig.machine.descriptor(Some("discord")), None);
}

/// H3: limits and capabilities are those of the chat's platform.
#[test]
fn limits_of_the_chats_platform() {
    let mut rig = GatewayRig::new(two_bots());
    rig.open();
    rig.connector_says(&lines::descriptor_with("discord", &json!({"max_message_length": 5})));
    let narrow = json!({"max_message_length": 3, "len_unit": "utf16", "supported_ops": ["send", "react"]});
    rig.connector_says(&lines::descriptor_with("telegram", &narrow));
    rig.connector_says(&lines::inbound("", &lines::message_in("discord", "d-chat", "m1")));
    rig.connector_says(&lines::inbound("", &lines::message_in("telegram", "t-chat", "m2")));

    let platform_of = |chat| rig.machine.chat_descriptor(chat).map(|held| held.platform.clone());
    assert_eq!(platform_of("d-chat").as_deref(), Some("discord"));
    assert_eq!(platform_of("t-chat").as_deref(), Some("telegram"));
    assert_eq!(platform_of("unknown").as_deref(), Some("discord"), "the default");

    let refusal = |rig: &mut GatewayRig, chat: &str, text: &str| {
        let asked = rig.try_request(Action::send(chat, text), &Options::default());
        asked.err().map(|rejected| rejected.refusal)
    };
    assert_eq!(refusal(&mut rig, "d-chat", "12345"), None);
    let five = TextLimit { max: 5, unit: LengthUnit::Chars };
    assert_eq!(refusal(&mut rig, "d-chat", "123456"), Some(Refusal::TooLong(five)));
    assert_eq!(refusal(&mut rig, "d-chat", "😀😀😀"), None, "code points there");
    let three = TextLimit { max: 3, unit: LengthUnit::Utf16 };
    assert_eq!(refusal(&mut rig, "t-chat", "😀😀"), Some(Refusal::TooLong(three)), "UTF-16 units here");
    assert_eq!(refusal(&mut rig, "t-chat", "😀x"), None);
}

/// H3: the caller's platform counts before the chat's.
#[test]
fn limits_of_the_callers_platform() {
    let mut rig = GatewayRig::new(two_bots());
    rig.open();
    rig.connector_says(&lines::descriptor("discord"));
    rig.connector_says(&lines::descriptor_with("telegram", &json!({"max_message_length": 3})));
    rig.connector_says(&lines::inbound("", &lines::message_in("discord", "chat", "m1")));
    let on_telegram = Options { platform: Some("telegram".into()), ..Options::default() };
    let refused = rig.try_request(Action::send("chat", "1234"), &on_telegram).unwrap_err();
    assert!(matches!(refused.refusal, Refusal::TooLong(_)));
}

/// H3, O8: while a platform's own descriptor is still to come on a new link, no other platform's speaks for it.
#[test]
fn no_platform_speaks_for_another() {
    let mut rig = GatewayRig::new(two_bots());
    let react = Action::from_json(r#"{"op":"react","chat_id":"t","message_id":"m","emoji":"+"}"#).unwrap();
    let options = Options { platform: Some("telegram".into()), wait_for_link: true, ..Options::default() };
    let request = rig.request(react, &options);
    rig.open();
    rig.connector_says(&lines::descriptor("discord"));
    rig.connector_says(&lines::descriptor_with("telegram", &json!({"supported_ops": ["react"]})));
    assert_eq!(rig.outcome(request), None, "telegram offers it");
    assert_eq!(rig.take_frames_of("outbound").len(), 1);
}

/// H3, O8: the same for a request that is made right then.
#[test]
fn no_platform_speaks_for_another_at_once() {
    let mut rig = GatewayRig::new(two_bots());
    rig.open();
    rig.connector_says(&lines::descriptor_with("discord", &json!({"max_message_length": 3})));
    let on_telegram = Options { platform: Some("telegram".into()), ..Options::default() };
    let long = rig.try_request(Action::send("t", "1234"), &on_telegram);
    let react = Action::from_json(r#"{"op":"react","chat_id":"t","message_id":"m","emoji":"+"}"#).unwrap();
    let react = rig.try_request(react, &on_telegram);
    assert!(long.is_ok(), "discord's limit: {long:?}");
    assert!(react.is_ok(), "discord's ops: {react:?}");
}

/// H3: the descriptor that is asked for by name is the platform's own, a later one in place of an earlier one; for a
/// platform that is not fronted, the default one speaks at once.
#[test]
fn descriptors_by_platform() {
    let mut rig = GatewayRig::new(two_bots());
    rig.open();
    let label = |rig: &GatewayRig, platform: &str| {
        rig.machine.descriptor(Some(platform)).map(|descriptor| descriptor.label.to_string())
    };
    rig.connector_says(&lines::descriptor_with("discord", &json!({"label": "first"})));
    assert_eq!(label(&rig, "discord").as_deref(), Some("first"));
    assert_eq!(label(&rig, "telegram"), None, "its own is still to come");
    assert_eq!(label(&rig, "matrix").as_deref(), Some("first"));
    rig.connector_says(&lines::descriptor_with("telegram", &json!({"label": "second"})));
    rig.connector_says(&lines::descriptor_with("telegram", &json!({"label": "third"})));
    assert_eq!(label(&rig, "telegram").as_deref(), Some("third"));
    assert_eq!(label(&rig, "discord").as_deref(), Some("first"));
}

/// H3: once every hello is answered, whatever the answers were, the default one speaks for what has none of its own.
#[test]
fn a_platform_that_never_gets_its_own() {
    let mut rig = GatewayRig::new(two_bots());
    rig.open();
    rig.connector_says(&lines::descriptor_with("discord", &json!({"label": "first"})));
    rig.connector_says(&lines::descriptor_with("another", &json!({"label": "second"})));
    assert_eq!(&*rig.machine.descriptor(Some("telegram")).unwrap().label, "first");
}

/// H2: of descriptors that were not asked for, a bounded number is kept.
#[test]
fn descriptors_are_bounded() {
    let mut rig = GatewayRig::new(two_bots());
    rig.open();
    for number in 0..70 {
        let label = json!({"label": number.to_string()});
        rig.connector_says(&lines::descriptor_with(&format!("p{number}"), &label));
    }
    let label = |platform: &str| &*rig.machine.descriptor(Some(platform)).unwrap().label;
    assert_eq!([label("p63"), label("p64")], ["63", "0"]);
}

/// H4: a descriptor of 64 KiB is taken, a longer one is not.
#[test]
fn the_largest_descriptor() {
    for (length, taken) in [(64 << 10, true), ((64 << 10) + 1, false)] {
        let mut rig = GatewayRig::new(two_bots());
        rig.open();
        let bare = lines::descriptor_of("discord", &json!({"filler": ""})).to_string();
        let filler = "x".repeat(length - bare.len());
        rig.connector_says(&lines::descriptor_with("discord", &json!({"filler": filler})));
        assert_eq!(rig.machine.status() == Status::Linked, taken, "{length}");
    }
}

/// Ends the link with this descriptor, which must be a violation; gives the words for it.
fn broken_off(rig: &mut GatewayRig, descriptor: &str, ceiling: u64) -> String {
    rig.forget();
    rig.connector_says(&format!("{{\"type\":\"descriptor\",\"descriptor\":{descriptor}}}\n"));
    assert_eq!(rig.take_close_code(), CloseCode::PROTOCOL);
    let events = rig.take_events();
    let [Event::Down { cause: Cause::Violation(Violation::Descriptor(error)), next: Next::Redial(at) }] =
        &events[..]
    else {
        panic!("{events:?}");
    };
    let wait = at.since(rig.now).as_millis();
    assert!(
        u128::from(ceiling * 500) < wait && wait <= u128::from(ceiling * 1000),
        "a failed attempt: {wait}"
    );
    error.to_string()
}

/// H4: each required field that is missing ends the link with words that name it, as a failed attempt.
#[test]
fn a_descriptor_that_lacks_a_field() {
    let mut rig = GatewayRig::default();
    for (field, ceiling) in REQUIRED.iter().zip([1, 2, 4, 8, 16, 30, 30, 30, 30]) {
        rig.open();
        let descriptor = lines::descriptor_of("discord", &json!({*field: null})).to_string();
        let words = broken_off(&mut rig, &descriptor, ceiling);
        assert!(words.contains(field), "{words}");
        rig.runs_to_dial();
    }
    for (descriptor, ceiling) in [("7", 30), ("\"\"", 30), ("[]", 30), ("{}", 30)] {
        rig.open();
        broken_off(&mut rig, descriptor, ceiling);
        rig.runs_to_dial();
    }
}

/// H4: a later descriptor of a link is held to the same.
#[test]
fn a_later_descriptor_that_lacks_a_field() {
    let mut rig = GatewayRig::linked(plain_config());
    let descriptor = lines::descriptor_of("slack", &json!({"len_unit": null})).to_string();
    broken_off(&mut rig, &descriptor, 1);
    assert!(matches!(rig.machine.status(), Status::Reconnecting { failures: 1, .. }));
}

/// H4, D8: what is optional or unknown may be as odd as it likes, and a length that is none becomes the default.
#[test]
fn odd_descriptors_that_are_whole() {
    let odd = json!({"emoji": 7, "supported_ops": "send", "pii_safe": [], "since": {"v": 9}, "max_message_length": -1,
        "len_unit": "graphemes"});
    let mut rig = GatewayRig::default();
    let link: LinkId = rig.open();
    rig.connector_says(&lines::descriptor_with("discord", &odd));
    assert!(rig.take_events().contains(&Event::Linked(link)));
    let held = rig.machine.descriptor(None).unwrap();
    assert_eq!((held.max_message_length, held.len_unit()), (4096, LengthUnit::Chars));
}
