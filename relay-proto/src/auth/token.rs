//! The tokens of an upgrade and of the management routes.

use alloc::format;
use alloc::string::String;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Secret, Signature, any_signed, hex, number, sign, unhex};

/// How long a token is good for by default, in seconds.
pub const TOKEN_TTL: u64 = 300;

/// A token for the upgrade and the management routes, as it goes after `Bearer `.
///
/// `expires_at` is in unix seconds; `None` never expires. `Some(0)` is written as 1, because 0 on the wire means
/// never.
#[must_use]
pub fn mint_token(gateway_id: &str, secret: &Secret, expires_at: Option<u64>) -> String {
    let expires_at = expires_at.map_or(0, |at| at.max(1));
    let signed = format!("{gateway_id}:{expires_at}");
    let signature = hex(&sign(secret, &[signed.as_bytes()]));
    URL_SAFE_NO_PAD.encode(format!("{signed}:{signature}"))
}

/// The gateway id that a token claims, to find its secrets by. Nothing is proved by it.
#[must_use]
pub fn peek_gateway_id(token: &str) -> Option<String> {
    Some(Token::parse(token)?.gateway_id().into())
}

/// What a verified token says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Verified {
    /// The gateway that it was minted by.
    pub gateway_id: String,
    /// When it expires, in unix seconds; `None` never.
    pub expires_at: Option<u64>,
}

/// Verifies a token against a rotation list, at `now` in unix seconds. A token is good up to and including the
/// second in which it expires; empty secrets are skipped.
///
/// # Errors
/// [`TokenError::Expired`] only of a token that one of the secrets did sign (rule C1).
pub fn verify_token(token: &str, secrets: &[Secret], now: u64) -> Result<Verified, TokenError> {
    let token = Token::parse(token).ok_or(TokenError::Malformed)?;
    if !any_signed(secrets, &[token.signed().as_bytes()], &token.signature) {
        return Err(TokenError::BadSignature);
    }
    let gateway_id = token.gateway_id().into();
    match token.expires_at {
        0 => Ok(Verified { gateway_id, expires_at: None }),
        at if now > at => Err(TokenError::Expired { gateway_id }),
        at => Ok(Verified { gateway_id, expires_at: Some(at) }),
    }
}

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TokenError {
    /// It is no token.
    Malformed,
    /// None of the secrets signed it.
    BadSignature,
    /// It was good, and is too old.
    Expired {
        /// The gateway that it was minted by.
        gateway_id: String,
    },
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the token is malformed"),
            Self::BadSignature => f.write_str("the token was not signed with a secret that is known here"),
            Self::Expired { gateway_id } => write!(f, "the token of {gateway_id} has expired"),
        }
    }
}

impl core::error::Error for TokenError {}

/// A token taken apart; nothing of it is verified.
struct Token {
    text: String,
    /// How much of `text` is the id, and how much of it is signed.
    id_len: usize,
    signed_len: usize,
    expires_at: u64,
    signature: Signature,
}

impl Token {
    fn parse(token: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        // From the right, because an id may hold colons.
        let (signed, signature) = text.rsplit_once(':')?;
        let (gateway_id, expires_at) = signed.rsplit_once(':')?;
        let (id_len, signed_len) = (gateway_id.len(), signed.len());
        let expires_at = number(expires_at)?;
        let signature = unhex(signature)?;
        Some(Self { id_len, signed_len, expires_at, signature, text })
    }

    fn gateway_id(&self) -> &str {
        &self.text[..self.id_len]
    }

    fn signed(&self) -> &str {
        &self.text[..self.signed_len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const NOW: u64 = 1_750_000_000;

    fn secrets(of: &[&str]) -> Vec<Secret> {
        of.iter().map(|secret| Secret::new(*secret)).collect()
    }

    fn raw(text: &str) -> String {
        URL_SAFE_NO_PAD.encode(text)
    }

    #[test]
    fn ids_may_hold_anything() {
        for id in ["", "a", "a:b", "::", "a:1:b", "gw-😀", " x\n"] {
            let token = mint_token(id, &Secret::new("k"), Some(NOW));
            assert_eq!(peek_gateway_id(&token).as_deref(), Some(id));
            let verified = Verified { gateway_id: id.into(), expires_at: Some(NOW) };
            assert_eq!(verify_token(&token, &secrets(&["k"]), NOW), Ok(verified));
        }
    }

    #[test]
    fn every_secret_of_the_list_verifies_but_an_empty_one() {
        let token = mint_token("g", &Secret::new("old"), None);
        assert!(verify_token(&token, &secrets(&["new", "old"]), NOW).is_ok());
        assert!(verify_token(&token, &secrets(&["old", "older"]), NOW).is_ok());
        assert!(verify_token(&token, &secrets(&["old", "old"]), NOW).is_ok());
        assert_eq!(verify_token(&token, &secrets(&["new", ""]), NOW), Err(TokenError::BadSignature));
        assert_eq!(verify_token(&token, &[], NOW), Err(TokenError::BadSignature));
        let empty = mint_token("g", &Secret::new(""), None);
        assert_eq!(verify_token(&empty, &secrets(&["", "x"]), NOW), Err(TokenError::BadSignature));
    }

    /// C1: expired is said only of what was signed.
    #[test]
    fn expired_is_told_from_refused() {
        let token = mint_token("g", &Secret::new("k"), Some(NOW));
        let expired = Err(TokenError::Expired { gateway_id: "g".into() });
        assert!(verify_token(&token, &secrets(&["k"]), NOW).is_ok());
        assert_eq!(verify_token(&token, &secrets(&["k"]), NOW + 1), expired);
        assert_eq!(verify_token(&token, &secrets(&["other"]), NOW + 1), Err(TokenError::BadSignature));
        let epoch = mint_token("g", &Secret::new("k"), Some(0));
        assert_eq!(verify_token(&epoch, &secrets(&["k"]), NOW), expired);
        let never = mint_token("g", &Secret::new("k"), None);
        assert_eq!(verify_token(&never, &secrets(&["k"]), u64::MAX).unwrap().expires_at, None);
    }

    #[test]
    fn a_token_with_any_byte_changed_is_refused() {
        let token = mint_token("gw:1", &Secret::new("k"), Some(NOW));
        for at in 0..token.len() {
            for byte in (b' '..=b'~').filter(|byte| *byte != token.as_bytes()[at]) {
                let mut forged = token.clone().into_bytes();
                forged[at] = byte;
                let forged = String::from_utf8(forged).unwrap();
                assert!(verify_token(&forged, &secrets(&["k"]), NOW).is_err(), "{forged}");
            }
            assert!(verify_token(&token[..at], &secrets(&["k"]), NOW).is_err());
        }
        for more in ["=", "==", "A", " ", "\n"] {
            assert_eq!(
                verify_token(&(token.clone() + more), &secrets(&["k"]), NOW),
                Err(TokenError::Malformed)
            );
        }
    }

    #[test]
    fn only_one_spelling_is_read() {
        let signed = |expires_at: &str| {
            let signed = format!("g:{expires_at}");
            raw(&format!("{signed}:{}", hex(&sign(&Secret::new("k"), &[signed.as_bytes()]))))
        };
        assert!(verify_token(&signed("1"), &secrets(&["k"]), 1).is_ok());
        for other in ["01", "00", "+1", "-1", " 1", "1 ", "1_0", "", "1.0", "99999999999999999999"] {
            assert_eq!(
                verify_token(&signed(other), &secrets(&["k"]), 1),
                Err(TokenError::Malformed),
                "{other}"
            );
        }
        let good = hex(&sign(&Secret::new("k"), &[b"g:0"]));
        assert!(verify_token(&raw(&format!("g:0:{good}")), &secrets(&["k"]), 1).is_ok());
        for other in
            [good.to_uppercase(), format!(" {good}"), format!("{good}00"), good[..62].into(), String::new()]
        {
            let token = raw(&format!("g:0:{other}"));
            assert_eq!(verify_token(&token, &secrets(&["k"]), 1), Err(TokenError::Malformed), "{other}");
        }
    }
}
