//! Which bots a gateway fronts.

use relay_tokio::proto::gateway::Identity;
use serde_json::{Map, Value};

use crate::output::complain;

/// Reads `PLATFORM[:BOT_ID]`, the default one first.
///
/// # Errors
/// In words, when one is malformed or given twice.
pub(super) fn from_arguments(arguments: &[String]) -> Result<Vec<Identity>, String> {
    let mut identities: Vec<Identity> = Vec::new();
    for argument in arguments {
        let (platform, bot_id) = argument.split_once(':').unwrap_or((argument, ""));
        let (platform, bot_id) = (platform.trim(), bot_id.trim());
        if !is_platform(platform) {
            return Err(format!("{argument:?} is malformed: write PLATFORM or PLATFORM:BOT_ID"));
        }
        if !is_bot_id(bot_id) {
            return Err(format!("{argument:?} is malformed: a bot id has no blanks"));
        }
        let identity = Identity::new(platform, bot_id);
        if identities.contains(&identity) {
            return Err(format!("{argument:?} is given twice"));
        }
        identities.push(identity);
    }
    Ok(identities)
}

/// Reads `GATEWAY_RELAY_PLATFORMS` and `GATEWAY_RELAY_BOT_IDS`, or the older `GATEWAY_RELAY_PLATFORM` and
/// `GATEWAY_RELAY_BOT_ID`. Without any, there are none, which counts as the generic one.
///
/// # Errors
/// In words, when a name is malformed.
pub(super) fn from_environment(
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Identity>, String> {
    let variable = |name: &str| {
        let value = environment(&format!("GATEWAY_RELAY_{name}")).unwrap_or_default();
        value.trim().to_owned()
    };
    let platforms = variable("PLATFORMS");
    if platforms.is_empty() {
        return single(&variable("PLATFORM"), &variable("BOT_ID"));
    }
    let bots = bot_ids(&variable("BOT_IDS"));
    let mut identities: Vec<Identity> = Vec::new();
    for name in platforms.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        // A platform has one bot here, so to name it once more says nothing new.
        if identities.iter().all(|known| *known.platform != *name) {
            let bot_id = bots.get(name).map_or_else(String::new, |bot| bot_id(name, bot));
            identities.push(named("GATEWAY_RELAY_PLATFORMS", name, "GATEWAY_RELAY_BOT_IDS", &bot_id)?);
        }
    }
    Ok(identities)
}

fn single(platform: &str, bot_id: &str) -> Result<Vec<Identity>, String> {
    if platform.is_empty() && bot_id.is_empty() {
        return Ok(Vec::new());
    }
    let platform = if platform.is_empty() { "relay" } else { platform };
    Ok(vec![named("GATEWAY_RELAY_PLATFORM", platform, "GATEWAY_RELAY_BOT_ID", bot_id)?])
}

/// An identity whose platform and bot stand in these variables.
fn named(platform_in: &str, platform: &str, bot_in: &str, bot_id: &str) -> Result<Identity, String> {
    if !is_platform(platform) {
        return Err(format!(
            "{platform_in}: {platform:?} is malformed: a platform's name has no blanks or signs"
        ));
    }
    if !is_bot_id(bot_id) {
        return Err(format!("{bot_in}: {bot_id:?} is malformed: a bot id has no blanks"));
    }
    Ok(Identity::new(platform, bot_id))
}

fn is_platform(name: &str) -> bool {
    let is_in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.is_empty() && name.chars().all(is_in_name)
}

fn is_bot_id(id: &str) -> bool {
    !id.chars().any(|c| c.is_control() || c.is_whitespace())
}

fn bot_ids(json: &str) -> Map<String, Value> {
    if json.is_empty() {
        return Map::new();
    }
    serde_json::from_str(json).unwrap_or_else(|_| {
        complain("relay: warning: GATEWAY_RELAY_BOT_IDS is no JSON object, and counts as empty");
        Map::new()
    })
}

/// The bot of a platform. An id is often written as the number that it looks like.
fn bot_id(platform: &str, bot: &Value) -> String {
    let id = match bot {
        Value::Object(bot) => bot.get("botId").unwrap_or(&Value::Null),
        other => other,
    };
    match id {
        Value::String(id) => id.trim().to_owned(),
        Value::Number(id) if !id.is_f64() => id.to_string(),
        Value::Null => String::new(),
        // A number that is not whole, or is too large, is not what was written any more.
        Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            complain(format_args!(
                "relay: warning: GATEWAY_RELAY_BOT_IDS: the botId of {platform} is no text, and counts as empty: \
                 put it in quotes"
            ));
            String::new()
        }
    }
}
