//! smol, as the drivers see it: a clock, timers, tasks and dials.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_tungstenite::{WebSocketStream, client_async_with_config};
use relay_driver::proto::{DialError, Features, Instant};
use relay_driver::race::race;
use relay_driver::{BoxFuture, Clock, DialRequest, Runtime, WebSocket, system, upgrade, websocket_config};
use smol::io::AsyncRead;
use smol::net::{TcpStream, resolve};

/// The runtime that the drivers run on.
#[derive(Clone, Copy)]
pub(crate) struct Smol;

impl Clock for Smol {
    fn now(&self) -> Instant {
        system::now()
    }

    fn unix_time(&self) -> u64 {
        system::unix_time()
    }
}

/// smol's timers stand still while the machine is suspended. So that none is late by the whole of that time, each
/// fires at least this often, for its owner to look at the clock.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// A timer of smol's, which tells nobody when it fired.
pub(crate) struct Timer(smol::Timer);

impl Timer {
    pub(crate) fn after(wait: Duration) -> Self {
        Self(smol::Timer::after(wait))
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(drop)
    }
}

impl Runtime for Smol {
    type Socket = WebSocket<WebSocketStream<TcpStream>>;
    type Timer = Timer;

    fn timer(&self, at: Instant) -> Timer {
        Timer::after(at.since(self.now()).min(LONGEST_SLEEP))
    }

    fn dial(&self, request: DialRequest) -> BoxFuture<Result<(Self::Socket, Features), DialError>> {
        Box::pin(dial(request))
    }

    fn seed(&self) -> u64 {
        system::seed()
    }

    fn spawn(&self, task: BoxFuture<()>) {
        smol::spawn(task).detach();
    }
}

async fn dial(request: DialRequest) -> Result<(WebSocket<WebSocketStream<TcpStream>>, Features), DialError> {
    if request.tls {
        let host = &request.host;
        return Err(DialError::unreachable(format!("{host} wants TLS, which this example does not have")));
    }
    let stream = connect(&request.host, request.port).await?;
    let config = Some(websocket_config(request.message_limit));
    let upgraded = client_async_with_config(upgrade::request(&request)?, stream, config).await;
    let (socket, response) = upgraded.map_err(upgrade::refusal)?;
    let socket = WebSocket::new(socket, |socket, cx| discard(socket.get_mut(), cx));
    Ok((socket, upgrade::features(response.headers())))
}

/// Connects to whichever of the name's addresses answers first (rule L9).
async fn connect(host: &str, port: u16) -> Result<TcpStream, DialError> {
    let unreachable =
        |error: io::Error| DialError::unreachable(format!("cannot reach {host}:{port}: {error}"));
    let addresses: Vec<SocketAddr> = resolve((host, port)).await.map_err(unreachable)?;
    let no_address = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let stream = race(addresses, TcpStream::connect, Timer::after)
        .await
        .map_err(|error| unreachable(error.unwrap_or_else(no_address)))?;
    // Frames are flushed when they are ready: to hold them back for more would only make them late.
    stream.set_nodelay(true).map_err(unreachable)?;
    Ok(stream)
}

/// Reads below the WebSocket what the peer still sends, so that it can read why it was refused.
pub(crate) fn discard(stream: &mut TcpStream, cx: &mut Context<'_>) -> Poll<()> {
    relay_driver::discard(cx, |cx, bytes| Pin::new(&mut *stream).poll_read(cx, bytes))
}

#[test]
fn an_address_for_tls_is_refused_in_words() {
    let url = "wss://connector.example/relay".to_owned();
    let (tls, host, port) = (true, "connector.example".to_owned(), 443);
    let request = DialRequest { tls, host, port, url, authorization: None, message_limit: 1 << 20 };
    let error = smol::block_on(dial(request)).err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("connector.example wants TLS, which this example does not have"));
}
