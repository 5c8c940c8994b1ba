//! HKDF (RFC 5869).

use crate::Error;

/// The hash under HKDF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Hkdf {
    /// HPKE identifier 0x0001
    Sha256 = 1,
    /// HPKE identifier 0x0002
    Sha384 = 2,
    /// HPKE identifier 0x0003
    Sha512 = 3,
}

impl Hkdf {
    /// The KDF of an HPKE identifier.
    #[must_use]
    pub fn from_id(_id: u16) -> Option<Self> {
        todo!()
    }
    /// The HPKE identifier.
    #[must_use]
    pub fn id(self) -> u16 {
        self as u16
    }
    /// HKDF-Extract; `salt` and `ikm` are the parts, joined.
    #[must_use]
    pub fn extract(self, _salt: &[u8], _ikm: &[&[u8]]) -> Prk {
        todo!()
    }
}

/// A pseudorandom key.
pub struct Prk {}

impl Prk {
    /// HKDF-Expand into the whole of `out`; `info` is the parts, joined.
    ///
    /// # Errors
    /// [`Error::Limit`] above 255 blocks.
    pub fn expand(&self, _info: &[&[u8]], _out: &mut [u8]) -> Result<(), Error> {
        todo!()
    }
}
