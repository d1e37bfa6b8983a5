//! The published client goes idle and to sleep at `relay connector`, and gets what came meanwhile.

mod interop;

use interop::{StockGateway, linked_client, on_each_version};
use serde_json::{Value, json};

/// C5: `going_idle` is acked, and from then on nothing is pushed, while requests are served as before. A new link
/// brings what was buffered.
#[test]
fn go_idle_is_acked_and_events_are_buffered() {
    on_each_version(async |version| {
        let (mut hook, connector, mut gateway) = linked_client(version, &[], json!({})).await;
        connector.deliver_text("m1").await;
        assert_eq!(gateway.gets().await, "m1");
        assert_eq!(gateway.ask("go_idle", json!({})).await, true);
        connector.state_becomes("buffering").await;
        for text in ["m2", "m3"] {
            connector.deliver_text(text).await;
        }
        // Twice asked is twice acked.
        assert_eq!(gateway.ask("go_idle", json!({})).await, true);
        let action = json!({"op": "send", "chat_id": "c1", "content": "x", "reply_to": null, "metadata": {}});
        let number = gateway.begin("send", json!({"action": action})).await;
        hook.does().await;
        assert_eq!(gateway.answer(number).await["success"], true);
        // The client reads in order: what had been pushed before that answer, it would have seen by now.
        assert!(gateway.unasked("inbound").is_empty());
        assert_eq!(connector.backlog().await, 2);
        gateway.ask("disconnect", json!({})).await;
        connector.state_becomes("offline").await;
        let mut next = StockGateway::linked(version, &connector.url()).await;
        for text in ["m2", "m3"] {
            assert_eq!(next.gets().await, text);
        }
        connector.backlog_becomes(0).await;
    });
}

/// C7: a client that went idle and stays connected all the same is pushed to again, on the same link.
#[test]
fn who_stays_after_going_idle_is_pushed_to_again() {
    on_each_version(async |version| {
        let (_hook, connector, mut gateway) =
            linked_client(version, &["--flip-timeout", "300ms"], json!({})).await;
        assert_eq!(gateway.ask("go_idle", json!({})).await, true);
        for number in 0..5 {
            connector.deliver_text(&format!("m{number}")).await;
        }
        for number in 0..5 {
            assert_eq!(gateway.gets().await, format!("m{number}"));
        }
        connector.backlog_becomes(0).await;
        connector.state_becomes("live").await;
        assert_eq!(gateway.ask("state", json!({})).await["dials"], 1);
    });
}

/// C5, I1: what had gone out before the ack is still handled and acked, though it is handled after it was asked for.
#[test]
fn what_was_under_way_is_still_acked() {
    on_each_version(async |version| {
        let (_hook, connector, mut gateway) = linked_client(version, &[], json!({})).await;
        gateway.ask("gate", json!({"taking": false})).await;
        connector.deliver_text("m1").await;
        assert_eq!(gateway.gets().await, "m1");
        // The ack of it waits behind the handler, as the client reads one frame after the other.
        let idle = gateway.begin("go_idle", json!({})).await;
        connector.state_becomes("buffering").await;
        connector.deliver_text("m2").await;
        assert_eq!(connector.backlog().await, 2);
        gateway.ask("gate", json!({"taking": true})).await;
        assert_eq!(gateway.answer(idle).await, true);
        connector.backlog_becomes(1).await;
        assert!(gateway.unasked("inbound").is_empty());
    });
}

/// C5, C6, W1, W3: the client goes dormant, more comes than the window holds, and the re-dial drains it in order and
/// runs on live, without a gap.
#[test]
fn the_re_dial_of_a_dormant_client_drains_in_order() {
    const BUFFERED: usize = 40;
    on_each_version(async |version| {
        let (_hook, connector, mut gateway) = linked_client(version, &[], dials_again()).await;
        connector.deliver_text("first").await;
        assert_eq!(gateway.gets().await, "first");
        gateway.ask("gate", json!({"dials": false})).await;
        assert_eq!(gateway.ask("go_dormant", json!({})).await, true);
        assert_eq!(gateway.is_closed().await.0, 1000);
        connector.state_becomes("offline").await;
        for number in 0..BUFFERED {
            connector.deliver_text(&format!("m{number}")).await;
        }
        assert_eq!(connector.backlog().await, BUFFERED as u64);
        gateway.ask("gate", json!({"dials": true})).await;
        gateway.sees("linked").await;
        // While it drains, more is appended.
        for number in BUFFERED..2 * BUFFERED {
            connector.deliver_text(&format!("m{number}")).await;
        }
        for number in 0..2 * BUFFERED {
            assert_eq!(gateway.gets().await, format!("m{number}"));
        }
        connector.backlog_becomes(0).await;
        assert!(gateway.unasked("inbound").is_empty());
        assert_eq!(connector.instance().await["dead_letters"], 0);
        assert_eq!(gateway.ask("state", json!({})).await, json!({"auth_revoked": false, "dials": 2}));
    });
}

/// W1, W3: the client goes dormant again and again under a stream of messages. Whether one goes out before the flip or
/// after the re-dial, each arrives, and none overtakes.
#[test]
fn nothing_is_lost_between_going_idle_and_the_re_dial() {
    const TURNS: usize = 5;
    const EACH: usize = 20;
    on_each_version(async |version| {
        let (_hook, connector, mut gateway) = linked_client(version, &[], dials_again()).await;
        for turn in 0..TURNS {
            let delivering = async {
                for number in 0..EACH {
                    connector.deliver_text(&format!("m{}", turn * EACH + number)).await;
                }
            };
            let (slept, ()) = tokio::join!(gateway.ask("go_dormant", json!({})), delivering);
            assert_eq!(slept, true);
            gateway.sees("closed").await;
            gateway.sees("linked").await;
        }
        // What was written and not acked when a link closed comes twice, and the client does not know it again.
        let mut next = 0;
        while next < TURNS * EACH {
            let seen: usize = gateway.gets().await.strip_prefix('m').unwrap().parse().unwrap();
            assert!(seen <= next, "m{next} is missing before m{seen}");
            next = next.max(seen + 1);
        }
        connector.backlog_becomes(0).await;
    });
}

/// C11, A4: a credential that is revoked while the client sleeps is refused when it wakes, which the client, once
/// linked, takes for a revocation.
#[test]
fn revoked_while_asleep() {
    on_each_version(async |version| {
        let (_hook, connector, mut gateway) = linked_client(version, &[], dials_again()).await;
        gateway.ask("gate", json!({"dials": false})).await;
        assert_eq!(gateway.ask("go_dormant", json!({})).await, true);
        assert_eq!(gateway.is_closed().await.0, 1000);
        connector.revoke().await;
        gateway.ask("gate", json!({"dials": true})).await;
        assert_eq!(gateway.is_closed().await, (4401, "unauthorized".to_owned()));
        assert_eq!(gateway.ask("state", json!({})).await, json!({"auth_revoked": true, "dials": 2}));
    });
}

/// Arguments of a client that dials again soon after it went dormant, unless a gate keeps it from it.
fn dials_again() -> Value {
    json!({"reconnect": true, "dormant_redial": 0.01})
}
