//! What ties the quote to the server's key (A.4).

use crate::VerifierData;
use sealwire_attest::{
    Policy, UnixTime,
    policy::OperatorRule,
    verdict::{Denial, Reason},
};
use sealwire_crypto::digest::sha512;
use std::time::Duration;

/// Bytes of report data.
pub const REPORT_DATA_LEN: usize = 64;
/// How far the clocks of two machines may differ.
const MAX_SKEW: Duration = Duration::from_secs(60);
/// What the `val` of a Sealwire gateway begins with; the digest of its configuration follows, then 16 random bytes.
pub(crate) const OURS: &[u8] = b"sealwire/1 ra-tunnel/0 ";
/// Bytes of a configuration digest (AT-44).
pub(crate) const DIGEST_LEN: usize = 48;

/// `SHA-512(val | iat | x25519 public key)` (TU-16).
#[must_use]
pub fn with_verifier_data(data: &VerifierData, key: &[u8; 32]) -> [u8; REPORT_DATA_LEN] {
    sha512(&[&data.val, &data.iat, key])
}

/// `SHA-512(x25519 public key)`: of servers without a verifier's data (TU-37).
#[must_use]
pub fn of_key(key: &[u8; 32]) -> [u8; REPORT_DATA_LEN] {
    sha512(&[key])
}

/// Which bindings a client takes (TU-37). Each has the key in it; there is none that takes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bindings {
    /// [`with_verifier_data`]
    pub verifier_data: bool,
    /// [`of_key`], where the server sends no verifier's data
    pub key_alone: bool,
}

impl Default for Bindings {
    /// The verifier's data are required.
    fn default() -> Self {
        Self { verifier_data: true, key_alone: false }
    }
}

impl Bindings {
    /// The report data that the quote has to carry.
    pub(crate) fn report_data(
        self,
        data: Option<&VerifierData>,
        key: &[u8; 32],
    ) -> Result<[u8; REPORT_DATA_LEN], Denial> {
        match data {
            Some(data) if self.verifier_data => Ok(with_verifier_data(data, key)),
            None if self.key_alone => Ok(of_key(key)),
            _ => Err(only(
                "binding-not-accepted",
                "tunnel.binding",
                self.names(),
                if data.is_some() { "SHA-512(val | iat | key)" } else { "no verifier_data" },
            )),
        }
    }

    fn names(self) -> &'static str {
        match (self.verifier_data, self.key_alone) {
            (true, true) => "SHA-512(val | iat | key), or SHA-512(key) without verifier_data",
            (true, false) => "SHA-512(val | iat | key)",
            (false, true) => "SHA-512(key), without verifier_data",
            (false, false) => "no binding, so nobody",
        }
    }
}

/// What a policy asks besides the claims, and this wire may not have.
pub(crate) fn check(policy: &Policy, data: Option<&VerifierData>, at: UnixTime) -> Result<(), Denial> {
    let digest = data.and_then(VerifierData::config_digest);
    let OperatorRule { any, config_digests, .. } = policy.operator_rule();
    // AT-44: hardware proves the code, not who runs it, and this wire has no key document that could.
    if !any && !digest.is_some_and(|digest| config_digests.contains(&digest)) {
        return Err(only(
            "operator",
            "operator",
            "a digest of `config-digests`, or `any-operator = true`: version 0 of the tunnel shows no operator's key",
            digest.map_or_else(
                || "no configuration digest".to_owned(),
                |digest| format!("digest {}", hex(&digest)),
            ),
        ));
    }
    // SE-08
    if policy.fresh_evidence() {
        let expected = "evidence that is made for this handshake";
        return Err(only(
            "fresh-evidence",
            "fresh-evidence",
            expected,
            "version 0 of the tunnel, which has none",
        ));
    }
    let Some(data) = data else { return Ok(()) };
    // Nothing is between `val` and `iat` where they are hashed: whoever shows an old quote of a gateway once more may have moved
    // bytes from one to the other, to have another time read, or none.
    if digest.is_none() && data.is_of_gateway() {
        return Err(only(
            "binding",
            "tunnel.binding",
            "val and iat as a Sealwire gateway makes them",
            "the same bytes, divided elsewhere",
        ));
    }
    // The signature can be left out by anybody, so that the age does not depend on it.
    let most = policy.max_age().saturating_add(policy.grace());
    let expected = format!("an iat at most {} s ago", most.as_secs());
    let Some(issued) = data.issued_at() else {
        return Err(only("evidence-age", "max-age", expected, "an iat that is no time"));
    };
    let age = at.since(issued);
    if age > most || issued > at.saturating_add(MAX_SKEW) {
        return Err(only("evidence-age", "max-age", expected, format!("{issued}")));
    }
    Ok(())
}

pub(crate) fn only(code: &'static str, rule: &str, expected: impl ToString, found: impl ToString) -> Denial {
    let (expected, found) = (expected.to_string(), found.to_string());
    Denial { reasons: vec![Reason { code, rule: rule.to_owned(), expected, found }] }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
