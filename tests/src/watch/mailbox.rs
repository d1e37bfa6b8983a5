//! A session's mailbox: in order, within the window, nothing twice, nothing to a peer that asked for quiet.

use std::collections::{BTreeMap, BTreeSet};

use relay_proto::connector::{Config, Event, Transmit};
use relay_proto::{DeliveryKind, Instant, LinkId, Position};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::lines;

/// Looks at every entry that is appended or given out, at every ack, and at every event of a session.
#[derive(Clone, Debug)]
pub struct MailboxWatch {
    window: usize,
    give_outs: u32,
    cooldown: core::time::Duration,
    entries: BTreeMap<Position, Entry>,
    link: Option<Link>,
    poke_from: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Entry {
    kind: DeliveryKind,
    buffer_id: String,
    times_given: u32,
    acked: bool,
    settled: bool,
}

#[derive(Clone, Debug)]
struct Link {
    id: LinkId,
    partial: Vec<u8>,
    hellos: usize,
    descriptors: usize,
    flipped: bool,
    given: BTreeSet<Position>,
    /// Pings that were sent behind a window full of nothing but passthroughs, and the last of these.
    probes: BTreeMap<u32, Position>,
    /// The last of those that a pong says to have been read.
    read: Option<Position>,
    /// Results owed, by request id.
    owed: BTreeMap<String, usize>,
}

impl MailboxWatch {
    /// For a session with this configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            window: config.window,
            give_outs: config.give_outs,
            cooldown: config.poke_cooldown,
            entries: BTreeMap::new(),
            link: None,
            poke_from: None,
        }
    }

    /// An entry was appended.
    pub fn appended(&mut self, position: Position, kind: DeliveryKind, buffer_id: String) {
        let last = self.entries.last_key_value().map(|(position, _)| *position);
        assert!(last < Some(position), "C4: {position} is appended after {last:?}");
        let entry = Entry { kind, buffer_id, times_given: 0, acked: false, settled: false };
        self.entries.insert(position, entry);
    }

    /// The clock begins anew at this point.
    pub fn rebase(&mut self, epoch: Instant) {
        self.poke_from = self.poke_from.map(|from| Instant::ZERO + from.since(epoch));
    }

    /// A new session took over from one that is gone, over a store that holds these entries: what the old one
    /// called done, and nobody deleted, is not done.
    pub fn restarted(&mut self, stored: &BTreeSet<Position>) {
        self.link = None;
        self.poke_from = None;
        for (position, entry) in &mut self.entries {
            entry.times_given = 0;
            entry.settled = !stored.contains(position);
        }
    }

    /// A link was accepted.
    pub fn opened(&mut self, id: LinkId) {
        self.link = Some(Link {
            id,
            partial: Vec::new(),
            hellos: 0,
            descriptors: 0,
            flipped: false,
            given: BTreeSet::new(),
            probes: BTreeMap::new(),
            read: None,
            owed: BTreeMap::new(),
        });
    }

    /// The socket is gone.
    pub fn ended(&mut self, id: LinkId) {
        self.link.take_if(|link| link.id == id);
    }

    /// The open link.
    #[must_use]
    pub fn link(&self) -> Option<LinkId> {
        self.link.as_ref().map(|link| link.id)
    }

    /// The gateway answered a ping on this link.
    pub fn ponged(&mut self, id: LinkId, number: u32) {
        let Some(link) = self.link.as_mut().filter(|link| link.id == id) else { return };
        let later = link.probes.split_off(&(number.saturating_add(1)));
        link.read = link.read.max(link.probes.values().copied().max());
        link.probes = later;
    }

    /// The gateway sent these bytes on this link.
    pub fn heard(&mut self, id: LinkId, bytes: &[u8]) {
        let Some(link) = self.link.as_mut().filter(|link| link.id == id) else { return };
        link.partial.extend_from_slice(bytes);
        while let Some(end) = link.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = link.partial.drain(..=end).collect();
            let frame: Value = serde_json::from_slice(&line).unwrap_or_default();
            if lines::is(&frame, "hello") {
                link.hellos += 1;
            } else if lines::is(&frame, "outbound") {
                if let Some(id) = request_id(&line) {
                    *link.owed.entry(id).or_default() += 1;
                }
            } else if lines::is(&frame, "inbound_ack") {
                let named = |entry: &&mut Entry| frame["bufferId"] == *entry.buffer_id;
                self.entries.values_mut().filter(named).for_each(|entry| entry.acked = true);
            }
        }
    }

    /// The session gave this.
    ///
    /// # Panics
    /// When C4, C5, C6, C9, C10 or C12 does not allow it.
    pub fn transmit(&mut self, transmit: &Transmit) {
        match transmit {
            Transmit::Entry(id, position) => self.given(*id, *position),
            Transmit::Frame(id, bytes) => {
                let link = self.link_as(*id, transmit);
                let frame = lines::read(bytes);
                if lines::is(&frame, "descriptor") {
                    link.descriptors += 1;
                    assert!(link.descriptors <= link.hellos, "H2: one descriptor a hello");
                } else if lines::is(&frame, "outbound_result") {
                    let id = frame["requestId"].as_str().unwrap_or_default();
                    let owed = link.owed.get_mut(id).filter(|owed| **owed > 0);
                    *owed.unwrap_or_else(|| panic!("C12: {frame} is owed to nobody")) -= 1;
                }
            }
            Transmit::Ping(id, number) => {
                let full = self.full_of_passthroughs();
                let link = self.link_as(*id, transmit);
                link.probes.extend(full.map(|last| (*number, last)));
            }
            // A refused or a replaced link may be closed beside the present one.
            Transmit::Close(id, _) => self.ended(*id),
        }
    }

    fn given(&mut self, id: LinkId, position: Position) {
        let most_give_outs = self.give_outs;
        let window = self.window;
        let link = self.link.as_mut().filter(|link| link.id == id);
        let link = link.unwrap_or_else(|| panic!("C10: {position} is given to {id}, which is not open"));
        assert!(link.hellos > 0 && link.descriptors == link.hellos, "C6: {position} before the descriptors");
        assert!(!link.flipped, "C5: {position} is pushed to a gateway that asked to be only buffered for");
        let entry = self.entries.get_mut(&position).unwrap_or_else(|| panic!("C3: {position} is made up"));
        assert!(!entry.settled, "C4: {position} goes out again although it is done");
        entry.times_given += 1;
        assert!(entry.times_given <= most_give_outs, "C9: {position} is given out too often");
        assert!(link.given.insert(position), "C4: {position} goes out twice on one link");
        assert_eq!(link.given.last(), Some(&position), "C4: {position} comes after a later one");
        let skipped = |(at, entry): &(&Position, &Entry)| !entry.settled && !link.given.contains(at);
        let skipped = self.entries.range(..position).find(skipped);
        assert!(skipped.is_none(), "C6: {position} goes out ahead of {skipped:?}");
        let unacked = link.given.iter().filter(|position| !self.entries[position].settled).count();
        assert!(unacked <= window, "C4: {unacked} unacked");
    }

    /// The session said this.
    ///
    /// # Panics
    /// When C4, C8 or C9 does not allow it.
    pub fn event(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Acked(position) => {
                let entry = &self.entries[position];
                let passed_over = entry.kind == DeliveryKind::Passthrough && self.later_is_acked(*position);
                let read = self.link.as_ref().and_then(|link| link.read);
                let passed_over =
                    passed_over || entry.kind == DeliveryKind::Passthrough && read >= Some(*position);
                assert!(entry.acked || passed_over, "C3: {position} counts as done, and was never acked");
                self.settle(*position);
            }
            Event::DeadLetter(position, _) => self.settle(*position),
            Event::Flipped => self.set_flipped(true),
            Event::Unflipped => self.set_flipped(false),
            Event::Poke => {
                let live = self.link.as_ref().is_some_and(|link| !link.flipped);
                assert!(!live, "C8: a poke although the link is live");
                let early = self.poke_from.filter(|from| *from > now);
                assert!(early.is_none(), "C8: a poke {:?} too early", early.map(|from| from.since(now)));
                self.poke_from = Some(now + self.cooldown);
            }
            Event::Down(link, _) => self.ended(*link),
            Event::Hello(_)
            | Event::Linked(_)
            | Event::Outbound(_)
            | Event::Interrupt { .. }
            | Event::Revoked => {}
        }
    }

    /// How many entries are not settled.
    #[must_use]
    pub fn unsettled(&self) -> usize {
        self.entries.values().filter(|entry| !entry.settled).count()
    }

    /// How many results the present link is still owed.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.link.as_ref().map_or(0, |link| link.owed.values().sum())
    }

    /// The last entry of a window that is full of nothing but passthroughs.
    fn full_of_passthroughs(&self) -> Option<Position> {
        let given = self.link.iter().flat_map(|link| &link.given);
        let unacked: Vec<&Position> = given.filter(|position| !self.entries[position].settled).collect();
        let is_passthrough = |position: &&Position| self.entries[*position].kind == DeliveryKind::Passthrough;
        let is_full = unacked.len() >= self.window && unacked.iter().all(is_passthrough);
        unacked.last().filter(|_| is_full).map(|last| **last)
    }

    fn later_is_acked(&self, position: Position) -> bool {
        self.entries.range(position..).any(|(_, entry)| entry.acked)
    }

    fn settle(&mut self, position: Position) {
        let entry = self.entries.get_mut(&position).unwrap_or_else(|| panic!("C3: {position} is made up"));
        assert!(!entry.settled, "C4: {position} is settled twice");
        entry.settled = true;
    }

    fn set_flipped(&mut self, flipped: bool) {
        if let Some(link) = &mut self.link {
            link.flipped = flipped;
        }
    }

    fn link_as(&mut self, id: LinkId, transmit: &Transmit) -> &mut Link {
        let link = self.link.as_mut().filter(|link| link.id == id);
        link.unwrap_or_else(|| panic!("C10: {transmit:?} for a link that is not open"))
    }
}

/// The id under which the frame is answered: a text, or a number's digits as they stand.
fn request_id(line: &[u8]) -> Option<String> {
    let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(line).ok()?;
    let id = fields.get("requestId")?.get();
    match id.as_bytes().first()? {
        b'"' => serde_json::from_str(id).ok(),
        b'-' | b'0'..=b'9' => Some(id.to_owned()),
        _ => None,
    }
}
