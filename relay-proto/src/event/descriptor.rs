//! What a connector says of a platform at the handshake: its limits and what it can do.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;

use super::projection::{PLAIN, PlatformEntry, RuntimeFacts};
use crate::json::{Fields, Json};
use crate::text::{LengthUnit, TextLimit};

/// The version of the wire contract that this crate speaks.
pub const CONTRACT_VERSION: u32 = 1;

/// The ops of a connector that lists none (rule O8).
pub const LEGACY_OPS: [&str; 4] = ["send", "edit", "typing", "follow_up"];

/// A capability descriptor: the limits and the capabilities of one fronted platform.
// The fields stand in the order of their names, because that is the order in which they are written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Descriptor {
    /// The version of the wire contract; within one version fields are only ever added.
    pub contract_version: u32,
    /// What to show beside the label.
    pub emoji: String,
    /// What to call the platform.
    pub label: String,
    /// `chars` or `utf16`, as received; [`Self::len_unit`] says what it means.
    pub len_unit: String,
    /// `plain`, `markdown_v2`, `discord` …
    pub markdown_dialect: String,
    /// The longest text that the platform takes, in the length unit; never 0.
    pub max_message_length: u32,
    /// Whether names and ids are to be kept out of prompts.
    pub pii_safe: bool,
    /// The platform's name on the wire.
    pub platform: String,
    /// What an agent is told of the platform.
    pub platform_hint: String,
    /// The ops that the connector carries out; empty means [`LEGACY_OPS`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supported_ops: Vec<String>,
    /// Whether block formatting may be asked for in a send's metadata.
    #[serde(skip_serializing_if = "is_false")]
    pub supports_block_formatting: bool,
    /// Whether events may carry surrounding messages.
    pub supports_context: bool,
    /// Whether a growing text can be shown as a draft.
    pub supports_draft_streaming: bool,
    /// Whether a sent message can be edited.
    pub supports_edit: bool,
    /// Whether a job can go on in a channel without a thread of its own.
    #[serde(skip_serializing_if = "is_false")]
    pub supports_inchannel_continuable: bool,
    /// Whether threads can be opened.
    pub supports_threads: bool,
}

impl Descriptor {
    /// In bytes of JSON. A peer that sends more does not describe a platform.
    pub(crate) const LARGEST: usize = 64 << 10;

    /// Reads a descriptor. Unknown fields are ignored, optional ones of the wrong type take their defaults, and a
    /// `max_message_length` that is 0, negative or no number becomes 4096.
    ///
    /// # Errors
    /// The first required field that is missing or of the wrong type (rule H4).
    pub fn parse(json: &str) -> Result<Self, DescriptorError> {
        let fields = Fields::parse(json).ok_or(DescriptorError::NoObject)?;
        let mut descriptor = Self::required(&fields)?;
        if let Some(emoji) = optional_text(&fields, "emoji") {
            descriptor.emoji = emoji;
        }
        descriptor.platform_hint = optional_text(&fields, "platform_hint").unwrap_or_default();
        descriptor.pii_safe = fields.flag("pii_safe");
        descriptor.supports_context = fields.flag("supports_context");
        descriptor.supports_inchannel_continuable = fields.flag("supports_inchannel_continuable");
        descriptor.supports_block_formatting = fields.flag("supports_block_formatting");
        descriptor.supported_ops = fields
            .elements("supported_ops")
            .into_iter()
            .filter_map(Json::string)
            .filter(|op| !op.is_empty())
            .map(Into::into)
            .collect();
        Ok(descriptor)
    }

    /// Compact JSON with sorted keys and without escaped non-ASCII. `supported_ops`, `supports_block_formatting`
    /// and `supports_inchannel_continuable` are written only when they say something.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings, numbers and bools always have a JSON form")
    }

    /// The unit of [`Self::max_message_length`]; an unknown one counts as characters.
    #[must_use]
    pub fn len_unit(&self) -> LengthUnit {
        LengthUnit::from_name(&self.len_unit)
    }

    /// The longest text that the platform takes (rule H3).
    #[must_use]
    pub fn limit(&self) -> TextLimit {
        TextLimit { max: self.max_message_length as usize, unit: self.len_unit() }
    }

    /// Whether the platform shows code blocks: every dialect but the empty one and `plain` has them.
    #[must_use]
    pub fn supports_code_blocks(&self) -> bool {
        !matches!(self.markdown_dialect.as_str(), "" | PLAIN)
    }

    /// Whether the connector carries out `op` (rule O8).
    #[must_use]
    pub fn allows(&self, op: &str) -> bool {
        if self.supported_ops.is_empty() {
            LEGACY_OPS.contains(&op)
        } else {
            self.supported_ops.iter().any(|listed| listed == op)
        }
    }

    fn required(fields: &Fields<'_>) -> Result<Self, DescriptorError> {
        let entry = PlatformEntry {
            max_message_length: required(fields, "max_message_length", "number", whole)?,
            ..PlatformEntry::new(required_text(fields, "platform")?, required_text(fields, "label")?)
        };
        let facts = RuntimeFacts {
            supports_draft_streaming: required_flag(fields, "supports_draft_streaming")?,
            supports_edit: required_flag(fields, "supports_edit")?,
            supports_threads: required_flag(fields, "supports_threads")?,
            markdown_dialect: required_text(fields, "markdown_dialect")?,
            ..RuntimeFacts::default()
        };
        let version = |version: Json<'_>| version.get().parse().ok();
        Ok(Self {
            contract_version: required(fields, "contract_version", "whole number", version)?,
            len_unit: required_text(fields, "len_unit")?,
            ..Self::project(entry, facts)
        })
    }
}

/// Why a descriptor cannot be used (rule H4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DescriptorError {
    /// It is no JSON object.
    NoObject,
    /// A required field is not there.
    Missing {
        /// The field's name.
        field: &'static str,
    },
    /// A required field has the wrong type.
    WrongType {
        /// The field's name.
        field: &'static str,
        /// The type that it must have.
        wanted: &'static str,
    },
}

impl fmt::Display for DescriptorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoObject => f.write_str("the descriptor is no JSON object"),
            Self::Missing { field } => write!(f, "the descriptor lacks the required field `{field}`"),
            Self::WrongType { field, wanted } => write!(f, "the descriptor's field `{field}` is no {wanted}"),
        }
    }
}

impl core::error::Error for DescriptorError {}

fn required<'a, T>(
    fields: &Fields<'a>,
    field: &'static str,
    wanted: &'static str,
    read: impl FnOnce(Json<'a>) -> Option<T>,
) -> Result<T, DescriptorError> {
    let value = fields.get(field).ok_or(DescriptorError::Missing { field })?;
    read(value).ok_or(DescriptorError::WrongType { field, wanted })
}

fn required_text(fields: &Fields<'_>, field: &'static str) -> Result<String, DescriptorError> {
    required(fields, field, "string", Json::string).map(Into::into)
}

fn required_flag(fields: &Fields<'_>, field: &'static str) -> Result<bool, DescriptorError> {
    required(fields, field, "bool", Json::bool)
}

fn optional_text(fields: &Fields<'_>, name: &str) -> Option<String> {
    Some(fields.get(name)?.string()?.into())
}

/// The whole part of a number, held between 0 and the largest; what is no number says as little as 0 does.
fn whole(value: Json<'_>) -> Option<u32> {
    Some(value.get().parse::<f64>().map_or(0, |number| number as u32))
}

fn is_false(flag: &bool) -> bool {
    !*flag
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;

    const REQUIRED: [(&str, &str); 9] = [
        ("contract_version", "1"),
        ("platform", "\"discord\""),
        ("label", "\"Discord\""),
        ("max_message_length", "2000"),
        ("supports_draft_streaming", "false"),
        ("supports_edit", "true"),
        ("supports_threads", "true"),
        ("markdown_dialect", "\"discord\""),
        ("len_unit", "\"chars\""),
    ];

    /// The required fields, one of them changed (`Some`) or left out (`None`), and `more` fields.
    fn json(changed: &str, to: Option<&str>, more: &str) -> String {
        let mut json = String::from("{");
        for (name, value) in REQUIRED {
            let value = if name == changed { to } else { Some(value) };
            if let Some(value) = value {
                json += &format!("\"{name}\":{value},");
            }
        }
        json.trim_end_matches(',').to_string() + more + "}"
    }

    /// H4: the error names the field.
    #[test]
    fn a_missing_or_wrong_required_field_is_named() {
        for (name, _) in REQUIRED {
            let error = Descriptor::parse(&json(name, None, "")).unwrap_err();
            assert_eq!(error.to_string(), format!("the descriptor lacks the required field `{name}`"));
            for wrong in ["null", "[]", "{}"] {
                let parsed = Descriptor::parse(&json(name, Some(wrong), ""));
                if name == "max_message_length" {
                    assert_eq!(parsed.unwrap().max_message_length, 4_096);
                } else {
                    assert!(parsed.unwrap_err().to_string().contains(&format!("`{name}` is no ")), "{name}");
                }
            }
        }
        assert_eq!(Descriptor::parse("[]"), Err(DescriptorError::NoObject));
    }

    #[test]
    fn a_length_that_is_none_becomes_the_default() {
        for (length, read) in [
            ("0", 4_096),
            ("-5", 4_096),
            ("0.5", 4_096),
            ("\"9\"", 4_096),
            ("1", 1),
            ("12.9", 12),
            ("1e999", u32::MAX),
        ] {
            let parsed = Descriptor::parse(&json("max_message_length", Some(length), "")).unwrap();
            assert_eq!(parsed.max_message_length, read, "{length}");
        }
    }

    #[test]
    fn optional_fields_of_the_wrong_type_take_their_defaults() {
        let wrong =
            r#","emoji":1,"platform_hint":[],"pii_safe":"yes","supports_context":1,"supported_ops":"send""#;
        let plain = Descriptor::parse(&json("", None, "")).unwrap();
        assert_eq!(Descriptor::parse(&json("", None, wrong)).unwrap(), plain);
        assert_eq!(plain.emoji, "🔌");
    }

    #[test]
    fn everything_set_is_written_and_read_again() {
        let more = r#","emoji":"é\"\n","platform_hint":"日本","pii_safe":true,
            "supports_context":true,"supports_inchannel_continuable":true,"supports_block_formatting":true,
            "supported_ops":["send","",3,"x"]"#;
        let full = Descriptor::parse(&json("len_unit", Some("\"graphemes\""), more)).unwrap();
        assert_eq!(full.supported_ops, ["send", "x"]);
        assert_eq!((full.len_unit(), full.len_unit.as_str()), (LengthUnit::Chars, "graphemes"));
        let text = full.to_json();
        assert_eq!(Descriptor::parse(&text).unwrap(), full);
        let names: Vec<_> = text.split("\":").filter_map(|part| part.rsplit('"').next()).collect();
        assert!(names[..16].is_sorted(), "{text}");
        assert!(text.contains(r#""emoji":"é\"\n""#) && text.contains("日本"), "{text}");
    }

    /// O8: an empty list means the legacy set.
    #[test]
    fn ops_are_those_listed_or_the_legacy_set() {
        let mut descriptor = Descriptor::parse(&json("", None, "")).unwrap();
        assert!(descriptor.allows("follow_up") && !descriptor.allows("react"));
        descriptor.supported_ops = alloc::vec!["react".into()];
        assert!(descriptor.allows("react") && !descriptor.allows("send"));
    }

    #[test]
    fn code_blocks_come_with_any_dialect_but_plain() {
        for (dialect, blocks) in [("", false), ("plain", false), ("discord", true), ("else", true)] {
            let quoted = format!("\"{dialect}\"");
            let descriptor = Descriptor::parse(&json("markdown_dialect", Some(&quoted), "")).unwrap();
            assert_eq!(descriptor.supports_code_blocks(), blocks, "{dialect}");
        }
    }
}
