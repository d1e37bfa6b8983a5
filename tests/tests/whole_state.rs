//! Any script on either machine and on both: nothing panics, every rule that holds at every step holds, the same
//! script gives the same outputs, and there is a way back from wherever it led.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use relay_proto::connector;
use relay_proto::gateway::{Config, Identity, InboundLimits, Status, Transmit};
use relay_tests::lines;
use relay_tests::pair::Pair;
use relay_tests::script::{
    GatewayInput, GatewayRun, SessionRun, gateway_inputs, moves, play, session_inputs,
};

/// Small limits, so that scripts reach them; a cadence, so that dormancy ends.
fn narrow() -> Config {
    Config {
        identities: vec![Identity::new("discord", "d"), Identity::new("slack", "s")],
        inbound: InboundLimits { soft_count: 3, hard_count: 12, soft_bytes: 3000, hard_bytes: 9000 },
        dedupe_window: 5,
        request_limit: 6,
        route_limit: 4,
        line_limit: 2000,
        ..Config::default()
    }
}

fn small_mailbox() -> connector::Config {
    connector::Config {
        window: 4,
        give_outs: 3,
        wakeable: true,
        request_limit: 3,
        line_limit: 500,
        ..connector::Config::default()
    }
}

fn the_same_cases_each_run(cases: u32) -> ProptestConfig {
    let rng_seed = RngSeed::Fixed(20);
    ProptestConfig { cases, rng_seed, failure_persistence: None, ..ProptestConfig::default() }
}

fn hash(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// D1, D2, D4: a copy that came under another `bufferId` while the first one waited shares its fate. After a release
/// it is as if neither had come: the same message is new under a third id, and the copy's id may name another one.
#[test]
fn a_copy_of_what_is_released() {
    let says = |buffer_id, name| GatewayInput::Says(lines::inbound(buffer_id, &lines::message(name)));
    let mut run = GatewayRun::new(narrow());
    for input in [
        GatewayInput::Open,
        GatewayInput::Says(lines::descriptor("discord")),
        says("b1", "m1"),
        says("b2", "m1"),
        GatewayInput::Releases(0),
        says("b3", "m1"),
        GatewayInput::Stores(1),
        says("b2", "m2"),
        says("b4", "m1"),
        GatewayInput::Stores(2),
    ] {
        run.apply(&input);
    }
    assert_eq!(run.log.2.len(), 3, "{:?}", run.log.2);
    let acks = run.log.0.iter().filter_map(|transmit| match transmit {
        Transmit::Frame(_, line) => lines::read(line)["bufferId"].as_str().map(str::to_owned),
        _ => None,
    });
    assert_eq!(acks.collect::<Vec<_>>(), ["b3", "b4", "b2"]);
}

proptest! {
    #![proptest_config(the_same_cases_each_run(600))]

    /// L1, L2, L4, L6, A4, H1, D1, D2, D5, O1, O2, W4: the gateway's rules that hold at every step, whatever happens.
    #[test]
    fn a_gateway_under_any_script(script in gateway_inputs()) {
        let mut run = GatewayRun::new(narrow());
        script.iter().for_each(|input| run.apply(input));
        run.recovers();
    }

    /// K2: what a machine does from some point on does not depend on when its clock began.
    #[test]
    fn a_gateway_by_another_clock(before in gateway_inputs(), after in gateway_inputs()) {
        let mut run = GatewayRun::new(narrow());
        before.iter().for_each(|input| run.apply(input));
        let epoch = run.rig.now;
        let mut rebased = run.clone();
        rebased.rig.rebase();
        after.iter().for_each(|input| run.apply(input));
        after.iter().for_each(|input| rebased.apply(input));
        run.rig.machine.rebase(epoch);
        prop_assert_eq!(&run.rig.machine, &rebased.rig.machine);
        prop_assert_eq!((&run.log.0, &run.log.2), (&rebased.log.0, &rebased.log.2));
    }

    /// K2: the same for a session.
    #[test]
    fn a_session_by_another_clock(before in session_inputs(), after in session_inputs()) {
        let mut run = SessionRun::new(small_mailbox());
        before.iter().for_each(|input| run.apply(input));
        let epoch = run.rig.now;
        let mut rebased = run.clone();
        rebased.rig.rebase();
        after.iter().for_each(|input| run.apply(input));
        after.iter().for_each(|input| rebased.apply(input));
        run.rig.machine.rebase(epoch);
        prop_assert_eq!(&run.rig.machine, &rebased.rig.machine);
        prop_assert_eq!(run.log, rebased.log);
    }

    /// L2, W4: the same for one that is told not to reconnect, and one whose token never expires.
    #[test]
    fn other_gateways_under_any_script(script in gateway_inputs(), reconnect: bool) {
        let redial = Some(Duration::from_secs(90));
        let config = Config { reconnect, token_lifetime: None, dormant_redial: redial, ..narrow() };
        let mut run = GatewayRun::new(config);
        script.iter().for_each(|input| run.apply(input));
        run.recovers();
    }

    /// K2: a gateway's outputs follow from its inputs alone, and a clone is the same machine: it has the same hash,
    /// and the same future.
    #[test]
    fn a_gateway_is_its_inputs(script in gateway_inputs(), cut in 0_usize..80) {
        let mut first = GatewayRun::new(narrow());
        let mut second = first.clone();
        let (before, after) = script.split_at(cut.min(script.len()));
        for input in before {
            first.apply(input);
            second.apply(input);
        }
        let mut clone = first.clone();
        prop_assert_eq!(hash(&clone.rig.machine), hash(&second.rig.machine));
        for input in after {
            first.apply(input);
            clone.apply(input);
            second.apply(input);
        }
        prop_assert_eq!(&clone.log, &first.log);
        prop_assert_eq!(&second.log, &first.log);
        prop_assert_eq!(&clone.rig.machine, &first.rig.machine);
        prop_assert_eq!(hash(&second.rig.machine), hash(&first.rig.machine));
    }

    /// C3, C4, C5, C6, C8, C9, C10, C12, W4: the session's rules that hold at every step, whatever happens.
    #[test]
    fn a_session_under_any_script(script in session_inputs()) {
        let mut run = SessionRun::new(small_mailbox());
        script.iter().for_each(|input| run.apply(input));
        run.recovers();
    }

    /// K2: a session's outputs follow from its inputs alone.
    #[test]
    fn a_session_is_its_inputs(script in session_inputs(), cut in 0_usize..80) {
        let mut first = SessionRun::new(small_mailbox());
        let (before, after) = script.split_at(cut.min(script.len()));
        before.iter().for_each(|input| first.apply(input));
        let mut clone = first.clone();
        for input in after {
            first.apply(input);
            clone.apply(input);
        }
        prop_assert_eq!(&clone.log, &first.log);
        prop_assert_eq!(&clone.rig.machine, &first.rig.machine);
        prop_assert_eq!(hash(&clone.rig.machine), hash(&first.rig.machine));
    }
}

proptest! {
    #![proptest_config(the_same_cases_each_run(250))]

    /// W1, W2, W3, W4: whatever the world does, once it lets be, everything that was appended is kept once, or is
    /// with the dead letters, and every request is settled.
    #[test]
    fn the_whole_system_under_any_script(script in moves()) {
        let gateway = Config { dormant_redial: Some(Duration::from_secs(600)), ..narrow() };
        let mut pair = Pair::new(gateway, small_mailbox());
        play(&mut pair, &script);
        pair.heal();
        pair.wake();
        pair.drive();
        pair.heal();
        pair.drive();
        prop_assert_eq!(pair.gateway.status(), Status::Linked);
        prop_assert_eq!(pair.session.backlog(), 0);
        prop_assert!(pair.inbox.asked.is_empty());
        pair.assert_nothing_is_lost();
    }

    /// W1: where nothing is ever given up as a dead letter, everything is kept.
    #[test]
    fn nothing_is_lost_under_any_script(script in moves()) {
        let session = connector::Config { give_outs: 1000, ..small_mailbox() };
        let mut pair = Pair::new(narrow(), session);
        play(&mut pair, &script);
        pair.heal();
        pair.wake();
        pair.drive();
        pair.heal();
        pair.drive();
        let mut kept = pair.inbox.numbers();
        kept.sort_unstable();
        prop_assert_eq!(kept, (0..pair.platform.end).collect::<Vec<_>>());
        prop_assert!(pair.platform.store.is_empty());
    }
}
