//! From a name to a WebSocket: addresses, TCP, TLS, upgrade.

use relay_driver::proto::link::FEATURES_HEADER;
use relay_driver::proto::{DialError, Features};
use relay_driver::race::race;
use relay_driver::{DialRequest, websocket_config};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, USER_AGENT};
use tokio_tungstenite::{client_async_with_config, tungstenite};
use tokio_util::either::Either;

use crate::TokioRuntime;
use crate::socket::{Socket, socket};

#[cfg(feature = "tls")]
type TlsStream = Box<tokio_rustls::client::TlsStream<TcpStream>>;

/// Without TLS there is no such stream.
#[cfg(not(feature = "tls"))]
type TlsStream = tokio::io::Empty;

/// What a dial gives.
pub(crate) type ClientSocket = Socket<Either<TcpStream, TlsStream>>;

pub(crate) async fn dial(
    runtime: TokioRuntime,
    request: DialRequest,
) -> Result<(ClientSocket, Features), DialError> {
    let stream = connect(&request.host, request.port).await?;
    // Frames are flushed when they are ready: to hold them back for more would only make them late.
    stream.set_nodelay(true).map_err(|error| DialError::unreachable(error.to_string()))?;
    let stream = if request.tls {
        Either::Right(secure(&runtime, &request.host, stream).await?)
    } else {
        Either::Left(stream)
    };
    let config = websocket_config(request.message_limit);
    let upgrade = upgrade_request(&request)?;
    let (upgraded, response) =
        client_async_with_config(upgrade, stream, Some(config)).await.map_err(refusal)?;
    Ok((socket(upgraded), features(&response)))
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, DialError> {
    let unreachable = |error: &dyn std::fmt::Display| {
        DialError::unreachable(format!("cannot reach {host}:{port}: {error}"))
    };
    let addresses = tokio::net::lookup_host((host, port)).await.map_err(|error| unreachable(&error))?;
    race(addresses, TcpStream::connect, tokio::time::sleep).await.map_err(|error| match error {
        Some(error) => unreachable(&error),
        None => unreachable(&"the name has no address"),
    })
}

fn upgrade_request(request: &DialRequest) -> Result<Request, DialError> {
    let invalid = |error: &dyn std::fmt::Display| DialError::unreachable(format!("{}: {error}", request.url));
    let mut upgrade = request.url.as_str().into_client_request().map_err(|error| invalid(&error))?;
    let headers = upgrade.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("relay/", env!("CARGO_PKG_VERSION"))));
    headers.insert(FEATURES_HEADER, HeaderValue::from_static(Features::OURS));
    if let Some(authorization) = &request.authorization {
        let mut value = HeaderValue::from_str(authorization).map_err(|error| invalid(&error))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(upgrade)
}

fn refusal(error: tungstenite::Error) -> DialError {
    match error {
        tungstenite::Error::Http(response) => DialError::Status(response.status().as_u16()),
        error => DialError::unreachable(format!("the upgrade failed: {error}")),
    }
}

fn features(response: &Response) -> Features {
    let header = response.headers().get(FEATURES_HEADER).and_then(|value| value.to_str().ok());
    header.map(Features::parse).unwrap_or_default()
}

#[cfg(feature = "tls")]
async fn secure(runtime: &TokioRuntime, host: &str, stream: TcpStream) -> Result<TlsStream, DialError> {
    let failed =
        |error: &dyn std::fmt::Display| DialError::unreachable(format!("TLS with {host} failed: {error}"));
    let settings = match &runtime.tls {
        Some(settings) => settings.clone(),
        None => platform_tls().map_err(|error| failed(&error))?,
    };
    let name = rustls::pki_types::ServerName::try_from(host.to_owned()).map_err(|error| failed(&error))?;
    let connector = tokio_rustls::TlsConnector::from(settings);
    Ok(Box::new(connector.connect(name, stream).await.map_err(|error| failed(&error))?))
}

#[cfg(not(feature = "tls"))]
async fn secure(_: &TokioRuntime, host: &str, _: TcpStream) -> Result<TlsStream, DialError> {
    Err(DialError::unreachable(format!("{host} wants TLS, which this build does not have")))
}

/// Settings with the platform's roots. They are read once: a later dial costs nothing.
///
/// # Errors
/// When the platform's roots cannot be read.
#[cfg(feature = "tls")]
pub fn platform_tls() -> Result<std::sync::Arc<rustls::ClientConfig>, rustls::Error> {
    use rustls_platform_verifier::BuilderVerifierExt;
    use std::sync::{Arc, OnceLock};
    static SETTINGS: OnceLock<Arc<rustls::ClientConfig>> = OnceLock::new();
    if let Some(settings) = SETTINGS.get() {
        return Ok(settings.clone());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let settings = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    Ok(SETTINGS.get_or_init(|| Arc::new(settings)).clone())
}
