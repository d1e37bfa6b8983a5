//! Shutdown of a gateway, rules L6, I4 and O10: at whatever point it strikes, every waiter is told, nothing is dialed
//! again, and all is over within one budget.

use std::time::Duration;

use relay_proto::close::CloseCode;
use relay_proto::gateway::{
    Ambiguity, Config, Event, Failure, Gateway, Identity, NotNow, Options, Outcome, Refusal, Status,
    StayedAwake, Transmit,
};
use relay_proto::{Features, Instant, LinkEvent};
use relay_tests::gateway_rig::{GatewayRig, plain_config};
use relay_tests::lines;
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);

/// Whether the last event says that it is over.
fn is_over(rig: &mut GatewayRig) -> bool {
    let last = rig.take_events().pop();
    rig.machine.status() == Status::ShutDown && last == Some(Event::ShutDown)
}

/// A rig for each point at which a shutdown can strike, each with whatever requests can be open there.
fn every_point() -> Vec<(&'static str, GatewayRig)> {
    let mut points = Vec::new();
    let config = Config { dormant_redial: Some(300 * SECOND), ..plain_config() };
    let mut rig = GatewayRig::new(config);
    rig.send_patiently("parked");
    points.push(("dialing", rig.clone()));
    rig.dial_fails();
    points.push(("waiting", rig.clone()));
    rig.hold();
    points.push(("held", rig.clone()));
    rig.wake();
    rig.open();
    points.push(("greeting", rig.clone()));
    let mut greeting = rig.clone();
    greeting.send("before the descriptor");
    points.push(("greeting, a request in flight", greeting));
    rig.connector_says(&lines::descriptor("discord"));
    points.push(("linked, a request in flight", rig.clone()));
    let answer = lines::result(&rig.take_outbound_id(), &json!({"success": true}));
    rig.connector_says(&answer);
    points.push(("linked", rig.clone()));
    let mut stalled = rig.clone();
    stalled.writable = false;
    stalled.send("unwritten");
    stalled.send_patiently("unwritten, patient");
    points.push(("linked, the sink stalled", stalled));
    rig.send("written");
    rig.go_dormant().unwrap();
    points.push(("asked to go idle", rig.clone()));
    rig.connector_says(&lines::going_idle_ack());
    points.push(("agreed to idle", rig.clone()));
    rig.passes(5 * SECOND);
    assert_eq!(rig.machine.status(), Status::Dormant);
    rig.send_patiently("parked while dormant");
    points.push(("dormant", rig.clone()));
    rig.wake();
    points.push(("woken", rig.clone()));
    rig.link_up();
    rig.connector_closes(4401, "unauthorized");
    points.push(("disabled", rig));
    let mut stopped = GatewayRig::linked(Config { reconnect: false, ..plain_config() });
    stopped.socket_breaks();
    stopped.send_patiently("parked while stopped");
    points.push(("stopped", stopped));
    points
}

/// L6, I4, O1: wherever it strikes, and whatever the connector and the link do then, it is over within the budget,
/// every request has resolved, the link is closed, and nothing is dialed.
#[test]
fn wherever_it_strikes() {
    for (point, rig) in every_point() {
        let mut silent = rig.clone();
        silent.shut_down();
        let mut lost = silent.clone();
        if matches!(lost.machine.status(), Status::ShuttingDown) {
            lost.socket_breaks();
            assert_eq!(lost.machine.status(), Status::ShutDown, "{point}: L10");
        }
        let mut refused = silent.clone();
        if matches!(refused.machine.status(), Status::ShuttingDown) {
            refused.connector_closes(4401, "unauthorized");
            assert_eq!(refused.machine.status(), Status::ShutDown, "{point}: L10");
        }
        let mut agreed = silent.clone();
        if matches!(agreed.machine.status(), Status::ShuttingDown) {
            agreed.connector_says(&lines::going_idle_ack());
        }
        for mut rig in [silent, lost, refused, agreed] {
            rig.passes(5 * SECOND);
            rig.sink_takes();
            assert!(is_over(&mut rig), "{point}: {:?}", rig.machine.status());
            assert_eq!((rig.open_requests(), rig.next_deadline()), (0, None), "{point}");
            rig.forget();
            rig.wake();
            rig.hold();
            rig.shut_down();
            rig.passes(3600 * SECOND);
            assert!(rig.take_transmits().is_empty() && rig.take_events().is_empty(), "{point}");
            assert_eq!(rig.go_dormant(), Err(NotNow::ShutDown));
            assert_eq!(rig.interrupt("s", None), Err(NotNow::ShutDown));
            let patient = Options { wait_for_link: true, ..Options::default() };
            let rejected = rig.try_request(relay_proto::action::Action::send("c", "x"), &patient);
            assert_eq!(rejected.unwrap_err().refusal, Refusal::NotNow(NotNow::ShutDown));
        }
    }
}

/// L6: where there is nothing to leave and nothing in flight, it is over at once, and what the machine holds of a
/// link is closed.
#[test]
fn at_once_without_a_link() {
    for (point, mut rig) in every_point() {
        let status = rig.machine.status();
        let at_once = match status {
            Status::Dialing | Status::Reconnecting { .. } | Status::Dormant | Status::Stopped => true,
            Status::Disabled => true,
            Status::Greeting => point == "greeting",
            Status::Linked | Status::GoingIdle | Status::ShuttingDown | Status::ShutDown => false,
        };
        rig.forget();
        rig.shut_down();
        assert_eq!(is_over(&mut rig), at_once, "{point}");
        let held = at_once && matches!(status, Status::Dialing | Status::Greeting);
        assert_eq!(rig.take_closes().len(), usize::from(held), "{point}");
    }
}

/// L6: a dial that nobody has seen yet is not asked for any more.
#[test]
fn before_the_dial_was_pulled() {
    let now = Instant::from_millis(5);
    let mut machine = Gateway::new(plain_config(), 7, now);
    machine.shut_down(now);
    let mut dials = std::iter::from_fn(|| machine.poll_transmit());
    assert!(!dials.any(|transmit| matches!(transmit, Transmit::Dial(_))), "dialed after the shutdown");
}

/// I4: `going_idle` first, the close with 1000 as soon as the connector agrees and nothing is in flight.
#[test]
fn agreed_at_once() {
    let mut rig = GatewayRig::linked(plain_config());
    rig.shut_down();
    assert_eq!(rig.machine.status(), Status::ShuttingDown);
    assert_eq!(rig.take_frames(), [json!({"type": "going_idle"})]);
    rig.connector_says(&lines::inbound("b1", &lines::message("m1")));
    let delivery = rig.take_delivery();
    rig.stored(delivery.id);
    assert_eq!(rig.take_acks(), ["b1"], "I1: what lands meanwhile is delivered, and acked");
    rig.connector_says(&lines::going_idle_ack());
    assert_eq!(rig.take_close_code(), CloseCode::NORMAL);
    assert!(is_over(&mut rig));
}

/// I4: two seconds without an ack, then it goes on without it.
#[test]
fn no_ack_in_time() {
    let mut rig = GatewayRig::linked(plain_config());
    rig.shut_down();
    rig.forget();
    rig.passes(2 * SECOND - Duration::from_millis(1));
    assert_eq!(rig.machine.status(), Status::ShuttingDown);
    rig.passes(Duration::from_millis(1));
    assert_eq!(rig.take_close_code(), CloseCode::NORMAL);
    assert!(is_over(&mut rig));
}

/// O10: requests that are written may get their results within the drain time, and the last one ends it.
#[test]
fn results_within_the_drain_time() {
    let mut rig = GatewayRig::linked(plain_config());
    let first = rig.send("first");
    let first_id = rig.take_outbound_id();
    let second = rig.send("second");
    let second_id = rig.take_outbound_id();
    rig.shut_down();
    rig.connector_says(&lines::going_idle_ack());
    assert_eq!(rig.machine.status(), Status::ShuttingDown);
    rig.connector_says(&lines::result(&first_id, &json!({"success": true})));
    assert!(matches!(rig.outcome(first), Some(Outcome::Answered(_))));
    rig.passes(4 * SECOND);
    assert_eq!(rig.machine.status(), Status::ShuttingDown);
    rig.forget();
    rig.connector_says(&lines::result(&second_id, &json!({"success": true})));
    assert!(matches!(rig.outcome(second), Some(Outcome::Answered(_))));
    assert_eq!(rig.take_close_code(), CloseCode::NORMAL);
    assert!(is_over(&mut rig));
}

/// O10, I4, O2: after five seconds in all, ack or not, what is written and unanswered is ambiguous.
#[test]
fn the_drain_time_is_over() {
    for agrees in [false, true] {
        let mut rig = GatewayRig::linked(plain_config());
        let written = rig.send("written");
        rig.shut_down();
        rig.passes(SECOND);
        if agrees {
            rig.connector_says(&lines::going_idle_ack());
        }
        rig.passes(4 * SECOND - Duration::from_millis(1));
        assert_eq!(rig.machine.status(), Status::ShuttingDown);
        rig.forget();
        rig.passes(Duration::from_millis(1));
        assert_eq!(rig.outcome(written), Some(&Outcome::Ambiguous(Ambiguity::ShutDown)));
        assert_eq!(rig.take_close_code(), CloseCode::NORMAL);
        assert!(is_over(&mut rig));
    }
}

/// L6, O2: what was never written fails definitely, and is not written afterwards.
#[test]
fn unwritten_requests_at_the_end() {
    let mut rig = GatewayRig::linked(plain_config());
    rig.writable = false;
    let impatient = rig.send("impatient");
    let patient = rig.send_patiently("patient");
    rig.shut_down();
    rig.passes(5 * SECOND);
    let failed = Outcome::Failed(Failure::ShutDown);
    assert_eq!((rig.outcome(impatient), rig.outcome(patient)), (Some(&failed), Some(&failed)));
    rig.sink_takes();
    assert_eq!(rig.take_frames_of("outbound"), [] as [serde_json::Value; 0]);
    assert_eq!(rig.take_close_code(), CloseCode::NORMAL);
}

/// L6, O1: a parked request is told at once, and no new one is taken on the link that is being left.
#[test]
fn parked_and_new_requests() {
    let mut rig = GatewayRig::default();
    let parked = rig.send_patiently("parked");
    rig.open();
    rig.send("in flight");
    rig.shut_down();
    assert_eq!(rig.outcome(parked), Some(&Outcome::Failed(Failure::ShutDown)));
    assert_eq!(rig.machine.status(), Status::ShuttingDown);
    for wait_for_link in [false, true] {
        let options = Options { wait_for_link, ..Options::default() };
        let rejected = rig.try_request(relay_proto::action::Action::send("c", "x"), &options);
        assert_eq!(rejected.unwrap_err().refusal, Refusal::NotNow(NotNow::Leaving));
    }
}

/// I3, L6: a shutdown on the way into dormancy ends the dormancy, asks no second time, and takes the ack that is on
/// its way.
#[test]
fn on_the_way_into_dormancy() {
    let mut rig = GatewayRig::linked(plain_config());
    rig.go_dormant().unwrap();
    rig.forget();
    rig.shut_down();
    assert_eq!(rig.take_events(), [Event::DormancyRefused(StayedAwake::ShutDown)]);
    assert_eq!(rig.take_frames_of("going_idle").len(), 0);
    rig.connector_says(&lines::going_idle_ack());
    assert!(is_over(&mut rig));
}

/// L6, D1: the acks of what was stored before still go out, ahead of the close, when the sink takes them late.
#[test]
fn acks_go_out_before_the_close() {
    let mut rig = GatewayRig::linked(plain_config());
    rig.connector_says(&lines::inbound("b1", &lines::message("m1")));
    let delivery = rig.take_delivery();
    rig.writable = false;
    rig.stored(delivery.id);
    rig.shut_down();
    rig.connector_says(&lines::going_idle_ack());
    assert!(is_over(&mut rig));
    rig.sink_takes();
    let transmits = rig.take_transmits();
    assert!(matches!(transmits.last(), Some(Transmit::Close(..))), "{transmits:?}");
    let acks = transmits.iter().filter(|transmit| {
        matches!(transmit, Transmit::Frame(_, line) if lines::is(&lines::read(line), "inbound_ack"))
    });
    assert_eq!(acks.count(), 1);
}

/// L6: an upgrade that succeeds after the shutdown changes nothing.
#[test]
fn a_late_upgrade() {
    let mut rig = GatewayRig::new(Config {
        identities: vec![Identity::new("discord", "a"), Identity::new("slack", "b")],
        ..Config::default()
    });
    let link = rig.take_dials()[0];
    rig.shut_down();
    let before = rig.machine.clone();
    rig.handle(LinkEvent::Opened(link, Features::default()));
    assert_eq!(rig.machine, before);
}
