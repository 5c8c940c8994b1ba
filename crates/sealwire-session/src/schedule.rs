//! The key schedule (SE-05, section 4): a chain of secrets, each a type that its step consumes.

use crate::{Error, Suite, label};
use sealwire_crypto::{
    aead::{Key, NONCE_LEN, Sequence, TAG_LEN},
    digest::Digest,
    kdf::Prk,
    mac,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

/// What an earlier session left for the next (SE-40): Nh bytes.
pub(crate) struct Psk(pub(crate) Zeroizing<Vec<u8>>);

/// Before the key agreement.
pub(crate) struct Early {
    suite: Suite,
    secret: Prk,
}

impl Early {
    pub(crate) fn new(suite: Suite, psk: Option<&Psk>) -> Self {
        let zeros = [0; 64];
        let zeros = zeros.get(..suite.hash().hash_len()).unwrap_or_default();
        let psk = psk.map_or(zeros, |Psk(psk)| psk.as_slice());
        Self { suite, secret: suite.hash().extract(zeros, &[psk]) }
    }

    pub(crate) fn binder_key(&self) -> Result<mac::Key, Error> {
        finished_key(&label::derive(&self.secret, "binder", &[])?)
    }

    /// `hello` is T(client hello).
    pub(crate) fn traffic(&self, hello: &Digest) -> Result<Traffic, Error> {
        Ok(Traffic { suite: self.suite, secret: label::derive(&self.secret, "early", &[hello.as_bytes()])? })
    }

    /// Mixes in what was agreed on; nothing in a resumption without agreement.
    pub(crate) fn agree(self, shared: Option<&[u8]>) -> Result<Handshake, Error> {
        let zeros = [0; 64];
        let zeros = zeros.get(..self.suite.hash().hash_len()).unwrap_or_default();
        let derived = label::derive(&self.secret, "derived", &[])?;
        Ok(Handshake { suite: self.suite, secret: derived.extract(&[shared.unwrap_or(zeros)]) })
    }
}

/// After the key agreement.
pub(crate) struct Handshake {
    suite: Suite,
    secret: Prk,
}

impl Handshake {
    /// `hello` is T(server hello).
    pub(crate) fn client(&self, hello: &Digest) -> Result<Traffic, Error> {
        self.traffic("client handshake", hello)
    }

    /// `hello` is T(server hello).
    pub(crate) fn server(&self, hello: &Digest) -> Result<Traffic, Error> {
        self.traffic("server handshake", hello)
    }

    pub(crate) fn main(self) -> Result<Main, Error> {
        let zeros = [0; 64];
        let zeros = zeros.get(..self.suite.hash().hash_len()).unwrap_or_default();
        let derived = label::derive(&self.secret, "derived", &[])?;
        Ok(Main { suite: self.suite, secret: derived.extract(&[zeros]) })
    }

    fn traffic(&self, name: &str, hello: &Digest) -> Result<Traffic, Error> {
        Ok(Traffic { suite: self.suite, secret: label::derive(&self.secret, name, &[hello.as_bytes()])? })
    }
}

/// What one side seals handshake messages or early data with.
pub(crate) struct Traffic {
    suite: Suite,
    secret: Prk,
}

impl Traffic {
    /// The Finished MAC of this side over a transcript.
    pub(crate) fn finished(&self) -> Result<mac::Key, Error> {
        finished_key(&self.secret)
    }

    /// Key and iv, counting from `first`.
    pub(crate) fn sequence(&self, first: u64) -> Result<Sequence, Error> {
        let (key, iv) = key_and_iv(self.suite, &self.secret)?;
        Ok(Sequence::starting_at(key, *iv, first))
    }

    /// Seals the one message with number `number`: ciphertext and tag.
    pub(crate) fn seal(&self, number: u64, aad: &Digest, mut data: Vec<u8>) -> Result<Vec<u8>, Error> {
        let tag: [u8; TAG_LEN] = self.sequence(number)?.seal(aad.as_bytes(), &mut data)?;
        data.extend_from_slice(&tag);
        Ok(data)
    }

    /// Opens the one message with number `number`.
    pub(crate) fn open(&self, number: u64, aad: &Digest, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut data = Zeroizing::new(sealed.to_vec());
        let len = self.sequence(number)?.open(aad.as_bytes(), &mut data).map_err(|_| Error::Open)?.len();
        data.truncate(len);
        Ok(data)
    }
}

/// The main secret: where the session's own come from, once the handshake has been confirmed.
pub(crate) struct Main {
    suite: Suite,
    secret: Prk,
}

impl Main {
    /// `confirmed` is C of section 4.
    pub(crate) fn established(self, confirmed: &Digest) -> Result<(Secrets, Psk), Error> {
        let secret = |name| label::derive(&self.secret, name, &[confirmed.as_bytes()]);
        let resumption = secret("resumption")?;
        let secrets = Secrets {
            request: RequestSecret::new(self.suite, secret("request")?),
            channel: ChannelSecret { suite: self.suite, secret: secret("channel")? },
            close: CloseSecret { secret: secret("close")? },
            exporter: ExporterSecret { secret: secret("exporter")? },
        };
        let mut psk = Zeroizing::new(vec![0; self.suite.hash().hash_len()]);
        label::expand(&resumption, "psk", &[], &mut psk)?;
        Ok((secrets, Psk(psk)))
    }
}

/// The secrets of an established session. Wiped on drop.
pub struct Secrets {
    /// of requests and their answers
    pub request: RequestSecret,
    /// of channels
    pub channel: ChannelSecret,
    /// of the session's end
    pub close: CloseSecret,
    /// of whoever wants keys of their own
    pub exporter: ExporterSecret,
}

/// Requests and their answers derive their keys from this.
pub struct RequestSecret {
    pub(crate) suite: Suite,
    pub(crate) secret: Prk,
    /// the same, hashed into its two blocks: six times of the secret's size, so that it is there while it is used
    ready: Mutex<Option<Arc<mac::Key>>>,
}

impl RequestSecret {
    pub(crate) fn new(suite: Suite, secret: Prk) -> Self {
        Self { suite, secret, ready: Mutex::new(None) }
    }

    /// The secret as a key of HMAC.
    pub(crate) fn key(&self) -> Arc<mac::Key> {
        let kept = self.ready().clone();
        // Not under the lock: two that come first do the work twice.
        kept.unwrap_or_else(|| {
            let key = Arc::new(self.secret.mac_key());
            Arc::clone(self.ready().insert(key))
        })
    }

    /// Gives back the memory of what is kept ready; the next request makes it anew.
    pub(crate) fn rest(&self) {
        *self.ready() = None;
    }

    fn ready(&self) -> MutexGuard<'_, Option<Arc<mac::Key>>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Channels derive their keys from this.
pub struct ChannelSecret {
    pub(crate) suite: Suite,
    pub(crate) secret: Prk,
}

/// Authenticates the end of a session (SE-39).
pub struct CloseSecret {
    pub(crate) secret: Prk,
}

/// Keys for others, as the exporter of TLS 1.3 (RFC 8446 section 7.5).
pub struct ExporterSecret {
    secret: Prk,
}

impl ExporterSecret {
    /// Fills `out` with what `label` and `context` are due.
    ///
    /// # Errors
    /// A label of more than 244 bytes, or an output of more than 255 hashes.
    pub fn export(&self, label: &str, context: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let derived = label::derive(&self.secret, label, &[])?;
        let context = self.secret.kdf().hash().digest(&[context]);
        label::expand(&derived, "export", &[context.as_bytes()], out)
    }
}

/// `key(s)` and `iv(s)`.
pub(crate) fn key_and_iv(suite: Suite, secret: &Prk) -> Result<(Key, Zeroizing<[u8; NONCE_LEN]>), Error> {
    let mut key = Zeroizing::new([0; 32]);
    let key = key.get_mut(..suite.aead.key_len()).unwrap_or_default();
    label::expand(secret, "key", &[], key)?;
    let mut iv = Zeroizing::new([0; NONCE_LEN]);
    label::expand(secret, "iv", &[], iv.as_mut_slice())?;
    Ok((Key::new(suite.aead, key)?, iv))
}

fn finished_key(secret: &Prk) -> Result<mac::Key, Error> {
    Ok(label::derive(secret, "finished", &[])?.mac_key())
}
