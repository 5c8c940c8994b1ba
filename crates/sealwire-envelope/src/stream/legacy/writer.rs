use sealwire_crypto::{
    digest::{Hash, Sha256},
    kdf::Hkdf,
    mac,
    random::{self, Random},
};
use zeroize::Zeroizing;

use super::{Chunk, Final, MAX_CHUNKS, reader::Error};
use crate::{
    Algorithm, base64url,
    key::{PrivateKey, SignError, Signer, Use},
};

/// Makes chunks for readers of version 1 alone (SP-58).
pub struct Writer {
    signer: Signer,
    mac: mac::Key,
    nonce: String,
    digest: Sha256,
    next: u64,
}

impl Writer {
    /// With a key that is for streams and nothing else. 16 bytes of `random` are the nonce, which is not transmitted.
    ///
    /// # Errors
    /// [`SignError::Use`] for another key than Ed25519, [`SignError::Invalid`] for its name, [`SignError::Random`].
    pub fn new(sender: &str, key_id: &str, key: PrivateKey, random: &dyn Random) -> Result<Self, SignError> {
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(SignError::Use);
        }
        let nonce = base64url::encode(random::array::<16>(random).map_err(|_| SignError::Random)?);
        let text = key.to_text().map_err(|_| SignError::Invalid)?;
        let der = Zeroizing::new(base64url::decode(text.as_bytes()).map_err(|_| SignError::Invalid)?);
        let derived = Hkdf::Sha256.extract(nonce.as_bytes(), &[&der]).expand_array::<32>(&[b"7h3-stream/1"]);
        let derived = derived.map_err(|_| SignError::Invalid)?;
        Ok(Self {
            signer: Signer::private(sender, key_id, key)
                .map_err(|_| SignError::Invalid)?
                .with_uses(Use::Stream),
            mac: mac::Key::new(Hash::Sha256, derived.as_slice()),
            nonce,
            digest: Sha256::default(),
            next: 0,
        })
    }

    /// The next chunk.
    ///
    /// # Errors
    /// [`Error::TooManyChunks`]
    pub fn write(&mut self, data: &str) -> Result<Chunk, Error> {
        if self.next >= MAX_CHUNKS {
            return Err(Error::TooManyChunks);
        }
        let index = self.next;
        if index > 0 {
            self.digest.update(b"\n");
        }
        self.digest.update(format!("{index}:{data}").as_bytes());
        self.next += 1;
        Ok(Chunk { index, data: data.to_owned(), hash: self.hash(index, data), last: None })
    }

    /// The final chunk.
    ///
    /// # Errors
    /// [`SignError`]
    pub fn finish(self) -> Result<Chunk, SignError> {
        let digest = self.digest.clone().finish();
        let sig = base64url::encode(self.signer.sign(Use::Stream, &digest)?);
        let last = Final { sig: Some(sig), kid: Some(self.signer.key_id().to_owned()) };
        let hash = self.hash(self.next, &base64url::encode(digest));
        Ok(Chunk { index: self.next, data: String::new(), hash, last: Some(last) })
    }

    fn hash(&self, index: u64, data: &str) -> String {
        base64url::encode(self.mac.sign(&[format!("{}:{index}:{data}", self.nonce).as_bytes()]))
    }
}
