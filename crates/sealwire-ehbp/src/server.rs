//! The server's side, in its order: [`ExpectFrame`] until the first frame is there, [`FirstFrame`] that is opened with a
//! live key, and [`Begun`], of which the rest is opened and the answer sealed.

use crate::{
    Error, INFO, KEM, Limits, SUITE,
    config::KeyConfig,
    field::{EncapsulatedKey, ResponseNonce},
    frame::{self, Frames, Opener, Sealer, Split},
    response::ResponseSecret,
};
use bytes::{Bytes, BytesMut};
use sealwire_crypto::{
    aead::Sequence,
    hpke::{self, Mode, Receiver},
    kem::PrivateKey,
    random::Random,
};
use std::ops::Deref;

/// A live key: configuration and private half, which serves this wire alone (EH-33). Wiped on drop.
pub struct ServerKey {
    config: KeyConfig,
    key: PrivateKey,
}

impl AsRef<ServerKey> for ServerKey {
    fn as_ref(&self) -> &ServerKey {
        self
    }
}

impl ServerKey {
    /// A fresh key.
    ///
    /// # Errors
    /// No randomness.
    pub fn generate(random: &dyn Random) -> Result<Self, Error> {
        Self::new(PrivateKey::generate(KEM, random)?)
    }

    /// From an X25519 private key.
    ///
    /// # Errors
    /// [`Error::KeyConfig`] for another KEM.
    pub fn new(key: PrivateKey) -> Result<Self, Error> {
        Ok(Self { config: KeyConfig::new(key.public_key().clone())?, key })
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &KeyConfig {
        &self.config
    }
}

/// A sealed request of which no frame is there yet.
pub struct ExpectFrame {
    enc: EncapsulatedKey,
    limits: Limits,
    frames: Frames,
}

/// Where a request stands after what has been pushed.
pub enum Progress {
    /// Its first frame is not whole.
    Expect(ExpectFrame),
    /// It is.
    Frame(FirstFrame),
}

impl ExpectFrame {
    /// A request whose field has been read.
    #[must_use]
    pub fn new(enc: EncapsulatedKey, limits: Limits) -> Self {
        Self { enc, limits, frames: Frames::new(limits) }
    }

    /// Gives it the next slice of the body.
    ///
    /// # Errors
    /// The framing of EH-43.
    pub fn push(mut self, slice: &[u8]) -> Result<Progress, Error> {
        self.frames.push(slice);
        match self.frames.next_frame()? {
            Split::Frame(frame) => {
                let Self { enc, limits, frames } = self;
                Ok(Progress::Frame(FirstFrame { enc, limits, frames, frame }))
            }
            Split::More | Split::End => Ok(Progress::Expect(self)),
        }
    }

    /// What it means that the body has ended here.
    #[must_use]
    pub fn end(mut self) -> Error {
        self.frames.end();
        match self.frames.next_frame() {
            Err(error) => error,
            Ok(_) => Error::NoFrame,
        }
    }
}

/// A sealed request whose first frame is there. No public-key operation has been made for it yet.
pub struct FirstFrame {
    enc: EncapsulatedKey,
    limits: Limits,
    frames: Frames,
    frame: BytesMut,
}

impl FirstFrame {
    /// Its encapsulated key.
    #[must_use]
    pub fn encapsulated_key(&self) -> &EncapsulatedKey {
        &self.enc
    }

    /// Opens it with the only live key.
    ///
    /// # Errors
    /// [`Error::Open`] and, for a point of low order, [`Error::EncapsulatedKey`].
    pub fn open(self, key: &ServerKey) -> Result<Begun, Error> {
        let Self { enc, limits, frames, frame } = self;
        let (receiver, content, secret) = open(&enc, key, frame)?;
        Ok(Begun {
            enc,
            request: Opener::behind(receiver, frames, content),
            answer: Reply { secret, limits },
        })
    }

    /// Opens it with the first of two live keys, or, if `may_try_again` says so, with the second (EH-27): the key is
    /// not named on the wire, and the second attempt costs another public-key operation. Tells which one it was.
    /// Keys are pointers (`&`, `Arc`) to what holds one.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_either<K>(
        self,
        current: K,
        previous: K,
        may_try_again: impl FnOnce() -> bool,
    ) -> Result<(Begun, K), Error>
    where
        K: Deref<Target: AsRef<ServerKey>>,
    {
        let Self { enc, limits, frames, frame } = self;
        // A frame that does not open is gone.
        let again = frame.clone();
        let (key, (receiver, content, secret)) = match open(&enc, (*current).as_ref(), frame) {
            Ok(opened) => (current, opened),
            Err(Error::Open) if may_try_again() => {
                let opened = open(&enc, (*previous).as_ref(), again)?;
                (previous, opened)
            }
            Err(error) => return Err(error),
        };
        let request = Opener::behind(receiver, frames, content);
        Ok((Begun { enc, request, answer: Reply { secret, limits } }, key))
    }
}

fn open(
    enc: &EncapsulatedKey,
    key: &ServerKey,
    frame: BytesMut,
) -> Result<(Receiver, Bytes, ResponseSecret), Error> {
    let mut receiver = hpke::setup_receiver(&key.key, enc.as_bytes(), SUITE, Mode::Base, INFO)
        .map_err(|_| Error::EncapsulatedKey)?;
    let secret = ResponseSecret::new(*enc, |label, out| receiver.export(label, out))?;
    let content = frame::open(&mut receiver, frame)?;
    Ok((receiver, content, secret))
}

/// A request whose first frame has authenticated.
pub struct Begun {
    /// its encapsulated key, for the replay register (EH-21)
    pub enc: EncapsulatedKey,
    /// opens the content, the first frame's included
    pub request: Opener<Receiver>,
    /// seals the answer, whatever it says (EH-07)
    pub answer: Reply,
}

/// Enough of a request to answer it. Wiped on drop.
pub struct Reply {
    secret: ResponseSecret,
    limits: Limits,
}

impl Reply {
    /// Begins the answer: the value of the field [`crate::field::RESPONSE_NONCE`], which is fresh, and what seals the
    /// content.
    ///
    /// # Errors
    /// No randomness.
    pub fn begin(self, random: &dyn Random) -> Result<(ResponseNonce, Sealer<Sequence>), Error> {
        let nonce = ResponseNonce::generate(random)?;
        Ok((nonce, Sealer::new(self.secret.sequence(&nonce)?, &self.limits)))
    }
}
