//! The HTTP upgrade that a link begins with, at both ends: for a runtime's dial and for its listener.

use std::fmt::Display;
use std::io;
use std::time::Duration;

use relay_proto::link::FEATURES_HEADER;
use relay_proto::{DialError, Features};
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client;
use tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tungstenite::http::header::{AUTHORIZATION, USER_AGENT};
use tungstenite::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::runtime::DialRequest;

/// The path that the link is on.
pub const PATH: &str = "/relay";

/// How long a connector waits for a peer's upgrade to be complete.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// How long a listener waits after a failure to accept that is likely to last, such as too many open files.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The request of a dial.
///
/// # Errors
/// When the URL or the token is nothing that HTTP can carry.
pub fn request(dial: &DialRequest) -> Result<client::Request, DialError> {
    let invalid = |error: &dyn Display| DialError::unreachable(format!("{}: {error}", dial.url));
    let mut request = dial.url.as_str().into_client_request().map_err(|error| invalid(&error))?;
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("relay/", env!("CARGO_PKG_VERSION"))));
    headers.insert(FEATURES_HEADER, HeaderValue::from_static(Features::OURS));
    if let Some(authorization) = &dial.authorization {
        let mut value = HeaderValue::from_str(authorization).map_err(|error| invalid(&error))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(request)
}

/// Why a dial got no WebSocket.
#[must_use]
pub fn refusal(error: tungstenite::Error) -> DialError {
    match error {
        tungstenite::Error::Http(response) => DialError::Status(response.status().as_u16()),
        error => DialError::unreachable(format!("the upgrade failed: {error}")),
    }
}

/// A connector's answer to a request: the upgrade, whose headers are kept, or HTTP 400 on any other path than
/// [`PATH`]. Whether the token is good shows later, in a close frame (rule C1).
///
/// # Errors
/// The answer that is not an upgrade.
#[expect(clippy::result_large_err, reason = "the type is that of the WebSocket library's callback")]
pub fn answer(
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

/// The token that a request shows.
#[must_use]
pub fn authorization(headers: &HeaderMap) -> Option<&str> {
    text(headers, &AUTHORIZATION)
}

/// What the other end is able to do, by the headers of its request or response.
#[must_use]
pub fn features(headers: &HeaderMap) -> Features {
    text(headers, &HeaderName::from_static(FEATURES_HEADER)).map(Features::parse).unwrap_or_default()
}

/// Whether a listener that failed to accept a connection may well accept the next one.
#[must_use]
pub fn may_accept_again(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::NotConnected)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
