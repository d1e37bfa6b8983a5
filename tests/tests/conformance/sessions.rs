//! A connector's sessions over real sockets: whose they are, which link counts, and how they end.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use relay_driver::connector::{AppendError, Owner};
use relay_driver::proto::DeliveryKind;
use relay_driver::proto::connector::Status;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Answer, End, GATEWAY, House, SECRET, Stack, bearer, record, within};

on_both! {
    the_owner_is_the_one_on_record,
    entries_do_not_cross,
    a_newer_link_replaces_the_older,
    a_refused_link_replaces_nothing,
    of_many_links_one_is_left,
    links_come_at_any_moment,
    revoking_ends_the_link_and_all_later_ones,
    revoking_spares_no_link,
    a_second_revocation_spares_the_next_gateway,
    a_platform_that_panics_costs_one_request,
    a_platform_may_look_at_its_sessions,
    every_request_gets_one_result,
    requests_that_go_nowhere_get_a_result,
    results_are_not_mixed_up,
    a_shutdown_is_told,
}

/// Says hello as a discord bot, and waits for the answer.
async fn greeted(house: &House<impl Stack>, authorization: &str) -> End {
    let mut end = End::dial(house.address, Some(authorization)).await;
    end.send(&json!({"type": "hello", "platform": "discord", "botId": "b"})).await;
    end.next_of("descriptor").await;
    end
}

fn send(request_id: &str, chat_id: &str) -> Value {
    json!({"type": "outbound", "requestId": request_id,
           "action": {"op": "send", "chat_id": chat_id, "content": "x", "metadata": {}}})
}

/// C2: whatever a gateway says of itself, it acts as the owner that the connector has on record.
async fn the_owner_is_the_one_on_record<S: Stack>() {
    let house = House::<S>::start();
    house.connector.register(record("gw-2", "t2", "i2", &["other"])).unwrap();
    let mut end = End::dial(house.address, Some(&bearer(GATEWAY, SECRET, None))).await;
    let claims = json!({"tenant": "t2", "instance": "i2", "instanceId": "i2", "gatewayId": "gw-2"});
    let mut hello = json!({"type": "hello", "platform": "discord", "botId": "b"});
    let mut outbound = send("r1", "c");
    for frame in [&mut hello, &mut outbound] {
        frame.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    }
    outbound["action"]["metadata"] = claims;
    end.send(&hello).await;
    end.next_of("descriptor").await;
    end.send(&outbound).await;
    end.next_of("outbound_result").await;
    let owners: Vec<Owner> = house.desk.asked().into_iter().map(|(owner, ..)| owner).collect();
    assert_eq!(owners, [Owner { tenant: "t".into(), instance: "i".into() }]);
    assert_eq!(house.connector.session("i2").unwrap().status(), Status::Offline);
}

/// C2: an entry reaches its own instance alone, and another instance's ack does not settle it.
async fn entries_do_not_cross<S: Stack>() {
    let house = House::<S>::start();
    house.connector.register(record("gw-2", "t2", "i2", &["other"])).unwrap();
    let (mut mine, mut other) = (house.link().await, greeted(&house, &bearer("gw-2", "other", None)).await);
    house.say("for i");
    let inbound = mine.next_of("inbound").await;
    other.send(&json!({"type": "inbound_ack", "bufferId": inbound["bufferId"]})).await;
    // The answer to a later frame says that the ack was read.
    other.send(&send("r", "c")).await;
    other.next_of("outbound_result").await;
    assert_eq!(house.session().backlog(), 1);
    assert!(other.leftovers().is_empty());
}

/// C10: a newer link of an instance replaces the older, which is told so, and what the older has not acked goes out
/// again on the newer.
async fn a_newer_link_replaces_the_older<S: Stack>() {
    let house = House::<S>::start();
    let mut older = house.link().await;
    house.say("one");
    let first = older.next_of("inbound").await;
    let mut newer = house.link().await;
    assert_eq!(newer.next_of("inbound").await, first);
    newer.send(&json!({"type": "inbound_ack", "bufferId": first["bufferId"]})).await;
    house.say("two");
    assert_eq!(newer.next_of("inbound").await["event"]["text"], "two");
    let (code, reason) = older.closed().await;
    assert_eq!((code, &*reason), (1001, "replaced by a newer link"));
    assert!(older.leftovers().is_empty());
}

/// C10: an upgrade that is refused replaces nothing.
async fn a_refused_link_replaces_nothing<S: Stack>() {
    let house = House::<S>::start();
    let mut link = house.link().await;
    for shown in [None, Some(bearer(GATEWAY, "wrong", None)), Some(bearer(GATEWAY, SECRET, Some(1)))] {
        let mut refused = End::dial(house.address, shown.as_deref()).await;
        assert_eq!(refused.closed().await.0, 4401);
    }
    house.say("still there");
    assert_eq!(link.next_of("inbound").await["event"]["text"], "still there");
}

/// C10: of many links that come at once one is left, and it works. On several threads, upgrades need not end in the order
/// in which they began.
async fn of_many_links_one_is_left<S: Stack>() {
    const MANY: usize = 20;
    let house = House::<S>::start();
    let mut links = Vec::new();
    for _ in 0..MANY {
        links.push(End::dial(house.address, Some(&bearer(GATEWAY, SECRET, None))).await);
    }
    for link in &mut links {
        // Those that came and went before anybody looked may end without a word.
        _ = link
            .try_send(Message::text("{\"type\":\"hello\",\"platform\":\"discord\",\"botId\":\"b\"}\n"))
            .await;
    }
    let ending = links.iter_mut().enumerate().map(async |(number, link)| {
        _ = link.ends().await;
        number
    });
    let ended: Vec<_> = ending.collect::<FuturesUnordered<_>>().take(MANY - 1).collect().await;
    let left = (0..MANY).find(|number| !ended.contains(number)).unwrap();
    house.say("for the last");
    let last = &mut links[left];
    last.next_of("descriptor").await;
    assert_eq!(last.next_of("inbound").await["event"]["text"], "for the last");
}

/// C6: a link that comes while the connector is only just told of its gateway is greeted, and so is each that follows
/// another's end at once.
async fn links_come_at_any_moment<S: Stack>() {
    let house = House::<S>::start();
    for number in 0..100 {
        let (gateway, instance) = (format!("gw {number}"), format!("i {number}"));
        house.connector.register(record(&gateway, "t", &instance, &["s"])).unwrap();
        for _ in 0..2 {
            drop(greeted(&house, &bearer(&gateway, "s", None)).await);
        }
    }
}

/// C11: revoking closes the live link with 4401 at once, and refuses every later upgrade and entry.
async fn revoking_ends_the_link_and_all_later_ones<S: Stack>() {
    let house = House::<S>::start();
    let mut link = house.link().await;
    assert!(house.connector.revoke(GATEWAY));
    assert_eq!(link.closed().await, (4401, "unauthorized".to_owned()));
    for _ in 0..3 {
        let mut later = End::dial(house.address, Some(&bearer(GATEWAY, SECRET, None))).await;
        assert_eq!(later.closed().await, (4401, "unauthorized".to_owned()));
    }
    assert_eq!(house.session().append(DeliveryKind::Message, "{}"), Err(AppendError::Revoked));
    assert!(!house.connector.revoke("nobody"));
}

/// C11: a link that is open and has not said hello yet is closed as well, and so is one with a request under way.
async fn revoking_spares_no_link<S: Stack>() {
    let house = House::<S>::start();
    let mut silent = End::dial(house.address, Some(&bearer(GATEWAY, SECRET, None))).await;
    house.becomes(Status::Greeting).await;
    assert!(house.connector.revoke(GATEWAY));
    assert_eq!(silent.closed().await.0, 4401);

    house.connector.register(record(GATEWAY, "t", "i", &["anew"])).unwrap();
    house.desk.answers(Answer::Never);
    let mut busy = greeted(&house, &bearer(GATEWAY, "anew", None)).await;
    busy.send(&send("r", "c")).await;
    house.desk.was_asked(1).await;
    assert!(house.connector.revoke(GATEWAY));
    assert_eq!(busy.closed().await.0, 4401);
    let mut with_the_old = End::dial(house.address, Some(&bearer(GATEWAY, SECRET, None))).await;
    assert_eq!(with_the_old.closed().await.0, 4401);
}

/// C11, C2: to revoke a gateway once more changes nothing for the one that has its instance by then.
async fn a_second_revocation_spares_the_next_gateway<S: Stack>() {
    let house = House::<S>::start();
    assert!(house.connector.revoke(GATEWAY));
    house.connector.register(record("gw-2", "t", "i", &["other"])).unwrap();
    let mut link = greeted(&house, &bearer("gw-2", "other", None)).await;
    assert!(house.connector.revoke(GATEWAY), "it is known");
    house.say("still here");
    link.next_of("inbound").await;
    assert_eq!(house.session().status(), Status::Live);
}

/// C12: a request over which the platform panics gets a result, and those behind it in the same chat their turn.
async fn a_platform_that_panics_costs_one_request<S: Stack>() {
    let house = House::<S>::start();
    let mut link = house.link().await;
    for (answer, success) in [(Answer::Panic, false), (Answer::Done, true), (Answer::Panic, false)] {
        house.desk.answers(answer);
        link.send(&send("r", "c")).await;
        assert_eq!(link.next_of("outbound_result").await["result"]["success"], success);
    }
}

/// C2: whatever is asked of a platform, it may ask the connector about its sessions before it answers.
async fn a_platform_may_look_at_its_sessions<S: Stack>() {
    let house = House::<S>::start();
    let (connector, session) = (house.connector.clone(), house.session());
    house.desk.looks(move || _ = (connector.instances(), session.status(), session.backlog()));
    let mut link = house.link().await;
    link.send(&send("r", "c")).await;
    link.next_of("outbound_result").await;
    link.send(&json!({"type": "interrupt", "session_key": "s", "reason": null})).await;
    house.desk.interrupted(1).await;
}

/// C12: every request gets one result, whatever the platform makes of it.
async fn every_request_gets_one_result<S: Stack>() {
    let house = House::<S>::start();
    let mut link = house.link().await;
    let declined = "discord egress declined: target is not an approved destination for this connection";
    for (answer, success, code, error) in [
        (Answer::Done, true, Value::Null, Value::Null),
        (Answer::Declined, false, json!("egress_declined"), json!(declined)),
        (Answer::Text(r#"{"success":false,"error":"no"}"#.into()), false, Value::Null, json!("no")),
        (
            Answer::Text("no JSON".into()),
            false,
            json!("bad_result"),
            json!("the platform's answer cannot be passed on"),
        ),
        (
            Answer::Text("[]".into()),
            false,
            json!("bad_result"),
            json!("the platform's answer cannot be passed on"),
        ),
        (
            Answer::Text(String::new()),
            false,
            json!("bad_result"),
            json!("the platform's answer cannot be passed on"),
        ),
    ] {
        house.desk.answers(answer.clone());
        link.send(&send("r", "c")).await;
        let frame = link.next_of("outbound_result").await;
        let result = &frame["result"];
        assert_eq!(frame["requestId"], "r");
        assert_eq!(
            (&result["success"], &result["code"], &result["error"]),
            (&json!(success), &code, &error),
            "{answer:?}"
        );
    }
}

/// C12: requests that cannot even be passed on get a result each, too.
async fn requests_that_go_nowhere_get_a_result<S: Stack>() {
    let house = House::<S>::start();
    let mut link = house.link().await;
    let mut foreign = send("foreign", "c");
    foreign["platform"] = json!("telegram");
    let mut wrong_bot = send("wrong bot", "c");
    wrong_bot["botId"] = json!("another");
    let long = send(&"r".repeat(2_000), "c");
    let odd = json!({"type": "outbound", "requestId": "odd", "action": {}});
    for frame in [&foreign, &wrong_bot, &long, &odd] {
        link.send(frame).await;
        let answer = link.next_of("outbound_result").await;
        assert_eq!(answer["requestId"], frame["requestId"]);
    }
    assert_eq!(house.desk.asked().len(), 1, "only the odd one is for the platform to judge");
}

/// C12: a hundred requests at once get a hundred results, and none twice.
async fn results_are_not_mixed_up<S: Stack>() {
    let house = House::<S>::start();
    let mut link = house.link().await;
    for number in 0..100 {
        link.send(&send(&format!("r{number}"), &format!("c{}", number % 7))).await;
    }
    let mut answered = Vec::new();
    for _ in 0..100 {
        answered.push(link.next_of("outbound_result").await["requestId"].as_str().unwrap().to_owned());
    }
    answered.sort();
    let mut wanted: Vec<String> = (0..100).map(|number| format!("r{number}")).collect();
    wanted.sort();
    assert_eq!(answered, wanted);
}

/// When the connector shuts down, gateways are told that it goes away, and later ones likewise.
async fn a_shutdown_is_told<S: Stack>() {
    let house = House::<S>::start();
    let mut link = house.link().await;
    let connector = house.connector.clone();
    let ending = tokio::spawn(async move { connector.shut_down().await });
    assert_eq!(link.closed().await, (1001, "shutting down".to_owned()));
    drop(link);
    within("the end of the connector", ending).await.unwrap();
    let mut later = End::dial(house.address, Some(&bearer(GATEWAY, SECRET, None))).await;
    assert_eq!(later.closed().await.0, 1001);
}
