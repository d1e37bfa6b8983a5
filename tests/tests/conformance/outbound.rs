//! What a gateway asks for: settled once each (O1), told apart by whether it went out (O2, O3), and as soon as it can
//! go (O4).

use std::collections::BTreeSet;
use std::time::Duration;

use relay_driver::gateway::Gateway;
use relay_driver::proto::action::{Action, ActionResult};
use relay_driver::proto::gateway::{Ambiguity, Failure, NotNow, Options, Outcome, Refusal, Status};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::harness::{
    End, Stack, StandIn, answered, becomes, descriptor, patient, redials_quickly, result, within,
};

on_both! {
    results_in_any_order,
    results_for_nobody_change_nothing,
    without_a_result_a_request_is_ambiguous,
    a_lost_link_settles_its_requests_at_once,
    without_a_link_a_request_is_refused,
    what_waits_for_a_link_goes_out_on_the_next,
    what_waits_in_vain_was_certainly_not_sent,
    requests_are_taken_before_the_descriptor,
    ids_never_repeat,
    a_declined_destination_stays_declined,
}

fn waits() -> Options {
    Options { wait_for_link: true, ..Options::default() }
}

/// A request on a task of its own.
fn asking<G>(gateway: &G, chat: &str, options: Options) -> JoinHandle<Outcome>
where
    G: std::ops::Deref<Target = Gateway> + Clone + Send + Sync + 'static,
{
    let (gateway, action) = (gateway.clone(), Action::send(chat, "x"));
    tokio::spawn(async move { gateway.send_with(action, &options).await.unwrap() })
}

async fn outcome(asked: JoinHandle<Outcome>) -> Outcome {
    within("an outcome", asked).await.unwrap()
}

/// The message id in an answer.
fn message_id(outcome: &Outcome) -> String {
    let Outcome::Answered(result) = outcome else { panic!("no answer: {outcome:?}") };
    ActionResult::parse(std::str::from_utf8(result).unwrap()).message_id.unwrap().into_owned()
}

/// O1: results may come in any order; each reaches the request that it is for.
async fn results_in_any_order<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(patient(&stand_in.url()));
    let mut link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
    let asked: Vec<_> = (0..50).map(|chat| asking(&gateway, &chat.to_string(), Options::default())).collect();
    let mut requests = Vec::new();
    for _ in &asked {
        requests.push(link.next_of("outbound").await);
    }
    for request in requests.iter().rev() {
        let mut answer = result(request);
        answer["result"]["message_id"] = request["action"]["chat_id"].clone();
        link.send(&answer).await;
    }
    for (chat, asked) in asked.into_iter().enumerate() {
        assert_eq!(message_id(&outcome(asked).await), chat.to_string());
    }
}

/// O5, O1: results with unknown ids, and second results, change nothing.
async fn results_for_nobody_change_nothing<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(patient(&stand_in.url()));
    let mut link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
    let asked = asking(&gateway, "c", Options::default());
    let request = link.next_of("outbound").await;
    let id = request["requestId"].as_str().unwrap();
    for near in ["", "0", &id[1..], &format!("{id} "), &format!("{id}0"), &id.replace('-', "_")] {
        link.send(&json!({"type": "outbound_result", "requestId": near, "result": {"success": false}})).await;
    }
    answered(&gateway, &mut link).await;
    assert!(!asked.is_finished(), "settled by a result that is not its own");
    link.send(&result(&request)).await;
    link.send(&json!({"type": "outbound_result", "requestId": id, "result": {"success": false}})).await;
    let Outcome::Answered(answer) = outcome(asked).await else { panic!("no answer") };
    assert!(ActionResult::parse(std::str::from_utf8(&answer).unwrap()).success, "the first one counts");
    answered(&gateway, &mut link).await;
}

/// O2, O5: what was sent and not answered in time is ambiguous, and a result that comes later changes nothing.
async fn without_a_result_a_request_is_ambiguous<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(patient(&stand_in.url()));
    let mut link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
    let impatient = Options { timeout: Some(Duration::from_millis(500)), ..Options::default() };
    let asked = asking(&gateway, "c", impatient);
    let request = link.next_of("outbound").await;
    assert_eq!(outcome(asked).await, Outcome::Ambiguous(Ambiguity::TimedOut));
    link.send(&result(&request)).await;
    answered(&gateway, &mut link).await;
    assert_eq!(gateway.inspect(|machine| machine.skipped().late_results), 1);
}

/// O3, L10: the loss of a link settles what was sent on it at once, however patient it was.
async fn a_lost_link_settles_its_requests_at_once<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(patient(&stand_in.url()));
    for abrupt in [true, false] {
        let mut link = stand_in.link().await;
        becomes(&gateway, |status| status == Status::Linked).await;
        let asked = [asking(&gateway, "c", Options::default()), asking(&gateway, "d", waits())];
        for _ in &asked {
            link.next_of("outbound").await;
        }
        if abrupt {
            drop(link);
        } else {
            link.close(1011, "").await;
        }
        for asked in asked {
            assert_eq!(outcome(asked).await, Outcome::Ambiguous(Ambiguity::LinkLost));
        }
        gateway.wake();
    }
}

/// O2, O3: without a link, what does not want to wait is refused, definitely, with its argument.
async fn without_a_link_a_request_is_refused<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(patient(&stand_in.url()));
    let dialed = stand_in.connection().await;
    let action = Action::send("c", "x");
    let refused = within("a refusal", gateway.send(action.clone())).await.unwrap_err();
    assert_eq!((refused.refusal, refused.argument), (Refusal::NotNow(NotNow::NotLinked), action));
    assert!(gateway.interrupt("s", None).is_err());
    assert!(within("a refusal", gateway.go_dormant()).await.is_err());
    drop(End::accept(dialed).await);
}

/// O3: what wants to wait for a link goes out on the next one, in the order of asking.
async fn what_waits_for_a_link_goes_out_on_the_next<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(patient(&stand_in.url()));
    drop(stand_in.connection().await);
    becomes(&gateway, |status| matches!(status, Status::Reconnecting { .. })).await;
    let mut asked = Vec::new();
    for chat in 0..10 {
        asked.push(asking(&gateway, &chat.to_string(), waits()));
        while gateway.inspect(|machine| machine.open_requests()) == chat {
            tokio::task::yield_now().await;
        }
    }
    gateway.wake();
    let mut link = stand_in.link().await;
    for chat in 0..10 {
        let request = link.next_of("outbound").await;
        assert_eq!(request["action"]["chat_id"], chat.to_string());
        link.send(&result(&request)).await;
    }
    for asked in asked {
        assert!(matches!(outcome(asked).await, Outcome::Answered(_)));
    }
}

/// O2, O3: what waits for a link in vain fails at its deadline, and definitely.
async fn what_waits_in_vain_was_certainly_not_sent<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(patient(&stand_in.url()));
    drop(stand_in.connection().await);
    becomes(&gateway, |status| matches!(status, Status::Reconnecting { .. })).await;
    let impatient = Options { timeout: Some(Duration::from_millis(30)), ..waits() };
    assert_eq!(outcome(asking(&gateway, "c", impatient)).await, Outcome::Failed(Failure::TimedOut));
    gateway.wake();
    let mut link = stand_in.link().await;
    // It does not go out after all.
    answered(&gateway, &mut link).await;
}

/// O4: as soon as the link is open and greeted, a request is taken, descriptor or not.
async fn requests_are_taken_before_the_descriptor<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(patient(&stand_in.url()));
    let mut link = stand_in.open().await;
    becomes(&gateway, |status| status == Status::Greeting).await;
    link.next_of("hello").await;
    answered(&gateway, &mut link).await;
    link.send(&descriptor("relay")).await;
    becomes(&gateway, |status| status == Status::Linked).await;
}

/// O5: the ids of requests never repeat, on no link and in no other gateway.
async fn ids_never_repeat<S: Stack>() {
    let mut ids = BTreeSet::new();
    for _ in 0..3 {
        let stand_in = StandIn::bind().await;
        let (gateway, _deliveries) = S::connect(redials_quickly(&stand_in.url()));
        for _ in 0..3 {
            let mut link = stand_in.link().await;
            for _ in 0..3 {
                let asked = asking(&gateway, "c", waits());
                let request = link.next_of("outbound").await;
                assert!(ids.insert(request["requestId"].as_str().unwrap().to_owned()), "{request}");
                link.send(&result(&request)).await;
                outcome(asked).await;
            }
            link.close(1001, "").await;
        }
    }
    assert_eq!(ids.len(), 27);
}

/// O9: a declined destination is told apart, and is not tried by any other way.
async fn a_declined_destination_stays_declined<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(patient(&stand_in.url()));
    let mut link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
    let asked = asking(&gateway, "c", waits());
    let request = link.next_of("outbound").await;
    let declined: serde_json::Value =
        serde_json::from_str(&ActionResult::declined("relay").to_json()).unwrap();
    link.send(&json!({"type": "outbound_result", "requestId": request["requestId"], "result": declined}))
        .await;
    let Outcome::Answered(answer) = outcome(asked).await else { panic!("no answer") };
    assert!(ActionResult::parse(std::str::from_utf8(&answer).unwrap()).is_declined());
    answered(&gateway, &mut link).await;
}
