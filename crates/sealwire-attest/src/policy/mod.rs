//! Appraisal policies (AT-21) and what they accept.

use crate::{Claims, Error, UnixTime, Verified, verdict::Denial};

/// A policy file.
#[derive(Debug, Clone)]
pub struct Policy {}

impl Policy {
    /// Parses TOML. Unknown keys are errors that name the line.
    ///
    /// # Errors
    /// With line, key and a hint.
    pub fn from_toml(_text: &str) -> Result<Self, Error> {
        todo!()
    }
    /// Fingerprints of the development roots that the policy names.
    #[must_use]
    pub fn development_roots(&self) -> Vec<[u8; 32]> {
        todo!()
    }
    /// Decides.
    ///
    /// # Errors
    /// Every rule that failed, with expected and found values.
    pub fn appraise(&self, _claims: Verified<Claims>, _at: UnixTime) -> Result<Appraised<Claims>, Denial> {
        todo!()
    }
}

/// Something that a policy accepted.
#[derive(Debug, Clone)]
pub struct Appraised<T> {
    value: T,
}

impl<T> Appraised<T> {
    /// What was accepted.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.value
    }
}
