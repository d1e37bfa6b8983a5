//! Pings and dead links, rules K1 and K2, on both machines.

use std::collections::VecDeque;
use std::time::Duration;

use relay_proto::connector;
use relay_proto::gateway::{Cause, Config, Event, InboundLimits, Status};
use relay_proto::{DeliveryKind, Instant, LinkEvent, LinkId};
use relay_tests::gateway_rig::{GatewayRig, plain_config};
use relay_tests::lines::{self, inbound, message};
use relay_tests::session_rig::SessionRig;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

/// K1: the gateway pings every thirty seconds from the upgrade on, whatever else flows.
#[test]
fn the_gateways_beat() {
    let mut rig = GatewayRig::default();
    let link = rig.open();
    let start = rig.now;
    rig.connector_says(&lines::descriptor("discord"));
    let mut beats = Vec::new();
    for number in 0..300 {
        rig.connector_says(&inbound("", &message(&format!("m{number}"))));
        rig.send("busy");
        rig.passes(SECOND);
        for ping in rig.take_pings() {
            beats.push(rig.now.since(start).as_secs());
            rig.handle(LinkEvent::Pong(link, ping));
        }
        rig.forget();
        let open = rig.machine.open_deliveries();
        assert!(open <= 300);
    }
    assert_eq!(beats, (1..=10).map(|beat| beat * 30).collect::<Vec<_>>());
}

/// K1: the session pings every thirty seconds from the upgrade on, whatever else flows.
#[test]
fn the_sessions_beat() {
    let mut rig = SessionRig::default();
    let link = rig.accepts();
    let start = rig.now;
    rig.greets();
    let mut beats = Vec::new();
    for _ in 0..300 {
        let position = rig.append();
        rig.gateway_acks(position);
        rig.passes(SECOND);
        for ping in rig.take_pings() {
            beats.push(rig.now.since(start).as_secs());
            rig.handle(LinkEvent::Pong(link, ping));
        }
    }
    assert_eq!(beats, (1..=10).map(|beat| beat * 30).collect::<Vec<_>>());
}

/// K1: each link has a beat of its own, and its numbers answer only its own pings.
#[test]
fn a_new_link_begins_anew() {
    let mut rig = GatewayRig::linked(plain_config());
    rig.passes(25 * SECOND);
    rig.socket_breaks();
    rig.runs_to_dial();
    let link = rig.link_up();
    rig.forget();
    rig.passes(30 * SECOND - MILLISECOND);
    assert!(rig.take_pings().is_empty());
    rig.passes(MILLISECOND);
    assert_eq!(rig.take_pings().len(), 1);
    rig.passes(59 * SECOND);
    rig.handle(LinkEvent::Pong(link, 0));
    rig.passes(SECOND);
    assert_eq!(rig.machine.status(), Status::Linked);
}

/// K1: pongs that are each almost sixty seconds late close nothing, for hours.
#[test]
fn late_pongs_close_nothing_at_the_gateway() {
    let mut rig = GatewayRig::linked(plain_config());
    let link = rig.machine.link().unwrap();
    let end = rig.now + 7200 * SECOND;
    let mut under_way: VecDeque<(Instant, u32)> = VecDeque::new();
    while rig.now < end {
        let beat = rig.next_deadline().unwrap().at;
        match under_way.front().copied().filter(|(arrives, _)| *arrives < beat) {
            Some((arrives, ping)) => {
                under_way.pop_front();
                rig.passes(arrives.since(rig.now));
                rig.handle(LinkEvent::Pong(link, ping));
            }
            None => {
                rig.runs_to_deadline();
            }
        }
        let late = rig.now + (60 * SECOND - MILLISECOND);
        under_way.extend(rig.take_pings().into_iter().map(|ping| (late, ping)));
        assert_eq!(rig.machine.status(), Status::Linked);
    }
}

/// K1: the same at the session.
#[test]
fn late_pongs_close_nothing_at_the_session() {
    let mut rig = SessionRig::live(connector::Config::default());
    let end = rig.now + 7200 * SECOND;
    let mut under_way: VecDeque<(Instant, u32)> = VecDeque::new();
    while rig.now < end {
        let beat = rig.next_deadline().unwrap().at;
        match under_way.front().copied().filter(|(arrives, _)| *arrives < beat) {
            Some((arrives, ping)) => {
                under_way.pop_front();
                rig.passes(arrives.since(rig.now));
                rig.handle(LinkEvent::Pong(LinkId(0), ping));
            }
            None => {
                rig.runs_to_deadline();
            }
        }
        let late = rig.now + (60 * SECOND - MILLISECOND);
        under_way.extend(rig.take_pings().into_iter().map(|ping| (late, ping)));
        assert_eq!(rig.machine.status(), connector::Status::Live);
    }
}

/// K1: whenever a peer dies, before its first ping or long after, the gateway drops the link within ninety seconds,
/// and says why.
#[test]
fn the_gateway_drops_a_dead_link() {
    for dies_after in [0, 1, 29, 30, 31, 59, 60, 61, 100, 1000] {
        let mut rig = GatewayRig::linked(plain_config());
        let link = rig.machine.link().unwrap();
        for _ in 0..dies_after {
            rig.passes(SECOND);
            for ping in rig.take_pings() {
                rig.handle(LinkEvent::Pong(link, ping));
            }
        }
        let died = rig.now;
        rig.forget();
        while rig.machine.status() == Status::Linked {
            rig.runs_to_deadline();
        }
        assert!(rig.now.since(died) <= 90 * SECOND, "{dies_after}: {:?}", rig.now.since(died));
        assert_eq!(rig.take_closes().len(), 1);
        let events = rig.take_events();
        assert!(matches!(events[0], Event::Down { cause: Cause::Silent(_), .. }), "{events:?}");
    }
}

/// K1: a peer that answers one ping late, and then dies, is dropped within ninety seconds all the same.
#[test]
fn a_late_pong_buys_no_time() {
    for late in [1, 29, 30, 31, 59] {
        let mut rig = GatewayRig::linked(plain_config());
        let link = rig.machine.link().unwrap();
        rig.passes(30 * SECOND);
        let answered = rig.take_pings()[0];
        rig.passes(late * SECOND);
        rig.handle(LinkEvent::Pong(link, answered));
        let died = rig.now;
        while rig.machine.status() == Status::Linked {
            rig.runs_to_deadline();
        }
        assert!(rig.now.since(died) <= 90 * SECOND, "{late}: {:?}", rig.now.since(died));
    }
}

/// K1: the session drops a dead link within ninety seconds, whatever it goes on to send.
#[test]
fn the_session_drops_a_dead_link() {
    for dies_after in [0, 1, 29, 30, 31, 59, 60, 61, 100, 1000] {
        let mut rig = SessionRig::live(connector::Config::default());
        for _ in 0..dies_after {
            rig.passes(SECOND);
            for ping in rig.take_pings() {
                rig.handle(LinkEvent::Pong(LinkId(0), ping));
            }
        }
        let died = rig.now;
        rig.forget();
        while rig.machine.status() == connector::Status::Live {
            rig.append_sized(DeliveryKind::Message, 10);
            rig.runs_to_deadline();
        }
        assert!(rig.now.since(died) <= 90 * SECOND, "{dies_after}: {:?}", rig.now.since(died));
        let events = rig.take_events();
        let silent = |event: &connector::Event| {
            matches!(event, connector::Event::Down(_, connector::Cause::Silent(_)))
        };
        assert!(events.iter().any(silent), "{events:?}");
    }
}

/// K1: other traffic is no pong: a peer that talks and reads nothing is dropped.
#[test]
fn talk_is_no_pong() {
    let mut rig = GatewayRig::linked(plain_config());
    let mut lasted = 0;
    while rig.machine.status() == Status::Linked {
        rig.passes(SECOND);
        lasted += 1;
        if rig.machine.status() == Status::Linked {
            rig.connector_says(&inbound("", &message(&format!("m{lasted}"))));
        }
    }
    assert_eq!(lasted, 90);
}

/// K1, D6: while the gateway itself does not read, no pong can be seen and none is missed; once it reads again, a
/// dead link is found in time.
#[test]
fn pongs_are_not_missed_while_nothing_is_read() {
    let inbound_limits = InboundLimits { soft_count: 0, ..InboundLimits::default() };
    let mut rig = GatewayRig::linked(Config { inbound: inbound_limits, ..plain_config() });
    rig.passes(30 * SECOND);
    rig.connector_says(&inbound("b1", &message("m1")));
    let delivery = rig.take_delivery();
    assert!(!rig.machine.wants_read());
    rig.passes(1000 * SECOND);
    assert_eq!(rig.machine.status(), Status::Linked);
    assert_eq!(rig.take_pings().len(), 34, "the beat goes on");
    rig.stored(delivery.id);
    assert!(rig.machine.wants_read());
    rig.passes(90 * SECOND);
    assert_ne!(rig.machine.status(), Status::Linked);
}

/// K1: a machine that was suspended gives the peer its time anew only where none was awaited; what was due is due.
#[test]
fn after_a_suspension() {
    let mut rig = GatewayRig::linked(plain_config());
    let link = rig.machine.link().unwrap();
    rig.passes(10 * SECOND);
    rig.sleeps(3600 * SECOND);
    assert_eq!(rig.machine.status(), Status::Linked, "no ping was out");
    let pings = rig.take_pings();
    assert_eq!(pings.len(), 1, "one ping, not one a beat slept through");
    rig.handle(LinkEvent::Pong(link, pings[0]));
    rig.passes(30 * SECOND);
    rig.sleeps(3600 * SECOND);
    assert_ne!(rig.machine.status(), Status::Linked, "the pong is long overdue");
}

/// K2: the machines' timers are their own: at every moment the next deadline is known, and waiting for it exactly is
/// all that a runtime does.
#[test]
fn deadlines_are_the_machines_own() {
    let mut rig = GatewayRig::default();
    let mut told = Vec::new();
    rig.link_up();
    for _ in 0..8 {
        let before = rig.now;
        let deadline = rig.runs_to_deadline();
        assert!(deadline.at > before, "{deadline:?} was due already");
        told.push(deadline.timer);
    }
    assert!(told.contains(&relay_proto::gateway::Timer::Ping), "{told:?}");
    let early = rig.machine.clone();
    for _ in 0..3 {
        rig.machine.handle_timeout(rig.now);
    }
    assert_eq!(rig.machine, early, "too early and too often changes nothing");
}

/// K1: a beat that the clock cannot tell from none is one of a millisecond. Neither machine is due for ever, and a dormant
/// gateway that looks for suspensions that often is not, either.
#[test]
fn a_beat_of_nothing() {
    for beat in [Duration::ZERO, Duration::from_micros(999)] {
        let config = Config { ping_interval: beat, resume_check: beat, ..plain_config() };
        let mut gateway = GatewayRig::linked(config);
        gateway.passes(Duration::from_millis(3));
        assert_eq!(gateway.take_pings().len(), 3);
        gateway.becomes_dormant();
        gateway.passes(Duration::from_millis(3));
        assert_eq!(gateway.machine.status(), Status::Dormant);

        let mut session = SessionRig::live(connector::Config { ping_interval: beat, ..Default::default() });
        session.passes(Duration::from_millis(3));
        assert_eq!(session.take_pings().len(), 3);
    }
}
