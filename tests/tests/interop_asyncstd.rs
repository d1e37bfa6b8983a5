//! `relay-asyncstd` and the rest of the world: its connector with the published client, its gateway with a connector on
//! Python's `websockets`.

mod interop;

use interop::library::{Asked, Library, delivery, gateway, gateway_becomes, text};
use interop::{Link, StandIn, StockGateway, on_each_version, text_event, until, within};
use relay_asyncstd::proto::DeliveryKind;
use relay_asyncstd::proto::connector::Status as SessionStatus;
use relay_asyncstd::proto::gateway::{Outcome, Status};
use serde_json::{Value, json};

/// C1, C3, A1: a wrong token is closed with 4401, a good one links; messages come in order, each is acked, and nothing
/// is left in the mailbox.
#[test]
fn the_published_client_links_and_acks() {
    on_each_version(async |version| {
        let connector = Library::start().await;
        let mut gateway = StockGateway::start(version);
        gateway.connects(&connector.url(), json!({"secret": "another secret"})).await;
        assert_eq!(gateway.is_closed().await, (4401, "unauthorized".to_owned()));
        gateway.connects(&connector.url(), json!({"clock_offset": -1000})).await;
        assert_eq!(gateway.is_closed().await, (4401, "expired".to_owned()));
        gateway.connects(&connector.url(), json!({})).await;
        let descriptor = gateway.sees("linked").await["descriptor"].take();
        assert_eq!(
            (&descriptor["platform"], &descriptor["max_message_length"]),
            (&json!("discord"), &json!(2000))
        );
        for number in 0..100 {
            append(&connector, &format!("m{number}"));
        }
        for number in 0..100 {
            assert_eq!(gateway.gets().await, format!("m{number}"));
        }
        is_drained(&connector).await;
    });
}

/// C12: many requests in flight, answered in any order; a follow-up; chat info; interrupts both ways.
#[test]
fn the_published_client_asks() {
    on_each_version(async |version| {
        let mut connector = Library::start().await;
        let mut gateway = StockGateway::linked(version, &connector.url()).await;
        let (mut numbers, mut answers) = (Vec::new(), Vec::new());
        for chat in 0..64 {
            let action = json!({"op": "send", "chat_id": format!("c{chat}"), "content": "x", "metadata": {}});
            numbers.push(gateway.begin("send", json!({"action": action})).await);
        }
        for _ in 0..64 {
            answers.push(connector.action().await);
        }
        for (action, answer) in answers.into_iter().rev() {
            answer.send(json!({"success": true, "message_id": action["chat_id"]}).to_string()).unwrap();
        }
        for (chat, number) in numbers.into_iter().enumerate() {
            let done = json!({"success": true, "message_id": format!("c{chat}")});
            assert_eq!(gateway.answer(number).await, done);
        }

        let action = json!({"op": "follow_up", "session_key": "agent:main:discord:group:c1:u1",
            "kind": "discord.interaction_token", "content": "späť", "metadata": {}});
        let number = gateway.begin("follow_up", json!({"action": action})).await;
        assert_eq!(connector.does().await, action);
        assert_eq!(gateway.answer(number).await["success"], true);

        let number = gateway.begin("chat_info", json!({"chat_id": "c1"})).await;
        let (asked, answer) = connector.action().await;
        assert_eq!(asked, json!({"op": "get_chat_info", "chat_id": "c1"}));
        let ops = json!({"name": "ops ü", "type": "group"});
        answer.send(json!({"success": true, "chat_info": ops}).to_string()).unwrap();
        assert_eq!(gateway.answer(number).await, ops);

        let key = "agent:main:discord:group:c1:ü";
        connector.session().interrupt(key, "c1").unwrap();
        let seen = gateway.sees("interrupt").await;
        assert_eq!(seen, json!({"saw": "interrupt", "session_key": key, "chat_id": "c1"}));
        gateway.ask("interrupt", json!({"session_key": key, "reason": "asked to"})).await;
        let Asked::Interrupt(asked, reason) = connector.asked().await else { panic!("no interrupt") };
        assert_eq!((&*asked, reason.as_deref()), (key, Some("asked to")));
    });
}

/// C9: a forwarded request arrives, and the ack of a message behind it settles it.
#[test]
fn the_published_client_takes_forwards() {
    on_each_version(async |version| {
        let connector = Library::start().await;
        let mut gateway = StockGateway::linked(version, &connector.url()).await;
        let forward = json!({"platform": "discord", "botId": "d-bot", "method": "POST", "path": "/interactions",
            "headers": [["X-A", "1"]], "bodyB64": "AAECAw=="});
        connector.session().append(DeliveryKind::Passthrough, &forward.to_string()).unwrap();
        let seen = gateway.sees("passthrough").await;
        assert_eq!((&seen["body"], &seen["path"]), (&json!([0, 1, 2, 3]), &forward["path"]));
        append(&connector, "m1");
        assert_eq!(gateway.gets().await, "m1");
        is_drained(&connector).await;
        assert!(connector.session().dead_letters().is_empty());
    });
}

/// C5, C6, W3: a client that goes dormant is acked and left alone; what comes meanwhile is drained in order when it
/// dials again. C11, A4: a revocation is what it takes it for.
#[test]
fn the_published_client_sleeps_wakes_and_is_revoked() {
    on_each_version(async |version| {
        let connector = Library::start().await;
        let more = json!({"reconnect": true, "dormant_redial": 0.01});
        let mut gateway = StockGateway::linked_with(version, &connector.url(), more).await;
        gateway.ask("gate", json!({"dials": false})).await;
        assert_eq!(gateway.ask("go_dormant", json!({})).await, true);
        assert_eq!(gateway.is_closed().await.0, 1000);
        connector.becomes(SessionStatus::Offline).await;
        for number in 0..40 {
            append(&connector, &format!("m{number}"));
        }
        assert_eq!(connector.session().backlog(), 40);
        gateway.ask("gate", json!({"dials": true})).await;
        gateway.sees("linked").await;
        for number in 0..40 {
            assert_eq!(gateway.gets().await, format!("m{number}"));
        }
        is_drained(&connector).await;
        connector.revoke();
        assert_eq!(gateway.is_closed().await, (4401, "unauthorized".to_owned()));
        assert_eq!(gateway.ask("state", json!({})).await, json!({"auth_revoked": true, "dials": 2}));
    });
}

/// H1, A5, D1 to D4: the hello, a token that the published client's own check takes, an ack only when a delivery is
/// stored, none for what is released, and replays told apart after a cut.
#[tokio::test]
async fn a_gateway_stores_before_it_acks() {
    let mut stand_in = StandIn::start().await;
    let (gateway, mut deliveries) = gateway(&stand_in.url());
    let mut link = stand_in.links().await;
    stand_in.checks_token(&link).await;
    for id in ["b1", "b2"] {
        stand_in.delivers(&link, &text_event(id), Some(id)).await;
    }
    let first = delivery(&mut deliveries).await;
    assert_eq!(first.event().unwrap().text, "b1");
    delivery(&mut deliveries).await.release();
    // A request behind both shows that neither is acked.
    let (sent, ()) = tokio::join!(gateway.send(text("before")), async {
        let request = stand_in.hears_request(&mut link).await;
        stand_in.does(&link, &request).await;
    });
    assert!(matches!(sent, Ok(Outcome::Answered(_))), "{sent:?}");
    first.stored();
    stand_in.hears_ack(&mut link, "b1").await;

    stand_in.cuts(&link).await;
    let mut link = stand_in.links().await;
    for id in ["b1", "b2"] {
        stand_in.delivers(&link, &text_event(id), Some(id)).await;
    }
    stand_in.hears_ack(&mut link, "b1").await;
    let again = delivery(&mut deliveries).await;
    assert_eq!(again.event().unwrap().text, "b2");
    again.stored();
    stand_in.hears_ack(&mut link, "b2").await;
}

/// O2, O3: a request that was written when the socket went is ambiguous at once; the next link takes the next one.
#[tokio::test]
async fn a_gateway_says_what_it_does_not_know() {
    let mut stand_in = StandIn::start().await;
    let (gateway, _deliveries) = gateway(&stand_in.url());
    let mut link = stand_in.links().await;
    let (sent, ()) = tokio::join!(gateway.send(text("lost")), async {
        stand_in.hears_request(&mut link).await;
        stand_in.cuts(&link).await;
    });
    assert!(matches!(sent, Ok(Outcome::Ambiguous(_))), "{sent:?}");
    let mut link = stand_in.links().await;
    gateway_becomes(&gateway, |status| status == Status::Linked).await;
    let (sent, ()) = tokio::join!(gateway.send(text("kept")), async {
        let request = stand_in.hears_request(&mut link).await;
        assert_eq!(request["action"]["content"], "kept");
        stand_in.does(&link, &request).await;
    });
    assert!(matches!(sent, Ok(Outcome::Answered(_))), "{sent:?}");
}

/// I1, I2, L7: dormant only after the ack, and linked again when woken. A4: a refusal after the handshake is for good.
#[tokio::test]
async fn a_gateway_sleeps_wakes_and_is_refused() {
    let mut stand_in = StandIn::start().await;
    let (gateway, _deliveries) = gateway(&stand_in.url());
    let mut link = stand_in.links().await;
    gateway_becomes(&gateway, |status| status == Status::Linked).await;
    let (slept, ()) = tokio::join!(gateway.go_dormant(), acks_idling(&mut stand_in, &mut link));
    slept.unwrap();
    assert_eq!(stand_in.sees_closed(&link).await.0, 1000);
    gateway_becomes(&gateway, |status| status == Status::Dormant).await;
    gateway.wake();
    let link = stand_in.links().await;
    gateway_becomes(&gateway, |status| status == Status::Linked).await;
    stand_in.closes(&link, 4401, "unauthorized").await;
    gateway_becomes(&gateway, |status| matches!(status, Status::Disabled)).await;
    let sent = within("a refusal", gateway.send(text("too late"))).await;
    assert!(sent.is_err() || matches!(sent, Ok(Outcome::Failed(_))), "{sent:?}");
}

/// I4: at a shutdown the gateway says that it goes, and closes with 1000.
#[tokio::test]
async fn a_gateway_takes_its_leave() {
    let mut stand_in = StandIn::start().await;
    let (gateway, _deliveries) = gateway(&stand_in.url());
    let mut link = stand_in.links().await;
    gateway_becomes(&gateway, |status| status == Status::Linked).await;
    tokio::join!(gateway.shut_down(), acks_idling(&mut stand_in, &mut link));
    assert_eq!(stand_in.sees_closed(&link).await.0, 1000);
}

async fn acks_idling(stand_in: &mut StandIn, link: &mut Link) {
    assert_eq!(stand_in.hears(link).await, json!({"type": "going_idle"}));
    stand_in.says(link, &json!({"type": "going_idle_ack"})).await;
}

/// Buffers a text that is its own id.
fn append(connector: &Library, text: &str) {
    let event: Value = text_event(text);
    connector.session().append(DeliveryKind::Message, &event.to_string()).unwrap();
}

/// Waits until everything is acked.
async fn is_drained(connector: &Library) {
    until("an empty mailbox", async || (connector.session().backlog() == 0).then_some(())).await;
}
