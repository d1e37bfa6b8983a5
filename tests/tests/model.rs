//! The exhaustive model in its quick worlds: every rule holds in every state of each. `--nocapture` shows the table.

use relay_tests::model::{Counts, Row, World, explore, table};

/// Nothing happens but what happens by itself.
const REST: Counts = Counts {
    messages: 0,
    requests: 0,
    releases: 0,
    dormancies: 0,
    wakes: 0,
    holds: 0,
    shutdowns: 0,
    delays: 0,
    refusals: 0,
    cuts: 0,
    unauthorized: 0,
    expired: 0,
    going_away: 0,
    stalls: 0,
    gateway_crashes: 0,
    connector_crashes: 0,
    suspensions: 0,
};

/// The worlds that are small enough for every run.
fn quick() -> Vec<World> {
    let crashes = Counts { gateway_crashes: 1, connector_crashes: 1, ..REST };
    let closes = Counts { unauthorized: 1, expired: 1, going_away: 1, ..REST };
    let requests = Counts { requests: 2, cuts: 1, stalls: 1, ..REST };
    let sleeps = Counts { dormancies: 1, delays: 1, ..REST };
    let window_of_one = World::new("window of one", Counts { messages: 3, cuts: 1, ..REST });
    let patient = World::new("patient requests", Counts { delays: 1, ..requests });
    let pokes = World::new("sleep and pokes", Counts { messages: 1, wakes: 1, ..sleeps });
    let bots = World::new("two bots", Counts { messages: 2, cuts: 1, ..REST });
    let disabled = Counts { requests: 1, wakes: 1, holds: 1, shutdowns: 1, unauthorized: 1, ..sleeps };
    vec![
        World::new("releases", Counts { messages: 2, releases: 1, cuts: 1, ..REST }),
        World { window: 1, ..window_of_one },
        World { identities: 2, ..bots },
        World::new("requests and 4401", Counts { unauthorized: 1, ..requests }),
        World { patient: true, ..patient },
        World::new("holds", Counts { holds: 1, wakes: 1, cuts: 1, refusals: 1, ..sleeps }),
        World::new("sleep and suspensions", Counts { requests: 1, suspensions: 1, ..sleeps }),
        World::new("shutdown", Counts { messages: 1, requests: 1, shutdowns: 1, cuts: 1, delays: 1, ..REST }),
        World { wakeable: true, ..pokes },
        World::new("crashes", Counts { messages: 2, cuts: 1, ..crashes }),
        World::new("closes", Counts { messages: 1, suspensions: 1, ..closes }),
        World::new("disabled", disabled),
    ]
}

/// Larger ones, for a machine that has nothing else to do.
fn deep() -> Vec<World> {
    let two_faults = Counts { cuts: 1, delays: 1, ..REST };
    let sleeps = Counts { messages: 1, dormancies: 2, wakes: 1, ..two_faults };
    let crashes =
        Counts { messages: 2, cuts: 1, gateway_crashes: 1, connector_crashes: 1, delays: 1, ..REST };
    let closes = Counts { unauthorized: 1, expired: 1, going_away: 1, suspensions: 1, ..REST };
    vec![
        World { wakeable: true, ..World::new("two sleeps", sleeps) },
        World::new("three messages and crashes", Counts { messages: 3, releases: 1, ..crashes }),
        World::new("closes and delays", Counts { messages: 1, requests: 1, delays: 1, ..closes }),
    ]
}

/// Explores the worlds, and shows what came of it.
fn hold_in(worlds: Vec<World>) {
    let mut rows: Vec<Row> = Vec::new();
    for world in worlds {
        rows.push(explore(world));
        // One diagram is enough to look at.
        if rows.iter().any(|row| !row.broken.is_empty()) {
            break;
        }
    }
    println!("{}", table(&rows));
    for row in &rows {
        if let Some((rule, diagram)) = row.broken.first() {
            panic!("{rule} in the world \"{}\":\n{diagram}", row.world);
        }
    }
}

/// L1, L2, L4, L6, L7, L10, A1, A2, A3, A4, A6, D1, D2, D3, O1, O2, O3, O4, I2, I3, C3, C4, C5, C6, C10, W1, W2,
/// W3, W4: in every state of every quick world.
#[test]
fn every_rule_holds_in_every_quick_world() {
    hold_in(quick());
}

/// The same in the deep ones.
#[test]
#[ignore = "takes long: cargo test --release -p relay-tests --test model -- --ignored --nocapture"]
fn every_rule_holds_in_every_deep_world() {
    hold_in(deep());
}
