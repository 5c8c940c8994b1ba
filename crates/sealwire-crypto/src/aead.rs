//! AEADs with 12-byte nonces and 16-byte tags, in place.

use aws_lc_rs::aead as backend;

use crate::{Error, kdf::Prk};
use zeroize::Zeroizing;

/// Nonce length of every AEAD here, in bytes (Nn).
pub const NONCE_LEN: usize = 12;
/// Tag length of every AEAD here, in bytes (Nt).
pub const TAG_LEN: usize = 16;
/// The longest key of every AEAD here, in bytes.
pub(crate) const MAX_KEY_LEN: usize = 32;

/// An AEAD by its HPKE identifier (RFC 9180 section 7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Aead {
    /// 0x0001
    Aes128Gcm = 1,
    /// 0x0002
    Aes256Gcm = 2,
    /// 0x0003
    ChaCha20Poly1305 = 3,
}

impl Aead {
    /// The AEAD of an HPKE identifier.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        [Self::Aes128Gcm, Self::Aes256Gcm, Self::ChaCha20Poly1305].into_iter().find(|aead| aead.id() == id)
    }

    /// The HPKE identifier.
    #[must_use]
    pub fn id(self) -> u16 {
        self as u16
    }

    /// Key length in bytes (Nk).
    #[must_use]
    pub fn key_len(self) -> usize {
        self.algorithm().key_len()
    }

    fn algorithm(self) -> &'static backend::Algorithm {
        match self {
            Self::Aes128Gcm => &backend::AES_128_GCM,
            Self::Aes256Gcm => &backend::AES_256_GCM,
            Self::ChaCha20Poly1305 => &backend::CHACHA20_POLY1305,
        }
    }
}

/// A parsed AEAD key. Wiped on drop.
pub struct Key {
    key: backend::LessSafeKey,
    #[cfg(feature = "test-support")]
    fingerprint: Option<crate::nonces::Fingerprint>,
}

impl Key {
    /// Parses `key`, which has [`Aead::key_len`] bytes.
    ///
    /// # Errors
    /// [`Error::Key`] on another length.
    pub fn new(aead: Aead, key: &[u8]) -> Result<Self, Error> {
        let backend_key = backend::UnboundKey::new(aead.algorithm(), key).map_err(|_| Error::Key)?;
        Ok(Self {
            key: backend::LessSafeKey::new(backend_key),
            #[cfg(feature = "test-support")]
            fingerprint: crate::nonces::fingerprint(aead, key),
        })
    }

    /// The key that HKDF-Expand gives: `info` is the parts, joined.
    ///
    /// # Errors
    /// [`Error::Limit`], which no hash here gives.
    pub fn derive(aead: Aead, prk: &Prk, info: &[&[u8]]) -> Result<Self, Error> {
        let mut key = Zeroizing::new([0; MAX_KEY_LEN]);
        let key = key.get_mut(..aead.key_len()).ok_or(Error::Key)?;
        prk.expand(info, key)?;
        Self::new(aead, key)
    }

    /// Encrypts `data` in place and returns the tag. The caller sees to it that no nonce is used twice with one key;
    /// [`Sequence`] does it by counting.
    ///
    /// # Errors
    /// [`Error::Limit`] when `data` is longer than the AEAD takes.
    pub fn seal(&self, nonce: [u8; NONCE_LEN], aad: &[u8], data: &mut [u8]) -> Result<[u8; TAG_LEN], Error> {
        #[cfg(feature = "test-support")]
        crate::nonces::note(self.fingerprint, nonce);
        let sealed = self
            .key
            .seal_in_place_separate_tag(
                backend::Nonce::assume_unique_for_key(nonce),
                backend::Aad::from(aad),
                data,
            )
            .map_err(|_| Error::Limit)?;
        let mut tag = [0; TAG_LEN];
        tag.copy_from_slice(sealed.as_ref());
        Ok(tag)
    }

    /// Decrypts `data` (ciphertext then tag) in place and returns the plaintext, its front.
    ///
    /// # Errors
    /// [`Error::Open`]; `data` then holds nothing of use.
    pub fn open<'a>(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        data: &'a mut [u8],
    ) -> Result<&'a mut [u8], Error> {
        // The tag apart, because the backend's call on the whole buffer moves the plaintext onto itself.
        let (data, tag) = data.split_last_chunk_mut::<TAG_LEN>().ok_or(Error::Open)?;
        self.key
            .open_in_place_separate_tag(
                backend::Nonce::assume_unique_for_key(nonce),
                backend::Aad::from(aad),
                tag,
                data,
            )
            .map_err(|_| Error::Open)
    }
}

/// A key with a base nonce and a counter: nonce i = base XOR i (RFC 9180 section 5.2; the records of TLS 1.3 and the
/// response of chunked OHTTP count the same way).
pub struct Sequence {
    key: Key,
    base_nonce: [u8; NONCE_LEN],
    next: u64,
}

impl Sequence {
    /// Starts at 0.
    #[must_use]
    pub fn new(key: Key, base_nonce: [u8; NONCE_LEN]) -> Self {
        Self::starting_at(key, base_nonce, 0)
    }

    /// Starts at `next`, where a message is known by its number and not by the ones before it.
    #[must_use]
    pub fn starting_at(key: Key, base_nonce: [u8; NONCE_LEN], next: u64) -> Self {
        Self { key, base_nonce, next }
    }

    /// The number of the next message.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        self.next
    }

    /// Seals the next message in place.
    ///
    /// # Errors
    /// [`Error::Limit`]
    pub fn seal(&mut self, aad: &[u8], data: &mut [u8]) -> Result<[u8; TAG_LEN], Error> {
        let (nonce, after) = self.step()?;
        let tag = self.key.seal(nonce, aad, data)?;
        self.next = after;
        Ok(tag)
    }

    /// Opens the next message in place; counts only when it authenticated.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::Limit`]
    pub fn open<'a>(&mut self, aad: &[u8], data: &'a mut [u8]) -> Result<&'a mut [u8], Error> {
        let (nonce, after) = self.step()?;
        let plaintext = self.key.open(nonce, aad, data)?;
        self.next = after;
        Ok(plaintext)
    }

    /// The nonce of the next message, and the counter after it. RFC 9180 would let the counter grow to 96 bits; nobody
    /// seals 2^64 messages.
    fn step(&self) -> Result<([u8; NONCE_LEN], u64), Error> {
        let after = self.next.checked_add(1).ok_or(Error::Limit)?;
        let mut nonce = self.base_nonce;
        for (byte, count) in nonce.iter_mut().rev().zip(self.next.to_le_bytes()) {
            *byte ^= count;
        }
        Ok((nonce, after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_used_up_sequence_stops() {
        let key = || Key::new(Aead::Aes128Gcm, &[1; 16]).unwrap();
        let last = || Sequence::starting_at(key(), [0; NONCE_LEN], u64::MAX - 1);
        let (mut sealer, mut opener) = (last(), last());
        let mut data = b"the last".to_vec();
        let tag = sealer.seal(b"", &mut data).unwrap();
        data.extend_from_slice(&tag);
        assert_eq!(sealer.seal(b"", &mut []), Err(Error::Limit));
        assert_eq!(opener.open(b"", &mut data).unwrap(), b"the last");
        assert_eq!(opener.open(b"", &mut data).err(), Some(Error::Limit));
    }
}
