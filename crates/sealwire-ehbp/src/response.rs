//! Keys of an answer (EH-04).

use crate::{
    Error, SUITE,
    field::{EncapsulatedKey, ResponseNonce},
};
use sealwire_crypto::aead::{Key, NONCE_LEN, Sequence};
use zeroize::Zeroizing;

/// Context.Export takes this.
const LABEL: &[u8] = b"ehbp response";

/// What an exchange keeps of its HPKE context: exported when the context is set up, so that the context itself can
/// move into whatever seals or opens the request.
pub(crate) struct ResponseSecret {
    pub(crate) exported: Zeroizing<[u8; 32]>,
    pub(crate) enc: EncapsulatedKey,
}

impl ResponseSecret {
    /// `export` is Context.Export of either side.
    pub(crate) fn new(
        enc: EncapsulatedKey,
        export: impl FnOnce(&[u8], &mut [u8]) -> Result<(), sealwire_crypto::Error>,
    ) -> Result<Self, Error> {
        let mut exported = Zeroizing::new([0; 32]);
        export(LABEL, exported.as_mut_slice())?;
        Ok(Self { exported, enc })
    }

    /// The sequence of the answer with this nonce: nonce i is the base nonce XOR i.
    pub(crate) fn sequence(&self, nonce: &ResponseNonce) -> Result<Sequence, Error> {
        let salt = [&self.enc.as_bytes()[..], nonce.as_bytes()].concat();
        let prk = SUITE.kdf.extract(&salt, &[self.exported.as_slice()]);
        let key = Key::derive(SUITE.aead, &prk, &[b"key"])?;
        let mut base_nonce = [0; NONCE_LEN];
        prk.expand(&[b"nonce"], &mut base_nonce)?;
        Ok(Sequence::new(key, base_nonce))
    }
}
