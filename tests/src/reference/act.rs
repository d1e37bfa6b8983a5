//! What can happen to a link, one thing at a time.

use super::posts::What;
use super::wire::End;

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Something of what is under way goes on.
    Step(Step),
    /// Something happens on the platform.
    Post(What),
    /// A user stops what the agent does.
    StopAgent,
    /// The agent asks for something.
    Ask(Op, Patience),
    /// The agent stops what runs elsewhere.
    StopElsewhere,
    /// The application does not take the oldest delivery that it has.
    Release,
    /// The application wants the link gone until something wakes it.
    GoDormant,
    /// Something wants the gateway up.
    Wake,
    /// Dials are to be parked.
    Hold,
    /// The application ends.
    ShutDown,
    /// It is this late, in milliseconds, and whatever timers are due fire.
    Time(u64),
    /// The gateway's link breaks, and both ends learn of it.
    Cut,
    /// The gateway's link carries nothing more, and nobody learns of it.
    Silence,
    /// This end's sink takes nothing more of the present link.
    Stall(End),
    /// All sinks take everything.
    Flow,
    /// The dial under way comes to nothing.
    Refuse(Refusal),
    /// The dial under way is accepted, and the gateway never learns of it.
    HalfConnect,
    /// The dial under way is accepted by something that closes at once.
    Rebuff(u16, &'static str),
    /// Something midway closes the gateway's link.
    Close(u16, &'static str),
    /// Something of an old link comes late, to either end: which of several things.
    Ghost(usize),
    /// The operator wants the gateway to connect anew.
    Disconnect,
    /// The operator revokes the credential.
    Revoke,
    /// The gateway's process dies and comes back.
    CrashGateway,
    /// The connector's process dies and comes back.
    CrashConnector,
    /// The gateway's host sleeps for 400 s, and then sees this first, or else its timers.
    Sleep(Option<Step>),
}

/// One step of what is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The connector's driver sees to everything that its machine said.
    See,
    /// The link at this place brings something to this end.
    Arrive(usize, End),
    /// The dial under way succeeds.
    Connect,
    /// The application keeps the oldest delivery durably.
    Keep,
    /// The application tells the gateway so.
    Tell,
    /// The platform does the oldest thing asked for.
    Perform,
}

/// What the agent asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// A new message.
    Send,
    /// Another text for a message.
    Edit,
    /// An answer to a press.
    FollowUp,
}

/// Whether a request waits for a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Up to its deadline.
    Some,
    /// Not at all.
    None,
}

/// How a dial comes to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is nobody.
    Unreachable,
    /// The upgrade is answered with this HTTP status.
    Status(u16),
}
