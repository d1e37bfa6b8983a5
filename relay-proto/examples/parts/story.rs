//! What happens, as lines to read and as facts to check.

use std::fmt;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

/// Something that one of the ends saw.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seen {
    GatewayLinked,
    GatewayDown,
    AgentHears(String),
    /// The agent's reply was done.
    Answered,
    GatewayShutDown,
    ConnectorLinked,
    ConnectorDown(String),
    UserWrites(String),
    PlatformShows(String),
    /// The gateway has stored a delivery, so it left the mailbox.
    Acked,
    /// The gateway asked to be only buffered for.
    GoingIdle,
}

/// What happens to a message that the agent answers.
pub(crate) fn conversation(text: &str) -> [Seen; 4] {
    let reply = Seen::PlatformShows(format!("you said: {text}"));
    [Seen::AgentHears(text.to_owned()), Seen::Acked, reply, Seen::Answered]
}

/// Follows what both ends see.
pub(crate) struct Story {
    seen: Receiver<Seen>,
    told: Vec<Seen>,
    /// Where in it the present chapter begins.
    chapter: usize,
}

impl Story {
    /// A story, and the way to tell it.
    pub(crate) fn begin() -> (Sender<Seen>, Self) {
        let (sender, seen) = mpsc::channel();
        (sender, Self { seen, told: Vec::new(), chapter: 0 })
    }

    /// From here on only what is new counts in [`lacks`](Self::lacks).
    pub(crate) fn turn_page(&mut self) {
        self.chapter = self.told.len();
    }

    /// Waits for the next thing and prints it. False when there was none for so long.
    pub(crate) fn listen(&mut self, patience: Duration) -> bool {
        let Ok(seen) = self.seen.recv_timeout(patience) else { return false };
        println!("{seen}");
        self.told.push(seen);
        true
    }

    /// What of this the chapter does not have yet.
    pub(crate) fn lacks<'a>(&self, wanted: &'a [Seen]) -> Vec<&'a Seen> {
        wanted.iter().filter(|wanted| !self.told[self.chapter..].contains(wanted)).collect()
    }

    /// That in the whole story each of these texts was heard, acked, shown and answered once.
    pub(crate) fn assert_each_once(&self, texts: &[&str]) {
        for text in texts {
            for seen in conversation(text) {
                let expected = if matches!(seen, Seen::Acked | Seen::Answered) { texts.len() } else { 1 };
                let count = self.told.iter().filter(|told| **told == seen).count();
                assert_eq!(count, expected, "how often: {seen}");
            }
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GatewayLinked => write!(f, "gateway    is linked"),
            Self::GatewayDown => write!(f, "gateway    lost its link"),
            Self::AgentHears(text) => write!(f, "agent      hears {text:?}"),
            Self::Answered => write!(f, "agent      knows that its reply was done"),
            Self::GatewayShutDown => write!(f, "gateway    is shut down"),
            Self::ConnectorLinked => write!(f, "connector  is linked"),
            Self::ConnectorDown(why) => write!(f, "connector  lost its link: {why}"),
            Self::UserWrites(text) => write!(f, "user       writes {text:?}"),
            Self::PlatformShows(text) => write!(f, "platform   shows {text:?}"),
            Self::Acked => write!(f, "connector  forgets a delivery that the agent has"),
            Self::GoingIdle => write!(f, "connector  only buffers from here on"),
        }
    }
}
