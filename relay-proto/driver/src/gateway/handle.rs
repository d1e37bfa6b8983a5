//! The application's handle to a gateway.

use std::fmt;
use std::sync::Arc;

use futures_channel::oneshot;
use relay_proto::action::{Action, ActionResult, Op};
use relay_proto::gateway::{Failure, NotNow, Options, Outcome, Refusal, Rejected, StayedAwake};
use relay_proto::routing::Route;
use relay_proto::text::{self, TextLimit};

use super::shared::Handles;
use super::watch::StatusWatch;

/// A gateway. Clones are handles to the same one; when the last handle and the
/// [`Deliveries`](super::Deliveries) are dropped, it shuts down.
#[derive(Clone, Debug)]
pub struct Gateway(Arc<Handles>);

impl Gateway {
    pub(super) fn new(handles: Arc<Handles>) -> Self {
        Self(handles)
    }

    /// Asks for an action and waits for what becomes of it. A `send` or `follow_up` whose text is too long for the
    /// chat's platform goes out in pieces, one after the other (rule O11); the outcome is that of the last piece,
    /// or of the first that was not done.
    ///
    /// Dropping the future does not take the action back.
    ///
    /// # Errors
    /// When the action is refused at once, and so was certainly not done; it is given back.
    pub async fn send(&self, action: Action) -> Result<Outcome, Rejected<Action>> {
        self.send_with(action, &Options::default()).await
    }

    /// [`send`](Self::send), treated as `options` say.
    ///
    /// # Errors
    /// As there.
    pub async fn send_with(&self, action: Action, options: &Options) -> Result<Outcome, Rejected<Action>> {
        // What waits for a link shows only then to be too long.
        let kept = options.wait_for_link.then(|| action.clone());
        match self.request(action, options) {
            Ok(outcome) => match (wait(outcome).await, kept) {
                (Outcome::Failed(Failure::TooLong(limit)), Some(action)) => {
                    self.send_in_pieces(action, limit, options).await
                }
                (outcome, _) => Ok(outcome),
            },
            Err(Rejected { refusal: Refusal::TooLong(limit), argument }) => {
                self.send_in_pieces(argument, limit, options).await
            }
            Err(rejected) => Err(rejected),
        }
    }

    /// A message through a capability that the connector holds for this session.
    ///
    /// # Errors
    /// As with [`send`](Self::send).
    pub async fn follow_up(
        &self,
        session_key: &str,
        kind: &str,
        content: &str,
    ) -> Result<Outcome, Rejected<Action>> {
        self.send(Action::follow_up(session_key, kind, content)).await
    }

    /// The chat's name and type, as far as the connector knows them.
    ///
    /// # Errors
    /// When the connector could not be asked.
    pub async fn chat_info(&self, chat_id: &str) -> Result<(String, String), SendError> {
        match self.send(Action::chat_info(chat_id)).await {
            Ok(Outcome::Answered(result)) => {
                let result = std::str::from_utf8(&result).unwrap_or_default();
                Ok(ActionResult::parse(result).chat_info(chat_id))
            }
            Ok(outcome) => Err(SendError::NotDone(outcome)),
            Err(rejected) => Err(SendError::Refused(rejected.refusal)),
        }
    }

    /// Tells the connector to stop what runs in this session elsewhere.
    ///
    /// # Errors
    /// When no link is open: an interrupt is for now, or not at all.
    pub fn interrupt(&self, session_key: &str, reason: Option<&str>) -> Result<(), NotNow> {
        self.0.shared().act(|state, _| state.machine.interrupt(session_key, reason))
    }

    /// Asks the connector to only buffer, and then closes the link (rules I1 to I3). Waits for either outcome.
    ///
    /// # Errors
    /// When there is no link to leave, or the gateway stays awake after all.
    pub async fn go_dormant(&self) -> Result<(), DormancyError> {
        let asleep = self.0.shared().act(|state, now| {
            state.machine.go_dormant(now).map_err(DormancyError::NotNow)?;
            let (sender, receiver) = oneshot::channel();
            state.falling_asleep.push(sender);
            Ok(receiver)
        })?;
        match asleep.await {
            Ok(result) => result.map_err(DormancyError::StayedAwake),
            Err(oneshot::Canceled) => Err(DormancyError::StayedAwake(StayedAwake::ShutDown)),
        }
    }

    /// Without a link, dials at once (rule L7).
    pub fn wake(&self) {
        self.0.shared().act(|state, now| state.machine.wake(now));
    }

    /// Parks the dials that the gateway would make of its own accord, for a minute at most (rule L8).
    pub fn hold(&self) {
        self.0.shared().act(|state, now| state.machine.hold(now));
    }

    /// Gives the link up for good (rule I4), and waits until its last bytes are out.
    pub async fn shut_down(&self) {
        let end = self.0.shared().act(|state, now| {
            state.machine.shut_down(now);
            let (sender, receiver) = oneshot::channel();
            if !state.ended {
                state.ending.push(sender);
            }
            receiver
        });
        // Either it is told, or the driving task is gone; both are the end.
        _ = end.await;
    }

    /// Follows the link's status.
    #[must_use]
    pub fn watch(&self) -> StatusWatch {
        StatusWatch::new(self.0.shared().clone())
    }

    /// The limit of a text in this chat, as far as the link's descriptors say (rule H3).
    #[must_use]
    pub fn text_limit(&self, chat_id: &str) -> Option<TextLimit> {
        self.0.shared().lock().machine.chat_descriptor(chat_id).map(|descriptor| descriptor.limit())
    }

    /// The chat lived there before this process (rule O7).
    pub fn restore_route(&self, chat_id: &str, route: Route<'_>) {
        self.0.shared().lock().machine.restore_route(chat_id, route);
    }

    /// A look at the machine.
    pub fn inspect<T>(&self, look: impl FnOnce(&relay_proto::gateway::Gateway) -> T) -> T {
        look(&self.0.shared().lock().machine)
    }

    #[expect(clippy::result_large_err, reason = "the argument goes back as it came")]
    fn request(
        &self,
        action: Action,
        options: &Options,
    ) -> Result<oneshot::Receiver<Outcome>, Rejected<Action>> {
        self.0.shared().act(|state, now| {
            let request = state.machine.request(action, options, now)?;
            Ok(state.wait_for_outcome(request))
        })
    }

    async fn send_in_pieces(
        &self,
        action: Action,
        limit: TextLimit,
        options: &Options,
    ) -> Result<Outcome, Rejected<Action>> {
        let text = match &action.op {
            Op::Send { content, .. } | Op::FollowUp { content, .. } => content.clone(),
            _ => return Err(Rejected { refusal: Refusal::TooLong(limit), argument: action }),
        };
        let mut last = None;
        for (number, piece) in text::split(&text, limit).into_iter().enumerate() {
            match self.request(with_content(&action, piece, number == 0), options) {
                Ok(outcome) => {
                    let outcome = wait(outcome).await;
                    let done = is_done(&outcome);
                    last = Some(outcome);
                    if !done {
                        break;
                    }
                }
                // What is out is out: the whole is not to be tried again.
                Err(rejected) => match last {
                    None => return Err(Rejected { refusal: rejected.refusal, argument: action }),
                    Some(_) => return Ok(Outcome::Failed(Failure::LinkLost)),
                },
            }
        }
        last.ok_or(Rejected { refusal: Refusal::TooLong(limit), argument: action })
    }
}

async fn wait(outcome: oneshot::Receiver<Outcome>) -> Outcome {
    // A waiter is told before it is dropped, unless the driving task was dropped by its executor.
    outcome.await.unwrap_or(Outcome::Ambiguous(relay_proto::gateway::Ambiguity::ShutDown))
}

fn is_done(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Answered(result) => {
            std::str::from_utf8(result).is_ok_and(|result| ActionResult::parse(result).success)
        }
        Outcome::Failed(_) | Outcome::Ambiguous(_) => false,
    }
}

/// The action with this piece of its text; only the first piece is a reply.
fn with_content(action: &Action, piece: &str, first: bool) -> Action {
    let mut action = action.clone();
    match &mut action.op {
        Op::Send { content, reply_to, .. } => {
            piece.clone_into(content);
            if !first {
                *reply_to = None;
            }
        }
        Op::FollowUp { content, .. } => piece.clone_into(content),
        _ => {}
    }
    action
}

/// Why an answer could not be had.
#[derive(Clone, Debug, PartialEq)]
pub enum SendError {
    /// The request was refused at once.
    Refused(Refusal),
    /// The request was not answered.
    NotDone(Outcome),
}

/// Why a gateway is not dormant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DormancyError {
    /// It cannot even be asked for.
    NotNow(NotNow),
    /// It did not come about.
    StayedAwake(StayedAwake),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::NotDone(Outcome::Answered(_)) => f.write_str("the answer could not be read"),
            Self::NotDone(Outcome::Failed(failure)) => failure.fmt(f),
            Self::NotDone(Outcome::Ambiguous(ambiguity)) => ambiguity.fmt(f),
        }
    }
}

impl std::error::Error for SendError {}

impl fmt::Display for DormancyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNow(why) => why.fmt(f),
            Self::StayedAwake(why) => write!(f, "the gateway stays awake: {why:?}"),
        }
    }
}

impl std::error::Error for DormancyError {}
