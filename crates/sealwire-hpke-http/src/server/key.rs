use crate::{
    Error,
    envelope::KEM,
    key::{KeyRecord, Recipient},
};
use bytes::Bytes;
use sealwire_crypto::{
    kem::PrivateKey,
    random::{self, Random},
};
use zeroize::Zeroizing;

/// A server's key and its id. Wiped on drop.
pub struct ServerKey {
    recipient: Recipient,
    key: PrivateKey,
    /// what stands for the pre-shared key of an id that nobody has
    decoy: Zeroizing<[u8; 32]>,
}

impl ServerKey {
    /// A fresh key. `id` has 1 to 255 bytes.
    ///
    /// # Errors
    /// [`Error::InvalidConfiguration`], [`Error::EntropyUnavailable`]
    pub fn generate(id: impl Into<Bytes>, random: &dyn Random) -> Result<Self, Error> {
        Self::new(id, PrivateKey::generate(KEM, random)?, random)
    }

    /// From a private key of X25519, which serves this wire alone.
    ///
    /// # Errors
    /// As [`Self::generate`].
    pub fn new(id: impl Into<Bytes>, key: PrivateKey, random: &dyn Random) -> Result<Self, Error> {
        if key.public_key().kem() != KEM {
            return Err(Error::InvalidConfiguration);
        }
        let recipient = Recipient::from_parts(id.into(), key.public_key().clone());
        let recipient = recipient.map_err(|_| Error::InvalidConfiguration)?;
        Ok(Self { recipient, key, decoy: Zeroizing::new(random::array(random)?) })
    }

    /// Id and public key.
    #[must_use]
    pub fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// What is published of it: that it may be used for `use_for` seconds.
    ///
    /// # Errors
    /// [`Error::InvalidConfiguration`] for 0.
    pub fn record(&self, use_for: u32) -> Result<KeyRecord, Error> {
        KeyRecord::new(self.recipient.clone(), use_for).map_err(|_| Error::InvalidConfiguration)
    }

    pub(super) fn private(&self) -> &PrivateKey {
        &self.key
    }

    pub(super) fn decoy(&self) -> &[u8] {
        self.decoy.as_slice()
    }
}

impl AsRef<ServerKey> for ServerKey {
    fn as_ref(&self) -> &ServerKey {
        self
    }
}
