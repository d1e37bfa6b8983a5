//! What a session's peer asks for, and how much it may ask, rules C12 and C15.

use std::time::Duration;

use bytes::Bytes;
use relay_proto::close::CloseCode;
use relay_proto::connector::{Cause, Config, Event, NotNow, Status, Timer, Violation};
use relay_proto::event::Descriptor;
use relay_proto::{LinkEvent, LinkId};
use relay_tests::lines;
use relay_tests::session_rig::SessionRig;
use serde_json::{Value, json};

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

fn live() -> SessionRig {
    SessionRig::live(Config::default())
}

/// C12: every `outbound` gets its one result, in whatever order the answers come.
#[test]
fn every_outbound_gets_a_result() {
    let mut rig = live();
    let mut tickets = Vec::new();
    for number in 0..5 {
        rig.gateway_says(&lines::outbound(&format!("r{number}"), &json!({"op": "send", "n": number})));
        let mut asked = rig.take_outbounds();
        assert_eq!(asked.len(), 1);
        let asked = asked.remove(0);
        assert_eq!(
            serde_json::from_slice::<Value>(&asked.action).unwrap(),
            json!({"op": "send", "n": number})
        );
        assert_eq!((&*asked.platform, &*asked.bot_id), ("discord", "bot"), "the default");
        tickets.push(asked.ticket);
    }
    assert_eq!(rig.owed(), 5);
    for number in [4, 1, 3, 0, 2] {
        rig.respond(tickets[number], &format!("{{\"n\":{number}}}"));
        let results = rig.take_frames_of("outbound_result");
        assert_eq!(results.len(), 1);
        assert_eq!(results[0]["requestId"], format!("r{number}"));
        assert_eq!(results[0]["result"], json!({"n": number}));
        rig.respond(tickets[number], "{}");
        assert_eq!(rig.take_frames_of("outbound_result").len(), 0, "one result");
    }
    assert_eq!(rig.owed(), 0);
}

/// C12: refusals are results too: of what is not fronted, before any hello, past the limit, of what holds no action, and
/// in place of an answer that is no object.
#[test]
fn refusals_are_results() {
    let mut rig = SessionRig::new(Config { request_limit: 1, ..Config::default() });
    rig.accepts();
    let asked = |rig: &mut SessionRig, fields: Value| {
        let mut frame = json!({"type": "outbound", "requestId": "r", "action": {"op": "send"}});
        for (name, value) in fields.as_object().unwrap() {
            frame[name] = value.clone();
        }
        rig.gateway_says(&lines::line(&frame));
        let results = rig.take_frames_of("outbound_result");
        results.first().map(|frame| frame["result"]["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(asked(&mut rig, json!({})).as_deref(), Some("not_fronted"));
    rig.greets();
    rig.forget();
    assert_eq!(asked(&mut rig, json!({"platform": "slack", "botId": "bot"})).as_deref(), Some("not_fronted"));
    assert_eq!(
        asked(&mut rig, json!({"platform": "discord", "botId": "other"})).as_deref(),
        Some("not_fronted")
    );
    for no_action in [json!(null), json!("send"), json!([{"op": "send"}]), json!(7)] {
        assert_eq!(asked(&mut rig, json!({"action": no_action})).as_deref(), Some("bad_action"));
    }
    rig.gateway_says("{\"type\":\"outbound\",\"requestId\":\"bare\"}\n");
    let results = rig.take_frames_of("outbound_result");
    let told = results.first().map(|frame| (&frame["requestId"], &frame["result"]["code"]));
    assert_eq!(told, Some((&json!("bare"), &json!("bad_action"))));
    rig.gateway_says("{\"type\":\"outbound\",\"requestId\":1e5}\n");
    assert_eq!(rig.take_frames_of("outbound_result")[0]["requestId"], "1e5", "an id is its digits");
    assert_eq!(rig.take_outbounds(), [], "nobody acts for them");
    assert_eq!(asked(&mut rig, json!({"platform": "discord", "botId": "bot"})), None, "taken");
    let ticket = rig.take_outbounds()[0].ticket;
    assert_eq!(asked(&mut rig, json!({})).as_deref(), Some("overloaded"));
    rig.respond(ticket, "7");
    let results = rig.take_frames_of("outbound_result");
    assert_eq!((results.len(), results[0]["result"]["success"].clone()), (1, json!(false)));
    assert_eq!(rig.owed(), 0);
    for bad in ["", "[]", "null", "{", "{}{}"] {
        assert_eq!(asked(&mut rig, json!({})), None);
        let ticket = rig.take_outbounds()[0].ticket;
        rig.respond(ticket, bad);
        assert_eq!(rig.take_frames_of("outbound_result").len(), 1, "{bad:?}");
    }
}

/// C12, C15: the actions of open requests are bounded by their size as well, however few they are; one that is large
/// alone gets in.
#[test]
fn large_actions() {
    let mut rig = SessionRig::live(Config { request_bytes: 1000, ..Config::default() });
    let action = |bytes: usize| {
        let rest = json!({"op": "send", "x": ""}).to_string().len();
        json!({"op": "send", "x": "x".repeat(bytes - rest)})
    };
    let asks = |rig: &mut SessionRig, bytes: usize| {
        rig.forget();
        rig.gateway_says(&lines::outbound("r", &action(bytes)));
        let refused = rig.take_frames_of("outbound_result");
        let code = refused.first().map(|frame| frame["result"]["code"].clone());
        assert!(code.is_none_or(|code| code == "overloaded"));
        rig.take_outbounds().first().map(|asked| asked.ticket)
    };
    let large = asks(&mut rig, 5000).expect("it is alone");
    assert_eq!(asks(&mut rig, 100), None);
    rig.respond(large, "{}");
    let first = asks(&mut rig, 600).expect("there is room");
    assert!(asks(&mut rig, 400).is_some(), "up to the limit");
    assert_eq!(asks(&mut rig, 100), None);
    rig.respond(first, "{}");
    assert!(asks(&mut rig, 600).is_some(), "what is done takes no room");
    assert_eq!(asks(&mut rig, 100), None);
    rig.socket_breaks();
    rig.goes_live();
    assert!(asks(&mut rig, 900).is_some(), "nor does what is given up");
}

/// C12: an answer that would be too long for a frame becomes a failure that is not.
#[test]
fn a_huge_result() {
    let mut rig = SessionRig::live(Config { send_limit: 1000, ..Config::default() });
    rig.gateway_says(&lines::outbound("r", &json!({"op": "send"})));
    let ticket = rig.take_outbounds()[0].ticket;
    rig.respond(ticket, &json!({"success": true, "x": "x".repeat(2000)}).to_string());
    let results = rig.take_frames_of("outbound_result");
    assert_eq!(results[0]["result"]["success"], false);
    assert!(results[0].to_string().len() < 1000);
}

/// C12: a result that no frame can carry, because the id of its request fills one by itself, is not sent. Its length counts
/// as it is written.
#[test]
fn an_id_that_fills_a_frame() {
    for (id, fits) in [("x".repeat(800), true), ("x".repeat(990), false), ("\u{1}".repeat(160), false)] {
        let mut rig = SessionRig::live(Config { send_limit: 1000, ..Config::default() });
        rig.gateway_says(&lines::line(&json!({
            "type": "outbound", "requestId": id, "action": {"op": "send"}, "platform": "unheard of"
        })));
        let results = rig.take_frames_of("outbound_result");
        assert_eq!((results.len(), rig.machine.skipped().malformed), if fits { (1, 0) } else { (0, 1) });
        rig.gateway_says(&lines::outbound("r", &json!({"op": "send"})));
        assert_eq!(rig.take_outbounds().len(), 1, "the link goes on");
    }
}

/// An interrupt that no frame can carry is the caller's to hear of, and costs no link.
#[test]
fn an_interrupt_that_fills_a_frame() {
    let mut rig = SessionRig::live(Config { send_limit: 1000, ..Config::default() });
    let room = 1000 - r#"{"type":"interrupt_inbound","session_key":"","chat_id":"c"}"#.len() - 1;
    assert_eq!(rig.interrupt(&"x".repeat(room + 1), "c"), Err(NotNow::TooLong));
    assert_eq!(rig.interrupt(&"x".repeat(room), "c"), Ok(()));
    let sent = rig.take_frames_of("interrupt_inbound");
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0]["session_key"], "x".repeat(room));
}

/// H4: a descriptor that no gateway takes does not go out: each would dial for ever. What is known of the platform does.
#[test]
fn a_descriptor_that_is_too_large() {
    let labelled = |label: String| Descriptor { label, ..Descriptor::builtin("discord") };
    let room = (64 << 10) - labelled(String::new()).to_json().len();
    for (filler, is_taken) in [(room, true), (room + 1, false)] {
        let mut rig = SessionRig::default();
        let link = rig.accepts();
        rig.gateway_says(&lines::hello("discord", "b"));
        let asked = labelled("x".repeat(filler));
        rig.machine.describe(link, 0, &asked);
        rig.sink_takes();
        let sent = rig.take_frames_of("descriptor");
        let expected = if is_taken { asked } else { Descriptor::builtin("discord") };
        assert_eq!(sent[0]["descriptor"]["label"], expected.label);
        assert_eq!(rig.machine.status(), Status::Live);
    }
}

/// C15: no hello within ten seconds ends the link; whatever else is said meanwhile is no hello.
#[test]
fn no_hello_in_time() {
    let mut rig = SessionRig::default();
    rig.accepts();
    rig.passes(5 * SECOND);
    rig.gateway_says("{\"type\":\"from_the_future\"}\nnoise\n");
    rig.gateway_says(&lines::inbound_ack("0-0"));
    assert_eq!(rig.next_deadline().unwrap().timer, Timer::Hello);
    rig.passes(5 * SECOND - MILLISECOND);
    assert_eq!(rig.machine.status(), Status::Greeting);
    rig.passes(MILLISECOND);
    assert_eq!(rig.machine.status(), Status::Offline);
    assert_eq!(rig.take_closes()[0].1.code, CloseCode::POLICY);
    let events = rig.take_events();
    assert!(matches!(events[..], [Event::Down(_, Cause::HelloTimeout(_))]), "{events:?}");
    rig.accepts();
    rig.passes(9 * SECOND);
    rig.greets();
    rig.passes(20 * SECOND);
    assert_eq!(rig.machine.status(), Status::Live);
}

/// C15, K1: a peer that takes nothing is not read any more, is refused interrupts at some point, and is dropped.
#[test]
fn a_peer_that_takes_nothing() {
    let mut rig = SessionRig::new(Config { request_limit: 10, ..Config::default() });
    rig.goes_live();
    rig.forget();
    rig.writable = false;
    let mut asked = 0;
    while rig.machine.wants_read() {
        rig.gateway_says(&lines::outbound("r", &json!({"op": "send"})));
        asked += 1;
        assert!(asked < 100, "memory is not bounded");
    }
    assert!(asked > 10, "a peer is read until then");
    let mut interrupts = 0;
    while rig.interrupt("s", "c").is_ok() {
        interrupts += 1;
        assert!(interrupts < 100_000, "memory is not bounded");
    }
    assert_eq!(rig.interrupt("s", "c"), Err(NotNow::Congested));
    rig.passes(90 * SECOND);
    assert_eq!(rig.machine.status(), Status::Offline);
}

/// C15, D7: lines over the limit, and more hellos than anybody has bots, end the link with a reason.
#[test]
fn a_peer_that_asks_for_too_much() {
    let config = Config { line_limit: 1000, ..Config::default() };
    let mut long = SessionRig::live(config.clone());
    long.gateway_says(&"x".repeat(1001));
    assert_eq!(long.take_closes()[0].1.code, CloseCode::TOO_BIG);
    let mut refused_below = SessionRig::live(config.clone());
    refused_below.handle(LinkEvent::TooLarge(LinkId(0)));
    assert_eq!(refused_below.take_closes()[0].1.code, CloseCode::TOO_BIG);
    let mut hellos = SessionRig::live(config);
    for number in 0..100 {
        if hellos.machine.status() != Status::Offline {
            hellos.gateway_says(&lines::hello("discord", &number.to_string()));
        }
    }
    let events = hellos.take_events();
    assert!(
        matches!(events.last(), Some(Event::Down(_, Cause::Violation(Violation::TooManyHellos)))),
        "{:?}",
        events.last()
    );
}

/// C10: a request is open until it has its result, or its link is gone.
#[test]
fn open_until_answered() {
    let mut rig = live();
    let ask = |rig: &mut SessionRig| {
        rig.gateway_says(&lines::outbound("r", &json!({"op": "send"})));
        rig.take_outbounds().remove(0).ticket
    };
    let (first, second) = (ask(&mut rig), ask(&mut rig));
    assert!(rig.machine.is_open(first) && rig.machine.is_open(second));
    rig.respond(first, r#"{"success":true}"#);
    assert!(!rig.machine.is_open(first) && rig.machine.is_open(second));
    rig.socket_breaks();
    assert!(!rig.machine.is_open(second));
}

/// C15, D7: noise costs nothing but its own lines.
#[test]
fn noise() {
    let mut rig = live();
    rig.append();
    let link = LinkId(0);
    rig.handle(LinkEvent::Received(
        link,
        Bytes::from_static(b"\xff\n[]\n{\"type\":7}\n{\"type\":\"inbound\"}\n\n"),
    ));
    rig.gateway_says("{\"type\":\"outbound\",\"action\":{\"op\":\"send\"}}\n");
    rig.gateway_says(&lines::inbound_ack("another stream-0"));
    rig.gateway_says(&lines::inbound_ack("0-999"));
    rig.gateway_says(&lines::inbound_ack("0-"));
    rig.gateway_says("{\"type\":\"later\"}\n");
    let skipped = rig.machine.skipped();
    assert_eq!((skipped.malformed, skipped.unknown, skipped.unknown_acks), (3, 3, 3));
    assert_eq!((rig.machine.status(), rig.machine.backlog()), (Status::Live, 1));
    assert_eq!(rig.take_acked(), [0; 0]);
}

/// C15: results that a gateway does not take are held up to a number of bytes; past it the link ends, and nothing of it
/// is held any more.
#[test]
fn results_that_are_not_taken() {
    let config = Config { queue_limit: 10_000, ..Config::default() };
    let mut rig = SessionRig::live(config);
    let result = json!({"success": true, "error": "x".repeat(900)}).to_string();
    let ask = |rig: &mut SessionRig| {
        rig.gateway_says(&lines::outbound("r", &json!({"op": "send"})));
        let ticket = rig.take_outbounds().remove(0).ticket;
        rig.respond(ticket, &result);
    };
    for _ in 0..100 {
        ask(&mut rig);
    }
    assert_eq!(rig.take_frames_of("outbound_result").len(), 100, "a gateway that takes them gets them all");
    rig.writable = false;
    for _ in 0..10 {
        ask(&mut rig);
    }
    assert_eq!(rig.machine.status(), Status::Live);
    ask(&mut rig);
    assert_eq!(rig.machine.status(), Status::Offline);
    let events = rig.take_events();
    let ended = Event::Down(LinkId(0), Cause::Violation(Violation::TakesNothing));
    assert!(events.contains(&ended), "{events:?}");
    rig.writable = true;
    rig.goes_live();
    ask(&mut rig);
    assert_eq!(rig.take_frames_of("outbound_result").len(), 1);
}

/// C15: exactly as many bytes as the limit says may wait for the peer, counted anew when some of them go out.
#[test]
fn the_bytes_that_wait_are_counted() {
    let one = lines::interrupt_inbound("session", "chat").len();
    let mut rig = SessionRig::live(Config { queue_limit: 10 * one, ..Config::default() });
    rig.writable = false;
    (0..10).for_each(|_| rig.interrupt("session", "chat").unwrap());
    assert_eq!(rig.machine.status(), Status::Live, "the limit itself may wait");
    rig.writable = true;
    rig.sink_takes();
    rig.writable = false;
    for _ in 0..10 {
        rig.interrupt("session", "chat").unwrap();
    }
    assert_eq!(rig.machine.status(), Status::Live);
    // Half of them go out, and as many more may wait.
    (0..5).for_each(|_| assert!(rig.machine.poll_transmit().is_some()));
    (0..5).for_each(|_| rig.machine.interrupt("session", "chat").unwrap());
    assert_eq!(rig.machine.status(), Status::Live);
    rig.machine.interrupt("session", "chat").unwrap();
    assert_eq!(rig.machine.status(), Status::Offline, "one more is too many");
}

/// C15: a peer that takes nothing is not listened to, while more results wait for it than it may ask for at once.
#[test]
fn who_takes_nothing_is_not_heard() {
    let mut rig = SessionRig::live(Config { request_limit: 2, ..Config::default() });
    rig.writable = false;
    for waiting in 1..=3 {
        assert!(rig.machine.wants_read());
        rig.interrupt("session", "chat").unwrap();
        assert_eq!(rig.machine.wants_read(), waiting <= 2, "{waiting} wait");
    }
    rig.writable = true;
    rig.sink_takes();
    assert!(rig.machine.wants_read());
}

/// C12: a result of half of what may be sent is too long for a frame, one of a byte less is not.
#[test]
fn the_longest_result() {
    let mut rig = SessionRig::live(Config { send_limit: 400, ..Config::default() });
    for (length, fits) in [(199, true), (200, false)] {
        rig.gateway_says(&lines::outbound("r", &json!({"op": "send"})));
        let ticket = rig.take_outbounds().remove(0).ticket;
        let filler = "x".repeat(length - r#"{"id":""}"#.len());
        rig.respond(ticket, &format!(r#"{{"id":"{filler}"}}"#));
        let result = rig.take_frames_of("outbound_result").remove(0);
        assert_eq!(result["result"]["code"] != "bad_result", fits, "{length}");
    }
}
