//! What a socket that fails over a send costs, by rules O2 and O3: what was not handed to it was certainly not done.

use relay_proto::action::Action;
use relay_proto::gateway::{Ambiguity, Failure, Outcome};

use tungstenite::Message;

use super::scripted::linked;
use crate::scripted::{World, poll};

/// O2, O3: of three requests that wait for room, the one over which the socket fails may have been done; the others were
/// not. A socket may fail over a send before any read has seen that the peer is gone.
#[test]
fn what_is_behind_a_failed_send_was_not_written() {
    let world = World::default();
    let (gateway, _deliveries, mut driver) = linked(&world);

    world.fails_over_sends();
    let mut sends: Vec<_> =
        ["a", "b", "c"].map(|text| Box::pin(gateway.send(Action::send("1", text)))).into_iter().collect();
    assert!(sends.iter_mut().all(|send| poll(send).is_none()));
    poll(&mut driver);
    let outcomes: Vec<Outcome> = sends.iter_mut().map(|send| poll(send).unwrap().unwrap()).collect();
    let (maybe, not_done) = (Outcome::Ambiguous(Ambiguity::LinkLost), Outcome::Failed(Failure::LinkLost));
    assert_eq!(outcomes, [maybe, not_done.clone(), not_done]);
}

/// O2: what the peer had answered before counts, although more of it is there than one turn reads.
#[test]
fn answers_that_came_before_a_failed_send_count() {
    const ANSWERED: usize = 40;
    let world = World::default();
    let (gateway, _deliveries, mut driver) = linked(&world);
    world.take_sent();
    let ask = || Box::pin(gateway.send(Action::send("1", "x")));
    let mut answered: Vec<_> = (0..ANSWERED).map(|_| ask()).collect();
    assert!(answered.iter_mut().all(|send| poll(send).is_none()));
    poll(&mut driver);
    for request in world.take_sent() {
        let request: serde_json::Value = serde_json::from_str(request.to_text().unwrap()).unwrap();
        let id = &request["requestId"];
        world.peer_sends(Message::text(format!(
            "{{\"type\":\"outbound_result\",\"requestId\":{id},\"result\":{{\"success\":true}}}}\n"
        )));
    }
    world.fails_over_sends();
    let mut one_more = ask();
    assert!(poll(&mut one_more).is_none());
    while world.unread() > 0 {
        poll(&mut driver);
    }
    poll(&mut driver);
    let outcomes = answered.iter_mut().map(|send| poll(send).unwrap().unwrap());
    assert_eq!(outcomes.filter(|outcome| matches!(outcome, Outcome::Answered(_))).count(), ANSWERED);
    assert_eq!(poll(&mut one_more), Some(Ok(Outcome::Ambiguous(Ambiguity::LinkLost))));
}

/// A peer that sends for ever and takes nothing is not listened to for ever.
#[test]
fn a_flood_does_not_hold_a_broken_link() {
    let world = World::default();
    let (gateway, _deliveries, mut driver) = linked(&world);
    world.fails_over_sends();
    let mut send = Box::pin(gateway.send(Action::send("1", "x")));
    for _ in 0..10_000 {
        if let Some(outcome) = poll(&mut send) {
            assert_eq!(outcome, Ok(Outcome::Ambiguous(Ambiguity::LinkLost)));
            return;
        }
        (0..32).for_each(|_| world.peer_sends(Message::Pong(vec![0; 4].into())));
        poll(&mut driver);
    }
    panic!("the request is still open");
}
