//! Going idle, dormant and awake, rules I1 to I3, and what I5 and I6 mean for the machine. Shutdown, I4, is in
//! `gateway_shutdown`.

use std::time::Duration;

use relay_proto::close::CloseCode;
use relay_proto::gateway::{
    Ambiguity, Cause, Config, Event, Next, NotNow, Options, Outcome, Status, StayedAwake, Timer, Transmit,
};
use relay_proto::{LinkEvent, action::Action};
use relay_tests::gateway_rig::{GatewayRig, plain_config};
use relay_tests::lines::{self, inbound, message};
use serde_json::{Value, json};

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

fn asked() -> GatewayRig {
    let mut rig = GatewayRig::linked(plain_config());
    rig.go_dormant().unwrap();
    assert_eq!(rig.take_frames(), [json!({"type": "going_idle"})]);
    rig
}

fn dormant(config: Config) -> GatewayRig {
    let mut rig = GatewayRig::linked(config);
    rig.becomes_dormant();
    rig
}

/// The last link was closed, its loss is known as deliberate, and the next dial is under way.
fn relinked(rig: &mut GatewayRig, why: StayedAwake) {
    let events = rig.take_events();
    assert_eq!(events[0], Event::DormancyRefused(why), "{events:?}");
    let down = Event::Down { cause: Cause::Relinked, next: Next::Redial(rig.now) };
    assert!(events.contains(&down), "{events:?}");
    let transmits = rig.take_transmits();
    let [Transmit::Close(..), Transmit::Dial(_)] = &transmits[..] else { panic!("{transmits:?}") };
    assert_eq!(rig.machine.status(), Status::Dialing);
}

/// I1: until the ack everything goes on: deliveries and their acks, interrupts, requests and their results.
#[test]
fn it_serves_on_until_the_ack() {
    let mut rig = asked();
    assert_eq!(rig.machine.status(), Status::GoingIdle);
    rig.connector_says(&inbound("b1", &message("m1")));
    rig.connector_says(&lines::interrupt_inbound("s", "c"));
    assert_eq!(rig.take_inbound().len(), 2);
    let request = rig.send("answering all the same");
    let id = rig.take_outbound_id();
    rig.interrupt("s", None).unwrap();
    rig.connector_says(&lines::result(&id, &json!({"success": true})));
    assert!(matches!(rig.outcome(request), Some(Outcome::Answered(_))));
    assert!(rig.machine.wants_read());
}

/// I1, D1: what landed before the ack and is stored before the close is acked on that link.
#[test]
fn the_last_delivery_is_acked() {
    let mut rig = asked();
    rig.connector_says(&inbound("b1", &message("m1")));
    let delivery = rig.take_delivery();
    rig.writable = false;
    rig.stored(delivery.id);
    rig.connector_says(&lines::going_idle_ack());
    assert_eq!(rig.machine.status(), Status::Dormant);
    rig.sink_takes();
    let transmits = rig.take_transmits();
    assert!(
        matches!(&transmits[..], [Transmit::Frame(..), Transmit::Close(..)]),
        "the ack, then the close: {transmits:?}"
    );
}

/// I2: at the ack the link is closed with 1000, and the gateway is dormant, for good as long as nothing happens.
#[test]
fn dormant_after_the_ack() {
    let mut rig = asked();
    rig.connector_says(&lines::going_idle_ack());
    assert_eq!(rig.take_close_code(), CloseCode::NORMAL);
    assert_eq!(rig.take_events(), [Event::Dormant]);
    rig.passes(24 * 3600 * SECOND);
    assert_eq!((rig.take_dials(), rig.machine.status()), (vec![], Status::Dormant));
    assert_eq!(rig.take_events(), []);
}

/// I2: requests in flight at the ack may still be answered; the last answer, or the drain time, ends the link.
#[test]
fn requests_in_flight_at_the_ack() {
    let mut rig = GatewayRig::linked(plain_config());
    let request = rig.send("in flight");
    let id = rig.take_outbound_id();
    rig.go_dormant().unwrap();
    rig.connector_says(&lines::going_idle_ack());
    assert_eq!(rig.machine.status(), Status::GoingIdle);
    let mut unanswered = rig.clone();
    rig.connector_says(&lines::result(&id, &json!({"success": true})));
    assert!(matches!(rig.outcome(request), Some(Outcome::Answered(_))));
    assert_eq!(rig.machine.status(), Status::Dormant);
    unanswered.passes(5 * SECOND - MILLISECOND);
    assert_eq!(unanswered.machine.status(), Status::GoingIdle);
    unanswered.passes(MILLISECOND);
    assert_eq!(unanswered.machine.status(), Status::Dormant);
    assert_eq!(unanswered.outcome(request), Some(&Outcome::Ambiguous(Ambiguity::LinkLost)));
}

/// I2: only an ack that was asked for, on this very link, leads into dormancy.
#[test]
fn an_ack_out_of_place() {
    let mut rig = GatewayRig::linked(plain_config());
    let before = rig.machine.clone();
    rig.connector_says(&lines::going_idle_ack());
    assert_eq!(rig.machine, before, "nobody asked");
    rig.go_dormant().unwrap();
    let old = rig.machine.link().unwrap();
    rig.wake();
    rig.link_up();
    rig.go_dormant().unwrap();
    rig.handle(LinkEvent::Received(old, lines::going_idle_ack().into()));
    assert_eq!(rig.machine.status(), Status::GoingIdle, "an old link's");
}

/// I2: a wake ends the dormancy at once; see also `gateway_link`.
#[test]
fn woken() {
    let mut rig = dormant(plain_config());
    rig.passes(100 * SECOND);
    rig.wake();
    assert_eq!(rig.take_dials().len(), 1);
    rig.link_up();
    assert_eq!(rig.machine.status(), Status::Linked);
    rig.passes(3600 * SECOND);
}

/// I2: a suspension shows at the next look at the clock, and ends the dormancy; a busy machine is no suspension.
#[test]
fn a_detected_resume() {
    for (time, resumed) in [(1, false), (2, false), (5, false), (7, true), (3600, true)] {
        let mut rig = dormant(plain_config());
        rig.passes(10 * SECOND);
        rig.sleeps(time * SECOND);
        assert_eq!(rig.take_dials().len(), usize::from(resumed), "{time} s");
        if !resumed {
            rig.passes(1000 * SECOND);
            assert_eq!(rig.take_dials(), [], "delays do not add up");
        }
    }
}

/// I2: a dial after a resume that fails leads to the usual ladder, not back to sleep.
#[test]
fn a_resume_without_a_connector() {
    let mut rig = dormant(plain_config());
    rig.sleeps(3600 * SECOND);
    rig.dial_fails();
    assert!(matches!(rig.machine.status(), Status::Reconnecting { .. }));
    rig.runs_to_dial();
}

/// I2: with a cadence set, and only then, the dormant gateway dials by itself, once the time is over.
#[test]
fn the_cadence() {
    let mut rig = dormant(Config { dormant_redial: Some(90 * SECOND), ..plain_config() });
    rig.passes(90 * SECOND - MILLISECOND);
    assert_eq!(rig.take_dials(), []);
    rig.passes(MILLISECOND);
    assert_eq!(rig.take_dials().len(), 1);
    rig.link_up();
    rig.passes(20 * SECOND);
    rig.becomes_dormant();
    rig.passes(80 * SECOND);
    rig.wake();
    assert_eq!(rig.take_dials().len(), 1);
    rig.link_up();
    rig.passes(20 * SECOND);
    assert_eq!(rig.take_dials(), [], "the cadence ends with the dormancy");
}

/// I3: no ack in time: dormancy is refused, the flipped link is given up, and the gateway links anew at once.
#[test]
fn no_ack_in_time() {
    let mut rig = asked();
    rig.passes(10 * SECOND - MILLISECOND);
    assert_eq!(rig.machine.status(), Status::GoingIdle);
    assert_eq!(rig.next_deadline().unwrap().timer, Timer::IdleAck);
    rig.forget();
    rig.passes(MILLISECOND);
    relinked(&mut rig, StayedAwake::NoAck);
    rig.link_up();
    assert_eq!(rig.machine.status(), Status::Linked);
    rig.connector_says(&lines::going_idle_ack());
    assert_eq!(rig.machine.status(), Status::Linked, "the late ack is no answer to anything");
}

/// I3, O3: what is open on the flipped link is settled as at any loss.
#[test]
fn requests_at_a_refused_dormancy() {
    let mut rig = GatewayRig::linked(plain_config());
    let written = rig.send("written");
    rig.go_dormant().unwrap();
    rig.writable = false;
    let patient = rig.send_patiently("patient");
    rig.passes(10 * SECOND);
    assert_eq!(rig.outcome(written), Some(&Outcome::Ambiguous(Ambiguity::LinkLost)));
    assert_eq!(rig.outcome(patient), None);
    rig.forget();
    rig.sink_takes();
    rig.link_up();
    assert_eq!(rig.take_frames_of("outbound").len(), 1);
}

/// I3: a link that is lost before the ack refuses the dormancy, and is dialed again like any lost link.
#[test]
fn the_link_is_lost_before_the_ack() {
    let mut rig = asked();
    rig.connector_closes(1001, "deploying");
    let events = rig.take_events();
    assert_eq!(events[0], Event::DormancyRefused(StayedAwake::LinkLost));
    assert!(matches!(events[1], Event::Down { next: Next::Redial(at), .. } if at > rig.now), "{events:?}");
    rig.runs_to_dial();
}

/// I3, L7: a wake before the ack, or after it while requests drain, gives the flipped link up and links anew.
#[test]
fn woken_on_the_way() {
    let mut before = asked();
    before.send("in flight");
    let mut after = before.clone();
    after.connector_says(&lines::going_idle_ack());
    assert_eq!(after.machine.status(), Status::GoingIdle);
    for mut rig in [before.clone(), after] {
        rig.forget();
        rig.wake();
        relinked(&mut rig, StayedAwake::Woken);
        rig.link_up();
        assert_eq!(rig.machine.status(), Status::Linked);
    }
    before.forget();
}

/// I3, L7: a wake on the way into dormancy links anew, even where a loss would not be dialed again.
#[test]
fn woken_on_the_way_without_reconnect() {
    let mut rig = GatewayRig::linked(Config { reconnect: false, ..plain_config() });
    rig.go_dormant().unwrap();
    rig.wake();
    assert_eq!(rig.machine.status(), Status::Dialing, "something wants the gateway up");
}

/// I3: each dormancy ends in exactly one of its two events, and can be tried again.
#[test]
fn one_answer_a_dormancy() {
    let mut rig = GatewayRig::linked(plain_config());
    for round in 0..6 {
        rig.go_dormant().unwrap();
        assert_eq!(rig.go_dormant(), Err(NotNow::Leaving));
        match round % 3 {
            0 => rig.connector_says(&lines::going_idle_ack()),
            1 => rig.passes(10 * SECOND),
            _ => rig.socket_breaks(),
        }
        let answers = rig.take_events();
        let answers =
            answers.iter().filter(|event| matches!(event, Event::Dormant | Event::DormancyRefused(_)));
        assert_eq!(answers.count(), 1, "round {round}");
        rig.wake();
        rig.link_up();
        rig.forget();
    }
}

/// I2, I5: dormancy can only be asked for on a greeted link; the sleep guard's other conditions are not the machine's.
#[test]
fn where_dormancy_can_be_asked_for() {
    let dialing = GatewayRig::default();
    let mut waiting = dialing.clone();
    waiting.dial_fails();
    let mut greeting = dialing.clone();
    greeting.open();
    for mut rig in [dialing, waiting, greeting, dormant(plain_config())] {
        let before = rig.machine.clone();
        assert_eq!(rig.go_dormant(), Err(NotNow::NotLinked));
        assert_eq!(rig.machine, before);
    }
    let mut shutting_down = GatewayRig::linked(plain_config());
    shutting_down.shut_down();
    assert_eq!(shutting_down.go_dormant(), Err(NotNow::Leaving));
    let mut agreed = asked();
    agreed.send("in flight");
    agreed.connector_says(&lines::going_idle_ack());
    assert_eq!(agreed.go_dormant(), Err(NotNow::Leaving));
}

/// I6: dormancy is no failure: no loss is reported, nothing counts as a failed attempt, and requests wait.
#[test]
fn dormancy_is_healthy() {
    let mut rig = GatewayRig::linked(plain_config());
    rig.forget();
    rig.go_dormant().unwrap();
    rig.connector_says(&lines::going_idle_ack());
    let events = rig.take_events();
    assert!(!events.iter().any(|event| matches!(event, Event::Down { .. })), "{events:?}");
    let patient = Options { wait_for_link: true, timeout: Some(3600 * SECOND), ..Options::default() };
    rig.request(Action::send("chat", "when awake"), &patient);
    rig.wake();
    rig.link_up();
    assert_eq!(rig.take_frames_of("outbound").len(), 1);
    rig.socket_breaks();
    assert!(matches!(rig.machine.status(), Status::Reconnecting { failures: 1, .. }));
}

/// I2, L10: a link that breaks after the ack changes nothing of the agreement.
#[test]
fn lost_after_the_ack() {
    let mut rig = asked();
    rig.send("in flight");
    rig.connector_says(&lines::going_idle_ack());
    rig.connector_closes(1001, "");
    assert_eq!(rig.machine.status(), Status::Dormant);
    assert_eq!(rig.take_events().into_iter().filter(|event| *event == Event::Dormant).count(), 1);
    rig.passes(3600 * SECOND);
    assert_eq!((rig.take_dials(), rig.take_frames_of("hello")), (vec![], vec![] as Vec<Value>));
}
