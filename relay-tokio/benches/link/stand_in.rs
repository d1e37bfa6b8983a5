//! The connector's stand-in: pushes and answers as fast as it can, and takes the time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt, poll};
use std::task::Poll;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_async};

use crate::frame;

/// What one run does.
#[derive(Clone, Copy)]
pub(crate) enum Work {
    /// The stand-in pushes so many frames, at most `window` of them unacked.
    Inbound { window: usize, frames: usize },
    /// The client makes so many requests, at most `window` of them unanswered.
    Outbound { window: usize, frames: usize },
}

const DESCRIPTOR: &str = concat!(
    r#"{"type":"descriptor","descriptor":{"contract_version":1,"platform":"discord","label":"Discord","#,
    r#""max_message_length":2000,"supports_draft_streaming":false,"supports_edit":true,"supports_threads":true,"#,
    r#""markdown_dialect":"discord","len_unit":"chars"}}"#,
    "\n"
);

/// A client: works until it is told that the work is over.
pub(crate) type Client = fn(SocketAddr, Work, oneshot::Receiver<()>);

/// The frames a second that the client gets done.
pub(crate) fn rate(work: Work, round: usize, client: Client) -> f64 {
    let (Work::Inbound { frames, .. } | Work::Outbound { frames, .. }) = work;
    frames as f64 / run(work, round, client).as_secs_f64()
}

/// Runs the client against the stand-in, each on a thread of its own: the time that the work took.
fn run(work: Work, round: usize, client: Client) -> Duration {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a nonblocking listener");
    let address = listener.local_addr().expect("an address");
    let (done, over) = oneshot::channel();
    let client = std::thread::Builder::new().name("client".into()).spawn(move || client(address, work, over));
    let client = client.expect("a thread");
    let elapsed = runtime().block_on(async {
        let (stream, _) =
            TcpListener::from_std(listener).expect("a listener").accept().await.expect("a client");
        stream.set_nodelay(true).expect("nodelay");
        let mut socket = accept_async(stream).await.expect("an upgrade");
        // Whatever comes first is a hello, or stands for one.
        socket.next().await.expect("a hello").expect("a hello");
        socket.send(DESCRIPTOR.into()).await.expect("a descriptor");
        let elapsed = match work {
            Work::Inbound { window, frames } => {
                push(&mut socket, window, &inbound_frames(frames, round)).await
            }
            Work::Outbound { frames, .. } => answer(&mut socket, frames).await,
        };
        done.send(()).ok();
        // The client closes, or is gone.
        while let Some(Ok(_)) = socket.next().await {}
        elapsed
    });
    client.join().expect("the client");
    elapsed
}

async fn push(socket: &mut WebSocketStream<TcpStream>, window: usize, frames: &[Utf8Bytes]) -> Duration {
    let start = now();
    let (mut sent, mut acked) = (0, 0);
    while acked < frames.len() {
        while sent < frames.len() && sent - acked < window {
            socket.feed(Message::Text(frames[sent].clone())).await.expect("a frame sent");
            sent += 1;
        }
        socket.flush().await.expect("frames sent");
        acked += read_texts(socket, |_| {}).await;
    }
    start.elapsed()
}

async fn answer(socket: &mut WebSocketStream<TcpStream>, frames: usize) -> Duration {
    let mut answered = 0;
    let mut start: Option<Instant> = None;
    let mut answers = Vec::new();
    while answered < frames {
        answered += read_texts(socket, |line| answers.push(result_for(line))).await;
        start.get_or_insert_with(now);
        for answer in answers.drain(..) {
            socket.feed(answer).await.expect("an answer sent");
        }
        socket.flush().await.expect("answers sent");
    }
    start.expect("a start").elapsed()
}

/// Waits for one text and takes those that are there with it: how many.
async fn read_texts(socket: &mut WebSocketStream<TcpStream>, mut take: impl FnMut(&str)) -> usize {
    let mut texts = 0;
    let mut next = socket.next().await;
    loop {
        match next.expect("the client").expect("a message") {
            Message::Text(text) => {
                take(&text);
                texts += 1;
            }
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
        match poll!(socket.next()) {
            Poll::Ready(more) => next = more,
            Poll::Pending if texts > 0 => return texts,
            Poll::Pending => next = socket.next().await,
        }
    }
}

fn result_for(line: &str) -> Message {
    // `"requestId":"ID"`, with or without a blank after the colon.
    let (_, rest) = line.split_once(r#""requestId":"#).expect("an outbound frame");
    let id = rest.split('"').nth(1).expect("a request id");
    Message::text(format!(
        "{{\"type\":\"outbound_result\",\"requestId\":\"{id}\",\"result\":{{\"success\":true,\"message_id\":\"m\"}}}}\n"
    ))
}

/// Frames of 616 bytes, each another message.
fn inbound_frames(frames: usize, round: usize) -> Vec<Utf8Bytes> {
    (0..frames).map(|number| frame::inbound(round * 1_000_000 + number).into()).collect()
}

/// A runtime on the calling thread.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}
