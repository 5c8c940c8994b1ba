//! HPKE (RFC 9180), base and PSK modes, over the KEMs of [`crate::kem`].

pub(crate) mod labeled;
mod schedule;

use crate::{
    Error,
    aead::{Aead, TAG_LEN},
    kdf::Hkdf,
    kem::{PrivateKey, PublicKey},
    random::Random,
};
use schedule::Context;

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

/// The sender's context. Wiped on drop.
pub struct Sender {
    context: Context,
}

/// The receiver's context. Wiped on drop.
pub struct Receiver {
    context: Context,
}

/// SetupBaseS or SetupPSKS: the encapsulated key (Nenc bytes) and the sender's context.
///
/// # Errors
/// [`Error::Kem`], [`Error::Random`], [`Error::Psk`]
pub fn setup_sender(
    to: &PublicKey,
    suite: Symmetric,
    mode: Mode<'_>,
    info: &[u8],
    random: &dyn Random,
) -> Result<(Vec<u8>, Sender), Error> {
    mode.verify()?;
    let (enc, shared_secret) = to.encapsulate(random)?;
    let context = schedule::key_schedule(to.kem(), suite, mode, &shared_secret, info)?;
    Ok((enc, Sender { context }))
}

/// SetupBaseR or SetupPSKR.
///
/// # Errors
/// [`Error::Kem`], [`Error::Psk`]
pub fn setup_receiver(
    key: &PrivateKey,
    enc: &[u8],
    suite: Symmetric,
    mode: Mode<'_>,
    info: &[u8],
) -> Result<Receiver, Error> {
    mode.verify()?;
    let shared_secret = key.decapsulate(enc)?;
    let context = schedule::key_schedule(key.public_key().kem(), suite, mode, &shared_secret, info)?;
    Ok(Receiver { context })
}

impl Mode<'_> {
    /// VerifyPSKInputs (RFC 9180 section 5.1) with the length of section 9.5, before any work for the KEM.
    fn verify(&self) -> Result<(), Error> {
        match self {
            Self::Base => Ok(()),
            Self::Psk { psk, id } if psk.len() >= 32 && !id.is_empty() => Ok(()),
            Self::Psk { .. } => Err(Error::Psk),
        }
    }
}

impl Sender {
    /// Seals the next message in place.
    ///
    /// # Errors
    /// [`Error::Limit`]
    pub fn seal(&mut self, aad: &[u8], data: &mut [u8]) -> Result<[u8; TAG_LEN], Error> {
        self.context.sequence.seal(aad, data)
    }

    /// Context.Export into the whole of `out`.
    ///
    /// # Errors
    /// [`Error::Limit`]
    pub fn export(&self, context: &[u8], out: &mut [u8]) -> Result<(), Error> {
        self.context.exporter.export(context, out)
    }
}

impl Receiver {
    /// Opens the next message in place; a message that does not authenticate is not counted.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::Limit`]
    pub fn open<'a>(&mut self, aad: &[u8], data: &'a mut [u8]) -> Result<&'a mut [u8], Error> {
        self.context.sequence.open(aad, data)
    }

    /// Context.Export into the whole of `out`.
    ///
    /// # Errors
    /// [`Error::Limit`]
    pub fn export(&self, context: &[u8], out: &mut [u8]) -> Result<(), Error> {
        self.context.exporter.export(context, out)
    }
}
