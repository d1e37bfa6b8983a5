//! The signatures of stored deliveries. Nothing is delivered over signed HTTP any more; who keeps such deliveries
//! can still verify them.

use alloc::format;
use alloc::string::String;
use core::fmt;

use super::{Secret, any_signed, hex, number, sign, unhex};

/// How far a delivery's timestamp may be from now, in seconds.
pub const DELIVERY_WINDOW: u64 = 300;

/// The header that carries a delivery's timestamp.
pub const DELIVERY_TIMESTAMP_HEADER: &str = "x-relay-timestamp";

/// The header that carries a delivery's signature.
pub const DELIVERY_SIGNATURE_HEADER: &str = "x-relay-signature";

/// The signature of a delivery of exactly these `body` bytes at `timestamp`, in unix seconds.
#[must_use]
pub fn sign_delivery(timestamp: u64, body: &[u8], key: &Secret) -> String {
    hex(&sign(key, &[format!("{timestamp}.").as_bytes(), body]))
}

/// Verifies the signature of a delivery against a rotation list, at `now` in unix seconds. `timestamp` and
/// `signature` are the headers' values, empty where a header is absent; `body` is what arrived, to the byte.
///
/// # Errors
/// [`DeliveryError::OutsideWindow`] only of a delivery that one of the keys did sign.
pub fn verify_delivery(
    timestamp: &str,
    signature: &str,
    body: &[u8],
    keys: &[Secret],
    now: u64,
) -> Result<(), DeliveryError> {
    let at = number(timestamp).ok_or(DeliveryError::Malformed)?;
    let signature = unhex(signature).ok_or(DeliveryError::Malformed)?;
    if !any_signed(keys, &[timestamp.as_bytes(), b".", body], &signature) {
        return Err(DeliveryError::BadSignature);
    }
    if now.abs_diff(at) > DELIVERY_WINDOW {
        return Err(DeliveryError::OutsideWindow);
    }
    Ok(())
}

/// Why a delivery is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryError {
    /// The timestamp or the signature is absent or is none.
    Malformed,
    /// None of the keys signed it.
    BadSignature,
    /// It was signed, but too long ago or too far ahead.
    OutsideWindow,
}

impl fmt::Display for DeliveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the delivery's timestamp or signature is malformed",
            Self::BadSignature => "the delivery was not signed with a key that is known here",
            Self::OutsideWindow => "the delivery's timestamp is too far from now",
        })
    }
}

impl core::error::Error for DeliveryError {}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_750_000_000;

    #[test]
    fn deliveries_hold_for_the_window_and_to_the_byte() {
        let keys = ["new", "dk"].map(Secret::new);
        let signature = sign_delivery(NOW, b"\xff{}", &keys[1]);
        let verify = |timestamp: &str, signature: &str, body: &[u8], now| {
            verify_delivery(timestamp, signature, body, &keys, now)
        };
        let at = format!("{NOW}");
        for (now, expected) in [
            (NOW, Ok(())),
            (NOW + 300, Ok(())),
            (NOW - 300, Ok(())),
            (NOW + 301, Err(DeliveryError::OutsideWindow)),
            (NOW - 301, Err(DeliveryError::OutsideWindow)),
        ] {
            assert_eq!(verify(&at, &signature, b"\xff{}", now), expected);
        }
        assert_eq!(verify(&at, &signature, b"\xff{} ", NOW), Err(DeliveryError::BadSignature));
        assert_eq!(verify("1750000001", &signature, b"\xff{}", NOW), Err(DeliveryError::BadSignature));
        for (at, signature) in [("", &*signature), (" 1750000000", &*signature), (&*at, ""), (&*at, "zz")] {
            assert_eq!(verify(at, signature, b"\xff{}", NOW), Err(DeliveryError::Malformed));
        }
    }
}
