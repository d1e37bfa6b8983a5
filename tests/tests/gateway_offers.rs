//! What a gateway refuses because its chat's platform does not offer or take it, rules O8 and O11.

use relay_proto::action::Action;
use relay_proto::gateway::{Failure, Options, Outcome, Refusal};
use relay_proto::text::{LengthUnit, TextLimit, split};
use relay_tests::gateway_rig::GatewayRig;
use relay_tests::lines::{self, inbound, message_in};
use serde_json::{Value, json};

fn two_bots() -> GatewayRig {
    GatewayRig::fronting(&[("discord", "d1"), ("slack", "s1")])
}

fn on(platform: &str) -> Options {
    Options { platform: Some(platform.into()), ..Options::default() }
}

fn op(json: &str) -> Action {
    Action::from_json(json).unwrap()
}

/// O8: an op that the chat's descriptor does not list is refused locally; an empty list means the legacy set.
#[test]
fn ops_that_are_not_offered() {
    let mut rig = two_bots();
    rig.connector_says(&lines::descriptor_with("slack", &json!({"supported_ops": ["react", "sing"]})));
    rig.connector_says(&inbound("", &message_in("slack", "on slack", "m1")));
    rig.connector_says(&inbound("", &message_in("discord", "on discord", "m2")));
    rig.take_frames();
    let legacy = [
        r#"{"op":"send","chat_id":"CHAT","content":"x"}"#,
        r#"{"op":"edit","chat_id":"CHAT","message_id":"m","content":"x"}"#,
        r#"{"op":"typing","chat_id":"CHAT"}"#,
    ];
    let listed = [
        r#"{"op":"react","chat_id":"CHAT","message_id":"m","emoji":"+"}"#,
        r#"{"op":"sing","chat_id":"CHAT","song":"x"}"#,
    ];
    let neither = [
        r#"{"op":"delete","chat_id":"CHAT","message_id":"m"}"#,
        r#"{"op":"dance","chat_id":"CHAT"}"#,
        r#"{"op":"thread_create","chat_id":"CHAT","thread_name":"t"}"#,
    ];
    for (ops, on_discord, on_slack) in
        [(&legacy[..], true, false), (&listed, false, true), (&neither, false, false)]
    {
        for json in ops {
            for (chat, offered) in [("on discord", on_discord), ("on slack", on_slack)] {
                let action = op(&json.replace("CHAT", chat));
                let name = action.name().to_owned();
                let refused = rig.refusal(action, &Options::default());
                let expected = (!offered).then(|| Refusal::Unsupported { op: name.into() });
                assert_eq!(refused, expected, "{json} {chat}");
                assert_eq!(rig.take_frames_of("outbound").len(), usize::from(offered));
            }
        }
    }
    assert!(
        rig.refusal(Action::follow_up("s", "discord.interaction_token", "x"), &Options::default()).is_none()
    );
}

/// O8: an op that is not in the contract travels as it was given.
#[test]
fn unknown_ops_travel_as_given() {
    let mut rig = two_bots();
    rig.connector_says(&lines::descriptor_with("discord", &json!({"supported_ops": ["sing"]})));
    let json = r#"{"op":"sing","song":{"lines":[1,2]},"metadata":{"key":"B"},"content":7}"#;
    let frame = rig.frame_of(op(json), &on("discord"));
    assert_eq!(frame["action"], serde_json::from_str::<Value>(json).unwrap());
}

/// O8: `get_chat_info` where it is not offered is answered without a call, now or once the link is there.
#[test]
fn chat_info_that_is_not_offered() {
    let mut rig = two_bots();
    let answered = |rig: &GatewayRig, request| match rig.outcome(request) {
        Some(Outcome::Answered(json)) => serde_json::from_slice::<Value>(json).unwrap()["chat_info"].clone(),
        other => panic!("{other:?}"),
    };
    let request = rig.request(Action::chat_info("chat"), &Options::default());
    assert_eq!(answered(&rig, request), json!({"name": "chat", "type": "dm"}));
    rig.socket_breaks();
    let waiting = Options { wait_for_link: true, ..Options::default() };
    let request = rig.request(Action::chat_info("chat"), &waiting);
    rig.runs_to_dial();
    rig.link_up();
    assert_eq!(answered(&rig, request), json!({"name": "chat", "type": "dm"}));
    assert_eq!(rig.take_frames_of("outbound"), [] as [Value; 0]);
    rig.connector_says(&lines::descriptor_with("slack", &json!({"supported_ops": ["get_chat_info"]})));
    rig.frame_of(Action::chat_info("chat"), &on("slack"));
}

/// O8, O2: what waited for the link and is not offered there fails definitely, unwritten.
#[test]
fn not_offered_on_the_next_link() {
    let mut rig = two_bots();
    rig.socket_breaks();
    let waiting = Options { wait_for_link: true, ..Options::default() };
    let request = rig.request(op(r#"{"op":"delete","chat_id":"c","message_id":"m"}"#), &waiting);
    rig.runs_to_dial();
    rig.link_up();
    assert_eq!(rig.outcome(request), Some(&Outcome::Failed(Failure::Unsupported)));
    assert_eq!(rig.take_frames_of("outbound"), [] as [Value; 0]);
}

/// O11, O3, H3: what waits for a link is measured by the limit of the chat's platform on that link, in its unit; what is
/// too long then fails definitely and is not sent.
#[test]
fn a_text_that_waits_is_measured_on_the_next_link() {
    let mut rig = two_bots();
    rig.connector_says(&inbound("", &message_in("slack", "on slack", "m1")));
    rig.socket_breaks();
    let patient = Options { wait_for_link: true, ..Options::default() };
    let [short, long, elsewhere] = [("on slack", "ab"), ("on slack", "😀😀"), ("unknown", "😀😀")]
        .map(|(chat, text)| rig.request(Action::send(chat, text), &patient));
    rig.runs_to_dial();
    rig.open();
    let limit = json!({"max_message_length": 3, "len_unit": "utf16"});
    rig.connector_says(&lines::descriptor_with("slack", &limit));
    let limit = TextLimit { max: 3, unit: LengthUnit::Utf16 };
    for too_long in [long, elsewhere] {
        assert_eq!(rig.outcome(too_long), Some(&Outcome::Failed(Failure::TooLong(limit))));
    }
    assert_eq!(rig.outcome(short), None);
    assert_eq!(rig.take_frames_of("outbound").len(), 1);
}

/// O11: a thread's name has at most a hundred characters, on every platform, with a link and before there is one.
#[test]
fn the_name_of_a_thread() {
    let mut rig = two_bots();
    let offered = json!({"supported_ops": ["thread_create", "thread_rename"]});
    rig.connector_says(&lines::descriptor_with("slack", &offered));
    let limit = TextLimit { max: 100, unit: LengthUnit::Chars };
    let patient = Options { wait_for_link: true, ..on("slack") };
    let check = |rig: &mut GatewayRig| {
        for name in ["thread_create", "thread_rename"] {
            for (length, refusal) in [(100, None), (101, Some(Refusal::TooLong(limit)))] {
                let thread_name = "é".repeat(length);
                let action =
                    json!({"op": name, "chat_id": "c", "message_id": "m", "thread_name": thread_name});
                assert_eq!(rig.refusal(op(&action.to_string()), &patient), refusal, "{name} {length}");
            }
        }
    };
    check(&mut rig);
    rig.socket_breaks();
    check(&mut rig);
}

/// O11, H3: the pieces of a text that is too long for its chat are each a valid send.
#[test]
fn pieces_are_valid_sends() {
    for (max, unit) in [(20, "chars"), (20, "utf16")] {
        let mut rig = two_bots();
        rig.connector_says(&lines::descriptor_with(
            "slack",
            &json!({"max_message_length": max, "len_unit": unit}),
        ));
        rig.connector_says(&inbound("", &message_in("slack", "chat", "m1")));
        let text =
            "words and 😀😀😀😀😀😀😀😀😀😀😀😀😀 more\nwords of every kind, thelongestofwhichisoverthelimit";
        let whole = rig.refusal(Action::send("chat", text), &Options::default());
        let Some(Refusal::TooLong(limit)) = whole else { panic!("{whole:?}") };
        let pieces = split(text, limit);
        assert!(pieces.len() > 1);
        for piece in pieces {
            assert_eq!(rig.refusal(Action::send("chat", piece), &Options::default()), None, "{piece:?}");
        }
    }
}
