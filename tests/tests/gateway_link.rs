//! The life of a gateway's link, rules L1 to L8 and L10. The rigs' watches check L1 and L4 at every step of every
//! test; what is here strikes at the moments at which they are hard to keep.

use std::time::Duration;

use bytes::Bytes;
use relay_proto::close::{CloseCode, DialError, Ended};
use relay_proto::gateway::{Cause, Config, Event, Failure, Next, Outcome, Status, Timer, Transmit};
use relay_proto::{Features, Instant, LinkEvent, LinkId};
use relay_tests::gateway_rig::{GatewayRig, plain_config};
use relay_tests::lines;

const SECOND: Duration = Duration::from_secs(1);

/// The wait that the last `Down` announced.
fn announced_wait(rig: &mut GatewayRig) -> Duration {
    let events = rig.take_events();
    let next = events.iter().rev().find_map(|event| match event {
        Event::Down { next, .. } => Some(*next),
        _ => None,
    });
    match next {
        Some(Next::Redial(at)) => at.since(rig.now),
        other => panic!("no redial: {other:?} in {events:?}"),
    }
}

/// Fails the dial under way, waits for the next one, and says how long that took.
fn failed_attempt(rig: &mut GatewayRig) -> Duration {
    let before = rig.now;
    rig.dial_fails();
    rig.runs_to_dial();
    rig.now.since(before)
}

/// Whether the wait was drawn from (ceiling/2, ceiling].
fn is_drawn_below(wait: Duration, ceiling: u64) -> bool {
    let millis = u64::try_from(wait.as_millis()).unwrap();
    (ceiling * 500 < millis) && (millis <= ceiling * 1000)
}

/// L1: one dial at the start, one after a loss, and none beside it, whatever strikes meanwhile.
#[test]
fn one_dial_at_a_time() {
    let mut rig = GatewayRig::default();
    assert_eq!(rig.take_dials().len(), 1);
    rig.wake();
    rig.hold();
    rig.wake();
    assert_eq!(rig.take_dials(), [], "a dial is under way");
    rig.link_up();
    rig.wake();
    assert_eq!(rig.take_dials(), [], "the link is up");
    rig.socket_breaks();
    rig.wake();
    rig.wake();
    rig.passes(5 * SECOND);
    assert_eq!(rig.take_dials().len(), 1, "the wait that the wake cut short leads to no second dial");
}

/// L1, L4: a dial that is given up is closed before the next one begins, and its late success changes nothing.
#[test]
fn a_late_upgrade_of_a_given_up_dial() {
    let mut rig = GatewayRig::default();
    let first = rig.take_dials()[0];
    let timed_out = rig.runs_to_deadline();
    assert_eq!(timed_out.timer, Timer::Dial);
    assert_eq!(timed_out.at.since(Instant::from_millis(1_000_000)), 10 * SECOND);
    assert!(matches!(&rig.take_transmits()[..], [Transmit::Close(link, _)] if *link == first));
    let before = rig.machine.clone();
    rig.handle(LinkEvent::Opened(first, Features::default()));
    assert_eq!(rig.machine, before);
    let second = rig.runs_to_dial();
    let before = rig.machine.clone();
    rig.handle(LinkEvent::Opened(first, Features::default()));
    rig.handle(LinkEvent::DialFailed(first, DialError::Status(500)));
    assert_eq!(rig.machine, before);
    assert_ne!(first, second);
}

/// L2: whatever ends a link or a dial, a dial follows.
#[test]
fn every_loss_is_followed_by_a_dial() {
    let dialing = GatewayRig::default();
    let mut greeting = dialing.clone();
    greeting.open();
    let mut linked = dialing.clone();
    linked.link_up();
    let mut going_idle = linked.clone();
    going_idle.go_dormant().unwrap();

    let mut lost: Vec<GatewayRig> = Vec::new();
    for error in [DialError::Status(401), DialError::Status(503), DialError::unreachable("no route")] {
        let mut rig = dialing.clone();
        rig.dial_fails_with(error);
        lost.push(rig);
    }
    for rig in [&greeting, &linked, &going_idle] {
        for code in [1000, 1001, 1006, 1011, 4000, 4403, 4409] {
            let mut rig = rig.clone();
            rig.connector_closes(code, "unauthorized");
            lost.push(rig);
        }
        let mut rig = rig.clone();
        rig.socket_breaks();
        lost.push(rig);
    }
    for mut rig in lost {
        rig.take_dials();
        assert!(matches!(rig.machine.status(), Status::Reconnecting { .. }), "{:?}", rig.machine.status());
        rig.runs_to_dial();
        rig.link_up();
        assert_eq!(rig.machine.status(), Status::Linked);
    }
}

/// L2: a gateway that was told not to reconnect stays down, until something wakes it.
#[test]
fn told_not_to_reconnect() {
    let mut rig = GatewayRig::linked(Config { reconnect: false, ..plain_config() });
    rig.socket_breaks();
    let events = rig.take_events();
    assert!(matches!(events[..], [Event::Down { next: Next::Stay, .. }]), "{events:?}");
    rig.passes(600 * SECOND);
    assert_eq!((rig.take_dials(), rig.machine.status()), (vec![], Status::Stopped));
    rig.wake();
    assert_eq!(rig.take_dials().len(), 1);
}

/// L3: the ceilings double from one second to thirty, and each wait is more than half its ceiling.
#[test]
fn the_ladder_of_waits() {
    for seed in 0..50 {
        let mut rig = GatewayRig::with_seed(plain_config(), seed);
        rig.take_dials();
        for ceiling in [1, 2, 4, 8, 16, 30, 30, 30] {
            let wait = failed_attempt(&mut rig);
            assert!(is_drawn_below(wait, ceiling), "seed {seed}: {wait:?} of {ceiling} s");
        }
    }
}

/// L3: the waits differ from seed to seed and from attempt to attempt, and the same seed gives the same ones.
#[test]
fn waits_are_spread_by_the_seed() {
    let waits = |seed| {
        let mut rig = GatewayRig::with_seed(plain_config(), seed);
        rig.take_dials();
        (0..10).map(|_| failed_attempt(&mut rig)).collect::<Vec<_>>()
    };
    assert_eq!(waits(1), waits(1));
    assert_ne!(waits(1), waits(2));
    let capped = waits(3).split_off(6);
    assert!(capped.windows(2).any(|pair| pair[0] != pair[1]), "{capped:?}");
}

/// L3: links that do not stay up for the stability window count as failed attempts, descriptor or not.
#[test]
fn a_flapping_connector_climbs_the_ladder() {
    let mut rig = GatewayRig::default();
    for (ceiling, time_up) in [(1, 0), (2, 1), (4, 29), (8, 29), (16, 2), (30, 0), (30, 29)] {
        rig.link_up();
        rig.passes(time_up * SECOND);
        rig.socket_breaks();
        let wait = announced_wait(&mut rig);
        assert!(is_drawn_below(wait, ceiling), "{wait:?} of {ceiling} s");
        rig.take_dials();
        rig.runs_to_dial();
    }
}

/// L3: the window begins with the first descriptor, not with the upgrade, and only then the ladder begins anew.
#[test]
fn only_a_stable_link_resets_the_ladder() {
    let mut rig = GatewayRig::default();
    rig.take_dials();
    for _ in 0..4 {
        failed_attempt(&mut rig);
    }
    let mut too_short = rig.clone();
    too_short.open();
    too_short.passes(20 * SECOND);
    too_short.connector_says(&lines::descriptor("discord"));
    too_short.passes(29 * SECOND + Duration::from_millis(999));
    too_short.socket_breaks();
    let wait = announced_wait(&mut too_short);
    assert!(is_drawn_below(wait, 16), "{wait:?}");

    rig.link_up();
    rig.passes(15 * SECOND);
    rig.connector_says(&lines::descriptor("discord"));
    rig.passes(15 * SECOND);
    rig.socket_breaks();
    let wait = announced_wait(&mut rig);
    assert!(is_drawn_below(wait, 1), "30 s after the first descriptor: {wait:?}");
    assert!(matches!(rig.machine.status(), Status::Reconnecting { failures: 1, .. }));
}

/// L3: a link that never had a descriptor is never stable, however long it was open.
#[test]
fn a_silent_link_does_not_reset_the_ladder() {
    let config = Config { handshake_timeout: 600 * SECOND, ..plain_config() };
    let mut rig = GatewayRig::new(config);
    rig.take_dials();
    for _ in 0..3 {
        failed_attempt(&mut rig);
    }
    let link = rig.open();
    for ping in 0..3 {
        rig.passes(30 * SECOND);
        rig.handle(LinkEvent::Pong(link, ping));
    }
    rig.socket_breaks();
    let wait = announced_wait(&mut rig);
    assert!(is_drawn_below(wait, 8), "{wait:?}");
}

/// High up on the ladder, and then linked for long enough.
fn stable_after_failures() -> GatewayRig {
    let mut rig = GatewayRig::default();
    rig.take_dials();
    for _ in 0..4 {
        failed_attempt(&mut rig);
    }
    rig.link_up();
    rig.passes(35 * SECOND);
    rig
}

/// L3: a link that was stable has reset the ladder, also where it ended in a dormancy rather than in a loss.
#[test]
fn a_stable_link_that_ends_in_dormancy() {
    let mut rig = stable_after_failures();
    rig.becomes_dormant();
    rig.wake();
    rig.link_up();
    rig.socket_breaks();
    let wait = announced_wait(&mut rig);
    assert!(is_drawn_below(wait, 1), "{wait:?}");
}

/// L3: nor does it matter who ended it, and over what.
#[test]
fn a_stable_link_that_ends_in_a_violation() {
    let mut rig = stable_after_failures();
    rig.connector_says("{\"type\":\"descriptor\",\"descriptor\":{}}\n");
    let wait = announced_wait(&mut rig);
    assert!(is_drawn_below(wait, 1), "{wait:?}");
    assert!(matches!(rig.machine.status(), Status::Reconnecting { failures: 1, .. }));
}

/// L4: whatever is reported of an old link, and of one that never was, the machine stays as it is.
#[test]
fn events_of_other_links_change_nothing() {
    let mut states = Vec::new();
    let mut rig = GatewayRig::default();
    let old = rig.link_up();
    rig.connector_says(&lines::inbound("b1", &lines::message("m1")));
    let delivery = rig.take_delivery();
    let request = rig.send("hi");
    let wire_id = rig.take_outbound_id();
    rig.socket_breaks();
    states.push(rig.clone());
    rig.take_dials();
    rig.runs_to_dial();
    states.push(rig.clone());
    rig.open();
    states.push(rig.clone());
    rig.connector_says(&lines::descriptor("discord"));
    states.push(rig.clone());
    let mut going_idle = rig.clone();
    going_idle.go_dormant().unwrap();
    states.push(going_idle.clone());
    going_idle.connector_says(&lines::going_idle_ack());
    states.push(going_idle);
    let mut shutting_down = rig.clone();
    shutting_down.shut_down();
    states.push(shutting_down);
    let mut disabled = rig.clone();
    disabled.connector_closes(4401, "unauthorized");
    states.push(disabled);

    let closed = |reason: &str| {
        Ended::Closed(relay_proto::close::Close::new(CloseCode::UNAUTHORIZED, reason.to_owned()))
    };
    for state in &states {
        for link in [old, LinkId(old.0 + 100)] {
            let line = |text: String| LinkEvent::Received(link, Bytes::from(text));
            for event in [
                LinkEvent::Opened(link, Features::default()),
                line(lines::descriptor("discord")),
                line(lines::going_idle_ack()),
                line(lines::inbound("b2", &lines::message("m2"))),
                line(lines::result(&wire_id, &serde_json::json!({"success": true}))),
                line("{\"type\":\"inbound\"".to_owned()),
                LinkEvent::Pong(link, 0),
                LinkEvent::TooLarge(link),
                LinkEvent::Closed(link, closed("unauthorized")),
                LinkEvent::Closed(link, Ended::broken("reset")),
                LinkEvent::DialFailed(link, DialError::Status(401)),
            ] {
                let mut rig = state.clone();
                rig.handle(event.clone());
                assert_eq!(rig.machine, state.machine, "{event:?}");
            }
        }
    }
    assert!(matches!(rig.outcome(request), Some(Outcome::Ambiguous(_))));
    assert!(rig.stored(delivery.id));
}

/// L5: no descriptor within thirty seconds of the upgrade ends the link, as a failed attempt.
#[test]
fn no_descriptor_in_time() {
    let mut rig = GatewayRig::default();
    rig.take_dials();
    for ceiling in [1, 2, 4] {
        rig.open();
        rig.connector_says(&lines::inbound("b1", &lines::message("m1")));
        rig.passes(30 * SECOND - Duration::from_millis(1));
        assert_eq!(rig.machine.status(), Status::Greeting);
        rig.forget();
        rig.passes(Duration::from_millis(1));
        assert_eq!(rig.take_closes().len(), 1);
        let events = rig.take_events();
        let [Event::Down { cause: Cause::HandshakeTimeout(limit), next: Next::Redial(at) }] = events[..]
        else {
            panic!("{events:?}");
        };
        assert_eq!(limit, 30 * SECOND);
        assert!(is_drawn_below(at.since(rig.now), ceiling));
        rig.runs_to_dial();
    }
}

/// L5: a link that closes before its descriptor, even with half of the hellos unwritten, is a failed attempt.
#[test]
fn closed_while_the_hellos_go_out() {
    let mut rig = GatewayRig::default();
    rig.take_dials();
    for ceiling in [1, 2, 4] {
        rig.writable = false;
        rig.open();
        rig.connector_closes(1000, "");
        rig.sink_takes();
        assert_eq!(rig.take_frames(), [] as [serde_json::Value; 0], "nothing is written on a closed link");
        let wait = announced_wait(&mut rig);
        assert!(is_drawn_below(wait, ceiling), "{wait:?}");
        rig.runs_to_dial();
    }
}

/// L7: a wake while backing off dials at once, and so does one while dormant or stopped.
#[test]
fn wake_dials_at_once() {
    let mut backing_off = GatewayRig::default();
    for _ in 0..6 {
        backing_off.dial_fails();
        backing_off.forget();
        backing_off.wake();
        assert_eq!(backing_off.take_dials().len(), 1);
        assert_eq!(backing_off.machine.status(), Status::Dialing);
    }
    let mut dormant = GatewayRig::linked(plain_config());
    dormant.becomes_dormant();
    dormant.wake();
    assert_eq!(dormant.take_dials().len(), 1);
    dormant.link_up();
    assert_eq!(dormant.machine.status(), Status::Linked);
}

/// L7: where there is nothing to wake, a wake changes nothing.
#[test]
fn wake_without_need() {
    let dialing = GatewayRig::default();
    let mut greeting = dialing.clone();
    greeting.open();
    let linked = GatewayRig::linked(plain_config());
    let mut shutting_down = linked.clone();
    shutting_down.shut_down();
    let mut shut_down = dialing.clone();
    shut_down.shut_down();
    let mut disabled = linked.clone();
    disabled.connector_closes(4401, "");
    for state in [dialing, greeting, linked, shutting_down, shut_down, disabled] {
        let mut rig = state.clone();
        rig.wake();
        assert_eq!(rig.machine, state.machine, "{:?}", state.machine.status());
    }
}

/// L10, O3: link loss settles everything that it decides in the same step, and no timer of the old link is left.
#[test]
fn link_loss_is_acted_on_in_the_same_step() {
    let mut rig = GatewayRig::linked(plain_config());
    let written = rig.send("written");
    rig.writable = false;
    let unwritten = rig.send("unwritten");
    rig.socket_breaks();
    assert!(matches!(rig.outcome(written), Some(Outcome::Ambiguous(_))));
    assert_eq!(rig.outcome(unwritten), Some(&Outcome::Failed(Failure::LinkLost)));
    let events = rig.take_events();
    assert!(matches!(events[0], Event::Down { .. }), "{events:?}");
    assert_eq!(rig.next_deadline().map(|deadline| deadline.timer), Some(Timer::Redial));
    assert_eq!(rig.machine.descriptor(None), None);
}

/// L10, I2, I3: a link that is lost on the way into dormancy is acted on at once, before the ack and after it.
#[test]
fn loss_on_the_way_into_dormancy() {
    let mut rig = GatewayRig::linked(plain_config());
    let open = rig.send("open");
    rig.go_dormant().unwrap();
    let mut unacked = rig.clone();
    unacked.socket_breaks();
    assert!(matches!(unacked.machine.status(), Status::Reconnecting { .. }), "never agreed to");
    assert!(matches!(unacked.outcome(open), Some(Outcome::Ambiguous(_))));
    rig.connector_says(&lines::going_idle_ack());
    assert_eq!(rig.machine.status(), Status::GoingIdle, "a request is in flight");
    rig.forget();
    rig.socket_breaks();
    assert_eq!(rig.machine.status(), Status::Dormant, "agreed to");
    assert!(matches!(rig.outcome(open), Some(Outcome::Ambiguous(_))));
    rig.passes(600 * SECOND);
    assert_eq!(rig.take_dials(), []);
}
