use crate::client::{Error, KeySource, PinnedKey, exchange};
use http::{Uri, uri::PathAndQuery};
use sealwire_attest::{Appraised, KeyDocument, UnixTime};
use sealwire_crypto::kem::{Kem, PublicKey};
use sealwire_ehbp::{WIRE, config::KeyConfig};

/// Whom to seal to, and where to send it.
#[derive(Clone)]
pub struct Target {
    pub(super) key: KeyConfig,
    pub(super) source: KeySource,
    base: Uri,
}

impl Target {
    /// The first key of an appraised document that is live at `at` (EH-28, EH-29). `base` is where the server is: scheme and
    /// authority count.
    ///
    /// # Errors
    /// When the document has none, or one that is malformed.
    pub fn attested(
        document: &Appraised<KeyDocument>,
        at: UnixTime,
        base: Uri,
    ) -> Result<Self, sealwire_ehbp::Error> {
        let listed = document.get().live_keys(WIRE, at).next().ok_or(sealwire_ehbp::Error::KeyConfig)?;
        let key = KeyConfig::parse(&listed.bytes)?;
        if listed.id != key.id() {
            return Err(sealwire_ehbp::Error::KeyConfig);
        }
        Ok(Self { key, source: KeySource::Attested, base })
    }

    /// A key that the user vouches for. The wire names no key, so its id is not looked at.
    ///
    /// # Errors
    /// A key that is no X25519 key.
    pub fn pinned(key: &PinnedKey, base: Uri) -> Result<Self, sealwire_ehbp::Error> {
        let public_key = PublicKey::from_bytes(Kem::X25519, &key.public_key)
            .map_err(|_| sealwire_ehbp::Error::KeyConfig)?;
        Ok(Self { key: KeyConfig::new(public_key)?, source: KeySource::Pinned, base })
    }

    /// The id of the key in a key document.
    #[must_use]
    pub fn key_id(&self) -> [u8; 8] {
        self.key.id()
    }

    pub(super) fn place(&self, path: PathAndQuery) -> Result<Uri, Error> {
        exchange::at(&self.base, path)
    }
}
