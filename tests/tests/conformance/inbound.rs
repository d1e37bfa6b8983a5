//! What a gateway is sent: acked once stored (D1), handed out once (D2, D3) and again when given back (D4), in order
//! (D5), never so much that it matters (D6), and whole whatever its fields are (D8).

use relay_driver::gateway::Inbound;
use relay_driver::proto::action::Action;
use relay_driver::proto::gateway::{Ambiguity, Cause, InboundLimits, Outcome, Status, Violation};
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{
    PATIENCE, Stack, StandIn, answered, becomes, delivered, delivery, inbound, patient, redials_quickly,
    text_of, within,
};

on_both! {
    acked_once_stored,
    what_has_no_buffer_id_is_never_acked,
    handed_out_once_over_reconnects,
    an_edit_is_no_replay,
    a_duplicate_of_what_was_stored_is_acked_at_once,
    a_duplicate_of_what_is_held_waits_for_it,
    what_is_dropped_comes_again,
    in_the_order_of_the_wire,
    a_handler_may_ask_within_a_delivery,
    reading_pauses_while_nothing_is_taken,
    past_the_hard_limit_the_link_is_dropped,
    an_odd_event_keeps_its_json,
}

fn forward(id: &str) -> Value {
    let forward = json!({"platform": "slack", "botId": "b", "method": "POST", "path": "/hook?x=1",
                         "headers": [["a", "1"], ["a", "2"]], "bodyB64": "AAH/"});
    json!({"type": "passthrough_forward", "forward": forward, "bufferId": id})
}

/// D1: a message and a forwarded request are acked when the application has stored them, and not before.
async fn acked_once_stored<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, mut deliveries) = S::connect(patient(&stand_in.url()));
    let mut link = stand_in.link().await;
    for frame in [inbound("message"), forward("forward")] {
        link.send(&frame).await;
        let held = delivery(&mut deliveries).await;
        // An ack would come before the request.
        answered(&gateway, &mut link).await;
        held.stored();
        assert_eq!(link.next_of("inbound_ack").await["bufferId"], frame["bufferId"]);
    }
}

/// D1: a delivery without a `bufferId` is never acked, stored or not.
async fn what_has_no_buffer_id_is_never_acked<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, mut deliveries) = S::connect(patient(&stand_in.url()));
    let mut link = stand_in.link().await;
    for mut frame in [inbound("message"), forward("forward")] {
        frame.as_object_mut().unwrap().remove("bufferId");
        link.send(&frame).await;
        let unbuffered = delivery(&mut deliveries).await;
        assert!(!unbuffered.buffered);
        unbuffered.stored();
        answered(&gateway, &mut link).await;
    }
}

/// D2: over any number of links, one delivery is handed out once: by its `bufferId`, and by what it is under another.
async fn handed_out_once_over_reconnects<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (_gateway, mut deliveries) = S::connect(redials_quickly(&stand_in.url()));
    for turn in 0..4 {
        let mut link = stand_in.link().await;
        link.send(&inbound("once")).await;
        let mut renamed = inbound("once");
        renamed["bufferId"] = json!(format!("another store's {turn}"));
        link.send(&renamed).await;
        let mark = format!("mark {turn}");
        link.send(&inbound(&mark)).await;
        if turn == 0 {
            assert_eq!(delivered(&mut deliveries).await, "once");
        }
        assert_eq!(delivered(&mut deliveries).await, mark);
        link.close(1001, "").await;
    }
}

/// D2: an edit of a message is another delivery, and so is another message with the same words.
async fn an_edit_is_no_replay<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (_gateway, mut deliveries) = S::connect(redials_quickly(&stand_in.url()));
    let mut link = stand_in.link().await;
    let mut edited = inbound("typo");
    edited["event"]["text"] = json!("no typo");
    edited["bufferId"] = json!("edited");
    let mut marked = inbound("typo");
    marked["event"]["source"]["message_is_edit"] = json!(true);
    marked["bufferId"] = json!("marked");
    let mut elsewhere = inbound("typo");
    elsewhere["event"]["source"]["chat_id"] = json!("c2");
    elsewhere["bufferId"] = json!("elsewhere");
    for frame in [inbound("typo"), edited, marked, elsewhere] {
        link.send(&frame).await;
        assert_eq!(delivered(&mut deliveries).await, frame["event"]["text"]);
        assert_eq!(link.next_of("inbound_ack").await["bufferId"], frame["bufferId"]);
    }
}

/// D3: a duplicate of a stored delivery is acked at once, on the link that it came on.
async fn a_duplicate_of_what_was_stored_is_acked_at_once<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, mut deliveries) = S::connect(redials_quickly(&stand_in.url()));
    let mut link = stand_in.link().await;
    link.send(&inbound("m")).await;
    assert_eq!(delivered(&mut deliveries).await, "m");
    for _ in 0..2 {
        // The ack may be lost with the link.
        link.close(1001, "").await;
        link = stand_in.link().await;
        link.send(&inbound("m")).await;
        assert_eq!(link.next_of("inbound_ack").await["bufferId"], "m");
    }
    assert_eq!(gateway.inspect(|machine| machine.skipped().duplicates), 2);
}

/// D3: a duplicate of a delivery that the application still holds is not handed out; both are acked, on the link of
/// that moment, when it is stored.
async fn a_duplicate_of_what_is_held_waits_for_it<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, mut deliveries) = S::connect(redials_quickly(&stand_in.url()));
    let mut link = stand_in.link().await;
    link.send(&inbound("m")).await;
    let held = delivery(&mut deliveries).await;
    for turn in 0..2 {
        link.close(1001, "").await;
        link = stand_in.link().await;
        link.send(&inbound("m")).await;
        let mark = format!("mark {turn}");
        link.send(&inbound(&mark)).await;
        assert_eq!(delivered(&mut deliveries).await, mark);
        assert_eq!(link.next_of("inbound_ack").await["bufferId"], mark);
        answered(&gateway, &mut link).await;
    }
    held.stored();
    assert_eq!(link.next_of("inbound_ack").await["bufferId"], "m");
}

/// D4: a delivery that the application drops, or gives back, is not acked, and is handed out when it comes again.
async fn what_is_dropped_comes_again<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (_gateway, mut deliveries) = S::connect(patient(&stand_in.url()));
    let mut link = stand_in.link().await;
    for turn in 0..3 {
        link.send(&inbound("first")).await;
        // What is handed out for certain, so that nothing is waited for in vain.
        link.send(&json!({"type": "inbound", "event": {"text": "mark"}})).await;
        let first = delivery(&mut deliveries).await;
        assert!(first.buffered, "turn {turn}: it was not handed out");
        match turn {
            0 => drop(first),
            1 => first.release(),
            _ => first.stored(),
        }
        assert_eq!(delivered(&mut deliveries).await, "mark");
    }
    assert_eq!(link.next_of("inbound_ack").await["bufferId"], "first");
    assert!(link.leftovers().is_empty());
}

/// D5: deliveries and interrupts are handed out in the order of the wire.
async fn in_the_order_of_the_wire<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (_gateway, mut deliveries) = S::connect(redials_quickly(&stand_in.url()));
    let mut link = stand_in.link().await;
    for number in 0..300 {
        link.send(&match number % 3 {
            0 => inbound(&number.to_string()),
            1 => forward(&number.to_string()),
            _ => json!({"type": "interrupt_inbound", "session_key": number.to_string(), "chat_id": "c"}),
        })
        .await;
    }
    for number in 0..300 {
        match within("what comes next", deliveries.next()).await.unwrap() {
            Inbound::Interrupt { session_key, .. } => assert_eq!(&*session_key, number.to_string()),
            Inbound::Delivery(delivery) => {
                assert_eq!(delivery.forward().is_some(), number % 3 == 1, "{number}");
                delivery.stored();
                assert_eq!(link.next_of("inbound_ack").await["bufferId"], number.to_string());
            }
        }
    }
}

/// D6: while it handles a delivery or an interrupt, an application may ask for something and wait for the result,
/// however much it was sent that it has not taken.
async fn a_handler_may_ask_within_a_delivery<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = patient(&stand_in.url());
    config.link.inbound = InboundLimits { soft_count: 2, ..InboundLimits::default() };
    let (gateway, mut deliveries) = S::connect(config);
    let mut link = stand_in.link().await;
    link.send(&json!({"type": "interrupt_inbound", "session_key": "s", "chat_id": "c"})).await;
    for number in 0..20 {
        link.send(&inbound(&number.to_string())).await;
    }
    assert!(matches!(within("an interrupt", deliveries.next()).await, Some(Inbound::Interrupt { .. })));
    answered(&gateway, &mut link).await;
    for number in 0..20 {
        let handled = delivery(&mut deliveries).await;
        answered(&gateway, &mut link).await;
        assert_eq!(text_of(&handled), number.to_string());
        handled.stored();
        link.next_of("inbound_ack").await;
    }
}

/// D6: while nothing is taken, reading pauses before it is too much; what waits meanwhile is not lost.
async fn reading_pauses_while_nothing_is_taken<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = patient(&stand_in.url());
    config.link.inbound = InboundLimits { soft_count: 8, hard_count: 400, ..InboundLimits::default() };
    let (gateway, mut deliveries) = S::connect(config);
    let mut link = stand_in.link().await;
    for number in 0..1_000 {
        link.send(&inbound(&number.to_string())).await;
    }
    let pausing = async {
        while gateway.inspect(|machine| machine.wants_read()) {
            tokio::task::yield_now().await;
        }
    };
    within("the pause", pausing).await;
    // Everything was sent: had it been read, it would be over the hard limit.
    link.send_message(Message::Ping("read me".into())).await;
    let began = Instant::now();
    for number in 0..1_000 {
        assert_eq!(delivered(&mut deliveries).await, number.to_string());
    }
    // Reading goes on once there is room, and not when a timer fires for something else.
    assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
    assert_eq!(gateway.watch().current().status, Status::Linked);
}

/// D6: past the hard limit the link is dropped with a reason, and what waited for a result is settled.
async fn past_the_hard_limit_the_link_is_dropped<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = patient(&stand_in.url());
    config.link.inbound = InboundLimits { soft_count: 8, hard_count: 100, ..InboundLimits::default() };
    let (gateway, _deliveries) = S::connect(config);
    let mut link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
    // Reading goes on for the result of this one.
    let asking = tokio::spawn({
        let gateway = gateway.clone();
        async move { gateway.send(Action::send("c", "x")).await.unwrap() }
    });
    link.next_of("outbound").await;
    let flood = (0..200).map(|number| Message::text(format!("{}\n", inbound(&number.to_string())))).collect();
    let closed = link.closed_while_sending(flood).await;
    assert_eq!(closed, (1008, "more deliveries than the application takes".to_owned()));
    assert_eq!(within("an outcome", asking).await.unwrap(), Outcome::Ambiguous(Ambiguity::LinkLost));
    let cause = gateway.watch().current().cause;
    assert_eq!(cause.as_deref(), Some(&Cause::Violation(Violation::Overflow)));
}

/// D8: an event whose fields are of the wrong type is delivered all the same: each field falls back for itself, and
/// the JSON is there as it came.
async fn an_odd_event_keeps_its_json<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (_gateway, mut deliveries) = S::connect(redials_quickly(&stand_in.url()));
    let mut link = stand_in.link().await;
    let odd = json!({"text": "kept", "message_type": [], "media_urls": 7, "reply_to": "no object",
                     "source": {"platform": "relay", "chat_id": 42, "is_bot": "perhaps"}, "unknown": {"deep": [1, 2]}});
    for event in [odd, json!({"text": {"no": "text"}}), json!([1]), json!(null), json!("x")] {
        link.send(&json!({"type": "inbound", "event": event})).await;
        let odd = delivery(&mut deliveries).await;
        assert_eq!(serde_json::from_str::<Value>(odd.json()).unwrap(), event);
        let view = odd.event().unwrap();
        let kept = event["text"].as_str().unwrap_or_default();
        assert_eq!(view.text, kept);
        if kept == "kept" {
            assert_eq!(&*view.source.chat_id, "42", "a number where an id is expected");
        }
        drop(view);
        odd.stored();
    }
}
