//! How large a world is, and who lives in it.

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
    /// Whether waits climb a ladder of three rungs (rule L3), or are all alike.
    pub ladder: bool,
    /// Whether the ends ping each other (rule K1).
    pub pings: bool,
    /// Whether a lost link is dialed again (rule L2).
    pub reconnect: bool,
    /// Whether a dormant gateway dials by itself after a while (rule I2).
    pub cadence: bool,
    /// Whether the application is given little at a time (rule D6): more than one delivery pauses reading, and more
    /// than two end the link.
    pub tight: bool,
    /// After how many give-outs an entry belongs to the dead letters (rule C9); zero for never.
    pub give_outs: u8,
    /// What the entries are.
    pub entries: Entries,
    /// What the gateway can do.
    pub gateway: Peer,
}

/// What the entries of a world are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Entries {
    /// Messages, each another one.
    #[default]
    Messages,
    /// The second entry is the message of the first one, under a `bufferId` of its own (rule D2).
    Twins,
    /// The second entry is an edit of the message of the first one (rule D2).
    Edits,
    /// Every other entry, from the first one on, is a passthrough.
    Passthroughs,
    /// The first entry is too large for a frame (rule C9).
    TooLarge,
    /// They bear no `bufferId`, as those of a connector of old (rule D1).
    Unnamed,
}

/// Whether an end is one of the stock ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Peer {
    /// It can do what this project's own can.
    #[default]
    Own,
    /// It never acks a passthrough (rule C9).
    Stock,
}

/// How often each thing may happen, or may happen yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counts {
    /// Entries appended.
    pub messages: u8,
    /// Requests of the application.
    pub requests: u8,
    /// Interrupts, of either side's.
    pub interrupts: u8,
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
    /// Times that half a minute passes in which nothing is due.
    pub rests: u8,
    /// Pings that are due.
    pub beats: u8,
    /// Deadlines met while something was still on its way: a dial that hangs, a slow peer, a slow application.
    pub delays: u8,
    /// Times that all lines on their way to the gateway arrive in one message.
    pub bursts: u8,
    /// Dials refused.
    pub refusals: u8,
    /// Dials that fail at the gateway, and of which the connector thinks that they succeeded.
    pub half_dials: u8,
    /// Links that break without a word.
    pub cuts: u8,
    /// Links that die, and neither end is told.
    pub deaths: u8,
    /// Links that are closed with 4401 `unauthorized`.
    pub unauthorized: u8,
    /// Links that are closed with 4401 `expired`.
    pub expired: u8,
    /// Links that are closed with 1001.
    pub going_away: u8,
    /// Times that the operator revokes the gateway's credential.
    pub revocations: u8,
    /// Times that the connector shuts the session down.
    pub session_shutdowns: u8,
    /// Links that a session is offered while it takes none.
    pub turned_away: u8,
    /// Sinks of the gateway's that take nothing for a while.
    pub stalls: u8,
    /// Sinks of the session's that take nothing for a while.
    pub session_stalls: u8,
    /// Pokes that do not reach the gateway.
    pub lost_pokes: u8,
    /// Deaths of the gateway's process.
    pub gateway_crashes: u8,
    /// Deaths of the connector's process.
    pub connector_crashes: u8,
    /// Suspensions of both hosts, longer than a token lives.
    pub suspensions: u8,
    /// Suspensions of the gateway's host alone.
    pub gateway_suspensions: u8,
}

impl Counts {
    /// Nothing happens but what happens by itself.
    pub const NONE: Self = Self {
        messages: 0,
        requests: 0,
        interrupts: 0,
        releases: 0,
        dormancies: 0,
        wakes: 0,
        holds: 0,
        shutdowns: 0,
        rests: 0,
        beats: 0,
        delays: 0,
        bursts: 0,
        refusals: 0,
        half_dials: 0,
        cuts: 0,
        deaths: 0,
        unauthorized: 0,
        expired: 0,
        going_away: 0,
        revocations: 0,
        session_shutdowns: 0,
        turned_away: 0,
        stalls: 0,
        session_stalls: 0,
        lost_pokes: 0,
        gateway_crashes: 0,
        connector_crashes: 0,
        suspensions: 0,
        gateway_suspensions: 0,
    };
}

impl World {
    /// A world with one bot and these bounds.
    #[must_use]
    pub fn new(name: &'static str, at_most: Counts) -> Self {
        Self {
            name,
            at_most,
            window: 2,
            identities: 1,
            patient: false,
            wakeable: false,
            ladder: false,
            pings: false,
            reconnect: true,
            cadence: false,
            tight: false,
            give_outs: 0,
            entries: Entries::Messages,
            gateway: Peer::Own,
        }
    }

    /// What the application sees in this entry: the number in its text.
    pub(super) fn content(&self, entry: u64) -> u64 {
        match self.entries {
            Entries::Twins if entry == 1 => 0,
            _ => entry,
        }
    }

    pub(super) fn is_passthrough(&self, entry: u64) -> bool {
        self.entries == Entries::Passthroughs && entry.is_multiple_of(2)
    }

    pub(super) fn is_too_large(&self, entry: u64) -> bool {
        self.entries == Entries::TooLarge && entry == 0
    }

    /// Whether the gateway acks this entry in such a way that the connector sees it.
    pub(super) fn is_acked(&self, entry: u64) -> bool {
        let stock = self.gateway == Peer::Stock && self.is_passthrough(entry);
        !stock && self.entries != Entries::Unnamed
    }
}
