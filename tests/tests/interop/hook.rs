//! A platform's hook, played by a test.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use super::connector::HOOK_TOKEN;
use super::within;

/// Where a connector calls its platforms. It goes with this value.
pub(crate) struct Hook {
    address: SocketAddr,
    calls: mpsc::UnboundedReceiver<Call>,
    inner: Arc<Inner>,
    server: tokio::task::JoinHandle<()>,
}

struct Inner {
    calls: mpsc::UnboundedSender<Call>,
    /// What each platform says of itself; those that say nothing are known by their names.
    descriptors: Mutex<BTreeMap<String, Value>>,
}

/// A call of the hook that waits for its answer. Dropped, it is answered with HTTP 500.
pub(crate) struct Call {
    pub(crate) body: Value,
    answer: oneshot::Sender<(StatusCode, String)>,
}

impl Hook {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, calls) = mpsc::unbounded_channel();
        let inner = Arc::new(Inner { calls: sender, descriptors: Mutex::default() });
        let app = Router::new().route("/hook", post(called)).with_state(inner.clone());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, calls, inner, server }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// From now on the platform describes itself so.
    pub(crate) fn describes_itself(&self, platform: &str, descriptor: Value) {
        self.inner.descriptors.lock().unwrap().insert(platform.to_owned(), descriptor);
    }

    /// Waits for the next call that is no question for a descriptor.
    pub(crate) async fn next(&mut self) -> Call {
        within("a call of the hook", self.calls.recv()).await.unwrap()
    }

    /// Waits for the next call, and answers that it is done.
    pub(crate) async fn does(&mut self) -> Value {
        let Call { body, answer } = self.next().await;
        _ = answer.send((StatusCode::OK, json!({"success": true, "message_id": "m"}).to_string()));
        body
    }
}

impl Call {
    pub(crate) fn answer(self, result: &Value) {
        self.answer_with(200, &result.to_string());
    }

    pub(crate) fn answer_with(self, status: u16, body: &str) {
        // Nobody hears it when the connector has given up on the call.
        _ = self.answer.send((StatusCode::from_u16(status).unwrap(), body.to_owned()));
    }
}

async fn called(
    State(inner): State<Arc<Inner>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> (StatusCode, String) {
    assert_eq!(headers["authorization"], format!("Bearer {HOOK_TOKEN}"));
    if body["kind"] == "describe" {
        let platform = body["platform"].as_str().unwrap_or_default();
        let descriptor = inner.descriptors.lock().unwrap().get(platform).cloned();
        return match descriptor {
            Some(descriptor) => (StatusCode::OK, descriptor.to_string()),
            None => (StatusCode::NOT_FOUND, String::new()),
        };
    }
    let (answer, answered) = oneshot::channel();
    _ = inner.calls.send(Call { body, answer });
    answered.await.unwrap_or((StatusCode::INTERNAL_SERVER_ERROR, String::new()))
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.server.abort();
    }
}
