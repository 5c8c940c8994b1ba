use crate::{Error, envelope::ENC_LEN};
use sealwire_crypto::{
    aead::{Aead, Key, Sequence},
    kdf::Hkdf,
};
use zeroize::Zeroizing;

/// Length of the server's nonce, bytes.
pub(crate) const NONCE_LEN: usize = 32;

const EXPORT_LABEL: &[u8] = b"message/hpke-http response\0v3";
const KEY_INFO: &[u8] = b"hpke-http/3 response key";
const NONCE_INFO: &[u8] = b"hpke-http/3 response nonce";

/// What the keys of an answer are made of, once its nonce is known. Wiped on drop.
pub(crate) struct ResponseSecret {
    secret: Zeroizing<[u8; 32]>,
    enc: [u8; ENC_LEN],
}

impl ResponseSecret {
    /// `export` is the HPKE context's.
    pub(crate) fn export(
        enc: [u8; ENC_LEN],
        export: impl FnOnce(&[u8], &mut [u8]) -> Result<(), sealwire_crypto::Error>,
    ) -> Result<Self, Error> {
        let mut secret = Zeroizing::new([0; 32]);
        export(EXPORT_LABEL, secret.as_mut_slice())?;
        Ok(Self { secret, enc })
    }

    /// A secret that vectors tell.
    #[cfg(test)]
    pub(crate) fn known(secret: [u8; 32], enc: [u8; ENC_LEN]) -> Self {
        Self { secret: Zeroizing::new(secret), enc }
    }

    /// Key and nonces of the answer that begins with `nonce`. Plain RFC 5869, without HPKE's labels.
    pub(crate) fn sequence(&self, nonce: &[u8; NONCE_LEN]) -> Result<Sequence, Error> {
        let salt = [self.enc, *nonce].concat();
        let prk = Hkdf::Sha256.extract(&salt, &[self.secret.as_slice()]);
        let key = Key::derive(Aead::ChaCha20Poly1305, &prk, &[KEY_INFO])?;
        Ok(Sequence::new(key, *prk.expand_array(&[NONCE_INFO])?))
    }
}
