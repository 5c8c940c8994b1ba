use crate::{
    Algorithm,
    key::{self, KeyRecord, SignError, SignatureBytes, Use},
};

/// Who signs checkpoints: an Ed25519 key for this use (SP-73).
pub struct Signer(key::Signer);

impl Signer {
    /// Of a key.
    ///
    /// # Errors
    /// [`SignError::Use`], where the key is not an Ed25519 key for [`Use::Audit`].
    pub fn new(signer: key::Signer) -> Result<Self, SignError> {
        let fit = signer.algorithm() == Algorithm::Ed25519 && signer.uses().contains(Use::Audit);
        if fit { Ok(Self(signer)) } else { Err(SignError::Use) }
    }

    pub(super) fn fp(&self) -> &str {
        self.0.fingerprint().as_str()
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        match self.0.sign(Use::Audit, message)? {
            SignatureBytes::Ed25519(signature) => Ok(signature),
            _ => Err(SignError::Use),
        }
    }
}

/// The keys that may have signed checkpoints, found by fingerprint and not by any name on the line (SP-16).
#[derive(Default)]
pub struct Keys(Vec<KeyRecord>);

impl Keys {
    /// These keys.
    #[must_use]
    pub fn new(records: Vec<KeyRecord>) -> Self {
        Self(records)
    }

    pub(super) fn verifies(&self, fp: &str, message: &[u8], signature: &[u8], at_ms: u64) -> bool {
        let at_ms = i64::try_from(at_ms).unwrap_or(i64::MAX);
        let mut of_fp = self.0.iter().filter(|record| record.fingerprint().as_str() == fp);
        of_fp.any(|record| record.verifies(Use::Audit, message, signature, at_ms))
    }
}
