//! One WebSocket as a machine sees it: lines and pongs in, lines and pings out, and an end.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use relay_proto::{Close, CloseCode, Ended, LinkEvent, LinkId};
use tungstenite::error::{CapacityError, Error, ProtocolError};
use tungstenite::protocol::frame::coding::CloseCode as WireCode;
use tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tungstenite::{Message, Utf8Bytes};

use crate::socket::Socket;

/// The settings of a WebSocket that takes messages of at most this many bytes.
#[must_use]
pub fn websocket_config(message_limit: usize) -> WebSocketConfig {
    // A whole line of the limit and its end must pass; the splitter is the one to refuse longer lines. Between
    // them lies room for several lines in one message. What is written is at most a message beyond the buffer, for
    // none is written to a socket without room; only the pongs to a peer that pings and reads nothing could be more.
    let messages = message_limit.saturating_mul(2).max(64 << 10);
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(messages.saturating_mul(4))
        .max_message_size(Some(messages))
        .max_frame_size(Some(messages))
}

/// In bytes. Larger ones gain nothing measurable here, and each link holds one.
const READ_BUFFER: usize = 32 << 10;

/// In bytes: from here on, what is written is handed to the socket before it is flushed.
const WRITE_BUFFER: usize = 32 << 10;

/// How many messages that are nothing to a machine are read before other tasks have their turn.
const SILENT_BUDGET: usize = 64;

/// An open socket and its link.
pub(crate) struct Wire<S> {
    link: LinkId,
    socket: S,
    /// Whether something was written since the last flush.
    dirty: bool,
    /// Whether messages can be read: not any more after an error.
    readable: bool,
}

impl<S: Socket> Wire<S> {
    pub(crate) fn new(link: LinkId, socket: S) -> Self {
        Self { link, socket, dirty: false, readable: true }
    }

    pub(crate) fn link(&self) -> LinkId {
        self.link
    }

    /// What came next, of what a machine wants to know.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<LinkEvent> {
        if !self.readable {
            // The machine was told of the error, and has the socket closed.
            return Poll::Pending;
        }
        for _ in 0..SILENT_BUDGET {
            let event = match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(message))) => self.event_of(message),
                Poll::Ready(Some(Err(error))) => {
                    self.readable = false;
                    Some(self.event_of_error(&error))
                }
                Poll::Ready(None) => Some(self.broken("the socket ended without a close frame")),
            };
            if let Some(event) = event {
                return Poll::Ready(event);
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether the socket takes more. An error shows at the next read.
    pub(crate) fn is_ready(&mut self, cx: &mut Context<'_>) -> bool {
        matches!(Pin::new(&mut self.socket).poll_ready(cx), Poll::Ready(Ok(())))
    }

    pub(crate) fn send_line(&mut self, line: Bytes) -> Result<(), LinkEvent> {
        // Lines are JSON that was serialised from text.
        match Utf8Bytes::try_from(line) {
            Ok(text) => self.send(Message::Text(text)),
            Err(_) => Err(self.broken("a line to be sent is no text")),
        }
    }

    pub(crate) fn send_ping(&mut self, number: u32) -> Result<(), LinkEvent> {
        self.send(Message::Ping(Bytes::copy_from_slice(&number.to_be_bytes())))
    }

    /// The rest is to be flushed and forgotten.
    pub(crate) fn close(mut self, close: &Close) -> Closing<S> {
        let reason = Utf8Bytes::from(&*close.reason);
        let frame = CloseFrame { code: WireCode::from(close.code.0), reason };
        // The socket may be beyond this; then there is nobody to tell.
        _ = self.send(Message::Close(Some(frame)));
        self.answer_close()
    }

    /// The peer closed: its close frame is to be answered, which the socket does by itself.
    pub(crate) fn answer_close(self) -> Closing<S> {
        Closing { socket: self.socket, readable: self.readable }
    }

    /// Hands on what was written.
    pub(crate) fn flush(&mut self, cx: &mut Context<'_>) -> Result<(), LinkEvent> {
        if !self.dirty {
            return Ok(());
        }
        match Pin::new(&mut self.socket).poll_flush(cx) {
            Poll::Pending => Ok(()),
            Poll::Ready(Ok(())) => {
                self.dirty = false;
                Ok(())
            }
            Poll::Ready(Err(error)) => Err(self.event_of_error(&error)),
        }
    }

    fn send(&mut self, message: Message) -> Result<(), LinkEvent> {
        self.dirty = true;
        Pin::new(&mut self.socket).start_send(message).map_err(|error| self.event_of_error(&error))
    }

    fn event_of(&self, message: Message) -> Option<LinkEvent> {
        match message {
            Message::Text(text) => Some(LinkEvent::Received(self.link, text.into())),
            Message::Binary(bytes) => Some(LinkEvent::Received(self.link, bytes)),
            Message::Pong(number) => {
                let number = number.as_ref().try_into().ok()?;
                Some(LinkEvent::Pong(self.link, u32::from_be_bytes(number)))
            }
            Message::Close(frame) => {
                // A close frame without a code has the number that stands for that.
                let (code, reason) =
                    frame.map_or((1005, Utf8Bytes::default()), |frame| (u16::from(frame.code), frame.reason));
                let close = Close::new(CloseCode(code), reason.as_str());
                Some(LinkEvent::Closed(self.link, Ended::Closed(close)))
            }
            Message::Ping(_) | Message::Frame(_) => None,
        }
    }

    fn event_of_error(&self, error: &Error) -> LinkEvent {
        match error {
            Error::Capacity(CapacityError::MessageTooLong { .. }) => LinkEvent::TooLarge(self.link),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                self.broken("the socket ended without a close frame")
            }
            error => self.broken(&error.to_string()),
        }
    }

    fn broken(&self, what: &str) -> LinkEvent {
        LinkEvent::Closed(self.link, Ended::broken(what))
    }
}

/// A socket that no machine wants any more. What was written last is still to go out, and the peer is to have the
/// time to read it: a socket that is dropped with unread data in it takes back what the peer has not read yet.
pub(crate) struct Closing<S> {
    socket: S,
    /// Whether messages can be read: not any more after an error.
    readable: bool,
}

impl<S: Socket> Closing<S> {
    /// Whether it can be dropped: the peer is gone, or nothing can be handed on.
    pub(crate) fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Poll::Ready(Err(_)) = Pin::new(&mut self.socket).poll_flush(cx) {
            return Poll::Ready(());
        }
        let mut budget = SILENT_BUDGET;
        while self.readable {
            match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Ready(Some(Ok(_))) if budget > 0 => budget -= 1,
                Poll::Ready(Some(Ok(_))) => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(Some(Err(_))) => self.readable = false,
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        Pin::new(&mut self.socket).poll_discard(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind, Read, Write};

    use tungstenite::WebSocket;
    use tungstenite::protocol::Role;

    use super::*;

    /// A peer that sends pings for ever, and reads nothing until it is asked to.
    #[derive(Default)]
    struct PingsOnly {
        sent: usize,
        reads: bool,
        read: usize,
    }

    impl Read for PingsOnly {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            // A masked ping, with nothing to unmask in its 122 bytes.
            let ping: Vec<u8> = [0x89, 0x80 | 122].into_iter().chain([0; 4 + 122]).collect();
            for byte in &mut *buffer {
                *byte = ping[self.sent % ping.len()];
                self.sent += 1;
            }
            Ok(buffer.len())
        }
    }

    impl Write for PingsOnly {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if !self.reads {
                return Err(ErrorKind::WouldBlock.into());
            }
            self.read += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// C15: what is kept for a peer that pings and reads nothing is bounded, and the link goes on.
    #[test]
    fn pongs_that_nobody_reads_are_bounded() {
        const PINGS: usize = 100_000;
        let config = websocket_config(64 << 10);
        let mut socket = WebSocket::from_raw_socket(PingsOnly::default(), Role::Server, Some(config));
        for number in 0..PINGS {
            let read = socket.read();
            assert!(matches!(read, Ok(Message::Ping(_))), "{number}: {read:?}");
        }
        socket.get_mut().reads = true;
        socket.flush().unwrap();
        let kept = socket.get_ref().read;
        assert!((1..=1 << 20).contains(&kept), "{kept} bytes were kept of {} pinged", 122 * PINGS);
    }
}
