//! AEADs with 12-byte nonces and 16-byte tags, in place.

use crate::Error;

/// Nonce length of every AEAD here, in bytes (Nn).
pub const NONCE_LEN: usize = 12;
/// Tag length of every AEAD here, in bytes (Nt).
pub const TAG_LEN: usize = 16;

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
    pub fn from_id(_id: u16) -> Option<Self> {
        todo!()
    }
    /// The HPKE identifier.
    #[must_use]
    pub fn id(self) -> u16 {
        self as u16
    }
    /// Key length in bytes (Nk).
    #[must_use]
    pub fn key_len(self) -> usize {
        todo!()
    }
}

/// A parsed AEAD key.
pub struct Key {}

impl Key {
    /// Parses `key`, which has [`Aead::key_len`] bytes.
    ///
    /// # Errors
    /// [`Error::Key`] on another length.
    pub fn new(_aead: Aead, _key: &[u8]) -> Result<Self, Error> {
        todo!()
    }
    /// Encrypts `data` in place and returns the tag.
    ///
    /// # Errors
    /// [`Error::Limit`] when `data` is longer than the AEAD takes.
    pub fn seal(&self, _nonce: [u8; NONCE_LEN], _aad: &[u8], _data: &mut [u8]) -> Result<[u8; TAG_LEN], Error> {
        todo!()
    }
    /// Decrypts `data` (ciphertext then tag) in place and returns the plaintext, its front.
    ///
    /// # Errors
    /// [`Error::Open`]
    pub fn open<'a>(&self, _nonce: [u8; NONCE_LEN], _aad: &[u8], _data: &'a mut [u8]) -> Result<&'a mut [u8], Error> {
        todo!()
    }
}

/// A key with a base nonce and a counter: nonce i = base XOR i (RFC 9180 section 5.2; the response of
/// chunked OHTTP counts the same way).
pub struct Sequence {}

impl Sequence {
    /// Starts at 0.
    #[must_use]
    pub fn new(_key: Key, _base_nonce: [u8; NONCE_LEN]) -> Self {
        todo!()
    }
    /// Seals the next message in place.
    ///
    /// # Errors
    /// [`Error::Limit`]
    pub fn seal(&mut self, _aad: &[u8], _data: &mut [u8]) -> Result<[u8; TAG_LEN], Error> {
        todo!()
    }
    /// Opens the next message in place; counts only when it authenticated.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::Limit`]
    pub fn open<'a>(&mut self, _aad: &[u8], _data: &'a mut [u8]) -> Result<&'a mut [u8], Error> {
        todo!()
    }
}
