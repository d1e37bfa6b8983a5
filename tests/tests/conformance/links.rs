//! A gateway's link over its lives: one dial at a time (L1), again after every end (L2 to L5), at once when woken
//! (L7), and later while held (L8).

use std::time::Duration;

use relay_driver::gateway::Gateway;
use relay_driver::proto::gateway::{self as machine, Cause, Status, StayedAwake};
use relay_driver::{gateway::DormancyError, system};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use crate::harness::{
    End, NEVER, Stack, StandIn, answered, becomes, delivered, descriptor, inbound, lasted, loses, patient,
    redials_quickly, within,
};

on_both! {
    one_dial_at_a_time,
    every_end_is_followed_by_a_dial,
    told_not_to_reconnect,
    waits_double_up_to_the_cap,
    waits_differ_between_gateways,
    a_flapping_link_is_a_failed_attempt,
    a_stable_link_starts_the_ladder_anew,
    an_old_link_changes_nothing,
    without_a_descriptor_a_link_is_given_up,
    a_wake_dials_at_once,
    a_hold_lapses_by_itself,
    a_wake_ends_a_hold,
}

/// Waits until the gateway waits for its next dial: for at least and at most how long, and how many attempts failed.
async fn waits(gateway: &Gateway, lost_after: relay_driver::proto::Instant) -> (Duration, Duration, u32) {
    let status = becomes(gateway, |status| matches!(status, Status::Reconnecting { .. })).await;
    let Status::Reconnecting { at, failures } = status.status else { unreachable!("it was waited for") };
    (at.since(system::now()), at.since(lost_after), failures)
}

/// L1: whatever the application does while a dial is under way or a link is open, nobody is dialed a second time.
async fn one_dial_at_a_time<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(redials_quickly(&stand_in.url()));
    let dialed = stand_in.connection().await;
    for _ in 0..10 {
        gateway.wake();
    }
    let mut link = End::accept(dialed).await;
    link.next_of("hello").await;
    gateway.wake();
    link.send(&descriptor("relay")).await;
    becomes(&gateway, |status| status == Status::Linked).await;
    for _ in 0..10 {
        gateway.wake();
        gateway.hold();
    }
    answered(&gateway, &mut link).await;
    assert!(stand_in.was_left_alone());
}

/// L2: whatever way a dial or a link ends, the gateway dials again.
async fn every_end_is_followed_by_a_dial<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(redials_quickly(&stand_in.url()));
    drop(stand_in.connection().await);
    stand_in.answer("500 Internal Server Error", "").await;
    stand_in.connection().await.write_all(b"\0\x01\x02\r\n\r\n").await.unwrap();
    drop(stand_in.open().await);
    stand_in.open().await.close(1000, "").await;
    drop(stand_in.link().await);
    for code in [1000, 1001, 1011] {
        stand_in.link().await.close(code, "").await;
    }
    let mut torn = stand_in.link().await;
    // The beginning of a frame.
    torn.carrier().write_all(&[0x81, 0x7e]).await.unwrap();
    drop(torn);
    let _link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
}

/// L2, L7: told not to reconnect, the gateway stays down, says so, and dials when it is woken.
async fn told_not_to_reconnect<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = redials_quickly(&stand_in.url());
    config.link.reconnect = false;
    let (gateway, _deliveries) = S::connect(config);
    stand_in.link().await.close(1001, "").await;
    becomes(&gateway, |status| status == Status::Stopped).await;
    gateway.wake();
    let _link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
    assert!(stand_in.was_left_alone());
}

/// L3: the ceilings of the waits double up to the cap, and each wait is from the upper half of its ceiling.
async fn waits_double_up_to_the_cap<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = patient(&stand_in.url());
    config.link.backoff_base = Duration::from_secs(1_000);
    config.link.backoff_cap = Duration::from_secs(4_000);
    let (gateway, _deliveries) = S::connect(config);
    for (attempt, ceiling) in [1_000, 2_000, 4_000, 4_000].map(Duration::from_secs).into_iter().enumerate() {
        let before = system::now();
        drop(stand_in.connection().await);
        let (least, most, failures) = waits(&gateway, before).await;
        assert!(most > ceiling / 2 && least <= ceiling, "{least:?} to {most:?} of {ceiling:?}");
        assert_eq!(failures as usize, attempt + 1);
        gateway.wake();
    }
}

/// L3: gateways that are lost at the same time do not come back at the same time.
async fn waits_differ_between_gateways<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut waited = Vec::new();
    for _ in 0..8 {
        let mut config = patient(&stand_in.url());
        config.link.backoff_base = Duration::from_secs(1_000_000);
        config.link.backoff_cap = config.link.backoff_base;
        let (gateway, _deliveries) = S::connect(config);
        let before = system::now();
        drop(stand_in.connection().await);
        waited.push(waits(&gateway, before).await.0);
    }
    // Out of half a million seconds.
    let (least, most) = (waited.iter().min().unwrap(), waited.iter().max().unwrap());
    assert!(*most - *least > Duration::from_secs(1_000), "{waited:?}");
}

/// L3: a link that is up and does not stay up counts as a failed attempt.
async fn a_flapping_link_is_a_failed_attempt<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(patient(&stand_in.url()));
    for attempt in 1..4 {
        let link = stand_in.link().await;
        becomes(&gateway, |status| status == Status::Linked).await;
        link.close(1001, "").await;
        assert_eq!(waits(&gateway, system::now()).await.2, attempt);
        gateway.wake();
    }
}

/// L3: a link that was up for the stability window starts the ladder anew.
async fn a_stable_link_starts_the_ladder_anew<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = patient(&stand_in.url());
    config.link.stable_after = Duration::from_millis(30);
    config.link.ping_interval = Duration::from_millis(20);
    let (gateway, _deliveries) = S::connect(config);
    for attempt in 1..4 {
        drop(stand_in.connection().await);
        assert_eq!(waits(&gateway, system::now()).await.2, attempt);
        gateway.wake();
    }
    let mut link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
    // A beat apart each, so that the window is over by the last.
    link.answers_pings(4).await;
    link.close(1001, "").await;
    assert_eq!(waits(&gateway, system::now()).await.2, 1);
}

/// L4: what an old link still says, its close above all, changes nothing of the new one.
async fn an_old_link_changes_nothing<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = redials_quickly(&stand_in.url());
    config.link.idle_timeout = Duration::from_millis(30);
    let (gateway, mut deliveries) = S::connect(config);
    let mut old = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
    // The gateway leaves the old link by itself, and its peer has not looked yet.
    let stayed = within("the refusal", gateway.go_dormant()).await;
    assert_eq!(stayed, Err(DormancyError::StayedAwake(StayedAwake::NoAck)));
    let mut new = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
    for frame in [json!({"type": "going_idle_ack"}), inbound("from the old"), descriptor("telegram")] {
        _ = old.try_send(format!("{frame}\n").into()).await;
    }
    old.close(4401, "unauthorized").await;
    answered(&gateway, &mut new).await;
    new.send(&inbound("from the new")).await;
    assert_eq!(delivered(&mut deliveries).await, "from the new");
    assert_eq!(gateway.watch().current().status, Status::Linked);
    let described =
        |machine: &machine::Gateway| machine.descriptor(Some("telegram")).map(|it| it.platform.clone());
    assert_eq!(gateway.inspect(described).as_deref(), Some("relay"), "the default's");
    assert!(stand_in.was_left_alone());
}

/// L5: a link that gives no descriptor in time is closed, counts as a failed attempt, and is dialed again.
async fn without_a_descriptor_a_link_is_given_up<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = redials_quickly(&stand_in.url());
    config.link.handshake_timeout = Duration::from_millis(50);
    let given_up = Cause::HandshakeTimeout(config.link.handshake_timeout);
    let (gateway, _deliveries) = S::connect(config);
    for talks in [false, true] {
        let mut mute = stand_in.open().await;
        mute.next_of("hello").await;
        if talks {
            mute.send(&inbound("before the descriptor")).await;
        }
        assert_eq!(mute.closed().await, (1002, "no descriptor".to_owned()));
        let lost = loses(&gateway, &given_up).await;
        assert_ne!(lost.status, Status::Linked);
    }
    let _link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
}

/// L7: a wake dials at once, however long the wait would be.
async fn a_wake_dials_at_once<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(patient(&stand_in.url()));
    for _ in 0..3 {
        drop(stand_in.connection().await);
        becomes(&gateway, |status| matches!(status, Status::Reconnecting { .. })).await;
        gateway.wake();
    }
    let _link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
}

/// L8: a hold parks the next dial, and lapses by itself.
async fn a_hold_lapses_by_itself<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = redials_quickly(&stand_in.url());
    config.link.hold_limit = Duration::from_millis(300);
    let limit = config.link.hold_limit;
    let (gateway, _deliveries) = S::connect(config);
    let link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
    let held = Instant::now();
    gateway.hold();
    link.close(1001, "").await;
    let _link = stand_in.link().await;
    lasted(held, limit);
}

/// L7, L8: a wake ends a hold.
async fn a_wake_ends_a_hold<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let mut config = redials_quickly(&stand_in.url());
    config.link.hold_limit = NEVER;
    let (gateway, _deliveries) = S::connect(config);
    let link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
    gateway.hold();
    link.close(1001, "").await;
    becomes(&gateway, |status| matches!(status, Status::Reconnecting { .. })).await;
    gateway.wake();
    let _link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
}
