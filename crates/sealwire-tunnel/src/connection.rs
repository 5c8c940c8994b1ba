//! A connection behind its handshake: what is sealed and opened, and when it has to end.

use crate::{
    Dropped, Error, Limits,
    envelope::{self, HEADROOM, Outer},
    message::{FromClient, FromServer, Message},
    nonces::{Nonces, Seen},
};
use bytes::Bytes;
use sealwire_crypto::{nacl::SecretBoxKey, random::Random};
use std::marker::PhantomData;

/// One side of a connection.
pub trait Side: sealed::Sealed {
    /// what it sends
    type Sends: Message;
    /// what it takes
    type Receives: Message;
    /// What a key exchange in clear is to it, behind the handshake.
    ///
    /// # Errors
    /// [`Error::SecondServerKx`]
    #[doc(hidden)]
    fn key_again(is_of_server: bool) -> Result<Dropped, Error>;
}

/// The client's side.
#[derive(Debug)]
pub struct Client;

/// The server's side.
#[derive(Debug)]
pub struct Server;

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Client {}
    impl Sealed for super::Server {}
}

impl Side for Client {
    type Sends = FromClient;
    type Receives = FromServer;

    fn key_again(is_of_server: bool) -> Result<Dropped, Error> {
        if is_of_server { Err(Error::SecondServerKx) } else { Ok(Dropped::OtherSide) }
    }
}

impl Side for Server {
    type Sends = FromServer;
    type Receives = FromClient;

    fn key_again(is_of_server: bool) -> Result<Dropped, Error> {
        Ok(if is_of_server { Dropped::OtherSide } else { Dropped::SecondClientKx })
    }
}

/// What came of a message.
#[derive(Debug)]
pub enum Received<M> {
    /// an inner message
    Message(M),
    /// nothing: it is dropped, and the other side told nothing (TU-06)
    Dropped(Dropped),
}

/// The key of a connection, and which nonces it has seen. The key serves both directions, so that it is the nonces alone
/// that tell a repeat or a reflection (TU-24, TU-41).
pub struct Connection<S> {
    key: SecretBoxKey,
    nonces: Nonces,
    limits: Limits,
    /// in milliseconds since 1970
    begun: u64,
    side: PhantomData<S>,
}

impl<S: Side> Connection<S> {
    pub(crate) fn new(
        key: SecretBoxKey,
        limits: &Limits,
        now_millis: u64,
        random: &dyn Random,
    ) -> Result<Self, Error> {
        let nonces = Nonces::new(random).map_err(|_| Error::Random)?;
        Ok(Self { key, nonces, limits: *limits, begun: now_millis, side: PhantomData })
    }

    /// Whether it is to be closed with [`crate::close::SERVICE_RESTART`], so that both sides begin anew (TU-24).
    #[must_use]
    pub fn is_used_up(&self, now_millis: u64) -> bool {
        let lifetime = u64::try_from(self.limits.lifetime.as_millis()).unwrap_or(u64::MAX);
        self.nonces.count() >= self.limits.messages || now_millis.saturating_sub(self.begun) >= lifetime
    }

    /// Seals a message.
    ///
    /// # Errors
    /// [`Error::TooLong`], after which it goes on; [`Error::UsedUp`]
    pub fn seal(&mut self, message: &S::Sends, now_millis: u64) -> Result<Bytes, Error> {
        if self.is_used_up(now_millis) {
            return Err(Error::UsedUp);
        }
        let encoded = message.encode_behind(HEADROOM);
        if encoded.len() > self.limits.message() {
            return Err(Error::TooLong);
        }
        let nonce = self.nonces.next().map_err(|_| Error::UsedUp)?;
        envelope::seal(&self.key, &nonce, encoded).map_err(|_| Error::TooLong)
    }

    /// Opens a message that came.
    ///
    /// # Errors
    /// [`Error::UsedUp`]; for a client [`Error::SecondServerKx`]. The connection is closed.
    pub fn open(&mut self, message: Bytes, now_millis: u64) -> Result<Received<S::Receives>, Error> {
        if self.is_used_up(now_millis) {
            return Err(Error::UsedUp);
        }
        if message.len() > self.limits.message() {
            return Ok(Received::Dropped(Dropped::TooLong));
        }
        Ok(match Outer::read(&message) {
            Err(dropped) => Received::Dropped(dropped),
            Ok(Outer::Other) => Received::Dropped(Dropped::NotSealed),
            Ok(Outer::ServerKx) => Received::Dropped(S::key_again(true)?),
            Ok(Outer::ClientKx) => Received::Dropped(S::key_again(false)?),
            Ok(Outer::Sealed { nonce, ciphertext }) => {
                let opened =
                    self.opened(nonce, message, ciphertext).and_then(|inner| S::Receives::decode(&inner));
                opened.map_or_else(Received::Dropped, Received::Message)
            }
        })
    }

    fn opened(
        &mut self,
        nonce: [u8; 24],
        message: Bytes,
        ciphertext: std::ops::Range<usize>,
    ) -> Result<Bytes, Dropped> {
        self.nonces.check(&nonce).map_err(|seen| match seen {
            Seen::Repeated => Dropped::Repeated,
            Seen::Ours => Dropped::Reflected,
        })?;
        let inner = envelope::open(&self.key, &nonce, message, ciphertext)?;
        self.nonces.remember(nonce);
        Ok(inner)
    }
}
