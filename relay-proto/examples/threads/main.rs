//! A gateway and a connector's session on plain threads, over a real socket with blocking reads and writes: no
//! runtime, no futures.
//!
//! Each machine has a thread, which waits on one channel for everything: what its link's own threads read and wrote
//! ([`wire`]), what a dial came to, what the application asks for; and no longer than until the machine's deadline.
//! Run it with `cargo run -p relay-proto --example threads`.

#[path = "../parts/mod.rs"]
mod parts;
mod wire;

use std::collections::BTreeMap;
use std::error::Error;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parts::clock::now;
use parts::ends::{Agent, Connector, End, Task};
use parts::story::{Seen, Story, conversation};
use parts::websocket;
use relay_proto::{DialError, Ended, LinkEvent, LinkId};
use tungstenite::protocol::Role;
use wire::{Told, Upgraded, Wire};

/// How long a step of the story may take, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// The clock of channels stands still while the machine is suspended: nobody waits longer than this without looking
/// at the machine's clock.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What a machine's thread waits for.
enum Happening<E: End> {
    Dialed(LinkId, Result<Upgraded, DialError>),
    Accepted(LinkId, Upgraded),
    Wire(LinkId, Told),
    Call(Call<E>),
}

/// Something to be done between two inputs of the machine.
type Call<E> = Box<dyn FnOnce(&mut Driver<E>) + Send>;

/// A machine's thread.
struct Driver<E: End> {
    end: E,
    role: Role,
    /// Where to dial. A connector does not.
    peer: Option<SocketAddr>,
    sender: Sender<Happening<E>>,
    happenings: Receiver<Happening<E>>,
    wires: BTreeMap<LinkId, Wire>,
    closing: Vec<JoinHandle<()>>,
}

/// The application's way to a machine's thread.
struct Handle<E: End> {
    sender: Sender<Happening<E>>,
    thread: JoinHandle<()>,
}

impl<E: End> Handle<E> {
    /// Has something done between two inputs of the machine.
    fn call(&self, call: impl FnOnce(&mut Driver<E>) + Send + 'static) {
        self.sender.send(Happening::Call(Box::new(call))).expect("the machine's thread is there");
    }

    fn join(self) {
        self.thread.join().expect("the machine's thread ends well");
    }
}

impl<E: End> Driver<E> {
    fn start(end: E, role: Role, peer: Option<SocketAddr>) -> Handle<E> {
        let (sender, happenings) = channel();
        let (wires, closing) = (BTreeMap::new(), Vec::new());
        let driver = Self { end, role, peer, sender: sender.clone(), happenings, wires, closing };
        Handle { sender, thread: thread::spawn(move || driver.run()) }
    }

    fn run(mut self) {
        loop {
            self.act();
            if self.end.is_shut_down() {
                break;
            }
            match self.wait() {
                Some(happening) => self.take(happening),
                None => self.end.handle_timeout(now()),
            }
        }
        for writer in self.closing {
            writer.join().expect("a writer ends well");
        }
    }

    /// Everything that the machine wants done, as far as its socket takes it.
    fn act(&mut self) {
        self.end.settle(now());
        while self.is_ready()
            && let Some(task) = self.end.poll_task()
        {
            match task {
                Task::Dial(link) => self.dial(link),
                Task::Send(link, message) => {
                    if let Some(wire) = self.wires.get_mut(&link) {
                        wire.send(message);
                    }
                }
                Task::Close(link, close) => {
                    if let Some(wire) = self.wires.remove(&link) {
                        self.closing.push(wire.close(Some(websocket::close(&close))));
                    }
                }
            }
        }
        self.end.settle(now());
        let wants_read = self.end.wants_read();
        if let Some(wire) = self.wire().filter(|_| wants_read) {
            wire.permit();
        }
    }

    /// The open link that the machine has now.
    fn wire(&mut self) -> Option<&mut Wire> {
        self.wires.get_mut(&self.end.link()?)
    }

    /// Whether more may be pulled: what is pulled counts as written, so the writer must be done with what it has.
    fn is_ready(&mut self) -> bool {
        self.wire().is_none_or(Wire::is_ready)
    }

    /// The next happening, if one comes before the machine's deadline.
    fn wait(&self) -> Option<Happening<E>> {
        let until = self.end.deadline().map_or(LONGEST_WAIT, |deadline| deadline.since(now()));
        self.happenings.recv_timeout(until.min(LONGEST_WAIT)).ok()
    }

    fn take(&mut self, happening: Happening<E>) {
        match happening {
            // The machine has given the dial up.
            Happening::Dialed(link, _) if self.end.link() != Some(link) => {}
            Happening::Dialed(link, Err(error)) => {
                self.end.handle_link(LinkEvent::DialFailed(link, error), now());
            }
            Happening::Dialed(link, Ok(upgraded)) | Happening::Accepted(link, upgraded) => {
                self.open(link, upgraded);
            }
            Happening::Wire(link, told) => {
                if let Some(event) = self.wires.get_mut(&link).and_then(|wire| wire.heed(told)) {
                    self.forget_if_closed(link, &event);
                    self.end.handle_link(event, now());
                }
            }
            Happening::Call(call) => call(self),
        }
    }

    fn open(&mut self, link: LinkId, (socket, features): Upgraded) {
        let sender = self.sender.clone();
        // When the machine's thread is gone, there is nobody to tell.
        let tell = move |told| _ = sender.send(Happening::Wire(link, told));
        self.wires.insert(link, Wire::open(link, socket, self.role, tell));
        self.end.handle_link(LinkEvent::Opened(link, features), now());
    }

    /// A socket that the peer has closed is closed here, too, with what the peer said.
    fn forget_if_closed(&mut self, link: LinkId, event: &LinkEvent) {
        let LinkEvent::Closed(_, ended) = event else { return };
        let close = match ended {
            Ended::Closed(close) => Some(websocket::close(close)),
            Ended::Broken(_) => None,
        };
        self.closing.extend(self.wires.remove(&link).map(|wire| wire.close(close)));
    }

    /// Dials on a thread of its own: the machine goes on, and may give the dial up.
    fn dial(&self, link: LinkId) {
        let peer = self.peer.expect("only a gateway dials");
        let sender = self.sender.clone();
        // When the machine's thread is gone, nobody wants the socket.
        thread::spawn(move || _ = sender.send(Happening::Dialed(link, wire::dial(peer))));
    }

    /// The network breaks. This end finds out at once, the other one when it reads.
    fn cut(&mut self) {
        for (link, wire) in std::mem::take(&mut self.wires) {
            self.closing.push(wire.cut());
            self.end.handle_link(LinkEvent::Closed(link, Ended::broken("the wire was cut")), now());
        }
        self.end.settle(now());
    }
}

/// Accepts gateways for as long as the connector's thread is there.
fn accept(listener: &TcpListener, connector: &Sender<Happening<Connector>>) {
    for (number, stream) in (0..).zip(listener.incoming()) {
        let happening = match stream.map_err(Into::into).and_then(wire::upgrade) {
            Ok(upgraded) => Happening::Accepted(LinkId(number), upgraded),
            // Nothing to tell, but somebody may be gone to whom it would be told.
            Err(_) => Happening::Call(Box::new(|_| {})),
        };
        if connector.send(happening).is_err() {
            break;
        }
    }
}

/// Waits until all of this has happened.
fn expect(story: &mut Story, wanted: &[Seen]) {
    let until = now() + PATIENCE;
    while !story.lacks(wanted).is_empty() {
        let left = until.since(now());
        assert!(story.listen(left), "waited for {:?} in vain", story.lacks(wanted));
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (seen, mut story) = Story::begin();
    let connector = Driver::start(Connector::new(seen.clone()), Role::Server, None);
    let sender = connector.sender.clone();
    let acceptor = thread::spawn(move || accept(&listener, &sender));
    let gateway = Driver::start(Agent::new(seen, now()), Role::Client, Some(address));
    expect(&mut story, &[Seen::GatewayLinked, Seen::ConnectorLinked]);

    story.turn_page();
    connector.call(|driver| driver.end.user_writes("m1", "hello", now()));
    expect(&mut story, &conversation("hello"));

    story.turn_page();
    // In one call, so that the gateway is away for certain when the user writes.
    connector.call(|driver| {
        driver.cut();
        assert_eq!(driver.end.link(), None);
        driver.end.user_writes("m2", "are you there?", now());
    });
    let cut = Seen::ConnectorDown("the wire was cut".to_owned());
    let relinked = [Seen::GatewayDown, cut, Seen::GatewayLinked, Seen::ConnectorLinked];
    expect(&mut story, &relinked);
    expect(&mut story, &conversation("are you there?"));

    story.turn_page();
    gateway.call(|driver| driver.end.shut_down(now()));
    let closed = Seen::ConnectorDown("close 1000".to_owned());
    expect(&mut story, &[Seen::GoingIdle, closed, Seen::GatewayShutDown]);
    gateway.join();
    connector.call(|driver| {
        assert!(driver.end.is_empty(), "all of it was acked");
        driver.end.shut_down(now());
    });
    connector.join();
    // Wakes the acceptor, which finds nobody to accept for.
    drop(TcpStream::connect(address)?);
    acceptor.join().expect("the acceptor ends well");

    story.assert_each_once(&["hello", "are you there?"]);
    Ok(())
}

#[test]
fn it_goes_as_told() -> Result<(), Box<dyn Error>> {
    main()
}
