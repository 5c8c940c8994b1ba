//! The boxes of NaCl that the RA tunnel is made of (TU-04, TU-06): the anonymous sealed box, and the secret box, in the
//! bytes of libsodium.
//!
//! Of the sealed box only the composition is here: X25519 is the backend's, which wipes its scalars and refuses points of
//! low order, and the tests hold the result against a second implementation.

use crate::{
    Error,
    ecdh::{Curve, PrivateScalar},
    random::Random,
};
use blake2::{Blake2b, Digest, digest::consts::U24};
use crypto_secretbox::{AeadInPlace, Kdf, Key, KeyInit, Nonce, Tag, XSalsa20Poly1305};
use zeroize::Zeroizing;

/// Length of every key here, in bytes.
pub const KEY_LEN: usize = 32;
/// Length of the nonce of a secret box, in bytes.
pub const NONCE_LEN: usize = 24;
/// Length of the tag of a box, in bytes.
pub const TAG_LEN: usize = 16;
/// What a sealed box is longer than what it holds, in bytes: an ephemeral key and a tag.
pub const SEALED_EXTRA: usize = KEY_LEN + TAG_LEN;

/// The key of secret boxes (`crypto_secretbox`: XSalsa20-Poly1305). Wiped on drop.
///
/// One key may serve both directions of a connection, since nothing but the nonce tells two boxes apart: that no nonce is
/// used twice is the caller's to see to.
pub struct SecretBoxKey(XSalsa20Poly1305);

impl SecretBoxKey {
    /// A key of these bytes, which the caller wipes.
    #[must_use]
    pub fn new(key: &[u8; KEY_LEN]) -> Self {
        Self(XSalsa20Poly1305::new(<&Key>::from(key)))
    }

    /// Encrypts `data` in place and returns the tag, which stands *before* the ciphertext in a box.
    ///
    /// # Errors
    /// [`Error::Limit`], which no length in memory gives.
    pub fn seal(&self, nonce: &[u8; NONCE_LEN], data: &mut [u8]) -> Result<[u8; TAG_LEN], Error> {
        let tag = self.0.encrypt_in_place_detached(<&Nonce>::from(nonce), b"", data);
        tag.map(Into::into).map_err(|_| Error::Limit)
    }

    /// Decrypts `boxed` (tag, then ciphertext) in place and returns the plaintext, its back.
    ///
    /// # Errors
    /// [`Error::Open`]; `boxed` is then as it was.
    pub fn open<'a>(&self, nonce: &[u8; NONCE_LEN], boxed: &'a mut [u8]) -> Result<&'a mut [u8], Error> {
        let (tag, data) = boxed.split_first_chunk_mut::<TAG_LEN>().ok_or(Error::Open)?;
        let (tag, nonce) = (<&Tag>::from(&*tag), <&Nonce>::from(nonce));
        self.0.decrypt_in_place_detached(nonce, b"", data, tag).map_err(|_| Error::Open)?;
        Ok(data)
    }
}

/// The X25519 key that sealed boxes are addressed to. Wiped on drop.
pub struct SealedBoxKey {
    private: PrivateScalar,
    public: [u8; KEY_LEN],
}

impl SealedBoxKey {
    /// A fresh key: the next 32 bytes of `random`.
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn generate(random: &dyn Random) -> Result<Self, Error> {
        Self::of(PrivateScalar::generate(Curve::X25519, random)?)
    }

    /// The key of these bytes, which the caller wipes.
    ///
    /// # Errors
    /// None that X25519 has: any bytes are a key.
    pub fn from_bytes(private: &[u8; KEY_LEN]) -> Result<Self, Error> {
        Self::of(PrivateScalar::from_bytes(Curve::X25519, private)?)
    }

    fn of(private: PrivateScalar) -> Result<Self, Error> {
        let public = private.public_key()?.try_into().map_err(|_| Error::Key)?;
        Ok(Self { private, public })
    }

    /// What others seal to.
    #[must_use]
    pub fn public(&self) -> &[u8; KEY_LEN] {
        &self.public
    }

    /// Opens a sealed box (`crypto_box_seal_open`).
    ///
    /// # Errors
    /// [`Error::Kem`] where the ephemeral key has low order; [`Error::Open`]
    pub fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (ephemeral, boxed) = sealed.split_first_chunk::<KEY_LEN>().ok_or(Error::Open)?;
        let key = agree(&self.private, ephemeral)?;
        let mut boxed = Zeroizing::new(boxed.to_vec());
        let plaintext = key.open(&nonce(ephemeral, &self.public), &mut boxed)?;
        Ok(Zeroizing::new(plaintext.to_vec()))
    }
}

/// Seals a box to `public` under an ephemeral key, the next 32 bytes of `random` (`crypto_box_seal`). Nothing in it tells
/// who has sealed it.
///
/// # Errors
/// [`Error::Kem`] where `public` has low order; [`Error::Random`]
pub fn seal(public: &[u8; KEY_LEN], message: &[u8], random: &dyn Random) -> Result<Vec<u8>, Error> {
    let ephemeral = SealedBoxKey::generate(random)?;
    let key = agree(&ephemeral.private, public)?;
    let mut sealed = Vec::with_capacity(SEALED_EXTRA.saturating_add(message.len()));
    sealed.extend_from_slice(&ephemeral.public);
    sealed.extend_from_slice(&[0; TAG_LEN]);
    sealed.extend_from_slice(message);
    let boxed = sealed.get_mut(KEY_LEN..).ok_or(Error::Limit)?;
    let (tag, data) = boxed.split_first_chunk_mut::<TAG_LEN>().ok_or(Error::Limit)?;
    *tag = key.seal(&nonce(&ephemeral.public, public), data)?;
    Ok(sealed)
}

/// The key of `crypto_box`: HSalsa20 of what X25519 agrees on (`crypto_box_beforenm`).
fn agree(private: &PrivateScalar, public: &[u8; KEY_LEN]) -> Result<SecretBoxKey, Error> {
    let mut shared = Zeroizing::new([0; KEY_LEN]);
    let point = Curve::X25519.point(public).ok_or(Error::Key)?;
    private.agree(point, shared.as_mut_slice())?;
    // HSalsa20 takes 16 bytes, which are zero here.
    let key: Zeroizing<[u8; KEY_LEN]> =
        Zeroizing::new(XSalsa20Poly1305::kdf(<&Key>::from(&*shared), &Tag::default()).into());
    Ok(SecretBoxKey::new(&key))
}

/// The nonce of a sealed box: BLAKE2b of both public keys. The key is fresh each time, so that the nonce may follow.
fn nonce(ephemeral: &[u8; KEY_LEN], public: &[u8; KEY_LEN]) -> [u8; NONCE_LEN] {
    Blake2b::<U24>::new().chain_update(ephemeral).chain_update(public).finalize().into()
}
