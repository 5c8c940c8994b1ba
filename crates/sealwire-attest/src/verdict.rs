//! What a verifier says: the verdict of AT-81, and denials (AT-23).

use crate::Error;

/// One rule that failed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Reason {
    /// stable code, for example `measurement-not-listed`
    pub code: &'static str,
    /// the rule of the policy or the check, for example `accept[0].measurement`
    pub rule: String,
    /// what would have been accepted
    pub expected: String,
    /// what was there
    pub found: String,
}

/// A policy said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refused by the policy: {}", .reasons.iter().map(|r| r.code).collect::<Vec<_>>().join(", "))]
pub struct Denial {
    /// every rule that failed
    pub reasons: Vec<Reason>,
}

impl From<Error> for Denial {
    fn from(error: Error) -> Self {
        Self { reasons: vec![Reason::from(&error)] }
    }
}

impl From<&Error> for Reason {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code(),
            rule: error.check().name().to_owned(),
            expected: String::new(),
            found: error.to_string(),
        }
    }
}

/// The verdict as `sealwire verify --json` prints it (AT-81).
#[derive(Debug, Clone, serde::Serialize)]
pub struct Verdict {
    /// `accepted`, `malformed`, `not-genuine`, `refused`, `endorsement-missing`
    pub verdict: &'static str,
    /// exit code
    pub exit: u8,
    /// kind of evidence
    pub kind: String,
    /// why not
    pub reasons: Vec<Reason>,
    /// what the evidence says
    pub claims: serde_json::Value,
    /// outcome of each check of AT-03 by its name
    pub checks: serde_json::Value,
}
