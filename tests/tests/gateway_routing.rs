//! Where a gateway's requests go and which it refuses, rules O6 to O8 and O11.

use relay_proto::action::Action;
use relay_proto::gateway::{Config, Failure, Identity, Options, Outcome, Refusal};
use relay_proto::routing::Route;
use relay_proto::text::{LengthUnit, TextLimit, split};
use relay_tests::gateway_rig::GatewayRig;
use relay_tests::lines::{self, inbound, message_in};
use serde_json::{Value, json};

fn fronting(bots: &[(&str, &str)]) -> GatewayRig {
    let identities = bots.iter().map(|(platform, bot_id)| Identity::new(*platform, *bot_id)).collect();
    GatewayRig::linked(Config { identities, ..Config::default() })
}

fn two_bots() -> GatewayRig {
    fronting(&[("discord", "d1"), ("slack", "s1"), ("slack", "s2")])
}

fn on(platform: Option<&str>, bot_id: Option<&str>) -> Options {
    Options { platform: platform.map(Into::into), bot_id: bot_id.map(Into::into), ..Options::default() }
}

/// The frame that comes of the request.
fn frame_of(rig: &mut GatewayRig, action: Action, options: &Options) -> Value {
    rig.take_frames();
    rig.request(action, options);
    rig.take_frames_of("outbound").remove(0)
}

fn tags(frame: &Value) -> (Option<&str>, Option<&str>) {
    (frame["platform"].as_str(), frame["botId"].as_str())
}

fn refusal(rig: &mut GatewayRig, action: Action, options: &Options) -> Option<Refusal> {
    rig.try_request(action, options).err().map(|rejected| rejected.refusal)
}

fn not_fronted(platform: Option<&str>, bot_id: Option<&str>) -> Option<Refusal> {
    Some(Refusal::NotFronted { platform: platform.map(Into::into), bot_id: bot_id.map(Into::into) })
}

fn op(json: &str) -> Action {
    Action::from_json(json).unwrap()
}

/// O6: a chat's frames bear the pair of its platform as helloed; a chat of which nothing is known goes untagged.
#[test]
fn tagged_by_the_chats_platform() {
    let mut rig = two_bots();
    rig.connector_says(&inbound("", &message_in("slack", "on slack", "m1")));
    rig.connector_says(&inbound("", &message_in("discord", "on discord", "m2")));
    let none = Options::default();
    let frame = frame_of(&mut rig, Action::send("on slack", "x"), &none);
    assert_eq!(tags(&frame), (Some("slack"), Some("s1")));
    let frame = frame_of(&mut rig, Action::send("on discord", "x"), &none);
    assert_eq!(tags(&frame), (Some("discord"), Some("d1")));
    let frame = frame_of(&mut rig, Action::send("unknown", "x"), &none);
    assert_eq!(tags(&frame), (None, None));
}

/// O6: the caller may name the platform and the bot; a pair that is not fronted is refused, never sent as another.
#[test]
fn the_callers_identity() {
    let mut rig = two_bots();
    let send = || Action::send("chat", "x");
    assert_eq!(tags(&frame_of(&mut rig, send(), &on(Some("slack"), None))), (Some("slack"), Some("s1")));
    let second = on(Some("slack"), Some("s2"));
    assert_eq!(tags(&frame_of(&mut rig, send(), &second)), (Some("slack"), Some("s2")));
    assert_eq!(refusal(&mut rig, send(), &on(Some("telegram"), None)), not_fronted(Some("telegram"), None));
    assert_eq!(
        refusal(&mut rig, send(), &on(Some("slack"), Some("d1"))),
        not_fronted(Some("slack"), Some("d1"))
    );
    assert_eq!(
        refusal(&mut rig, send(), &on(Some("discord"), Some("s1"))),
        not_fronted(Some("discord"), Some("s1"))
    );
    rig.connector_says(&inbound("", &message_in("matrix", "chat", "m1")));
    assert_eq!(
        refusal(&mut rig, send(), &Options::default()),
        not_fronted(Some("matrix"), None),
        "the chat's"
    );
}

/// O6: without a link, what is not fronted is refused as well, and the tags of what waits are the same.
#[test]
fn identities_without_a_link() {
    let mut rig = two_bots();
    rig.connector_says(&inbound("", &message_in("slack", "on slack", "m1")));
    rig.socket_breaks();
    let patient = |platform: Option<&str>| Options { wait_for_link: true, ..on(platform, None) };
    assert_eq!(
        refusal(&mut rig, Action::send("c", "x"), &patient(Some("telegram"))),
        not_fronted(Some("telegram"), None)
    );
    rig.request(Action::send("on slack", "x"), &patient(None));
    rig.runs_to_dial();
    rig.link_up();
    assert_eq!(tags(&rig.take_frames_of("outbound")[0]), (Some("slack"), Some("s1")));
}

/// O6: a bot that the caller names for a chat of another platform is not put on that platform.
#[test]
fn a_bot_of_another_platform() {
    let mut rig = two_bots();
    rig.connector_says(&inbound("", &message_in("discord", "on discord", "m1")));
    assert_eq!(
        refusal(&mut rig, Action::send("on discord", "x"), &on(None, Some("s1"))),
        not_fronted(Some("discord"), Some("s1"))
    );
}

/// O6: a bot that no platform of the gateway has is not fronted, whether or not the chat is known.
#[test]
fn a_bot_that_is_not_fronted() {
    let mut rig = two_bots();
    let refused = refusal(&mut rig, Action::send("unknown", "x"), &on(None, Some("somebody else")));
    assert_eq!(refused, not_fronted(None, Some("somebody else")), "never sent under another identity");
}

/// O6, H3: a bot that the caller names for a chat of which nothing is known acts on its own platform.
#[test]
fn a_bot_for_an_unknown_chat() {
    let mut rig = two_bots();
    let frame = frame_of(&mut rig, Action::send("unknown", "x"), &on(None, Some("s2")));
    assert_eq!(tags(&frame), (Some("slack"), Some("s2")));
}

/// O6, O8, O11: what a platform does not offer or take is refused there, also when only the bot that the caller names,
/// or a capability's kind, says which platform it is.
#[test]
fn the_bots_and_the_capabilitys_platform() {
    let mut rig = two_bots();
    let short = json!({"supported_ops": ["send"], "max_message_length": 10});
    rig.connector_says(&lines::descriptor_with("slack", &short));
    let send = |text: &str| Action::send("unknown", text);
    let limit = TextLimit { max: 10, unit: LengthUnit::Chars };
    let named = |bot_id| on(None, Some(bot_id));
    assert_eq!(refusal(&mut rig, send("eleven long"), &named("s2")), Some(Refusal::TooLong(limit)));
    assert_eq!(refusal(&mut rig, send("eleven long"), &named("d1")), None);
    let typing = || op(r#"{"op":"typing","chat_id":"unknown"}"#);
    let unsupported = |op: &str| Some(Refusal::Unsupported { op: op.into() });
    assert_eq!(refusal(&mut rig, typing(), &named("s2")), unsupported("typing"));
    assert_eq!(refusal(&mut rig, typing(), &named("d1")), None);
    let follow_up = |kind: &str| Action::follow_up("s", kind, "x");
    let none = Options::default();
    assert_eq!(refusal(&mut rig, follow_up("slack.response_url"), &none), unsupported("follow_up"));
    let frame = frame_of(&mut rig, follow_up("discord.interaction_token"), &none);
    assert_eq!(tags(&frame), (Some("discord"), Some("d1")));
    assert_eq!(tags(&frame_of(&mut rig, follow_up("matrix.token"), &none)), (None, None));
}

/// O6: the generic identity stands for what the connector fronts: nothing is tagged, and a platform that the caller
/// names is refused.
#[test]
fn the_generic_identity() {
    let mut rig = GatewayRig::linked(Config::default());
    rig.connector_says(&inbound("", &message_in("slack", "chat", "m1")));
    assert_eq!(tags(&frame_of(&mut rig, Action::send("chat", "x"), &Options::default())), (None, None));
    assert_eq!(
        refusal(&mut rig, Action::send("chat", "x"), &on(Some("slack"), None)),
        not_fronted(Some("slack"), None)
    );
}

/// O7: metadata gets what it lacks from the chat's last inbound, and keeps what it has.
#[test]
fn metadata_is_completed() {
    let mut rig = two_bots();
    let mut event = message_in("discord", "chat", "m1");
    event["source"]["profile"] = "work".into();
    rig.connector_says(&inbound("", &event));
    let none = Options::default();
    let frame = frame_of(&mut rig, Action::send("chat", "x"), &none);
    let complete = json!({"scope_id": "guild", "user_id": "author", "profile": "work"});
    assert_eq!(frame["action"]["metadata"], complete);
    let own = Action::send("chat", "x").with_metadata("user_id", "mine").with_metadata("colour", "red");
    let frame = frame_of(&mut rig, own, &none);
    let expected = json!({"scope_id": "guild", "user_id": "mine", "profile": "work", "colour": "red"});
    assert_eq!(frame["action"]["metadata"], expected);

    let mut later = message_in("discord", "chat", "m2");
    later["source"]["user_id"] = "somebody else".into();
    later["source"]["scope_id"] = Value::Null;
    later["source"]["guild_id"] = "old alias".into();
    rig.connector_says(&inbound("", &later));
    let frame = frame_of(&mut rig, Action::send("chat", "x"), &none);
    assert_eq!(frame["action"]["metadata"], json!({"scope_id": "old alias", "user_id": "somebody else"}));
}

/// O7: what the memory says of a chat on one platform is not sent along to another.
#[test]
fn another_platforms_discriminators() {
    let mut rig = two_bots();
    rig.connector_says(&inbound("", &message_in("discord", "chat", "m1")));
    let frame = frame_of(&mut rig, Action::send("chat", "x"), &on(Some("slack"), None));
    assert_eq!((tags(&frame), &frame["action"]["metadata"]), ((Some("slack"), Some("s1")), &json!({})));
}

/// O7: to name the platform that the chat lives on takes nothing away.
#[test]
fn the_same_platforms_discriminators() {
    let mut rig = two_bots();
    rig.connector_says(&inbound("", &message_in("discord", "chat", "m1")));
    let unnamed = frame_of(&mut rig, Action::send("chat", "x"), &Options::default());
    let named = frame_of(&mut rig, Action::send("chat", "x"), &on(Some("discord"), None));
    assert_eq!(named["action"]["metadata"], unnamed["action"]["metadata"]);
    assert_ne!(named["action"]["metadata"], json!({}));
}

/// O7: a duplicate teaches nothing: the last inbound that was handed out counts.
#[test]
fn what_is_learnt() {
    let mut rig = two_bots();
    rig.connector_says(&inbound("b1", &message_in("discord", "chat", "m1")));
    let mut second = message_in("discord", "chat", "m2");
    second["source"]["user_id"] = "second".into();
    rig.connector_says(&inbound("b2", &second));
    rig.connector_says(&inbound("b1", &message_in("discord", "chat", "m1")));
    let frame = frame_of(&mut rig, Action::send("chat", "x"), &Options::default());
    assert_eq!(frame["action"]["metadata"]["user_id"], "second");
}

/// O7: bounded, the chat that was silent the longest is forgotten first; one that spoke again is not.
#[test]
fn the_memory_is_bounded() {
    let identities = vec![Identity::new("discord", "d1")];
    let mut rig = GatewayRig::linked(Config { route_limit: 8, identities, ..Config::default() });
    for chat in 0..8 {
        rig.connector_says(&inbound("", &message_in("discord", &format!("c{chat}"), &format!("m{chat}"))));
    }
    rig.connector_says(&inbound("", &message_in("discord", "c0", "again")));
    rig.connector_says(&inbound("", &message_in("discord", "new", "m")));
    let routes = rig.machine.routes();
    let known: Vec<_> = routes.iter().map(|(chat, _)| *chat).collect();
    assert!(known.len() <= 8);
    assert!(known.contains(&"c0") && known.contains(&"new") && !known.contains(&"c1"), "{known:?}");
    assert_eq!(known.last(), Some(&"new"), "the one that was silent the longest comes first");
}

/// O7: over a restart the memory is the same when it is given back.
#[test]
fn restored_after_a_restart() {
    let mut before = two_bots();
    for (platform, chat) in [("slack", "a"), ("discord", "b"), ("slack", "c")] {
        before.connector_says(&inbound("", &message_in(platform, chat, chat)));
    }
    let mut after = two_bots();
    for (chat, route) in before.machine.routes() {
        after.machine.restore_route(chat, route);
    }
    assert_eq!(after.machine.routes(), before.machine.routes());
    let frame = frame_of(&mut after, Action::send("a", "x"), &Options::default());
    assert_eq!(
        (tags(&frame), &frame["action"]["metadata"]["user_id"]),
        ((Some("slack"), Some("s1")), &json!("author"))
    );
}

/// O7: thread operations use the route of the parent, and so does what is sent to a thread that came of an action.
#[test]
fn threads_live_where_their_parent_does() {
    let mut rig = two_bots();
    let ops = json!({"supported_ops": ["send", "thread_create", "thread_rename"]});
    rig.connector_says(&lines::descriptor_with("slack", &ops));
    rig.connector_says(&inbound("", &message_in("slack", "parent", "m1")));
    let create = op(r#"{"op":"thread_create","chat_id":"parent","thread_name":"t"}"#);
    let frame = frame_of(&mut rig, create, &Options::default());
    assert_eq!(
        (tags(&frame), &frame["action"]["metadata"]["scope_id"]),
        ((Some("slack"), Some("s1")), &json!("guild"))
    );
    let answer = json!({"success": true, "thread_id": "thread"});
    rig.connector_says(&lines::result(frame["requestId"].as_str().unwrap(), &answer));
    let frame = frame_of(&mut rig, Action::send("thread", "x"), &Options::default());
    assert_eq!(
        (tags(&frame), &frame["action"]["metadata"]["scope_id"]),
        ((Some("slack"), Some("s1")), &json!("guild"))
    );
    let rename = op(r#"{"op":"thread_rename","chat_id":"parent","message_id":"thread","thread_name":"n"}"#);
    let frame = frame_of(&mut rig, rename, &Options::default());
    assert_eq!(tags(&frame), (Some("slack"), Some("s1")));
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
                let refused = refusal(&mut rig, action, &Options::default());
                let expected = (!offered).then(|| Refusal::Unsupported { op: name.into() });
                assert_eq!(refused, expected, "{json} {chat}");
                assert_eq!(rig.take_frames_of("outbound").len(), usize::from(offered));
            }
        }
    }
    assert!(
        refusal(&mut rig, Action::follow_up("s", "discord.interaction_token", "x"), &Options::default())
            .is_none()
    );
}

/// O8: an op that is not in the contract travels as it was given.
#[test]
fn unknown_ops_travel_as_given() {
    let mut rig = two_bots();
    rig.connector_says(&lines::descriptor_with("discord", &json!({"supported_ops": ["sing"]})));
    let json = r#"{"op":"sing","song":{"lines":[1,2]},"metadata":{"key":"B"},"content":7}"#;
    let frame = frame_of(&mut rig, op(json), &on(Some("discord"), None));
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
    frame_of(&mut rig, Action::chat_info("chat"), &on(Some("slack"), None));
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
        let whole = refusal(&mut rig, Action::send("chat", text), &Options::default());
        let Some(Refusal::TooLong(limit)) = whole else { panic!("{whole:?}") };
        let pieces = split(text, limit);
        assert!(pieces.len() > 1);
        for piece in pieces {
            assert_eq!(
                refusal(&mut rig, Action::send("chat", piece), &Options::default()),
                None,
                "{piece:?}"
            );
        }
    }
}

/// O7: a route that was restored is used like one that was learnt, and the next inbound counts more.
#[test]
fn restored_routes_are_used() {
    let mut rig = two_bots();
    rig.machine
        .restore_route("chat", Route { platform: Some("slack"), user_id: Some("u"), ..Route::default() });
    let frame = frame_of(&mut rig, Action::send("chat", "x"), &Options::default());
    assert_eq!(tags(&frame), (Some("slack"), Some("s1")));
    rig.connector_says(&inbound("", &message_in("discord", "chat", "m1")));
    let frame = frame_of(&mut rig, Action::send("chat", "x"), &Options::default());
    assert_eq!(tags(&frame), (Some("discord"), Some("d1")));
}
