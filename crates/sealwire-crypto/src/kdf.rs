//! HKDF (RFC 5869).
//!
//! The extraction is the backend's HMAC, which is all that HKDF-Extract is: the backend's own extraction copies its
//! inputs and runs again at every expansion, and an HPKE set-up expands one key three times.

use aws_lc_rs::{hkdf, hmac};

use crate::{
    Error,
    digest::{self, Hash},
    mac,
};
use zeroize::Zeroizing;

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

    /// The hash.
    #[must_use]
    pub const fn hash(self) -> Hash {
        match self {
            Self::Sha256 => Hash::Sha256,
            Self::Sha384 => Hash::Sha384,
            Self::Sha512 => Hash::Sha512,
        }
    }

    /// Output length of the hash in bytes (Nh).
    #[must_use]
    pub const fn hash_len(self) -> usize {
        self.hash().digest_len()
    }

    /// HKDF-Extract; `ikm` is the parts, joined.
    #[must_use]
    pub fn extract(self, salt: &[u8], ikm: &[&[u8]]) -> Prk {
        Prk::new(self, self.extract_bytes(salt, ikm).as_ref())
    }

    /// HKDF-Extract where the protocol wants the bytes and not a key.
    pub(crate) fn extract_bytes(self, salt: &[u8], ikm: &[&[u8]]) -> impl AsRef<[u8]> + use<> {
        let mut mac = hmac::Context::with_key(&hmac::Key::new(mac::algorithm(self.hash()), salt));
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

impl From<Hash> for Hkdf {
    fn from(hash: Hash) -> Self {
        match hash {
            Hash::Sha256 => Self::Sha256,
            Hash::Sha384 => Self::Sha384,
            Hash::Sha512 => Self::Sha512,
        }
    }
}

/// A pseudorandom key. Wiped on drop.
///
/// A schedule in the manner of TLS 1.3 (RFC 8446 section 7.1) goes from one to the next by [`Prk::derive`] (a secret
/// below this one) and [`Prk::extract`] (this one as the salt of new input); what it ends in are keys, not bytes:
/// [`Prk::mac_key`] and [`crate::aead::Key::derive`].
pub struct Prk {
    kdf: Hkdf,
    bytes: Zeroizing<[u8; digest::MAX_LEN]>,
    len: usize,
}

impl Prk {
    /// A pseudorandom key that another derivation has made, of the hash's length.
    ///
    /// # Errors
    /// [`Error::Key`] on another length.
    pub fn from_bytes(kdf: Hkdf, bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() == kdf.hash_len() { Ok(Self::new(kdf, bytes)) } else { Err(Error::Key) }
    }

    /// The same for callers who know that `bytes` has at most 64 bytes, such as HPKE's exporter_secret.
    pub(crate) fn new(kdf: Hkdf, bytes: &[u8]) -> Self {
        // Copied to where it is wiped, and nowhere else.
        let mut kept = Zeroizing::new([0; digest::MAX_LEN]);
        let len = digest::copy(bytes, &mut kept);
        Self { kdf, bytes: kept, len }
    }

    /// The KDF that it belongs to.
    #[must_use]
    pub fn kdf(&self) -> Hkdf {
        self.kdf
    }

    /// HKDF-Expand into the whole of `out`; `info` is the parts, joined.
    ///
    /// # Errors
    /// [`Error::Limit`] above 255 blocks.
    pub fn expand(&self, info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
        let prk = hkdf::Prk::new_less_safe(self.kdf.hkdf(), self.as_bytes());
        let okm = prk.expand(info, OutputLen(out.len())).map_err(|_| Error::Limit)?;
        okm.fill(out).map_err(|_| Error::Limit)
    }

    /// HKDF-Expand into `N` bytes.
    ///
    /// # Errors
    /// [`Error::Limit`] above 255 blocks.
    pub fn expand_array<const N: usize>(&self, info: &[&[u8]]) -> Result<Zeroizing<[u8; N]>, Error> {
        let mut out = Zeroizing::new([0; N]);
        self.expand(info, out.as_mut_slice())?;
        Ok(out)
    }

    /// HKDF-Expand into the next pseudorandom key, of the hash's length.
    ///
    /// # Errors
    /// [`Error::Limit`], which no hash here gives.
    pub fn derive(&self, info: &[&[u8]]) -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; digest::MAX_LEN]);
        let len = self.kdf.hash_len();
        self.expand(info, bytes.get_mut(..len).ok_or(Error::Limit)?)?;
        Ok(Self { kdf: self.kdf, bytes, len })
    }

    /// HKDF-Extract with this key as the salt; `ikm` is the parts, joined.
    #[must_use]
    pub fn extract(&self, ikm: &[&[u8]]) -> Self {
        self.kdf.extract(self.as_bytes(), ikm)
    }

    /// This key as a MAC key, such as the finished_key of TLS 1.3.
    #[must_use]
    pub fn mac_key(&self) -> mac::Key {
        mac::Key::new(self.kdf.hash(), self.as_bytes())
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// The backend's way to say how much to expand to.
struct OutputLen(usize);

impl hkdf::KeyType for OutputLen {
    fn len(&self) -> usize {
        self.0
    }
}
