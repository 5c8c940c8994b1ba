//! What a policy pins besides the vendors' roots.

use crate::{Endorsements, Kind, Presented, tpm};

/// Roots and keys that a policy names. The vendors' roots are built in, and nothing can be added to them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trust {
    /// SHA-256 fingerprints of development roots (AT-07)
    pub development: Vec<[u8; 32]>,
    /// SHA-256 fingerprints of enrolment CAs, which certify the attestation keys of TPMs (AT-62)
    pub enrolment: Vec<[u8; 32]>,
    /// names of attestation keys of TPMs (TPM 2.0 part 1, section 16): hash algorithm and digest
    pub tpm_keys: Vec<Vec<u8>>,
}

impl Trust {
    /// Trust in whatever root is shown, to look at evidence before anybody decides (`sealwire inspect`, a gateway that
    /// checks its own evidence): development roots where the evidence calls itself that, and where a TPM is among it
    /// enrolment roots, or its key where no certificate of it came along. What verifies under it proves nothing to a relying party.
    #[must_use]
    pub fn as_presented(evidence: &Presented, endorsements: &Endorsements) -> Self {
        let all = || std::iter::once(&evidence.lead).chain(evidence.companions.values());
        let is_there = |kind: Kind| all().any(|evidence| evidence.kind == kind);
        let roots = endorsements.self_issued();
        let mut trust = Self::default();
        if is_there(Kind::Development) {
            trust.development.clone_from(&roots);
        }
        if is_there(Kind::Tpm) {
            let quotes = all().filter(|evidence| evidence.kind == Kind::Tpm);
            trust.tpm_keys =
                quotes.filter_map(|quote| tpm::uncertified(&quote.bytes, endorsements)).collect();
            trust.enrolment = roots;
        }
        trust
    }

    /// A hash over it, for caches.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let Self { development, enrolment, tpm_keys } = self;
        let mut lengths = vec![development.len() as u64, enrolment.len() as u64];
        lengths.extend(tpm_keys.iter().map(|name| name.len() as u64));
        let lengths: Vec<[u8; 8]> = lengths.into_iter().map(u64::to_be_bytes).collect();
        let mut parts = vec![lengths.as_flattened(), development.as_flattened(), enrolment.as_flattened()];
        parts.extend(tpm_keys.iter().map(Vec::as_slice));
        sealwire_crypto::digest::sha256(&parts)
    }
}

/// Development roots alone.
impl From<&[[u8; 32]]> for Trust {
    fn from(development: &[[u8; 32]]) -> Self {
        Self { development: development.to_vec(), ..Self::default() }
    }
}

impl<const N: usize> From<&[[u8; 32]; N]> for Trust {
    fn from(development: &[[u8; 32]; N]) -> Self {
        Self::from(development.as_slice())
    }
}

impl From<&Vec<[u8; 32]>> for Trust {
    fn from(development: &Vec<[u8; 32]>) -> Self {
        Self::from(development.as_slice())
    }
}
