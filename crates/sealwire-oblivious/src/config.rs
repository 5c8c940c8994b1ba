//! Key configurations (RFC 9458 section 3).

use crate::{Error, Limits};
use sealwire_crypto::{hpke::Symmetric, kem::{Kem, PublicKey}};

/// One key configuration.
#[derive(Clone)]
pub struct KeyConfig {
    /// key id
    pub key_id: u8,
    /// public key and, by it, the KEM
    pub public_key: PublicKey,
    /// (KDF, AEAD) pairs on offer, ordered by preference; pairs that are unknown here are left out when parsed
    pub suites: Vec<Symmetric>,
}

impl KeyConfig {
    /// The bytes of one config, without a length.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        todo!()
    }
}

/// The list form, `application/ohttp-keys`.
#[must_use]
pub fn encode_list(_configs: &[KeyConfig]) -> Vec<u8> {
    todo!()
}

/// Parses a list. Configs with an unknown KEM are stepped over (OB-06); one error discards all.
///
/// # Errors
/// OB-118, OB-119, OB-07, and the limits.
pub fn parse_list(_list: &[u8], _limits: &Limits) -> Result<Vec<KeyConfig>, Error> {
    todo!()
}

/// The config and pair that a client uses.
#[derive(Clone)]
pub struct Selected {
    /// key id
    pub key_id: u8,
    /// public key
    pub public_key: PublicKey,
    /// the pair
    pub suite: Symmetric,
}

/// The first config whose KEM is among `kems` and its first pair (OB-05).
///
/// # Errors
/// When nothing is usable.
pub fn select(_configs: &[KeyConfig], _kems: &[Kem]) -> Result<Selected, Error> {
    todo!()
}
