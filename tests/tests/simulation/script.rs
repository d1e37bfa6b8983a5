//! What happens in a run and when, all of it decided by the seed.

use std::fmt;
use std::time::Duration;

use super::dice::Dice;

/// For how long there are faults, in milliseconds.
const FAULTS: u64 = 20_000;

/// One of the two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    Gateway,
    Connector,
}

impl Machine {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Connector => "connector",
        }
    }
}

/// What becomes of the network between the hosts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Network {
    /// Nothing gets through, and what is on its way is lost.
    Cut,
    /// The same for what the gateway sends alone.
    DeafToGateway,
    /// The same for what the connector sends alone.
    DeafToConnector,
    /// Everything waits on its way.
    Holds,
    /// Each message takes up to so long.
    Slow(Duration),
    /// No fault; what waited arrives.
    Well,
}

/// Something that the script does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deed {
    Network(Network),
    Crash(Machine),
    Start(Machine),
    Revoke,
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(Network::Cut) => f.write_str("the network: cut"),
            Self::Network(Network::DeafToGateway) => f.write_str("the network: deaf to the gateway"),
            Self::Network(Network::DeafToConnector) => f.write_str("the network: deaf to the connector"),
            Self::Network(Network::Holds) => f.write_str("the network: holds everything"),
            Self::Network(Network::Slow(latency)) => write!(f, "the network: slow, up to {latency:?}"),
            Self::Network(Network::Well) => f.write_str("the network: well again"),
            Self::Crash(machine) => write!(f, "the {} crashes", machine.name()),
            Self::Start(machine) => write!(f, "the {} starts again", machine.name()),
            Self::Revoke => f.write_str("the connector revokes the gateway"),
        }
    }
}

/// A request that the agent makes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    /// When, in milliseconds.
    pub(super) at: u64,
    pub(super) chat: usize,
    /// Whether it waits for a link, if there is none.
    pub(super) waits: bool,
    /// How long the platform takes.
    pub(super) takes: Duration,
}

/// The script of a run.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) seed: u64,
    /// The longest way of a message while the network is well.
    pub(super) latency: Duration,
    /// In the order of their times, in milliseconds.
    pub(super) deeds: Vec<(u64, Deed)>,
    /// When each message is posted, in milliseconds.
    pub(super) posts: Vec<u64>,
    pub(super) asks: Vec<Ask>,
    /// When the last fault is over, in milliseconds.
    pub(super) end: u64,
}

impl Script {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let latency = Duration::from_millis(dice.one_of(&[3, 40, 250]));
        let mut deeds = network_faults(&mut dice);
        deeds.extend(crashes(&mut dice));
        if dice.once_in(8) {
            deeds.push((time(&mut dice, FAULTS), Deed::Revoke));
        }
        // Of deeds at the same time, those that were made first come first.
        deeds.sort_by_key(|(at, _)| *at);
        let end = deeds.last().map_or(0, |(at, _)| *at);
        let mut posts: Vec<u64> = (0..20 + dice.below(40)).map(|_| time(&mut dice, FAULTS)).collect();
        posts.sort_unstable();
        let mut asks: Vec<Ask> = (0..10 + dice.below(20)).map(|_| ask(&mut dice)).collect();
        asks.sort_by_key(|ask| ask.at);
        Self { seed, latency, deeds, posts, asks, end }
    }
}

/// One fault after the other, and a well network at the end.
fn network_faults(dice: &mut Dice) -> Vec<(u64, Deed)> {
    let mut deeds = Vec::new();
    let mut now = time(dice, 4_000);
    while now < FAULTS {
        let slow = Network::Slow(Duration::from_millis(300 + time(dice, 1_500)));
        let fault = [Network::Cut, Network::DeafToGateway, Network::DeafToConnector, Network::Holds, slow]
            [dice.below(5)];
        deeds.push((now, Deed::Network(fault)));
        let most = dice.one_of(&[200, 2_000, 9_000]);
        now = FAULTS.min(now + 20 + time(dice, most));
        deeds.push((now, Deed::Network(Network::Well)));
        now += time(dice, 5_000);
    }
    deeds
}

/// Crashes, each of which has its restart.
fn crashes(dice: &mut Dice) -> Vec<(u64, Deed)> {
    let mut deeds = Vec::new();
    for machine in [Machine::Gateway, Machine::Connector] {
        let pause = dice.one_of(&[6_000, 12_000, 40_000]);
        let mut now = time(dice, pause);
        while now < FAULTS {
            deeds.push((now, Deed::Crash(machine)));
            now = FAULTS.min(now + time(dice, 3_000));
            deeds.push((now, Deed::Start(machine)));
            now += 1 + time(dice, pause);
        }
    }
    deeds
}

fn ask(dice: &mut Dice) -> Ask {
    let slow = dice.once_in(8);
    Ask {
        at: time(dice, FAULTS),
        chat: dice.below(3),
        waits: dice.once_in(2),
        takes: Duration::from_millis(if slow { 8_000 } else { time(dice, 400) }),
    }
}

fn time(dice: &mut Dice, end: u64) -> u64 {
    dice.below(usize::try_from(end).expect("a simulated time fits")) as u64
}
