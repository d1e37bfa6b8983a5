//! What a gateway reads and how long, rules D6 to D8: no cycle of waiting, bounded memory, and no line that breaks it.

use std::time::Duration;

use bytes::Bytes;
use relay_proto::LinkEvent;
use relay_proto::action::Action;
use relay_proto::close::CloseCode;
use relay_proto::event::MessageType;
use relay_proto::gateway::{
    Cause, Config, Delivery, Event, InboundLimits, Options, Outcome, Status, Violation,
};
use relay_tests::gateway_rig::{GatewayRig, plain_config};
use relay_tests::lines::{self, inbound, message};
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);

fn linked() -> GatewayRig {
    GatewayRig::linked(plain_config())
}

/// The connector sends the line, which must give one delivery.
fn delivered(rig: &mut GatewayRig, line: &str) -> Delivery {
    rig.connector_says(line);
    rig.take_delivery()
}

/// The connector sends the line, which must give none.
fn not_delivered(rig: &mut GatewayRig, line: &str) {
    rig.connector_says(line);
    assert_eq!(rig.take_inbound(), [], "{line}");
}

/// Small enough to be reached.
fn narrow(soft_count: usize, hard_count: usize) -> Config {
    let inbound = InboundLimits { soft_count, hard_count, soft_bytes: 4000, hard_bytes: 8000 };
    Config { inbound, ..plain_config() }
}

/// What comes without end: deliveries, interrupts, bytes.
const FLOODS: [fn(usize) -> String; 3] = [
    |number| inbound(&format!("b{number}"), &message(&format!("m{number}"))),
    |_| lines::interrupt_inbound("s", "c"),
    |number| inbound("", &message(&format!("m{number}{}", "x".repeat(1000)))),
];

/// D6: while a request awaits its result, reading goes on, whatever the application has not taken.
#[test]
fn reading_goes_on_for_a_result() {
    let mut rig = GatewayRig::linked(narrow(2, 50));
    for number in 0..3 {
        rig.connector_says(&inbound(&format!("b{number}"), &message(&format!("m{number}"))));
    }
    assert!(!rig.machine.wants_read(), "past the soft limit, and no request waits");
    let request = rig.send("from within a delivery");
    assert!(rig.machine.wants_read());
    rig.passes(SECOND);
    assert!(rig.machine.wants_read(), "as long as it waits");
    let answer = lines::result(&rig.take_outbound_id(), &json!({"success": true}));
    rig.connector_says(&answer);
    assert!(matches!(rig.outcome(request), Some(Outcome::Answered(_))));
    assert!(!rig.machine.wants_read());
    let delivery = rig.take_deliveries().remove(0);
    rig.stored(delivery.id);
    assert!(rig.machine.wants_read(), "the application has caught up");
}

/// D6, H1, I1: reading goes on as well for a descriptor and for the agreement to only buffer.
#[test]
fn reading_goes_on_for_the_link_itself() {
    let mut rig = GatewayRig::linked(narrow(0, 50));
    rig.connector_says(&inbound("b1", &message("m1")));
    assert!(!rig.machine.wants_read());
    rig.go_dormant().unwrap();
    assert!(rig.machine.wants_read());
    rig.socket_breaks();
    rig.runs_to_dial();
    rig.open();
    assert!(rig.machine.wants_read());
    rig.connector_says(&lines::descriptor("discord"));
    assert!(!rig.machine.wants_read());
}

/// D6: interrupts and bytes count towards the limits as deliveries do, taken deliveries until they are settled.
#[test]
fn what_counts_towards_the_soft_limit() {
    let mut interrupts = GatewayRig::linked(narrow(2, 50));
    interrupts.app_takes = false;
    (0..3).for_each(|_| interrupts.connector_says(&lines::interrupt_inbound("s", "c")));
    assert!(!interrupts.machine.wants_read());
    interrupts.app_takes = true;
    interrupts.passes(SECOND);
    assert!(interrupts.machine.wants_read());

    let mut bytes = GatewayRig::linked(narrow(20, 50));
    bytes.app_takes = false;
    bytes.connector_says(&inbound("b1", &message(&"x".repeat(2500))));
    assert!(!bytes.machine.wants_read());
    bytes.app_takes = true;
    bytes.passes(SECOND);
    assert!(bytes.machine.wants_read());
}

/// D6: the limits themselves may be reached, in bytes of messages and of interrupts, and what was taken counts no more.
#[test]
fn bytes_are_counted_to_the_byte() {
    let one = inbound("b0", &message("m0")).len() - 1;
    let limits = |soft_bytes| InboundLimits { soft_bytes, ..narrow(20, 50).inbound };
    let mut rig = GatewayRig::linked(Config { inbound: limits(2 * one), ..plain_config() });
    rig.app_takes = false;
    for number in 0..3 {
        assert!(rig.machine.wants_read(), "{number} times {one} bytes");
        rig.connector_says(&inbound(&format!("b{number}"), &message(&format!("m{number}"))));
    }
    assert!(!rig.machine.wants_read());
    assert!(rig.machine.poll_inbound().is_some());
    assert!(rig.machine.wants_read());
    rig.connector_says(&inbound("b3", &message("m3")));
    assert!(!rig.machine.wants_read(), "three again");

    let mut rig = GatewayRig::linked(Config { inbound: limits(100), ..plain_config() });
    rig.app_takes = false;
    rig.connector_says(&lines::interrupt_inbound(&"s".repeat(60), &"c".repeat(40)));
    assert!(rig.machine.wants_read());
    rig.connector_says(&lines::interrupt_inbound("s", ""));
    assert!(!rig.machine.wants_read());
}

/// D6: what reaches the hard limit in bytes is kept, what would pass it is not; and what is alone is never too large.
#[test]
fn the_hard_limit_in_bytes() {
    let one = inbound("b0", &message("m0")).len() - 1;
    for (hard_bytes, kept) in [(2 * one, 2), (2 * one - 1, 1), (one - 1, 1)] {
        let inbound_limits = InboundLimits { soft_bytes: 1, hard_bytes, ..narrow(20, 50).inbound };
        let mut rig = GatewayRig::linked(Config { inbound: inbound_limits, ..plain_config() });
        let _request = rig.send("waiting");
        rig.app_takes = false;
        for number in 0..3 {
            if rig.machine.status() == Status::Linked {
                rig.connector_says(&inbound(&format!("b{number}"), &message(&format!("m{number}"))));
            }
        }
        assert_ne!(rig.machine.status(), Status::Linked);
        assert_eq!(std::iter::from_fn(|| rig.machine.poll_inbound()).count(), kept, "{hard_bytes}");
    }
}

/// D6: the bytes of an interrupt count likewise.
#[test]
fn the_hard_limit_in_bytes_of_interrupts() {
    let interrupt = lines::interrupt_inbound(&"s".repeat(60), &"c".repeat(40));
    let inbound_limits = InboundLimits { soft_bytes: 1, hard_bytes: 300, ..narrow(20, 50).inbound };
    let mut rig = GatewayRig::linked(Config { inbound: inbound_limits, ..plain_config() });
    let _request = rig.send("waiting");
    rig.app_takes = false;
    for number in 1..=4 {
        rig.connector_says(&interrupt);
        assert_eq!(rig.machine.status() == Status::Linked, number <= 3, "{number}");
    }
}

/// D6: as many acks as the hard limit says may wait for a connector that takes none, and no more.
#[test]
fn the_hard_limit_of_acks() {
    let mut rig = GatewayRig::linked(narrow(2, 5));
    let delivery = delivered(&mut rig, &inbound("b1", &message("m1")));
    let _request = rig.send("waiting");
    rig.writable = false;
    rig.stored(delivery.id);
    for acks in 2..=6 {
        rig.connector_says(&inbound("b1", &message("m1")));
        assert_eq!(rig.machine.status() == Status::Linked, acks <= 5, "{acks}");
    }
}

/// D6: past the hard limits, of deliveries, interrupts or bytes, the link is dropped with a clear reason, even while
/// a request waits; what was handed out stays good.
#[test]
fn past_the_hard_limit() {
    for flood in FLOODS {
        let mut rig = GatewayRig::linked(narrow(2, 5));
        let request = rig.send("waiting");
        rig.app_takes = false;
        rig.forget();
        for number in 0..=8 {
            if rig.machine.status() == Status::Linked {
                rig.connector_says(&flood(number));
            }
        }
        let closes = rig.take_closes();
        assert_eq!(closes[0].1.code, CloseCode::POLICY);
        assert!(closes[0].1.reason.contains("more deliveries"), "{closes:?}");
        let events = rig.take_events();
        assert!(
            matches!(events[0], Event::Down { cause: Cause::Violation(Violation::Overflow), .. }),
            "{events:?}"
        );
        assert!(matches!(rig.outcome(request), Some(Outcome::Ambiguous(_))));
        rig.app_takes = true;
        rig.passes(SECOND);
        let deliveries = rig.take_deliveries();
        assert!(deliveries.iter().all(|delivery| rig.stored(delivery.id)));
        rig.runs_to_dial();
        rig.link_up();
        assert_eq!(rig.machine.status(), Status::Linked);
    }
}

/// D6: past the hard limits no link adds anything, however many come: neither deliveries nor interrupts, which a
/// connector may send before its descriptor.
#[test]
fn past_the_hard_limit_links_add_nothing() {
    for flood in FLOODS {
        let mut rig = GatewayRig::linked(narrow(2, 5));
        rig.app_takes = false;
        let _request = rig.send("waiting");
        for number in 0..100 {
            rig.connector_says(&flood(number));
            if rig.machine.status() != Status::Linked {
                rig.runs_to_dial();
                rig.open();
            }
        }
        rig.runs_to_dial();
        rig.link_up();
        rig.app_takes = true;
        rig.passes(SECOND);
        let held = rig.take_inbound().len();
        assert!((1..=7).contains(&held), "{held} things were held");
    }
}

/// D6: what a delivery and a result hold is what they say, and not all that came with them.
#[test]
fn no_delivery_holds_what_it_came_in() {
    let mut rig = GatewayRig::linked(plain_config());
    let request = rig.send("hello");
    let id = rig.take_outbound_id();
    let padding = format!("{{\"type\":\"later\",\"x\":\"{}\"}}\n", "x".repeat(100_000));
    let result = lines::result(&id, &json!({"success": true}));
    let whole = [padding, inbound("b1", &message("m1")), result].concat();
    let whole = Bytes::from(whole.into_bytes());
    let link = rig.link().unwrap();
    rig.handle(LinkEvent::Received(link, whole.clone()));
    let (deliveries, outcome) = (rig.take_deliveries(), rig.outcome(request));
    assert!(
        deliveries.len() == 1 && matches!(outcome, Some(Outcome::Answered(_))),
        "{deliveries:?} {outcome:?}"
    );
    assert!(whole.is_unique(), "nobody but the test holds the message");
}

/// D6, W1: a connector that floods again after each drop gets everything across in the end.
#[test]
fn a_flood_ends_well() {
    let mut rig = GatewayRig::linked(narrow(2, 5));
    let mut acked = Vec::new();
    for _ in 0..4 {
        for number in 0..20 {
            if rig.machine.status() == Status::Linked {
                rig.connector_says(&inbound(&format!("b{number}"), &message(&format!("m{number}"))));
            }
        }
        acked.extend(rig.take_acks());
        for delivery in rig.take_deliveries() {
            rig.stored(delivery.id);
        }
        if rig.machine.status() != Status::Linked {
            rig.runs_to_dial();
            rig.link_up();
        }
    }
    acked.extend(rig.take_acks());
    acked.sort_unstable();
    acked.dedup();
    assert_eq!((acked.len(), rig.machine.status()), (20, Status::Linked));
}

/// D6: a peer that takes no acks is not read for ever, and what waits for it is bounded.
#[test]
fn acks_that_the_peer_does_not_take() {
    let mut rig = GatewayRig::linked(narrow(2, 5));
    rig.writable = false;
    let line = inbound("b1", &message("m1"));
    let delivery = delivered(&mut rig, &line);
    rig.stored(delivery.id);
    (0..2).for_each(|_| rig.connector_says(&line));
    assert!(!rig.machine.wants_read());
    (0..3).for_each(|_| rig.connector_says(&line));
    assert!(matches!(rig.machine.status(), Status::Reconnecting { .. }));
}

/// D7: a line over the limit, in one message, over several, unfinished, or refused by the layer below, ends the link
/// with 1009; one of exactly the limit does not.
#[test]
fn lines_over_the_limit() {
    let limit = 2000;
    let config = Config { line_limit: limit, ..plain_config() };
    let fits = inbound("b1", &message("m1")).trim_end().to_owned();
    let fits = format!("{}{fits}\n", " ".repeat(limit - fits.len()));
    let mut rig = GatewayRig::linked(config);
    delivered(&mut rig, &fits);
    let too_long = format!(" {fits}");
    type Say = fn(&mut GatewayRig, &str);
    let ways: [Say; 4] = [
        |rig, line| rig.connector_says(line),
        |rig, line| rig.connector_says(line.trim_end()),
        |rig, line| {
            let (head, tail) = line.split_at(1000);
            rig.connector_says(head);
            rig.connector_says(tail);
        },
        |rig, _| rig.handle(LinkEvent::TooLarge(rig.machine.link().unwrap())),
    ];
    for say in ways {
        let mut rig = rig.clone();
        say(&mut rig, &too_long);
        assert_eq!(rig.take_close_code(), CloseCode::TOO_BIG);
        let events = rig.take_events();
        assert!(
            matches!(events[0], Event::Down { cause: Cause::Violation(Violation::LineTooLong(_)), .. }),
            "{events:?}"
        );
        rig.runs_to_dial();
    }
}

/// D7: lines that are no frames, and frames of unknown types, are skipped and counted; what stands around them is
/// delivered.
#[test]
fn odd_lines_are_skipped() {
    let mut rig = linked();
    let odd = [
        "not json",
        "[]",
        "7",
        "null",
        "{",
        "{}",
        "{\"type\":\"inbound\"}",
        "{\"type\":null}",
        "{\"type\":\"outbound_result\",\"requestId\":\"x\"}",
        "{\"type\":\"passthrough_forward\"}",
    ];
    for (number, line) in odd.iter().enumerate() {
        rig.connector_says(&format!("{line}\n{}", inbound("", &message(&format!("m{number}")))));
        rig.take_delivery();
        assert_eq!(rig.machine.skipped().malformed, number as u64 + 1, "{line}");
    }
    not_delivered(&mut rig, "\n \r\n{\"type\":\"hello\"}\n{\"type\":\"from_the_future\",\"x\":[]}\n");
    assert_eq!(rig.machine.skipped().unknown, 2);
    let link = rig.machine.link().unwrap();
    rig.handle(LinkEvent::Received(link, Bytes::from_static(b"\xff\xfe{}\n\x80\n")));
    assert_eq!(rig.machine.skipped().malformed, odd.len() as u64 + 2);
    assert_eq!(rig.machine.status(), Status::Linked);
}

/// D7: a frame cut off by the end of its link is not finished by the next one.
#[test]
fn a_line_cut_by_its_link() {
    let mut rig = linked();
    let line = inbound("b1", &message("m1"));
    let (head, tail) = line.split_at(50);
    rig.connector_says(head);
    rig.socket_breaks();
    rig.runs_to_dial();
    rig.link_up();
    not_delivered(&mut rig, tail);
    delivered(&mut rig, &line);
}

/// D8: a field of the wrong type costs only itself: the event is delivered, its view falls back, its JSON is whole.
#[test]
fn fields_of_the_wrong_type() {
    let mut rig = linked();
    for (number, (name, value)) in [
        ("text", "[1]"),
        ("text", "null"),
        ("message_type", "{}"),
        ("message_id", "[]"),
        ("media_urls", "7"),
        ("source", "\"nobody\""),
        ("source", "{\"platform\":[],\"chat_id\":{},\"message_is_edit\":\"yes\",\"user_id\":false}"),
        ("context", "\"x\""),
        ("prompt_response", "3"),
        ("text", "\"half \\ud83d\""),
        ("extra", "1e999"),
    ]
    .iter()
    .enumerate()
    {
        let event = format!("{{\"text\":\"before\",\"n\":{number},\"{name}\":{value}}}");
        let line = format!("{{\"type\":\"inbound\",\"bufferId\":\"b{number}\",\"event\":{event}}}\n");
        let delivery = delivered(&mut rig, &line);
        assert_eq!(delivery.json(), event, "the JSON is there as it came");
        let view = delivery.event().expect("a message has a view");
        assert_eq!(view.message_type, MessageType::Text);
        if *name != "text" {
            assert_eq!(view.text, "before");
        }
        rig.take_frames();
        rig.stored(delivery.id);
        assert_eq!(rig.take_acks(), [format!("b{number}")]);
    }
    for event in ["7", "[]", "null", "\"x\"", "true"] {
        let line = format!("{{\"type\":\"inbound\",\"event\":{event}}}\n");
        assert_eq!(delivered(&mut rig, &line).json(), event);
    }
}

/// D8, D2: an event with a broken string in it is delivered once all the same.
#[test]
fn odd_events_are_known_again() {
    let mut rig = linked();
    let line = format!(
        "{{\"type\":\"inbound\",\"bufferId\":\"b1\",\"event\":{}}}\n",
        message("m1").to_string().replace("text of m1", "half \\ud83d")
    );
    rig.connector_says(&line);
    assert_eq!(rig.take_inbound().len(), 1);
    rig.connector_says(&line);
    rig.connector_says(&line.replace("\"b1\"", "\"b2\""));
    assert_eq!(rig.take_inbound().len(), 0);
}

/// D6: an interrupt goes past a full inbox on the way out: the application may send inside it.
#[test]
fn a_request_inside_an_interrupt() {
    let mut rig = GatewayRig::linked(narrow(1, 50));
    (0..3).for_each(|number| rig.connector_says(&inbound("", &message(&format!("m{number}")))));
    rig.connector_says(&lines::interrupt_inbound("s", "chat"));
    assert!(!rig.machine.wants_read());
    rig.request(Action::send("chat", "stopped"), &Options::default());
    assert!(rig.machine.wants_read());
    assert_eq!(rig.take_frames_of("outbound").len(), 1);
}
