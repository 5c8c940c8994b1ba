//! A verdict as an attestation result that others can check: an EAR (draft-ietf-rats-ear-04), signed as a JWT (AT-23).

use super::{Verdict, eat};
use crate::UnixTime;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sealwire_crypto::sign::ed25519::SigningKey;
use serde_json::{Value, json};

const PROFILE: &str = "tag:ietf.org,2026:rats/ear#04";
/// JWS header (RFC 7515, RFC 8037). One algorithm, so that there is nothing to choose.
const HEADER: &str = r#"{"alg":"EdDSA","typ":"JWT"}"#;

/// What an attestation result says besides the verdict.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// who is to rely on it (`aud`)
    pub audience: &'a str,
    /// what the evidence was bound to (`eat_nonce`), so that nobody presents the result with other evidence
    pub binding: Option<&'a [u8; 64]>,
    /// when it is made
    pub issued_at: UnixTime,
    /// until when it may be relied on; never later than what the evidence rests on
    pub expires: UnixTime,
}

impl Verdict {
    /// The claims of the attestation result.
    #[must_use]
    pub fn to_ear(&self, terms: &Terms<'_>) -> Value {
        let expires = self.not_after.map_or(terms.expires, |not_after| terms.expires.min(not_after));
        let (status, vector) = self.trustworthiness();
        // Of the optional claims none may be there and empty (draft-ietf-rats-ear-04, appendix A).
        let appraisal = object([
            ("ear_status", Some(status.into())),
            ("ear_trustworthiness_vector", (!vector.is_null()).then_some(vector)),
            (
                "ear_verifier_claims",
                Some(json!({ "verdict": self.verdict, "reasons": self.reasons, "checks": self.checks })),
            ),
            ("ear_attester_claims", self.claims.as_object().map(eat::attester_claims)),
        ]);
        let submodule = if self.kind.is_empty() { "unknown" } else { &self.kind };
        let mut submodules = serde_json::Map::new();
        submodules.insert(submodule.to_owned(), appraisal);
        let companions = self.claims.get("companions").and_then(Value::as_object);
        submodules.extend(companions.into_iter().flatten().map(|(label, companion)| {
            // No kind has a name like this, whatever a companion is called.
            (format!("companion-{label}"), self.companion(label, companion))
        }));
        let build = concat!("sealwire-attest ", env!("CARGO_PKG_VERSION"));
        object([
            ("eat_profile", Some(PROFILE.into())),
            ("iat", Some(terms.issued_at.0.into())),
            ("exp", Some(expires.0.into())),
            ("aud", Some(terms.audience.into())),
            ("eat_nonce", terms.binding.map(|binding| BASE64_URL_SAFE_NO_PAD.encode(binding).into())),
            ("ear_verifier_id", Some(json!({ "developer": "sealwire", "build": build }))),
            ("ear_status", Some(status.into())),
            ("submods", Some(submodules.into())),
        ])
    }

    /// A companion is as good as the policy has said. One that it asked nothing of is genuine, and was not judged.
    fn companion(&self, label: &str, companion: &Value) -> Value {
        let affirmed = self.exit == 0 && self.weighed(label);
        let part = |name: &str| companion.get(name).cloned().unwrap_or_default();
        object([
            ("ear_status", Some(if affirmed { "affirming" } else { "none" }.into())),
            ("ear_trustworthiness_vector", affirmed.then(|| json!({ "hardware": 2 }))),
            (
                "ear_verifier_claims",
                Some(json!({ "attachment": part("attachment"), "checks": part("checks") })),
            ),
            ("ear_attester_claims", part("claims").as_object().map(eat::attester_claims)),
        ])
    }

    /// The attestation result as a JWT in compact serialization.
    #[must_use]
    pub fn sign_ear(&self, terms: &Terms<'_>, key: &SigningKey) -> String {
        let part = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let signed =
            format!("{}.{}", part(HEADER.as_bytes()), part(self.to_ear(terms).to_string().as_bytes()));
        let signature = part(&key.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// Status and trustworthiness vector, in the values of draft-ietf-rats-ar4si: 2 affirms, from 32 on it is a warning,
    /// from 96 on a contraindication.
    fn trustworthiness(&self) -> (&'static str, Value) {
        let flag = |name: &str| self.claims.get(name).and_then(Value::as_bool).unwrap_or_default();
        // Genuine hardware, or what a development machine has in its place, which is never affirmed.
        let (status, hardware) = if flag("development") { ("warning", 32) } else { ("affirming", 2) };
        match self.exit {
            0 => (status, json!({ "hardware": hardware })),
            // Memory that the host reads, and a configuration that the policy does not support.
            30 if flag("debug") => ("contraindicated", json!({ "hardware": hardware, "runtime-opaque": 96 })),
            30 => ("contraindicated", json!({ "hardware": hardware, "configuration": 96 })),
            // Cryptographic validation failed.
            20 => ("contraindicated", json!({ "hardware": 99 })),
            // Nothing can be said: the evidence was not read, or not to its end.
            _ => ("none", Value::Null),
        }
    }
}

/// The claims that there are.
fn object<const N: usize>(claims: [(&str, Option<Value>); N]) -> Value {
    claims.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
