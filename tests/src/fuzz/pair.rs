//! Both machines on a fake network, under any moves of the world.

use std::time::Duration;

use relay_proto::connector;
use relay_proto::gateway::{Config, Status};

use super::gateway::narrow;
use super::input::Input;
use super::session::{kind, small_mailbox};
use crate::pair::{FAULTS, Pair};
use crate::script::{Move, play};

/// Enough for two or three faults and their recovery, and few enough that no input is slow.
const MOST_MOVES: usize = 120;

/// W1, W2, W3, W4: whatever the world does, once it lets be, everything that was appended is kept once or is with the
/// dead letters, and every request is settled. Where nothing is ever given up as dead, all of it is kept.
///
/// One byte of settings, and then the moves.
pub fn pair(data: &[u8]) {
    let mut input = Input::new(data);
    let bits = input.byte();
    let never_dead = bits & 1 != 0;
    let dormant_redial = (bits & 2 != 0).then_some(Duration::from_secs(600));
    let give_outs = if never_dead { 1000 } else { 3 };
    // The moves may put off deleting what is acked for as long as they like, and a crash then sends all of it again.
    let gateway = Config { dormant_redial, dedupe_window: MOST_MOVES, ..narrow() };
    let mut pair = Pair::new(gateway, connector::Config { give_outs, ..small_mailbox() });
    let mut moves = Vec::new();
    while !input.is_empty() && moves.len() < MOST_MOVES {
        let next = read(&mut input);
        moves.push(next);
    }
    play(&mut pair, &moves);
    pair.heal();
    pair.wake();
    pair.drive();
    pair.heal();
    pair.drive();
    assert_eq!(pair.gateway.status(), Status::Linked, "W4");
    assert_eq!(pair.session.backlog(), 0, "W4");
    assert!(pair.inbox.asked.is_empty(), "O1");
    pair.assert_nothing_is_lost();
    if never_dead {
        let mut kept = pair.inbox.numbers();
        kept.sort_unstable();
        assert_eq!(kept, (0..pair.platform.end).collect::<Vec<_>>(), "W1");
        assert!(pair.platform.store.is_empty(), "C3: acked and deleted");
    }
}

fn read(input: &mut Input<'_>) -> Move {
    match input.byte() % 16 {
        0..=4 => Move::Step(input.index()),
        5 | 6 => Move::Steps(1 + input.index() % 12),
        7 => Move::Tick,
        8 | 9 => Move::Strike(input.pick(&FAULTS)),
        10 => Move::Heal,
        11 | 12 => Move::Append(kind(input)),
        13 => Move::Say(input.flag()),
        14 => Move::GoDormant,
        _ => Move::Wake,
    }
}
