//! The sleep guard, rule I5: every doubt means awake.

use std::time::Duration;

use relay_proto::Instant;
use relay_proto::gateway::{Config, Sleep, SleepConditions};
use relay_tests::gateway_rig::{GatewayRig, plain_config};
use relay_tests::lines::{self, inbound, message};

const SECOND: Duration = Duration::from_secs(1);
const IDLE_AFTER: Duration = Duration::from_secs(300);

/// All combinations of what can be known of the host, with whether all of it is fine.
fn conditions(long_ago: Instant) -> Vec<(SleepConditions, bool)> {
    let mut all = Vec::new();
    for wake_url in [false, true] {
        for others_live in [None, Some(false), Some(true)] {
            for last_activity in [None, Some(long_ago)] {
                let fine = wake_url && others_live == Some(false) && last_activity.is_some();
                all.push((SleepConditions { wake_url, others_live, last_activity }, fine));
            }
        }
    }
    all
}

/// I5: it sleeps if and only if every condition is known to hold, with reconnect on and on a greeted link.
#[test]
fn every_condition_counts() {
    for reconnect in [false, true] {
        let mut rig = GatewayRig::new(Config { reconnect, ..plain_config() });
        let long_ago = rig.now;
        rig.now = rig.now + IDLE_AFTER;
        for (state, linked) in
            [("dialing", false), ("greeting", false), ("linked", true), ("going idle", false)]
        {
            match state {
                "greeting" => _ = rig.open(),
                "linked" => rig.connector_says(&lines::descriptor("discord")),
                "going idle" => rig.go_dormant().unwrap(),
                _ => {}
            }
            for (conditions, fine) in conditions(long_ago) {
                let judged = rig.machine.may_sleep(IDLE_AFTER, conditions, rig.now);
                assert_eq!(judged == Sleep::Now, fine && linked && reconnect, "{state}: {conditions:?}");
                assert!(fine || matches!(judged, Sleep::Awake(_)), "{state}: {conditions:?}");
            }
        }
    }
}

/// I5: not before it has been idle for so long, to the millisecond; and open work is activity.
#[test]
fn idle_for_so_long() {
    let mut rig = GatewayRig::linked(plain_config());
    let fine = SleepConditions { wake_url: true, others_live: Some(false), last_activity: Some(rig.now) };
    let at = rig.now + IDLE_AFTER;
    assert_eq!(rig.machine.may_sleep(IDLE_AFTER, fine, rig.now), Sleep::NotBefore(at));
    rig.now = rig.now + (IDLE_AFTER - Duration::from_millis(1));
    assert_eq!(rig.machine.may_sleep(IDLE_AFTER, fine, rig.now), Sleep::NotBefore(at));
    rig.now = at;
    assert_eq!(rig.machine.may_sleep(IDLE_AFTER, fine, rig.now), Sleep::Now);
    let mut asking = rig.clone();
    asking.send("in flight");
    assert!(matches!(asking.machine.may_sleep(IDLE_AFTER, fine, asking.now), Sleep::Awake(_)));
    rig.connector_says(&inbound("b", &message("m")));
    assert!(matches!(rig.machine.may_sleep(IDLE_AFTER, fine, rig.now), Sleep::Awake(_)));
    let delivery = rig.take_delivery();
    rig.stored(delivery.id);
    assert_eq!(rig.machine.may_sleep(IDLE_AFTER, fine, rig.now), Sleep::Now);
}

/// I5, I3: a yes is no suspension yet: the flip can still be refused, and then the gateway is up.
#[test]
fn only_an_acked_flip_counts() {
    let mut rig = GatewayRig::linked(plain_config());
    rig.go_dormant().unwrap();
    rig.passes(10 * SECOND);
    rig.link_up();
    assert_eq!(rig.machine.status(), relay_proto::gateway::Status::Linked);
}
