//! The 4401 latch of a gateway, rules A1 to A4 and A6.

use std::time::Duration;

use relay_proto::LinkEvent;
use relay_proto::action::Action;
use relay_proto::close::{DialError, Ended};
use relay_proto::gateway::{
    Ambiguity, Cause, Config, Event, Failure, Next, NotNow, Options, Outcome, Refusal, Status, StayedAwake,
};
use relay_tests::gateway_rig::{GatewayRig, plain_config};
use relay_tests::lines;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

/// A rig whose gateway has had a handshake before, and whose present link is open and not greeted. Its token was
/// asked for just now.
fn trusted_and_greeting(config: Config) -> GatewayRig {
    let mut rig = GatewayRig::linked(config);
    rig.socket_breaks();
    rig.runs_to_dial();
    rig.open();
    rig.forget();
    rig
}

/// Lets time pass in which the machine is not run at all, as in a suspension that the next thing on the link ends.
fn is_suspended(rig: &mut GatewayRig, time: Duration) {
    rig.now = rig.now + time;
}

/// A1: refused before any handshake has ever succeeded, it backs off and tries again, for ever.
#[test]
fn refused_from_the_start() {
    let mut rig = GatewayRig::default();
    for reason in ["unauthorized", "", "revoked", "expired"].repeat(5) {
        rig.open();
        rig.forget();
        rig.connector_closes(4401, reason);
        let events = rig.take_events();
        let [Event::Down { cause: Cause::Ended(Ended::Closed(close)), next: Next::Redial(at) }] = &events[..]
        else {
            panic!("{events:?}");
        };
        assert!(close.is_unauthorized() && *at > rig.now);
        assert_eq!(rig.take_dials(), [], "with backoff, not at once");
        rig.runs_to_dial();
    }
    rig.link_up();
    assert_eq!(rig.machine.status(), Status::Linked);
}

/// A1: a handshake counts when the descriptor came; an upgrade alone, or a broken descriptor, does not.
#[test]
fn what_counts_as_a_handshake() {
    let mut rig = GatewayRig::default();
    rig.open();
    rig.connector_says("{\"type\":\"descriptor\",\"descriptor\":{}}\n");
    rig.runs_to_dial();
    rig.open();
    rig.connector_says(&lines::inbound("b1", &lines::message("m1")));
    rig.connector_closes(4401, "unauthorized");
    assert!(matches!(rig.machine.status(), Status::Reconnecting { .. }));
}

/// A2: `expired` is never terminal: not on a greeted link, not with a young token, not with an old one.
#[test]
fn expired_is_never_terminal() {
    let linked = GatewayRig::linked(plain_config());
    let young = trusted_and_greeting(plain_config());
    let mut old = young.clone();
    is_suspended(&mut old, 400 * SECOND);
    let mut going_idle = linked.clone();
    going_idle.go_dormant().unwrap();
    for mut rig in [linked, young, old, going_idle] {
        rig.connector_closes(4401, "expired");
        assert!(matches!(rig.machine.status(), Status::Reconnecting { .. } | Status::Dialing));
        rig.runs_to_dial();
        rig.link_up();
        assert_eq!(rig.machine.status(), Status::Linked);
    }
}

/// A2: only that very word is `expired`.
#[test]
fn other_words_are_not_expired() {
    for reason in ["Expired", "expired ", "token expired", "", "unauthorized"] {
        let mut rig = trusted_and_greeting(plain_config());
        rig.connector_closes(4401, reason);
        assert_eq!(rig.machine.status(), Status::Disabled, "{reason:?}");
    }
}

/// A3: on a greeted link the token was good, so a 4401 latches, however old the token is by then.
#[test]
fn a_greeted_link_latches() {
    for age in [0, 299, 300, 301, 100_000] {
        let mut rig = GatewayRig::linked(plain_config());
        is_suspended(&mut rig, age * SECOND);
        rig.connector_closes(4401, "unauthorized");
        assert_eq!(rig.machine.status(), Status::Disabled, "{age} s");
    }
}

/// A3: on a link without its descriptor the token's age decides, to the millisecond, counted from the dial.
#[test]
fn the_age_of_the_token_decides() {
    let lifetime = 300 * SECOND;
    let mut young = trusted_and_greeting(plain_config());
    let mut old = young.clone();
    is_suspended(&mut young, lifetime - MILLISECOND);
    young.connector_closes(4401, "unauthorized");
    assert_eq!(young.machine.status(), Status::Disabled);
    is_suspended(&mut old, lifetime);
    old.connector_closes(4401, "unauthorized");
    assert_ne!(old.machine.status(), Status::Disabled);
    assert_eq!(old.take_dials().len(), 1, "once more, at once");
}

/// A3: time spent dialing counts, whether slept through or not.
#[test]
fn the_token_ages_while_dialing() {
    let config = Config { dial_timeout: 3600 * SECOND, ..plain_config() };
    for asleep in [false, true] {
        let mut rig = GatewayRig::linked(config.clone());
        rig.socket_breaks();
        rig.runs_to_dial();
        if asleep {
            is_suspended(&mut rig, 299 * SECOND);
        } else {
            rig.passes(299 * SECOND);
        }
        rig.open();
        is_suspended(&mut rig, SECOND);
        rig.forget();
        rig.connector_closes(4401, "unauthorized");
        assert_eq!(rig.machine.status(), Status::Dialing, "the refusal says nothing");
        assert_eq!(rig.take_dials().len(), 1);
    }
}

/// A3: the dial at once bears a new token, so that a second refusal, which is prompt, latches.
#[test]
fn the_second_refusal_tells() {
    let mut rig = trusted_and_greeting(plain_config());
    is_suspended(&mut rig, 1000 * SECOND);
    rig.connector_closes(4401, "unauthorized");
    let events = rig.take_events();
    assert!(
        matches!(events[..], [Event::Down { next: Next::Redial(at), .. }] if at == rig.now),
        "it is announced as at once: {events:?}"
    );
    rig.open();
    rig.passes(SECOND);
    rig.connector_closes(4401, "unauthorized");
    assert_eq!(rig.machine.status(), Status::Disabled);
}

/// A3: the second dial succeeds where the credential was good after all.
#[test]
fn a_suspended_dial_is_no_revocation() {
    let mut rig = trusted_and_greeting(plain_config());
    is_suspended(&mut rig, 1000 * SECOND);
    rig.connector_closes(4401, "unauthorized");
    rig.link_up();
    assert_eq!(rig.machine.status(), Status::Linked);
}

/// A3: a token that never expires is never too old, so that the refusal tells.
#[test]
fn a_token_without_a_lifetime() {
    let config = Config { token_lifetime: None, ..plain_config() };
    let mut rig = trusted_and_greeting(config);
    is_suspended(&mut rig, 1_000_000 * SECOND);
    rig.connector_closes(4401, "unauthorized");
    assert_eq!(rig.machine.status(), Status::Disabled);
}

/// A3: who was told not to reconnect does not dial once more either.
#[test]
fn an_old_token_without_reconnect() {
    let config = Config { reconnect: false, ..plain_config() };
    let mut rig = GatewayRig::linked(config);
    rig.socket_breaks();
    rig.wake();
    rig.open();
    rig.forget();
    is_suspended(&mut rig, 301 * SECOND);
    rig.connector_closes(4401, "unauthorized");
    assert_eq!((rig.machine.status(), rig.take_dials()), (Status::Stopped, vec![]));
}

/// A4: latched once, it stays so: no dial, no second report, no other state, whatever happens.
#[test]
fn disabled_for_good() {
    let mut rig = GatewayRig::linked(plain_config());
    let link = rig.machine.link().unwrap();
    rig.connector_closes(4401, "revoked");
    let events = rig.take_events();
    assert!(
        matches!(&events[..], [Event::Disabled(close)] if &*close.reason == "revoked"),
        "neither a failure nor a reconnection: {events:?}"
    );
    assert_eq!(rig.next_deadline(), None);
    let latched = rig.machine.clone();
    rig.wake();
    rig.hold();
    assert_eq!(rig.go_dormant(), Err(NotNow::Disabled));
    assert_eq!(rig.interrupt("s", None), Err(NotNow::Disabled));
    rig.handle(LinkEvent::Closed(link, Ended::broken("reset")));
    rig.handle(LinkEvent::DialFailed(link, DialError::Status(401)));
    rig.sleeps(100_000 * SECOND);
    assert_eq!(rig.machine, latched);
    assert!(rig.take_transmits().is_empty() && rig.take_events().is_empty());
    assert_eq!(rig.machine.status(), Status::Disabled);
}

/// A4, O1, O2: at the latch every request is told: what was not written fails definitely, what was is ambiguous; and
/// from then on every request fails at once and definitely.
#[test]
fn requests_at_the_latch_and_after() {
    let mut rig = GatewayRig::default();
    let parked = rig.send_patiently("parked by a dead link");
    rig.open();
    let written = rig.send("written");
    rig.connector_says(&lines::descriptor("discord"));
    rig.writable = false;
    let queued = rig.send_patiently("queued");
    rig.connector_closes(4401, "unauthorized");
    assert_eq!(rig.outcome(written), Some(&Outcome::Ambiguous(Ambiguity::LinkLost)));
    assert_eq!(rig.outcome(queued), Some(&Outcome::Failed(Failure::Disabled)));
    assert!(matches!(rig.outcome(parked), Some(Outcome::Ambiguous(_))), "it went out with the descriptor");
    for wait_for_link in [false, true] {
        let options = Options { wait_for_link, ..Options::default() };
        let rejected = rig.try_request(Action::send("chat", "late"), &options).unwrap_err();
        assert_eq!(rejected.refusal, Refusal::NotNow(NotNow::Disabled));
    }
}

/// A4, I2: a latch on the way into dormancy, before and after the ack, is a latch, and the dormancy is refused.
#[test]
fn the_latch_on_the_way_into_dormancy() {
    let mut asked = GatewayRig::linked(plain_config());
    asked.send("in flight");
    asked.go_dormant().unwrap();
    let mut agreed = asked.clone();
    agreed.connector_says(&lines::going_idle_ack());
    for mut rig in [asked, agreed] {
        rig.forget();
        rig.connector_closes(4401, "unauthorized");
        assert_eq!(rig.machine.status(), Status::Disabled);
        let events = rig.take_events();
        assert_eq!(events[0], Event::DormancyRefused(StayedAwake::LinkLost));
        assert!(matches!(events[1], Event::Disabled(_)), "{events:?}");
        assert!(!events.contains(&Event::Dormant));
    }
}

/// A6: no other close code latches, whatever its reason says, on whatever link.
#[test]
fn other_codes_do_not_latch() {
    for code in (1000..=1015).chain(3000..=3010).chain((4000..=4500).filter(|code| *code != 4401)) {
        for mut rig in [GatewayRig::linked(plain_config()), trusted_and_greeting(plain_config())] {
            rig.connector_closes(code, "unauthorized");
            assert!(matches!(rig.machine.status(), Status::Reconnecting { .. }), "{code}");
        }
    }
}

/// A6: no HTTP status at the upgrade latches, before or after a handshake; 401 and 403 show as refused, with backoff.
#[test]
fn statuses_at_the_upgrade_do_not_latch() {
    for status in [400, 401, 403, 404, 407, 429, 500, 503] {
        let mut rig = GatewayRig::default();
        for trusted in [false, true] {
            if trusted {
                rig.link_up();
                rig.socket_breaks();
                rig.runs_to_dial();
            }
            is_suspended(&mut rig, SECOND);
            rig.forget();
            rig.dial_fails_with(DialError::Status(status));
            let events = rig.take_events();
            let [Event::Down { cause, next: Next::Redial(at) }] = &events[..] else { panic!("{events:?}") };
            assert!(*at > rig.now, "with backoff");
            let words = cause.to_string();
            assert_eq!(words.contains("refused"), matches!(status, 401 | 403), "{words}");
            assert!(words.contains(&status.to_string()), "{words}");
            rig.runs_to_dial();
        }
    }
}

/// A1, A6: a break without a close frame says nothing about the credential.
#[test]
fn a_break_does_not_latch() {
    let mut rig = trusted_and_greeting(plain_config());
    rig.socket_breaks();
    assert!(matches!(rig.machine.status(), Status::Reconnecting { .. }));
}
