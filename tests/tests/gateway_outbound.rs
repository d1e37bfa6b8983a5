//! Requests of a gateway, rules O1 to O5, O9 and O10. The rigs' watches check O1 and O2 at every step of every test.

use std::time::Duration;

use relay_proto::action::{Action, ActionResult};
use relay_proto::gateway::{
    Ambiguity, Config, Event, Failure, NotNow, Options, Outcome, Refusal, Status, Timer,
};
use relay_proto::{LinkEvent, RequestId};
use relay_tests::gateway_rig::{GatewayRig, plain_config};
use relay_tests::lines;
use serde_json::{Value, json};

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

fn linked() -> GatewayRig {
    GatewayRig::linked(plain_config())
}

fn done() -> Value {
    json!({"success": true, "message_id": "m1"})
}

fn within(timeout: Duration, wait_for_link: bool) -> Options {
    Options { timeout: Some(timeout), wait_for_link, ..Options::default() }
}

/// Writes a request, and says its name on the wire.
fn written(rig: &mut GatewayRig, content: &str) -> (RequestId, String) {
    let request = rig.send(content);
    (request, rig.take_outbound_id())
}

/// O1, O2: a result resolves its request with the JSON as it came, whatever it says.
#[test]
fn a_result() {
    let mut rig = linked();
    for result in [json!({"success": true, "x": [1]}), json!({"success": false, "error": "no"}), json!({})] {
        let (request, id) = written(&mut rig, "hi");
        rig.forget();
        rig.connector_says(&lines::result(&id, &result));
        let events = rig.take_events();
        let [Event::Resolved(resolved, Outcome::Answered(json))] = &events[..] else { panic!("{events:?}") };
        assert_eq!(*resolved, request);
        assert_eq!(serde_json::from_slice::<Value>(json).unwrap(), result);
    }
    assert_eq!(rig.machine.open_requests(), 0);
}

/// O1: results come in any order, and each goes to its own request.
#[test]
fn results_in_any_order() {
    let mut rig = linked();
    let open: Vec<_> = (0..5).map(|number| written(&mut rig, &format!("{number}"))).collect();
    for number in [3, 0, 4, 2, 1] {
        let (request, id) = &open[number];
        rig.connector_says(&lines::result(id, &json!({"message_id": number.to_string()})));
        let Some(Outcome::Answered(json)) = rig.outcome(*request) else { panic!("{number}") };
        let text = std::str::from_utf8(json).unwrap();
        assert_eq!(ActionResult::parse(text).message_id.unwrap(), number.to_string());
    }
}

/// O2: written and not answered in time is ambiguous, to the millisecond; a timeout of its own counts first.
#[test]
fn no_result_in_time() {
    let mut rig = linked();
    let usual = rig.send("usual");
    let hasty = rig.request(Action::send("chat", "hasty"), &within(5 * SECOND, false));
    assert_eq!(rig.next_deadline().unwrap().timer, Timer::Request);
    rig.passes(5 * SECOND - MILLISECOND);
    assert_eq!(rig.outcome(hasty), None);
    rig.passes(MILLISECOND);
    assert_eq!(rig.outcome(hasty), Some(&Outcome::Ambiguous(Ambiguity::TimedOut)));
    rig.passes(25 * SECOND - MILLISECOND);
    assert_eq!(rig.outcome(usual), None);
    rig.passes(MILLISECOND);
    assert_eq!(rig.outcome(usual), Some(&Outcome::Ambiguous(Ambiguity::TimedOut)));
}

/// O2: never handed to the socket in time is a definite failure, and it is not written afterwards.
#[test]
fn not_written_in_time() {
    let mut rig = linked();
    rig.writable = false;
    let request = rig.send("stuck");
    rig.passes(30 * SECOND);
    assert_eq!(rig.outcome(request), Some(&Outcome::Failed(Failure::TimedOut)));
    rig.sink_takes();
    assert_eq!(rig.take_frames_of("outbound"), [] as [Value; 0]);
}

/// O2, O5: a result for what was never written is nobody's.
#[test]
fn a_result_before_it_is_written() {
    let mut rig = linked();
    let (_, first) = written(&mut rig, "first");
    let guess = first.replace("-0", "-1");
    rig.writable = false;
    let second = rig.send("second");
    rig.connector_says(&lines::result(&guess, &done()));
    assert_eq!(rig.outcome(second), None);
    rig.sink_takes();
    assert_eq!(rig.take_outbound_id(), guess, "the guess was right");
    rig.connector_says(&lines::result(&guess, &done()));
    assert!(matches!(rig.outcome(second), Some(Outcome::Answered(_))));
}

/// O3, L10: the loss of the link resolves all that is written as ambiguous, and all that is not as failed, in the
/// same step, whichever end gives it up and why.
#[test]
fn link_loss() {
    type Lose = fn(&mut GatewayRig);
    let losses: [Lose; 5] = [
        GatewayRig::socket_breaks,
        |rig| rig.connector_closes(1000, ""),
        |rig| rig.connector_closes(4401, "expired"),
        |rig| rig.handle(LinkEvent::TooLarge(rig.machine.link().unwrap())),
        |rig| rig.connector_says("{\"type\":\"descriptor\",\"descriptor\":{}}\n"),
    ];
    for lose in losses {
        let mut rig = linked();
        let written = [rig.send("written"), rig.send_patiently("written, patient")];
        rig.writable = false;
        let impatient = rig.send("unwritten");
        let patient = rig.send_patiently("unwritten, patient");
        lose(&mut rig);
        for request in written {
            assert_eq!(rig.outcome(request), Some(&Outcome::Ambiguous(Ambiguity::LinkLost)));
        }
        assert_eq!(rig.outcome(impatient), Some(&Outcome::Failed(Failure::LinkLost)));
        assert_eq!(rig.outcome(patient), None);
        rig.forget();
        rig.sink_takes();
        assert_eq!(rig.take_frames_of("outbound"), [] as [Value; 0], "not on a dead link");
        rig.runs_to_dial();
        rig.link_up();
        let frames = rig.take_frames_of("outbound");
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0]["action"]["content"], "unwritten, patient");
    }
}

/// O3: a patient request waits over any number of links until its deadline, and is written once.
#[test]
fn patience_has_an_end() {
    let mut rig = GatewayRig::default();
    let options = within(100 * SECOND, true);
    let request = rig.request(Action::send("chat", "patient"), &options);
    let late = rig.request(Action::send("chat", "too late"), &within(3 * SECOND, true));
    for _ in 0..3 {
        rig.open();
        rig.socket_breaks();
        rig.runs_to_dial();
    }
    rig.passes(3 * SECOND);
    assert_eq!(rig.outcome(late), Some(&Outcome::Failed(Failure::TimedOut)));
    rig.link_up();
    assert_eq!(rig.outcome(request), None);
    assert_eq!(rig.take_frames_of("outbound").len(), 1);
    rig.socket_breaks();
    assert_eq!(
        rig.outcome(request),
        Some(&Outcome::Ambiguous(Ambiguity::LinkLost)),
        "written once: no second try"
    );
    rig.runs_to_dial();
    rig.link_up();
    assert_eq!(rig.take_frames_of("outbound"), [] as [Value; 0]);
}

/// O3: its deadline counts from its acceptance, and no link extends it.
#[test]
fn the_deadline_is_kept_over_links() {
    let mut rig = GatewayRig::default();
    let request = rig.send_patiently("patient");
    rig.passes(9 * SECOND);
    rig.link_up();
    assert_eq!(rig.take_frames_of("outbound").len(), 1);
    rig.passes(21 * SECOND - MILLISECOND);
    assert_eq!(rig.outcome(request), None);
    rig.passes(MILLISECOND);
    assert_eq!(rig.outcome(request), Some(&Outcome::Ambiguous(Ambiguity::TimedOut)));
}

/// O3: parked requests go out in the order in which they were asked for, those of the lost link first.
#[test]
fn parked_requests_keep_their_order() {
    let mut rig = linked();
    rig.writable = false;
    rig.send_patiently("1");
    rig.send_patiently("2");
    rig.socket_breaks();
    rig.send_patiently("3");
    rig.sink_takes();
    rig.runs_to_dial();
    rig.link_up();
    rig.send("4");
    let frames = rig.take_frames_of("outbound");
    let contents: Vec<_> = frames.iter().map(|frame| frame["action"]["content"].as_str().unwrap()).collect();
    assert_eq!(contents, ["1", "2", "3", "4"]);
}

/// O3, A3: without a link an impatient request is refused at once, and a patient one is taken, in every state.
#[test]
fn without_a_link() {
    let dialing = GatewayRig::default();
    let mut waiting = dialing.clone();
    waiting.dial_fails();
    let mut dormant = linked();
    dormant.becomes_dormant();
    let mut stopped = GatewayRig::linked(Config { reconnect: false, ..plain_config() });
    stopped.socket_breaks();
    for mut rig in [dialing, waiting, dormant, stopped] {
        let rejected = rig.try_request(Action::send("chat", "now"), &Options::default()).unwrap_err();
        assert_eq!(rejected.refusal, Refusal::NotNow(NotNow::NotLinked));
        let before = rig.machine.status();
        let patient = rig.request(Action::send("chat", "later"), &within(10 * SECOND, true));
        assert_eq!(rig.machine.status(), before, "a request wakes nobody");
        rig.passes(10 * SECOND);
        assert_eq!(rig.outcome(patient), Some(&Outcome::Failed(Failure::TimedOut)));
    }
}

/// O4: a request is accepted as soon as the link is open and greeted, and goes out right behind the hellos.
#[test]
fn as_soon_as_the_link_is_greeted() {
    let mut rig = GatewayRig::default();
    rig.open();
    let request = rig.send("at once");
    let kinds: Vec<_> =
        rig.take_frames().iter().map(|frame| frame["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["hello", "outbound"]);
    assert_eq!(rig.outcome(request), None);
    let mut linked = linked();
    linked.send("at once");
    linked.go_dormant().unwrap();
    linked.send("I1: until the ack as well");
    assert_eq!(linked.take_frames_of("outbound").len(), 2);
}

/// O5: results with unknown, late, repeated or mangled ids change nothing but a counter.
#[test]
fn results_for_nobody() {
    let mut rig = linked();
    let (answered, answered_id) = written(&mut rig, "answered");
    rig.connector_says(&lines::result(&answered_id, &done()));
    let (_, late_id) = written(&mut rig, "late");
    rig.passes(20 * SECOND);
    let (open, id) = written(&mut rig, "open");
    rig.passes(10 * SECOND);
    rig.forget();
    let next = id.replace("-2", "-3");
    let mangled = [
        answered_id.clone(),
        late_id,
        next,
        String::new(),
        "-".to_owned(),
        "é".repeat(9),
        format!("{id}0"),
        format!("{id} "),
        id.to_uppercase() + "x",
        id.replace('-', ""),
        format!("0000000000000000-{}", 2),
        format!("{}-18446744073709551616", &id[..16]),
    ];
    for (count, wire_id) in mangled.iter().enumerate() {
        let open_before = rig.machine.open_requests();
        rig.connector_says(&lines::result(wire_id, &done()));
        assert_eq!(rig.machine.skipped().late_results, count as u64 + 1, "{wire_id:?}");
        assert_eq!(rig.machine.open_requests(), open_before);
    }
    assert!(rig.take_events().is_empty() && rig.take_transmits().is_empty());
    assert!(matches!(rig.outcome(answered), Some(Outcome::Answered(_))));
    assert_eq!(rig.outcome(open), None);
}

/// O5: an id that the machine never wrote is unknown, however near it comes to one that it did.
#[test]
fn near_misses_of_an_id() {
    let mut rig = linked();
    let (open, id) = written(&mut rig, "open");
    for near in [id.replace('-', "-+"), id.replace('-', "-0"), id.to_uppercase(), id.replacen('0', "+", 1)] {
        if near != id {
            rig.connector_says(&lines::result(&near, &done()));
            assert_eq!(rig.outcome(open), None, "{near} is not {id}");
        }
    }
}

/// O5: ids never repeat: not over reconnects, and not from one process to the next.
#[test]
fn ids_never_repeat() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let mut rig = GatewayRig::with_seed(plain_config(), seed);
        for _ in 0..5 {
            rig.link_up();
            for number in 0..3 {
                let (_, id) = written(&mut rig, &format!("{number}"));
                assert!(seen.insert(id));
            }
            rig.socket_breaks();
            rig.runs_to_dial();
        }
    }
    assert_eq!(seen.len(), 300);
}

/// O5, O2: a result of the old link that comes on the new one is late: ambiguous was the last word.
#[test]
fn a_result_on_the_next_link() {
    let mut rig = linked();
    let (request, id) = written(&mut rig, "lost");
    rig.socket_breaks();
    rig.runs_to_dial();
    rig.link_up();
    rig.forget();
    rig.connector_says(&lines::result(&id, &done()));
    assert_eq!(rig.take_events(), []);
    assert!(matches!(rig.outcome(request), Some(Outcome::Ambiguous(_))));
}

/// O9: a declined destination is an answer, told apart, and leads to no other frame.
#[test]
fn a_declined_destination() {
    let mut rig = linked();
    for result in [
        ActionResult::declined("discord").to_json(),
        r#"{"success":false,"error":"discord egress declined: target is not an approved destination"}"#
            .to_owned(),
    ] {
        let (request, id) = written(&mut rig, "out of bounds");
        rig.forget();
        rig.connector_says(&lines::result(&id, &serde_json::from_str(&result).unwrap()));
        let Some(Outcome::Answered(json)) = rig.outcome(request) else { panic!("definite") };
        assert!(ActionResult::parse(std::str::from_utf8(json).unwrap()).is_declined());
        rig.passes(25 * SECOND);
        assert_eq!(rig.take_frames(), [] as [Value; 0], "nothing is tried instead");
    }
    assert!(!ActionResult::failed("boom").is_declined());
}

/// O10: a request that was written before the shutdown is answered within the drain time; see `gateway_shutdown`.
#[test]
fn a_trailing_edit() {
    let mut rig = linked();
    let edit = r#"{"op":"edit","chat_id":"chat","message_id":"m","content":"final"}"#;
    let request = rig.request(Action::from_json(edit).unwrap(), &Options::default());
    let id = rig.take_outbound_id();
    rig.shut_down();
    rig.connector_says(&lines::going_idle_ack());
    rig.passes(4 * SECOND);
    rig.connector_says(&lines::result(&id, &done()));
    assert!(matches!(rig.outcome(request), Some(Outcome::Answered(_))));
    assert_eq!(rig.machine.status(), Status::ShutDown);
}

/// O1: no more requests than the limit are open at once, and a settled one makes room.
#[test]
fn too_many_requests() {
    let mut rig = GatewayRig::linked(Config { request_limit: 2, ..plain_config() });
    let (_, id) = written(&mut rig, "1");
    rig.send("2");
    let rejected = rig.try_request(Action::send("chat", "3"), &Options::default()).unwrap_err();
    assert_eq!(rejected.refusal, Refusal::TooMany { limit: 2 });
    rig.connector_says(&lines::result(&id, &done()));
    rig.send("3");
}
