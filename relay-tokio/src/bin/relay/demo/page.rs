//! The chat page: what it shows, live, and what its buttons do.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::middleware::from_fn;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream::{self, Stream};
use relay_tokio::proto::gateway::Status;
use relay_tokio::{Connector, Gateway, LinkStatus, StatusWatch};
use serde::Deserialize;
use serde_json::{Value, json};

use super::web::{ChatLine, Lines, WebChat};
use super::{GATEWAY, INSTANCE};
use crate::connector::upgrade;

const PAGE: &str = include_str!("page.html");

/// The page loads nothing from elsewhere, and nothing else may make it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The longest message that the page takes, in bytes.
const LONGEST: usize = 8_000;

#[derive(Clone)]
struct Page {
    connector: Connector,
    gateway: Gateway,
    chat: WebChat,
}

/// The page, its stream and its buttons, and the link itself on the same port.
pub(super) fn router(connector: &Connector, gateway: &Gateway, chat: &WebChat) -> Router {
    let page = Page { connector: connector.clone(), gateway: gateway.clone(), chat: chat.clone() };
    Router::new()
        .route("/", get(show))
        .route("/chat/stream", get(follow))
        .route("/chat/messages", post(say))
        .route("/chat/link/{action}", post(act))
        .with_state(Arc::new(page))
        .merge(upgrade::route(connector.clone()))
        .layer(from_fn(upgrade::refuse_elsewhere))
}

async fn show() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, PAGE).into_response()
}

/// A message that a visitor wrote.
#[derive(Deserialize)]
struct Message {
    text: String,
}

/// A page of another origin can send no JSON without asking first, and is not answered when it asks.
async fn say(State(page): State<Arc<Page>>, Json(message): Json<Message>) -> Response {
    let text = message.text.trim();
    if text.is_empty() || text.len() > LONGEST {
        return (StatusCode::UNPROCESSABLE_ENTITY, "a message has between 1 and 8000 bytes\n")
            .into_response();
    }
    match page.chat.say(&page.connector, text) {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(error) => (StatusCode::CONFLICT, format!("{error}\n")).into_response(),
    }
}

/// The buttons: what can happen to a link. The empty JSON body keeps other origins out.
async fn act(State(page): State<Arc<Page>>, Path(action): Path<String>, Json(_): Json<Value>) -> Response {
    match action.as_str() {
        "cut" => {
            if let Some(session) = page.connector.session(INSTANCE) {
                session.disconnect();
            }
        }
        "sleep" => {
            if let Err(error) = page.gateway.go_dormant().await {
                return (StatusCode::CONFLICT, format!("{error}\n")).into_response();
            }
        }
        "wake" => page.gateway.wake(),
        "revoke" => _ = page.connector.revoke(GATEWAY),
        _ => return StatusCode::NOT_FOUND.into_response(),
    }
    StatusCode::ACCEPTED.into_response()
}

/// Everything that the page shows: first what was said before, then whatever happens.
async fn follow(State(page): State<Arc<Page>>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let (history, lines) = page.chat.history();
    let watch = page.gateway.watch();
    let mut before: Vec<Value> = history.iter().map(chat_line).collect();
    before.push(link_status(&page, &watch.current()));
    let following = Following { page, lines, watch };
    let now = stream::iter(before.into_iter().map(|happened| event(&happened)));
    let later = stream::unfold(following, |mut following| async move {
        let happened = following.next().await?;
        Some((event(&happened), following))
    });
    Sse::new(stream::StreamExt::chain(now, later)).keep_alive(KeepAlive::default())
}

struct Following {
    page: Arc<Page>,
    lines: Lines,
    watch: StatusWatch,
}

impl Following {
    async fn next(&mut self) -> Option<Value> {
        tokio::select! {
            line = self.lines.next() => line.as_ref().map(chat_line),
            status = self.watch.changed() => Some(link_status(&self.page, &status)),
        }
    }
}

fn event(happened: &Value) -> Result<Event, Infallible> {
    Ok(Event::default().data(happened.to_string()))
}

fn chat_line(line: &ChatLine) -> Value {
    json!({"kind": "line", "line": line})
}

fn link_status(page: &Page, status: &LinkStatus) -> Value {
    let waits = |at: relay_tokio::proto::Instant| {
        use relay_driver::Clock;
        at.as_millis().saturating_sub(relay_tokio::TokioRuntime::default().now().as_millis())
    };
    let (state, retry_ms) = match status.status {
        Status::Linked => ("linked", None),
        Status::Dialing | Status::Greeting => ("connecting", None),
        Status::Reconnecting { at, .. } => ("reconnecting", Some(waits(at))),
        Status::GoingIdle => ("falling_asleep", None),
        Status::Dormant => ("dormant", None),
        Status::Disabled => ("disabled", None),
        Status::Stopped | Status::ShuttingDown | Status::ShutDown => ("ended", None),
    };
    let backlog = page.connector.session(INSTANCE).map_or(0, |session| session.backlog());
    let reason = status.cause.as_ref().filter(|_| state == "reconnecting").map(ToString::to_string);
    json!({"kind": "status", "state": state, "retry_ms": retry_ms, "reason": reason, "waiting": backlog})
}
