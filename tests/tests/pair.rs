//! The whole system, rules W1 to W4: the two machines on a fake network, with a fault at every step of small
//! exchanges. What must hold at every step is asserted inside [`Pair`], W2 and W3 among it.

use std::time::Duration;

use relay_proto::DeliveryKind::{Message, Passthrough};
use relay_proto::gateway::{Config, Identity, Status};
use relay_proto::{Features, connector};
use relay_tests::gateway_rig::plain_config;
use relay_tests::pair::{FAULTS, Fault, Pair, Step};

const SECOND: Duration = Duration::from_secs(1);

fn wakeable() -> connector::Config {
    connector::Config { wakeable: true, ..connector::Config::default() }
}

/// Two messages and a forwarded request wait, and the agent has something to say, before anybody has dialed.
fn small_exchange() -> Pair {
    let mut pair = Pair::default();
    pair.append(Message);
    pair.append(Passthrough);
    pair.append(Message);
    assert!(pair.say("patient", true));
    pair
}

/// Everything settles, is healed, settles again, and nothing is lost.
fn ends_well(mut pair: Pair, what: &str) {
    pair.drive_bounded(2000);
    pair.heal();
    pair.drive();
    assert_eq!(pair.gateway.status(), Status::Linked, "W4: {what}");
    assert_eq!(pair.session.backlog(), 0, "W4: {what}");
    pair.assert_nothing_is_lost();
    assert!(pair.inbox.asked.is_empty(), "O1: {what}");
}

/// W1, W3: what waits goes out in order when the link comes up, and what comes live goes on behind it.
#[test]
fn drained_and_live() {
    let mut pair = small_exchange();
    pair.drive();
    assert_eq!(pair.inbox.numbers(), [0, 1, 2]);
    for number in 3..100 {
        pair.append(if number % 7 == 0 { Passthrough } else { Message });
        pair.drive_bounded(3);
    }
    pair.drive();
    assert_eq!(pair.inbox.numbers(), (0..100).collect::<Vec<_>>());
    assert!(pair.inbox.answered.contains("patient"));
    assert!(pair.platform.store.is_empty(), "acked and deleted");
}

/// W1, W2, W3, W4: one fault at every step of a small exchange.
#[test]
fn one_fault_at_every_step() {
    for fault in FAULTS {
        let mut pair = small_exchange();
        for step in 0.. {
            let mut struck = pair.clone();
            struck.strike(fault);
            ends_well(struck, &format!("{fault:?} at step {step}"));
            if !pair.step() {
                assert!(step > 20, "the exchange is not that small");
                break;
            }
        }
    }
}

/// W1, W2, W3, W4: a second fault within the recovery from the first.
#[test]
fn two_faults() {
    let faults = [Fault::Cut, Fault::CrashGateway, Fault::CrashSession];
    for (first, second) in faults.into_iter().flat_map(|first| faults.map(|second| (first, second))) {
        let mut pair = small_exchange();
        for step in 0.. {
            let mut struck = pair.clone();
            struck.strike(first);
            for later in 0..25 {
                if !struck.step() {
                    break;
                }
                let mut twice = struck.clone();
                twice.strike(second);
                ends_well(twice, &format!("{first:?} at step {step}, {second:?} {later} steps later"));
            }
            if !pair.step() {
                break;
            }
        }
    }
}

/// D2, W1, W2: the dedupe window is wide enough when it holds two windows of the connector's, for a connector that deletes what is acked
/// before it reads on, wherever it crashes.
#[test]
fn crashes_between_ack_and_delete() {
    const WINDOW: usize = 4;
    let gateway = Config { dedupe_window: 2 * WINDOW, ..plain_config() };
    let connector = connector::Config { window: WINDOW, give_outs: 1000, ..connector::Config::default() };
    for crash_every in 1..40 {
        let mut pair = Pair::new(gateway.clone(), connector.clone());
        for number in 1..=1000 {
            if pair.platform.end < 60 {
                pair.append(Message);
            }
            let undone = pair.platform.store.len() as u64 - pair.session.backlog();
            // Deletes last, unless as many wait as one window acked.
            let steps = pair.enabled();
            let late =
                steps.iter().position(|step| *step != Step::SeeToEvent).filter(|_| undone < WINDOW as u64);
            match steps.get(late.unwrap_or(0)) {
                Some(step) => pair.apply(*step),
                None => _ = pair.step(),
            }
            if number % crash_every == 0 {
                pair.strike(Fault::CrashSession);
            }
        }
        ends_well(pair, &format!("a crash every {crash_every} steps"));
    }
}

/// W1, W4: a fault at every step of the way into dormancy, and a wake afterwards.
#[test]
fn one_fault_on_the_way_into_dormancy() {
    for fault in FAULTS {
        let mut pair = small_exchange();
        pair.drive();
        pair.append(Message);
        assert!(pair.go_dormant());
        for step in 0.. {
            let mut struck = pair.clone();
            struck.strike(fault);
            struck.append(Message);
            struck.drive_bounded(2000);
            struck.wake();
            ends_well(struck, &format!("{fault:?} at step {step}"));
            if !pair.step() {
                assert_eq!(pair.gateway.status(), Status::Dormant);
                break;
            }
        }
    }
}

/// W1, W4, C8: an entry that comes at any step of the way into dormancy, or while dormant, gets across by the wake
/// URL alone, at the latest when the cooldown of the poke before is over.
#[test]
fn an_entry_on_the_way_into_dormancy() {
    let mut pair = Pair::new(plain_config(), wakeable());
    pair.append(Message);
    pair.drive();
    assert!(pair.go_dormant());
    for step in 0.. {
        let mut late = pair.clone();
        late.append(Message);
        late.drive();
        late.passes(61 * SECOND);
        assert_eq!(late.inbox.numbers(), [0, 1], "step {step}: {:?}", late.gateway.status());
        if !pair.step() {
            break;
        }
    }
}

/// W1, C8: without a wake URL the entry waits, and gets across when the gateway comes back by itself.
#[test]
fn dormant_without_a_wake_url() {
    let config = Config { dormant_redial: Some(60 * SECOND), ..plain_config() };
    let mut pair = Pair::new(config, connector::Config::default());
    pair.drive();
    assert!(pair.go_dormant());
    pair.drive();
    assert_eq!(pair.gateway.status(), Status::Dormant);
    pair.append(Message);
    pair.drive();
    assert_eq!(pair.inbox.numbers(), [0; 0]);
    pair.passes(61 * SECOND);
    assert_eq!((pair.inbox.numbers(), pair.gateway.status()), (vec![0], Status::Linked));
}

/// W1, C8: a poke that gets lost costs nothing but time: the next event after the cooldown pokes again.
#[test]
fn a_lost_poke() {
    let mut pair = Pair::new(plain_config(), wakeable());
    pair.drive();
    assert!(pair.go_dormant());
    pair.drive();
    pair.pokes_arrive = false;
    pair.append(Message);
    pair.drive();
    assert_eq!(pair.gateway.status(), Status::Dormant);
    pair.pokes_arrive = true;
    pair.passes(60 * SECOND);
    pair.append(Message);
    pair.drive();
    assert_eq!(pair.inbox.numbers(), [0, 1]);
}

/// W4, C7, I3: a gateway that crashes right after it asked to be only buffered for, and one whose ack got lost, end
/// up awake, connected and drained.
#[test]
fn never_connected_flipped_and_stuck() {
    let mut pair = Pair::default();
    pair.drive();
    assert!(pair.go_dormant());
    pair.step();
    pair.append(Message);
    pair.append(Message);
    let mut crashed = pair.clone();
    crashed.strike(Fault::CrashGateway);
    crashed.drive();
    assert_eq!((crashed.inbox.numbers(), crashed.gateway.status()), (vec![0, 1], Status::Linked));
    pair.strike(Fault::Silence);
    pair.drive();
    assert_eq!((pair.inbox.numbers(), pair.gateway.status()), (vec![0, 1], Status::Linked));
}

/// W3, D4: what was released comes again on the next link, and overtakes nothing that was not kept before.
#[test]
fn released_entries_come_again() {
    let mut pair = Pair::default();
    for _ in 0..5 {
        pair.append(Message);
    }
    while pair.inbox.arrived.len() < 5 {
        assert!(!pair.enabled().is_empty());
        let arrives = pair.enabled().into_iter().find(|step| *step != relay_tests::pair::Step::Keep);
        pair.apply(arrives.expect("the entries are on their way"));
    }
    pair.strike(Fault::Release);
    pair.strike(Fault::Release);
    pair.drive_bounded(200);
    assert_eq!(pair.inbox.numbers(), [2, 3, 4]);
    assert_eq!(pair.session.backlog(), 2);
    pair.strike(Fault::Cut);
    pair.drive();
    assert_eq!(pair.inbox.numbers(), [2, 3, 4, 0, 1]);
}

/// W2: over a restart with everything kept and nothing told, the duplicates are acked and not handed out.
#[test]
fn kept_but_not_told() {
    let mut pair = Pair::default();
    for _ in 0..40 {
        pair.append(Message);
    }
    while pair.inbox.kept.len() < 10 {
        let step = pair.enabled().into_iter().find(|step| *step != relay_tests::pair::Step::Tell);
        pair.apply(step.expect("something goes on"));
    }
    assert_eq!(pair.platform.store.len(), 40);
    pair.strike(Fault::CrashGateway);
    pair.drive();
    assert_eq!(pair.inbox.numbers(), (0..40).collect::<Vec<_>>());
    assert!(pair.platform.store.is_empty());
}

/// W1, W2: a connector that dies between an ack and the deletion sends the entry again; it is known.
#[test]
fn acked_but_not_deleted() {
    let mut pair = Pair::default();
    pair.append(Message);
    while pair.session.backlog() > 0 {
        assert!(pair.step());
    }
    assert_eq!(pair.platform.store.len(), 1, "the ack is in, the deletion is not");
    pair.strike(Fault::CrashSession);
    assert_eq!(pair.session.backlog(), 1);
    pair.drive();
    assert_eq!((pair.inbox.numbers(), pair.platform.store.len()), (vec![0], 0));
}

/// W1, K1: a link that dies without a word is found out by both ends, and what was given to it goes out again.
#[test]
fn a_silent_death() {
    let mut pair = Pair::default();
    pair.drive();
    pair.strike(Fault::Silence);
    let died = pair.now;
    pair.append(Message);
    pair.drive();
    assert_eq!(pair.inbox.numbers(), [0]);
    assert!(pair.now.since(died) <= 95 * SECOND, "{:?}", pair.now.since(died));
}

/// C10, W4: a half-open link that only the connector knows of is replaced, and keeps nothing.
#[test]
fn a_half_open_link() {
    let mut pair = Pair::default();
    pair.append(Message);
    for _ in 0..3 {
        pair.strike(Fault::HalfConnect);
        while pair.network.dialing.is_none() {
            assert!(pair.step());
        }
    }
    pair.drive();
    assert_eq!(pair.inbox.numbers(), [0]);
    pair.passes(200 * SECOND);
    assert_eq!((pair.gateway.status(), pair.network.wires.len()), (Status::Linked, 1));
}

/// O1, O2: a request that is cut off at any step is answered, certainly not done, or said to be in doubt, and what is
/// said is true.
#[test]
fn requests_cut_off_at_every_step() {
    for patient in [false, true] {
        for fault in [Fault::Cut, Fault::Silence, Fault::CrashSession, Fault::StallGateway] {
            let mut pair = Pair::default();
            pair.drive();
            assert!(pair.say("hello", patient));
            for step in 0.. {
                let mut struck = pair.clone();
                struck.strike(fault);
                struck.passes(100 * SECOND);
                struck.heal();
                struck.drive();
                let told = [&struck.inbox.answered, &struck.inbox.failed, &struck.inbox.ambiguous]
                    .map(|texts| usize::from(texts.contains("hello")));
                assert_eq!(told.iter().sum::<usize>(), 1, "{fault:?} at step {step}");
                assert!(struck.platform.performed.len() <= 1, "never done twice");
                if !pair.step() {
                    break;
                }
            }
        }
    }
}

/// W4, A4: a revoked gateway is the exception: it is disabled, and what waits stays in the store.
#[test]
fn revoked() {
    let mut pair = small_exchange();
    pair.drive();
    pair.revoke();
    pair.append(Message);
    pair.drive();
    assert_eq!(pair.gateway.status(), Status::Disabled);
    pair.passes(3600 * SECOND);
    assert_eq!((pair.gateway.status(), pair.platform.store.len()), (Status::Disabled, 1));
    assert!(!pair.say("too late", true));
}

/// W1, L6: a shutdown at every step loses nothing: a process that comes after gets the rest.
#[test]
fn shut_down_at_every_step() {
    let mut pair = small_exchange();
    for step in 0.. {
        let mut ending = pair.clone();
        ending.shut_down();
        ending.drive();
        assert_eq!(ending.gateway.status(), Status::ShutDown, "step {step}");
        assert!(ending.inbox.asked.is_empty(), "step {step}");
        let stored = ending.platform.store.len();
        let kept = ending.inbox.kept.len();
        assert!(stored + kept >= 3, "step {step}: {stored} stored, {kept} kept");
        if !pair.step() {
            break;
        }
    }
}

/// W1, C9: with a stock peer on the gateway's side nothing is lost either, whatever is cut.
#[test]
fn a_peer_without_features() {
    let mut pair = Pair::new(
        Config {
            identities: vec![Identity::new("discord", "a"), Identity::new("slack", "b")],
            ..Config::default()
        },
        connector::Config { window: 3, ..connector::Config::default() },
    );
    pair.features = Features::default();
    for number in 0..20 {
        pair.append(if number % 3 == 1 { Passthrough } else { Message });
        pair.drive_bounded(4);
        if number % 5 == 4 {
            pair.strike(Fault::Cut);
        }
    }
    pair.drive();
    pair.assert_nothing_is_lost();
    assert_eq!(pair.inbox.numbers(), (0..20).collect::<Vec<_>>());
}
