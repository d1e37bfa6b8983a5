//! What a turn that comes late makes of a deadline: the answer may be there already, behind much else (rule K1).

use std::time::Duration;

use relay_proto::gateway::Status;
use tungstenite::Message;

use super::scripted::linked;
use crate::scripted::{World, poll};

const BEAT: Duration = Duration::from_secs(30);

/// Longer than the patience for a pong.
const TOO_LONG: Duration = Duration::from_secs(65);

/// K1: the process stood still, and meanwhile the pong came, the last of a hundred messages.
#[test]
fn a_pong_that_is_there_already_counts() {
    let world = World::default();
    let (gateway, _deliveries, mut driver) = linked(&world);
    let ping = sleep_over_a_ping(&world, &mut driver);
    (0..99).for_each(|_| world.peer_sends(noise()));
    world.peer_sends(Message::Pong(ping.into_data()));

    while world.unread() > 0 {
        poll(&mut driver);
    }
    poll(&mut driver);
    assert_eq!(gateway.watch().current().status, Status::Linked);
    assert!(matches!(&*world.take_sent(), [Message::Ping(_)]), "the link's beat goes on");
}

/// K1: a peer that sends more and more, and no pong, does not hold up the time.
#[test]
fn a_flood_is_no_answer() {
    let world = World::default();
    let (gateway, _deliveries, mut driver) = linked(&world);
    sleep_over_a_ping(&world, &mut driver);
    (0..10_000).for_each(|_| world.peer_sends(noise()));

    while gateway.watch().current().status == Status::Linked {
        assert!(world.unread() > 0, "all of it was read first");
        poll(&mut driver);
    }
}

/// The link's ping is on its way, and then nothing runs for too long.
fn sleep_over_a_ping(world: &World, driver: &mut crate::BoxFuture<()>) -> Message {
    world.take_sent();
    world.pass(BEAT);
    poll(driver);
    let ping = world.take_sent().pop().unwrap();
    assert!(ping.is_ping());
    world.pass(TOO_LONG);
    ping
}

/// A frame that means nothing to a gateway.
fn noise() -> Message {
    Message::text("{\"type\":\"weather\"}\n")
}
