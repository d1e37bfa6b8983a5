//! What a socket that fails over a send costs, by rules O2 and O3: what was not handed to it was certainly not done.

use relay_proto::action::Action;
use relay_proto::gateway::{Ambiguity, Failure, Outcome};

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
