//! A session's link, rules C2, C5 to C7, C10 and C11. The mailbox is in `session_mailbox`, the wake URL in
//! `session_wake`, requests and limits in `session_requests`. The rig's watch checks C3 to C6, C9, C10 and C12 at
//! every step of every test.

use std::time::Duration;

use bytes::Bytes;
use relay_proto::close::{CloseCode, Ended};
use relay_proto::connector::{Cause, Config, Event, NotNow, Status, Transmit};
use relay_proto::{Features, LinkEvent, LinkId, Position};
use relay_tests::lines;
use relay_tests::session_rig::SessionRig;
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

fn live() -> SessionRig {
    SessionRig::live(Config::default())
}

/// C2: what a frame says of tenants and instances has no place to go: the machine ignores it.
#[test]
fn frames_claim_no_identity() {
    let mut plain = SessionRig::default();
    let mut claiming = plain.clone();
    plain.accepts();
    claiming.accepts();
    plain.gateway_says(&lines::hello("discord", "bot"));
    let claims = json!({"type": "hello", "platform": "discord", "botId": "bot", "tenant": "t", "instance": "i",
        "gatewayId": "g"});
    claiming.gateway_says(&lines::line(&claims));
    assert_eq!(claiming.machine, plain.machine);
}

/// C15: a hello with a name that no platform has, which each request would cost, is passed over.
#[test]
fn overlong_names() {
    let mut rig = SessionRig::default();
    rig.accepts();
    for (platform, bot_id) in [("p".repeat(257), "b".to_owned()), ("p".to_owned(), "b".repeat(257))] {
        rig.gateway_says(&lines::hello(&platform, &bot_id));
        assert!(rig.take_events().is_empty());
    }
    assert_eq!(rig.machine.skipped().malformed, 2);
    rig.gateway_says(&lines::hello(&"p".repeat(256), &"b".repeat(256)));
    assert!(matches!(rig.take_events()[..], [Event::Hello(_)]));
}

/// C5: `going_idle` is acked behind what is being written already, and nothing more is pushed.
#[test]
fn going_idle() {
    let mut rig = live();
    rig.append();
    rig.append();
    rig.gateway_says(&lines::going_idle());
    assert_eq!(rig.machine.status(), Status::Flipped);
    let transmits = rig.take_transmits();
    let [Transmit::Entry(_, first), Transmit::Entry(_, second), Transmit::Frame(_, ack)] = &transmits[..]
    else {
        panic!("{transmits:?}");
    };
    assert_eq!((first.0, second.0), (0, 1));
    assert!(lines::is(&lines::read(ack), "going_idle_ack"));
    assert!(rig.take_events().contains(&Event::Flipped));
    rig.append();
    rig.gateway_acks(Position(0));
    rig.passes(14 * SECOND);
    assert_eq!(rig.take_entries(), [0; 0], "buffered");
    assert_eq!(rig.machine.backlog(), 2);
}

/// C5: where the sink has taken nothing yet, nothing goes ahead of the ack.
#[test]
fn going_idle_while_the_sink_is_stuck() {
    let mut rig = live();
    rig.writable = false;
    (0..3).for_each(|_| {
        rig.append();
    });
    rig.gateway_says(&lines::going_idle());
    rig.sink_takes();
    let transmits = rig.take_transmits();
    assert!(matches!(&transmits[..], [Transmit::Frame(..)]), "{transmits:?}");
}

/// C5: requests and their results go on after the flip, and so do acks.
#[test]
fn flipped_is_not_deaf() {
    let mut rig = live();
    rig.append();
    rig.gateway_says(&lines::outbound("r1", &json!({"op": "send"})));
    let ticket = rig.take_outbounds()[0].ticket;
    rig.gateway_says(&lines::going_idle());
    rig.forget();
    rig.respond(ticket, "{\"success\":true}");
    assert_eq!(rig.take_frames_of("outbound_result").len(), 1);
    rig.gateway_acks(Position(0));
    assert_eq!(rig.take_acked(), [0]);
}

/// C5: asked again, it says again that it only buffers, and is flipped once.
#[test]
fn going_idle_twice() {
    let mut rig = live();
    rig.gateway_says(&lines::going_idle());
    rig.passes(10 * SECOND);
    rig.gateway_says(&lines::going_idle());
    assert_eq!(rig.take_frames_of("going_idle_ack").len(), 2);
    assert_eq!(rig.take_events(), [Event::Flipped]);
    rig.passes(5 * SECOND);
    assert_eq!(rig.machine.status(), Status::Live, "C7: the second asking buys no time");
}

/// C6: a handshake drains what waits and runs live from there, with no gap and in order.
#[test]
fn drained_then_live() {
    let mut rig = SessionRig::default();
    (0..5).for_each(|_| {
        rig.append();
    });
    rig.accepts();
    assert_eq!(rig.take_entries(), [0; 0], "nobody has greeted");
    rig.gateway_says(&lines::hello("discord", "bot"));
    assert_eq!((rig.take_entries(), rig.machine.status()), (vec![], Status::Greeting), "nobody was answered");
    rig.append();
    rig.describe(LinkId(0), 0, "discord");
    rig.append();
    let transmits = rig.take_transmits();
    assert!(matches!(transmits[0], Transmit::Frame(..)), "the descriptor first");
    let entries: Vec<_> = transmits[1..]
        .iter()
        .map(|transmit| match transmit {
            Transmit::Entry(_, position) => position.0,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(entries, [0, 1, 2, 3, 4, 5, 6]);
}

/// C6, H2: the descriptors go out in the order of the hellos, in whatever order they are found, each hello once.
#[test]
fn descriptors_in_the_order_of_the_hellos() {
    let mut rig = SessionRig::default();
    let link = rig.accepts();
    for platform in ["discord", "slack", "telegram"] {
        rig.gateway_says(&lines::hello(platform, "bot"));
    }
    rig.append();
    rig.describe(link, 2, "telegram");
    rig.describe(link, 1, "slack");
    rig.describe(LinkId(99), 0, "elsewhere");
    rig.describe(link, 3, "nobody asked");
    assert_eq!(rig.take_transmits(), []);
    rig.describe(link, 0, "discord");
    rig.describe(link, 0, "again");
    let transmits = rig.take_transmits();
    let platforms: Vec<_> = transmits
        .iter()
        .filter_map(|transmit| match transmit {
            Transmit::Frame(_, line) => Some(lines::read(line)["descriptor"]["platform"].clone()),
            _ => None,
        })
        .collect();
    assert_eq!(platforms, ["discord", "slack", "telegram"]);
    assert!(matches!(transmits.last(), Some(Transmit::Entry(..))));
    let linked = rig.take_events().into_iter().filter(|event| *event == Event::Linked(link));
    assert_eq!(linked.count(), 1);
}

/// C7: flipped and still connected for fifteen seconds: entries go out again, on the same link.
#[test]
fn flipped_and_still_connected() {
    let mut rig = live();
    rig.append();
    rig.gateway_says(&lines::going_idle());
    rig.append();
    rig.append();
    rig.forget();
    rig.passes(15 * SECOND - MILLISECOND);
    assert_eq!(rig.machine.status(), Status::Flipped);
    assert_eq!(rig.take_entries(), [0; 0]);
    rig.passes(MILLISECOND);
    assert_eq!(rig.machine.status(), Status::Live);
    assert_eq!(rig.take_entries(), [1, 2], "what the link has had is not repeated");
    assert_eq!(rig.take_events(), [Event::Unflipped]);
    rig.append();
    assert_eq!(rig.take_entries(), [3]);
    rig.gateway_says(&lines::going_idle());
    assert_eq!(rig.machine.status(), Status::Flipped, "it may ask again");
}

/// C7: the flip ends with its link.
#[test]
fn the_flip_ends_with_its_link() {
    let mut rig = live();
    rig.gateway_says(&lines::going_idle());
    rig.gateway_closes();
    assert_eq!((rig.machine.status(), rig.next_deadline()), (Status::Offline, None));
    rig.goes_live();
    assert_eq!(rig.machine.status(), Status::Live);
    rig.append();
    rig.passes(20 * SECOND);
    assert!(!rig.take_events().contains(&Event::Unflipped));
}

/// C10: a newer link replaces the older one, which is closed; what was unacked there goes out here.
#[test]
fn a_newer_link_replaces_the_older() {
    let mut rig = live();
    (0..3).for_each(|_| {
        rig.append();
    });
    rig.gateway_acks(Position(0));
    rig.gateway_says(&lines::outbound("r1", &json!({"op": "send"})));
    rig.gateway_says(&lines::going_idle());
    let ticket = rig.take_outbounds()[0].ticket;
    rig.forget();
    let new = rig.accepts();
    assert_eq!(rig.take_events(), [Event::Down(LinkId(0), Cause::Replaced)]);
    let transmits = rig.take_transmits();
    let [Transmit::Close(closed, close)] = &transmits[..] else { panic!("{transmits:?}") };
    assert_eq!((*closed, close.code), (LinkId(0), CloseCode::GOING_AWAY));
    rig.respond(ticket, "{}");
    assert_eq!(rig.machine.skipped().late_results, 1, "its requests went with the old link");
    rig.greets();
    assert_eq!(rig.machine.status(), Status::Live, "its flip went with the old link");
    assert_eq!(rig.take_entries(), [1, 2]);
    let before = rig.machine.clone();
    rig.handle(LinkEvent::Closed(LinkId(0), Ended::broken("late")));
    rig.handle(LinkEvent::Received(LinkId(0), Bytes::from(lines::inbound_ack("0-1"))));
    rig.handle(LinkEvent::Pong(LinkId(0), 0));
    rig.handle(LinkEvent::TooLarge(LinkId(0)));
    assert_eq!(rig.machine, before, "the old link is old");
    assert_ne!(new, LinkId(0));
}

/// C10: what waited for the old link's sink is not written on the new one.
#[test]
fn nothing_of_the_old_link_is_written_on_the_new() {
    let mut rig = live();
    rig.writable = false;
    rig.gateway_says(&lines::outbound("r1", &json!({"op": "send"})));
    let ticket = rig.take_outbounds()[0].ticket;
    rig.respond(ticket, "{}");
    rig.interrupt("s", "c").unwrap();
    rig.gateway_says(&lines::going_idle());
    rig.accepts();
    rig.sink_takes();
    let transmits = rig.take_transmits();
    assert!(matches!(&transmits[..], [Transmit::Close(..)]), "{transmits:?}");
}

/// C11: a revoked session closes its link with 4401 at once, says so once, and refuses every later link.
#[test]
fn revoked() {
    let mut rig = live();
    rig.append();
    rig.forget();
    rig.revoke();
    let transmits = rig.take_transmits();
    let [Transmit::Close(_, close)] = &transmits[..] else { panic!("{transmits:?}") };
    assert!(close.is_unauthorized() && !close.is_expired());
    assert_eq!(rig.take_events(), [Event::Down(LinkId(0), Cause::Revoked), Event::Revoked]);
    rig.revoke();
    assert_eq!(rig.take_events(), []);
    for _ in 0..2 {
        rig.accepts();
        let closes = rig.take_closes();
        assert!(closes[0].1.is_unauthorized());
    }
    assert_eq!((rig.machine.status(), rig.machine.backlog()), (Status::Revoked, 1));
    assert_eq!(rig.interrupt("s", "c"), Err(NotNow::Closed));
}

/// C11: with a new credential the instance goes on where it was.
#[test]
fn reinstated() {
    let mut rig = live();
    rig.append();
    rig.revoke();
    rig.append();
    rig.forget();
    rig.machine.reinstate();
    assert_eq!(rig.machine.status(), Status::Offline);
    rig.goes_live();
    assert_eq!(rig.take_entries(), [0, 1]);
}

/// C16: a connector that goes away closes its link with 1001, takes no further one, and keeps what is unacked.
#[test]
fn shut_down() {
    let mut rig = live();
    rig.append();
    rig.forget();
    rig.shut_down();
    assert_eq!(rig.take_closes()[0].1.code, CloseCode::GOING_AWAY);
    assert_eq!(rig.take_events(), [Event::Down(LinkId(0), Cause::ShutDown)]);
    rig.accepts();
    assert_eq!(rig.take_closes()[0].1.code, CloseCode::GOING_AWAY);
    assert_eq!((rig.machine.status(), rig.machine.backlog()), (Status::ShutDown, 1));
    assert_eq!(rig.interrupt("s", "c"), Err(NotNow::Closed));
}

/// C10, K1: nothing lasts of a link that is gone: no timer, no status, no entry that goes out.
#[test]
fn offline() {
    for end in [SessionRig::socket_breaks, SessionRig::gateway_closes] {
        let mut rig = live();
        end(&mut rig);
        rig.append();
        assert_eq!((rig.machine.status(), rig.next_deadline()), (Status::Offline, None));
        assert_eq!(rig.take_transmits(), []);
        assert_eq!(rig.interrupt("s", "c"), Err(NotNow::NotLinked));
    }
    let mut rig = SessionRig::default();
    rig.handle(LinkEvent::Closed(LinkId(5), Ended::broken("never was")));
    rig.accepts_with(Features::default());
    assert_eq!(rig.interrupt("s", "c"), Err(NotNow::NotLinked), "it has not greeted");
    rig.greets();
    rig.interrupt("s", "c").unwrap();
    let frames = rig.take_frames_of("interrupt_inbound");
    assert_eq!((&frames[0]["session_key"], &frames[0]["chat_id"]), (&json!("s"), &json!("c")));
}

/// C5: a result that was ready before is written before the ack.
#[test]
fn results_go_ahead_of_the_ack() {
    let mut rig = live();
    rig.gateway_says(&lines::outbound("r1", &json!({"op": "send"})));
    let ticket = rig.take_outbounds()[0].ticket;
    rig.forget();
    rig.writable = false;
    rig.respond(ticket, "{\"success\":true}");
    rig.gateway_says(&lines::going_idle());
    rig.sink_takes();
    let transmits = rig.take_transmits();
    let [Transmit::Frame(_, result), Transmit::Frame(_, ack)] = &transmits[..] else {
        panic!("{transmits:?}");
    };
    assert!(lines::is(&lines::read(result), "outbound_result"));
    assert!(lines::is(&lines::read(ack), "going_idle_ack"));
}

/// C10: whoever asks the session to connect anew has its link closed; the next one is taken, and goes on with what was
/// not acked.
#[test]
fn disconnected_on_request() {
    let mut rig = live();
    let before = rig.machine.link();
    rig.append();
    rig.forget();
    rig.machine.disconnect();
    rig.sink_takes();
    let closes = rig.take_closes();
    let [(closed, close)] = &closes[..] else { panic!("{closes:?}") };
    assert_eq!((Some(*closed), close.code), (before, CloseCode::GOING_AWAY));
    assert_eq!((rig.machine.link(), rig.machine.status()), (None, Status::Offline));
    let next = rig.goes_live();
    assert_eq!(rig.machine.link(), Some(next));
    assert_eq!(rig.take_entries(), [0]);
}

/// K2: with another epoch, every deadline is as far away as before.
#[test]
fn another_epoch() {
    let mut rig = live();
    rig.passes(7 * SECOND);
    rig.gateway_says(&lines::going_idle());
    let before = rig.next_deadline().unwrap();
    let now = rig.now;
    rig.rebase();
    let after = rig.next_deadline().unwrap();
    assert_eq!((after.timer, after.at.since(rig.now)), (before.timer, before.at.since(now)));
}
