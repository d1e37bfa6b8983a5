//! Accepting gateways from a TCP listener of one's own.

use std::io;
use std::time::Duration;

use relay_driver::proto::Features;
use relay_driver::proto::link::FEATURES_HEADER;
use relay_driver::websocket_config;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::Connector;
use crate::socket::socket;

/// The path that the link is on.
const PATH: &str = "/relay";

/// How long an upgrade may take.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait after a failure to accept that is likely to last, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl Connector {
    /// Accepts gateways for as long as the listener does. An upgrade on any other path than `/relay` is answered
    /// with HTTP 400.
    ///
    /// A program that serves HTTP on the same port upgrades by itself, and calls
    /// [`attach_upgraded`](Self::attach_upgraded).
    ///
    /// # Errors
    /// When the listener is broken for good.
    pub async fn serve(&self, listener: TcpListener) -> io::Result<()> {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let connector = self.clone();
                    tokio::spawn(async move { connector.upgrade(stream).await });
                }
                Err(error) if is_passing(&error) => tokio::time::sleep(ACCEPT_PAUSE).await,
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes a stream whose upgrade the caller has answered, with the headers of the request.
    pub async fn attach_upgraded<S>(&self, headers: &HeaderMap, stream: S)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let admission = self.authenticate(text(headers, &AUTHORIZATION));
        let config = Some(websocket_config(self.line_limit));
        let upgraded = WebSocketStream::from_raw_socket(stream, Role::Server, config).await;
        self.attach(admission, features(headers), socket(upgraded));
    }

    #[expect(clippy::result_large_err, reason = "the type is that of the WebSocket library's callback")]
    async fn upgrade(&self, stream: TcpStream) {
        _ = stream.set_nodelay(true);
        let mut headers = HeaderMap::new();
        let check = |request: &Request, response: Response| answer(request, response, &mut headers);
        let config = Some(websocket_config(self.line_limit));
        let upgrade = accept_hdr_async_with_config(stream, check, config);
        if let Ok(Ok(upgraded)) = tokio::time::timeout(UPGRADE_TIMEOUT, upgrade).await {
            let admission = self.authenticate(text(&headers, &AUTHORIZATION));
            self.attach(admission, features(&headers), socket(upgraded));
        }
    }
}

#[expect(clippy::result_large_err, reason = "the type is that of the WebSocket library's callback")]
fn answer(
    request: &Request,
    mut response: Response,
    headers: &mut HeaderMap,
) -> Result<Response, ErrorResponse> {
    if request.uri().path() != PATH {
        let mut refusal = ErrorResponse::new(Some(format!("the relay link is on {PATH}\n")));
        *refusal.status_mut() = StatusCode::BAD_REQUEST;
        return Err(refusal);
    }
    headers.clone_from(request.headers());
    response.headers_mut().insert(FEATURES_HEADER, HeaderValue::from_static(Features::OURS));
    Ok(response)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn features(headers: &HeaderMap) -> Features {
    text(headers, &HeaderName::from_static(FEATURES_HEADER)).map(Features::parse).unwrap_or_default()
}

/// Whether the next connection may well be accepted.
fn is_passing(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::NotConnected)
}
