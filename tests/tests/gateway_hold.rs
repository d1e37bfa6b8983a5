//! Holds, rule L8: they park what the gateway would dial of its own accord, for a minute at most.

use std::time::Duration;

use relay_proto::gateway::{Config, Event, Next, Status};
use relay_tests::gateway_rig::{GatewayRig, plain_config};
use relay_tests::lines;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

/// L8: a hold while waiting parks the dial until it lapses, to the millisecond.
#[test]
fn a_hold_while_waiting() {
    let mut rig = GatewayRig::default();
    rig.dial_fails();
    rig.forget();
    rig.hold();
    let Status::Reconnecting { at, .. } = rig.machine.status() else { panic!("{:?}", rig.machine.status()) };
    assert_eq!(at.since(rig.now), 60 * SECOND, "what it shows is when it dials");
    rig.passes(60 * SECOND - MILLISECOND);
    assert_eq!(rig.take_dials(), []);
    rig.passes(MILLISECOND);
    assert_eq!(rig.take_dials().len(), 1);
    assert_eq!(rig.machine.status(), Status::Dialing);
}

/// L8, L2: a hold while dialing does not give the dial up, but parks the one after it.
#[test]
fn a_hold_while_dialing() {
    let mut rig = GatewayRig::default();
    rig.forget();
    rig.hold();
    assert_eq!(rig.machine.status(), Status::Dialing);
    rig.passes(9 * SECOND);
    rig.dial_fails();
    let events = rig.take_events();
    let [Event::Down { next: Next::Redial(at), .. }] = events[..] else { panic!("{events:?}") };
    assert_eq!(at.since(rig.now), 51 * SECOND, "the announcement is true");
    rig.passes(51 * SECOND - MILLISECOND);
    assert_eq!(rig.take_dials(), []);
    rig.passes(MILLISECOND);
    assert_eq!(rig.take_dials().len(), 1);
}

/// L8: a hold while linked leaves the link alone; one that lasts at its loss parks the re-dial, one that has lapsed
/// by then does not.
#[test]
fn a_hold_while_linked() {
    let mut rig = GatewayRig::linked(plain_config());
    rig.hold();
    assert_eq!(rig.machine.status(), Status::Linked);
    let mut lapsed = rig.clone();
    rig.passes(20 * SECOND);
    rig.socket_breaks();
    rig.passes(40 * SECOND - MILLISECOND);
    assert_eq!(rig.take_dials(), []);
    rig.passes(MILLISECOND);
    assert_eq!(rig.take_dials().len(), 1);

    lapsed.passes(60 * SECOND);
    assert_eq!((lapsed.take_dials(), lapsed.machine.status()), (vec![], Status::Linked));
    lapsed.socket_breaks();
    lapsed.passes(SECOND);
    assert_eq!(lapsed.take_dials().len(), 1);
}

/// L8, L3: a hold that lapses before the wait is over does not shorten the wait.
#[test]
fn a_hold_shorter_than_the_wait() {
    let mut rig = GatewayRig::new(Config { hold_limit: SECOND, ..plain_config() });
    for _ in 0..6 {
        rig.dial_fails();
        rig.runs_to_dial();
    }
    rig.dial_fails();
    rig.forget();
    rig.hold();
    let Status::Reconnecting { at, .. } = rig.machine.status() else { panic!("waiting") };
    assert!(at.since(rig.now) > 15 * SECOND);
    rig.passes(15 * SECOND);
    assert_eq!(rig.take_dials(), []);
    rig.passes(15 * SECOND);
    assert_eq!(rig.take_dials().len(), 1);
}

/// L8: a second hold while one lasts does not make it longer; a new one after it lapsed is a new one.
#[test]
fn holds_do_not_add_up() {
    let mut rig = GatewayRig::default();
    rig.dial_fails();
    rig.forget();
    rig.hold();
    for _ in 0..59 {
        rig.passes(SECOND);
        rig.hold();
    }
    assert_eq!(rig.take_dials(), []);
    rig.passes(SECOND);
    assert_eq!(rig.take_dials().len(), 1, "held for ever");
    rig.hold();
    rig.dial_fails();
    rig.passes(59 * SECOND);
    assert_eq!(rig.take_dials(), []);
    rig.passes(SECOND);
    assert_eq!(rig.take_dials().len(), 1);
}

/// L8, I2: a hold while dormant parks what would end the dormancy by itself, and lapses without ending it.
#[test]
fn a_hold_while_dormant() {
    let mut rig = GatewayRig::linked(plain_config());
    rig.becomes_dormant();
    rig.hold();
    let mut lapsed = rig.clone();
    lapsed.passes(300 * SECOND);
    assert_eq!((lapsed.take_dials(), lapsed.machine.status()), (vec![], Status::Dormant));

    rig.sleeps(20 * SECOND);
    assert_eq!(rig.take_dials(), [], "the resume is seen, and its dial parked");
    rig.passes(40 * SECOND - MILLISECOND);
    assert_eq!(rig.take_dials(), []);
    rig.passes(MILLISECOND);
    assert_eq!(rig.take_dials().len(), 1);
}

/// L8, I2: a hold parks the dial of the dormant cadence as well.
#[test]
fn a_hold_and_the_cadence() {
    let mut rig = GatewayRig::linked(Config { dormant_redial: Some(5 * SECOND), ..plain_config() });
    rig.becomes_dormant();
    rig.hold();
    rig.passes(60 * SECOND - MILLISECOND);
    assert_eq!(rig.take_dials(), []);
    rig.passes(MILLISECOND);
    assert_eq!(rig.take_dials().len(), 1);
}

/// L8, A3: the dial at once with a new token is the gateway's own, and parked like any other.
#[test]
fn a_hold_and_an_old_token() {
    let mut rig = GatewayRig::linked(plain_config());
    rig.socket_breaks();
    rig.runs_to_dial();
    rig.open();
    rig.now = rig.now + 301 * SECOND;
    rig.hold();
    rig.connector_closes(4401, "unauthorized");
    rig.passes(60 * SECOND - MILLISECOND);
    assert_eq!(rig.take_dials(), []);
    rig.passes(MILLISECOND);
    assert_eq!(rig.take_dials().len(), 1);
}

/// L8, L7: a wake in a hold dials at once and ends the hold.
#[test]
fn a_wake_in_a_hold() {
    let mut waiting = GatewayRig::default();
    waiting.dial_fails();
    let mut dormant = GatewayRig::linked(plain_config());
    dormant.becomes_dormant();
    for mut rig in [waiting, dormant] {
        rig.forget();
        rig.hold();
        rig.wake();
        assert_eq!(rig.take_dials().len(), 1);
        rig.dial_fails();
        rig.passes(2 * SECOND);
        assert_eq!(rig.take_dials().len(), 1, "no hold is left");
    }
}

/// L8: a wake ends a hold that began while linked or dialing, so that the next loss is not parked.
#[test]
fn a_wake_ends_a_hold_whatever_the_link_does() {
    let linked = GatewayRig::linked(plain_config());
    let mut greeting = GatewayRig::default();
    greeting.open();
    for mut rig in [linked, greeting] {
        rig.hold();
        rig.wake();
        rig.forget();
        rig.socket_breaks();
        rig.passes(2 * SECOND);
        assert_eq!(rig.take_dials().len(), 1);
    }
    let mut dialing = GatewayRig::default();
    dialing.hold();
    dialing.wake();
    dialing.forget();
    dialing.dial_fails();
    dialing.passes(2 * SECOND);
    assert_eq!(dialing.take_dials().len(), 1);
}

/// L8, L7, I3: a wake on the way into dormancy links anew at once, even where a hold was set before.
#[test]
fn a_wake_on_the_way_into_dormancy_in_a_hold() {
    let mut asked = GatewayRig::linked(plain_config());
    asked.hold();
    asked.go_dormant().unwrap();
    let mut agreed = asked.clone();
    agreed.send("in flight");
    agreed.connector_says(&lines::going_idle_ack());
    for mut rig in [asked, agreed] {
        assert_eq!(rig.machine.status(), Status::GoingIdle);
        rig.forget();
        rig.wake();
        assert_eq!(rig.take_dials().len(), 1);
    }
}

/// L8, L6, A4: a hold leaves no trace at the end.
#[test]
fn a_hold_at_the_end() {
    let mut rig = GatewayRig::linked(plain_config());
    rig.hold();
    let mut disabled = rig.clone();
    disabled.connector_closes(4401, "");
    assert_eq!((disabled.machine.status(), disabled.next_deadline()), (Status::Disabled, None));
    rig.shut_down();
    rig.connector_says(&lines::going_idle_ack());
    assert_eq!((rig.machine.status(), rig.next_deadline()), (Status::ShutDown, None));
    for mut rig in [rig, disabled] {
        rig.forget();
        rig.hold();
        rig.wake();
        rig.passes(120 * SECOND);
        assert_eq!(rig.take_transmits(), []);
    }
}
