//! The real machines against the reference model, under random schedules.
//!
//! There are 256 schedules, the same ones each run; with `PROPTEST_CASES` there are so many, and others each time. A
//! failure is shrunk, printed, and written to `reference.regressions` beside this file, from which it is tried first the
//! next time; the line that is printed with it does the same on another machine.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{FailurePersistence, FileFailurePersistence, RngSeed, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, prop_state_machine};
use relay_tests::reference::{
    Act, End, Lockstep, Machines, Move, Op, Patience, Reference, SECOND, What, World, play,
};

/// The longest schedule.
const MOVES: usize = 150;

fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    let kept =
        || -> Box<dyn FailurePersistence> { Box::new(FileFailurePersistence::WithSource("regressions")) };
    let failure_persistence = config.failure_persistence.as_ref().map(|_| kept());
    let rng_seed = match config.rng_seed {
        RngSeed::Random if std::env::var_os("PROPTEST_CASES").is_none() => RngSeed::Fixed(20),
        seed => seed,
    };
    ProptestConfig { failure_persistence, rng_seed, ..config }
}

prop_state_machine! {
    #![proptest_config(config())]

    /// L1 to L8, L10, A1 to A4, A6, H1, H2, D1 to D4, O1 to O5, O10, I1 to I4, K1, C3 to C12, W1 to W4: after each
    /// thing that happens, the machines are as the model says; and once all is healed, everything is drained.
    #[test]
    fn the_machines_do_what_the_model_does(sequential 1..MOVES => Machines);
}

/// The schedules would be worth little if they never got anywhere: what they lead to, W4 and A4 among it.
#[test]
fn the_schedules_get_around() {
    let rng_seed = RngSeed::Fixed(4);
    let mut runner = TestRunner::new(ProptestConfig { rng_seed, failure_persistence: None, ..config() });
    let schedules = Reference::sequential_strategy(1..MOVES);
    let mut seen = BTreeSet::new();
    for _ in 0..300 {
        let (mut world, moves, _) = schedules.new_tree(&mut runner).expect("a schedule").current();
        for made in &moves {
            world = Reference::apply(world, made);
            seen.extend(world.sights());
        }
    }
    let missing: Vec<_> = World::SIGHTS.iter().filter(|sight| !seen.contains(*sight)).collect();
    assert!(missing.is_empty(), "never seen: {missing:?}");
}

fn both(wakeable: bool) -> Lockstep {
    Lockstep::new(&Reference::fresh(false, wakeable))
}

fn all(both: &mut Lockstep, moves: &[Move]) {
    moves.iter().for_each(|made| play(both, made));
}

/// A3: a refusal that comes when the token has grown old is no revocation; the next, of a young one, is (A4).
#[test]
fn refused_late_and_in_time() {
    let mut both = both(false);
    let refused = Move::One(Act::Rebuff(4401, "unauthorized"));
    all(&mut both, &[Move::GoOn(20), Move::One(Act::Cut), Move::GoOn(5), Move::Tick, Move::RefusedLate]);
    assert_eq!(both.status(), "Dialing");
    all(&mut both, &[refused, Move::GoOn(1)]);
    assert_eq!(both.status(), "Disabled");
}

/// C9, D4: what the application sends back each time goes to the dead letters, and its neighbours do not.
#[test]
fn sent_back_for_ever() {
    let mut both = both(false);
    let post = Move::One(Act::Post(What::Message));
    all(&mut both, &[Move::GoOn(20), post.clone(), post]);
    for _ in 0..5 {
        all(&mut both, &[Move::Flap(1), Move::One(Act::Release)]);
    }
    both.ends_well();
    assert_eq!(both.dead_letters(), 1);
}

/// C5: the ack of `going_idle` waits for the result that was to be written before it.
#[test]
fn quiet_behind_results() {
    let mut both = both(false);
    let one = |act: Act| Move::One(act);
    all(&mut both, &[Move::GoOn(20), one(Act::Ask(Op::Send, Patience::None)), Move::GoOn(2)]);
    all(&mut both, &[one(Act::Stall(End::Connector)), Move::GoOn(1), one(Act::GoDormant), Move::GoOn(9)]);
    all(&mut both, &[one(Act::Flow), Move::GoOn(1)]);
    assert_eq!(both.status(), "GoingIdle", "and not dormant yet");
    all(&mut both, &[Move::GoOn(9)]);
    assert_eq!(both.status(), "Dormant");
}

/// O2, O10, I4: at a shutdown a request that is written may still be answered, and one that waits for a full sink is
/// certainly not done.
#[test]
fn shut_down_with_a_full_sink() {
    let mut both = both(true);
    let ask = Move::One(Act::Ask(Op::Send, Patience::None));
    all(&mut both, &[Move::GoOn(20), ask.clone(), Move::One(Act::Stall(End::Gateway)), ask]);
    all(&mut both, &[Move::One(Act::ShutDown), Move::GoOn(20), Move::Pass(6 * SECOND)]);
    assert_eq!(both.status(), "ShutDown");
}
