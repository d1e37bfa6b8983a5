//! A gateway that goes idle: it serves on until the connector agrees (I1), is dormant then (I2), stays awake without an
//! agreement (I3), and is healthy all along (I6).

use std::ops::Deref;
use std::time::Duration;

use relay_driver::gateway::{DormancyError, Gateway};
use relay_driver::proto::action::Action;
use relay_driver::proto::gateway::{Ambiguity, Cause, NotNow, Options, Outcome, Status, StayedAwake};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::harness::{
    End, Stack, StandIn, answered, becomes, delivered, descriptor, inbound, lasted, patient, redials_quickly,
    result, within,
};

on_both! {
    it_serves_on_until_the_ack,
    dormant_until_woken,
    requests_in_flight_are_waited_for,
    the_cadence_dials,
    without_an_ack_it_stays_awake,
    a_wake_on_the_way_stays_awake,
    a_loss_on_the_way_stays_awake,
    one_dormancy_at_a_time,
    dormant_is_healthy,
    a_connector_that_hangs_up_on_a_sleeper_is_no_failure,
}

/// A gateway on its way into dormancy, which has been said.
async fn falling_asleep<G>(gateway: &G, link: &mut End) -> JoinHandle<Result<(), DormancyError>>
where
    G: Deref<Target = Gateway> + Clone + Send + Sync + 'static,
{
    becomes(gateway, |status| status == Status::Linked).await;
    let gateway = gateway.clone();
    let falling = tokio::spawn(async move { gateway.go_dormant().await });
    link.next_of("going_idle").await;
    falling
}

/// A request on a task of its own.
fn asking<G>(gateway: &G) -> JoinHandle<Outcome>
where
    G: Deref<Target = Gateway> + Clone + Send + Sync + 'static,
{
    let gateway = gateway.clone();
    tokio::spawn(async move { gateway.send(Action::send("c", "x")).await.unwrap() })
}

async fn agree(link: &mut End) {
    link.send(&json!({"type": "going_idle_ack"})).await;
}

/// I1: until the connector agrees, deliveries are handed out and acked, and requests answered.
async fn it_serves_on_until_the_ack<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, mut deliveries) = S::connect(patient(&stand_in.url()));
    let mut link = stand_in.link().await;
    let asleep = falling_asleep(&gateway, &mut link).await;
    assert_eq!(gateway.watch().current().status, Status::GoingIdle);
    link.send(&inbound("meanwhile")).await;
    assert_eq!(delivered(&mut deliveries).await, "meanwhile");
    assert_eq!(link.next_of("inbound_ack").await["bufferId"], "meanwhile");
    answered(&gateway, &mut link).await;
    agree(&mut link).await;
    assert_eq!(link.closed().await, (1000, String::new()));
    within("the dormancy", asleep).await.unwrap().unwrap();
}

/// I2, L7: once the connector agrees, the gateway closes with 1000 and dials nobody until it is woken, and then at
/// once.
async fn dormant_until_woken<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(redials_quickly(&stand_in.url()));
    for _ in 0..2 {
        let mut link = stand_in.link().await;
        let asleep = falling_asleep(&gateway, &mut link).await;
        agree(&mut link).await;
        assert_eq!(link.closed().await, (1000, String::new()));
        drop(link);
        within("the dormancy", asleep).await.unwrap().unwrap();
        assert_eq!(gateway.watch().current().status, Status::Dormant);
        gateway.wake();
    }
    let _link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
    assert!(stand_in.was_left_alone());
}

/// I2, O3: what is in flight when the connector agrees may still be answered; what comes then waits for the next link.
async fn requests_in_flight_are_waited_for<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(patient(&stand_in.url()));
    let mut link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
    let asked = asking(&gateway);
    let request = link.next_of("outbound").await;
    let asleep = falling_asleep(&gateway, &mut link).await;
    agree(&mut link).await;
    link.send(&result(&request)).await;
    assert!(matches!(within("an outcome", asked).await.unwrap(), Outcome::Answered(_)));
    assert_eq!(link.closed().await.0, 1000);
    within("the dormancy", asleep).await.unwrap().unwrap();
    let waits = Options { wait_for_link: true, ..Options::default() };
    let waiting = gateway.send_with(Action::send("c", "when awake"), &waits);
    let waking = async {
        while gateway.inspect(|machine| machine.open_requests()) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(gateway.watch().current().status, Status::Dormant);
        gateway.wake();
        let mut link = stand_in.link().await;
        let request = link.next_of("outbound").await;
        link.send(&result(&request)).await;
    };
    let (outcome, ()) = tokio::join!(within("an outcome", waiting), waking);
    assert!(matches!(outcome, Ok(Outcome::Answered(_))));
}

/// I2: with a cadence set, a dormant gateway dials by itself, once its time is over.
async fn the_cadence_dials<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = redials_quickly(&stand_in.url());
    config.link.dormant_redial = Some(Duration::from_millis(200));
    let (gateway, _deliveries) = S::connect(config);
    let mut link = stand_in.link().await;
    let asleep = falling_asleep(&gateway, &mut link).await;
    let agreed = Instant::now();
    agree(&mut link).await;
    assert_eq!(link.closed().await.0, 1000);
    within("the dormancy", asleep).await.unwrap().unwrap();
    let _link = stand_in.link().await;
    lasted(agreed, Duration::from_millis(200));
}

/// I3: without an agreement in time the dormancy is refused, and the gateway links anew at once.
async fn without_an_ack_it_stays_awake<S: Stack>() {
    let stand_in = StandIn::bind().await;
    // Only a dial at once is ever made.
    let mut config = patient(&stand_in.url());
    config.link.idle_timeout = Duration::from_millis(50);
    let (gateway, _deliveries) = S::connect(config);
    let mut link = stand_in.link().await;
    let asleep = falling_asleep(&gateway, &mut link).await;
    assert_eq!(link.closed().await, (1001, "staying awake".to_owned()));
    let refused = Err(DormancyError::StayedAwake(StayedAwake::NoAck));
    assert_eq!(within("the refusal", asleep).await.unwrap(), refused);
    let _link = stand_in.link().await;
    let status = becomes(&gateway, |status| status == Status::Linked).await;
    assert_eq!(status.cause.as_deref(), Some(&Cause::Relinked));
}

/// I3, L7: a wake before the agreement gives the flipped link up, and links anew at once.
async fn a_wake_on_the_way_stays_awake<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(patient(&stand_in.url()));
    let mut link = stand_in.link().await;
    let asleep = falling_asleep(&gateway, &mut link).await;
    gateway.wake();
    assert_eq!(link.closed().await, (1001, "staying awake".to_owned()));
    let refused = Err(DormancyError::StayedAwake(StayedAwake::Woken));
    assert_eq!(within("the refusal", asleep).await.unwrap(), refused);
    let _link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
}

/// I3, L2: a link that is lost before the agreement refuses the dormancy, and is dialed again.
async fn a_loss_on_the_way_stays_awake<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(redials_quickly(&stand_in.url()));
    let mut link = stand_in.link().await;
    let asleep = falling_asleep(&gateway, &mut link).await;
    drop(link);
    let refused = Err(DormancyError::StayedAwake(StayedAwake::LinkLost));
    assert_eq!(within("the refusal", asleep).await.unwrap(), refused);
    let _link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
}

/// I2: dormancy can be asked for on a greeted link alone, and once at a time.
async fn one_dormancy_at_a_time<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(patient(&stand_in.url()));
    let dialed = stand_in.connection().await;
    let asked = within("a refusal", gateway.go_dormant()).await;
    assert_eq!(asked, Err(DormancyError::NotNow(NotNow::NotLinked)));
    let mut link = End::accept(dialed).await;
    link.next_of("hello").await;
    link.send(&descriptor("relay")).await;
    let asleep = falling_asleep(&gateway, &mut link).await;
    let asked = within("a refusal", gateway.go_dormant()).await;
    assert_eq!(asked, Err(DormancyError::NotNow(NotNow::Leaving)));
    agree(&mut link).await;
    within("the dormancy", asleep).await.unwrap().unwrap();
}

/// I6, I2: dormant is a state of its own, which is neither a failure nor a reconnection, has no cause, and dials
/// nobody until it is woken.
async fn dormant_is_healthy<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(patient(&stand_in.url()));
    let mut link = stand_in.link().await;
    let asleep = falling_asleep(&gateway, &mut link).await;
    let mut watch = gateway.watch();
    let mut seen = vec![watch.current()];
    agree(&mut link).await;
    assert_eq!(link.closed().await.0, 1000);
    within("the dormancy", asleep).await.unwrap().unwrap();
    drop(link);
    while seen.last().unwrap().status != Status::Dormant {
        seen.push(within("a change", watch.changed()).await);
    }
    for status in &seen {
        let healthy = matches!(status.status, Status::Linked | Status::GoingIdle | Status::Dormant);
        assert!(healthy && status.cause.is_none(), "{status:?}");
    }
    gateway.wake();
    let _link = stand_in.link().await;
    let status = becomes(&gateway, |status| status == Status::Linked).await;
    assert_eq!(status.cause, None);
}

/// I6, I1: a connector that closes once it has agreed does not make a failure of it.
async fn a_connector_that_hangs_up_on_a_sleeper_is_no_failure<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(patient(&stand_in.url()));
    let mut link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
    let asked = asking(&gateway);
    link.next_of("outbound").await;
    let asleep = falling_asleep(&gateway, &mut link).await;
    agree(&mut link).await;
    // The gateway still waits for the result, so that it is the connector who closes first.
    link.close(1001, "").await;
    within("the dormancy", asleep).await.unwrap().unwrap();
    assert_eq!(gateway.watch().current().status, Status::Dormant);
    assert_eq!(within("an outcome", asked).await.unwrap(), Outcome::Ambiguous(Ambiguity::LinkLost));
    assert!(stand_in.was_left_alone());
}
