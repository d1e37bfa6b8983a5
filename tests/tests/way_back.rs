//! What tells the model that there is no way back (rule W4), on ways that were made up.

use relay_tests::model::{Next, Ways};

/// The states that are lost among these, each with where its way goes on.
fn lost(ways: &[(u64, Next)]) -> Vec<u64> {
    let entered = Ways::default();
    for (state, next) in ways {
        entered.enter(*state, *next);
    }
    entered.lost()
}

/// W4: whatever leads to the aim is not lost, however long its way, and wherever it was begun.
#[test]
fn what_arrives_is_not_lost() {
    assert!(lost(&[]).is_empty());
    assert!(lost(&[(10, Next::Arrived)]).is_empty());
    let onward = (10..1_000).map(|state| (state, Next::To(state + 1)));
    let onward: Vec<_> = onward.chain([(1_000, Next::Arrived)]).collect();
    assert!(lost(&onward).is_empty());
    let back = (11..=1_000).map(|state| (state, Next::To(state - 1)));
    let back: Vec<_> = back.chain([(10, Next::Arrived)]).collect();
    assert!(lost(&back).is_empty());
}

/// W4: a stop short of the aim, with all that leads there, and nothing else.
#[test]
fn a_stop_is_lost_with_what_leads_there() {
    let ways = [
        (10, Next::To(30)),
        (20, Next::To(40)),
        (30, Next::Stuck),
        (40, Next::Arrived),
        (50, Next::To(10)),
        (60, Next::To(20)),
    ];
    assert_eq!(lost(&ways), [10, 30, 50]);
}

/// W4: a circle, of one state or of several, with all that leads into it, which `eventually` would not see.
#[test]
fn a_circle_is_lost_with_what_leads_into_it() {
    assert_eq!(lost(&[(10, Next::To(10)), (20, Next::Arrived)]), [10]);
    let ways = [
        (10, Next::To(20)),
        (20, Next::To(30)),
        (30, Next::To(40)),
        (40, Next::To(20)),
        (50, Next::To(60)),
        (60, Next::Arrived),
    ];
    assert_eq!(lost(&ways), [10, 20, 30, 40]);
}

/// W4: a way to a state that nobody entered counts for nothing.
#[test]
fn a_way_to_nowhere_is_lost() {
    assert_eq!(lost(&[(10, Next::To(99)), (20, Next::To(10)), (30, Next::Arrived)]), [10, 20]);
}

/// W4: several threads enter the same state, with the same way.
#[test]
fn a_state_that_was_entered_twice_counts_once() {
    assert_eq!(lost(&[(10, Next::Stuck), (10, Next::Stuck), (20, Next::Arrived), (20, Next::Arrived)]), [10]);
}
