//! A gateway and a connector's session in one event loop on one thread, over a real socket that never blocks: `mio`
//! says when to look, and the machines' deadlines say how long to wait at most.
//!
//! Run it with `cargo run -p relay-proto --example event_loop`.

#[path = "../parts/mod.rs"]
mod parts;
mod wire;

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use parts::clock::now;
use parts::ends::{Agent, Connector, End, Task};
use parts::story::{Seen, Story, conversation};
use relay_proto::{DialError, Instant, LinkEvent, LinkId};
use wire::{Progress, Upgrade, Wire};

/// How long a step of the story may take, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// The clock of `poll` stands still while the machine is suspended: nobody waits longer than this without looking at
/// the machine's clock.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How long a peer has to read what was sent last.
const LINGER: Duration = Duration::from_secs(2);

/// How many messages are read before the others have their turn.
const READ_BUDGET: usize = 64;

/// A machine and its sockets.
struct Side<E> {
    end: E,
    /// Where to dial. A connector does not.
    peer: Option<SocketAddr>,
    upgrades: BTreeMap<LinkId, Upgrade>,
    wires: BTreeMap<LinkId, Wire>,
    closing: Vec<(Wire, Instant)>,
}

impl<E: End> Side<E> {
    fn new(end: E, peer: Option<SocketAddr>) -> Self {
        Self { end, peer, upgrades: BTreeMap::new(), wires: BTreeMap::new(), closing: Vec::new() }
    }

    /// One turn. It tries what may be possible now, which is cheap with a few sockets; a program with many looks at
    /// the tokens of what `poll` gave. True when there may be more to do at once.
    fn turn(&mut self, registry: &Registry) -> io::Result<bool> {
        // 1. What has come: dials and upgrades that are done, messages, the machine's time.
        let progressed = self.progress();
        let more = self.read();
        if self.end.deadline().is_some_and(|deadline| deadline <= now()) {
            self.end.handle_timeout(now());
        }
        // 2. What the machine tells, and what it wants sent, as far as the socket takes it.
        self.end.settle(now());
        let worked = self.work(registry)?;
        self.end.settle(now());
        // 3. The sockets that no machine wants any more.
        let time = now();
        self.closing.retain_mut(|(wire, until)| !wire.is_closed() && time < *until);
        Ok(progressed || more || worked)
    }

    fn progress(&mut self) -> bool {
        let mut progressed = false;
        for (link, upgrade) in std::mem::take(&mut self.upgrades) {
            progressed |= self.accept(link, upgrade.try_on());
        }
        progressed
    }

    /// Takes what an upgrade came to. True when it came to an end.
    fn accept(&mut self, link: LinkId, progress: Progress) -> bool {
        match progress {
            Progress::Waiting(upgrade) => {
                self.upgrades.insert(link, upgrade);
                return false;
            }
            Progress::Done(wire, features) => {
                self.wires.insert(link, wire);
                self.end.handle_link(LinkEvent::Opened(link, features), now());
            }
            // Of an upgrade that a connector was asked for, its machine need not know.
            Progress::Failed(error) => self.end.handle_link(LinkEvent::DialFailed(link, error), now()),
        }
        true
    }

    /// Reads while the machine wants it. What is left unread does not wake `poll` again: the next turn looks anyway.
    fn read(&mut self) -> bool {
        for _ in 0..READ_BUDGET {
            let Some(link) = self.end.link().filter(|_| self.end.wants_read()) else { return false };
            let Some(wire) = self.wires.get_mut(&link) else { return false };
            let Some(event) = wire.read(link) else { return false };
            if let LinkEvent::Closed(..) = event
                && let Some(wire) = self.wires.remove(&link)
            {
                // The library answers the peer's close frame by itself.
                self.closing.push((wire, now() + LINGER));
            }
            self.end.handle_link(event, now());
        }
        true
    }

    /// What the machine wants done, as far as its socket takes it. True when it wanted something.
    fn work(&mut self, registry: &Registry) -> io::Result<bool> {
        let mut worked = false;
        while self.is_ready()
            && let Some(task) = self.end.poll_task()
        {
            worked = true;
            match task {
                Task::Dial(link) => self.dial(link, registry)?,
                Task::Send(link, message) => {
                    if let Some(wire) = self.wires.get_mut(&link) {
                        wire.send(message);
                    }
                }
                Task::Close(link, close) => {
                    // A dial that is given up, or an open socket.
                    self.upgrades.remove(&link);
                    if let Some(mut wire) = self.wires.remove(&link) {
                        wire.close(&close);
                        self.closing.push((wire, now() + LINGER));
                    }
                }
            }
        }
        Ok(worked)
    }

    fn is_ready(&mut self) -> bool {
        let wire = self.end.link().and_then(|link| self.wires.get_mut(&link));
        wire.is_none_or(Wire::is_ready)
    }

    fn dial(&mut self, link: LinkId, registry: &Registry) -> io::Result<()> {
        let peer = self.peer.expect("only a gateway dials");
        match TcpStream::connect(peer) {
            Ok(mut stream) => {
                registry.register(&mut stream, SOCKET, Interest::READABLE | Interest::WRITABLE)?;
                self.upgrades.insert(link, Upgrade::dial(stream, peer));
            }
            Err(error) => {
                let error = DialError::unreachable(error.to_string());
                self.end.handle_link(LinkEvent::DialFailed(link, error), now());
            }
        }
        Ok(())
    }

    /// When there is something to do though no socket says so.
    fn deadline(&self) -> Option<Instant> {
        self.end.deadline().into_iter().chain(self.closing.iter().map(|(_, until)| *until)).min()
    }
}

const LISTENER: Token = Token(0);

/// All other sockets: each turn looks at all of them.
const SOCKET: Token = Token(1);

/// The one loop.
struct World {
    poll: Poll,
    listener: TcpListener,
    accepted: u64,
    gateway: Side<Agent>,
    connector: Side<Connector>,
    story: Story,
}

impl World {
    fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let address = listener.local_addr()?;
        let (seen, story) = Story::begin();
        let gateway = Side::new(Agent::new(seen.clone(), now()), Some(address));
        let connector = Side::new(Connector::new(seen), None);
        Ok(Self { poll, listener, accepted: 0, gateway, connector, story })
    }

    /// Goes on until all of this has happened.
    fn run_until(&mut self, wanted: &[Seen]) -> io::Result<()> {
        let until = now() + PATIENCE;
        let mut events = Events::with_capacity(16);
        loop {
            self.accept_all()?;
            let registry = self.poll.registry();
            let busy = self.connector.turn(registry)? | self.gateway.turn(registry)?;
            while self.story.listen(Duration::ZERO) {}
            let lacks = self.story.lacks(wanted);
            if lacks.is_empty() {
                return Ok(());
            }
            assert!(now() < until, "waited for {lacks:?} in vain");
            let wait = if busy { Duration::ZERO } else { self.wait() };
            match self.poll.poll(&mut events, Some(wait)) {
                // A signal came.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                polled => polled?,
            }
        }
    }

    /// How long there is nothing to do unless a socket says so.
    fn wait(&self) -> Duration {
        let next = self.gateway.deadline().into_iter().chain(self.connector.deadline()).min();
        next.map_or(LONGEST_WAIT, |next| next.since(now())).min(LONGEST_WAIT)
    }

    fn accept_all(&mut self) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((mut stream, _)) => {
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    self.poll.registry().register(&mut stream, SOCKET, interest)?;
                    stream.set_nodelay(true)?;
                    self.connector.accept(LinkId(self.accepted), Upgrade::answer(stream));
                    self.accepted += 1;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// The network breaks. Both ends find out when they read.
    fn cut(&self) -> io::Result<()> {
        self.connector.wires.values().try_for_each(Wire::cut)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut world = World::new()?;
    world.run_until(&[Seen::GatewayLinked, Seen::ConnectorLinked])?;
    world.story.turn_page();
    world.connector.end.user_writes("m1", "hello", now());
    world.run_until(&conversation("hello"))?;

    world.story.turn_page();
    world.cut()?;
    world.run_until(&[Seen::GatewayDown])?;
    assert_eq!((world.gateway.end.link(), world.connector.end.link()), (None, None));
    world.connector.end.user_writes("m2", "are you there?", now());
    world.run_until(&[Seen::GatewayLinked, Seen::ConnectorLinked])?;
    world.run_until(&conversation("are you there?"))?;

    world.story.turn_page();
    world.gateway.end.shut_down(now());
    let closed = Seen::ConnectorDown("close 1000".to_owned());
    world.run_until(&[Seen::GoingIdle, closed, Seen::GatewayShutDown])?;
    assert!(world.gateway.end.is_shut_down() && world.connector.end.is_empty(), "all of it was acked");

    world.story.assert_each_once(&["hello", "are you there?"]);
    Ok(())
}

#[test]
fn it_goes_as_told() -> Result<(), Box<dyn Error>> {
    main()
}
