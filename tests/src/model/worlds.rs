//! The worlds that are explored: each is small in most things, so that it may be large in one.

use super::world::{Counts, Entries, Peer, World};

const NONE: Counts = Counts::NONE;

/// The worlds that are small enough for every run.
#[must_use]
pub fn quick() -> Vec<World> {
    let mut worlds = deliveries();
    worlds.extend(requests());
    worlds.extend(sleeps());
    worlds.extend(links());
    worlds.extend(connectors());
    worlds
}

/// What comes to the application.
fn deliveries() -> Vec<World> {
    let cut = Counts { messages: 2, cuts: 1, ..NONE };
    let three = Counts { messages: 3, ..cut };
    let crashes = Counts { gateway_crashes: 1, connector_crashes: 1, ..cut };
    let tight = Counts { messages: 4, requests: 1, bursts: 1, cuts: 1, ..NONE };
    let bursts = Counts { bursts: 2, interrupts: 1, releases: 1, ..three };
    vec![
        World { window: 1, ..World::new("window of one", Counts { cuts: 2, ..three }) },
        World::new("releases", Counts { releases: 2, delays: 1, ..three }),
        World { window: 3, ..World::new("bursts", bursts) },
        World { entries: Entries::Twins, ..World::new("twins", Counts { releases: 1, cuts: 2, ..three }) },
        World { entries: Entries::Edits, ..World::new("edits", Counts { releases: 1, cuts: 2, ..three }) },
        World {
            entries: Entries::Unnamed,
            give_outs: 2,
            ..World::new("no buffer ids", Counts { cuts: 2, ..cut })
        },
        World {
            entries: Entries::Passthroughs,
            ..World::new("passthroughs", Counts { delays: 1, ..crashes })
        },
        World { tight: true, window: 4, ..World::new("little at a time", tight) },
        World::new("crashes", Counts { delays: 1, ..crashes }),
    ]
}

/// What the application asks for.
fn requests() -> Vec<World> {
    let stalled = Counts { requests: 2, cuts: 1, stalls: 1, ..NONE };
    let patient = Counts { delays: 1, messages: 1, ..stalled };
    let sinks = Counts { messages: 1, requests: 2, dormancies: 1, session_stalls: 1, ..NONE };
    vec![
        World::new("requests and 4401", Counts { unauthorized: 1, delays: 1, ..stalled }),
        World { patient: true, ..World::new("patient requests", patient) },
        World::new("a slow peer", Counts { delays: 1, ..sinks }),
    ]
}

/// Dormancy, pokes and the end.
fn sleeps() -> Vec<World> {
    let sleep = Counts { dormancies: 1, delays: 1, ..NONE };
    let pokes = Counts { messages: 2, lost_pokes: 1, ..sleep };
    let cadence = Counts { messages: 1, cuts: 1, ..sleep };
    let alone = Counts { messages: 1, gateway_suspensions: 1, suspensions: 1, ..sleep };
    let end = Counts { messages: 1, requests: 1, shutdowns: 1, cuts: 1, ..sleep };
    let disabled = Counts { requests: 1, wakes: 1, holds: 1, shutdowns: 1, unauthorized: 1, ..sleep };
    vec![
        World { wakeable: true, ..World::new("sleep and pokes", pokes) },
        World { cadence: true, ..World::new("cadence", cadence) },
        World { wakeable: true, ..World::new("suspensions", alone) },
        World::new("flipped and stuck", Counts { messages: 2, delays: 2, dormancies: 1, ..NONE }),
        World::new("shutdown", end),
        World::new("disabled", disabled),
    ]
}

/// How links come and go.
fn links() -> Vec<World> {
    let closes = Counts { unauthorized: 1, expired: 1, going_away: 1, ..NONE };
    let ladder = Counts { refusals: 3, cuts: 2, rests: 2, holds: 1, delays: 2, ..NONE };
    let stopped = Counts { messages: 1, dormancies: 1, cuts: 1, refusals: 1, wakes: 1, holds: 1, ..NONE };
    let held = Counts { holds: 2, wakes: 1, cuts: 1, refusals: 1, dormancies: 1, delays: 1, ..NONE };
    let halves = Counts { messages: 2, half_dials: 2, delays: 1, cuts: 1, ..NONE };
    let pings = Counts { messages: 1, beats: 6, deaths: 1, delays: 2, ..NONE };
    vec![
        World::new("closes", Counts { messages: 1, suspensions: 1, ..closes }),
        World { ladder: true, ..World::new("ladder", ladder) },
        World { reconnect: false, ..World::new("told not to reconnect", stopped) },
        World::new("holds", held),
        World::new("half a dial", halves),
        World { pings: true, ..World::new("pings", pings) },
        World {
            identities: 2,
            ..World::new("two bots", Counts { messages: 2, bursts: 1, cuts: 2, delays: 1, ..NONE })
        },
    ]
}

/// What the connector does of its own accord.
fn connectors() -> Vec<World> {
    let revoked = Counts { messages: 1, requests: 1, revocations: 1, turned_away: 2, ..NONE };
    let poison = Counts { messages: 3, cuts: 3, delays: 1, ..NONE };
    // What such a gateway refuses is lost when it acks what comes behind it: no releases.
    let stock = Counts { messages: 3, cuts: 3, delays: 1, ..NONE };
    vec![
        World::new("revoked", Counts { delays: 1, cuts: 1, ..revoked }),
        World::new("connector shut down", Counts { session_shutdowns: 1, revocations: 0, ..revoked }),
        World { give_outs: 3, ..World::new("poison", poison) },
        World {
            entries: Entries::TooLarge,
            wakeable: true,
            ..World::new("too large", Counts { messages: 2, cuts: 1, ..NONE })
        },
        World {
            entries: Entries::Passthroughs,
            gateway: Peer::Stock,
            give_outs: 3,
            ..World::new("a stock gateway", stock)
        },
    ]
}

/// Worlds that have, between them, every way from one status to another, and are small otherwise.
#[must_use]
pub fn drawn() -> Vec<World> {
    let sleep = Counts { dormancies: 1, delays: 1, ..NONE };
    let end = Counts { requests: 1, shutdowns: 1, cuts: 1, delays: 1, dormancies: 1, ..NONE };
    let names = [
        "holds",
        "told not to reconnect",
        "revoked",
        "closes",
        "flipped and stuck",
        "half a dial",
        "disabled",
    ];
    let mut worlds = quick();
    worlds.retain(|world| names.contains(&world.name));
    worlds.extend([
        World { cadence: true, ..World::new("cadence alone", sleep) },
        World::new("suspensions alone", Counts { suspensions: 1, ..sleep }),
        World { pings: true, ..World::new("pings alone", Counts { beats: 2, deaths: 1, ..NONE }) },
        World { tight: true, window: 4, ..World::new("too much", Counts { messages: 3, bursts: 1, ..NONE }) },
        World::new("the end alone", end),
        World::new("connector alone", Counts { session_shutdowns: 1, turned_away: 1, ..sleep }),
    ]);
    worlds
}

/// Larger ones, for a machine that has nothing else to do.
#[must_use]
pub fn deep() -> Vec<World> {
    let crashes =
        Counts { messages: 3, cuts: 1, gateway_crashes: 1, connector_crashes: 1, delays: 1, ..NONE };
    let asleep = Counts { messages: 2, dormancies: 2, wakes: 1, delays: 2, lost_pokes: 1, ..NONE };
    let suspended = Counts { messages: 1, requests: 1, gateway_suspensions: 1, cuts: 1, ..NONE };
    let suspended = Counts { suspensions: 1, dormancies: 1, delays: 1, ..suspended };
    let end = Counts { messages: 1, requests: 2, shutdowns: 1, dormancies: 1, ..NONE };
    let disabled = Counts { requests: 1, wakes: 1, holds: 1, shutdowns: 1, unauthorized: 1, ..NONE };
    let disabled = Counts { messages: 1, dormancies: 1, delays: 1, cuts: 1, ..disabled };
    let patient = Counts { messages: 1, requests: 2, stalls: 1, cuts: 2, delays: 1, unauthorized: 1, ..NONE };
    let pings = Counts { messages: 2, beats: 6, deaths: 1, delays: 2, cuts: 1, ..NONE };
    let closes = Counts { unauthorized: 1, expired: 1, going_away: 1, suspensions: 1, ..NONE };
    let closes = Counts { messages: 1, requests: 1, delays: 1, refusals: 1, ..closes };
    vec![
        World::new("crashes and releases", Counts { releases: 1, ..crashes }),
        World { patient: true, ..World::new("patience tried", patient) },
        World { wakeable: true, ..World::new("two sleeps", asleep) },
        World { wakeable: true, ..World::new("suspensions and cuts", suspended) },
        World::new("shutdown at any point", Counts { delays: 1, cuts: 1, wakes: 1, stalls: 1, ..end }),
        World::new("disabled at any point", disabled),
        World { pings: true, ..World::new("pings and cuts", pings) },
        World::new("closes and delays", closes),
    ]
}
