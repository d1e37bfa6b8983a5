//! Routes that want a token.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use relay_tokio::proto::auth::Secret;

/// What a route wants: the token, if there is one at all, and what it is called.
#[derive(Clone)]
pub(super) struct Wanted {
    token: Option<Arc<Secret>>,
    name: &'static str,
}

impl Wanted {
    pub(super) fn new(token: Option<Secret>, name: &'static str) -> Self {
        Self { token: token.map(Arc::new), name }
    }
}

/// Lets through who shows the token. Without a token nobody gets through.
pub(super) async fn check(State(wanted): State<Wanted>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    match (&wanted.token, shown) {
        // Secrets are compared in constant time.
        (Some(token), Some(shown)) if **token == Secret::new(shown) => next.run(request).await,
        (None, _) => refuse(&format!("no {} token is configured: these routes are closed", wanted.name)),
        (Some(_), _) => refuse(&format!("the {} token is wanted, as `Authorization: Bearer …`", wanted.name)),
    }
}

fn refuse(error: &str) -> Response {
    let body = axum::Json(serde_json::json!({ "error": error }));
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], body).into_response()
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
