//! An open link on blocking threads: one reads a message whenever it is told to, one writes. So a peer that says
//! nothing keeps nobody from writing, one that takes nothing keeps nobody from reading, and neither keeps a machine
//! from its timers.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use relay_proto::{DialError, Features, LinkEvent, LinkId};
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

use crate::parts::websocket::{self, Answer};

/// How long a connection, an upgrade, and a write without progress may take.
const SOCKET_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a peer has to read what was sent last.
const LINGER: Duration = Duration::from_secs(2);

/// The longest line that is taken.
const LINE_LIMIT: usize = 1 << 20;

/// A WebSocket after its upgrade, and what the peer can do.
pub(crate) type Upgraded = (WebSocket<Half>, Features);

/// What the threads of a link tell.
pub(crate) enum Told {
    /// What was read for a permit.
    Read(LinkEvent),
    /// A ping with this payload, which is to be answered.
    Pinged(Bytes),
    Written,
    /// Writing failed.
    Failed(LinkEvent),
}

/// An open link: its two threads, and what they are doing.
pub(crate) struct Wire {
    stream: TcpStream,
    /// Each lets the reader read one message.
    permits: Sender<()>,
    is_reading: bool,
    messages: Sender<Message>,
    unwritten: usize,
    /// The last ping's payload: only the latest has to be answered.
    owed_pong: Option<Bytes>,
    writer: JoinHandle<()>,
}

impl Wire {
    /// Starts the threads, which `tell` of what they do.
    pub(crate) fn open(
        link: LinkId,
        mut socket: WebSocket<Half>,
        role: Role,
        tell: impl Fn(Told) + Clone + Send + 'static,
    ) -> Self {
        let clone = || socket.get_ref().stream.try_clone().expect("a socket can be shared");
        let stream = clone();
        let sink = WebSocket::from_raw_socket(Half { stream: clone(), is_mute: false }, role, None);
        socket.get_mut().is_mute = true;
        let (permits, permitted) = channel();
        let (messages, to_write) = channel();
        let (reader_lives, reader_ended) = channel::<()>();
        let reader_tells = tell.clone();
        thread::spawn(move || {
            read(link, socket, &permitted, &reader_tells);
            drop(reader_lives);
        });
        let writer = thread::spawn(move || write(link, sink, to_write, &tell, &reader_ended));
        Self { stream, permits, is_reading: false, messages, unwritten: 0, owed_pong: None, writer }
    }

    /// Lets the reader read on, unless it does.
    pub(crate) fn permit(&mut self) {
        // A reader that is gone has said why.
        self.is_reading = self.is_reading || self.permits.send(()).is_ok();
    }

    /// What the threads have told, of which an event is left for the machine.
    pub(crate) fn heed(&mut self, told: Told) -> Option<LinkEvent> {
        match told {
            Told::Read(event) => {
                self.is_reading = false;
                return Some(event);
            }
            Told::Failed(event) => return Some(event),
            Told::Pinged(payload) => self.owed_pong = Some(payload),
            Told::Written => self.unwritten -= 1,
        }
        None
    }

    /// Whether the writer is done with what it has.
    pub(crate) fn is_ready(&mut self) -> bool {
        if self.unwritten == 0
            && let Some(payload) = self.owed_pong.take()
        {
            self.send(Message::Pong(payload));
        }
        self.unwritten == 0
    }

    pub(crate) fn send(&mut self, message: Message) {
        // A writer that is gone has said why.
        self.unwritten += usize::from(self.messages.send(message).is_ok());
    }

    /// Lets the writer come to its end, with a close frame or without.
    pub(crate) fn close(mut self, close: Option<Message>) -> JoinHandle<()> {
        if let Some(close) = close {
            self.send(close);
        }
        self.writer
    }

    /// What happens when the network breaks.
    pub(crate) fn cut(self) -> JoinHandle<()> {
        _ = self.stream.shutdown(Shutdown::Both);
        self.writer
    }
}

/// Reads one message for each permit, until an end. Then forgets what still comes: a socket with unread data in it
/// would be reset, and the peer might not read the last words.
fn read(link: LinkId, mut socket: WebSocket<Half>, permits: &Receiver<()>, tell: &impl Fn(Told)) {
    while permits.recv().is_ok() {
        let event = next_event(link, &mut socket, tell);
        let is_last = matches!(event, LinkEvent::Closed(..) | LinkEvent::TooLarge(_));
        tell(Told::Read(event));
        if is_last {
            break;
        }
    }
    _ = io::copy(&mut socket.get_mut().stream, &mut io::sink());
}

fn next_event(link: LinkId, socket: &mut WebSocket<Half>, tell: &impl Fn(Told)) -> LinkEvent {
    loop {
        match socket.read() {
            Ok(Message::Ping(payload)) => tell(Told::Pinged(payload)),
            Ok(message) => {
                if let Some(event) = websocket::event_of(link, message) {
                    return event;
                }
            }
            Err(error) => return websocket::event_of_error(link, &error),
        }
    }
}

/// Writes message by message, until the machine is done with the link. Then the peer has the time to read them.
fn write(
    link: LinkId,
    mut socket: WebSocket<Half>,
    messages: Receiver<Message>,
    tell: &impl Fn(Told),
    reader_ended: &Receiver<()>,
) {
    for message in messages {
        tell(match socket.send(message) {
            Ok(()) => Told::Written,
            Err(error) => Told::Failed(websocket::event_of_error(link, &error)),
        });
    }
    let stream = &socket.get_ref().stream;
    _ = stream.shutdown(Shutdown::Write);
    _ = reader_ended.recv_timeout(LINGER);
    _ = stream.shutdown(Shutdown::Both);
}

/// One thread's half of a socket.
pub(crate) struct Half {
    stream: TcpStream,
    /// Whether what is written is thrown away. The library answers pings while it reads; here the writer does.
    is_mute: bool,
}

impl Half {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SOCKET_TIMEOUT))?;
        stream.set_write_timeout(Some(SOCKET_TIMEOUT))?;
        Ok(Self { stream, is_mute: false })
    }

    /// After the upgrade the machine knows how long a peer may be silent.
    fn wait_for_ever(&self) -> io::Result<()> {
        self.stream.set_read_timeout(None)
    }
}

impl Read for Half {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.read(bytes)
    }
}

impl Write for Half {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_mute { Ok(bytes.len()) } else { self.stream.write(bytes) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Connects and upgrades.
pub(crate) fn dial(peer: SocketAddr) -> Result<Upgraded, DialError> {
    let failed = |error: io::Error| websocket::failed(&error);
    let stream = TcpStream::connect_timeout(&peer, SOCKET_TIMEOUT).map_err(failed)?;
    let half = Half::new(stream).map_err(failed)?;
    let upgrade = websocket::upgrade(&format!("ws://{peer}/relay"))?;
    let config = Some(websocket::config(LINE_LIMIT));
    match tungstenite::client::client_with_config(upgrade, half, config) {
        Ok((socket, response)) => {
            socket.get_ref().wait_for_ever().map_err(failed)?;
            Ok((socket, websocket::features(response.headers())))
        }
        Err(tungstenite::HandshakeError::Failure(error)) => Err(websocket::refusal(error)),
        Err(error) => Err(websocket::failed(&error)),
    }
}

/// Answers an upgrade. A connector that knows its gateways checks the token of `Authorization` here, and closes with
/// 4401 what it does not accept.
pub(crate) fn upgrade(stream: TcpStream) -> Result<Upgraded, Box<dyn std::error::Error>> {
    let answer = Answer::default();
    let features = answer.0.clone();
    let config = Some(websocket::config(LINE_LIMIT));
    let socket = tungstenite::accept_hdr_with_config(Half::new(stream)?, answer, config)?;
    socket.get_ref().wait_for_ever()?;
    Ok((socket, features.get().copied().unwrap_or_default()))
}
