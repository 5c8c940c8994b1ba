//! The client's side. Every request has a fresh HPKE context: a retry is a new request.

use crate::{
    Error, INFO, Limits, SUITE,
    config::KeyConfig,
    field::{EncapsulatedKey, ResponseNonce},
    frame::{Opener, Sealer},
    recovery::RecoveryToken,
    response::ResponseSecret,
};
use sealwire_crypto::{
    aead::Sequence,
    hpke::{self, Mode, Sender},
    random::Random,
};

/// A request that has begun.
pub struct Request {
    /// the value of the field [`crate::field::ENCAPSULATED_KEY`]
    pub enc: EncapsulatedKey,
    /// seals the content
    pub content: Sealer<Sender>,
    /// opens the answer
    pub answer: Answer,
}

impl Request {
    /// Begins a request. One without content is not sealed at all: it would be a field and no frame (EH-06).
    ///
    /// # Errors
    /// No randomness.
    pub fn new(to: &KeyConfig, limits: &Limits, random: &dyn Random) -> Result<Self, Error> {
        let (enc, sender) = hpke::setup_sender(to.public_key(), SUITE, Mode::Base, INFO, random)?;
        let enc = EncapsulatedKey::new(&enc)?;
        let secret = ResponseSecret::new(enc, |label, out| sender.export(label, out))?;
        Ok(Self { enc, content: Sealer::new(sender, limits), answer: Answer::new(secret) })
    }
}

/// Opens the answer to one request. Wiped on drop.
pub struct Answer {
    secret: ResponseSecret,
}

impl Answer {
    pub(crate) fn new(secret: ResponseSecret) -> Self {
        Self { secret }
    }

    /// What opens the content of the answer with this nonce, from its first frame.
    ///
    /// # Errors
    /// None that a peer can cause.
    pub fn open(self, nonce: &ResponseNonce, limits: &Limits) -> Result<Opener<Sequence>, Error> {
        Ok(Opener::new(self.secret.sequence(nonce)?, *limits))
    }

    /// What lets the answer be read later (EH-08).
    #[must_use]
    pub fn token(&self) -> RecoveryToken {
        RecoveryToken::new(&self.secret)
    }
}
