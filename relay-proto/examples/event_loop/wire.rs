//! A socket that never blocks: on its way to a WebSocket, open, or being closed.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use mio::net::TcpStream;
use relay_proto::{Close, DialError, Features, LinkEvent, LinkId};
use tungstenite::client::client_with_config;
use tungstenite::handshake::client::{ClientHandshake, Response};
use tungstenite::handshake::server::ServerHandshake;
use tungstenite::handshake::{HandshakeError, MidHandshake};
use tungstenite::{Error, Message, WebSocket};

use crate::parts::websocket::{self, Answer};

type Socket = WebSocket<TcpStream>;

/// The longest line that is taken.
const LINE_LIMIT: usize = 1 << 20;

/// How far an upgrade is. Each try goes as far as the socket lets it.
pub(crate) enum Upgrade {
    Connecting(TcpStream, SocketAddr),
    Asking(MidHandshake<ClientHandshake<TcpStream>>),
    Answering(MidHandshake<ServerHandshake<TcpStream, Answer>>, Arc<OnceLock<Features>>),
}

/// What a try came to.
pub(crate) enum Progress {
    /// The socket is waited for.
    Waiting(Upgrade),
    Done(Wire, Features),
    Failed(DialError),
}

impl Upgrade {
    /// A dial begins.
    pub(crate) fn dial(stream: TcpStream, peer: SocketAddr) -> Self {
        Self::Connecting(stream, peer)
    }

    /// A connection was accepted. A connector that knows its gateways checks the token of `Authorization` in the
    /// answer, and closes with 4401 what it does not accept.
    pub(crate) fn answer(stream: TcpStream) -> Progress {
        let answer = Answer::default();
        let features = answer.0.clone();
        let config = Some(websocket::config(LINE_LIMIT));
        Self::answered(tungstenite::accept_hdr_with_config(stream, answer, config), features)
    }

    /// Goes on.
    pub(crate) fn try_on(self) -> Progress {
        match self {
            Self::Connecting(stream, peer) => match is_connected(&stream) {
                Ok(true) => Self::ask(stream, peer),
                Ok(false) => Progress::Waiting(Self::Connecting(stream, peer)),
                Err(error) => Progress::Failed(websocket::failed(&error)),
            },
            Self::Asking(handshake) => Self::asked(handshake.handshake()),
            Self::Answering(handshake, features) => Self::answered(handshake.handshake(), features),
        }
    }

    fn ask(stream: TcpStream, peer: SocketAddr) -> Progress {
        // Frames are flushed when they are ready: to hold them back for more would only make them late.
        _ = stream.set_nodelay(true);
        let config = Some(websocket::config(LINE_LIMIT));
        match websocket::upgrade(&format!("ws://{peer}/relay")) {
            Ok(request) => Self::asked(client_with_config(request, stream, config)),
            Err(error) => Progress::Failed(error),
        }
    }

    fn asked(result: Result<(Socket, Response), HandshakeError<ClientHandshake<TcpStream>>>) -> Progress {
        match result {
            Ok((socket, response)) => {
                Progress::Done(Wire::new(socket), websocket::features(response.headers()))
            }
            Err(HandshakeError::Interrupted(handshake)) => Progress::Waiting(Self::Asking(handshake)),
            Err(HandshakeError::Failure(error)) => Progress::Failed(websocket::refusal(error)),
        }
    }

    fn answered(
        result: Result<Socket, HandshakeError<ServerHandshake<TcpStream, Answer>>>,
        features: Arc<OnceLock<Features>>,
    ) -> Progress {
        match result {
            Ok(socket) => Progress::Done(Wire::new(socket), features.get().copied().unwrap_or_default()),
            Err(HandshakeError::Interrupted(handshake)) => {
                Progress::Waiting(Self::Answering(handshake, features))
            }
            Err(HandshakeError::Failure(error)) => Progress::Failed(websocket::refusal(error)),
        }
    }
}

/// Whether a connection that was begun has come about.
fn is_connected(stream: &TcpStream) -> io::Result<bool> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

/// A WebSocket after its upgrade.
pub(crate) struct Wire {
    socket: Socket,
    /// Whether the socket did not take all of what was last written.
    has_unsent: bool,
}

impl Wire {
    fn new(socket: Socket) -> Self {
        Self { socket, has_unsent: false }
    }

    /// What came next; nothing when the socket has nothing now.
    pub(crate) fn read(&mut self, link: LinkId) -> Option<LinkEvent> {
        loop {
            let event = match self.socket.read() {
                Ok(message) => websocket::event_of(link, message),
                Err(error) if would_block(&error) => return None,
                Err(error) => Some(websocket::event_of_error(link, &error)),
            };
            if event.is_some() {
                return event;
            }
        }
    }

    /// Hands on what was not taken, and says whether there is room for more: what is pulled from a machine counts as
    /// written.
    pub(crate) fn is_ready(&mut self) -> bool {
        if self.has_unsent {
            // An error shows when the socket is read.
            self.has_unsent = self.socket.flush().is_err_and(|error| would_block(&error));
        }
        !self.has_unsent
    }

    pub(crate) fn send(&mut self, message: Message) {
        // An error shows when the socket is read. What would block is kept by the WebSocket.
        self.has_unsent = self.socket.send(message).is_err_and(|error| would_block(&error));
    }

    /// Sends the last frame. The socket is to be kept until [`is_closed`](Self::is_closed).
    pub(crate) fn close(&mut self, close: &Close) {
        self.send(websocket::close(close));
    }

    /// Whether a socket that is being closed can be dropped: the peer has read the last words, or is gone.
    pub(crate) fn is_closed(&mut self) -> bool {
        _ = self.is_ready();
        loop {
            match self.socket.read() {
                Ok(_) => {}
                Err(error) => return !would_block(&error),
            }
        }
    }

    /// What happens when the network breaks.
    pub(crate) fn cut(&self) -> io::Result<()> {
        self.socket.get_ref().shutdown(std::net::Shutdown::Both)
    }
}

fn would_block(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
}
