//! A secret that does not show.

use alloc::string::String;
use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A shared secret. It does not show in `Debug` or `Display`, is wiped when dropped, and is compared in a time
/// that depends on its length alone (rule A5).
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret over. A copy that the caller keeps is the caller's to wipe.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it. An empty secret verifies nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    /// A5.
    #[test]
    fn a_secret_does_not_show() {
        let secret = Secret::new("hunter2");
        let shown = format!("{secret:?} {secret} {secret:#?} {:?}", Some(&secret));
        assert!(!shown.contains("hunter"), "{shown}");
        assert!(secret == Secret::new("hunter2") && secret != Secret::new("hunter") && !secret.is_empty());
    }
}
