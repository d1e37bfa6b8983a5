//! Moves of the world, of which each is one act or several, and strategies for them.

use proptest::prelude::*;
use proptest::sample::select;

use super::act::{Act, Op, Patience, Refusal, Step};
use super::posts::What;
use super::wire::End;
use super::world::{SECOND, Time, World};

/// A move.
#[derive(Clone, PartialEq, Eq)]
pub enum Move {
    /// One thing happens.
    One(Act),
    /// Of what can go on, the thing of this number does.
    Pick(usize),
    /// So many things that can go on do, in the usual order.
    GoOn(usize),
    /// So much time passes in which nothing goes on but timers.
    Wait(Time),
    /// The same up to the next deadline.
    Tick,
    /// So much time passes, and everything goes on that can.
    Pass(Time),
    /// The gateway's host sleeps; of what can go on, this is what comes first then.
    SleepAndPick(usize),
    /// The dial under way is accepted and closed at once, as refused; but the host sleeps before the gateway sees it.
    RefusedLate,
    /// So often the link breaks and comes back, while the application keeps nothing.
    Flap(usize),
}

/// Somebody to whom things happen.
pub trait Player {
    /// The time.
    fn now(&self) -> Time;
    /// What can go on.
    fn enabled(&self) -> Vec<Step>;
    /// When a timer is next due.
    fn deadline(&self) -> Option<Time>;
    /// Where the link is that the gateway holds.
    fn gateways_link(&self) -> Option<usize>;
    /// This happens.
    fn act(&mut self, act: &Act);
}

impl Player for World {
    fn now(&self) -> Time {
        self.now
    }

    fn enabled(&self) -> Vec<Step> {
        self.enabled()
    }

    fn deadline(&self) -> Option<Time> {
        self.gateway_deadline().into_iter().chain(self.connector_deadline()).min()
    }

    fn gateways_link(&self) -> Option<usize> {
        self.wires.iter().position(|wire| wire.at_gateway)
    }

    fn act(&mut self, act: &Act) {
        self.act(act);
    }
}

/// The player makes this move.
pub fn play(player: &mut impl Player, made: &Move) {
    match made {
        Move::One(act) => player.act(act),
        Move::Pick(which) => {
            let steps = player.enabled();
            if let Some(step) = steps.get(which % steps.len().max(1)) {
                player.act(&Act::Step(*step));
            }
        }
        Move::GoOn(most) => {
            for _ in 0..*most {
                let Some(step) = player.enabled().first().copied() else { break };
                player.act(&Act::Step(step));
            }
        }
        Move::Wait(time) => pass(player, *time, false),
        Move::Tick => {
            if let Some(at) = player.deadline() {
                player.act(&Act::Time(at.max(player.now())));
            }
        }
        Move::Pass(time) => pass(player, *time, true),
        Move::SleepAndPick(which) => {
            player.act(&Act::Flow);
            let steps = player.enabled();
            player.act(&Act::Sleep(steps.get(which % (steps.len() + 1)).copied()));
        }
        Move::Flap(times) => (0..*times).for_each(|_| flap(player)),
        Move::RefusedLate => {
            player.act(&Act::Rebuff(4401, "unauthorized"));
            player.act(&Act::Flow);
            let close = player.gateways_link().map(|place| Step::Arrive(place, End::Gateway));
            player.act(&Act::Sleep(close));
        }
    }
}

fn flap(player: &mut impl Player) {
    let by_itself = |step: &Step| !matches!(step, Step::Keep | Step::Tell);
    player.act(&Act::Cut);
    for _ in 0..40 {
        match player.enabled().into_iter().find(by_itself) {
            Some(step) => player.act(&Act::Step(step)),
            None if player.gateways_link().is_some() => break,
            None => play(player, &Move::Tick),
        }
    }
}

fn pass(player: &mut impl Player, time: Time, goes_on: bool) {
    let end = player.now() + time;
    loop {
        if let Some(step) = player.enabled().first().filter(|_| goes_on) {
            player.act(&Act::Step(*step));
            continue;
        }
        let at = player.deadline().map_or(end, |at| at.max(player.now()));
        player.act(&Act::Time(at.min(end)));
        if at > end || (at == end && player.deadline().is_none_or(|at| at > end)) {
            break;
        }
    }
}

/// Any move. Ends of the game are rare, and what strikes dials is frequent while there is one.
pub(super) fn moves(world: &World) -> BoxedStrategy<Move> {
    let one = |act: Act| Just(Move::One(act));
    let dialing = if world.dialing.is_some() { 12 } else { 1 };
    let asking = if world.gateway.is_leaving() { 30 } else { 9 };
    prop_oneof![
        dialing => dial_faults(),
        30 => any::<usize>().prop_map(Move::Pick),
        24 => (1..15_usize).prop_map(Move::GoOn),
        16 => posts().prop_map(|what| Move::One(Act::Post(what))),
        asking => asks().prop_map(Move::One),
        5 => select(vec![SECOND / 2, SECOND, 3 * SECOND, 10 * SECOND, 31 * SECOND, 100 * SECOND])
            .prop_map(Move::Wait),
        5 => Just(Move::Tick),
        5 => select(vec![SECOND, 5 * SECOND, 16 * SECOND, 31 * SECOND, 62 * SECOND]).prop_map(Move::Pass),
        1 => any::<usize>().prop_map(Move::SleepAndPick),
        3 => one(Act::Release),
        1 => (1..7_usize).prop_map(Move::Flap),
        1 => one(if world.has_in_flight() { Act::ShutDown } else { Act::Hold }),
        2 => select(vec![Act::StopAgent, Act::StopElsewhere]).prop_map(Move::One),
        5 => select(vec![Act::GoDormant, Act::GoDormant, Act::Wake, Act::Hold]).prop_map(Move::One),
        8 => faults().prop_map(Move::One),
        6 => select(vec![Act::Stall(End::Gateway), Act::Stall(End::Connector), Act::Flow]).prop_map(Move::One),
    ]
    .boxed()
}

fn posts() -> impl Strategy<Value = What> {
    prop_oneof![
        6 => Just(What::Message),
        3 => Just(What::Passthrough),
        1 => any::<usize>().prop_map(What::Reworded),
        1 => any::<usize>().prop_map(What::Flagged),
        2 => any::<usize>().prop_map(What::Again),
    ]
}

fn asks() -> impl Strategy<Value = Act> {
    let op = select(vec![Op::Send, Op::Send, Op::Edit, Op::FollowUp]);
    (op, select(vec![Patience::Some, Patience::None])).prop_map(|(op, patience)| Act::Ask(op, patience))
}

/// Closes that are final at no time.
const CLOSES: [(u16, &str); 7] = [
    (1000, ""),
    (1001, "shutting down"),
    (1008, "no hello"),
    (1009, "too long"),
    (1012, "restart"),
    (4401, "expired"),
    (4401, "expired"),
];

fn dial_faults() -> impl Strategy<Value = Move> {
    let refusals = [Refusal::Unreachable, Refusal::Status(401), Refusal::Status(403), Refusal::Status(503)];
    let rebuffs = [&CLOSES[..], &[(4401, "unauthorized")]].concat();
    prop_oneof![
        4 => select(refusals.to_vec()).prop_map(|refusal| Move::One(Act::Refuse(refusal))),
        3 => Just(Move::One(Act::HalfConnect)),
        4 => select(rebuffs).prop_map(|(code, reason)| Move::One(Act::Rebuff(code, reason))),
        2 => Just(Move::RefusedLate),
    ]
}

fn faults() -> impl Strategy<Value = Act> {
    prop_oneof![
        10 => Just(Act::Cut),
        3 => Just(Act::Silence),
        5 => select(CLOSES.to_vec()).prop_map(|(code, reason)| Act::Close(code, reason)),
        4 => Just(Act::Disconnect),
        6 => any::<usize>().prop_map(Act::Ghost),
        4 => Just(Act::CrashGateway),
        4 => Just(Act::CrashConnector),
        1 => prop_oneof![
            Just(Act::Revoke),
            Just(Act::ShutDown),
            Just(Act::Close(4401, "unauthorized")),
            Just(Act::Close(4401, "")),
        ],
    ]
}
