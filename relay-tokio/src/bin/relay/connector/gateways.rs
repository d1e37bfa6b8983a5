//! The file of gateways.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use relay_tokio::proto::auth::Secret;
use relay_tokio::{GatewayRecord, Owner};
use serde::Deserialize;

use crate::exit::Failure;
use crate::text_file::{self, with_place};

/// In bytes: room for a hundred thousand gateways.
const LARGEST: usize = 32 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    gateway: Vec<Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    id: String,
    secret: String,
    /// The secret before this one, while gateways still show it.
    previous_secret: Option<String>,
    tenant: String,
    instance: String,
    wake_url: Option<String>,
}

/// Reads `[[gateway]]` tables.
pub(super) fn read(path: &Path) -> Result<Vec<GatewayRecord>, Failure> {
    let unusable = |error: &dyn std::fmt::Display| {
        Failure::configuration(format!("cannot use the gateways file {}: {error}", path.display()))
    };
    let text = text_file::read(path, LARGEST).map_err(|error| unusable(&error))?;
    let file: File = toml::from_str(&text)
        .map_err(|error| unusable(&with_place(&discreet(error.message()), &text, &error)))?;
    let mut seen = BTreeSet::new();
    if let Some(twice) = file.gateway.iter().find(|table| !seen.insert(&table.id)) {
        return Err(unusable(&format_args!("gateway {} is listed twice", twice.id)));
    }
    check_instances(&file.gateway).map_err(|error| unusable(&error))?;
    file.gateway.into_iter().map(|table| table.record().map_err(|error| unusable(&error))).collect()
}

/// An instance has one gateway.
fn check_instances(gateways: &[Table]) -> Result<(), String> {
    let mut gateway_of = BTreeMap::new();
    for Table { id, instance, .. } in gateways {
        if let Some(first) = gateway_of.insert(instance, id) {
            return Err(format!(
                "gateways {first} and {id} both have instance {instance}: give one of them another, or drop it"
            ));
        }
    }
    Ok(())
}

/// The message without the value that it is about, which may be a secret.
fn discreet(message: &str) -> String {
    let is_about_value = |what: &str| what.starts_with("invalid type") || what.starts_with("invalid value");
    match message.split_once(", expected ").filter(|(what, _)| is_about_value(what)) {
        Some((_, expected)) => format!("a value is of the wrong type, expected {expected}"),
        None => message.to_owned(),
    }
}

impl Table {
    fn record(self) -> Result<GatewayRecord, String> {
        if let Some(wake_url) = &self.wake_url {
            check_wake_url(wake_url).map_err(|error| format!("gateway {}: {error}", self.id))?;
        }
        let secrets = std::iter::once(self.secret).chain(self.previous_secret).map(Secret::new).collect();
        let owner = Owner { tenant: self.tenant, instance: self.instance };
        Ok(GatewayRecord { id: self.id, owner, secrets, wake_url: self.wake_url })
    }
}

/// Whether a host can be woken there.
///
/// # Errors
/// In words, when it cannot.
pub(super) fn check_wake_url(wake_url: &str) -> Result<(), String> {
    match reqwest::Url::parse(wake_url) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(()),
        Ok(_) | Err(_) => Err(format!("wake_url {wake_url:?} is no http or https URL")),
    }
}
