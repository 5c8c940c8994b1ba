//! Frames (EH-03): `u32 length | ciphertext and tag`, each the next message of a sequence, without additional data.

mod open;
mod seal;
mod split;

pub(crate) use open::open;
pub use open::{Opened, Opener};
pub use seal::Sealer;
pub(crate) use split::{Frames, Split};

use sealwire_crypto::{
    aead::{Sequence, TAG_LEN},
    hpke::{Receiver, Sender},
};

/// Bytes of a frame's length.
const PREFIX_LEN: usize = 4;

/// Seals the next message of a sequence in place.
pub trait Seal {
    /// Encrypts `data` in place and returns its tag.
    ///
    /// # Errors
    /// When the sequence is used up.
    fn seal(&mut self, data: &mut [u8]) -> Result<[u8; TAG_LEN], sealwire_crypto::Error>;
}

/// Opens the next message of a sequence in place.
pub trait Open {
    /// Decrypts `data` (ciphertext then tag) in place and returns the plaintext, its front.
    ///
    /// # Errors
    /// When the tag does not verify.
    fn open<'a>(&mut self, data: &'a mut [u8]) -> Result<&'a mut [u8], sealwire_crypto::Error>;
}

impl Seal for Sender {
    fn seal(&mut self, data: &mut [u8]) -> Result<[u8; TAG_LEN], sealwire_crypto::Error> {
        Self::seal(self, b"", data)
    }
}

impl Seal for Sequence {
    fn seal(&mut self, data: &mut [u8]) -> Result<[u8; TAG_LEN], sealwire_crypto::Error> {
        Self::seal(self, b"", data)
    }
}

impl Open for Receiver {
    fn open<'a>(&mut self, data: &'a mut [u8]) -> Result<&'a mut [u8], sealwire_crypto::Error> {
        Self::open(self, b"", data)
    }
}

impl Open for Sequence {
    fn open<'a>(&mut self, data: &'a mut [u8]) -> Result<&'a mut [u8], sealwire_crypto::Error> {
        Self::open(self, b"", data)
    }
}
