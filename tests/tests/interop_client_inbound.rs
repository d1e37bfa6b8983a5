//! What the published client gets from `relay connector`: messages, forwards, interrupts, and all of them again.

mod interop;

use interop::{Connector, Hook, Proxy, StandIn, StockGateway, Version, event, on_each_version, text_event};
use relay_proto::codec::Encode;
use relay_proto::frame::ToGateway;
use relay_proto::json::Json;
use serde_json::{Value, json};

/// C3: an event reaches the client with a `bufferId`, in all its parts, and its ack empties the backlog.
#[test]
fn a_message_arrives_and_its_ack_empties_the_backlog() {
    on_each_version(async |version| {
        let hook = Hook::start().await;
        let connector = Connector::start(&hook, &[]).await;
        let mut gateway = StockGateway::linked(version, &connector.url()).await;
        let mut event = event("discord", "c1", "m1", "héllo 😀\n\u{2028}");
        event["media_urls"] = json!(["https://media.example/1"]);
        connector.deliver("discord", "1", &event).await;
        let seen = gateway.sees("inbound").await;
        for field in ["text", "message_id", "message_type", "media_urls"] {
            assert_eq!(seen[field], event[field], "{field}");
        }
        let source = event["source"].as_object().unwrap();
        for (field, value) in source {
            assert_eq!(seen["source"][field], *value, "{field}");
        }
        assert_eq!(seen["source"]["delivered_via_upstream_relay"], true);
        connector.backlog_becomes(0).await;
    });
}

/// C3: what a version does not know of an event does not keep it from the rest. Surrounding messages are known since
/// 0.19.0.
#[test]
fn later_fields_reach_the_version_that_knows_them() {
    on_each_version(async |version| {
        let hook = Hook::start().await;
        let connector = Connector::start(&hook, &[]).await;
        let mut gateway = StockGateway::linked(version, &connector.url()).await;
        let mut event = text_event("m1");
        event["context"] = json!([{"text": "before", "source": {"user_name": "Ann", "user_id": "u2"}}]);
        event["later"] = json!({"a": [1, null]});
        event["source"]["is_bot"] = true.into();
        connector.deliver("discord", "1", &event).await;
        let seen = gateway.sees("inbound").await;
        assert_eq!(seen["text"], "m1");
        let context = seen["context"].as_str().map(|context| context.contains("Ann: before"));
        assert_eq!(context, (version == Version::NEWEST).then_some(true), "{seen}");
        connector.backlog_becomes(0).await;
    });
}

/// D1, C3: the client acks what has a `bufferId`, and nothing else. `relay connector` gives every event one, so here a
/// stand-in sends lines of this project's encoder with and without it.
#[test]
fn a_message_without_a_buffer_id_is_handled_and_not_acked() {
    on_each_version(async |version| {
        let mut stand_in = StandIn::start().await;
        let url = stand_in.url();
        let (mut gateway, mut link) = tokio::join!(StockGateway::linked(version, &url), stand_in.links());
        for (text, buffer_id) in [("m1", None), ("m2", Some("b:2")), ("m3", None), ("m4", Some("b:4"))] {
            let event = text_event(text).to_string();
            let event = Json::parse(&event).unwrap();
            let frame = ToGateway::Inbound { event, buffer_id: buffer_id.map(Into::into) };
            stand_in.sends(&link, std::str::from_utf8(&frame.to_line()).unwrap()).await;
            assert_eq!(gateway.gets().await, text);
        }
        // Acks come in the order of the messages: there is none between these two, and none before.
        stand_in.hears_ack(&mut link, "b:2").await;
        stand_in.hears_ack(&mut link, "b:4").await;
    });
}

/// C4, W3: many messages come in the order in which they were appended, whatever the window, and each once.
#[test]
fn messages_come_in_order() {
    on_each_version(async |version| {
        let hook = Hook::start().await;
        let connector = Connector::start(&hook, &["--window", "3"]).await;
        let mut gateway = StockGateway::linked(version, &connector.url()).await;
        for number in 0..200 {
            connector.deliver_text(&format!("m{number}")).await;
        }
        for number in 0..200 {
            assert_eq!(gateway.gets().await, format!("m{number}"));
        }
        connector.backlog_becomes(0).await;
        assert!(gateway.unasked("inbound").is_empty());
    });
}

/// C4: while the client's handler is slow, no more than the window is under way. The client handles one frame after
/// the other, so what was sent while it was slow shows in what it sees next.
#[test]
fn a_slow_client_has_no_more_than_the_window() {
    on_each_version(async |version| {
        let hook = Hook::start().await;
        let connector = Connector::start(&hook, &["--window", "2"]).await;
        let mut gateway = StockGateway::linked(version, &connector.url()).await;
        gateway.ask("gate", json!({"taking": false})).await;
        for number in 1..=5 {
            connector.deliver_text(&format!("m{number}")).await;
        }
        assert_eq!(gateway.gets().await, "m1");
        assert_eq!(connector.backlog().await, 5);
        // An interrupt waits for nothing, so it overtakes what the window holds back, and only that.
        assert_eq!(connector.interrupt("discord", "s", "c1").await, 1);
        gateway.ask("gate", json!({"taking": true})).await;
        gateway.sees("interrupt").await;
        let before: Vec<Value> = gateway.unasked("inbound").into_iter().cloned().collect();
        assert!(before.iter().all(|seen| seen["text"] == "m2"), "{before:?}");
        for number in 2..=5 {
            assert_eq!(gateway.gets().await, format!("m{number}"));
        }
        connector.backlog_becomes(0).await;
    });
}

/// C4, C6, W1: a link is cut while the handler works. What was not acked comes again on the next one, before what was
/// appended meanwhile.
#[test]
fn what_was_not_acked_comes_again_after_a_cut() {
    on_each_version(async |version| {
        let hook = Hook::start().await;
        let connector = Connector::start(&hook, &[]).await;
        let proxy = Proxy::to(connector.address()).await;
        let mut gateway = StockGateway::linked_with(version, &proxy.url(), json!({"reconnect": true})).await;
        connector.deliver_text("m1").await;
        assert_eq!(gateway.gets().await, "m1");
        connector.backlog_becomes(0).await;
        gateway.ask("gate", json!({"taking": false})).await;
        connector.deliver_text("m2").await;
        assert_eq!(gateway.gets().await, "m2");
        proxy.cut();
        connector.state_becomes("offline").await;
        connector.deliver_text("m3").await;
        assert_eq!(connector.backlog().await, 2);
        gateway.ask("gate", json!({"taking": true})).await;
        gateway.sees("closed").await;
        gateway.sees("linked").await;
        for text in ["m2", "m3"] {
            assert_eq!(gateway.gets().await, text);
        }
        connector.backlog_becomes(0).await;
        assert!(gateway.unasked("inbound").is_empty());
        assert_eq!(gateway.ask("state", json!({})).await, json!({"auth_revoked": false, "dials": 2}));
    });
}

/// C9: an event that fits in no frame goes to the dead letters at once, and the client, which would close the link
/// over it, gets what comes after it.
#[test]
fn what_is_too_large_is_left_out() {
    on_each_version(async |version| {
        let hook = Hook::start().await;
        let connector = Connector::start(&hook, &[]).await;
        let mut gateway = StockGateway::linked(version, &connector.url()).await;
        let mut large = text_event("m1");
        large["text"] = "x".repeat(1 << 20).into();
        connector.deliver("discord", "1", &large).await;
        // Nearly as long as a line may be; what else is in the line needs less than the rest.
        large["text"] = "y".repeat((1 << 20) - 1024).into();
        connector.deliver("discord", "2", &large).await;
        assert_eq!(gateway.gets().await, large["text"]);
        connector.backlog_becomes(0).await;
        assert_eq!(connector.instance().await["dead_letters"], 1);
    });
}

/// C9: a platform's own request arrives to the byte, with its headers in order and the repeated ones kept. The client
/// never acks it; its ack of a later message does.
#[test]
fn a_forward_arrives_to_the_byte_and_a_later_ack_settles_it() {
    on_each_version(async |version| {
        let hook = Hook::start().await;
        let connector = Connector::start(&hook, &[]).await;
        let mut gateway = StockGateway::linked(version, &connector.url()).await;
        let body: Vec<u8> = (0..=255).collect();
        let headers = json!([["X-A", "1"], ["x-b", "é"], ["X-A", "2"], ["x-a", ""]]);
        let forward = json!({
            "platform": "discord", "botId": "d-bot", "method": "POST", "path": "/interactions?a=1&a=2",
            "headers": headers, "bodyB64": EVERY_BYTE_IN_BASE64,
        });
        connector.forward("discord", "1", &forward).await;
        let seen = gateway.sees("passthrough").await;
        assert_eq!(seen["body"], json!(body));
        assert_eq!(seen["headers"], headers);
        assert!(seen["buffer_id"].is_string());
        for (field, name) in
            [("platform", "platform"), ("botId", "bot_id"), ("method", "method"), ("path", "path")]
        {
            assert_eq!(seen[name], forward[field], "{field}");
        }
        assert_eq!(connector.backlog().await, 1);
        connector.deliver_text("m1").await;
        assert_eq!(gateway.gets().await, "m1");
        connector.backlog_becomes(0).await;
        assert_eq!(connector.instance().await["dead_letters"], 0);
    });
}

/// C9, W4: more forwarded requests than the window holds, none of which the client acks, and a message behind them: all
/// of it comes over the one link, each once, for the client's pongs say what it has read.
#[test]
fn a_window_full_of_forwards_goes_on() {
    on_each_version(async |version| {
        let hook = Hook::start().await;
        let connector = Connector::start(&hook, &["--window", "2", "--ping-interval", "100ms"]).await;
        let mut gateway = StockGateway::linked(version, &connector.url()).await;
        for number in 1..=7 {
            let forward = json!({"platform": "discord", "botId": "d-bot", "method": "POST", "path": format!("/{number}"),
                                 "headers": [], "bodyB64": ""});
            connector.forward("discord", &number.to_string(), &forward).await;
        }
        connector.deliver_text("behind them").await;
        for number in 1..=7 {
            assert_eq!(gateway.sees("passthrough").await["path"], format!("/{number}"));
        }
        assert_eq!(gateway.gets().await, "behind them");
        connector.backlog_becomes(0).await;
        assert_eq!(connector.instance().await["dead_letters"], 0);
        assert!(gateway.unasked("passthrough").is_empty(), "none came twice");
    });
}

/// The wire's interrupts, which no rule restates, both ways: to the gateway that is connected, and to the platform that
/// the session is on.
#[test]
fn interrupts_go_both_ways() {
    on_each_version(async |version| {
        let mut hook = Hook::start().await;
        let connector = Connector::start(&hook, &[]).await;
        let mut gateway = StockGateway::start(version);
        let key = "agent:main:discord:group:c1:ü";
        assert_eq!(connector.interrupt("discord", key, "c1").await, 0, "nobody is connected");
        gateway.connects(&connector.url(), json!({})).await;
        gateway.sees("linked").await;
        assert_eq!(connector.interrupt("discord", key, "c1").await, 1);
        let seen = gateway.sees("interrupt").await;
        assert_eq!(seen, json!({"saw": "interrupt", "session_key": key, "chat_id": "c1"}));
        for reason in [json!("asked to"), Value::Null] {
            gateway.ask("interrupt", json!({"session_key": key, "reason": reason})).await;
            let told = json!({
                "kind": "interrupt", "tenant": "tenant-1", "instance": "inst-1", "session_key": key,
                "reason": reason,
            });
            assert_eq!(hook.does().await, told);
        }
    });
}

const EVERY_BYTE_IN_BASE64: &str = "\
    AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNERUZHSElKS0xN\
    Tk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn+AgYKDhIWGh4iJiouMjY6PkJGSk5SVlpeYmZqb\
    nJ2en6ChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5uru8vb6/wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t/g4eLj5OXm5+jp\
    6uvs7e7v8PHy8/T19vf4+fr7/P3+/w==";
