//! Who may connect: the gateways that the connector knows, and the check of the token that each shows.

use std::collections::BTreeMap;
use std::fmt;

use relay_proto::Close;
use relay_proto::CloseCode;
use relay_proto::auth::{Secret, TokenError, peek_gateway_id, verify_token};
use relay_proto::close::{REASON_EXPIRED, REASON_UNAUTHORIZED};

use super::platform::Owner;

/// A gateway that the connector knows.
#[derive(Clone, Debug)]
pub struct GatewayRecord {
    /// The gateway's name.
    pub id: String,
    /// Whose it is.
    pub owner: Owner,
    /// The secrets by which it may prove itself: the present one first, then the one before it.
    pub secrets: Vec<Secret>,
    /// Where a sleeping host of it is woken, if anywhere.
    pub wake_url: Option<String>,
}

/// Why a gateway cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterError {
    /// Another gateway, not revoked, has the instance.
    InstanceTaken,
    /// The gateway belongs to another instance.
    GatewayTaken,
    /// The instance belongs to another tenant.
    OtherTenant,
    /// The record lacks an id, an instance or a secret.
    Incomplete,
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InstanceTaken => "another gateway has this instance: revoke it first",
            Self::GatewayTaken => "this gateway belongs to another instance",
            Self::OtherTenant => "this instance belongs to another tenant",
            Self::Incomplete => "a gateway needs an id, a tenant, an instance and a secret",
        })
    }
}

impl std::error::Error for RegisterError {}

/// What a revocation finds.
pub(super) enum Revocation<'a> {
    /// No gateway of this name.
    Unknown,
    /// One that was revoked before. Its instance may have another gateway by now.
    Before,
    /// One that was accepted until now, and whose it is.
    Now(&'a Owner),
}

#[derive(Default)]
pub(super) struct Registry {
    gateways: BTreeMap<String, Known>,
}

struct Known {
    record: GatewayRecord,
    revoked: bool,
}

impl Registry {
    pub(super) fn register(&mut self, record: GatewayRecord) -> Result<(), RegisterError> {
        let Owner { tenant, instance } = &record.owner;
        let secretless = record.secrets.iter().all(Secret::is_empty);
        if record.id.is_empty() || tenant.is_empty() || instance.is_empty() || secretless {
            return Err(RegisterError::Incomplete);
        }
        for (id, known) in &self.gateways {
            let same_instance = known.record.owner.instance == *instance;
            if same_instance && known.record.owner.tenant != *tenant {
                return Err(RegisterError::OtherTenant);
            }
            if *id == record.id && !same_instance {
                return Err(RegisterError::GatewayTaken);
            }
            if *id != record.id && same_instance && !known.revoked {
                return Err(RegisterError::InstanceTaken);
            }
        }
        self.gateways.insert(record.id.clone(), Known { record, revoked: false });
        Ok(())
    }

    /// The gateway is not accepted any more (rule C11).
    pub(super) fn revoke(&mut self, id: &str) -> Revocation<'_> {
        let Some(known) = self.gateways.get_mut(id) else { return Revocation::Unknown };
        if known.revoked {
            return Revocation::Before;
        }
        known.revoked = true;
        // Wiped, so that no mistake later can accept it.
        known.record.secrets.clear();
        Revocation::Now(&known.record.owner)
    }

    /// Whose gateway shows this `Authorization` header, or with which close frame it is refused once the upgrade
    /// is complete (rule C1).
    pub(super) fn authenticate(
        &self,
        authorization: Option<&str>,
        unix_time: u64,
    ) -> Result<&GatewayRecord, Close> {
        let unauthorized = || Close::new(CloseCode::UNAUTHORIZED, REASON_UNAUTHORIZED);
        let token = authorization.and_then(bearer).ok_or_else(unauthorized)?;
        let id = peek_gateway_id(token).ok_or_else(unauthorized)?;
        let known = self.gateways.get(&id).filter(|known| !known.revoked).ok_or_else(unauthorized)?;
        match verify_token(token, &known.record.secrets, unix_time) {
            Ok(_) => Ok(&known.record),
            Err(TokenError::Expired { .. }) => Err(Close::new(CloseCode::UNAUTHORIZED, REASON_EXPIRED)),
            Err(TokenError::Malformed | TokenError::BadSignature) => Err(unauthorized()),
        }
    }

    /// The gateways, in the order of their names, and whether each is revoked.
    pub(super) fn all(&self) -> impl Iterator<Item = (&GatewayRecord, bool)> {
        self.gateways.values().map(|known| (&known.record, known.revoked))
    }
}

/// The token of a bearer header. The scheme is compared as HTTP asks: in any case.
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay_proto::auth::mint_token;

    const NOW: u64 = 1_750_000_000;

    fn record(id: &str, tenant: &str, instance: &str) -> GatewayRecord {
        let owner = Owner { tenant: tenant.into(), instance: instance.into() };
        let secrets = vec![Secret::new("new"), Secret::new("old")];
        GatewayRecord { id: id.into(), owner, secrets, wake_url: None }
    }

    fn registry() -> Registry {
        let mut registry = Registry::default();
        registry.register(record("gw:1", "t", "i")).unwrap();
        registry
    }

    fn reason(registry: &Registry, authorization: Option<&str>) -> Option<String> {
        let close = registry.authenticate(authorization, NOW).err()?;
        assert_eq!(close.code, CloseCode::UNAUTHORIZED);
        Some(close.reason.into())
    }

    fn shown(id: &str, secret: &str, expires_at: u64) -> String {
        format!("Bearer {}", mint_token(id, &Secret::new(secret), Some(expires_at)))
    }

    /// C1: `expired` only for a good signature whose time has passed and whose secret is not revoked.
    #[test]
    fn who_is_refused_and_how() {
        let mut registry = registry();
        for secret in ["new", "old"] {
            assert_eq!(reason(&registry, Some(&shown("gw:1", secret, NOW + 1))), None);
            assert_eq!(reason(&registry, Some(&shown("gw:1", secret, NOW - 1))).as_deref(), Some("expired"));
        }
        let unauthorized = Some("unauthorized");
        for wrong in [
            None,
            Some(""),
            Some("Bearer"),
            Some("Bearer x"),
            Some("Basic Zm9vOmJhcg=="),
            Some(&*shown("gw:1", "wrong", NOW + 1)),
            Some(&*shown("gw:1", "wrong", NOW - 1)),
            Some(&*shown("gw:2", "new", NOW + 1)),
        ] {
            assert_eq!(reason(&registry, wrong).as_deref(), unauthorized, "{wrong:?}");
        }
        registry.revoke("gw:1");
        for expires_at in [NOW + 1, NOW - 1] {
            assert_eq!(reason(&registry, Some(&shown("gw:1", "new", expires_at))).as_deref(), unauthorized);
        }
    }

    /// C2: the owner is that of the record.
    #[test]
    fn the_owner_comes_from_the_record() {
        let registry = registry();
        let record = registry.authenticate(Some(&shown("gw:1", "new", NOW + 1)), NOW).unwrap();
        assert_eq!((&*record.owner.tenant, &*record.owner.instance), ("t", "i"));
    }

    /// C2: nothing that is registered crosses a tenant or takes another gateway's place.
    #[test]
    fn what_cannot_be_registered() {
        let mut registry = registry();
        let mut refused = |new: GatewayRecord| registry.register(new).err();
        assert_eq!(refused(record("gw:2", "t", "i")), Some(RegisterError::InstanceTaken));
        assert_eq!(refused(record("gw:1", "t", "j")), Some(RegisterError::GatewayTaken));
        assert_eq!(refused(record("gw:2", "u", "i")), Some(RegisterError::OtherTenant));
        assert_eq!(refused(record("", "t", "j")), Some(RegisterError::Incomplete));
        let secretless = GatewayRecord { secrets: vec![Secret::new("")], ..record("gw:3", "t", "j") };
        assert_eq!(refused(secretless), Some(RegisterError::Incomplete));
        assert_eq!(refused(record("gw:1", "t", "i")), None, "the same again, say with another secret");
        registry.revoke("gw:1");
        registry.register(record("gw:2", "t", "i")).unwrap();
    }
}
