//! A session's mailbox, rules C3, C4 and C9. The rig's watch checks C3 and C4 at every step of every test.

use std::time::Duration;

use relay_proto::connector::{Config, DeathCause, Event, Status};
use relay_proto::{DeliveryKind, LinkEvent, Position};
use relay_tests::lines;
use relay_tests::session_rig::SessionRig;

const SECOND: Duration = Duration::from_secs(1);

fn live() -> SessionRig {
    SessionRig::live(Config::default())
}

fn appended(rig: &mut SessionRig, count: u64) {
    for _ in 0..count {
        rig.append();
    }
}

/// The link breaks, and the next one is live.
fn relinks(rig: &mut SessionRig) {
    rig.socket_breaks();
    rig.goes_live();
}

fn dead_letters(rig: &mut SessionRig) -> Vec<(u64, DeathCause)> {
    let dead = rig.take_events().into_iter().filter_map(|event| match event {
        Event::DeadLetter(position, cause) => Some((position.0, cause)),
        _ => None,
    });
    dead.collect()
}

/// C3: live or not, an entry is done when it is acked and not before: not when it is written, not when its link ends.
#[test]
fn done_only_when_acked() {
    let mut rig = live();
    appended(&mut rig, 3);
    assert_eq!(rig.take_entries(), [0, 1, 2]);
    rig.passes(25 * SECOND);
    rig.gateway_closes();
    assert_eq!((rig.take_acked(), rig.machine.backlog()), (vec![], 3));
    assert_eq!(rig.machine.oldest(), Some(Position(0)));
    rig.goes_live();
    assert_eq!(rig.take_entries(), [0, 1, 2]);
    rig.gateway_acks(Position(1));
    assert_eq!((rig.take_acked(), rig.machine.oldest()), (vec![1], Some(Position(0))));
    rig.gateway_acks(Position(0));
    rig.gateway_acks(Position(2));
    assert_eq!((rig.take_acked(), rig.machine.backlog(), rig.machine.oldest()), (vec![0, 2], 0, None));
}

/// C3: every entry's `bufferId` is known before it is appended, names the store, and differs from every other.
#[test]
fn buffer_ids() {
    let config = Config { stream: "a-b".into(), ..Config::default() };
    let mut rig = SessionRig::live(config);
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let id = rig.machine.buffer_id(rig.machine.next_position());
        assert!(id.starts_with("a-b"));
        let position = rig.append();
        assert_eq!(rig.machine.buffer_id(position), id);
        assert!(ids.insert(id.clone()));
        rig.gateway_says(&lines::inbound_ack(&id));
    }
    assert_eq!(rig.machine.backlog(), 0);
}

/// C3: an ack that bears no `bufferId` that was ever given, however near, is nobody's.
#[test]
fn near_misses_of_a_buffer_id() {
    let mut rig = live();
    appended(&mut rig, 6);
    for near in ["0-+5", "0-05", "0- 5", "00-5", "0-5 ", "-5", "5", "0-18446744073709551616"] {
        rig.gateway_says(&lines::inbound_ack(near));
        assert_eq!(rig.machine.backlog(), 6, "{near:?} is not \"0-5\"");
    }
}

/// C4: at most the window is unacked, and each ack makes room for one more.
#[test]
fn the_window() {
    let mut rig = live();
    appended(&mut rig, 100);
    assert_eq!(rig.take_entries(), (0..32).collect::<Vec<_>>());
    rig.gateway_acks(Position(10));
    assert_eq!(rig.take_entries(), [32]);
    rig.gateway_acks(Position(0));
    rig.gateway_acks(Position(32));
    assert_eq!(rig.take_entries(), [33, 34]);
    for position in 0..100 {
        rig.gateway_acks(Position(position));
    }
    assert_eq!((rig.machine.backlog(), rig.take_entries()), (0, (35..100).collect()));
}

/// C4: a new link starts at the first unacked entry, keeps the order, and never repeats an acked one.
#[test]
fn a_new_link_starts_at_the_first_unacked() {
    let mut rig = live();
    appended(&mut rig, 40);
    for position in [0, 1, 5, 31] {
        rig.gateway_acks(Position(position));
    }
    rig.forget();
    relinks(&mut rig);
    let expected: Vec<u64> = (0..40).filter(|position| ![0, 1, 5, 31].contains(position)).take(32).collect();
    assert_eq!(rig.take_entries(), expected);
}

/// C4: an ack for an entry that the present link has not had yet counts: it is done, and does not go out.
#[test]
fn an_ack_from_before_the_link() {
    let mut rig = live();
    appended(&mut rig, 3);
    rig.socket_breaks();
    rig.accepts();
    rig.gateway_acks(Position(1));
    assert_eq!(rig.take_acked(), [1]);
    rig.forget();
    rig.greets();
    assert_eq!(rig.take_entries(), [0, 2]);
    rig.gateway_acks(Position(1));
    assert_eq!(
        (rig.take_acked(), rig.machine.skipped().unknown_acks),
        (vec![], 1),
        "a second ack is nobody's"
    );
}

/// C3, C4: an ack for what never went out is nobody's.
#[test]
fn an_ack_ahead_of_its_entry() {
    let mut rig = SessionRig::default();
    appended(&mut rig, 2);
    rig.accepts();
    rig.gateway_acks(Position(1));
    assert_eq!((rig.take_acked(), rig.machine.backlog()), (vec![], 2));
    rig.greets();
    assert_eq!(rig.take_entries(), [0, 1]);
}

/// C4: what the sink has not taken has not gone out, and is not counted.
#[test]
fn a_stuck_sink() {
    let mut rig = live();
    rig.writable = false;
    appended(&mut rig, 3);
    relinks(&mut rig);
    relinks(&mut rig);
    rig.sink_takes();
    assert_eq!(rig.take_entries(), [0, 1, 2]);
}

/// C4, C16: after a restart the store's entries go out in its order, holes and all, and new ones behind them.
#[test]
fn restored_from_the_store() {
    use DeliveryKind::{Message, Passthrough};
    let entries = [(3, Message), (4, Passthrough), (7, Message), (8, Message), (9, Passthrough)];
    let entries = entries.map(|(at, kind)| (Position(at), kind));
    let mut rig = SessionRig::restored(Config::default(), &entries, Position(12));
    assert_eq!(rig.machine.next_position(), Position(12));
    appended(&mut rig, 2);
    rig.goes_live();
    assert_eq!(rig.take_entries(), [3, 4, 7, 8, 9, 12, 13]);
    for position in [13, 9, 4, 3, 7, 8, 12] {
        rig.gateway_acks(Position(position));
    }
    assert_eq!(rig.machine.backlog(), 0);
}

/// C9: given out five times without an ack, an entry goes to the dead letters with its reason, and the tail moves on.
#[test]
fn never_acked() {
    let mut rig = SessionRig::default();
    appended(&mut rig, 2);
    for round in 0..5 {
        rig.goes_live();
        assert!(rig.take_entries().contains(&0), "round {round}");
        assert_eq!(dead_letters(&mut rig), []);
        rig.socket_breaks();
    }
    rig.goes_live();
    let (dead, entries) = (dead_letters(&mut rig), rig.take_entries());
    assert_eq!(dead, [(0, DeathCause::NeverAcked { give_outs: 5 })]);
    assert_eq!(entries, [1]);
    rig.gateway_acks(Position(0));
    assert_eq!(rig.take_acked(), [0; 0], "too late");
    rig.gateway_acks(Position(1));
    assert_eq!((rig.take_acked(), rig.machine.backlog()), (vec![1], 0));
}

/// C9: an entry behind a poison one that breaks every link is not buried with it.
#[test]
fn what_stands_behind_a_poison_entry() {
    let mut rig = SessionRig::default();
    appended(&mut rig, 10);
    let mut links = 0;
    while rig.machine.backlog() > 0 {
        rig.goes_live();
        links += 1;
        assert!(links < 50, "no end of it: {:?}", rig.machine.oldest());
        let given = rig.take_entries();
        if given.contains(&0) {
            rig.socket_breaks();
            continue;
        }
        let mut given = std::collections::VecDeque::from(given);
        while let Some(position) = given.pop_front() {
            rig.gateway_acks(Position(position));
            given.extend(rig.take_entries());
        }
        rig.socket_breaks();
    }
    let dead: Vec<_> = dead_letters(&mut rig).into_iter().map(|(position, _)| position).collect();
    assert_eq!(dead, [0]);
}

/// C9: an entry too large for a frame goes there at once, link or no link, and nothing stands behind it.
#[test]
fn too_large() {
    let config = Config { send_limit: 1000, ..Config::default() };
    for mut rig in [SessionRig::new(config.clone()), SessionRig::live(config)] {
        rig.append_sized(DeliveryKind::Message, 1000);
        rig.append_sized(DeliveryKind::Message, 1001);
        rig.append_sized(DeliveryKind::Passthrough, 5000);
        rig.append_sized(DeliveryKind::Message, 10);
        let dead = dead_letters(&mut rig);
        assert_eq!(dead, [(1, DeathCause::TooLarge), (2, DeathCause::TooLarge)]);
        if rig.machine.status() == Status::Offline {
            rig.goes_live();
        }
        assert_eq!(rig.take_entries(), [0, 3]);
        rig.gateway_acks(Position(0));
        rig.gateway_acks(Position(3));
        assert_eq!(rig.machine.backlog(), 0);
    }
}

/// C9: for a peer that never acks passthroughs, an ack of a later entry on the same link settles those before it, and
/// only those.
#[test]
fn passthroughs_of_a_stock_peer() {
    let mut rig = SessionRig::default();
    rig.goes_live_with_stock_peer();
    rig.append_passthrough();
    rig.append_passthrough();
    rig.append();
    rig.append_passthrough();
    rig.append();
    assert_eq!(rig.take_entries(), [0, 1, 2, 3, 4]);
    rig.gateway_acks(Position(2));
    assert_eq!(rig.take_acked(), [2, 0, 1]);
    assert_eq!(rig.machine.backlog(), 2);
    rig.gateway_acks(Position(4));
    assert_eq!(rig.take_acked(), [4, 3]);
}

/// C9: a message that stands unacked is never settled by a later ack.
#[test]
fn messages_are_not_settled_by_later_acks() {
    for stock in [false, true] {
        let mut rig = SessionRig::default();
        if stock {
            rig.goes_live_with_stock_peer();
        } else {
            rig.goes_live();
        }
        appended(&mut rig, 3);
        rig.take_events();
        rig.gateway_acks(Position(2));
        assert_eq!((rig.take_acked(), rig.machine.backlog()), (vec![2], 2));
    }
}

/// C9: a peer that said that it acks passthroughs, or has done it, is taken at its word.
#[test]
fn passthroughs_of_a_peer_that_acks_them() {
    let mut said_so = live();
    let mut does_so = SessionRig::default();
    does_so.goes_live_with_stock_peer();
    does_so.append_passthrough();
    does_so.gateway_acks(Position(0));
    for mut rig in [said_so.clone(), does_so] {
        let waiting = rig.append_passthrough();
        let later = rig.append();
        rig.forget();
        rig.gateway_acks(later);
        assert_eq!(rig.take_acked(), [later.0]);
        rig.gateway_acks(waiting);
        assert_eq!((rig.take_acked(), rig.machine.backlog()), (vec![waiting.0], 0));
    }
    said_so.forget();
}

/// C9: an ack that came of an earlier link settles no passthrough of this one.
#[test]
fn an_ack_of_an_earlier_link_settles_nothing_else() {
    let mut rig = SessionRig::default();
    rig.goes_live_with_stock_peer();
    rig.append_passthrough();
    rig.append();
    rig.socket_breaks();
    rig.accepts_with(relay_proto::Features::default());
    rig.forget();
    rig.gateway_acks(Position(1));
    assert_eq!(rig.take_acked(), [1]);
    rig.greets();
    assert_eq!(rig.take_entries(), [0], "the present link's peer has not passed it over");
}

/// C9, C4, W4: passthroughs that a stock peer never acks do not stop what stands behind them, on the very link: its pong
/// says that it has read them. A pong to a ping from before them says nothing.
#[test]
fn a_window_full_of_passthroughs_on_one_link() {
    let mut rig = SessionRig::default();
    let link = rig.goes_live_with_stock_peer();
    rig.passes(30 * SECOND);
    let [early] = rig.take_pings()[..] else { panic!("a ping") };
    let passthroughs: Vec<u64> = (0..40).map(|_| rig.append_passthrough().0).collect();
    rig.append();
    assert_eq!(rig.take_entries(), passthroughs[..32]);
    rig.handle(LinkEvent::Pong(link, early));
    assert_eq!((rig.take_acked(), rig.take_entries()), (vec![], vec![]));
    rig.passes(30 * SECOND);
    let [behind] = rig.take_pings()[..] else { panic!("a ping") };
    assert_eq!(rig.take_entries(), [0; 0], "not before the pong");
    rig.handle(LinkEvent::Pong(link, behind));
    assert_eq!(rig.take_acked(), passthroughs[..32]);
    assert_eq!(rig.take_entries(), (32..=40).collect::<Vec<u64>>());
    rig.passes(30 * SECOND);
    let [later] = rig.take_pings()[..] else { panic!("a ping") };
    rig.handle(LinkEvent::Pong(link, later));
    assert_eq!(rig.take_acked(), [0; 0], "the message among them will be acked, and speaks for them");
    rig.gateway_acks(Position(40));
    assert_eq!((rig.take_acked().len(), rig.machine.backlog()), (9, 0));
}

/// C9: a pong says nothing of what went out behind its ping.
#[test]
fn a_pong_speaks_for_what_was_before_its_ping() {
    let mut rig = SessionRig::default();
    let link = rig.goes_live_with_stock_peer();
    (0..34).for_each(|_| _ = rig.append_passthrough());
    rig.passes(30 * SECOND);
    let [behind] = rig.take_pings()[..] else { panic!("a ping") };
    rig.forget();
    assert!(rig.machine.bury(Position(3), DeathCause::Unreadable));
    rig.passes(SECOND);
    assert_eq!(rig.take_entries(), [32], "into the room of the one that is gone");
    rig.handle(LinkEvent::Pong(link, behind));
    assert_eq!((rig.take_acked().len(), rig.machine.backlog()), (31, 2));
}

/// C9: a peer that acks passthroughs may be broken by one: it goes alone, too, after two give-outs.
#[test]
fn a_passthrough_may_be_the_poison() {
    for (acks, expected) in [(true, vec![0]), (false, vec![0, 1])] {
        let mut rig = SessionRig::default();
        let goes_live = |rig: &mut SessionRig| {
            _ = if acks { rig.goes_live() } else { rig.goes_live_with_stock_peer() };
        };
        goes_live(&mut rig);
        rig.append_passthrough();
        rig.append_passthrough();
        for _ in 0..2 {
            assert_eq!(rig.take_entries(), [0, 1]);
            rig.socket_breaks();
            goes_live(&mut rig);
        }
        assert_eq!(rig.take_entries(), expected, "acks: {acks}");
    }
}

/// C9, W1: neither a pong on another link nor one to a peer that acks passthroughs settles any.
#[test]
fn no_pong_speaks_for_what_another_link_had() {
    let mut rig = SessionRig::default();
    rig.goes_live_with_stock_peer();
    (0..32).for_each(|_| _ = rig.append_passthrough());
    rig.passes(30 * SECOND);
    let [behind] = rig.take_pings()[..] else { panic!("a ping") };
    relinks_with_stock_peer(&mut rig);
    let link = rig.machine.link().unwrap();
    rig.handle(LinkEvent::Pong(link, behind));
    assert_eq!((rig.take_acked().len(), rig.machine.backlog()), (0, 32));
    rig.passes(30 * SECOND);
    let [behind] = rig.take_pings()[..] else { panic!("a ping") };
    // It turns out to ack passthroughs: from here on each is waited for.
    rig.gateway_acks(Position(7));
    rig.handle(LinkEvent::Pong(link, behind));
    assert_eq!((rig.take_acked(), rig.machine.backlog()), (vec![7], 31));
}

/// C9, C4: passthroughs that a stock peer never acks do not stop what stands behind them, nor do lost links.
#[test]
fn a_window_full_of_passthroughs() {
    let mut rig = SessionRig::default();
    rig.goes_live_with_stock_peer();
    for _ in 0..40 {
        rig.append_passthrough();
    }
    rig.append();
    let mut links = 0;
    while !rig.take_entries().contains(&40) {
        relinks_with_stock_peer(&mut rig);
        links += 1;
        assert!(links < 20, "the message is never given out");
    }
}

fn relinks_with_stock_peer(rig: &mut SessionRig) {
    rig.socket_breaks();
    rig.goes_live_with_stock_peer();
}

/// C9: what the driver cannot read goes to the dead letters with that reason, once, wherever it stands.
#[test]
fn buried_by_the_driver() {
    let mut rig = live();
    appended(&mut rig, 40);
    rig.forget();
    for position in [3, 35] {
        assert!(rig.machine.bury(Position(position), DeathCause::Unreadable));
        assert!(!rig.machine.bury(Position(position), DeathCause::Unreadable));
    }
    assert!(!rig.machine.bury(Position(99), DeathCause::Unreadable));
    rig.passes(SECOND);
    let expected = [(3, DeathCause::Unreadable), (35, DeathCause::Unreadable)];
    assert_eq!((dead_letters(&mut rig), rig.machine.backlog()), (expected.to_vec(), 38));
    for position in 0..40 {
        rig.gateway_acks(Position(position));
    }
    assert_eq!(rig.take_entries(), [32, 33, 34, 36, 37, 38, 39]);
    assert_eq!(rig.machine.backlog(), 0);
}
