//! The server's side of the handshake.

use crate::{
    Dropped, Error, Limits, VerifierData, binding,
    connection::{Connection, Server},
    handshake::{ClientKx, ServerKx},
};
use bytes::Bytes;
use sealwire_attest::{Endorsements, UnixTime};
use sealwire_crypto::{
    nacl::{SealedBoxKey, SecretBoxKey},
    random::Random,
};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

/// A key that no quote covers yet.
pub struct Unquoted {
    key: SealedBoxKey,
    data: VerifierData,
}

impl Unquoted {
    /// A fresh key of a gateway with this configuration.
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn generate(config_digest: &[u8; 48], now: UnixTime, random: &dyn Random) -> Result<Self, Error> {
        let key = SealedBoxKey::generate(random).map_err(|_| Error::Random)?;
        let data = VerifierData::of_gateway(config_digest, now, random).map_err(|_| Error::Random)?;
        Ok(Self { key, data })
    }

    /// What the quote has to carry (TU-16).
    #[must_use]
    pub fn report_data(&self) -> [u8; binding::REPORT_DATA_LEN] {
        binding::with_verifier_data(&self.data, self.key.public())
    }

    /// The key with the quote over it. Endorsements go along in a field of our own, where there are any.
    #[must_use]
    pub fn quoted(self, quote: Vec<u8>, endorsements: Endorsements, limits: &Limits) -> Offer {
        let Self { key, data } = self;
        let message = ServerKx {
            public: *key.public(),
            quote,
            runtime_data: None,
            verifier_data: Some(data),
            endorsements,
        };
        Offer::of(key, message.encode().into(), limits)
    }
}

/// A key with its quote, as every client is shown it. Wiped when the last connection that was offered it has ended (TU-35).
pub struct Offer {
    key: SealedBoxKey,
    message: Bytes,
    /// of each sealed key that came, half of its ephemeral key: nobody makes two with one
    used: Mutex<HashSet<[u8; 16]>>,
    handshakes: usize,
}

impl Offer {
    pub(crate) fn of(key: SealedBoxKey, message: Bytes, limits: &Limits) -> Self {
        Self { key, message, used: Mutex::default(), handshakes: limits.handshakes }
    }

    /// `server_kx`, which is sent at once (TU-03).
    #[must_use]
    pub fn message(&self) -> Bytes {
        self.message.clone()
    }

    /// Whether another key should take its place: more than half of the handshakes that are remembered have been made.
    #[must_use]
    pub fn is_worn(&self) -> bool {
        self.count() > self.handshakes / 2
    }

    fn count(&self) -> usize {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Remembers a sealed key. One that came before was recorded: with it, and with what was recorded behind it, a whole
    /// connection would be carried out again.
    fn take(&self, ephemeral: [u8; 16]) -> Result<(), Error> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= self.handshakes {
            return Err(Error::UsedUp);
        }
        if used.insert(ephemeral) { Ok(()) } else { Err(Error::UsedSealedKey) }
    }
}

/// Waits for `client_kx`.
pub struct ExpectClientKx(Arc<Offer>);

/// What came of a message.
pub enum Step {
    /// The key is agreed on.
    Established(Box<Connection<Server>>),
    /// It was something else, and is dropped (TU-05).
    Dropped(ExpectClientKx, Dropped),
}

impl ExpectClientKx {
    /// Behind the message of `offer`.
    #[must_use]
    pub fn new(offer: Arc<Offer>) -> Self {
        Self(offer)
    }

    /// Takes a message.
    ///
    /// # Errors
    /// [`Error::SealedKey`] (TU-23), [`Error::UsedSealedKey`], [`Error::UsedUp`], [`Error::Random`]: the connection is
    /// closed.
    pub fn receive(
        self,
        message: &[u8],
        limits: &Limits,
        now_millis: u64,
        random: &dyn Random,
    ) -> Result<Step, Error> {
        let sealed = match ClientKx::decode(message) {
            Err(dropped) => return Ok(Step::Dropped(self, dropped)),
            Ok(client_kx) => client_kx?.sealed,
        };
        let key = self.0.key.open(&sealed).map_err(|_| Error::SealedKey)?;
        let key = SecretBoxKey::new(key.as_slice().try_into().map_err(|_| Error::SealedKey)?);
        // Only what opens is remembered: what does not costs its sender a connection, and nobody memory.
        let ephemeral = sealed.first_chunk().ok_or(Error::SealedKey)?;
        self.0.take(*ephemeral)?;
        Connection::new(key, limits, now_millis, random)
            .map(|connection| Step::Established(Box::new(connection)))
    }
}
