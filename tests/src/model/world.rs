//! How large a world is: how often each thing may happen in it.

/// The bounds of one world. What is not bounded here follows from what is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// Its name in the table.
    pub name: &'static str,
    /// How often each thing may happen.
    pub at_most: Counts,
    /// How many entries may be unacked at once (rule C4).
    pub window: usize,
    /// The bots that the gateway fronts: one or two.
    pub identities: usize,
    /// Whether requests wait for the next link (rule O3).
    pub patient: bool,
    /// Whether the connector pokes a gateway that is away (rule C8).
    pub wakeable: bool,
}

/// How often each thing may happen, or may happen yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counts {
    /// Entries appended.
    pub messages: u8,
    /// Requests of the application.
    pub requests: u8,
    /// Deliveries refused by the application.
    pub releases: u8,
    /// Times that the application wants to go dormant.
    pub dormancies: u8,
    /// Times that something wakes the gateway although it need not.
    pub wakes: u8,
    /// Times that the application parks re-dials.
    pub holds: u8,
    /// Whether the application shuts the gateway down.
    pub shutdowns: u8,
    /// Deadlines met while something was still on its way: a dial that hangs, a slow peer, a slow application.
    pub delays: u8,
    /// Dials refused.
    pub refusals: u8,
    /// Links that break without a word.
    pub cuts: u8,
    /// Links that are closed with 4401 `unauthorized`.
    pub unauthorized: u8,
    /// Links that are closed with 4401 `expired`.
    pub expired: u8,
    /// Links that are closed with 1001.
    pub going_away: u8,
    /// Sinks of the gateway's that take nothing for a while.
    pub stalls: u8,
    /// Deaths of the gateway's process.
    pub gateway_crashes: u8,
    /// Deaths of the connector's process.
    pub connector_crashes: u8,
    /// Suspensions of both hosts, longer than a token lives.
    pub suspensions: u8,
}

impl World {
    /// A world with one bot and these bounds.
    #[must_use]
    pub fn new(name: &'static str, at_most: Counts) -> Self {
        Self { name, at_most, window: 2, identities: 1, patient: false, wakeable: false }
    }
}
