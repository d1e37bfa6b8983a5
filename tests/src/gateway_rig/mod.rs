//! A gateway's machine with a scripted connector, a scripted application and virtual time around it.

mod taken;

use std::collections::VecDeque;
use std::time::Duration;

use crate::lines;
use crate::watch::{DeliveryWatch, LinkWatch, RequestWatch};
use bytes::Bytes;
use relay_proto::action::Action;
use relay_proto::close::{Close, CloseCode, DialError, Ended};
use relay_proto::gateway::{
    Config, Deadline, Event, Gateway, Identity, Inbound, NotNow, Options, Rejected, Status, Transmit,
};
use relay_proto::{DeliveryId, Features, Instant, LinkEvent, LinkId, RequestId};

/// The machine, and everything that came out of it and was not taken yet.
///
/// After every input it drains all lanes, as a driver does, and asserts what must hold at every step: the watches'
/// rules, and that a timeout with nothing due changes nothing.
#[derive(Clone, Debug)]
pub struct GatewayRig {
    /// The machine itself.
    pub machine: Gateway,
    /// The time.
    pub now: Instant,
    /// Whether the sink takes more: while it does not, nothing counts as written.
    pub writable: bool,
    /// Whether the application takes more.
    pub app_takes: bool,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    inbound: VecDeque<Inbound>,
    links: LinkWatch,
    deliveries: DeliveryWatch,
    requests: RequestWatch,
}

/// One bot on discord, the rest as the contract has it.
#[must_use]
pub fn plain_config() -> Config {
    Config { identities: vec![Identity::new("discord", "bot")], ..Config::default() }
}

impl Default for GatewayRig {
    fn default() -> Self {
        Self::new(plain_config())
    }
}

impl GatewayRig {
    /// A new machine with this configuration, which has asked for its first dial.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::with_seed(config, 7)
    }

    /// The same with a seed of its own.
    #[must_use]
    pub fn with_seed(config: Config, seed: u64) -> Self {
        let now = Instant::from_millis(1_000_000);
        Self::around(Gateway::new(config, seed, now), now)
    }

    /// The same around a machine that is there already.
    #[must_use]
    pub fn around(machine: Gateway, now: Instant) -> Self {
        let (transmits, events, inbound) = Default::default();
        let mut rig = Self {
            now,
            writable: true,
            app_takes: true,
            transmits,
            events,
            inbound,
            links: LinkWatch::new(machine.config()),
            deliveries: DeliveryWatch::new(machine.config().dedupe_window),
            requests: RequestWatch::default(),
            machine,
        };
        rig.drain();
        rig
    }

    /// The same, already linked, with what came of that taken.
    #[must_use]
    pub fn linked(config: Config) -> Self {
        let mut rig = Self::new(config);
        rig.link_up();
        rig.forget();
        rig
    }

    /// The same, fronting these bots: platform and bot id.
    #[must_use]
    pub fn fronting(bots: &[(&str, &str)]) -> Self {
        let identities = bots.iter().map(|(platform, bot_id)| Identity::new(*platform, *bot_id)).collect();
        Self::linked(Config { identities, ..Config::default() })
    }

    // What the connector and the network do

    /// The upgrade of the dial under way is done.
    pub fn open(&mut self) -> LinkId {
        let link = self.links.dialing().expect("a dial is under way");
        self.handle(LinkEvent::Opened(link, Features::default()));
        link
    }

    /// The upgrade is done, and a descriptor comes for each hello.
    pub fn link_up(&mut self) -> LinkId {
        let link = self.open();
        let platforms: Vec<_> =
            self.machine.config().identities.iter().map(|held| held.platform.clone()).collect();
        for platform in platforms {
            self.connector_says(&lines::descriptor(&platform));
        }
        link
    }

    /// The connector sends this, in one message.
    pub fn connector_says(&mut self, text: &str) {
        let link = self.links.open().expect("a link is open");
        self.handle(LinkEvent::Received(link, Bytes::copy_from_slice(text.as_bytes())));
    }

    /// The connector closes the link.
    pub fn connector_closes(&mut self, code: u16, reason: &str) {
        let link = self.links.open().expect("a link is open");
        self.handle(LinkEvent::Closed(link, Ended::Closed(Close::new(CloseCode(code), reason))));
    }

    /// The socket breaks.
    pub fn socket_breaks(&mut self) {
        let link = self.links.open().expect("a link is open");
        self.handle(LinkEvent::Closed(link, Ended::broken("reset by peer")));
    }

    /// The dial under way fails.
    pub fn dial_fails(&mut self) {
        self.dial_fails_with(DialError::unreachable("no route"));
    }

    /// The dial under way fails in this way.
    pub fn dial_fails_with(&mut self, error: DialError) {
        let link = self.links.dialing().expect("a dial is under way");
        self.handle(LinkEvent::DialFailed(link, error));
    }

    /// Anything happens on any link.
    pub fn handle(&mut self, event: LinkEvent) {
        let (LinkEvent::Opened(link, _)
        | LinkEvent::Received(link, _)
        | LinkEvent::Pong(link, _)
        | LinkEvent::TooLarge(link)
        | LinkEvent::Closed(link, _)
        | LinkEvent::DialFailed(link, _)) = event;
        // Of a link that the machine has given up by itself, what waits for the sink may still come out.
        let is_held = self.machine.link() == Some(link);
        match &event {
            LinkEvent::Opened(..) if is_held && self.links.dialing() == Some(link) => {
                self.links.opened(link);
                self.deliveries.opened();
            }
            LinkEvent::Received(_, bytes) if is_held && self.links.open() == Some(link) => {
                self.deliveries.heard(bytes);
            }
            LinkEvent::Closed(..) if is_held && self.links.open() == Some(link) => self.links.ended(link),
            LinkEvent::DialFailed(..) if is_held && self.links.dialing() == Some(link) => {
                self.links.ended(link);
            }
            _ => {}
        }
        self.machine.handle_link(event, self.now);
        self.drain();
    }

    /// The clock begins anew now.
    pub fn rebase(&mut self) {
        self.machine.rebase(self.now);
        self.now = Instant::ZERO;
    }

    /// Time passes, with every deadline met on the dot.
    pub fn passes(&mut self, time: Duration) {
        let end = self.now + time;
        // A machine that never tires of one point in time would be a loop without end.
        let mut last = (end, 0);
        while let Some(deadline) = self.next_deadline().filter(|deadline| deadline.at <= end) {
            self.now = self.now.max(deadline.at);
            self.fire();
            last = if last.0 == deadline.at { (last.0, last.1 + 1) } else { (deadline.at, 0) };
            assert!(last.1 < 1000, "{deadline:?} comes again and again");
        }
        self.now = end;
        self.fire();
    }

    /// Time passes while the machine sleeps: no deadline is met before all of it is over.
    pub fn sleeps(&mut self, time: Duration) {
        self.now = self.now + time;
        self.fire();
    }

    /// Time passes up to the next deadline, which is met.
    pub fn runs_to_deadline(&mut self) -> Deadline {
        let deadline = self.next_deadline().expect("a deadline is set");
        self.now = self.now.max(deadline.at);
        self.fire();
        deadline
    }

    /// Time passes until a dial is under way, which is taken.
    pub fn runs_to_dial(&mut self) -> LinkId {
        for _ in 0..200 {
            if let Some(link) = self.links.dialing() {
                self.take_dials();
                return link;
            }
            self.runs_to_deadline();
        }
        panic!("L2: no dial comes");
    }

    /// The dial under way or the open link, as those who see the transmits know it.
    #[must_use]
    pub fn link(&self) -> Option<LinkId> {
        self.links.held()
    }

    /// What the machine waits for.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Deadline> {
        self.machine.poll_timeout()
    }

    /// The sink takes more again.
    pub fn sink_takes(&mut self) {
        self.writable = true;
        self.drain();
    }

    // What the application does

    /// Asks for an action; it must be accepted.
    pub fn request(&mut self, action: Action, options: &Options) -> RequestId {
        self.try_request(action, options).unwrap_or_else(|rejected| panic!("{rejected}"))
    }

    /// Asks for a message to the chat `chat`; it must be accepted.
    pub fn send(&mut self, content: &str) -> RequestId {
        self.request(Action::send("chat", content), &Options::default())
    }

    /// The same, and it may wait for the next link.
    pub fn send_patiently(&mut self, content: &str) -> RequestId {
        self.request(Action::send("chat", content), &Options { wait_for_link: true, ..Options::default() })
    }

    /// Asks for an action.
    ///
    /// # Errors
    /// When the machine refuses it.
    #[expect(clippy::result_large_err, reason = "the argument goes back as it came")]
    pub fn try_request(&mut self, action: Action, options: &Options) -> Result<RequestId, Rejected<Action>> {
        let asked = action.clone();
        let accepted = self.machine.request(action, options, self.now);
        match &accepted {
            Ok(id) => self.requests.accepted(*id, &asked),
            Err(rejected) => assert_eq!(rejected.argument, asked, "a refused call gives its argument back"),
        }
        self.drain();
        accepted
    }

    /// The application holds the delivery durably.
    pub fn stored(&mut self, delivery: DeliveryId) -> bool {
        let known = self.machine.stored(delivery, self.now);
        self.deliveries.stored(delivery);
        self.drain();
        known
    }

    /// The application does not take the delivery.
    pub fn release(&mut self, delivery: DeliveryId) -> bool {
        let known = self.machine.release(delivery, self.now);
        self.deliveries.released(delivery);
        self.drain();
        known
    }

    /// The application stops what runs elsewhere.
    ///
    /// # Errors
    /// When the machine refuses it.
    pub fn interrupt(&mut self, session_key: &str, reason: Option<&str>) -> Result<(), NotNow> {
        let taken = self.machine.interrupt(session_key, reason);
        self.drain();
        taken
    }

    /// The application wants to go dormant.
    ///
    /// # Errors
    /// When the machine refuses it.
    pub fn go_dormant(&mut self) -> Result<(), NotNow> {
        let taken = self.machine.go_dormant(self.now);
        self.drain();
        taken
    }

    /// The gateway is asked to go dormant, the connector agrees, and the link is closed.
    pub fn becomes_dormant(&mut self) {
        self.go_dormant().expect("linked");
        self.connector_says(&lines::going_idle_ack());
        assert_eq!(self.machine.status(), Status::Dormant);
        self.forget();
    }

    /// Something wants the gateway up.
    pub fn wake(&mut self) {
        self.machine.wake(self.now);
        self.drain();
    }

    /// The application parks re-dials.
    pub fn hold(&mut self) {
        self.machine.hold(self.now);
        self.drain();
    }

    /// The application shuts the gateway down.
    pub fn shut_down(&mut self) {
        self.links.shut_down_asked();
        self.machine.shut_down(self.now);
        self.drain();
    }

    /// The timer goes off.
    fn fire(&mut self) {
        self.machine.handle_timeout(self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(event) = self.machine.poll_event() {
            self.links.event(&event);
            self.requests.event(&event);
            self.events.push_back(event);
        }
        while self.writable
            && let Some(transmit) = self.machine.poll_transmit()
        {
            self.links.transmit(&transmit);
            self.requests.transmit(&transmit);
            self.deliveries.transmit(&transmit);
            self.transmits.push_back(transmit);
        }
        while self.app_takes
            && let Some(inbound) = self.machine.poll_inbound()
        {
            self.deliveries.inbound(&inbound);
            self.inbound.push_back(inbound);
        }
        self.look_closer();
    }

    /// What must hold after every step, whatever it was.
    fn look_closer(&self) {
        let mut poked = self.machine.clone();
        if self.next_deadline().is_none_or(|deadline| deadline.at > self.now) {
            poked.handle_timeout(self.now);
            assert_eq!(poked, self.machine, "a timeout with nothing due changes the machine");
        }
        assert_eq!(self.machine.open_requests(), self.requests.open(), "O1: each request resolves once");
        let waits = self.next_deadline().is_some();
        match self.machine.status() {
            Status::Disabled | Status::ShutDown => assert!(!waits, "A4, L6: the end waits for nothing"),
            Status::Stopped => assert!(!self.machine.config().reconnect, "L2: stopped"),
            Status::Dialing
            | Status::Greeting
            | Status::Linked
            | Status::GoingIdle
            | Status::Reconnecting { .. }
            | Status::Dormant
            | Status::ShuttingDown => assert!(waits, "L2: {:?} without a timer", self.machine.status()),
        }
    }
}
