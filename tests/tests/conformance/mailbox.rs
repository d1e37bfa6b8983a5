//! A connector's mailbox on the wire: done when acked (C3), a window in order (C4), silent after `going_idle` (C5, C7),
//! drained and then live (C6), with an end to what is never acked (C9).

use std::time::Duration;

use relay_driver::proto::connector::{DeathCause, Status};
use serde_json::{Value, json};

use crate::harness::{End, House, Stack, calm};

on_both! {
    done_when_acked,
    the_window_bounds_what_is_unacked,
    a_new_link_starts_at_the_first_unacked,
    after_going_idle_nothing_is_pushed,
    drained_and_then_live,
    flipped_and_still_connected,
    what_is_never_acked_is_buried,
    what_is_too_large_is_buried_at_once,
    forwards_to_a_peer_that_never_acks_them,
}

fn ack(entry: &Value) -> Value {
    json!({"type": "inbound_ack", "bufferId": entry["bufferId"]})
}

async fn takes(link: &mut End, text: &str) -> Value {
    let entry = link.next_of("inbound").await;
    assert_eq!(entry["event"]["text"], text);
    entry
}

/// Asks for something: whatever was said before it, the session has seen once this is answered. Nothing else may come
/// before the answer.
async fn has_had_its_turn(link: &mut End) {
    let action = json!({"op": "send", "chat_id": "c", "content": "x", "metadata": {}});
    link.send(&json!({"type": "outbound", "requestId": "turn", "action": action})).await;
    link.next_of("outbound_result").await;
}

/// C3: an entry is done when it is acked, and not before: every one bears a `bufferId` of its own, live or not.
async fn done_when_acked<S: Stack>() {
    let house = House::<S>::start();
    house.say("buffered");
    let mut link = house.link().await;
    let first = takes(&mut link, "buffered").await;
    house.say("live");
    let second = takes(&mut link, "live").await;
    assert_ne!(first["bufferId"], second["bufferId"]);
    assert!(first["bufferId"].is_string() && second["bufferId"].is_string());
    for near in ["", "0", "no-such-0", &format!("{}0", first["bufferId"].as_str().unwrap())] {
        link.send(&json!({"type": "inbound_ack", "bufferId": near})).await;
    }
    has_had_its_turn(&mut link).await;
    assert_eq!(house.session().backlog(), 2);
    for (entry, left) in [(&second, 1), (&second, 1), (&first, 0)] {
        link.send(&ack(entry)).await;
        has_had_its_turn(&mut link).await;
        assert_eq!(house.session().backlog(), left);
    }
}

/// C4: no more than the window is unacked, and each ack makes room for one.
async fn the_window_bounds_what_is_unacked<S: Stack>() {
    let mut config = calm();
    config.session.window = 4;
    let house = House::<S>::with(config);
    let mut link = house.link().await;
    for number in 0..10 {
        house.say(&number.to_string());
    }
    let mut entries = Vec::new();
    for number in 0..10 {
        if number >= 4 {
            has_had_its_turn(&mut link).await;
            link.send(&ack(&entries[number - 4])).await;
        }
        entries.push(takes(&mut link, &number.to_string()).await);
    }
}

/// C4: a new link starts at the first unacked entry, keeps the order, and never repeats an acked one.
async fn a_new_link_starts_at_the_first_unacked<S: Stack>() {
    let house = House::<S>::start();
    let mut link = house.link().await;
    for number in 0..8 {
        house.say(&number.to_string());
    }
    for number in 0..8 {
        let entry = takes(&mut link, &number.to_string()).await;
        if [0, 1, 5].contains(&number) {
            link.send(&ack(&entry)).await;
        }
    }
    has_had_its_turn(&mut link).await;
    drop(link);
    house.becomes(Status::Offline).await;
    let mut link = house.link().await;
    for number in [2, 3, 4, 6, 7] {
        takes(&mut link, &number.to_string()).await;
    }
    has_had_its_turn(&mut link).await;
}

/// C5: after `going_idle` comes the ack and no entry more; what arrives is buffered, and requests are still answered.
async fn after_going_idle_nothing_is_pushed<S: Stack>() {
    let house = House::<S>::start();
    let mut link = house.link().await;
    for number in 0..200 {
        house.say(&number.to_string());
    }
    link.send(&json!({"type": "going_idle"})).await;
    while link.next().await["type"] != "going_idle_ack" {}
    assert_eq!(house.session().status(), Status::Flipped);
    house.say("for later");
    has_had_its_turn(&mut link).await;
    assert!(link.leftovers().is_empty());
    link.close(1000, "").await;
    house.becomes(Status::Offline).await;
    assert_eq!(house.session().backlog(), 201);
}

/// C6: a new handshake drains and then runs live, with no gap and no reordering between the two.
async fn drained_and_then_live<S: Stack>() {
    let house = House::<S>::start();
    for number in 0..100 {
        house.say(&number.to_string());
    }
    let mut link = house.link().await;
    for number in 0..200 {
        if number < 100 {
            // Appended while the ones before it drain.
            house.say(&(number + 100).to_string());
        }
        let entry = takes(&mut link, &number.to_string()).await;
        link.send(&ack(&entry)).await;
    }
    has_had_its_turn(&mut link).await;
    assert_eq!(house.session().backlog(), 0);
}

/// C7: a gateway that asked to be only buffered for and stays connected all the same is pushed to again.
async fn flipped_and_still_connected<S: Stack>() {
    let mut config = calm();
    config.session.flip_timeout = Duration::from_millis(50);
    let house = House::<S>::with(config);
    let mut link = house.link().await;
    link.send(&json!({"type": "going_idle"})).await;
    link.next_of("going_idle_ack").await;
    house.say("stuck otherwise");
    takes(&mut link, "stuck otherwise").await;
    assert_eq!(house.session().status(), Status::Live);
}

/// C9: an entry that was given out so often without an ack goes to the dead letters, and those behind it move on.
async fn what_is_never_acked_is_buried<S: Stack>() {
    let mut config = calm();
    config.session.give_outs = 3;
    config.session.window = 1;
    let house = House::<S>::with(config);
    house.say("poison");
    house.say("behind it");
    for _ in 0..3 {
        let mut link = house.link().await;
        takes(&mut link, "poison").await;
        drop(link);
        house.becomes(Status::Offline).await;
    }
    let mut link = house.link().await;
    takes(&mut link, "behind it").await;
    let dead = house.session().dead_letters();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].cause, DeathCause::NeverAcked { give_outs: 3 });
    assert!(std::str::from_utf8(&dead[0].line).unwrap().contains("poison"));
}

/// C9: an entry that is too large for a frame goes to the dead letters at once.
async fn what_is_too_large_is_buried_at_once<S: Stack>() {
    let mut config = calm();
    config.session.send_limit = 4 << 10;
    let house = House::<S>::with(config);
    house.say(&"x".repeat(5 << 10));
    house.say("small");
    let mut link = house.link().await;
    takes(&mut link, "small").await;
    assert_eq!(house.session().dead_letters()[0].cause, DeathCause::TooLarge);
}

/// C9: of a peer that never acks a forwarded request, an ack of a later entry on the same link settles it.
async fn forwards_to_a_peer_that_never_acks_them<S: Stack>() {
    let house = House::<S>::start();
    let mut link = house.link().await;
    house.forward("/one");
    house.say("between");
    house.forward("/two");
    link.next_of("passthrough_forward").await;
    let entry = takes(&mut link, "between").await;
    link.next_of("passthrough_forward").await;
    has_had_its_turn(&mut link).await;
    assert_eq!(house.session().backlog(), 3);
    link.send(&ack(&entry)).await;
    has_had_its_turn(&mut link).await;
    assert_eq!(house.session().backlog(), 1, "the one before it is settled, the one behind it is not");
}
