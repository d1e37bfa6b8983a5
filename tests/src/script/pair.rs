//! Scripts for the whole system.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use relay_proto::DeliveryKind;

use super::pick;
use crate::pair::{FAULTS, Fault, Pair};

/// One move of the world.
#[derive(Clone, Copy, Debug)]
pub enum Move {
    /// The possible step of this number happens.
    Step(usize),
    /// So many steps happen, in the usual order.
    Steps(usize),
    /// Time passes up to the next deadline.
    Tick,
    /// Something goes wrong.
    Strike(Fault),
    /// What was stalled goes on, on another link.
    Heal,
    /// Something is appended.
    Append(DeliveryKind),
    /// The agent says something.
    Say(bool),
    /// The gateway is to go dormant.
    GoDormant,
    /// Something wants the gateway up.
    Wake,
}

/// The world makes these moves.
pub fn play(pair: &mut Pair, moves: &[Move]) {
    for (number, made) in moves.iter().enumerate() {
        match *made {
            Move::Step(which) => {
                if let Some(step) = pick(&pair.enabled(), which) {
                    pair.apply(*step);
                }
            }
            Move::Steps(count) => _ = pair.drive_bounded(count),
            Move::Tick => _ = pair.tick(),
            Move::Strike(fault) => pair.strike(fault),
            Move::Heal => pair.heal(),
            Move::Append(kind) => _ = pair.append(kind),
            Move::Say(patient) => _ = pair.say(&format!("text {number}"), patient),
            Move::GoDormant => _ = pair.go_dormant(),
            Move::Wake => pair.wake(),
        }
    }
}

/// Scripts of any moves in any order.
pub fn moves() -> impl Strategy<Value = Vec<Move>> {
    let kind = prop_oneof![3 => Just(DeliveryKind::Message), 1 => Just(DeliveryKind::Passthrough)];
    let one = prop_oneof![
        20 => any::<usize>().prop_map(Move::Step),
        6 => (1..12_usize).prop_map(Move::Steps),
        2 => Just(Move::Tick),
        4 => select(FAULTS.to_vec()).prop_map(Move::Strike),
        2 => Just(Move::Heal),
        7 => kind.prop_map(Move::Append),
        4 => any::<bool>().prop_map(Move::Say),
        2 => Just(Move::GoDormant),
        2 => Just(Move::Wake),
    ];
    vec(one, 1..80)
}
