//! What a policy file says, after parsing: plain data, every value checked.

use std::time::Duration;

/// Whose configuration a client accepts (AT-44): hardware proves the code, not who runs it.
///
/// A document passes when any one of what is given here holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OperatorRule {
    /// `any-operator = true`: said out loud, so never by forgetting
    pub any: bool,
    /// `operator-keys`: Ed25519 public keys, one of which signed the operator's statement
    pub keys: Vec<[u8; 32]>,
    /// `config-digests`: SHA-384 of the configurations accepted
    pub config_digests: Vec<[u8; 48]>,
}

/// Ages of a key document (AT-41).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ages {
    pub(crate) max_lifetime: Duration,
    pub(crate) max_age: Duration,
    pub(crate) grace: Duration,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Ages {
    fn default() -> Self {
        Self { max_lifetime: DAY, max_age: DAY, grace: Duration::ZERO }
    }
}
