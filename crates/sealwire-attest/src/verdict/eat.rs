//! What evidence says, for attestation results: by the names of EAT (RFC 9711 section 4) where it has one for the same
//! thing, and never by a name of EAT's for something else (AT-20).

use crate::{Kind, UnixTime};
use serde_json::{Map, Value};

/// The claims of a verdict (AT-81) as those of an attester. Companions are submodules of their own.
pub(super) fn attester_claims(claims: &Map<String, Value>) -> Value {
    let kind = claims.get("kind").and_then(Value::as_str).and_then(Kind::from_name);
    let renamed = claims.iter().filter_map(|(name, value)| {
        Some(match (name.as_str(), value) {
            (_, Value::Null) | ("companions", _) => return None,
            ("debug", Value::Bool(enabled)) => ("dbgstat", debug_status(kind?, *enabled)?.into()),
            ("made-at", Value::String(time)) => ("iat", UnixTime::from_rfc3339(time).ok()?.0.into()),
            // EAT's `measurements` are documents with a content format, not registers.
            ("measurements", registers) => ("registers", registers.clone()),
            (name, value) => (name, value.clone()),
        })
    });
    renamed.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Section 4.2.9. Where a TEE tells, it is decided when the guest starts.
fn debug_status(kind: Kind, enabled: bool) -> Option<&'static str> {
    match kind {
        // Neither format says.
        Kind::Tpm | Kind::Nvidia => None,
        _ if enabled => Some("enabled"),
        _ => Some("disabled-since-boot"),
    }
}
