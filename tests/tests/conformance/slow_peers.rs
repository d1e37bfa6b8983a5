//! A connector whose peers are slow, silent or greedy (C15, K1): each ends its own link, holds a bounded part of the
//! memory, and takes nothing from the others.

use std::sync::atomic::Ordering;
use std::time::Duration;

use relay_driver::connector::ConnectorConfig;
use relay_driver::proto::DeliveryKind;
use relay_driver::proto::connector::Status;
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Answer, End, GATEWAY, House, SECRET, Stack, bearer, calm, record, within};

on_both! {
    without_a_hello_a_link_ends,
    a_peer_without_pongs_is_dropped,
    a_peer_that_never_reads_is_dropped,
    a_slow_reader_gets_everything,
    a_peer_that_only_asks_is_not_heard_for_ever,
    requests_that_never_end_are_bounded,
    requests_of_lost_links_are_bounded,
    interrupts_that_never_end_are_bounded,
    hellos_are_bounded,
}

/// Settings of a connector that finds dead peers soon.
fn watchful() -> ConnectorConfig {
    let mut config = calm();
    config.session.ping_interval = Duration::from_millis(20);
    config.session.pong_timeout = Duration::from_millis(500);
    config
}

fn outbound(number: usize, filler: usize) -> Value {
    let action = json!({"op": "send", "chat_id": format!("c{}", number % 50), "content": "x".repeat(filler),
                        "metadata": {}});
    json!({"type": "outbound", "requestId": format!("r{number}"), "action": action})
}

/// Dials as the known gateway with as little room for what comes as the system gives.
async fn narrow(house: &House<impl Stack>) -> End {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let stream = socket.connect(house.address).await.unwrap();
    let authorization = bearer(GATEWAY, SECRET, None);
    let upgraded = End::upgrade(stream, house.address, "/relay", Some(&authorization)).await;
    let mut end = upgraded.ok().unwrap();
    end.send(&json!({"type": "hello", "platform": "discord", "botId": "b"})).await;
    end.next_of("descriptor").await;
    end
}

/// C15: a gateway that connects and says nothing, or anything but hello, is closed after the configured time.
async fn without_a_hello_a_link_ends<S: Stack>() {
    let mut config = calm();
    config.session.hello_timeout = Duration::from_secs(1);
    let house = House::<S>::with(config);
    for talks in [false, true] {
        let mut end = End::dial(house.address, Some(&bearer(GATEWAY, SECRET, None))).await;
        if talks {
            end.send(&json!({"type": "interrupt", "session_key": "s", "reason": null})).await;
            end.send_text("{\"type\":\"hel").await;
        }
        assert_eq!(end.closed().await, (1008, "no hello".to_owned()));
        house.becomes(Status::Offline).await;
    }
    // With a hello it stays: for others the time runs out meanwhile, more than once.
    house.connector.register(record("gw-2", "t", "i2", &["other"])).unwrap();
    let mut link = house.link().await;
    for _ in 0..3 {
        let mut silent = End::dial(house.address, Some(&bearer("gw-2", "other", None))).await;
        assert_eq!(silent.closed().await.0, 1008);
    }
    house.say("still here");
    link.next_of("inbound").await;
}

/// K1, C15: a peer that answers no ping is dropped, though it talks all the time; what it has not acked stays.
async fn a_peer_without_pongs_is_dropped<S: Stack>() {
    for talks in [false, true] {
        let house = House::<S>::with(watchful());
        let mut deaf = house.link().await;
        house.say("waits");
        let talking = async {
            // It never reads, so that nothing answers the pings for it.
            while talks && deaf.try_send("{\"type\":\"never heard of\"}\n".into()).await.is_ok() {
                tokio::task::yield_now().await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = house.becomes(Status::Offline) => {}
            () = talking => {}
        }
        assert_eq!(house.session().backlog(), 1);
        let mut reads = house.link().await;
        assert_eq!(reads.next_of("inbound").await["event"]["text"], "waits");
        reads.answers_pings(40).await;
        assert_eq!(house.session().status(), Status::Live);
    }
}

/// C15: a peer that takes nothing while there is much for it is dropped, loses nothing, and keeps nobody else
/// waiting.
async fn a_peer_that_never_reads_is_dropped<S: Stack>() {
    let house = House::<S>::with(watchful());
    house.connector.register(record("gw-2", "t", "i2", &["other"])).unwrap();
    let stuck = narrow(&house).await;
    let large = "x".repeat(200 << 10);
    for _ in 0..40 {
        house.say(&large);
    }
    let mut other = End::dial(house.address, Some(&bearer("gw-2", "other", None))).await;
    other.send(&json!({"type": "hello", "platform": "discord", "botId": "b"})).await;
    other.next_of("descriptor").await;
    let second = house.connector.session("i2").unwrap();
    while house.session().status() != Status::Offline {
        second.append(DeliveryKind::Message, "{}").unwrap();
        let inbound = other.next_of("inbound").await;
        other.send(&json!({"type": "inbound_ack", "bufferId": inbound["bufferId"]})).await;
    }
    assert_eq!(house.session().backlog(), 40);
    drop(stuck);
    let mut reads = house.link().await;
    assert_eq!(reads.next_of("inbound").await["event"]["text"], large);
}

/// C15, C4: a peer that is slow but reads gets everything, once and in order, and is not dropped for being slow.
async fn a_slow_reader_gets_everything<S: Stack>() {
    let mut config = watchful();
    config.session.pong_timeout = Duration::from_secs(20);
    let house = House::<S>::with(config);
    let mut slow = narrow(&house).await;
    let filler = "x".repeat(20 << 10);
    for number in 0..100 {
        house.say(&format!("{number} {filler}"));
    }
    for number in 0..100 {
        let inbound = slow.next_of("inbound").await;
        let text = inbound["event"]["text"].as_str().unwrap();
        assert_eq!(text.split(' ').next(), Some(&*number.to_string()));
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        slow.send(&json!({"type": "inbound_ack", "bufferId": inbound["bufferId"]})).await;
    }
    // The answer to a later frame says that the acks were read.
    slow.send(&outbound(0, 1)).await;
    slow.next_of("outbound_result").await;
    assert_eq!(house.session().backlog(), 0);
    assert_eq!(house.session().status(), Status::Live);
}

/// C15: a peer that asks and asks and never reads an answer is heard no more after a while, and then dropped: what
/// waits for it is bounded.
async fn a_peer_that_only_asks_is_not_heard_for_ever<S: Stack>() {
    let mut config = watchful();
    config.session.request_limit = 64;
    // Time for far more requests than are to be heard.
    config.session.pong_timeout = Duration::from_secs(3);
    let house = House::<S>::with(config);
    house.desk.answers(Answer::Text(json!({"success": true, "filler": "x".repeat(16 << 10)}).to_string()));
    let mut greedy = narrow(&house).await;
    let asking = async {
        for batch in 0.. {
            let lines: String =
                (0..20).map(|number| format!("{}\n", outbound(batch * 20 + number, 1))).collect();
            if greedy.try_send(Message::text(lines)).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = house.becomes(Status::Offline) => {}
        () = asking => {}
    }
    // Those that wait, those under way, and those whose answers fill what the sockets hold.
    let asked = house.desk.asked().len();
    assert!((64..1_000).contains(&asked), "{asked} were asked for, with a limit of 64");
}

/// C15: requests that the platform never finishes are bounded, too: those over the limit are refused at once.
async fn requests_that_never_end_are_bounded<S: Stack>() {
    let mut config = calm();
    config.session.request_limit = 64;
    let house = House::<S>::with(config);
    house.desk.answers(Answer::Never);
    let mut link = house.link().await;
    for number in 0..200 {
        link.send(&outbound(number, 1)).await;
    }
    for _ in 64..200 {
        assert_eq!(link.next_of("outbound_result").await["result"]["code"], "overloaded");
    }
}

/// C15: those that a platform is at for a link that is gone count as well, by number and by size.
async fn requests_of_lost_links_are_bounded<S: Stack>() {
    for (limit, bytes, filler) in [(10, usize::MAX, 1), (1024, 10_000, 1000)] {
        let mut config = calm();
        config.session.request_limit = limit;
        config.session.request_bytes = bytes;
        let house = House::<S>::with(config);
        house.desk.answers(Answer::Never);
        let mut link = house.link().await;
        let begun = limit.min(bytes / (filler + 100));
        for number in 0..begun {
            link.send(&outbound(number, filler)).await;
        }
        house.desk.was_asked(begun).await;
        link.close(1001, "").await;
        house.becomes(Status::Offline).await;
        let mut link = house.link().await;
        for number in begun..begun + 5 {
            link.send(&outbound(number, filler)).await;
            assert_eq!(link.next_of("outbound_result").await["result"]["code"], "overloaded");
        }
        assert_eq!(house.desk.asked().len(), begun, "no more were begun");
    }
}

/// C15: the same for interrupts, which have no answer: however many come, no more are under way than a link may
/// hold.
async fn interrupts_that_never_end_are_bounded<S: Stack>() {
    let mut config = watchful();
    config.session.request_limit = 64;
    config.session.pong_timeout = Duration::from_secs(5);
    let house = House::<S>::with(config);
    house.desk.answers(Answer::Never);
    let mut link = house.link().await;
    let flooding = async {
        for number in 0..20_000 {
            let interrupt = json!({"type": "interrupt", "session_key": format!("s{number}"), "reason": null});
            if link.try_send(Message::text(format!("{interrupt}\n"))).await.is_err() {
                return;
            }
        }
        // The ack says that all of it was read.
        if link.try_send(Message::text("{\"type\":\"going_idle\"}\n")).await.is_ok() {
            _ = link.next_of("going_idle_ack").await;
        }
    };
    tokio::select! {
        () = house.becomes(Status::Offline) => {}
        () = within("the flood", flooding) => {}
    }
    let under_way = house.desk.interrupting.load(Ordering::Relaxed);
    assert!(under_way < 2_000, "{under_way} interrupts are under way, with a limit of 64 requests");
}

/// C15: a peer that sends many hellos is refused, rather than remembered.
async fn hellos_are_bounded<S: Stack>() {
    let house = House::<S>::start();
    let link = house.link().await;
    let hellos = (0..200).map(|number| {
        let hello = json!({"type": "hello", "platform": format!("p{number}"), "botId": "b"});
        Message::text(format!("{hello}\n"))
    });
    assert_eq!(link.closed_while_sending(hellos.collect()).await, (1008, "too many hellos".to_owned()));
}
