//! The algorithms of signatures (EN-17).

use sealwire_crypto::sign::ml_dsa::Parameters;

/// An algorithm. A key has exactly one, and the wire does not choose it (SP-14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RFC 8032, pure Ed25519
    Ed25519,
    /// HMAC with SHA-256 and a shared secret
    Hs256,
    /// FIPS 204, pure and with an empty context
    MlDsa(Parameters),
}

impl Algorithm {
    /// Every algorithm, in the order of EN-17.
    pub const ALL: [Self; 5] = [
        Self::Ed25519,
        Self::Hs256,
        Self::MlDsa(Parameters::MlDsa44),
        Self::MlDsa(Parameters::MlDsa65),
        Self::MlDsa(Parameters::MlDsa87),
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ED25519",
            Self::Hs256 => "HS256",
            Self::MlDsa(Parameters::MlDsa44) => "ML-DSA-44",
            Self::MlDsa(Parameters::MlDsa65) => "ML-DSA-65",
            Self::MlDsa(Parameters::MlDsa87) => "ML-DSA-87",
        }
    }

    /// The algorithm of a name on the wire, exactly spelt.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Length of a raw signature in bytes.
    #[must_use]
    pub const fn signature_len(self) -> usize {
        match self {
            Self::Ed25519 => 64,
            Self::Hs256 => 32,
            Self::MlDsa(parameters) => parameters.signature_len(),
        }
    }
}
