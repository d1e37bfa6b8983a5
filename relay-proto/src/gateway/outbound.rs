//! What the application asks for: accepted, written, and resolved exactly once.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use bytes::Bytes;

use super::event::{Ambiguity, Event, Failure, Outcome};
use super::idle::NotNow;
use super::outbox::Queued;
use super::state::{Purpose, State};
use super::{Config, Gateway, Identity};
use crate::action::{Action, ActionResult, LONGEST_THREAD_NAME, Op};
use crate::codec::{Encode, Line};
use crate::frame::ToConnector;
use crate::ids::{LinkId, RequestId};
use crate::requests::{Request, Requests, Stage, Unchecked, What};
use crate::routing::{self, GENERIC_PLATFORM, Route};
use crate::text::{Length, TextLimit};
use crate::time::Instant;

/// How a request wants to be treated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// The platform to act on; by default the one that the chat lives on.
    pub platform: Option<Box<str>>,
    /// The bot to act as; by default the first one fronted on the platform.
    pub bot_id: Option<Box<str>>,
    /// How long the result may take; by default as configured.
    pub timeout: Option<Duration>,
    /// Without a link, wait for the next one until the timeout rather than fail (rule O3).
    pub wait_for_link: bool,
}

/// A refused call, with its argument.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rejected<T> {
    /// Why.
    pub refusal: Refusal,
    /// What was asked for.
    pub argument: T,
}

/// Why a request is refused at once. It was certainly not done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// There is no link, or none any more.
    NotNow(NotNow),
    /// Too many requests are open.
    TooMany {
        /// How many may be.
        limit: usize,
    },
    /// The gateway fronts no such platform or bot (rule O6).
    NotFronted {
        /// Which platform, where one is known.
        platform: Option<Box<str>>,
        /// Which bot, where the caller named one.
        bot_id: Option<Box<str>>,
    },
    /// The chat's platform does not offer the op (rule O8).
    Unsupported {
        /// Which op.
        op: Box<str>,
    },
    /// The text is too long for the chat's platform; [`split`](crate::text::split) cuts it (rule O11). Or a thread's name
    /// is longer than any may be.
    TooLong(TextLimit),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNow(why) => why.fmt(f),
            Self::TooMany { limit } => write!(f, "{limit} requests are open already"),
            Self::NotFronted { platform, bot_id } => {
                f.write_str("this gateway fronts no bot")?;
                bot_id.iter().try_for_each(|bot_id| write!(f, " {bot_id:?}"))?;
                platform.iter().try_for_each(|platform| write!(f, " on {platform:?}"))
            }
            Self::Unsupported { op } => write!(f, "the chat's platform does not offer {op:?}"),
            Self::TooLong(limit) => {
                write!(f, "the text is longer than the {limit} that the chat's platform takes")
            }
        }
    }
}

impl core::error::Error for Refusal {}

impl<T> fmt::Display for Rejected<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(f)
    }
}

impl<T: fmt::Debug> core::error::Error for Rejected<T> {}

/// An `outbound` frame that is written in place.
struct Outbound<'a> {
    requests: &'a Requests,
    action: &'a Action,
    identity: Option<&'a Identity>,
}

impl Encode for Outbound<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        Line::new(out, "outbound")
            .with("requestId", |out| self.requests.put_next_id(out))
            .with("action", |out| self.action.put(out))
            .text_if("platform", self.identity.map(|identity| &*identity.platform))
            .text_if("botId", self.identity.map(|identity| &*identity.bot_id))
            .end();
    }
}

impl Gateway {
    #[expect(clippy::result_large_err, reason = "the argument goes back as it came")]
    pub(super) fn open_request(
        &mut self,
        action: Action,
        options: &Options,
        now: Instant,
    ) -> Result<RequestId, Rejected<Action>> {
        match self.check(&action, options) {
            Ok(place) => Ok(self.accept(action, options, place, now)),
            Err(refusal) => Err(Rejected { refusal, argument: action }),
        }
    }

    fn check(&self, action: &Action, options: &Options) -> Result<Place, Refusal> {
        let place = self.place(options).map_err(Refusal::NotNow)?;
        if self.requests.len() >= self.config.request_limit {
            return Err(Refusal::TooMany { limit: self.config.request_limit });
        }
        let route = self.route_of(action, options);
        identity(&self.config, route.platform, options)?;
        if let Some(descriptor) = self.descriptor(route.platform) {
            let local = matches!(action.op, Op::GetChatInfo { .. });
            if !local && !descriptor.allows(action.name()) {
                return Err(Refusal::Unsupported { op: action.name().into() });
            }
            let limit = descriptor.limit();
            if limited_text(action).is_some_and(|text| !limit.fits(text)) {
                return Err(Refusal::TooLong(limit));
            }
        }
        if action.thread_name().is_some_and(|name| !LONGEST_THREAD_NAME.fits(name)) {
            return Err(Refusal::TooLong(LONGEST_THREAD_NAME));
        }
        Ok(place)
    }

    fn place(&self, options: &Options) -> Result<Place, NotNow> {
        match &self.state {
            State::ShutDown => Err(NotNow::ShutDown),
            State::Disabled => Err(NotNow::Disabled),
            State::Open(open) if open.leaving.purpose() == Some(Purpose::Shutdown) => Err(NotNow::Leaving),
            State::Open(open) => Ok(Place::OnLink(open.link())),
            State::Waiting | State::Dialing(_) | State::Dormant | State::Stopped if options.wait_for_link => {
                Ok(Place::NextLink)
            }
            State::Waiting | State::Dialing(_) | State::Dormant | State::Stopped => Err(NotNow::NotLinked),
        }
    }

    fn accept(&mut self, mut action: Action, options: &Options, place: Place, now: Instant) -> RequestId {
        let mut metadata = action.metadata.take();
        let route = self.route_of(&action, options);
        let advertised =
            self.descriptor(route.platform).is_none_or(|descriptor| descriptor.allows(action.name()));
        if !advertised {
            let answer = plain_chat_info(action.chat_id().unwrap_or_default());
            return self.answer_locally(answer);
        }
        if let Some(metadata) = &mut metadata {
            routing::fill(metadata, route);
        }
        let unchecked = || {
            let (op, platform) = (action.name().into(), route.platform.map(Box::from));
            Box::new(Unchecked { op, platform, length: limited_text(&action).map(Length::of) })
        };
        let chat = action.chat_id().map(Box::from);
        let home = chat.as_deref().and_then(|chat| self.routing.get(chat)?.platform);
        let elsewhere = route.platform.filter(|platform| home != Some(platform)).map(Box::from);
        let what = What { chat, elsewhere, unchecked: options.wait_for_link.then(unchecked) };
        let config = self.config.clone();
        let identity = identity(&config, route.platform, options).ok().flatten();
        action.metadata = metadata;
        let frame = Outbound { requests: &self.requests, action: &action, identity };
        let frame = self.outbox.line(&frame);
        let deadline = now + options.timeout.unwrap_or(self.config.request_timeout);
        match place {
            Place::OnLink(link) => {
                let id = self.requests.open(Stage::Queued(frame), options.wait_for_link, what, deadline);
                self.outbox.transmits.push_back(Queued::Request(link, id));
                id
            }
            Place::NextLink => self.requests.open(Stage::Parked(frame), true, what, deadline),
        }
    }

    /// What a connector does not offer, and a stock one answers so: a chat's info is known without asking.
    fn answer_locally(&mut self, answer: Outcome) -> RequestId {
        let id = self.requests.skip_id();
        self.resolve(id, answer);
        id
    }

    /// The route of the chat that the action is about, as far as it goes for the platform that the caller wants.
    fn route_of<'a>(&'a self, action: &'a Action, options: &'a Options) -> Route<'a> {
        let known = action.chat_id().and_then(|chat| self.routing.get(chat)).unwrap_or_default();
        let named = options.platform.as_deref().or_else(|| self.platform_of_capability(action));
        let wanted = named.or_else(|| self.platform_of_bot(options).filter(|_| known.platform.is_none()));
        match wanted {
            Some(platform) if known.platform != Some(platform) => {
                Route { platform: Some(platform), ..Route::default() }
            }
            Some(_) | None => known,
        }
    }

    /// A capability's kind begins with its platform, where that is one of those fronted.
    fn platform_of_capability<'a>(&self, action: &'a Action) -> Option<&'a str> {
        let Op::FollowUp { kind, .. } = &action.op else { return None };
        let (platform, _) = kind.split_once('.')?;
        self.config.identities.iter().any(|identity| &*identity.platform == platform).then_some(platform)
    }

    /// The platform of the bot that the caller names.
    fn platform_of_bot(&self, options: &Options) -> Option<&str> {
        let bot_id = options.bot_id.as_deref()?;
        let identity = self.config.identities.iter().find(|identity| *identity.bot_id == *bot_id)?;
        Some(&identity.platform)
    }

    pub(super) fn send_interrupt(&mut self, session_key: &str, reason: Option<&str>) -> Result<(), NotNow> {
        match self.place(&Options::default())? {
            Place::NextLink => Err(NotNow::NotLinked),
            Place::OnLink(link) => {
                let reason = reason.map(Into::into);
                self.outbox.frame(link, &ToConnector::Interrupt { session_key: session_key.into(), reason });
                Ok(())
            }
        }
    }

    /// The handshake is complete: what waited for the link goes out, if the platform takes it.
    pub(super) fn send_parked(&mut self, link: LinkId) {
        let identities = &self.config.identities;
        let objection = |request: &Request| match (&request.stage, &request.what.unchecked) {
            (Stage::Parked(_), Some(unchecked)) => {
                let descriptor = self.state.descriptor(unchecked.platform.as_deref(), identities)?;
                let limit = descriptor.limit();
                if !descriptor.allows(&unchecked.op) {
                    Some(Failure::Unsupported)
                } else if unchecked.length.is_some_and(|length| !length.fits(limit)) {
                    Some(Failure::TooLong(limit))
                } else {
                    None
                }
            }
            (Stage::Parked(_) | Stage::Queued(_) | Stage::Written, _) => None,
        };
        let mut refused = Vec::new();
        while let Some((id, request)) = self.requests.take_where(|request| objection(request).is_some()) {
            let failure = objection(&request).unwrap_or(Failure::Unsupported);
            refused.push((id, request.what, failure));
        }
        for (id, what, failure) in refused {
            let chat_info = what.unchecked.is_some_and(|unchecked| &*unchecked.op == "get_chat_info");
            let outcome = match what.chat {
                Some(chat) if chat_info => plain_chat_info(&chat),
                Some(_) | None => Outcome::Failed(failure),
            };
            self.resolve(id, outcome);
        }
        for id in self.requests.unpark() {
            self.outbox.transmits.push_back(Queued::Request(link, id));
        }
    }

    pub(super) fn on_result(&mut self, request_id: &str, result: Bytes) {
        let Some((id, request)) = self.requests.take_answered(request_id) else {
            self.skipped.late_results += 1;
            return;
        };
        self.learn_thread(&request, &result);
        self.resolve(id, Outcome::Answered(result));
    }

    /// What is sent to a thread that an action made goes where its chat lives, or where the action went (rule O7).
    fn learn_thread(&mut self, request: &Request, result: &[u8]) {
        let Some(chat) = &request.what.chat else { return };
        // Most results name no thread; to look for the name costs less than to read them.
        if memchr::memmem::find(result, b"thread_id").is_none() {
            return;
        }
        if let Ok(result) = core::str::from_utf8(result)
            && let Some(thread) = ActionResult::parse(result).thread_id
        {
            self.routing.learn_thread(&thread, chat, request.what.elsewhere.as_deref());
        }
    }

    pub(super) fn on_request_due(&mut self, now: Instant) {
        while let Some((id, request)) = self.requests.take_due(now) {
            let outcome = match request.stage {
                Stage::Written => Outcome::Ambiguous(Ambiguity::TimedOut),
                Stage::Parked(_) | Stage::Queued(_) => Outcome::Failed(Failure::TimedOut),
            };
            self.resolve(id, outcome);
        }
    }

    /// The link is gone (rule O3).
    pub(super) fn settle_lost(&mut self) {
        self.requests.park_patient();
        let lost = |request: &Request| !matches!(request.stage, Stage::Parked(_));
        self.settle_where(lost, Ambiguity::LinkLost, &Failure::LinkLost);
    }

    /// The credential is revoked (rule A4).
    pub(super) fn settle_disabled(&mut self) {
        self.settle_where(|_| true, Ambiguity::LinkLost, &Failure::Disabled);
    }

    /// There will be no next link (rule L6).
    pub(super) fn settle_parked_at_shutdown(&mut self) {
        let parked = |request: &Request| matches!(request.stage, Stage::Parked(_));
        self.settle_where(parked, Ambiguity::ShutDown, &Failure::ShutDown);
    }

    pub(super) fn settle_all_at_shutdown(&mut self) {
        self.settle_where(|_| true, Ambiguity::ShutDown, &Failure::ShutDown);
    }

    /// Written means ambiguous, and not written means certainly not done (rule O2).
    fn settle_where(&mut self, which: impl Fn(&Request) -> bool, written: Ambiguity, unwritten: &Failure) {
        while let Some((id, request)) = self.requests.take_where(&which) {
            let outcome = match request.stage {
                Stage::Written => Outcome::Ambiguous(written),
                Stage::Parked(_) | Stage::Queued(_) => Outcome::Failed(unwritten.clone()),
            };
            self.resolve(id, outcome);
        }
    }

    fn resolve(&mut self, id: RequestId, outcome: Outcome) {
        self.outbox.event(Event::Resolved(id, outcome));
    }
}

/// The identity whose pair tags the frame; `None` leaves it untagged, for the connector's default (rule O6).
fn identity<'c>(
    config: &'c Config,
    platform: Option<&str>,
    options: &Options,
) -> Result<Option<&'c Identity>, Refusal> {
    let bot_id = options.bot_id.as_deref();
    if platform.is_none() && bot_id.is_none() {
        return Ok(None);
    }
    let fits = |named: Option<&str>, own: &str| named.is_none_or(|named| named == own);
    let fronted = |held: &&Identity| fits(platform, &held.platform) && fits(bot_id, &held.bot_id);
    if let Some(identity) = config.identities.iter().find(fronted) {
        return Ok(Some(identity));
    }
    // The generic identity stands for whatever the connector fronts, so long as the caller named nothing.
    let generic = &*config.identities[0].platform == GENERIC_PLATFORM;
    if generic && options.platform.is_none() && bot_id.is_none() {
        return Ok(None);
    }
    Err(Refusal::NotFronted { platform: platform.map(Box::from), bot_id: bot_id.map(Box::from) })
}

/// The text of an action that a platform limits (rule O11).
fn limited_text(action: &Action) -> Option<&str> {
    let is_limited = matches!(action.op, Op::Send { .. } | Op::Edit { .. } | Op::FollowUp { .. });
    action.content().filter(|_| is_limited)
}

/// The answer about a chat whose connector answers no such questions.
fn plain_chat_info(chat_id: &str) -> Outcome {
    let (name, kind) = ActionResult::default().chat_info(chat_id);
    let answer = serde_json::json!({"success": true, "chat_info": {"name": name, "type": kind}});
    Outcome::Answered(answer.to_string().into())
}

/// Where an accepted request goes.
#[derive(Clone, Copy)]
enum Place {
    OnLink(LinkId),
    NextLink,
}
