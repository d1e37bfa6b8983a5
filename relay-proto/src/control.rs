//! The bodies of the control plane.
//!
//! Requests and answers have the names of the wire; what is not set is left out, and unknown fields are ignored:
//! an instance named in a body never counts, because the credential says which one it is (rule C2). A credential
//! in a body is written out there and nowhere else (rule A5).

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::auth::Secret;

mod relevance;

pub use relevance::{Channels, RelevanceSettings, relevance_policy};

/// `POST /relay/enroll`, with the identity's bearer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnrollRequest {
    /// The single-use token that an operator was given.
    #[serde(with = "exposed")]
    pub enrollment_token: Secret,
    /// The gateway to enroll.
    pub gateway_id: String,
}

/// `POST /relay/provision`, with the identity's bearer; one a fronted platform, under the same gateway id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionRequest {
    /// The gateway to provision.
    pub gateway_id: String,
    /// A platform that it fronts.
    pub platform: String,
    /// Its bot there.
    #[serde(default)]
    pub bot_id: String,
    /// The gateway's own public URL; empty without one.
    #[serde(default)]
    pub gateway_endpoint: String,
    /// The scopes, chats or paths that are the tenant's.
    #[serde(default)]
    pub route_keys: Vec<String>,
    /// The instance to bind the gateway to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// Where a `GET` wakes the gateway's host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake_url: Option<String>,
    /// What to call the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// The answer to an enrollment or a provision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CredentialsReply {
    /// `Some(false)` when the gateway has its secret already and none is handed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_issued: Option<bool>,
    /// The gateway's secret.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "exposed_if_any")]
    pub secret: Option<Secret>,
    /// The tenant's key for stored deliveries.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "exposed_if_any")]
    pub delivery_key: Option<Secret>,
    /// The tenant, as the connector has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The gateway, as the connector has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_id: Option<String>,
    /// The route keys that were accepted; not sent at an enrollment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route_keys: Option<Vec<String>>,
}

impl CredentialsReply {
    /// The secret that was issued. `None` leaves whatever is held as it is: nothing was issued, or nothing usable.
    #[must_use]
    pub fn issued(&self) -> Option<&Secret> {
        self.secret.as_ref().filter(|secret| self.secret_issued != Some(false) && !secret.is_empty())
    }
}

/// The body of a refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReply {
    /// What is wrong, for a person to read.
    #[serde(default)]
    pub error: String,
}

/// `POST /relay/policy`, with a gateway token: which messages are relevant to an agent on a platform. Each
/// declaration replaces the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRequest {
    /// The platform.
    pub platform: String,
    /// Whether a message must address the agent.
    #[serde(default)]
    pub require_address: bool,
    /// The scopes in which it need not.
    #[serde(default)]
    pub free_response_scopes: Vec<String>,
    /// Whether messages of other bots count.
    #[serde(default)]
    pub allow_other_bots: bool,
}

/// The answer to `POST /relay/media`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MediaReply {
    /// Under which name to `GET` it.
    pub id: String,
    /// Bytes.
    #[serde(default)]
    pub size: u64,
}

/// The answer to `POST /manage/link`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkReply {
    /// What its owner is to send as `/link CODE` in a direct message (rule C14).
    #[serde(with = "exposed")]
    pub code: Secret,
    /// For how many seconds.
    pub expires_in: u64,
}

/// `POST /manage/scope` and `/manage/scope/release`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ScopeRequest {
    /// The platform.
    pub platform: String,
    /// The guild, workspace or server; none on a platform that has no such thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guild: Option<String>,
    /// The channel; none means the whole guild.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

/// `POST /manage/principal`: whose messages reach the instance, besides its owner's (rule C13).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PrincipalRequest {
    /// The policy.
    pub policy: PrincipalPolicy,
    /// The people of an [`PrincipalPolicy::AllowList`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
}

/// Whose messages reach an instance, in the scopes that it was granted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrincipalPolicy {
    /// Its owner's alone.
    #[default]
    OwnerOnly,
    /// Those of the people listed.
    AllowList,
    /// Everybody's.
    Any,
}

/// `POST /manage/dm-default`: this instance answers direct messages on the platform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DmDefaultRequest {
    /// The platform.
    pub platform: String,
}

/// The only way by which a secret gets into JSON and out of it.
mod exposed {
    use alloc::string::String;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::auth::Secret;

    pub(super) fn serialize<S: Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        String::deserialize(from).map(Secret::new)
    }
}

mod exposed_if_any {
    use alloc::string::String;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::auth::Secret;

    pub(super) fn serialize<S: Serializer>(secret: &Option<Secret>, to: S) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Secret::expose).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
        Option::<String>::deserialize(from).map(|secret| secret.map(Secret::new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn json<T: Serialize>(body: &T) -> String {
        serde_json::to_string(body).unwrap()
    }

    #[test]
    fn what_is_not_set_is_left_out() {
        let mut request =
            ProvisionRequest { gateway_id: "g".into(), platform: "p".into(), ..ProvisionRequest::default() };
        let plain = r#"{"gatewayId":"g","platform":"p","botId":"","gatewayEndpoint":"","routeKeys":[]}"#;
        assert_eq!(json(&request), plain);
        assert_eq!(
            serde_json::from_str::<ProvisionRequest>(r#"{"gatewayId":"g","platform":"p"}"#).unwrap(),
            request
        );
        request.wake_url = Some("https://w".into());
        assert_eq!(json(&request), plain.replace('}', r#","wakeUrl":"https://w"}"#));
        let scope = ScopeRequest { platform: "p".into(), guild: Some("1".into()), channel: None };
        assert_eq!(json(&scope), r#"{"platform":"p","guild":"1"}"#);
    }

    /// A5.
    #[test]
    fn credentials_show_in_bodies_alone() {
        let request = EnrollRequest { enrollment_token: Secret::new("hunter2"), gateway_id: "g".into() };
        assert_eq!(json(&request), r#"{"enrollmentToken":"hunter2","gatewayId":"g"}"#);
        let reply: CredentialsReply =
            serde_json::from_str(r#"{"secret":"hunter2","deliveryKey":"hunter3"}"#).unwrap();
        assert_eq!(json(&reply), r#"{"secret":"hunter2","deliveryKey":"hunter3"}"#);
        let link = LinkReply { code: Secret::new("hunter4"), expires_in: 600 };
        assert_eq!(json(&link), r#"{"code":"hunter4","expiresIn":600}"#);
        let shown = format!("{request:?} {reply:?} {link:?}");
        assert!(!shown.contains("hunter"), "{shown}");
    }

    #[test]
    fn a_reply_without_a_secret_leaves_what_is_held() {
        for (reply, issued) in [
            (
                r#"{"secret":"s","deliveryKey":"d","tenant":"t","gatewayId":"g","routeKeys":["r"],"later":1}"#,
                true,
            ),
            (r#"{"secretIssued":true,"secret":"s"}"#, true),
            (r#"{"secretIssued":false,"tenant":"t"}"#, false),
            (r#"{"secretIssued":false,"secret":"s"}"#, false),
            (r#"{"secret":""}"#, false),
            (r#"{"secret":null}"#, false),
        ] {
            assert_eq!(
                serde_json::from_str::<CredentialsReply>(reply).unwrap().issued().is_some(),
                issued,
                "{reply}"
            );
        }
    }

    #[test]
    fn principals_have_the_names_of_the_wire() {
        let request = PrincipalRequest { policy: PrincipalPolicy::AllowList, allow: ["u".into()].into() };
        assert_eq!(json(&request), r#"{"policy":"allow-list","allow":["u"]}"#);
        for (name, policy) in [("owner-only", PrincipalPolicy::OwnerOnly), ("any", PrincipalPolicy::Any)] {
            assert_eq!(json(&policy), format!("\"{name}\""));
        }
    }
}
