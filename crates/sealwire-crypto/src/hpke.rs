//! HPKE (RFC 9180), base and PSK modes, over the KEMs of [`crate::kem`].

use crate::{
    Error,
    aead::{Aead, TAG_LEN},
    kdf::Hkdf,
    kem::{PrivateKey, PublicKey},
    random::Random,
};

/// KDF and AEAD of a context; the KEM is the key's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Symmetric {
    /// KDF
    pub kdf: Hkdf,
    /// AEAD
    pub aead: Aead,
}

/// Base or PSK mode (RFC 9180 section 5).
#[derive(Clone, Copy)]
pub enum Mode<'a> {
    /// mode_base
    Base,
    /// mode_psk
    Psk {
        /// At least 32 bytes.
        psk: &'a [u8],
        /// Not empty.
        id: &'a [u8],
    },
}

/// The sender's context.
pub struct Sender {}
/// The receiver's context.
pub struct Receiver {}

/// SetupBaseS or SetupPSKS: the encapsulated key (Nenc bytes) and the sender's context.
///
/// # Errors
/// [`Error::Kem`], [`Error::Random`], [`Error::Psk`]
pub fn setup_sender(
    _to: &PublicKey,
    _suite: Symmetric,
    _mode: Mode<'_>,
    _info: &[u8],
    _random: &dyn Random,
) -> Result<(Vec<u8>, Sender), Error> {
    todo!()
}

/// SetupBaseR or SetupPSKR.
///
/// # Errors
/// [`Error::Kem`], [`Error::Psk`]
pub fn setup_receiver(
    _key: &PrivateKey,
    _enc: &[u8],
    _suite: Symmetric,
    _mode: Mode<'_>,
    _info: &[u8],
) -> Result<Receiver, Error> {
    todo!()
}

impl Sender {
    /// Seals the next message in place.
    ///
    /// # Errors
    /// [`Error::Limit`]
    pub fn seal(&mut self, _aad: &[u8], _data: &mut [u8]) -> Result<[u8; TAG_LEN], Error> {
        todo!()
    }
    /// Context.Export into the whole of `out`.
    ///
    /// # Errors
    /// [`Error::Limit`]
    pub fn export(&self, _context: &[u8], _out: &mut [u8]) -> Result<(), Error> {
        todo!()
    }
}

impl Receiver {
    /// Opens the next message in place.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::Limit`]
    pub fn open<'a>(&mut self, _aad: &[u8], _data: &'a mut [u8]) -> Result<&'a mut [u8], Error> {
        todo!()
    }
    /// Context.Export into the whole of `out`.
    ///
    /// # Errors
    /// [`Error::Limit`]
    pub fn export(&self, _context: &[u8], _out: &mut [u8]) -> Result<(), Error> {
        todo!()
    }
}
