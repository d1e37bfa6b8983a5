//! From a name to a WebSocket: a connection, TLS, the upgrade.

use std::io;

use async_std::net::{TcpStream, ToSocketAddrs};
use async_std::task;
use async_tungstenite::client_async_with_config;
use futures_util::future::Either;
use relay_driver::proto::{DialError, Features};
use relay_driver::race::race;
use relay_driver::{DialRequest, upgrade, websocket_config};

use crate::AsyncStdRuntime;
use crate::socket::{Socket, socket};

#[cfg(feature = "tls")]
type TlsStream = Box<futures_rustls::client::TlsStream<TcpStream>>;

/// Without TLS there is no such stream.
#[cfg(not(feature = "tls"))]
type TlsStream = TcpStream;

/// What a dial gives.
pub(crate) type ClientSocket = Socket<Either<TcpStream, TlsStream>>;

pub(crate) async fn dial(
    runtime: AsyncStdRuntime,
    request: DialRequest,
) -> Result<(ClientSocket, Features), DialError> {
    let DialRequest { host, port, .. } = &request;
    let connected = connect(host, *port).await;
    let stream =
        connected.map_err(|error| DialError::unreachable(format!("cannot reach {host}:{port}: {error}")))?;
    let stream =
        if request.tls { Either::Right(secure(&runtime, host, stream).await?) } else { Either::Left(stream) };
    let config = websocket_config(request.message_limit);
    let upgraded = client_async_with_config(upgrade::request(&request)?, stream, Some(config)).await;
    let (upgraded, response) = upgraded.map_err(upgrade::refusal)?;
    Ok((socket(upgraded), upgrade::features(response.headers())))
}

async fn connect(name: &str, port: u16) -> io::Result<TcpStream> {
    let addresses = (name, port).to_socket_addrs().await?;
    let connected = race(addresses, TcpStream::connect, task::sleep).await;
    let stream = connected.map_err(|error| {
        error.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
    })?;
    // Frames are flushed when they are ready: to hold them back for more would only make them late.
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(feature = "tls")]
async fn secure(runtime: &AsyncStdRuntime, host: &str, stream: TcpStream) -> Result<TlsStream, DialError> {
    use relay_driver::tls;
    let (settings, name) = tls::client(host, runtime.tls.as_ref())?;
    let connector = futures_rustls::TlsConnector::from(settings);
    let secured = connector.connect(name, stream).await;
    Ok(Box::new(secured.map_err(|error| tls::failure(host, &error))?))
}

#[cfg(not(feature = "tls"))]
async fn secure(_: &AsyncStdRuntime, host: &str, _: TcpStream) -> Result<TlsStream, DialError> {
    Err(DialError::unreachable(format!("{host} wants TLS, which this build does not have")))
}
