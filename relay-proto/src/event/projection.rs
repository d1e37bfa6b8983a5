//! Descriptors made on this side: projected from what a registry and an adapter know, or built in.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::descriptor::{CONTRACT_VERSION, Descriptor};
use crate::text::LengthUnit;

/// What a registry of platforms knows of one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlatformEntry {
    /// The platform's name on the wire.
    pub name: String,
    /// What to call it.
    pub label: String,
    /// The longest text that it takes; 0 means that the registry sets no limit, and becomes 4096.
    pub max_message_length: u32,
    /// What to show beside the label; 🔌 by default.
    pub emoji: String,
    /// What an agent is told of the platform.
    pub platform_hint: String,
    /// Whether names and ids are to be kept out of prompts.
    pub pii_safe: bool,
}

impl PlatformEntry {
    /// An entry with everything else at its default.
    pub fn new(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            label: label.into(),
            max_message_length: 0,
            emoji: DEFAULT_EMOJI.into(),
            platform_hint: String::new(),
            pii_safe: false,
        }
    }
}

/// What only a running platform adapter knows of its platform. By default it counts characters, edits messages,
/// and does nothing else of what is optional.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RuntimeFacts {
    /// The unit of the length limit.
    pub len_unit: LengthUnit,
    /// `plain`, `markdown_v2`, `discord` …
    pub markdown_dialect: String,
    /// See [`Descriptor::supports_draft_streaming`].
    pub supports_draft_streaming: bool,
    /// See [`Descriptor::supports_edit`].
    pub supports_edit: bool,
    /// See [`Descriptor::supports_threads`].
    pub supports_threads: bool,
    /// See [`Descriptor::supports_context`].
    pub supports_context: bool,
    /// See [`Descriptor::supports_inchannel_continuable`].
    pub supports_inchannel_continuable: bool,
    /// See [`Descriptor::supports_block_formatting`].
    pub supports_block_formatting: bool,
    /// See [`Descriptor::supported_ops`].
    pub supported_ops: Vec<String>,
}

impl Default for RuntimeFacts {
    fn default() -> Self {
        Self {
            len_unit: LengthUnit::Chars,
            markdown_dialect: PLAIN.into(),
            supports_draft_streaming: false,
            supports_edit: true,
            supports_threads: false,
            supports_context: false,
            supports_inchannel_continuable: false,
            supports_block_formatting: false,
            supported_ops: Vec::new(),
        }
    }
}

impl Descriptor {
    /// The descriptor of a platform that a registry knows, with the facts that only its running adapter knows.
    #[must_use]
    pub fn project(entry: PlatformEntry, facts: RuntimeFacts) -> Self {
        Self {
            contract_version: CONTRACT_VERSION,
            emoji: entry.emoji,
            label: entry.label,
            len_unit: facts.len_unit.as_str().to_string(),
            markdown_dialect: facts.markdown_dialect,
            max_message_length: or_default_length(entry.max_message_length),
            pii_safe: entry.pii_safe,
            platform: entry.name,
            platform_hint: entry.platform_hint,
            supported_ops: facts.supported_ops,
            supports_block_formatting: facts.supports_block_formatting,
            supports_context: facts.supports_context,
            supports_draft_streaming: facts.supports_draft_streaming,
            supports_edit: facts.supports_edit,
            supports_inchannel_continuable: facts.supports_inchannel_continuable,
            supports_threads: facts.supports_threads,
        }
    }

    /// What a connector says of a platform whose hook has not described itself: Discord's and Telegram's own
    /// limits, else 4,096 characters of plain text. Every op of the contract is listed, since a hook is handed
    /// whatever is asked for and answers with what it cannot do; drafts are not announced as a way to stream,
    /// since a hook that does not show them would be called for every word.
    #[must_use]
    pub fn builtin(platform: &str) -> Self {
        let (label, max_message_length, len_unit, markdown_dialect) = match platform {
            "discord" => ("Discord".into(), 2_000, LengthUnit::Chars, "discord"),
            "telegram" => ("Telegram".into(), DEFAULT_LENGTH, LengthUnit::Utf16, "markdown_v2"),
            other => (capitalized(other), DEFAULT_LENGTH, LengthUnit::Chars, PLAIN),
        };
        let entry = PlatformEntry { max_message_length, ..PlatformEntry::new(platform, label) };
        let facts = RuntimeFacts {
            len_unit,
            markdown_dialect: markdown_dialect.into(),
            supports_threads: true,
            supported_ops: HOOK_OPS.map(String::from).into(),
            ..RuntimeFacts::default()
        };
        Self::project(entry, facts)
    }
}

/// The dialect of a platform that shows text as it is.
pub(super) const PLAIN: &str = "plain";

const DEFAULT_LENGTH: u32 = 4_096;
const DEFAULT_EMOJI: &str = "🔌";

const HOOK_OPS: [&str; 12] = [
    "send",
    "edit",
    "typing",
    "follow_up",
    "get_chat_info",
    "delete",
    "send_media",
    "prompt",
    "react",
    "thread_create",
    "thread_rename",
    "draft",
];

fn or_default_length(length: u32) -> u32 {
    if length == 0 { DEFAULT_LENGTH } else { length }
}

fn capitalized(name: &str) -> String {
    let mut rest = name.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// H3: each platform has its own limits, also where its hook says nothing.
    #[test]
    fn builtin_limits_are_the_platforms_own() {
        let discord = Descriptor::builtin("discord");
        assert_eq!((discord.limit().max, discord.limit().unit), (2_000, LengthUnit::Chars));
        let telegram = Descriptor::builtin("telegram");
        assert_eq!((telegram.limit().max, telegram.limit().unit), (4_096, LengthUnit::Utf16));
        assert_eq!(telegram.markdown_dialect, "markdown_v2");
        let web = Descriptor::builtin("élan");
        assert_eq!((web.label.as_str(), web.platform.as_str()), ("Élan", "élan"));
        assert_eq!((web.limit().max, web.supports_code_blocks()), (4_096, false));
        assert!(web.allows("get_chat_info") && web.allows("draft") && !web.allows("x"));
    }

    #[test]
    fn builtin_ones_are_read_as_they_are_written() {
        for platform in ["", "discord", "telegram", "web"] {
            let descriptor = Descriptor::builtin(platform);
            assert_eq!(Descriptor::parse(&descriptor.to_json()), Ok(descriptor));
        }
    }

    #[test]
    fn a_projection_has_the_registrys_and_the_adapters_facts() {
        let entry =
            PlatformEntry { emoji: "🎮".into(), pii_safe: true, ..PlatformEntry::new("irc", "IRC") };
        let projected = Descriptor::project(entry, RuntimeFacts::default());
        assert_eq!(projected.max_message_length, 4_096);
        assert_eq!((projected.emoji.as_str(), projected.pii_safe), ("🎮", true));
        assert!(projected.supports_edit && !projected.supports_threads && projected.allows("typing"));
        let entry = PlatformEntry { max_message_length: 512, ..PlatformEntry::new("irc", "IRC") };
        assert_eq!(Descriptor::project(entry, RuntimeFacts::default()).max_message_length, 512);
    }
}
