//! From a name to a WebSocket: a connection, TLS, the upgrade.

use relay_driver::proto::{DialError, Features};
use relay_driver::{DialRequest, upgrade, websocket_config};
use tokio_tungstenite::client_async_with_config;
use tokio_util::either::Either;

use crate::TokioRuntime;
use crate::host::Host;
use crate::socket::{Socket, socket};

#[cfg(feature = "tls")]
type TlsStream<S> = Box<tokio_rustls::client::TlsStream<S>>;

/// Without TLS there is no such stream.
#[cfg(not(feature = "tls"))]
type TlsStream<S> = S;

/// What a dial gives.
pub(crate) type ClientSocket<S> = Socket<Either<S, TlsStream<S>>>;

pub(crate) async fn dial<H: Host>(
    runtime: TokioRuntime<H>,
    request: DialRequest,
) -> Result<(ClientSocket<H::Stream>, Features), DialError> {
    let DialRequest { host, port, .. } = &request;
    let connected = runtime.host.connect(host, *port).await;
    let stream =
        connected.map_err(|error| DialError::unreachable(format!("cannot reach {host}:{port}: {error}")))?;
    let stream =
        if request.tls { Either::Right(secure(&runtime, host, stream).await?) } else { Either::Left(stream) };
    let config = websocket_config(request.message_limit);
    let upgraded = client_async_with_config(upgrade::request(&request)?, stream, Some(config)).await;
    let (upgraded, response) = upgraded.map_err(upgrade::refusal)?;
    Ok((socket(upgraded), upgrade::features(response.headers())))
}

#[cfg(feature = "tls")]
async fn secure<H: Host>(
    runtime: &TokioRuntime<H>,
    host: &str,
    stream: H::Stream,
) -> Result<TlsStream<H::Stream>, DialError> {
    use relay_driver::tls;
    let (settings, name) = tls::client(host, runtime.tls.as_ref())?;
    let connector = tokio_rustls::TlsConnector::from(settings);
    let secured = connector.connect(name, stream).await;
    Ok(Box::new(secured.map_err(|error| tls::failure(host, &error))?))
}

#[cfg(not(feature = "tls"))]
async fn secure<H: Host>(
    _: &TokioRuntime<H>,
    host: &str,
    _: H::Stream,
) -> Result<TlsStream<H::Stream>, DialError> {
    Err(DialError::unreachable(format!("{host} wants TLS, which this build does not have")))
}
