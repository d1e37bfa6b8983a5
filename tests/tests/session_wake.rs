//! When a session pokes the wake URL of its instance, rule C8.

use std::time::Duration;

use relay_proto::connector::{Config, Status};
use relay_proto::{DeliveryKind, Position};
use relay_tests::lines;
use relay_tests::session_rig::SessionRig;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

fn wakeable() -> Config {
    Config { wakeable: true, ..Config::default() }
}

/// C8: the first event without a link pokes at once, whether the gateway was ever there, was lost, or left.
#[test]
fn the_first_event_without_a_link_pokes() {
    let never = SessionRig::new(wakeable());
    let mut lost = SessionRig::live(wakeable());
    lost.socket_breaks();
    let mut left = SessionRig::live(wakeable());
    left.gateway_says(&lines::going_idle());
    left.gateway_closes();
    for mut rig in [never, lost, left] {
        rig.forget();
        rig.append();
        assert_eq!(rig.take_pokes(), 1);
    }
}

/// C8: at most one poke a cooldown, and one again after it, whether or not the first one did anything.
#[test]
fn one_poke_a_cooldown() {
    let mut rig = SessionRig::new(wakeable());
    rig.append();
    assert_eq!(rig.take_pokes(), 1);
    for _ in 0..59 {
        rig.passes(SECOND);
        rig.append();
    }
    rig.passes(SECOND - MILLISECOND);
    rig.append();
    assert_eq!(rig.take_pokes(), 0);
    rig.passes(MILLISECOND);
    rig.append();
    assert_eq!(rig.take_pokes(), 1);
}

/// C8: no poke where there is no wake URL, where a link is up, or where the session is closed.
#[test]
fn where_no_poke_is_due() {
    let mut without_url = SessionRig::default();
    let mut up = SessionRig::live(wakeable());
    let mut revoked = SessionRig::new(wakeable());
    revoked.revoke();
    let mut shut_down = SessionRig::new(wakeable());
    shut_down.shut_down();
    for rig in [&mut without_url, &mut up, &mut revoked, &mut shut_down] {
        rig.append();
        assert_eq!(rig.take_pokes(), 0, "{:?}", rig.machine.status());
    }
}

/// C8: an event that comes while the gateway is flipped and about to leave is not left lying: it pokes, at the latest
/// when the link is gone.
#[test]
fn an_event_between_the_flip_and_the_close() {
    let mut rig = SessionRig::live(wakeable());
    rig.gateway_says(&lines::going_idle());
    rig.append();
    rig.gateway_closes();
    assert_eq!(rig.machine.backlog(), 1);
    assert_eq!(rig.take_pokes(), 1);
}

/// C8: an event that comes while the gateway is away again, and the cooldown of the poke before is not over, is not
/// left lying either: it pokes when the cooldown is over.
#[test]
fn an_event_within_the_cooldown() {
    let mut rig = SessionRig::new(wakeable());
    rig.append();
    assert_eq!(rig.take_pokes(), 1);
    rig.goes_live();
    rig.gateway_acks(Position(0));
    rig.gateway_says(&lines::going_idle());
    rig.passes(SECOND);
    rig.gateway_closes();
    rig.passes(20 * SECOND);
    rig.append();
    assert_eq!(rig.take_pokes(), 0, "at most one a cooldown");
    rig.passes(60 * SECOND);
    assert_eq!(rig.take_pokes(), 1);
}

/// C8: a connector that comes back pokes for what it finds in its store, and not for an empty one.
#[test]
fn a_connector_that_comes_back() {
    let entries = [(Position(0), DeliveryKind::Message)];
    let mut rig = SessionRig::restored(wakeable(), &entries, Position(1));
    rig.passes(MILLISECOND);
    assert_eq!(rig.take_pokes(), 1);
    let mut nothing = SessionRig::restored(wakeable(), &[], Position(1));
    let mut without_url = SessionRig::restored(Config::default(), &entries, Position(1));
    for rig in [&mut nothing, &mut without_url] {
        rig.passes(MILLISECOND);
        assert_eq!(rig.take_pokes(), 0);
    }
}

/// C8: what was given to a host that froze, flipped or not, is buffered for an instance without a live link once the
/// link is found dead: it pokes then, because such a host comes back by nothing else.
#[test]
fn a_host_that_froze() {
    let mut rig = SessionRig::live(wakeable());
    rig.append();
    rig.forget();
    rig.passes(90 * SECOND);
    assert_eq!((rig.machine.status(), rig.machine.backlog()), (Status::Offline, 1));
    assert_eq!(rig.take_pokes(), 1);
}

/// C8, C9: an event that is too large to go out wakes nobody.
#[test]
fn a_dead_letter_wakes_nobody() {
    let mut rig = SessionRig::new(wakeable());
    rig.append_sized(DeliveryKind::Message, 2 << 20);
    assert_eq!(rig.take_pokes(), 0);
}

/// C8: a wake URL that the instance gets or loses later counts from then on.
#[test]
fn a_wake_url_that_comes_later() {
    let mut rig = SessionRig::default();
    rig.append();
    rig.machine.set_wakeable(true);
    rig.append();
    assert_eq!(rig.take_pokes(), 1);
    rig.passes(60 * SECOND);
    rig.machine.set_wakeable(false);
    rig.append();
    assert_eq!(rig.take_pokes(), 0);
}
