//! How `relay connector` takes the published client in, or does not: tokens, hellos, descriptors, revocation.

mod interop;

use interop::{Connector, Hook, StockGateway, on_each_version};
use serde_json::{Value, json};

/// C1: a good token links, and the client reads the descriptor that the platform gave of itself.
#[test]
fn a_good_token_links_and_the_descriptor_is_read() {
    on_each_version(async |version| {
        let hook = Hook::start().await;
        let described = json!({
            "contract_version": 1, "platform": "discord", "label": "Discord ü", "max_message_length": 1234,
            "supports_draft_streaming": true, "supports_edit": false, "supports_threads": true,
            "markdown_dialect": "discord", "len_unit": "utf16", "emoji": "🎮", "platform_hint": "be brief",
            "pii_safe": true, "supported_ops": ["send", "react"], "later": [1],
        });
        hook.describes_itself("discord", described.clone());
        let connector = Connector::start(&hook, &[]).await;
        let mut gateway = StockGateway::start(version);
        gateway.connects(&connector.url(), json!({})).await;
        let descriptor = gateway.sees("linked").await["descriptor"].take();
        // What the client has no field for, it leaves out.
        let known = descriptor.as_object().unwrap();
        assert!(known.len() >= 12, "{descriptor}");
        for (field, value) in known.iter().filter(|(field, _)| described.get(field.as_str()).is_some()) {
            assert_eq!(*value, described[field], "{field}");
        }
        assert_eq!(descriptor["max_message_length"], 1234);
        connector.state_becomes("live").await;
    });
}

/// C1: a platform that says nothing of itself is described by what is known of its name.
#[test]
fn a_platform_is_known_by_its_name() {
    on_each_version(async |version| {
        let hook = Hook::start().await;
        let connector = Connector::start(&hook, &[]).await;
        for (platform, limit, unit) in [("discord", 2000, "chars"), ("telegram", 4096, "utf16")] {
            let mut gateway = StockGateway::start(version);
            gateway.connects(&connector.url(), json!({"identities": [[platform, ""]]})).await;
            let descriptor = gateway.sees("linked").await["descriptor"].take();
            assert_eq!(descriptor["platform"], platform);
            assert_eq!(
                (&descriptor["max_message_length"], &descriptor["len_unit"]),
                (&json!(limit), &json!(unit))
            );
        }
    });
}

/// C1: whatever is wrong with a token, the upgrade is completed and then closed with 4401. Before any handshake the
/// client does not take that for a revocation.
#[test]
fn a_wrong_token_is_closed_with_4401() {
    on_each_version(async |version| {
        let hook = Hook::start().await;
        let connector = Connector::start(&hook, &[]).await;
        let mut gateway = StockGateway::start(version);
        for wrong in [
            json!({"secret": "another secret"}),
            json!({"id": "gw:2"}),
            json!({"id": "gw"}),
            json!({"id": "GW:1"}),
            json!({"id": null, "secret": null}),
            // The signature is wrong, so that the token is too old as well says nothing.
            json!({"secret": "another secret", "clock_offset": -1000}),
        ] {
            gateway.connects(&connector.url(), wrong.clone()).await;
            assert_eq!(closed(&mut gateway).await, (4401, "unauthorized".to_owned(), false), "{wrong}");
            assert!(gateway.unasked("linked").is_empty());
        }
        assert_eq!(connector.instance().await["state"], "offline");
        assert!(!connector.log().contains("another secret"));
    });
}

/// C1, A2: a token that was good once is closed with 4401 `expired`; a clock that is off by less than its lifetime is
/// none the worse.
#[test]
fn an_expired_token_is_told_from_a_wrong_one() {
    on_each_version(async |version| {
        let hook = Hook::start().await;
        let connector = Connector::start(&hook, &[]).await;
        let mut gateway = StockGateway::start(version);
        gateway.connects(&connector.url(), json!({"clock_offset": -302})).await;
        assert_eq!(closed(&mut gateway).await, (4401, "expired".to_owned(), false));
        assert!(gateway.unasked("linked").is_empty());
        // The client's clock may be off by nearly the lifetime of a token, both ways.
        for clock_offset in [-200, 200] {
            gateway.connects(&connector.url(), json!({"clock_offset": clock_offset})).await;
            gateway.sees("linked").await;
        }
    });
}

/// A1, A2: a client that is refused before its first handshake goes on dialing, and links once its token is good.
#[test]
fn a_refused_client_comes_back() {
    on_each_version(async |version| {
        let hook = Hook::start().await;
        let connector = Connector::start(&hook, &[]).await;
        let mut gateway = StockGateway::start(version);
        let late = json!({"clock_offset": -1000, "reconnect": true});
        gateway.connects(&connector.url(), late).await;
        for _ in 0..2 {
            assert_eq!(closed(&mut gateway).await, (4401, "expired".to_owned(), false));
        }
        gateway.ask("set_clock", json!({"offset": 0})).await;
        gateway.sees("linked").await;
        connector.state_becomes("live").await;
    });
}

/// C15: a client that says no hello is let go, and may come back.
#[test]
fn without_a_hello_the_link_ends() {
    on_each_version(async |version| {
        let hook = Hook::start().await;
        let connector = Connector::start(&hook, &["--hello-timeout", "200ms"]).await;
        let mut gateway = StockGateway::start(version);
        gateway.connects(&connector.url(), json!({"says_hello": false})).await;
        assert_eq!(closed(&mut gateway).await, (1008, "no hello".to_owned(), false));
        StockGateway::linked(version, &connector.url()).await;
    });
}

/// C11, A4: a revocation closes the live link with 4401 at once, which the client takes for what it is: it dials no
/// more. Whoever dials with that credential later is refused.
#[test]
fn a_revocation_sets_auth_revoked() {
    on_each_version(async |version| {
        let hook = Hook::start().await;
        let connector = Connector::start(&hook, &[]).await;
        let mut gateway =
            StockGateway::linked_with(version, &connector.url(), json!({"reconnect": true})).await;
        assert_eq!(gateway.ask("state", json!({})).await, json!({"auth_revoked": false, "dials": 1}));
        connector.revoke().await;
        assert_eq!(closed(&mut gateway).await, (4401, "unauthorized".to_owned(), true));
        assert_eq!(connector.instance().await["state"], "revoked");
        let mut another = StockGateway::start(version);
        for clock_offset in [0, -1000] {
            another.connects(&connector.url(), json!({"clock_offset": clock_offset})).await;
            // Of a revoked credential nobody is told whether a token was good once.
            assert_eq!(closed(&mut another).await, (4401, "unauthorized".to_owned(), false));
        }
        assert_eq!(gateway.ask("state", json!({})).await, json!({"auth_revoked": true, "dials": 1}));
    });
}

/// The wire's transport, which no rule restates: an upgrade on any other path is answered with HTTP 400.
#[test]
fn a_wrong_path_is_answered_with_400() {
    on_each_version(async |version| {
        let hook = Hook::start().await;
        let connector = Connector::start(&hook, &[]).await;
        let mut gateway = StockGateway::start(version);
        for path in ["/other", "/relay/relay/x"] {
            // The client dials `/relay` below what it is given.
            let url = connector.url() + path;
            let arguments = StockGateway::arguments(&url, json!({}));
            assert_eq!(gateway.ask("connect", arguments).await, json!({"status": 400}), "{path}");
        }
        for spelling in ["", "/", "/relay", "/relay//"] {
            gateway.connects(&(connector.url() + spelling), json!({})).await;
            gateway.sees("linked").await;
        }
    });
}

/// H1, H2, O6: a client that fronts two bots links as the first; what it tags goes out as the other, and what it does
/// not front is refused.
#[test]
fn two_identities() {
    on_each_version(async |version| {
        let mut hook = Hook::start().await;
        let connector = Connector::start(&hook, &[]).await;
        let identities = json!([["telegram", "t-bot"], ["discord", "d-bot"]]);
        let mut gateway = StockGateway::start(version);
        gateway.connects(&connector.url(), json!({"identities": identities})).await;
        assert_eq!(gateway.sees("linked").await["descriptor"]["platform"], "telegram");
        let action = json!({"op": "send", "chat_id": "c1", "content": "x", "reply_to": null, "metadata": {}});
        for (tag, platform, bot_id) in [
            (Value::Null, "telegram", "t-bot"),
            (json!("discord"), "discord", "d-bot"),
            (json!("telegram"), "telegram", "t-bot"),
        ] {
            let number = gateway.begin("send", json!({"action": action, "platform": tag})).await;
            let called = hook.does().await;
            assert_eq!((&called["platform"], &called["botId"]), (&json!(platform), &json!(bot_id)), "{tag}");
            assert_eq!(gateway.answer(number).await, json!({"success": true, "message_id": "m"}));
        }
        let refused = gateway.ask("send", json!({"action": action, "platform": "slack"})).await;
        assert_eq!(
            (&refused["success"], &refused["code"]),
            (&json!(false), &json!("not_fronted")),
            "{refused}"
        );
    });
}

/// C10: a newer link of the instance takes the place of the older one, with all that it has not acked.
#[test]
fn a_newer_link_replaces_the_older() {
    on_each_version(async |version| {
        let hook = Hook::start().await;
        let connector = Connector::start(&hook, &[]).await;
        let mut older = StockGateway::linked(version, &connector.url()).await;
        older.ask("gate", json!({"taking": false})).await;
        connector.deliver_text("m1").await;
        assert_eq!(older.gets().await, "m1");
        let mut newer = StockGateway::linked(version, &connector.url()).await;
        assert_eq!(newer.gets().await, "m1");
        connector.backlog_becomes(0).await;
        connector.deliver_text("m2").await;
        assert_eq!(newer.gets().await, "m2");
        older.ask("gate", json!({"taking": true})).await;
        older.sees("closed").await;
        assert!(older.unasked("inbound").is_empty());
    });
}

/// C10, A6: the older link is told why it ends, with a code that latches nothing.
#[test]
fn a_replaced_link_is_told_why() {
    on_each_version(async |version| {
        let hook = Hook::start().await;
        let connector = Connector::start(&hook, &[]).await;
        let mut older = StockGateway::linked(version, &connector.url()).await;
        StockGateway::linked(version, &connector.url()).await;
        assert_eq!(closed(&mut older).await, (1001, "replaced by a newer link".to_owned(), false));
    });
}

/// Waits for the close of the client's link: the code, the reason, and whether the client takes it for a revocation.
async fn closed(gateway: &mut StockGateway) -> (u64, String, bool) {
    let closed = gateway.sees("closed").await;
    let reason = closed["reason"].as_str().unwrap().to_owned();
    (closed["code"].as_u64().unwrap(), reason, closed["auth_revoked"].as_bool().unwrap())
}
