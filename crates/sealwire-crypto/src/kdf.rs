//! HKDF (RFC 5869).
//!
//! The extraction is the backend's HMAC, which is all that HKDF-Extract is: the backend's own extraction copies its
//! inputs and runs again at every expansion, and an HPKE set-up expands one key three times.

use aws_lc_rs::{hkdf, hmac};

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
    pub fn from_id(id: u16) -> Option<Self> {
        [Self::Sha256, Self::Sha384, Self::Sha512].into_iter().find(|kdf| kdf.id() == id)
    }

    /// The HPKE identifier.
    #[must_use]
    pub fn id(self) -> u16 {
        self as u16
    }

    /// Output length of the hash in bytes (Nh).
    #[must_use]
    pub fn hash_len(self) -> usize {
        self.hkdf().hmac_algorithm().tag_len()
    }

    /// HKDF-Extract; `ikm` is the parts, joined.
    #[must_use]
    pub fn extract(self, salt: &[u8], ikm: &[&[u8]]) -> Prk {
        Prk::new(self, self.extract_bytes(salt, ikm).as_ref())
    }

    /// HKDF-Extract where the protocol wants the bytes and not a key.
    pub(crate) fn extract_bytes(self, salt: &[u8], ikm: &[&[u8]]) -> impl AsRef<[u8]> + use<> {
        let mut mac = hmac::Context::with_key(&hmac::Key::new(self.hkdf().hmac_algorithm(), salt));
        for part in ikm {
            mac.update(part);
        }
        mac.sign()
    }

    fn hkdf(self) -> hkdf::Algorithm {
        match self {
            Self::Sha256 => hkdf::HKDF_SHA256,
            Self::Sha384 => hkdf::HKDF_SHA384,
            Self::Sha512 => hkdf::HKDF_SHA512,
        }
    }
}

/// A pseudorandom key. Wiped on drop.
pub struct Prk {
    prk: hkdf::Prk,
}

impl Prk {
    /// A pseudorandom key that another derivation has made, such as HPKE's exporter_secret; at most 64 bytes.
    pub(crate) fn new(kdf: Hkdf, bytes: &[u8]) -> Self {
        Self { prk: hkdf::Prk::new_less_safe(kdf.hkdf(), bytes) }
    }

    /// HKDF-Expand into the whole of `out`; `info` is the parts, joined.
    ///
    /// # Errors
    /// [`Error::Limit`] above 255 blocks.
    pub fn expand(&self, info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
        let okm = self.prk.expand(info, OutputLen(out.len())).map_err(|_| Error::Limit)?;
        okm.fill(out).map_err(|_| Error::Limit)
    }
}

/// The backend's way to say how much to expand to.
struct OutputLen(usize);

impl hkdf::KeyType for OutputLen {
    fn len(&self) -> usize {
        self.0
    }
}
