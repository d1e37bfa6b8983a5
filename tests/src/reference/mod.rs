//! A model of what a link should do, written from the rules alone, and the real machines compared with it.
//!
//! [`World`] is the model: lists and maps, and for each thing that can happen ([`Act`]) what the rules make of it.
//! [`Lockstep`] lets the same happen to a [`Pair`](crate::pair::Pair) and to the model, and compares the two after each
//! act: the statuses, every frame under way, what is posted, handed out, kept, acked and given up, the stage of each
//! request, what the connector's driver is told, pokes among it, and that no machine sleeps past a deadline. At the
//! end all is healed and must drain. Schedules are made of [`Move`]s.
//!
//! Where the rules leave a choice, the model takes over what the machines were seen to choose, if it is one of these:
//!
//! - L3: when the next dial is, within the bounds of the lot; whether a link that was left on purpose climbs the ladder.
//! - Whether a dial that is due at once (A3, I3) waits for the end of a hold (L8).
//! - In which order frames of different kinds go out, and how many lines are in a message.
//! - K1: when a peer that answers no ping is given up, from 60 s to 90 s after the ping; a host that slept may ask again.
//! - Whether a ping goes out ahead of a close that is due at the same time.
//! - Whether what waits for a full sink goes ahead when its own end closes the link; a request never does.
//! - I2: after the ack, whether a further request is taken, and whether one that waits for a full sink is waited for.
//! - Whether an interrupt is taken before the handshake is done or while the link is being left.
//! - C4: whether an ack counts for an entry that a connector has not given out since it came back.
//!
//! Where they are silent, the model reads them so: what waits for a link is written behind its first descriptor (O3); a
//! shutdown before that descriptor asks for no quiet, and ends what waits (I4, L6); a shutdown that loses its link ends,
//! whatever it was lost by; a link that is lost behind the ack leaves the gateway dormant (I2, L10); an entry for a
//! gateway that is flipped and still connected pokes when that link is gone (C8). The pong to a ping that followed a window
//! full of forwarded requests says that a peer without the feature has read them, and passes them over. A forwarded request that the
//! application sent back, and that a peer without the feature then passed over (C9), is not lost in the sense of W1.
//!
//! Left out: pauses of reading and the limits (D6, D7), an application that takes nothing (D5), and what frames carry
//! (H3, H4, O6 to O9, O11).

mod act;
mod compare;
mod connector;
mod gateway;
mod inbound;
mod leaving;
mod liveness;
mod lockstep;
mod mailbox;
mod moves;
mod outbound;
mod posts;
mod sights;
mod timers;
mod wire;
mod world;

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};

pub use act::{Act, Op, Patience, Refusal, Step};
pub use lockstep::Lockstep;
pub use moves::{Move, Player, play};
pub use posts::What;
pub use wire::End;
pub use world::{SECOND, World};

/// When the virtual clock begins.
const BEGINNING: u64 = 1000 * SECOND;

/// The model by itself: it says which moves there are, and guesses what the rules leave open.
pub struct Reference;

impl Reference {
    /// The model at its beginning. A `legacy` gateway does not say that it acks forwarded requests; a `wakeable` one
    /// has a wake URL.
    #[must_use]
    pub fn fresh(legacy: bool, wakeable: bool) -> World {
        World::new(BEGINNING, legacy, wakeable)
    }
}

impl ReferenceStateMachine for Reference {
    type State = World;
    type Transition = Move;

    fn init_state() -> BoxedStrategy<World> {
        (any::<bool>(), any::<bool>()).prop_map(|(legacy, wakeable)| Self::fresh(legacy, wakeable)).boxed()
    }

    fn transitions(world: &World) -> BoxedStrategy<Move> {
        moves::moves(world)
    }

    fn apply(mut world: World, made: &Move) -> World {
        play(&mut world, made);
        world
    }
}

/// The machines, held to the model.
pub struct Machines;

impl StateMachineTest for Machines {
    type SystemUnderTest = Lockstep;
    type Reference = Reference;

    fn init_test(world: &World) -> Lockstep {
        Lockstep::new(world)
    }

    fn apply(mut both: Lockstep, _: &World, made: Move) -> Lockstep {
        play(&mut both, &made);
        both
    }

    fn teardown(mut both: Lockstep, _: World) {
        both.ends_well();
    }
}
