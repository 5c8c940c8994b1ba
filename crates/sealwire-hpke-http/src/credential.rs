use crate::Error;
use bytes::Bytes;
use sealwire_crypto::digest::constant_time_eq;
use zeroize::Zeroizing;

/// Shortest pre-shared key, bytes (RFC 9180 section 9.5).
const MIN_PSK_LEN: usize = 32;

/// The longest key id or PSK id, bytes.
pub(crate) const MAX_ID_LEN: usize = 255;

/// A pre-shared key and the id that names it in clear. Wiped on drop.
pub struct Credential {
    id: Bytes,
    psk: Zeroizing<Vec<u8>>,
}

impl Credential {
    /// `id` is an opaque token of 1 to 255 bytes that everybody sees (HH-69), `psk` at least 32 bytes of a secret.
    ///
    /// # Errors
    /// [`Error::InvalidCredential`]; also for a key that is its own id.
    pub fn new(id: impl Into<Bytes>, psk: &[u8]) -> Result<Self, Error> {
        let id = id.into();
        if !is_id(&id) || psk.len() < MIN_PSK_LEN || constant_time_eq(psk, &id) {
            return Err(Error::InvalidCredential);
        }
        Ok(Self { id, psk: Zeroizing::new(psk.to_vec()) })
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &Bytes {
        &self.id
    }

    pub(crate) fn psk(&self) -> &[u8] {
        &self.psk
    }
}

/// Whether these bytes can be a key id or a PSK id.
pub(crate) fn is_id(id: &[u8]) -> bool {
    (1..=MAX_ID_LEN).contains(&id.len())
}
