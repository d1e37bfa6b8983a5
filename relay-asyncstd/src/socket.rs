//! A WebSocket of async-std's, as the drivers take it.

use std::pin::Pin;
use std::task::{Context, Poll};

use async_tungstenite::WebSocketStream;
use futures_util::io::{AsyncRead, AsyncWrite};
use relay_driver::WebSocket;

/// A WebSocket after its upgrade, over this stream.
pub(crate) type Socket<S> = WebSocket<WebSocketStream<S>>;

/// How much is read in one go of what is then forgotten, in bytes.
const DISCARDED: usize = 8 << 10;

/// How often that is done before other tasks have their turn.
const DISCARD_BUDGET: usize = 32;

pub(crate) fn socket<S: AsyncRead + AsyncWrite + Unpin>(upgraded: WebSocketStream<S>) -> Socket<S> {
    WebSocket::new(upgraded, discard)
}

fn discard<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let stream = socket.get_mut();
    for _ in 0..DISCARD_BUDGET {
        let mut bytes = [0; DISCARDED];
        match Pin::new(&mut *stream).poll_read(cx, &mut bytes) {
            Poll::Ready(Ok(read)) if read > 0 => {}
            Poll::Ready(Ok(_) | Err(_)) => return Poll::Ready(()),
            Poll::Pending => return Poll::Pending,
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}
