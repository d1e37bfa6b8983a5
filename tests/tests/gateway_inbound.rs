//! Deliveries of a gateway, rules D1 to D5. The rigs' watches check D1, D2 and D5 at every step of every test.

use std::time::Duration;

use bytes::Bytes;
use relay_proto::event::{MessageType, Passthrough};
use relay_proto::gateway::{Config, Delivery, Gateway, Inbound, Transmit};
use relay_proto::{DeliveryKind, Features, Instant, LinkEvent};
use relay_tests::gateway_rig::{GatewayRig, plain_config};
use relay_tests::lines::{self, forward, inbound, message, passthrough};
use serde_json::{Value, json};

const SECOND: Duration = Duration::from_secs(1);

fn linked() -> GatewayRig {
    GatewayRig::linked(plain_config())
}

/// The link is lost, and the next one is up.
fn relinks(rig: &mut GatewayRig) {
    rig.socket_breaks();
    rig.runs_to_dial();
    rig.link_up();
    rig.take_transmits();
    rig.take_events();
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

/// D1: the ack goes out when the application says that it is stored, not before, for messages and forwards alike.
#[test]
fn acked_once_stored() {
    let mut rig = linked();
    for (line, kind) in [
        (inbound("b1", &message("m1")), DeliveryKind::Message),
        (passthrough("b2", &forward("f2")), DeliveryKind::Passthrough),
    ] {
        let delivery = delivered(&mut rig, &line);
        assert_eq!((delivery.kind, delivery.buffered), (kind, true));
        rig.passes(20 * SECOND);
        assert_eq!(rig.take_acks(), [""; 0]);
        assert!(rig.stored(delivery.id));
        assert_eq!(rig.take_acks(), [if kind == DeliveryKind::Message { "b1" } else { "b2" }]);
        assert!(!rig.stored(delivery.id), "stored once");
        assert!(!rig.release(delivery.id), "too late");
        assert_eq!(rig.take_acks(), [""; 0]);
    }
}

/// D5: whether anything waits for the application can be asked without taking it.
#[test]
fn what_waits_can_be_seen() {
    let mut machine = linked().machine;
    let link = machine.link().unwrap();
    let now = Instant::from_millis(1_000_000_000);
    assert!(!machine.has_inbound());
    machine.handle_link(LinkEvent::Received(link, inbound("b1", &message("m1")).into()), now);
    assert!(machine.has_inbound());
    assert!(machine.poll_inbound().is_some());
    assert!(!machine.has_inbound());
}

/// D1: a delivery without a `bufferId`, or with an empty one, is never acked.
#[test]
fn what_has_no_buffer_id_is_not_acked() {
    let mut rig = linked();
    let mut empty = json!({"type": "inbound", "event": message("m2"), "bufferId": ""});
    for line in [inbound("", &message("m1")), lines::line(&empty), passthrough("", &forward("f1"))] {
        let delivery = delivered(&mut rig, &line);
        assert!(!delivery.buffered);
        rig.stored(delivery.id);
        rig.connector_says(&line);
        assert_eq!(rig.take_frames(), [] as [Value; 0]);
        rig.forget();
    }
    empty["bufferId"] = Value::Null;
    empty["event"] = message("m3");
    assert!(!delivered(&mut rig, &lines::line(&empty)).buffered);
}

/// D1: acks say the id as it came, escapes, blanks and all.
#[test]
fn odd_buffer_ids() {
    let mut rig = linked();
    for (number, id) in ["a\"b\\c", "ü 😀", "line\nend", "0", "x".repeat(1024).as_str()].iter().enumerate()
    {
        let delivery = delivered(&mut rig, &inbound(id, &message(&format!("m{number}"))));
        rig.stored(delivery.id);
        assert_eq!(rig.take_acks(), [*id]);
    }
}

/// D1: a longer id is none that could be kept: the frame is skipped and counted.
#[test]
fn overlong_buffer_ids() {
    let mut rig = linked();
    for number in 1..=2 {
        not_delivered(&mut rig, &inbound(&"x".repeat(1025), &message("m")));
        assert_eq!(rig.machine.skipped().malformed, number);
    }
}

/// I9: a forwarded request is there as it came, a message is none; and a delivery says briefly what it is.
#[test]
fn what_a_delivery_is() {
    let mut rig = linked();
    let forwarded = delivered(&mut rig, &passthrough("b1", &forward("f1")));
    let plain = delivered(&mut rig, &inbound("b2", &message("m1")));
    assert_eq!(forwarded.forward(), Some(Passthrough::parse(&forward("f1").to_string())));
    assert_ne!(forwarded.forward(), Some(Passthrough::default()));
    assert_eq!(plain.forward(), None);
    let said = format!("{plain:?}");
    assert!(said.contains("Message") && said.contains("buffered: true") && said.contains(" bytes"), "{said}");
}

/// D2: over any number of links, the same `bufferId` or the same message is one delivery, before it is stored and
/// after, and an odd one out is another delivery.
#[test]
fn handed_out_once() {
    let mut rig = linked();
    let again = [
        inbound("b1", &message("m1")),
        inbound("b1", &message("another message under the same bufferId")),
        inbound("b2", &message("m1")),
        inbound("", &message("m1")),
    ];
    let delivery = delivered(&mut rig, &again[0]);
    for stored in [false, true] {
        if stored {
            rig.stored(delivery.id);
        }
        for _ in 0..3 {
            again.iter().for_each(|line| not_delivered(&mut rig, line));
            relinks(&mut rig);
        }
    }
    assert_eq!(rig.machine.skipped().duplicates, 24);
    let mut same = message("m1");
    same["source"]["user_name"] = "renamed since".into();
    not_delivered(&mut rig, &inbound("b9", &same));
}

/// D2: other platform, other chat, other id, other content, an edit: each is another delivery.
#[test]
fn another_delivery() {
    let original = message("m1");
    let mut others = Vec::new();
    for (name, value) in [("message_id", "m2"), ("text", "edited"), ("message_type", "photo")] {
        let mut other = original.clone();
        other[name] = value.into();
        others.push(other);
    }
    for (name, value) in
        [("platform", json!("slack")), ("chat_id", json!("elsewhere")), ("message_is_edit", json!(true))]
    {
        let mut other = original.clone();
        other["source"][name] = value;
        others.push(other);
    }
    let mut with_media = original.clone();
    with_media["media_urls"] = json!(["https://example.org/a.png"]);
    others.push(with_media);

    let mut rig = linked();
    let first = delivered(&mut rig, &inbound("b0", &original));
    rig.stored(first.id);
    for (number, other) in others.iter().enumerate() {
        delivered(&mut rig, &inbound(&format!("b{}", number + 1), other));
    }
}

/// D2: what came with the words belongs to the content too: another caption, another file.
#[test]
fn another_attachment() {
    let mut original = message("m1");
    original["media_urls"] = json!(["u"]);
    original["media"] = json!([{"url": "u", "kind": "image", "caption": "before"}]);
    let mut captioned = original.clone();
    captioned["media"][0]["caption"] = "after".into();
    let mut rig = linked();
    let first = delivered(&mut rig, &inbound("b1", &original));
    rig.stored(first.id);
    not_delivered(&mut rig, &inbound("b2", &original));
    delivered(&mut rig, &inbound("b3", &captioned));
}

/// D2: an edit that repeats the words of the original is an edit all the same, and its own replay is not.
#[test]
fn edits_are_no_replays() {
    let mut rig = linked();
    let original = message("m1");
    let mut edit = original.clone();
    edit["source"]["message_is_edit"] = true.into();
    let first = delivered(&mut rig, &inbound("b1", &original));
    rig.stored(first.id);
    let second = delivered(&mut rig, &inbound("b2", &edit));
    rig.stored(second.id);
    relinks(&mut rig);
    not_delivered(&mut rig, &inbound("b2", &edit));
    not_delivered(&mut rig, &inbound("b3", &edit));
}

/// D2: an event that names no message is known by its `bufferId` alone.
#[test]
fn nameless_events() {
    let mut rig = linked();
    let nameless = json!({"text": "hi", "source": {"platform": "discord", "chat_id": "c"}});
    delivered(&mut rig, &inbound("b1", &nameless));
    delivered(&mut rig, &inbound("b2", &nameless));
    delivered(&mut rig, &inbound("", &nameless));
    delivered(&mut rig, &inbound("", &nameless));
    not_delivered(&mut rig, &inbound("b1", &nameless));
}

/// D2: a forwarded interaction is known by its id as well, a forward of any other kind by its `bufferId`.
#[test]
fn forwards_are_known_again() {
    // {"id":"i1","type":2,"channel_id":"c","data":{"name":"ask"},"user":{"id":"u"}}
    let body = "eyJpZCI6ImkxIiwidHlwZSI6MiwiY2hhbm5lbF9pZCI6ImMiLCJkYXRhIjp7Im5hbWUiOiJhc2sifSwidXNlciI6eyJpZCI6InUifX0=";
    let mut interaction = forward("i1");
    interaction["platform"] = "discord".into();
    interaction["bodyB64"] = body.into();
    let mut rig = linked();
    let delivery = delivered(&mut rig, &passthrough("b1", &interaction));
    let event = delivery.event().expect("an interaction is an event");
    assert_eq!((&*event.text, event.message_type), ("/ask", MessageType::Command));
    not_delivered(&mut rig, &passthrough("b2", &interaction));
    rig.stored(delivery.id);
    assert_eq!(rig.take_acks(), ["b1", "b2"]);
    delivered(&mut rig, &passthrough("b3", &forward("f")));
    delivered(&mut rig, &passthrough("b4", &forward("f")));
    not_delivered(&mut rig, &passthrough("b3", &forward("other")));
}

/// D2: the window holds at least so many stored deliveries, and a waiting one is known however many pass it.
#[test]
fn the_dedupe_window() {
    let mut rig = GatewayRig::linked(Config { dedupe_window: 10, ..plain_config() });
    let line = |number: usize| inbound(&format!("b{number}"), &message(&format!("m{number}")));
    let waiting = delivered(&mut rig, &line(0));
    for number in 1..=30 {
        let delivery = delivered(&mut rig, &line(number));
        rig.stored(delivery.id);
    }
    for number in [0, 21, 25, 30] {
        not_delivered(&mut rig, &line(number));
    }
    rig.forget();
    rig.stored(waiting.id);
    assert_eq!(rig.take_acks(), ["b0"]);
}

/// D2, W2: a machine that was told what is stored already hands none of it out, and acks it at once.
#[test]
fn remembered_over_a_restart() {
    let mut before = linked();
    let kept: Vec<_> = (0..3)
        .map(|number| {
            let line = inbound(&format!("b{number}"), &message(&format!("m{number}")));
            (delivered(&mut before, &line).keys, line)
        })
        .collect();
    let mut machine = Gateway::new(plain_config(), 8, before.now);
    kept.iter().for_each(|(keys, _)| machine.remember(*keys));
    let mut inbound_seen = Vec::new();
    let link = machine.link().unwrap();
    let now = before.now;
    machine.handle_link(LinkEvent::Opened(link, Features::default()), now);
    for (_, line) in &kept {
        machine.handle_link(LinkEvent::Received(link, Bytes::from(line.clone())), now);
    }
    machine.handle_link(LinkEvent::Received(link, Bytes::from(inbound("b9", &message("m1")))), now);
    inbound_seen.extend(machine.poll_inbound());
    assert_eq!(inbound_seen, []);
    let mut acks = Vec::new();
    while let Some(transmit) = machine.poll_transmit() {
        if let Transmit::Frame(_, line) = transmit {
            let frame = lines::read(&line);
            acks.extend(frame["bufferId"].as_str().map(str::to_owned));
        }
    }
    assert_eq!(acks, ["b0", "b1", "b2", "b9"]);
}

/// D3: a duplicate of a stored delivery is acked at once, under the id that it came with, on the link it came on.
#[test]
fn a_duplicate_of_a_stored_delivery() {
    let mut rig = linked();
    let delivery = delivered(&mut rig, &inbound("b1", &message("m1")));
    rig.stored(delivery.id);
    for link in 0..3 {
        if link > 0 {
            relinks(&mut rig);
        }
        rig.take_frames();
        rig.connector_says(&inbound("b1", &message("m1")));
        assert_eq!(rig.take_acks(), ["b1"]);
        rig.connector_says(&inbound("b2", &message("m1")));
        assert_eq!(rig.take_acks(), ["b2"]);
    }
}

/// D3: a duplicate of one not yet stored is acked when it is, under every id that it came with, each once.
#[test]
fn a_duplicate_before_it_is_stored() {
    let mut rig = linked();
    let delivery = delivered(&mut rig, &inbound("b1", &message("m1")));
    for id in ["b1", "b2", "b1", "b2", "b3"] {
        not_delivered(&mut rig, &inbound(id, &message("m1")));
    }
    assert_eq!(rig.take_acks(), [""; 0]);
    rig.stored(delivery.id);
    assert_eq!(rig.take_acks(), ["b1", "b2", "b3"]);
}

/// D3: handed out on one link, sent again on the next, stored then: acked on the then current link.
#[test]
fn stored_on_the_next_link() {
    let mut rig = linked();
    let delivery = delivered(&mut rig, &inbound("b1", &message("m1")));
    relinks(&mut rig);
    let mut not_resent = rig.clone();
    not_delivered(&mut rig, &inbound("b1", &message("m1")));
    for mut rig in [rig, not_resent.clone()] {
        assert_eq!(rig.take_acks(), [""; 0]);
        rig.stored(delivery.id);
        assert_eq!(rig.take_acks(), ["b1"]);
    }
    not_resent.stored(delivery.id);
    assert_eq!(not_resent.take_acks(), ["b1"], "without waiting for the replay");
}

/// D3: stored while no link is up, it is acked when its duplicate comes on the next one.
#[test]
fn stored_without_a_link() {
    let mut rig = linked();
    let delivery = delivered(&mut rig, &inbound("b1", &message("m1")));
    rig.socket_breaks();
    assert!(rig.stored(delivery.id));
    assert_eq!(rig.take_frames(), [] as [Value; 0]);
    rig.runs_to_dial();
    rig.link_up();
    assert_eq!(rig.take_acks(), [""; 0]);
    not_delivered(&mut rig, &inbound("b1", &message("m1")));
    assert_eq!(rig.take_acks(), ["b1"]);
}

/// D3: an ack that the old link took with it is given anew.
#[test]
fn an_ack_lost_with_its_link() {
    let mut rig = linked();
    let delivery = delivered(&mut rig, &inbound("b1", &message("m1")));
    rig.writable = false;
    rig.stored(delivery.id);
    rig.socket_breaks();
    rig.sink_takes();
    assert_eq!(rig.take_acks(), [""; 0]);
    rig.runs_to_dial();
    rig.link_up();
    not_delivered(&mut rig, &inbound("b1", &message("m1")));
    assert_eq!(rig.take_acks(), ["b1"]);
}

/// D4: what was released is neither acked nor remembered: its redelivery is handed out, on this link or another.
#[test]
fn released_deliveries_come_again() {
    let mut rig = linked();
    let line = inbound("b1", &message("m1"));
    let mut delivery = delivered(&mut rig, &line);
    for over_links in [false, true, false] {
        assert!(rig.release(delivery.id));
        assert!(!rig.release(delivery.id) && !rig.stored(delivery.id), "it is settled");
        assert_eq!(rig.take_acks(), [""; 0]);
        if over_links {
            relinks(&mut rig);
        }
        let again = delivered(&mut rig, &line);
        assert_ne!(again.id, delivery.id);
        delivery = again;
    }
    rig.stored(delivery.id);
    assert_eq!(rig.take_acks(), ["b1"]);
}

/// D4: being handed out, or waiting to be, is not being stored: nothing of it is acked, by no later ack either.
#[test]
fn handed_out_is_not_stored() {
    let mut rig = linked();
    rig.app_takes = false;
    rig.connector_says(&inbound("b1", &message("m1")));
    rig.connector_says(&inbound("b2", &message("m2")));
    rig.app_takes = true;
    rig.passes(Duration::ZERO);
    let [first, second] = &rig.take_deliveries()[..] else { panic!("two") };
    rig.stored(second.id);
    assert_eq!(rig.take_acks(), ["b2"]);
    rig.release(first.id);
    assert_eq!(rig.take_acks(), [""; 0]);
}

/// D5: deliveries of both kinds and interrupts come in wire order, however the messages cut the lines.
#[test]
fn wire_order() {
    let lines: String = (0..12)
        .map(|number| match number % 3 {
            0 => inbound(&format!("b{number}"), &message(&format!("m{number}"))),
            1 => passthrough(&format!("b{number}"), &forward(&format!("f{number}"))),
            _ => lines::interrupt_inbound(&format!("s{number}"), "c"),
        })
        .collect();
    for cut in [1, 7, 100, 613, lines.len()] {
        let mut rig = linked();
        for piece in lines.as_bytes().chunks(cut) {
            rig.connector_says(std::str::from_utf8(piece).unwrap());
        }
        let inbound = rig.take_inbound();
        assert_eq!(inbound.len(), 12);
        assert!(matches!(&inbound[5], Inbound::Interrupt { session_key, .. } if &**session_key == "s5"));
    }
}
