//! The key schedule once more, with every secret in the open. The code under test shows none of its own; that these are
//! the same shows in the messages, which were made with them.

use sealwire_crypto::{
    aead::{Key, NONCE_LEN},
    kdf::Prk,
    mac,
};
use sealwire_session::Suite;
use serde_json::{Map, Value, json};

/// Secrets by the names that they have in the specification, in the order in which they came to be.
#[derive(Default)]
pub(crate) struct Named(Vec<(String, Vec<u8>)>);

impl Named {
    pub(crate) fn add(&mut self, name: &str, secret: Vec<u8>) {
        self.0.push((name.to_owned(), secret));
    }

    pub(crate) fn get(&self, name: &str) -> &[u8] {
        &self.0.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no secret `{name}`")).1
    }

    pub(crate) fn to_json(&self) -> Value {
        let pairs = self.0.iter().map(|(name, secret)| (name.clone(), hex::encode(secret).into()));
        Value::Object(pairs.collect::<Map<_, _>>())
    }
}

/// The functions of section 4.
#[derive(Clone, Copy)]
pub(crate) struct Schedule(pub(crate) Suite);

impl Schedule {
    pub(crate) fn hash_len(self) -> usize {
        self.0.hash().hash_len()
    }

    pub(crate) fn hash(self, bytes: &[u8]) -> Vec<u8> {
        self.0.hash().hash().digest(&[bytes]).as_bytes().to_vec()
    }

    pub(crate) fn mac(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        mac::Key::new(self.0.hash().hash(), key).sign(&[message]).as_bytes().to_vec()
    }

    pub(crate) fn extract(self, salt: &[u8], input: &[u8]) -> Vec<u8> {
        self.mac(salt, input)
    }

    pub(crate) fn expand(self, secret: &[u8], label: &str, context: &[u8], len: usize) -> Vec<u8> {
        let label = format!("sealwire/1 {label}");
        let mut info = u16::try_from(len).unwrap().to_be_bytes().to_vec();
        for part in [label.as_bytes(), context] {
            info.push(u8::try_from(part.len()).unwrap());
            info.extend_from_slice(part);
        }
        let mut out = vec![0; len];
        Prk::from_bytes(self.0.hash(), secret).unwrap().expand(&[&info], &mut out).unwrap();
        out
    }

    pub(crate) fn derive(self, secret: &[u8], label: &str, transcript: &[u8]) -> Vec<u8> {
        self.expand(secret, label, transcript, self.hash_len())
    }

    /// `key(s)` and `iv(s)`.
    pub(crate) fn key_and_iv(self, secret: &[u8]) -> (Vec<u8>, Vec<u8>) {
        (self.expand(secret, "key", b"", self.0.aead.key_len()), self.expand(secret, "iv", b"", NONCE_LEN))
    }

    /// What is derived from a secret that seals and, in the handshake, confirms.
    pub(crate) fn keys(self, secret: &[u8]) -> Value {
        let (key, iv) = self.key_and_iv(secret);
        let finished = self.derive(secret, "finished", b"");
        json!({ "key": hex::encode(key), "iv": hex::encode(iv), "finished key": hex::encode(finished) })
    }

    /// Key and iv of a request or answer.
    pub(crate) fn key_and_iv_of(self, secret: &[u8], label: &str, context: &[u8]) -> [Vec<u8>; 2] {
        let key_len = self.0.aead.key_len();
        let okm = self.expand(secret, label, context, key_len + NONCE_LEN);
        let (key, iv) = okm.split_at(key_len);
        [key.to_vec(), iv.to_vec()]
    }

    /// Opens the message with number `number`.
    pub(crate) fn open(self, secret: &[u8], number: u64, aad: &[u8], sealed: &[u8]) -> Vec<u8> {
        let (key, mut nonce) = self.key_and_iv(secret);
        for (byte, by) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
            *byte ^= by;
        }
        let mut data = sealed.to_vec();
        let key = Key::new(self.0.aead, &key).unwrap();
        key.open(nonce.try_into().unwrap(), aad, &mut data).unwrap().to_vec()
    }
}
