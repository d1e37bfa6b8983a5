//! The yardsticks: WebSocket clients that look at nothing, and one that reads as little as can be.

use std::net::SocketAddr;
use std::task::Poll;

use futures_util::{SinkExt, StreamExt, poll};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::envelope::Envelope;
use crate::stand_in::{Work, runtime};

const HELLO: &str = "{\"type\":\"hello\",\"platform\":\"relay\",\"botId\":\"\"}\n";
const ACK: &str = "{\"type\":\"inbound_ack\",\"bufferId\":\"7f3a9c01-00000000000000000\"}\n";
const OUTBOUND: &str = concat!(
    r#"{"type":"outbound","requestId":"0000000000000000-0","action":{"op":"send","chat_id":"1200000000000000001","#,
    r#""content":"All three checks failed on the same node; it is being drained.","reply_to":null,"metadata":{}}}"#,
    "\n"
);

/// The plain client: each message is flushed when it is sent.
#[allow(dead_code, reason = "not every benchmark needs both clients")]
pub(crate) fn plain(address: SocketAddr, work: Work, over: oneshot::Receiver<()>) {
    run(address, work, over, true, false);
}

/// The batching client: messages are flushed when there is nothing more to read.
pub(crate) fn batching(address: SocketAddr, work: Work, over: oneshot::Receiver<()>) {
    run(address, work, over, false, false);
}

/// The decoding client: as the batching one, but each frame's envelope is read with serde_json, and its own `bufferId` is
/// acked. Nothing is checked, remembered or handed to anyone.
#[allow(dead_code, reason = "not every benchmark needs it")]
pub(crate) fn decoding(address: SocketAddr, work: Work, over: oneshot::Receiver<()>) {
    run(address, work, over, false, true);
}

fn run(address: SocketAddr, work: Work, over: oneshot::Receiver<()>, flush: bool, decode: bool) {
    runtime().block_on(async {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("nodelay");
        let (socket, _) = client_async(format!("ws://{address}/relay"), stream).await.expect("an upgrade");
        let mut client = Bare { socket, flush, decode };
        client.socket.send(HELLO.into()).await.expect("a hello");
        client.read().await;
        match work {
            Work::Inbound { frames, .. } => client.ack(frames).await,
            Work::Outbound { window, frames } => client.request(window, frames).await,
        }
        over.await.ok();
        client.socket.close(None).await.ok();
    });
}

struct Bare {
    socket: WebSocketStream<TcpStream>,
    flush: bool,
    decode: bool,
}

impl Bare {
    async fn ack(&mut self, frames: usize) {
        for _ in 0..frames {
            let frame = self.read().await;
            let ack = if self.decode { ack_of(&frame) } else { Utf8Bytes::from_static(ACK) };
            self.write(ack).await;
        }
        self.socket.flush().await.expect("acks sent");
    }

    async fn request(&mut self, window: usize, frames: usize) {
        let (mut sent, mut answered) = (0, 0);
        while answered < frames {
            while sent < frames && sent - answered < window {
                self.write(Utf8Bytes::from_static(OUTBOUND)).await;
                sent += 1;
            }
            self.read().await;
            answered += 1;
        }
    }

    async fn write(&mut self, line: Utf8Bytes) {
        let message = Message::Text(line);
        let written =
            if self.flush { self.socket.send(message).await } else { self.socket.feed(message).await };
        written.expect("a message written");
    }

    /// Reads one message. What was written goes out before the client waits.
    async fn read(&mut self) -> Message {
        let message = match poll!(self.socket.next()) {
            Poll::Ready(message) => message,
            Poll::Pending => {
                self.socket.flush().await.expect("a flush");
                self.socket.next().await
            }
        };
        message.expect("the stand-in").expect("a message")
    }
}

fn ack_of(frame: &Message) -> Utf8Bytes {
    let envelope = Envelope::read(frame.to_text().expect("a text"));
    let buffer_id = envelope.buffer_id.expect("a bufferId");
    format!("{{\"type\":\"inbound_ack\",\"bufferId\":\"{buffer_id}\"}}\n").into()
}
