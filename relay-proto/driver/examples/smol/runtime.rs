//! smol, as the drivers see it: a clock, timers, tasks and dials.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use std::time::{self, Duration, SystemTime, UNIX_EPOCH};

use async_tungstenite::tungstenite::client::IntoClientRequest;
use async_tungstenite::tungstenite::handshake::client::Request;
use async_tungstenite::tungstenite::http::header::AUTHORIZATION;
use async_tungstenite::tungstenite::http::{HeaderMap, HeaderValue};
use async_tungstenite::{WebSocketStream, client_async_with_config, tungstenite};
use relay_driver::proto::link::FEATURES_HEADER;
use relay_driver::proto::{DialError, Features, Instant};
use relay_driver::race::race;
use relay_driver::{BoxFuture, Clock, DialRequest, Runtime, WebSocket, websocket_config};
use smol::io::AsyncRead;
use smol::net::{TcpStream, resolve};

/// The runtime that the drivers run on.
#[derive(Clone, Copy)]
pub(crate) struct Smol;

impl Clock for Smol {
    /// Milliseconds since the first call. The clock of the standard library stands still while the machine is
    /// suspended, which is enough for an example. What runs on a laptop takes `CLOCK_BOOTTIME`: see `docs/driving.md`.
    #[expect(clippy::disallowed_methods, reason = "this is where time comes from")]
    fn now(&self) -> Instant {
        static START: LazyLock<time::Instant> = LazyLock::new(time::Instant::now);
        let start = *START;
        Instant::from_millis(u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    #[expect(clippy::disallowed_methods, reason = "this is where time comes from")]
    fn unix_time(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
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
        // Another number for each process and each call; a random one, of the crate getrandom say, is better.
        self.unix_time() ^ u64::from(std::process::id()) << 32 ^ self.now().as_millis() << 48
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
    match client_async_with_config(upgrade(&request)?, stream, config).await {
        Ok((socket, response)) => Ok((
            WebSocket::new(socket, |socket, cx| discard(socket.get_mut(), cx)),
            features(response.headers()),
        )),
        Err(tungstenite::Error::Http(response)) => Err(DialError::Status(response.status().as_u16())),
        Err(error) => Err(DialError::unreachable(format!("the upgrade failed: {error}"))),
    }
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

fn upgrade(request: &DialRequest) -> Result<Request, DialError> {
    let invalid = |error: &dyn std::fmt::Display| DialError::unreachable(format!("{}: {error}", request.url));
    let mut upgrade = request.url.as_str().into_client_request().map_err(|error| invalid(&error))?;
    let headers = upgrade.headers_mut();
    headers.insert(FEATURES_HEADER, HeaderValue::from_static(Features::OURS));
    if let Some(authorization) = &request.authorization {
        let mut value = HeaderValue::from_str(authorization).map_err(|error| invalid(&error))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(upgrade)
}

/// What the peer's upgrade says that it can do.
pub(crate) fn features(headers: &HeaderMap) -> Features {
    let header = headers.get(FEATURES_HEADER).and_then(|value| value.to_str().ok());
    header.map(Features::parse).unwrap_or_default()
}

/// Reads below the WebSocket what the peer still sends, so that it can read why it was refused.
pub(crate) fn discard(stream: &mut TcpStream, cx: &mut Context<'_>) -> Poll<()> {
    let mut bytes = [0; 8192];
    match Pin::new(stream).poll_read(cx, &mut bytes) {
        Poll::Ready(Ok(read)) if read > 0 => {
            // There may be more, but others have their turn first.
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        Poll::Ready(_) => Poll::Ready(()),
        Poll::Pending => Poll::Pending,
    }
}

#[test]
fn an_address_for_tls_is_refused_in_words() {
    let url = "wss://connector.example/relay".to_owned();
    let (tls, host, port) = (true, "connector.example".to_owned(), 443);
    let request = DialRequest { tls, host, port, url, authorization: None, message_limit: 1 << 20 };
    let error = smol::block_on(dial(request)).err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("connector.example wants TLS, which this example does not have"));
}
