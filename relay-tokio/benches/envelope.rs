//! The least that a reader of a frame does.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// What any reader of the envelope takes out of it.
#[derive(Deserialize)]
#[allow(dead_code, reason = "not every benchmark looks at all of it")]
pub(crate) struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) event: Option<&'a RawValue>,
    #[serde(borrow, rename = "bufferId")]
    pub(crate) buffer_id: Option<Cow<'a, str>>,
}

impl<'a> Envelope<'a> {
    pub(crate) fn read(line: &'a str) -> Self {
        serde_json::from_str(line).expect("an envelope")
    }
}
