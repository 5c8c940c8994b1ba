//! The key schedule (RFC 9180 section 5.1), the same for sender and receiver.

use super::{Mode, Symmetric, labeled};
use crate::{
    Error,
    aead::{self, NONCE_LEN, Sequence},
    kdf::{Hkdf, Prk},
    kem::{Kem, SharedSecret},
};
use zeroize::Zeroizing;

/// Nh of the longest hash, SHA-512.
const MAX_HASH_LEN: usize = 64;

/// What both roles hold after the set-up.
pub(super) struct Context {
    pub(super) sequence: Sequence,
    pub(super) exporter: Exporter,
}

/// Context.Export (RFC 9180 section 5.3).
pub(super) struct Exporter {
    suite_id: SuiteId,
    secret: Prk,
}

impl Exporter {
    pub(super) fn export(&self, context: &[u8], out: &mut [u8]) -> Result<(), Error> {
        labeled::expand(&self.secret, &self.suite_id, b"sec", [context, &[], &[]], out)
    }
}

/// "HPKE" || kem_id || kdf_id || aead_id
type SuiteId = [u8; 10];

fn suite_id(kem: Kem, Symmetric { kdf, aead }: Symmetric) -> SuiteId {
    let [kem_high, kem_low] = kem.id().to_be_bytes();
    let [kdf_high, kdf_low] = kdf.id().to_be_bytes();
    let [aead_high, aead_low] = aead.id().to_be_bytes();
    [b'H', b'P', b'K', b'E', kem_high, kem_low, kdf_high, kdf_low, aead_high, aead_low]
}

pub(super) fn key_schedule(
    kem: Kem,
    suite: Symmetric,
    mode: Mode<'_>,
    shared_secret: &SharedSecret,
    info: &[u8],
) -> Result<Context, Error> {
    let Symmetric { kdf, aead } = suite;
    let suite_id = suite_id(kem, suite);
    let (mode_id, psk, psk_id): (u8, &[u8], &[u8]) = match mode {
        Mode::Base => (0, &[], &[]),
        Mode::Psk { psk, id } => (1, psk, id),
    };

    let psk_id_hash = labeled::hash(kdf, &suite_id, b"psk_id_hash", psk_id);
    let info_hash = labeled::hash(kdf, &suite_id, b"info_hash", info);
    let context = [&[mode_id], psk_id_hash.as_ref(), info_hash.as_ref()];
    let secret = labeled::extract(kdf, &suite_id, shared_secret.as_slice(), b"secret", psk);

    let mut key = Zeroizing::new([0; aead::MAX_KEY_LEN]);
    let key = key.get_mut(..aead.key_len()).ok_or(Error::Key)?;
    labeled::expand(&secret, &suite_id, b"key", context, key)?;
    let mut base_nonce = [0; NONCE_LEN];
    labeled::expand(&secret, &suite_id, b"base_nonce", context, &mut base_nonce)?;

    Ok(Context {
        sequence: Sequence::new(aead::Key::new(aead, key)?, base_nonce),
        exporter: Exporter { suite_id, secret: exporter_secret(kdf, &suite_id, &secret, context)? },
    })
}

fn exporter_secret(kdf: Hkdf, suite_id: &SuiteId, secret: &Prk, context: [&[u8]; 3]) -> Result<Prk, Error> {
    let mut bytes = Zeroizing::new([0; MAX_HASH_LEN]);
    let bytes = bytes.get_mut(..kdf.hash_len()).ok_or(Error::Limit)?;
    labeled::expand(secret, suite_id, b"exp", context, bytes)?;
    Ok(Prk::new(kdf, bytes))
}
