//! The attested key document (AT-40 to AT-45).

use crate::{Appraised, Endorsements, Error, Evidence, Policy, UnixTime, Verifier, verdict::Denial};

/// Media type of the published form.
pub const MEDIA_TYPE: &str = "application/sealwire-keys+cbor";
/// Where it is served.
pub const PATH: &str = "/.well-known/sealwire";

/// A live public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedKey {
    /// the wire's own id of the key
    pub id: Vec<u8>,
    /// its single purpose, for example `oblivious`
    pub purpose: String,
    /// first second of use
    pub not_before: UnixTime,
    /// last second of use
    pub not_after: UnixTime,
    /// opaque here; for `oblivious` one key configuration
    pub bytes: Vec<u8>,
}

/// What the document holds (AT-44).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDocument {
    /// random, new at each start
    pub instance: [u8; 16],
    /// goes up with every document of an instance
    pub serial: u64,
    /// when it was made
    pub issued_at: UnixTime,
    /// last second of use
    pub not_after: UnixTime,
    /// `gateway`
    pub role: String,
    /// names that this instance serves, lower case, with port where it is not the scheme's
    pub authorities: Vec<String>,
    /// every live public key, by preference
    pub keys: Vec<PublishedKey>,
    /// names of the wires on offer, by preference, for example `oblivious`
    pub wires: Vec<String>,
    /// largest request plaintext in bytes, by wire name
    pub limits: std::collections::BTreeMap<String, u64>,
    /// SHA-384 of the configuration that decides where plaintext goes
    pub config_digest: [u8; 48],
    /// an operator's signature over (authorities, configuration digest, measurement)
    pub operator: Option<operator::OperatorStatement>,
}

impl KeyDocument {
    /// Deterministic CBOR.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        todo!()
    }
    /// Parses and validates.
    ///
    /// # Errors
    /// AT-08
    pub fn decode(_bytes: &[u8]) -> Result<Self, Error> {
        todo!()
    }
}

pub mod operator {
    //! The operator's statement.

    /// Who runs the genuine code: a signature over authorities, configuration digest and measurement.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OperatorStatement {
        /// Ed25519 public key
        pub key: [u8; 32],
        /// what was signed: authorities
        pub authorities: Vec<String>,
        /// what was signed: configuration digest
        pub config_digest: [u8; 48],
        /// what was signed: the measurement register of the TEE
        pub measurement: Vec<u8>,
        /// Ed25519 signature
        pub signature: [u8; 64],
    }
}

/// What `/.well-known/sealwire` serves: the exact document bytes, the evidence over them, and the endorsements, stapled (AT-40).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// encoded [`KeyDocument`]
    pub document: Vec<u8>,
    /// evidence over `document`
    pub evidence: Evidence,
    /// endorsements
    pub endorsements: Endorsements,
}

impl Published {
    /// CBOR.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        todo!()
    }
    /// Parses; nothing is verified.
    ///
    /// # Errors
    /// AT-08
    pub fn decode(_bytes: &[u8]) -> Result<Self, Error> {
        todo!()
    }
}

/// What a client already knows of an instance.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// instance and highest serial
    pub serial: Option<([u8; 16], u64)>,
}

/// Verifies, appraises and accepts a published document (AT-41, AT-42, AT-44).
///
/// `authority` must be among those that the document lists; `challenge` is what the client sent, or empty.
///
/// # Errors
/// Every rule that failed.
#[allow(clippy::too_many_arguments)]
pub fn accept(
    _published: &Published,
    _verifier: &Verifier,
    _policy: &Policy,
    _authority: &str,
    _challenge: &[u8],
    _seen: Seen,
    _at: UnixTime,
) -> Result<Appraised<KeyDocument>, Denial> {
    todo!()
}
