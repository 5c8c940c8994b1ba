//! Keys of a response (RFC 9458 section 4.4, chunked section 6.2).

use crate::{Error, form::Form};
use sealwire_crypto::{
    aead::{Aead, Key, NONCE_LEN, Sequence},
    hpke::Symmetric,
};
use zeroize::Zeroizing;

/// The longest response nonce and secret, that of the AEADs with 32-byte keys.
pub(crate) const MAX_NONCE_LEN: usize = 32;

/// Length of the response nonce and of the exported secret: max(Nn, Nk). It differs by AEAD (OB-150).
pub(crate) fn nonce_len(aead: Aead) -> usize {
    aead.key_len().max(NONCE_LEN)
}

/// What an exchange keeps of its HPKE context: exported when the context is set up, so that the context itself can
/// move into whatever seals or opens the request's chunks.
pub(crate) struct ResponseSecret {
    suite: Symmetric,
    enc: Vec<u8>,
    secret: Zeroizing<[u8; MAX_NONCE_LEN]>,
}

impl ResponseSecret {
    /// `export` is Context.Export of either side.
    pub(crate) fn new(
        form: Form,
        suite: Symmetric,
        enc: Vec<u8>,
        export: impl FnOnce(&[u8], &mut [u8]) -> Result<(), sealwire_crypto::Error>,
    ) -> Result<Self, Error> {
        let mut secret = Zeroizing::new([0; MAX_NONCE_LEN]);
        let out = secret.get_mut(..nonce_len(suite.aead)).ok_or(Error::Buffer)?;
        export(form.response_label(), out)?;
        Ok(Self { suite, enc, secret })
    }

    /// Length of the nonce of a response.
    pub(crate) fn nonce_len(&self) -> usize {
        nonce_len(self.suite.aead)
    }

    /// Key and base nonce of the response with this nonce.
    pub(crate) fn key(&self, nonce: &[u8]) -> Result<(Key, [u8; NONCE_LEN]), Error> {
        let aead = self.suite.aead;
        let secret = self.secret.get(..nonce_len(aead)).ok_or(Error::Buffer)?;
        let prk = self.suite.kdf.extract(&[&self.enc, nonce].concat(), &[secret]);
        let mut key = Zeroizing::new([0; MAX_NONCE_LEN]);
        let key = key.get_mut(..aead.key_len()).ok_or(Error::Buffer)?;
        prk.expand(&[b"key"], key)?;
        let mut base_nonce = [0; NONCE_LEN];
        prk.expand(&[b"nonce"], &mut base_nonce)?;
        Ok((Key::new(aead, key)?, base_nonce))
    }

    /// The sequence of a chunked response with this nonce: nonce i is the base nonce XOR i, the final chunk included.
    pub(crate) fn sequence(&self, nonce: &[u8]) -> Result<Sequence, Error> {
        let (key, base_nonce) = self.key(nonce)?;
        Ok(Sequence::new(key, base_nonce))
    }
}
