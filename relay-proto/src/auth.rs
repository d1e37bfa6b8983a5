//! Credentials: secrets, the tokens of an upgrade, the signatures of stored deliveries.
//!
//! Everything here is HMAC-SHA256 under a shared secret, and everything is checked against a rotation list: the
//! present secret first, then the one before it. A check takes the same time whichever secret matches, if any.
//!
//! The published peer reads numbers, hexadecimal and base64 as loosely as Python does (blanks, signs, underscores,
//! capitals, foreign characters). Here only the one spelling is read that it and its connector write, so that two
//! different texts are never the same token; whatever they mint is accepted.

use alloc::string::String;
use alloc::vec::Vec;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

mod delivery;
mod secret;
mod token;

pub use delivery::{
    DELIVERY_SIGNATURE_HEADER, DELIVERY_TIMESTAMP_HEADER, DELIVERY_WINDOW, DeliveryError, sign_delivery,
    verify_delivery,
};
pub use secret::Secret;
pub use token::{TOKEN_TTL, TokenError, Verified, mint_token, peek_gateway_id, verify_token};

type Signature = [u8; 32];

fn sign(secret: &Secret, parts: &[&[u8]]) -> Signature {
    let mut mac =
        <Hmac<Sha256>>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Looks at every secret, whether or not an earlier one has matched.
fn any_signed(secrets: &[Secret], parts: &[&[u8]], signature: &Signature) -> bool {
    let matches = secrets
        .iter()
        .filter(|secret| !secret.is_empty())
        .fold(Choice::from(0), |found, secret| found | sign(secret, parts).ct_eq(signature));
    matches.into()
}

/// A number as it is always written: digits, without a sign or leading zeros.
fn number(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    canonical.then(|| text.parse().ok()).flatten()
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(HEX[usize::from(digit)])).collect()
}

fn unhex(text: &str) -> Option<Signature> {
    let digit = |byte: &u8| HEX.iter().position(|hex| hex == byte).and_then(|digit| u8::try_from(digit).ok());
    let digits: Vec<u8> = text.as_bytes().iter().map(digit).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    (digits.len() == 64).then(|| bytes.try_into().ok()).flatten()
}
