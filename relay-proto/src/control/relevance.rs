//! What a gateway's settings say about relevance, as the policy that it declares to its connector.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Deserialize;

use super::PolicyRequest;

/// What one level of the settings, a platform's own or the top one, says about relevance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct RelevanceSettings {
    /// `require_mention`.
    pub require_mention: Option<bool>,
    /// `free_response_channels`.
    pub free_response_channels: Option<Channels>,
}

/// A list of channels, or one text with commas between them. Numbers count as their digits, since ids are often written
/// without quotes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(from = "Written")]
pub enum Channels {
    /// A list.
    List(Vec<String>),
    /// A text with commas.
    Text(String),
}

/// [`Channels`] as people write them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    List(Vec<Name>),
    One(Name),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Name {
    Text(String),
    Id(u64),
    NegativeId(i64),
}

impl From<Written> for Channels {
    fn from(written: Written) -> Self {
        match written {
            Written::List(names) => Self::List(names.into_iter().map(String::from).collect()),
            Written::One(name) => Self::Text(name.into()),
        }
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        match name {
            Name::Text(text) => text,
            Name::Id(id) => id.to_string(),
            Name::NegativeId(id) => id.to_string(),
        }
    }
}

impl Channels {
    /// The channels, trimmed, the empty ones left out.
    #[must_use]
    pub fn to_list(&self) -> Vec<String> {
        match self {
            Self::List(list) => trimmed(list.iter().map(String::as_str)),
            Self::Text(text) => trimmed(text.split(',')),
        }
    }
}

/// The policy that a gateway declares for a platform: what the platform's `own` settings say, with the `top` ones
/// standing in for each that is not set, and the value of the variable `{PLATFORM}_ALLOW_BOTS`.
///
/// `None` when there is nothing to declare: all of it is at its default, or the platform is the generic `relay`.
#[must_use]
pub fn relevance_policy(
    platform: &str,
    own: &RelevanceSettings,
    top: &RelevanceSettings,
    allow_bots: Option<&str>,
) -> Option<PolicyRequest> {
    let channels = own.free_response_channels.as_ref().or(top.free_response_channels.as_ref());
    let bots = allow_bots.unwrap_or_default().trim().to_ascii_lowercase();
    let policy = PolicyRequest {
        platform: platform.to_string(),
        require_address: own.require_mention.or(top.require_mention).unwrap_or(false),
        free_response_scopes: channels.map(Channels::to_list).unwrap_or_default(),
        allow_other_bots: matches!(&*bots, "mentions" | "all"),
    };
    let says_nothing =
        !policy.require_address && policy.free_response_scopes.is_empty() && !policy.allow_other_bots;
    let concrete = !matches!(platform, "" | "relay");
    (concrete && !says_nothing).then_some(policy)
}

fn trimmed<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.map(str::trim).filter(|name| !name.is_empty()).map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_declared_only_when_it_says_something() {
        let none = RelevanceSettings::default();
        assert_eq!(relevance_policy("discord", &none, &none, None), None);
        assert_eq!(relevance_policy("discord", &none, &none, Some("none")), None);
        let off = RelevanceSettings {
            require_mention: Some(false),
            free_response_channels: Some(Channels::Text(" , ".into())),
        };
        assert_eq!(relevance_policy("discord", &off, &none, Some("")), None);
        let on = RelevanceSettings { require_mention: Some(true), ..RelevanceSettings::default() };
        assert_eq!(relevance_policy("relay", &on, &none, None), None);
        assert_eq!(relevance_policy("", &on, &none, None), None);
        assert!(relevance_policy("discord", &none, &none, Some(" Mentions ")).unwrap().allow_other_bots);
    }

    #[test]
    fn top_level_settings_stand_in_one_by_one() {
        let own: RelevanceSettings = serde_json::from_str(r#"{"require_mention":false}"#).unwrap();
        let top: RelevanceSettings =
            serde_json::from_str(r#"{"require_mention":true,"free_response_channels":" a, ,b"}"#).unwrap();
        let policy = relevance_policy("slack", &own, &top, Some("all")).unwrap();
        assert_eq!(
            serde_json::to_string(&policy).unwrap(),
            r#"{"platform":"slack","requireAddress":false,"freeResponseScopes":["a","b"],"allowOtherBots":true}"#
        );
        let own: RelevanceSettings = serde_json::from_str(
            r#"{"require_mention":true,"free_response_channels":[123456789012345678,-100,"x"]}"#,
        )
        .unwrap();
        let policy = relevance_policy("slack", &own, &top, None).unwrap();
        assert_eq!(policy.free_response_scopes, ["123456789012345678", "-100", "x"]);
        let one: RelevanceSettings = serde_json::from_str(r#"{"free_response_channels":7}"#).unwrap();
        assert_eq!(one.free_response_channels.unwrap().to_list(), ["7"]);
        let own: RelevanceSettings =
            serde_json::from_str(r#"{"free_response_channels":[" c ",""]}"#).unwrap();
        let policy = relevance_policy("slack", &own, &top, None).unwrap();
        assert_eq!((policy.require_address, policy.free_response_scopes), (true, ["c".to_string()].into()));
    }
}
