//! The link's upgrade, on the port that the rest is served on.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use hyper_util::rt::TokioIo;
use relay_tokio::Connector;
use relay_tokio::proto::Features;
use relay_tokio::proto::link::FEATURES_HEADER;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tracing::debug;

/// The path that the link is on.
const PATH: &str = "/relay";

pub(crate) fn route(connector: Connector) -> Router {
    Router::new().route(PATH, any(upgrade)).with_state(connector)
}

/// An upgrade on any other path is answered with HTTP 400, as the contract says.
pub(crate) async fn refuse_elsewhere(request: Request, next: Next) -> Response {
    if request.uri().path() != PATH && names(request.headers(), &UPGRADE, "websocket") {
        return (StatusCode::BAD_REQUEST, format!("the relay link is on {PATH}\n")).into_response();
    }
    next.run(request).await
}

async fn upgrade(State(connector): State<Connector>, mut request: Request) -> Response {
    let headers = request.headers().clone();
    let wanted = request.method() == Method::GET
        && names(&headers, &UPGRADE, "websocket")
        && names(&headers, &CONNECTION, "upgrade")
        && headers.get(SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
    let Some(key) = headers.get(SEC_WEBSOCKET_KEY).filter(|_| wanted) else {
        return (
            StatusCode::UPGRADE_REQUIRED,
            [(UPGRADE, "websocket")],
            "this is the relay link: a WebSocket\n",
        )
            .into_response();
    };
    let accept = derive_accept_key(key.as_bytes());
    let upgraded = hyper::upgrade::on(&mut request);
    // The answer goes out first. Whether the token is accepted shows in the WebSocket, not in HTTP (rule C1).
    tokio::spawn(async move {
        match upgraded.await {
            Ok(stream) => connector.attach_upgraded(&headers, TokioIo::new(stream)).await,
            Err(error) => debug!("an upgrade was not completed: {error}"),
        }
    });
    let answer = [
        (CONNECTION, HeaderValue::from_static("upgrade")),
        (UPGRADE, HeaderValue::from_static("websocket")),
        (SEC_WEBSOCKET_ACCEPT, HeaderValue::from_str(&accept).unwrap_or(HeaderValue::from_static(""))),
        (HeaderName::from_static(FEATURES_HEADER), HeaderValue::from_static(Features::OURS)),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, answer).into_response()
}

/// Whether a header that lists names lists this one.
fn names(headers: &HeaderMap, header: &HeaderName, name: &str) -> bool {
    let values = headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|listed| listed.trim().eq_ignore_ascii_case(name))
}
