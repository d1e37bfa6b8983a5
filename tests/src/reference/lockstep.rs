//! The real machines and the model side by side: the same happens to both, and then both must look the same.

use std::collections::BTreeMap;
use std::time::Duration;

use relay_proto::action::{Action, Op as RealOp};
use relay_proto::close::{Close, CloseCode, DialError};
use relay_proto::connector;
use relay_proto::gateway::{self, Identity, Status};
use relay_proto::{Features, Instant};

use super::act::{Act, Op, Patience, Refusal, Step};
use super::connector::WINDOW;
use super::moves::{Move, Player, play};
use super::posts::Post;
use super::wire::End;
use super::world::{Chosen, IDENTITIES, SECOND, Stage, Time, World};
use crate::pair::{self, Fault, Pair, Side};

/// Both.
#[derive(Debug)]
pub struct Lockstep {
    pub(super) pair: Pair,
    pub(super) world: World,
    /// The requests by their names on the wire.
    pub(super) names: BTreeMap<String, u64>,
}

pub(super) fn time_of(at: Instant) -> Time {
    at.since(Instant::ZERO).as_millis() as Time
}

pub(super) fn side(end: End) -> Side {
    match end {
        End::Gateway => Side::Gateway,
        End::Connector => Side::Session,
    }
}

pub(super) fn text_of(number: u64) -> String {
    format!("say {number}")
}

fn action(op: Op, text: &str) -> Action {
    match op {
        Op::Send => Action::send("chat", text),
        Op::Edit => Action::new(RealOp::Edit {
            chat_id: "chat".into(),
            message_id: "message".into(),
            content: text.into(),
        }),
        Op::FollowUp => Action::follow_up("key", "discord.interaction_token", text),
    }
}

impl Lockstep {
    /// Two machines that are as this model says at its beginning.
    #[must_use]
    pub fn new(world: &World) -> Self {
        let config = connector::Config {
            window: WINDOW,
            wakeable: world.connector.wakeable(),
            ..connector::Config::default()
        };
        let identities = IDENTITIES.map(|(platform, bot_id)| Identity::new(platform, bot_id)).to_vec();
        let mut pair = Pair::new(gateway::Config { identities, ..gateway::Config::default() }, config);
        pair.features = Features { passthrough_ack: !world.connector.is_legacy() };
        let mut both = Self { pair, world: world.clone(), names: BTreeMap::new() };
        both.compare("the beginning");
        both
    }

    fn apply(&mut self, act: &Act) -> bool {
        let deadline = self.deadline();
        let pair = &mut self.pair;
        match *act {
            Act::Step(step) => self.apply_step(step),
            Act::Post(what) => {
                let post = Post::next(&self.world.platform.posts, what);
                pair.append_body(post.kind, post.body());
            }
            Act::StopAgent => return pair.stop_agent(),
            Act::Ask(op, patience) => {
                let text = text_of(self.world.next_ask());
                return pair.ask(&action(op, &text), &text, patience == Patience::Some);
            }
            Act::StopElsewhere => return pair.stop_elsewhere(),
            Act::Release => pair.strike(Fault::Release),
            Act::GoDormant => return pair.go_dormant(),
            Act::Wake => pair.wake(),
            Act::Hold => pair.hold(),
            Act::ShutDown => pair.shut_down(),
            Act::Time(at) => {
                if deadline.is_some_and(|deadline| deadline <= at) {
                    pair.tick();
                } else {
                    pair.now = Instant::from_millis(at);
                }
            }
            Act::Cut
            | Act::Silence
            | Act::Stall(_)
            | Act::Flow
            | Act::Refuse(_)
            | Act::HalfConnect
            | Act::Rebuff(..)
            | Act::Close(..)
            | Act::Ghost(_)
            | Act::CrashGateway
            | Act::CrashConnector
            | Act::Sleep(_) => self.strike(act),
            Act::Disconnect => pair.disconnect(),
            Act::Revoke => pair.revoke(),
        }
        false
    }

    fn strike(&mut self, act: &Act) {
        let pair = &mut self.pair;
        match *act {
            Act::Cut => pair.strike(Fault::Cut),
            Act::Silence => pair.strike(Fault::Silence),
            Act::Stall(End::Gateway) => pair.gateway_writable &= self.world.gateway.link().is_none(),
            Act::Stall(End::Connector) => pair.session_writable &= self.world.connector.link().is_none(),
            Act::Flow => {
                pair.let_flow(Side::Gateway);
                pair.let_flow(Side::Session);
            }
            Act::Refuse(Refusal::Unreachable) => pair.refuse(DialError::unreachable("no route")),
            Act::Refuse(Refusal::Status(status)) => pair.refuse(DialError::Status(status)),
            Act::HalfConnect => pair.strike(Fault::HalfConnect),
            Act::Rebuff(code, reason) => pair.rebuff(Close::new(CloseCode(code), reason)),
            Act::Close(code, reason) => pair.close_midway(&Close::new(CloseCode(code), reason)),
            Act::Ghost(which) => pair.haunt(which),
            Act::CrashGateway => pair.strike(Fault::CrashGateway),
            Act::CrashConnector => {
                pair.strike(Fault::CrashSession);
                // As the driver does, which reads the wake URL with the rest of the record.
                pair.session.set_wakeable(self.world.connector.wakeable());
            }
            Act::Sleep(first) => {
                let first = first.filter(|step| *step != Step::See).map(real_step);
                pair.sleep(Duration::from_millis(400 * SECOND), first);
            }
            Act::Step(_)
            | Act::Post(_)
            | Act::StopAgent
            | Act::Ask(..)
            | Act::StopElsewhere
            | Act::Release
            | Act::GoDormant
            | Act::Wake
            | Act::Hold
            | Act::ShutDown
            | Act::Time(_)
            | Act::Disconnect
            | Act::Revoke => unreachable!("{act:?} is no fault"),
        }
    }

    fn apply_step(&mut self, step: Step) {
        if step == Step::See {
            while !self.pair.unseen().is_empty() {
                self.pair.apply(pair::Step::SeeToEvent);
            }
        } else if self.pair.enabled().contains(&real_step(step)) {
            self.pair.apply(real_step(step));
        }
    }

    /// The gateway's status, in a word.
    #[must_use]
    pub fn status(&self) -> String {
        format!("{:?}", self.pair.gateway.status())
    }

    /// How many entries were given up.
    #[must_use]
    pub fn dead_letters(&self) -> usize {
        self.pair.platform.dead.len()
    }

    /// The end of a run: everything is healed, and W1 to W4 must come true.
    ///
    /// # Panics
    /// When they do not.
    pub fn ends_well(&mut self) {
        play(self, &Move::One(Act::Flow));
        play(self, &Move::One(Act::Cut));
        if self.world.connector.revoked {
            return play(self, &Move::Pass(100 * SECOND));
        }
        for _ in 0..4000 {
            if let Some(step) = self.enabled().first() {
                self.act(&Act::Step(*step));
            } else if self.world.is_dormant() {
                self.act(&Act::Wake);
            } else if self.world.is_settled() {
                return self.world.nothing_is_lost();
            } else {
                play(self, &Move::Tick);
            }
        }
        panic!("reference: W4: never settled: {:?} and {:?}", self.world, self.pair.session.status());
    }
}

impl Player for Lockstep {
    fn now(&self) -> Time {
        self.world.now
    }

    fn enabled(&self) -> Vec<Step> {
        self.world.enabled()
    }

    fn deadline(&self) -> Option<Time> {
        let gateway = self.pair.gateway.poll_timeout().map(|deadline| deadline.at);
        let session = self.pair.session.poll_timeout().map(|deadline| deadline.at);
        gateway.into_iter().chain(session).min().map(time_of)
    }

    fn gateways_link(&self) -> Option<usize> {
        self.world.gateways_link()
    }

    fn act(&mut self, act: &Act) {
        // Whatever reaches the gateway of a sleeping host, the connector's driver does not.
        let act = match act {
            Act::Sleep(Some(Step::See)) => &Act::Sleep(None),
            act => act,
        };
        let links = |pair: &Pair| (pair.gateway.link(), pair.session.link());
        let before = links(&self.pair);
        let taken = self.apply(act);
        let after = links(&self.pair);
        if !self.pair.gateway_writable && after.0 != before.0 {
            self.pair.let_flow(Side::Gateway);
        }
        if !self.pair.session_writable && after.1 != before.1 {
            self.pair.let_flow(Side::Session);
        }
        let status = self.pair.gateway.status();
        self.world.chosen = Chosen {
            redial: redial_of(status),
            taken,
            dialing: status == Status::Dialing,
            dropped_by_gateway: before.0.is_some() && before.0 != after.0,
            dropped_by_connector: before.1.is_some() && before.1 != after.1,
            acked: self.pair.unseen().iter().filter_map(acked).collect(),
        };
        let asked = self.world.next_ask();
        self.world.act(act);
        if self.world.next_ask() > asked {
            let refused = self.world.asked[asked as usize].stage == Stage::Refused;
            assert_ne!(taken, refused, "reference: O1, O4, A4, L6: {act:?} when {status:?}");
        }
        self.compare(&format!("{act:?}"));
    }
}

fn acked(event: &connector::Event) -> Option<u64> {
    if let connector::Event::Acked(position) = event { Some(position.0) } else { None }
}

pub(super) fn redial_of(status: Status) -> Option<Time> {
    if let Status::Reconnecting { at, .. } = status { Some(time_of(at)) } else { None }
}

pub(super) fn real_step(step: Step) -> pair::Step {
    match step {
        Step::See => pair::Step::SeeToEvent,
        Step::Arrive(place, end) => pair::Step::Arrive(place, side(end)),
        Step::Connect => pair::Step::Connect,
        Step::Keep => pair::Step::Keep,
        Step::Tell => pair::Step::Tell,
        Step::Perform => pair::Step::Perform,
    }
}
