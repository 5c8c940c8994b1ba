//! The key configuration (EH-01): one of RFC 9458 section 3, with one KEM, one KDF and one AEAD.

use crate::{Error, KEM, SUITE};
use sealwire_crypto::{digest, kem::PublicKey};

/// The key id of every configuration: it is not on the wire.
const KEY_ID: u8 = 0;
/// Bytes of a bare configuration.
pub const LEN: usize = 41;
/// The most that is read of a list, bytes: configurations of other KEMs may stand beside ours.
pub const MAX_LIST_LEN: usize = 16 << 10;

/// A server's public key.
#[derive(Debug, Clone)]
pub struct KeyConfig {
    /// X25519
    public_key: PublicKey,
}

impl KeyConfig {
    /// The configuration of an X25519 key.
    ///
    /// # Errors
    /// [`Error::KeyConfig`] for another KEM.
    pub fn new(public_key: PublicKey) -> Result<Self, Error> {
        if public_key.kem() == KEM { Ok(Self { public_key }) } else { Err(Error::KeyConfig) }
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The id of the key in a key document: the first 8 bytes of SHA-256 of the public key. The key id of the
    /// configuration is 0 for each, and cannot tell two of them apart.
    #[must_use]
    pub fn id(&self) -> [u8; 8] {
        let [a, b, c, d, e, f, g, h, ..] = digest::sha256(&[self.public_key.as_bytes()]);
        [a, b, c, d, e, f, g, h]
    }

    /// The bare configuration, [`LEN`] bytes: no list, so no length before it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(LEN);
        out.push(KEY_ID);
        out.extend_from_slice(&KEM.id().to_be_bytes());
        out.extend_from_slice(self.public_key.as_bytes());
        out.extend_from_slice(&4_u16.to_be_bytes());
        out.extend_from_slice(&SUITE.kdf.id().to_be_bytes());
        out.extend_from_slice(&SUITE.aead.id().to_be_bytes());
        out
    }

    /// Reads a bare configuration, or a proper list, of which the first configuration that this protocol can use counts.
    ///
    /// They cannot be mistaken for each other: a bare one begins with two zero bytes, key id 0 and the front of its KEM,
    /// which would be a list's entry of no length.
    ///
    /// # Errors
    /// [`Error::KeyConfig`]: malformed, or nothing in it that this protocol can use.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.starts_with(&[KEY_ID, 0]) {
            return one(bytes)?.ok_or(Error::KeyConfig);
        }
        if bytes.len() > MAX_LIST_LEN {
            return Err(Error::KeyConfig);
        }
        let mut rest = bytes;
        let mut found = None;
        while !rest.is_empty() {
            let len = usize::from(take_u16(&mut rest)?);
            let config = one(take(&mut rest, len)?)?;
            found = found.or(config);
        }
        found.ok_or(Error::KeyConfig)
    }
}

/// One configuration with nothing behind it; `None` where it is for another KEM, or offers other algorithms only.
fn one(mut rest: &[u8]) -> Result<Option<KeyConfig>, Error> {
    let _key_id = take(&mut rest, 1)?;
    if take_u16(&mut rest)? != KEM.id() {
        return Ok(None);
    }
    let public_key = take(&mut rest, KEM.public_key_len())?;
    let public_key = PublicKey::from_bytes(KEM, public_key).map_err(|_| Error::KeyConfig)?;
    let len = usize::from(take_u16(&mut rest)?);
    if len == 0 || !len.is_multiple_of(4) || rest.len() != len {
        return Err(Error::KeyConfig);
    }
    let mut offered = false;
    while !rest.is_empty() {
        let (kdf, aead) = (take_u16(&mut rest)?, take_u16(&mut rest)?);
        offered |= kdf == SUITE.kdf.id() && aead == SUITE.aead.id();
    }
    Ok(offered.then_some(KeyConfig { public_key }))
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], Error> {
    let (front, back) = rest.split_at_checked(len).ok_or(Error::KeyConfig)?;
    *rest = back;
    Ok(front)
}

fn take_u16(rest: &mut &[u8]) -> Result<u16, Error> {
    let (front, back) = rest.split_first_chunk().ok_or(Error::KeyConfig)?;
    *rest = back;
    Ok(u16::from_be_bytes(*front))
}
