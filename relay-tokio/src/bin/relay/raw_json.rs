//! JSON that somebody else wrote, passed on as it was written.

use relay_tokio::proto::json::Json;
use serde_json::value::RawValue;

/// The value with its digits and the order of its keys; a text that was cut inside an emoji ends in U+FFFD. `None` when it is
/// no JSON.
pub(crate) fn mended(json: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(Json::parse(json)?.mended().into_owned()).ok()
}
