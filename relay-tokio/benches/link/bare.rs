//! The yardstick: a WebSocket client that looks at nothing, and flushes only when there is nothing more to read.

use std::net::SocketAddr;
use std::task::Poll;

use futures_util::{SinkExt, StreamExt, poll};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::stand_in::{Work, runtime};

const HELLO: &str = "{\"type\":\"hello\",\"platform\":\"relay\",\"botId\":\"\"}\n";
const ACK: &str = "{\"type\":\"inbound_ack\",\"bufferId\":\"7f3a9c01-00000000000000000\"}\n";
const OUTBOUND: &str = concat!(
    r#"{"type":"outbound","requestId":"0000000000000000-0","action":{"op":"send","chat_id":"1200000000000000001","#,
    r#""content":"All three checks failed on the same node; it is being drained.","reply_to":null,"metadata":{}}}"#,
    "\n"
);

pub(crate) fn run(address: SocketAddr, work: Work, over: oneshot::Receiver<()>) {
    runtime().block_on(async {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("nodelay");
        let (mut socket, _) =
            client_async(format!("ws://{address}/relay"), stream).await.expect("an upgrade");
        socket.send(HELLO.into()).await.expect("a hello");
        socket.next().await.expect("a descriptor").expect("a descriptor");
        match work {
            Work::Inbound { frames, .. } => ack(&mut socket, frames).await,
            Work::Outbound { window, frames } => request(&mut socket, window, frames).await,
        }
        over.await.ok();
        socket.close(None).await.ok();
    });
}

async fn ack(socket: &mut WebSocketStream<TcpStream>, frames: usize) {
    let ack = Utf8Bytes::from_static(ACK);
    for _ in 0..frames {
        read(socket).await;
        socket.feed(Message::Text(ack.clone())).await.expect("an ack sent");
    }
    socket.flush().await.expect("acks sent");
}

async fn request(socket: &mut WebSocketStream<TcpStream>, window: usize, frames: usize) {
    let outbound = Utf8Bytes::from_static(OUTBOUND);
    let (mut sent, mut answered) = (0, 0);
    while answered < frames {
        while sent < frames && sent - answered < window {
            socket.feed(Message::Text(outbound.clone())).await.expect("a request sent");
            sent += 1;
        }
        read(socket).await;
        answered += 1;
    }
}

/// Reads one message. What was written goes out before the client waits.
async fn read(socket: &mut WebSocketStream<TcpStream>) {
    let message = match poll!(socket.next()) {
        Poll::Ready(message) => message,
        Poll::Pending => {
            socket.flush().await.expect("a flush");
            socket.next().await
        }
    };
    message.expect("the stand-in").expect("a message");
}
