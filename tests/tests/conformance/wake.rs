//! When a connector pokes a sleeping gateway's host (C8).

use std::time::Duration;

use relay_driver::connector::GatewayRecord;
use relay_driver::proto::connector::Status;
use serde_json::json;

use crate::harness::{GATEWAY, House, NEVER, SECRET, Stack, calm, record};

on_both! {
    the_first_event_without_a_link_pokes,
    what_comes_after_the_flip_pokes_once_the_link_is_gone,
    without_a_wake_url_nobody_is_poked,
}

const URL: &str = "http://host.example/wake";

fn wakeable() -> GatewayRecord {
    GatewayRecord { wake_url: Some(URL.into()), ..record(GATEWAY, "t", "i", &[SECRET]) }
}

/// C8: the first event of an instance without a link pokes its wake URL; those within the cooldown do not, and a link
/// needs none.
async fn the_first_event_without_a_link_pokes<S: Stack>() {
    let mut config = calm();
    config.session.poke_cooldown = NEVER;
    let house = House::<S>::with(config);
    house.connector.register(wakeable()).unwrap();
    let mut link = house.link().await;
    house.say("live");
    link.next_of("inbound").await;
    drop(link);
    // What was given out and not acked waits now without a link.
    assert_eq!(house.desk.poked(1).await, [URL]);
    house.becomes(Status::Offline).await;
    for number in 0..20 {
        house.say(&number.to_string());
    }
    let mut link = house.link().await;
    for _ in 0..21 {
        link.next_of("inbound").await;
    }
    assert_eq!(house.desk.pokes(), [URL]);
}

/// C8: an event between `going_idle` and the close pokes, at the latest when the link is gone; and one within the
/// cooldown pokes when that is over.
async fn what_comes_after_the_flip_pokes_once_the_link_is_gone<S: Stack>() {
    let mut config = calm();
    config.session.poke_cooldown = Duration::from_millis(100);
    let house = House::<S>::with(config);
    house.connector.register(wakeable()).unwrap();
    for pokes in 1..3 {
        let mut link = house.link().await;
        while house.session().backlog() > 0 {
            let entry = link.next_of("inbound").await;
            link.send(&json!({"type": "inbound_ack", "bufferId": entry["bufferId"]})).await;
            house.has_backlog(0).await;
        }
        link.send(&json!({"type": "going_idle"})).await;
        link.next_of("going_idle_ack").await;
        house.say("for later");
        link.close(1000, "").await;
        assert_eq!(house.desk.poked(pokes).await.len(), pokes);
    }
}

/// C8: an instance without a wake URL is not poked for.
async fn without_a_wake_url_nobody_is_poked<S: Stack>() {
    let house = House::<S>::start();
    house.say("early");
    let mut link = house.link().await;
    link.next_of("inbound").await;
    drop(link);
    house.becomes(Status::Offline).await;
    house.say("late");
    drop(house.link().await);
    assert!(house.desk.pokes().is_empty());
}
