//! The bodies of one instance's entries, in memory. They do not outlive the process.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use bytes::Bytes;
use relay_proto::connector::DeathCause;
use relay_proto::{Instant, Position};

/// How much a mailbox holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxLimits {
    /// How many entries.
    pub entries: usize,
    /// How many bytes.
    pub bytes: usize,
    /// How many dead letters; the oldest goes first.
    pub dead_letters: usize,
    /// How many bytes of them.
    pub dead_letter_bytes: usize,
}

impl Default for MailboxLimits {
    fn default() -> Self {
        Self { entries: 100_000, bytes: 256 << 20, dead_letters: 1_000, dead_letter_bytes: 64 << 20 }
    }
}

/// Why an entry was not appended. It is not buffered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendError {
    /// The mailbox is full: the gateway has been away for too long.
    Full,
    /// The instance's credential is revoked.
    Revoked,
    /// The payload is no JSON.
    NotJson,
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the instance's mailbox is full",
            Self::Revoked => "the instance's gateway is revoked",
            Self::NotJson => "the payload is no JSON",
        })
    }
}

impl std::error::Error for AppendError {}

/// An entry that will not go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its position.
    pub position: Position,
    /// Why.
    pub cause: DeathCause,
    /// Its frame, as one line.
    pub line: Bytes,
}

pub(super) struct Mailbox {
    limits: MailboxLimits,
    entries: BTreeMap<Position, Entry>,
    bytes: usize,
    dead_letters: VecDeque<DeadLetter>,
    dead_letter_bytes: usize,
}

struct Entry {
    line: Bytes,
    appended: Instant,
}

impl Mailbox {
    pub(super) fn new(limits: MailboxLimits) -> Self {
        Self {
            limits,
            entries: BTreeMap::new(),
            bytes: 0,
            dead_letters: VecDeque::new(),
            dead_letter_bytes: 0,
        }
    }

    pub(super) fn has_room_for(&self, line: &[u8]) -> bool {
        self.entries.len() < self.limits.entries && self.bytes + line.len() <= self.limits.bytes
    }

    pub(super) fn append(&mut self, position: Position, line: Bytes, now: Instant) {
        self.bytes += line.len();
        self.entries.insert(position, Entry { line, appended: now });
    }

    pub(super) fn line(&self, position: Position) -> Option<Bytes> {
        self.entries.get(&position).map(|entry| entry.line.clone())
    }

    pub(super) fn remove(&mut self, position: Position) -> Option<Bytes> {
        let entry = self.entries.remove(&position)?;
        self.bytes -= entry.line.len();
        Some(entry.line)
    }

    pub(super) fn bury(&mut self, position: Position, cause: DeathCause) {
        let Some(line) = self.remove(position) else { return };
        self.dead_letter_bytes += line.len();
        self.dead_letters.push_back(DeadLetter { position, cause, line });
        while self.dead_letters.len() > self.limits.dead_letters
            || self.dead_letter_bytes > self.limits.dead_letter_bytes
        {
            let Some(oldest) = self.dead_letters.pop_front() else { break };
            self.dead_letter_bytes -= oldest.line.len();
        }
    }

    /// When the oldest entry was appended.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.entries.first_key_value().map(|(_, entry)| entry.appended)
    }

    pub(super) fn dead_letters(&self) -> impl ExactSizeIterator<Item = &DeadLetter> {
        self.dead_letters.iter()
    }
}
