//! Links of a gateway: one at a time, greeted first, never touched once over, none after the end.

use relay_proto::LinkId;
use relay_proto::gateway::{Config, Event, Transmit};

use crate::lines;

/// Looks at every transmit and every event of a gateway.
#[derive(Clone, Debug)]
pub struct LinkWatch {
    /// What the hellos must say, in this order.
    hellos: Vec<(String, String)>,
    /// The dial under way or the open link, as its takers know it.
    held: Option<Held>,
    last_dialed: Option<LinkId>,
    shutting_down: bool,
    disabled: bool,
    shut_down: bool,
}

#[derive(Clone, Debug)]
struct Held {
    link: LinkId,
    opened: bool,
    hellos_seen: usize,
}

impl LinkWatch {
    /// For a machine with this configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let hellos = config.identities.iter();
        Self {
            hellos: hellos
                .map(|identity| (identity.platform.to_string(), identity.bot_id.to_string()))
                .collect(),
            held: None,
            last_dialed: None,
            shutting_down: false,
            disabled: false,
            shut_down: false,
        }
    }

    /// The upgrade is done.
    pub fn opened(&mut self, link: LinkId) {
        if let Some(held) = self.held.as_mut().filter(|held| held.link == link) {
            held.opened = true;
        }
    }

    /// The world says that the dial failed or that the socket is gone, and the machine still held the link: from
    /// now on it must not touch it.
    pub fn ended(&mut self, link: LinkId) {
        self.held.take_if(|held| held.link == link);
    }

    /// The application shut the gateway down: from now on no dial is asked for.
    pub fn shut_down_asked(&mut self) {
        self.shutting_down = true;
    }

    /// The dial under way, or the open link.
    #[must_use]
    pub fn held(&self) -> Option<LinkId> {
        self.held.as_ref().map(|held| held.link)
    }

    /// The dial under way.
    #[must_use]
    pub fn dialing(&self) -> Option<LinkId> {
        self.held.as_ref().filter(|held| !held.opened).map(|held| held.link)
    }

    /// The open link.
    #[must_use]
    pub fn open(&self) -> Option<LinkId> {
        self.held.as_ref().filter(|held| held.opened).map(|held| held.link)
    }

    /// The machine gave this.
    ///
    /// # Panics
    /// When L1, A4, L6, H1 or the life of a link does not allow it.
    pub fn transmit(&mut self, transmit: &Transmit) {
        match transmit {
            Transmit::Dial(link) => {
                assert!(self.held.is_none(), "L1: {link} is dialed beside {:?}", self.held);
                assert!(!self.disabled, "A4: {link} is dialed although the credential is revoked");
                assert!(!self.shutting_down, "L6: {link} is dialed after the shutdown");
                assert!(self.last_dialed < Some(*link), "L4: {link} comes after {:?}", self.last_dialed);
                self.last_dialed = Some(*link);
                self.held = Some(Held { link: *link, opened: false, hellos_seen: 0 });
            }
            Transmit::Frame(link, bytes) => {
                let frame = lines::read(bytes);
                let hellos = self.hellos.clone();
                let held = self.held_as(*link, transmit);
                match hellos.get(held.hellos_seen) {
                    Some((platform, bot_id)) => {
                        assert!(lines::is(&frame, "hello"), "H1: {frame} is sent before the hellos");
                        let said = (&frame["platform"], &frame["botId"]);
                        assert_eq!(said, (&platform[..].into(), &bot_id[..].into()), "H1: the order");
                        held.hellos_seen += 1;
                    }
                    None => assert!(!lines::is(&frame, "hello"), "H1: one hello an identity"),
                }
            }
            Transmit::Ping(link, _) => {
                let hellos = self.hellos.len();
                let held = self.held_as(*link, transmit);
                assert_eq!(held.hellos_seen, hellos, "H1: a ping before the hellos");
            }
            Transmit::Close(link, _) => {
                let held = self.held.take_if(|held| held.link == *link);
                assert!(held.is_some(), "L1: {transmit:?} for a link that is over or was never dialed");
            }
        }
    }

    /// The machine said this.
    ///
    /// # Panics
    /// When A4 or L6 does not allow it.
    pub fn event(&mut self, event: &Event) {
        assert!(!self.shut_down, "L6: {event:?} after the last event");
        match event {
            Event::Disabled(_) => {
                assert!(!self.disabled, "A4: disabled twice");
                self.disabled = true;
            }
            Event::Down { .. } => assert!(!self.disabled, "A4: {event:?} although disabled"),
            Event::ShutDown => self.shut_down = true,
            Event::Linked(_) | Event::Resolved(..) | Event::Dormant | Event::DormancyRefused(_) => {}
        }
    }

    fn held_as(&mut self, link: LinkId, transmit: &Transmit) -> &mut Held {
        let held = self.held.as_mut().filter(|held| held.link == link && held.opened);
        held.unwrap_or_else(|| panic!("L1: {transmit:?} for a link that is not open"))
    }
}
