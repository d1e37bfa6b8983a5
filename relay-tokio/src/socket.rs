//! A WebSocket of tokio's, as the drivers take it.

use std::pin::Pin;
use std::task::{Context, Poll};

use relay_driver::WebSocket;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;

/// A WebSocket after its upgrade, over this stream.
pub(crate) type Socket<S> = WebSocket<WebSocketStream<S>>;

pub(crate) fn socket<S: AsyncRead + AsyncWrite + Unpin>(upgraded: WebSocketStream<S>) -> Socket<S> {
    WebSocket::new(upgraded, discard)
}

fn discard<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let stream = socket.get_mut();
    relay_driver::discard(cx, |cx, bytes| {
        let mut buffer = ReadBuf::new(bytes);
        Pin::new(&mut *stream).poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().len())
    })
}
