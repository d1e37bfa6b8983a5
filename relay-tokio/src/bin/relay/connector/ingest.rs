//! What platforms deliver.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use relay_tokio::proto::DeliveryKind;
use relay_tokio::proto::connector::Status;
use relay_tokio::proto::event::SessionSource;
use relay_tokio::{AppendError, Connector, Session};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::bounded::Bounded;
use super::hooks::Hooks;
use super::refusal::Refusal;

/// How many ids are known again.
const REMEMBERED: usize = 65_536;

/// How long such an id may be, in bytes.
const LONGEST_ID: usize = 256;

/// Takes what platforms deliver.
pub(super) struct Ingest {
    connector: Connector,
    platforms: BTreeSet<String>,
    hooks: Hooks,
    /// Which instances took what, by platform, route and id: the same id again gives the same answer.
    answered: Mutex<Bounded<Key, Vec<String>>>,
}

/// The platform, the route and the id.
type Key = (String, &'static str, String);

/// The body of a delivery.
#[derive(Deserialize)]
struct Delivered<'a> {
    id: String,
    instance: Option<String>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    forward: Option<&'a RawValue>,
}

/// The body of an interrupt.
#[derive(Deserialize)]
struct Interrupted {
    instance: Option<String>,
    session_key: String,
    #[serde(default)]
    chat_id: String,
}

type Answer = Result<Response, Refusal>;
type Name = Result<Path<String>, PathRejection>;
type Body = Result<Bytes, BytesRejection>;

/// `POST /platforms/NAME/events`.
pub(super) async fn events(state: State<Arc<Ingest>>, name: Name, body: Body) -> Answer {
    state.deliver(&name?, "event", DeliveryKind::Message, &body?)
}

/// `POST /platforms/NAME/passthrough`.
pub(super) async fn passthrough(state: State<Arc<Ingest>>, name: Name, body: Body) -> Answer {
    state.deliver(&name?, "forward", DeliveryKind::Passthrough, &body?)
}

/// `POST /platforms/NAME/interrupts`.
pub(super) async fn interrupts(state: State<Arc<Ingest>>, name: Name, body: Body) -> Answer {
    state.interrupt(&name?, &body?)
}

impl Ingest {
    pub(super) fn new(connector: Connector, platforms: impl Iterator<Item = String>, hooks: Hooks) -> Self {
        let answered = Mutex::new(Bounded::new(REMEMBERED));
        Self { connector, platforms: platforms.collect(), hooks, answered }
    }

    fn deliver(&self, platform: &str, field: &'static str, kind: DeliveryKind, body: &[u8]) -> Answer {
        self.check_platform(platform)?;
        let delivered: Delivered<'_> = read(body)?;
        let payload = match kind {
            DeliveryKind::Message => delivered.event,
            DeliveryKind::Passthrough => delivered.forward,
        };
        let payload = payload.filter(|json| json.get().starts_with('{'));
        let payload =
            payload.ok_or_else(|| Refusal::unprocessable(format!("`{field}` must be an object")))?;
        if delivered.id.is_empty() || delivered.id.len() > LONGEST_ID {
            return Err(Refusal::unprocessable(format!("`id` must have 1 to {LONGEST_ID} bytes")));
        }
        // Held throughout, so that the same id sent twice at once is not appended twice.
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (platform.to_owned(), field, delivered.id);
        if let Some(accepted) = answered.get(&key) {
            return Ok(answer(accepted));
        }
        let accepted = match self.find(delivered.instance.as_deref())? {
            None => Vec::new(),
            Some(session) => match session.append(kind, payload.get()) {
                Ok(_) => {
                    self.learn(&session, platform, kind, payload.get());
                    vec![session.owner().instance.clone()]
                }
                Err(AppendError::Revoked) => Vec::new(),
                Err(full @ AppendError::Full) => {
                    return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, full));
                }
                Err(wrong @ AppendError::NotJson) => return Err(Refusal::unprocessable(wrong)),
            },
        };
        let response = answer(&accepted);
        answered.put(key, accepted);
        Ok(response)
    }

    fn interrupt(&self, platform: &str, body: &[u8]) -> Answer {
        self.check_platform(platform)?;
        let interrupted: Interrupted = read(body)?;
        let session = self.find(interrupted.instance.as_deref())?;
        // An interrupt is for now: a gateway that is not connected does nothing that could be stopped.
        let reached = session
            .filter(|session| session.interrupt(&interrupted.session_key, &interrupted.chat_id).is_ok());
        let accepted: Vec<_> = reached.iter().map(|session| &session.owner().instance).collect();
        Ok((StatusCode::ACCEPTED, Json(json!({ "accepted": accepted }))).into_response())
    }

    fn check_platform(&self, platform: &str) -> Result<(), Refusal> {
        if self.platforms.contains(platform) {
            return Ok(());
        }
        Err(Refusal::not_found(format!("no platform {platform:?}: it is not among the --platform options")))
    }

    /// The session of this instance, or of the only one there is. There may be none.
    fn find(&self, instance: Option<&str>) -> Result<Option<Session>, Refusal> {
        if let Some(instance) = instance {
            return Ok(self.connector.session(instance));
        }
        let mut sessions = self.connector.sessions();
        sessions.retain(|session| session.status() != Status::Revoked);
        match sessions.len() {
            1 => Ok(sessions.pop()),
            0 => Err(Refusal::unprocessable("there is no instance to deliver to")),
            _ => Err(Refusal::unprocessable("there are several instances: `instance` must name one")),
        }
    }

    /// Which platform a chat lives on, for actions that do not say.
    fn learn(&self, session: &Session, platform: &str, kind: DeliveryKind, json: &str) {
        if kind == DeliveryKind::Message {
            let event = relay_tokio::proto::event::MessageEvent::parse(json);
            let SessionSource { chat_id, .. } = &event.source;
            self.hooks.learn(&session.owner().instance, chat_id, platform);
        }
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|wrong| {
        let status = if wrong.is_data() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::BAD_REQUEST };
        Refusal::new(status, format!("the body cannot be used: {wrong}"))
    })
}

/// Buffered for somebody, or for nobody.
fn answer(accepted: &[String]) -> Response {
    let status = if accepted.is_empty() { StatusCode::OK } else { StatusCode::ACCEPTED };
    (status, Json(json!({ "accepted": accepted }))).into_response()
}
