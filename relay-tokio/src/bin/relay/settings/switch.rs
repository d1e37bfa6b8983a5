//! `platforms.relay.enabled`: whether there is to be a relay at all.

use serde_json::{Map, Value};

use super::file::table;

/// Whether the file switches the relay off. The place at the top counts before the one under `gateway`.
///
/// # Errors
/// In words, when it is not clear: to dial would be to do what somebody may have forbidden.
pub(super) fn is_off(
    root: &Map<String, Value>,
    gateway: Option<&Map<String, Value>>,
) -> Result<bool, String> {
    let top = enabled("", root)?;
    let nested = gateway.map(|gateway| enabled("gateway.", gateway)).transpose()?.flatten();
    Ok(top.or(nested) == Some(false))
}

fn enabled(place: &str, root: &Map<String, Value>) -> Result<Option<bool>, String> {
    let platforms = table(root, "platforms", &format!("{place}platforms: write a table of platforms"))?;
    let relay = platforms.map(|platforms| {
        table(platforms, "relay", &format!("{place}platforms.relay: write a table with `enabled`"))
    });
    match relay.transpose()?.flatten().and_then(|relay| relay.get("enabled")) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match switch(value) {
            Some(enabled) => Ok(Some(enabled)),
            None => Err(format!("{place}platforms.relay.enabled: write true or false")),
        },
    }
}

/// On or off, in all the ways that the published client takes.
fn switch(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(enabled) => Some(*enabled),
        Value::Number(number) => Some(number.as_f64() != Some(0.0)),
        Value::String(word) => match word.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
