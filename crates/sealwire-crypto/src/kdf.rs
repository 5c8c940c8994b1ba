//! HKDF (RFC 5869).
//!
//! Built on the backend's HMAC: its HKDF wants the input in one piece and extracts again for every expansion,
//! and an HPKE set-up extracts four times and expands four times from parts.

use aws_lc_rs::hmac;

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
        self.hmac().tag_len()
    }

    /// HKDF-Extract; `ikm` is the parts, joined.
    #[must_use]
    pub fn extract(self, salt: &[u8], ikm: &[&[u8]]) -> Prk {
        Prk::new(self, self.extract_bytes(salt, ikm).as_ref())
    }

    /// HKDF-Extract where the protocol wants the bytes and not a key.
    pub(crate) fn extract_bytes(self, salt: &[u8], ikm: &[&[u8]]) -> impl AsRef<[u8]> + use<> {
        let mut mac = hmac::Context::with_key(&hmac::Key::new(self.hmac(), salt));
        for part in ikm {
            mac.update(part);
        }
        mac.sign()
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }
}

/// A pseudorandom key, kept as an HMAC state so that several expansions hash it once. Wiped on drop.
pub struct Prk {
    key: hmac::Key,
}

impl Prk {
    /// A pseudorandom key that another derivation has made, such as HPKE's exporter_secret.
    pub(crate) fn new(kdf: Hkdf, bytes: &[u8]) -> Self {
        Self { key: hmac::Key::new(kdf.hmac(), bytes) }
    }

    /// HKDF-Expand into the whole of `out`; `info` is the parts, joined.
    ///
    /// # Errors
    /// [`Error::Limit`] above 255 blocks.
    pub fn expand(&self, info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
        let hash_len = self.key.algorithm().tag_len();
        if out.len() > 255 * hash_len {
            return Err(Error::Limit);
        }
        // T(i) = HMAC(PRK, T(i-1) || info || i), T(0) empty (RFC 5869 section 2.3).
        let mut previous: Option<hmac::Tag> = None;
        for (counter, block) in (1..=u8::MAX).zip(out.chunks_mut(hash_len)) {
            let mut mac = hmac::Context::with_key(&self.key);
            if let Some(tag) = &previous {
                mac.update(tag.as_ref());
            }
            for part in info {
                mac.update(part);
            }
            mac.update(&[counter]);
            let tag = mac.sign();
            for (out, byte) in block.iter_mut().zip(tag.as_ref()) {
                *out = *byte;
            }
            previous = Some(tag);
        }
        Ok(())
    }
}
