//! Where a gateway's requests go, and as whom, rules O6 and O7.

use relay_proto::action::Action;
use relay_proto::gateway::{Config, Identity, Options, Refusal};
use relay_proto::routing::Route;
use relay_proto::text::{LengthUnit, TextLimit};
use relay_tests::gateway_rig::GatewayRig;
use relay_tests::lines::{self, inbound, message_in};
use serde_json::{Value, json};

fn two_bots() -> GatewayRig {
    GatewayRig::fronting(&[("discord", "d1"), ("slack", "s1"), ("slack", "s2")])
}

fn on(platform: Option<&str>, bot_id: Option<&str>) -> Options {
    Options { platform: platform.map(Into::into), bot_id: bot_id.map(Into::into), ..Options::default() }
}

fn tags(frame: &Value) -> (Option<&str>, Option<&str>) {
    (frame["platform"].as_str(), frame["botId"].as_str())
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
    let frame = rig.frame_of(Action::send("on slack", "x"), &none);
    assert_eq!(tags(&frame), (Some("slack"), Some("s1")));
    let frame = rig.frame_of(Action::send("on discord", "x"), &none);
    assert_eq!(tags(&frame), (Some("discord"), Some("d1")));
    let frame = rig.frame_of(Action::send("unknown", "x"), &none);
    assert_eq!(tags(&frame), (None, None));
}

/// O6: a chat that lives on the generic platform lives on none that is known, whatever the gateway fronts.
#[test]
fn the_generic_platform_is_no_platform() {
    let generic = GatewayRig::fronting(&[("relay", "")]);
    for mut rig in [two_bots(), generic] {
        rig.connector_says(&inbound("", &message_in("relay", "chat", "m1")));
        let frame = rig.frame_of(Action::send("chat", "x"), &Options::default());
        assert_eq!(tags(&frame), (None, None));
    }
    assert_eq!(
        two_bots().refusal(Action::send("chat", "x"), &on(Some("relay"), None)),
        not_fronted(Some("relay"), None),
        "the caller's own word is another thing"
    );
}

/// O6: the caller may name the platform and the bot; a pair that is not fronted is refused, never sent as another.
#[test]
fn the_callers_identity() {
    let mut rig = two_bots();
    let send = || Action::send("chat", "x");
    assert_eq!(tags(&rig.frame_of(send(), &on(Some("slack"), None))), (Some("slack"), Some("s1")));
    let second = on(Some("slack"), Some("s2"));
    assert_eq!(tags(&rig.frame_of(send(), &second)), (Some("slack"), Some("s2")));
    assert_eq!(rig.refusal(send(), &on(Some("telegram"), None)), not_fronted(Some("telegram"), None));
    assert_eq!(rig.refusal(send(), &on(Some("slack"), Some("d1"))), not_fronted(Some("slack"), Some("d1")));
    assert_eq!(
        rig.refusal(send(), &on(Some("discord"), Some("s1"))),
        not_fronted(Some("discord"), Some("s1"))
    );
    rig.connector_says(&inbound("", &message_in("matrix", "chat", "m1")));
    assert_eq!(rig.refusal(send(), &Options::default()), not_fronted(Some("matrix"), None), "the chat's");
}

/// O6: without a link, what is not fronted is refused as well, and the tags of what waits are the same.
#[test]
fn identities_without_a_link() {
    let mut rig = two_bots();
    rig.connector_says(&inbound("", &message_in("slack", "on slack", "m1")));
    rig.socket_breaks();
    let patient = |platform: Option<&str>| Options { wait_for_link: true, ..on(platform, None) };
    assert_eq!(
        rig.refusal(Action::send("c", "x"), &patient(Some("telegram"))),
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
        rig.refusal(Action::send("on discord", "x"), &on(None, Some("s1"))),
        not_fronted(Some("discord"), Some("s1"))
    );
}

/// O6: a bot that no platform of the gateway has is not fronted, whether or not the chat is known.
#[test]
fn a_bot_that_is_not_fronted() {
    let mut rig = two_bots();
    let refused = rig.refusal(Action::send("unknown", "x"), &on(None, Some("somebody else")));
    assert_eq!(refused, not_fronted(None, Some("somebody else")), "never sent under another identity");
}

/// O6, H3: a bot that the caller names for a chat of which nothing is known acts on its own platform.
#[test]
fn a_bot_for_an_unknown_chat() {
    let mut rig = two_bots();
    let frame = rig.frame_of(Action::send("unknown", "x"), &on(None, Some("s2")));
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
    assert_eq!(rig.refusal(send("eleven long"), &named("s2")), Some(Refusal::TooLong(limit)));
    assert_eq!(rig.refusal(send("eleven long"), &named("d1")), None);
    let typing = || op(r#"{"op":"typing","chat_id":"unknown"}"#);
    let unsupported = |op: &str| Some(Refusal::Unsupported { op: op.into() });
    assert_eq!(rig.refusal(typing(), &named("s2")), unsupported("typing"));
    assert_eq!(rig.refusal(typing(), &named("d1")), None);
    let follow_up = |kind: &str| Action::follow_up("s", kind, "x");
    let none = Options::default();
    assert_eq!(rig.refusal(follow_up("slack.response_url"), &none), unsupported("follow_up"));
    let frame = rig.frame_of(follow_up("discord.interaction_token"), &none);
    assert_eq!(tags(&frame), (Some("discord"), Some("d1")));
    assert_eq!(tags(&rig.frame_of(follow_up("matrix.token"), &none)), (None, None));
}

/// O6: the generic identity stands for what the connector fronts: nothing is tagged, and a platform that the caller
/// names is refused.
#[test]
fn the_generic_identity() {
    let mut rig = GatewayRig::linked(Config::default());
    rig.connector_says(&inbound("", &message_in("slack", "chat", "m1")));
    assert_eq!(tags(&rig.frame_of(Action::send("chat", "x"), &Options::default())), (None, None));
    assert_eq!(
        rig.refusal(Action::send("chat", "x"), &on(Some("slack"), None)),
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
    let frame = rig.frame_of(Action::send("chat", "x"), &none);
    let complete = json!({"scope_id": "guild", "user_id": "author", "profile": "work"});
    assert_eq!(frame["action"]["metadata"], complete);
    let own = Action::send("chat", "x").with_metadata("user_id", "mine").with_metadata("colour", "red");
    let frame = rig.frame_of(own, &none);
    let expected = json!({"scope_id": "guild", "user_id": "mine", "profile": "work", "colour": "red"});
    assert_eq!(frame["action"]["metadata"], expected);

    let mut later = message_in("discord", "chat", "m2");
    later["source"]["user_id"] = "somebody else".into();
    later["source"]["scope_id"] = Value::Null;
    later["source"]["guild_id"] = "old alias".into();
    rig.connector_says(&inbound("", &later));
    let frame = rig.frame_of(Action::send("chat", "x"), &none);
    assert_eq!(frame["action"]["metadata"], json!({"scope_id": "old alias", "user_id": "somebody else"}));
}

/// O7: what the memory says of a chat on one platform is not sent along to another.
#[test]
fn another_platforms_discriminators() {
    let mut rig = two_bots();
    rig.connector_says(&inbound("", &message_in("discord", "chat", "m1")));
    let frame = rig.frame_of(Action::send("chat", "x"), &on(Some("slack"), None));
    assert_eq!((tags(&frame), &frame["action"]["metadata"]), ((Some("slack"), Some("s1")), &json!({})));
}

/// O7: to name the platform that the chat lives on takes nothing away.
#[test]
fn the_same_platforms_discriminators() {
    let mut rig = two_bots();
    rig.connector_says(&inbound("", &message_in("discord", "chat", "m1")));
    let unnamed = rig.frame_of(Action::send("chat", "x"), &Options::default());
    let named = rig.frame_of(Action::send("chat", "x"), &on(Some("discord"), None));
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
    let frame = rig.frame_of(Action::send("chat", "x"), &Options::default());
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
    let frame = after.frame_of(Action::send("a", "x"), &Options::default());
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
    let frame = rig.frame_of(create, &Options::default());
    assert_eq!(
        (tags(&frame), &frame["action"]["metadata"]["scope_id"]),
        ((Some("slack"), Some("s1")), &json!("guild"))
    );
    let answer = json!({"success": true, "thread_id": "thread"});
    rig.connector_says(&lines::result(frame["requestId"].as_str().unwrap(), &answer));
    let frame = rig.frame_of(Action::send("thread", "x"), &Options::default());
    assert_eq!(
        (tags(&frame), &frame["action"]["metadata"]["scope_id"]),
        ((Some("slack"), Some("s1")), &json!("guild"))
    );
    let rename = op(r#"{"op":"thread_rename","chat_id":"parent","message_id":"thread","thread_name":"n"}"#);
    let frame = rig.frame_of(rename, &Options::default());
    assert_eq!(tags(&frame), (Some("slack"), Some("s1")));
}

/// O6, O7: a thread that was made on another platform than its chat's lives there, and not under the chat's identity.
#[test]
fn a_thread_made_elsewhere() {
    let mut rig = two_bots();
    let ops = json!({"supported_ops": ["send", "thread_create"]});
    rig.connector_says(&lines::descriptor_with("slack", &ops));
    rig.connector_says(&lines::descriptor_with("discord", &ops));
    rig.connector_says(&inbound("", &message_in("slack", "parent", "m1")));
    for (chat, thread) in [("parent", "t1"), ("unknown", "t2")] {
        let create = json!({"op": "thread_create", "chat_id": chat, "thread_name": "t"});
        let options = Options { platform: Some("discord".into()), ..Options::default() };
        let frame = rig.frame_of(op(&create.to_string()), &options);
        assert_eq!(tags(&frame).0, Some("discord"));
        let answer = json!({"success": true, "thread_id": thread});
        rig.connector_says(&lines::result(frame["requestId"].as_str().unwrap(), &answer));
        let frame = rig.frame_of(Action::send(thread, "x"), &Options::default());
        assert_eq!(
            (tags(&frame).0, &frame["action"]["metadata"]["scope_id"]),
            (Some("discord"), &Value::Null),
            "{chat}"
        );
    }
}

/// O7: a route that was restored is used like one that was learnt, and the next inbound counts more.
#[test]
fn restored_routes_are_used() {
    let mut rig = two_bots();
    rig.machine
        .restore_route("chat", Route { platform: Some("slack"), user_id: Some("u"), ..Route::default() });
    let frame = rig.frame_of(Action::send("chat", "x"), &Options::default());
    assert_eq!(tags(&frame), (Some("slack"), Some("s1")));
    rig.connector_says(&inbound("", &message_in("discord", "chat", "m1")));
    let frame = rig.frame_of(Action::send("chat", "x"), &Options::default());
    assert_eq!(tags(&frame), (Some("discord"), Some("d1")));
}
