use super::Error;
use bytes::Bytes;
use sealwire_crypto::{aead, digest::constant_time_eq};
use zeroize::Zeroizing;

/// Longest PSK id, bytes (HH-82).
pub(super) const MAX_PSK_ID_LEN: usize = 128;
/// Shortest pre-shared key, bytes.
const MIN_PSK_LEN: usize = 32;
/// Length of an encapsulated key, bytes.
pub(super) const ENC_LEN: usize = 32;

/// A pre-shared key of this wire and the id that names it in clear. Wiped on drop.
pub struct Credential {
    id: Bytes,
    psk: Zeroizing<Vec<u8>>,
}

impl Credential {
    /// `id` has 1 to 128 bytes, `psk` at least 32 of a secret.
    ///
    /// # Errors
    /// [`Error::Credential`]; also for a key that is its own id, and with that in clear on the wire (HH-93).
    pub fn new(id: impl Into<Bytes>, psk: &[u8]) -> Result<Self, Error> {
        let id = id.into();
        let is_id = (1..=MAX_PSK_ID_LEN).contains(&id.len());
        if !is_id || psk.len() < MIN_PSK_LEN || constant_time_eq(psk, &id) {
            return Err(Error::Credential);
        }
        Ok(Self { id, psk: Zeroizing::new(psk.to_vec()) })
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &Bytes {
        &self.id
    }

    pub(super) fn psk(&self) -> &[u8] {
        &self.psk
    }
}

/// A key that the HPKE context exports; the context itself seals nothing (HH-80).
pub(super) type Exported = Zeroizing<[u8; 32]>;

/// The three of them.
pub(super) struct Keys {
    pub(super) request: Exported,
    pub(super) answer: AnswerKeys,
}

/// Those of an answer: it is sealed with one of them.
pub(super) struct AnswerKeys {
    pub(super) chunks: Exported,
    pub(super) events: Exported,
}

impl Keys {
    pub(super) fn export(
        export: impl Fn(&[u8], &mut [u8]) -> Result<(), sealwire_crypto::Error>,
    ) -> Result<Self, Error> {
        let key = |label: &[u8]| {
            let mut key = Exported::default();
            export(label, key.as_mut_slice()).map(|()| key)
        };
        Ok(Self {
            request: key(b"request-stream-key")?,
            answer: AnswerKeys { chunks: key(b"response-key")?, events: key(b"sse-session-key")? },
        })
    }
}

/// A key with its salt and its counter (HH-81).
pub(super) struct Cipher {
    key: aead::Key,
    salt: Salt,
    /// `None` after the last
    counter: Option<u32>,
}

/// What keeps two directions of one context apart; random.
pub(super) type Salt = [u8; 4];

impl Cipher {
    pub(super) fn new(key: &Exported, salt: Salt) -> Result<Self, Error> {
        let key = aead::Key::new(aead::Aead::ChaCha20Poly1305, key.as_slice())?;
        Ok(Self { key, salt, counter: Some(1) })
    }

    /// The counter of the next message.
    pub(super) fn counter(&self) -> Result<u32, Error> {
        self.counter.ok_or(Error::Exhausted)
    }

    /// Seals the next message in place.
    pub(super) fn seal(&mut self, data: &mut [u8]) -> Result<[u8; aead::TAG_LEN], Error> {
        let counter = self.counter()?;
        let tag = self.key.seal(self.nonce(counter), b"", data)?;
        self.counter = counter.checked_add(1);
        Ok(tag)
    }

    /// Opens the next message in place, which has to be `counter`.
    pub(super) fn open<'a>(&mut self, counter: u32, data: &'a mut [u8]) -> Result<&'a mut [u8], Error> {
        if self.counter()? != counter {
            return Err(Error::Counter);
        }
        let clear = self.key.open(self.nonce(counter), b"", data).map_err(|_| Error::Open)?;
        self.counter = counter.checked_add(1);
        Ok(clear)
    }

    /// `salt | 0 0 0 0 | counter`, the counter with its lowest byte first.
    fn nonce(&self, counter: u32) -> [u8; aead::NONCE_LEN] {
        let mut nonce = [0; aead::NONCE_LEN];
        for (to, from) in nonce.iter_mut().zip(self.salt) {
            *to = from;
        }
        for (to, from) in nonce.iter_mut().skip(8).zip(counter.to_le_bytes()) {
            *to = from;
        }
        nonce
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // HH-81: the last counter is used once, and nothing wraps around.
    #[test]
    fn a_used_up_counter_stops() {
        let cipher = || {
            let cipher = Cipher::new(&Exported::new([7; 32]), [1, 2, 3, 4]).unwrap();
            Cipher { counter: Some(u32::MAX), ..cipher }
        };
        let (mut sealer, mut opener) = (cipher(), cipher());
        assert_eq!(sealer.nonce(0x0102_0304), [1, 2, 3, 4, 0, 0, 0, 0, 4, 3, 2, 1]);
        let mut data = b"the last".to_vec();
        let tag = sealer.seal(&mut data).unwrap();
        assert_eq!(sealer.seal(&mut []), Err(Error::Exhausted));
        data.extend_from_slice(&tag);
        assert_eq!(opener.open(u32::MAX, &mut data).unwrap(), b"the last");
        assert_eq!(opener.open(0, &mut [0; 16]), Err(Error::Exhausted));
    }
}
