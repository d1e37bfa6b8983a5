//! A WebSocket of async-std's, as the drivers take it.

use std::pin::Pin;
use std::task::{Context, Poll};

use async_tungstenite::WebSocketStream;
use futures_util::io::{AsyncRead, AsyncWrite};
use relay_driver::WebSocket;

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
    relay_driver::discard(cx, |cx, bytes| Pin::new(&mut *stream).poll_read(cx, bytes))
}
