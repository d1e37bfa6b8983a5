//! The operator's routes.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use relay_tokio::proto::auth::Secret;
use relay_tokio::proto::connector::Status;
use relay_tokio::{Connector, GatewayRecord, InstanceStatus, Owner, RegisterError};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tracing::info;

use super::gateways::check_wake_url;
use super::refusal::Refusal;

/// A gateway to be known.
#[derive(Deserialize)]
pub(super) struct NewGateway {
    id: String,
    tenant: String,
    instance: String,
    secret: Option<Secretive>,
    /// The secret before this one, while gateways still show it.
    previous_secret: Option<Secretive>,
    wake_url: Option<String>,
    /// What is misspelt is not to be passed over in silence.
    #[serde(flatten)]
    unknown: BTreeMap<String, IgnoredAny>,
}

impl NewGateway {
    fn check_names(&self) -> Result<(), Refusal> {
        let Some(name) = self.unknown.keys().next() else { return Ok(()) };
        let known = "id, tenant, instance, secret, previous_secret and wake_url";
        Err(Refusal::new(StatusCode::BAD_REQUEST, format!("unknown field {name:?}: a gateway has {known}")))
    }
}

/// A secret in a body: kept out of `Debug`, and wiped.
struct Secretive(Secret);

impl<'de> Deserialize<'de> for Secretive {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|secret| Self(Secret::new(secret)))
    }
}

/// `POST /admin/gateways`: knows a gateway. Without a secret one is made, and told once.
pub(super) async fn register(
    State(connector): State<Connector>,
    body: Result<Json<NewGateway>, JsonRejection>,
) -> Result<Response, Refusal> {
    let Json(gateway) = body?;
    gateway.check_names()?;
    if let Some(wake_url) = &gateway.wake_url {
        check_wake_url(wake_url).map_err(Refusal::unprocessable)?;
    }
    let mut answer = json!({"id": gateway.id, "tenant": gateway.tenant, "instance": gateway.instance});
    let secret = match gateway.secret {
        Some(Secretive(secret)) => secret,
        None => {
            let secret = new_secret()?;
            answer["secret"] = secret.expose().into();
            secret
        }
    };
    let previous = gateway.previous_secret.map(|Secretive(previous)| previous);
    let secrets = std::iter::once(secret).chain(previous).collect();
    let owner = Owner { tenant: gateway.tenant, instance: gateway.instance };
    let record = GatewayRecord { id: gateway.id, owner, secrets, wake_url: gateway.wake_url };
    let id = record.id.clone();
    connector.register(record).map_err(|wrong| match wrong {
        RegisterError::Incomplete => Refusal::unprocessable(wrong),
        RegisterError::InstanceTaken | RegisterError::GatewayTaken | RegisterError::OtherTenant => {
            Refusal::new(StatusCode::CONFLICT, wrong)
        }
    })?;
    info!("gateway {id} is known");
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// `POST /admin/gateways/ID/revoke`: the gateway is not accepted any more.
pub(super) async fn revoke(
    State(connector): State<Connector>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, Refusal> {
    let Path(id) = id?;
    if !connector.revoke(&id) {
        return Err(Refusal::not_found(format!("no gateway {id} is known")));
    }
    info!("gateway {id} is revoked");
    Ok(Json(json!({"revoked": id})))
}

/// `GET /admin/instances`: every instance, its state, backlog, oldest entry and dead letters.
pub(super) async fn instances(State(connector): State<Connector>) -> Json<Value> {
    let instances: Vec<Value> = connector.instances().iter().map(instance).collect();
    Json(json!({ "instances": instances }))
}

fn instance(status: &InstanceStatus) -> Value {
    json!({
        "gateway": status.gateway_id,
        "tenant": status.owner.tenant,
        "instance": status.owner.instance,
        "state": match status.status {
            Status::Offline => "offline",
            Status::Greeting => "greeting",
            Status::Live => "live",
            Status::Flipped => "buffering",
            Status::Revoked => "revoked",
            Status::ShutDown => "shut_down",
        },
        "backlog": status.backlog,
        "oldest_seconds": status.oldest_age.map(|age| age / 1_000),
        "dead_letters": status.dead_letters,
    })
}

fn new_secret() -> Result<Secret, Refusal> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(|wrong| {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("no randomness for a secret: {wrong}"))
    })?;
    Ok(Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}
