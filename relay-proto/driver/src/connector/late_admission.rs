//! What becomes of sockets that come while their credential, or the connector, goes.

use relay_proto::Features;
use relay_proto::connector::Status;

use super::scripted::{Desk, Mood, admission, closes, greeted, knowing, record};
use crate::scripted::{World, poll};

/// C11: between the check of a token and the end of its upgrade the credential was revoked, and the gateway got a new one:
/// the old token opens no link, whether or not the socket was there already.
#[test]
fn an_admission_does_not_outlive_its_credential() {
    for is_there_already in [false, true] {
        let world = World::default();
        let connector = knowing(&world, Desk::new(Mood::Answers), "leaked");
        world.poll_tasks();
        let mut admitted = Some(admission(&connector, "leaked"));
        let mut attach = || {
            if let Some(admitted) = admitted.take() {
                connector.attach(admitted, Features::default(), world.clone());
            }
        };
        if is_there_already {
            attach();
        }
        assert!(connector.revoke("g"));
        connector.register(record("new")).unwrap();
        attach();
        world.poll_tasks();
        assert_eq!(closes(&world.take_sent()), [4401], "{is_there_already}");
        assert_eq!(connector.session("i").unwrap().status(), Status::Offline);

        connector.attach(admission(&connector, "new"), Features::default(), world.clone());
        world.poll_tasks();
        assert_eq!(connector.session("i").unwrap().status(), Status::Greeting);
    }
}

/// A gateway is told that the connector goes away, and may dial the next one: also when nobody shuts it down by name.
#[test]
fn dropping_every_handle_shuts_the_sessions_down() {
    let world = World::default();
    let connector = knowing(&world, Desk::new(Mood::Answers), "s");
    let socket = greeted(&connector, &world, 1);
    let session = connector.session("i").unwrap();
    assert_eq!(session.status(), Status::Live);
    let another = connector.clone();
    drop(connector);
    world.poll_tasks();
    assert_eq!(session.status(), Status::Live, "there is another handle");
    drop(another);
    world.poll_tasks();
    assert_eq!(closes(&socket.take_sent()), [1001]);
    socket.peer_leaves();
    world.poll_tasks();
    assert_eq!((session.status(), world.tasks()), (Status::ShutDown, 0));
}

/// Sockets that come while their session ends, and after that, are told so, and not left lying.
#[test]
fn sockets_around_the_end_are_refused() {
    let world = World::default();
    let connector = knowing(&world, Desk::new(Mood::Answers), "s");
    let sockets: [World; 4] = Default::default();
    let attach = |socket: &World| {
        connector.attach(admission(&connector, "s"), Features::default(), socket.clone());
    };
    // The first has gone by itself; the others are waited for.
    sockets[0].peer_leaves();
    sockets[..2].iter().for_each(attach);
    let mut ending = Box::pin(connector.shut_down());
    assert!(poll(&mut ending).is_none());
    attach(&sockets[2]);
    world.poll_tasks();
    sockets[1..].iter().for_each(World::peer_leaves);
    world.poll_tasks();
    assert!(poll(&mut ending).is_some());
    attach(&sockets[3]);
    world.poll_tasks();
    assert_eq!(world.tasks(), 0);
    let told = sockets.map(|socket| closes(&socket.take_sent()));
    assert_eq!(told, [vec![], vec![1001], vec![1001], vec![1001]]);
}
