//! How a gateway leaves a real socket: shut down (L6, I4), and when its peer is gone without a word (K1).

use std::time::Duration;

use relay_driver::gateway::{Deliveries, Gateway};
use relay_driver::proto::action::{Action, ActionResult};
use relay_driver::proto::gateway::{Ambiguity, Cause, Failure, Options, Outcome, Status};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::harness::{End, Stack, StandIn, becomes, patient, redials_quickly, result, within};

on_both! {
    a_shutdown_is_said_and_agreed_to,
    a_shutdown_does_not_wait_for_ever,
    a_shutdown_does_not_wait_for_a_frozen_peer,
    a_shutdown_waits_for_results,
    a_shutdown_settles_whoever_waits,
    dropping_everything_is_a_shutdown,
    a_peer_without_pongs_is_dropped,
    a_deaf_peer_settles_what_it_was_asked,
}

fn shutting_down(gateway: &Gateway) -> JoinHandle<()> {
    let gateway = gateway.clone();
    tokio::spawn(async move { gateway.shut_down().await })
}

/// An action, under way on a task of its own. It waits for a link if there is none.
fn asking(gateway: &Gateway) -> JoinHandle<Outcome> {
    let gateway = gateway.clone();
    tokio::spawn(async move {
        let waits = Options { wait_for_link: true, ..Options::default() };
        gateway.send_with(Action::send("c", "x"), &waits).await.unwrap()
    })
}

/// A gateway that is linked to a stand-in, and nobody's timer plays a part.
async fn linked<S: Stack>(stand_in: &StandIn) -> (S::Gateway, Deliveries, End) {
    let (gateway, deliveries) = S::connect(patient(&stand_in.url()));
    let link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
    (gateway, deliveries, link)
}

/// I4: `going_idle`, its ack, close 1000, in this order; and nobody is dialed again.
async fn a_shutdown_is_said_and_agreed_to<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, mut deliveries, mut link) = linked::<S>(&stand_in).await;
    let ending = shutting_down(&gateway);
    link.next_of("going_idle").await;
    link.send(&json!({"type": "going_idle_ack"})).await;
    assert_eq!(link.closed().await, (1000, String::new()));
    drop(link);
    within("the shutdown", ending).await.unwrap();
    assert!(within("the end", deliveries.next()).await.is_none());
    gateway.wake();
    assert_eq!(gateway.watch().current().status, Status::ShutDown);
    assert!(stand_in.was_left_alone());
}

/// I4: without an ack the gateway goes all the same, in the configured time.
async fn a_shutdown_does_not_wait_for_ever<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = patient(&stand_in.url());
    config.link.shutdown_idle_timeout = Duration::from_millis(30);
    let (gateway, _deliveries) = S::connect(config);
    let mut link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
    let ending = shutting_down(&gateway);
    link.next_of("going_idle").await;
    assert_eq!(link.closed().await.0, 1000);
    drop(link);
    within("the shutdown", ending).await.unwrap();
}

/// I4: a peer that takes nothing and says nothing does not hold a shutdown up.
async fn a_shutdown_does_not_wait_for_a_frozen_peer<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = patient(&stand_in.url());
    config.link.shutdown_idle_timeout = Duration::from_millis(30);
    config.link.drain_timeout = Duration::from_millis(60);
    let (gateway, _deliveries) = S::connect(config);
    let frozen = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
    // So much that it fills whatever lies between the two.
    let mut asked = Vec::new();
    for _ in 0..400 {
        let gateway = gateway.clone();
        let action = Action::send("c", "x").with_metadata("filler", "x".repeat(64 << 10));
        asked.push(tokio::spawn(async move { gateway.send(action).await }));
    }
    within("the shutdown", shutting_down(&gateway)).await.unwrap();
    for asked in asked {
        _ = within("an answer", asked).await.unwrap();
    }
    drop(frozen);
}

/// O10: what is under way at a shutdown may still be answered, between the ack and the close as well; and every
/// message that arrives meanwhile is taken.
async fn a_shutdown_waits_for_results<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries, mut link) = linked::<S>(&stand_in).await;
    let asked = asking(&gateway);
    let request = link.next_of("outbound").await;
    let ending = shutting_down(&gateway);
    link.next_of("going_idle").await;
    link.send(&json!({"type": "going_idle_ack"})).await;
    link.send(&result(&request)).await;
    let Outcome::Answered(answer) = within("the result", asked).await.unwrap() else { panic!("no answer") };
    assert!(ActionResult::parse(std::str::from_utf8(&answer).unwrap()).success);
    assert_eq!(link.closed().await.0, 1000);
    drop(link);
    within("the shutdown", ending).await.unwrap();
}

/// L6, O2: at whatever point a shutdown strikes, whoever waits is told, and nobody is dialed again.
async fn a_shutdown_settles_whoever_waits<S: Stack>() {
    /// Where the gateway is when it is shut down.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum At {
        Dialing,
        Greeting,
        Linked,
        BackingOff,
        Dormant,
    }
    for at in [At::Dialing, At::Greeting, At::Linked, At::BackingOff, At::Dormant] {
        let stand_in = StandIn::bind().await;
        let mut config = patient(&stand_in.url());
        config.link.shutdown_idle_timeout = Duration::from_millis(30);
        config.link.drain_timeout = Duration::from_millis(60);
        let (gateway, mut deliveries) = S::connect(config);
        let (mut held, mut open) = (None, None);
        match at {
            At::Dialing => held = Some(stand_in.connection().await),
            At::Greeting => open = Some(stand_in.open().await),
            At::Linked => open = Some(stand_in.link().await),
            At::BackingOff => drop(stand_in.connection().await),
            At::Dormant => {
                let mut link = stand_in.link().await;
                becomes(&gateway, |status| status == Status::Linked).await;
                let dormant = tokio::spawn({
                    let gateway = gateway.clone();
                    async move { gateway.go_dormant().await }
                });
                link.next_of("going_idle").await;
                link.send(&json!({"type": "going_idle_ack"})).await;
                within("the dormancy", dormant).await.unwrap().unwrap();
            }
        }
        let there = |status: Status| match at {
            At::Dialing => status == Status::Dialing,
            At::Greeting => status == Status::Greeting,
            At::Linked => status == Status::Linked,
            At::BackingOff => matches!(status, Status::Reconnecting { .. }),
            At::Dormant => status == Status::Dormant,
        };
        becomes(&gateway, there).await;
        let asked = asking(&gateway);
        if let (At::Greeting | At::Linked, Some(open)) = (at, &mut open) {
            while open.next().await["type"] != "outbound" {}
        } else {
            // The task has asked once it has had its turn.
            tokio::task::yield_now().await;
        }
        within("the shutdown", shutting_down(&gateway)).await.unwrap();
        let outcome = within("an outcome", asked).await.unwrap();
        let expected = match at {
            At::Greeting | At::Linked => Outcome::Ambiguous(Ambiguity::ShutDown),
            At::Dialing | At::BackingOff | At::Dormant => Outcome::Failed(Failure::ShutDown),
        };
        assert_eq!(outcome, expected, "{at:?}");
        assert!(within("the end", deliveries.next()).await.is_none());
        drop((held, open));
        assert!(stand_in.was_left_alone(), "{at:?}");
    }
}

/// When the last handle is dropped, the gateway leaves as if it was told to. Who only looks on sees it end.
async fn dropping_everything_is_a_shutdown<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, deliveries, mut link) = linked::<S>(&stand_in).await;
    let mut watch = gateway.watch();
    drop((gateway, deliveries));
    link.next_of("going_idle").await;
    link.send(&json!({"type": "going_idle_ack"})).await;
    assert_eq!(link.closed().await.0, 1000);
    within("the end", watch.wait_for(|status| status.status == Status::ShutDown)).await;
}

/// K1: a peer that answers no ping is dropped and dialed again, whether it says nothing or talks all the time.
async fn a_peer_without_pongs_is_dropped<S: Stack>() {
    for talks in [false, true] {
        let stand_in = StandIn::bind().await;
        let mut config = redials_quickly(&stand_in.url());
        config.link.ping_interval = Duration::from_millis(20);
        config.link.pong_timeout = Duration::from_secs(1);
        let silent = Cause::Silent(config.link.pong_timeout);
        let (gateway, _deliveries) = S::connect(config);
        let mut deaf = stand_in.link().await;
        becomes(&gateway, |status| status == Status::Linked).await;
        let talking = async {
            // It never reads, so that nothing answers the pings for it.
            while talks && deaf.try_send("{\"type\":\"never heard of\"}\n".into()).await.is_ok() {
                tokio::task::yield_now().await;
            }
            std::future::pending::<()>().await;
        };
        let mut watch = gateway.watch();
        let dropped = watch.wait_for(|status| status.cause.as_deref() == Some(&silent));
        tokio::select! {
            _ = within("the loss", dropped) => {}
            () = talking => {}
        }
        let mut link = stand_in.link().await;
        becomes(&gateway, |status| status == Status::Linked).await;
        // This one answers, for longer than a pong may take, and so stays.
        link.answers_pings(60).await;
        assert_eq!(gateway.watch().current().status, Status::Linked);
    }
}

/// K1: a peer that is gone without a word, its network with it, is no worse than one that is deaf: the request on its
/// link is settled with it.
async fn a_deaf_peer_settles_what_it_was_asked<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = patient(&stand_in.url());
    config.link.ping_interval = Duration::from_millis(20);
    config.link.pong_timeout = Duration::from_millis(100);
    let (gateway, _deliveries) = S::connect(config);
    let deaf = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
    let outcome = within("an outcome", asking(&gateway)).await.unwrap();
    assert_eq!(outcome, Outcome::Ambiguous(Ambiguity::LinkLost));
    drop(deaf);
}
