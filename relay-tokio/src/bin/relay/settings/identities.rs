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
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if platform.is_empty() || !platform.chars().all(is_name) {
            return Err(format!("{argument:?} is malformed: write PLATFORM or PLATFORM:BOT_ID"));
        }
        if bot_id.chars().any(|c| c.is_control() || c.is_whitespace()) {
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
pub(super) fn from_environment(environment: &dyn Fn(&str) -> Option<String>) -> Vec<Identity> {
    let variable = |name: &str| {
        let value = environment(&format!("GATEWAY_RELAY_{name}")).unwrap_or_default();
        value.trim().to_owned()
    };
    let platforms = variable("PLATFORMS");
    if platforms.is_empty() {
        let platform = variable("PLATFORM");
        let bot_id = variable("BOT_ID");
        if platform.is_empty() && bot_id.is_empty() {
            return Vec::new();
        }
        let platform = if platform.is_empty() { "relay" } else { &platform };
        return vec![Identity::new(platform, bot_id)];
    }
    let bots = bot_ids(&variable("BOT_IDS"));
    let names = platforms.split(',').map(str::trim).filter(|name| !name.is_empty());
    let bot_of = |name: &str| match bots.get(name) {
        Some(Value::Object(bot)) => {
            bot.get("botId").and_then(Value::as_str).unwrap_or_default().trim().to_owned()
        }
        Some(Value::String(bot_id)) => bot_id.trim().to_owned(),
        _ => String::new(),
    };
    names.map(|name| Identity::new(name, bot_of(name))).collect()
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
