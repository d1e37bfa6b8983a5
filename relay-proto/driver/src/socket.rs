//! What a driver needs of a WebSocket.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_sink::Sink;
use tungstenite::{Error, Message};

/// A WebSocket after its upgrade. [`WebSocket`] makes one of a library's.
pub trait Socket:
    Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Send + Unpin + 'static
{
    /// Reads what the peer still sends, below the WebSocket, and forgets it. Ready when nothing more can come.
    ///
    /// Messages cannot be read any more after one that was over the limit. But a socket that is dropped with unread
    /// bytes in it is reset, and the peer may lose the close frame that says why.
    fn poll_discard(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;
}

impl Socket for Box<dyn Socket> {
    fn poll_discard(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut **self.get_mut()).poll_discard(cx)
    }
}

/// How the bytes below a WebSocket are read and forgotten; see [`Socket::poll_discard`].
pub type Discard<S> = fn(&mut S, &mut Context<'_>) -> Poll<()>;

/// How much is read in one go of what is then forgotten, in bytes.
const DISCARDED: usize = 8 << 10;

/// How often that is done before other tasks have their turn.
const DISCARD_BUDGET: usize = 32;

/// What a [`Discard`] does with a stream: reads until nothing more can come. `read` puts bytes into the buffer and says
/// how many; none, or an error, is the end.
pub fn discard(
    cx: &mut Context<'_>,
    mut read: impl FnMut(&mut Context<'_>, &mut [u8]) -> Poll<io::Result<usize>>,
) -> Poll<()> {
    let mut bytes = [0; DISCARDED];
    for _ in 0..DISCARD_BUDGET {
        match read(cx, &mut bytes) {
            Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
            Poll::Ready(Ok(_)) => {}
            Poll::Pending => return Poll::Pending,
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// A library's WebSocket, with the way to read below it.
pub struct WebSocket<S> {
    socket: S,
    discard: Discard<S>,
}

impl<S> WebSocket<S> {
    /// A WebSocket after its upgrade, and how the bytes below it are read and forgotten.
    pub fn new(socket: S, discard: Discard<S>) -> Self {
        Self { socket, discard }
    }
}

impl<S: Stream + Unpin> Stream for WebSocket<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        Pin::new(&mut self.socket).poll_next(cx)
    }
}

impl<S: Sink<Message> + Unpin> Sink<Message> for WebSocket<S> {
    type Error = S::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Pin::new(&mut self.socket).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), S::Error> {
        Pin::new(&mut self.socket).start_send(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Pin::new(&mut self.socket).poll_close(cx)
    }
}

impl<S> Socket for WebSocket<S>
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Send + Unpin + 'static,
{
    fn poll_discard(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let discard = self.discard;
        discard(&mut self.socket, cx)
    }
}

impl<S> fmt::Debug for WebSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebSocket")
    }
}
