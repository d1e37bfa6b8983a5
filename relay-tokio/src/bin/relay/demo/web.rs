//! The platform of the demonstration: one chat on a web page.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use relay_tokio::proto::DeliveryKind;
use relay_tokio::proto::action::{Action, ActionResult};
use relay_tokio::proto::event::{Descriptor, MessageEvent, SessionSource};
use relay_tokio::{AppendError, BoxFuture, Connector, Outbound, Owner, Platform};
use serde::Serialize;
use tokio::sync::broadcast;

use super::INSTANCE;

/// The platform's name.
pub(super) const PLATFORM: &str = "web";

/// The only chat.
const CHAT: &str = "web-chat";

/// How long a message of the agent may be, in characters: as long as a frame, since a page shows a text of any length.
const LONGEST: u32 = 1 << 20;

/// How many lines a page that opens late is shown, and how many one that reads slowly may miss.
const KEPT: usize = 200;

/// A line of the chat.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ChatLine {
    pub(super) from: Speaker,
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Speaker {
    User,
    Agent,
}

/// The chat. Clones are the same one.
#[derive(Clone)]
pub(super) struct WebChat(Arc<Inner>);

struct Inner {
    lines: Mutex<Vec<ChatLine>>,
    /// How many messages have been named.
    named: AtomicU64,
    said: broadcast::Sender<ChatLine>,
}

impl Default for WebChat {
    fn default() -> Self {
        Self(Arc::new(Inner {
            lines: Mutex::default(),
            named: AtomicU64::new(0),
            said: broadcast::channel(KEPT).0,
        }))
    }
}

/// The lines of the chat from some moment on.
pub(super) struct Lines(broadcast::Receiver<ChatLine>);

impl Lines {
    /// Waits for the next line. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<ChatLine> {
        loop {
            match self.0.recv().await {
                Ok(line) => return Some(line),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// Waits for what the agent says next.
    pub(super) async fn next_of_agent(&mut self) -> Option<String> {
        loop {
            let line = self.next().await?;
            if line.from == Speaker::Agent {
                return Some(line.text);
            }
        }
    }
}

impl WebChat {
    /// The user says something: it goes to the instance's mailbox.
    pub(super) fn say(&self, connector: &Connector, text: &str) -> Result<(), AppendError> {
        let source = SessionSource {
            platform: PLATFORM.into(),
            chat_id: CHAT.into(),
            user_id: Some("visitor".into()),
            user_name: Some("visitor".into()),
            ..SessionSource::default()
        };
        let event = MessageEvent {
            text: text.into(),
            message_id: Some(self.name("web").into()),
            source,
            ..MessageEvent::default()
        };
        let session = connector.session(INSTANCE).ok_or(AppendError::Revoked)?;
        session.append(DeliveryKind::Message, &event.to_json())?;
        self.add(Speaker::User, text);
        Ok(())
    }

    /// What was said so far, and what is said from here on.
    pub(super) fn history(&self) -> (Vec<ChatLine>, Lines) {
        let lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        (lines.clone(), self.follow())
    }

    pub(super) fn follow(&self) -> Lines {
        Lines(self.0.said.subscribe())
    }

    /// A name that no other message has: two that say the same are two all the same.
    fn name(&self, prefix: &str) -> String {
        format!("{prefix}-{}", self.0.named.fetch_add(1, Ordering::Relaxed))
    }

    fn add(&self, from: Speaker, text: &str) {
        let line = ChatLine { from, text: text.to_owned() };
        let mut lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= KEPT {
            lines.remove(0);
        }
        lines.push(line.clone());
        // Nobody may be looking.
        _ = self.0.said.send(line);
    }
}

/// The platform behind the demonstration's connector.
pub(super) struct Web(WebChat);

impl Web {
    pub(super) fn new(chat: WebChat) -> Self {
        Self(chat)
    }
}

impl Platform for Web {
    fn describe(&self, _: &Owner, platform: &str, _: &str) -> BoxFuture<Descriptor> {
        let descriptor = Descriptor { max_message_length: LONGEST, ..Descriptor::builtin(platform) };
        Box::pin(async move { descriptor })
    }

    fn perform(&self, outbound: Outbound) -> BoxFuture<String> {
        let action = Action::from_json(std::str::from_utf8(&outbound.action).unwrap_or_default());
        let result = match &action {
            Ok(action) if action.name() == "send" && action.chat_id() == Some(CHAT) => {
                self.0.add(Speaker::Agent, action.content().unwrap_or_default());
                ActionResult::done(self.0.name("bot"))
            }
            Ok(action) if action.name() == "send" => ActionResult::declined(PLATFORM),
            Ok(action) => ActionResult::failed(format!("the web chat does not do {:?}", action.name())),
            Err(error) => ActionResult::failed(error.to_string()),
        };
        let result = result.to_json();
        Box::pin(async move { result })
    }

    fn interrupt(&self, _: &Owner, _: &str, _: Option<&str>) -> BoxFuture<()> {
        Box::pin(async {})
    }

    fn wake(&self, _: &str) -> BoxFuture<()> {
        Box::pin(async {})
    }
}
