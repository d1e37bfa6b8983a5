//! When a refused credential is final (rules A1 to A3, A6).

use crate::close::Close;

/// What the gateway knew of its credential when the peer closed the link.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// A handshake has succeeded at some time, on whatever link.
    pub(super) trusted: bool,
    /// This very link has had its descriptor, so its token was good.
    pub(super) linked: bool,
    /// The token shown on this link has passed its lifetime by now.
    pub(super) stale: bool,
}

/// What a close says about the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing: dial again after the usual wait.
    Retry,
    /// Nothing, because the token was too old to tell: dial again at once with a new one.
    RetryAtOnce,
    /// It is revoked.
    Revoked,
}

pub(super) fn judge(close: &Close, standing: Standing) -> Verdict {
    if !close.is_unauthorized() || close.is_expired() || !standing.trusted {
        Verdict::Retry
    } else if standing.linked || !standing.stale {
        Verdict::Revoked
    } else {
        Verdict::RetryAtOnce
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::close::CloseCode;

    fn verdict(code: u16, reason: &str, (trusted, linked, stale): (bool, bool, bool)) -> Verdict {
        judge(&Close::new(CloseCode(code), reason), Standing { trusted, linked, stale })
    }

    /// A1, A2, A3, A6, each for every standing that it speaks of.
    #[test]
    fn verdicts() {
        for stale in [false, true] {
            for reason in ["", "unauthorized", "revoked", "Expired"] {
                assert_eq!(verdict(4401, reason, (false, false, stale)), Verdict::Retry, "A1");
                assert_eq!(verdict(4401, reason, (true, true, stale)), Verdict::Revoked, "A3");
            }
            for (trusted, linked) in [(false, false), (true, false), (true, true)] {
                assert_eq!(verdict(4401, "expired", (trusted, linked, stale)), Verdict::Retry, "A2");
                for code in [1000, 1001, 1006, 1008, 1011, 4400, 4403] {
                    assert_eq!(verdict(code, "unauthorized", (trusted, linked, stale)), Verdict::Retry, "A6");
                }
            }
        }
        assert_eq!(verdict(4401, "unauthorized", (true, false, false)), Verdict::Revoked, "A3: young token");
        assert_eq!(verdict(4401, "unauthorized", (true, false, true)), Verdict::RetryAtOnce, "A3: old token");
    }
}
