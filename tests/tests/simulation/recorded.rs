//! A simulated connection that writes down how much goes through it when, and shows the world what.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::TcpStream;

use super::frames::Frames;
use super::host::SimulatedHost;

/// One end of a connection.
pub(super) struct Recorded {
    stream: TcpStream,
    host: SimulatedHost,
    written: Frames,
}

impl Recorded {
    pub(super) fn new(stream: TcpStream, host: SimulatedHost) -> Self {
        Self { stream, host, written: Frames::default() }
    }

    fn wrote(&mut self, bytes: &[u8]) {
        for line in self.written.read(bytes) {
            self.host.world().wrote(&self.host, &line);
        }
    }
}

impl AsyncRead for Recorded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        match &read {
            Poll::Ready(Ok(())) => self.host.note(&format!("reads {} bytes", buf.filled().len() - before)),
            Poll::Ready(Err(error)) => self.host.note(&format!("cannot read: {:?}", error.kind())),
            Poll::Pending => {}
        }
        read
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        match &written {
            Poll::Ready(Ok(length)) => {
                self.host.note(&format!("writes {length} bytes"));
                self.wrote(&bytes[..*length]);
            }
            // It was handed to the socket, which is what counts.
            Poll::Ready(Err(error)) => {
                self.host.note(&format!("cannot write: {:?}", error.kind()));
                self.wrote(bytes);
            }
            Poll::Pending => {}
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
