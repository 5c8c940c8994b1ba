//! Keys of requests and answers (section 7).

use super::{Binder, Listed, Opener, Padding, Sealer, Ticket, answer::AwaitAnswer};
use crate::{Error, RequestSecret, SessionId, Suite, label};
use sealwire_crypto::{
    aead::{Key, NONCE_LEN, Sequence},
    digest, mac,
    random::{self, Random},
};
use sealwire_message::chunk;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What a header MAC begins with. Expansions under the same key begin with a byte 0, the first of a length, so neither
/// can be taken for the other.
const HEADER: &[u8] = b"sealwire/1 header";
/// The longest key and iv: one block of each suite's hash has them.
const MAX_KEY_AND_IV: usize = 32 + NONCE_LEN;

/// What a header MAC is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// nothing of the request shows outside
    Hidden = 0,
    /// method and target show, under the MAC (SE-31)
    Bound = 1,
    /// a channel is opened (SE-37)
    Channel = 2,
}

/// What a ticket leads to. It holds the session's request key until the answer has begun, whatever becomes of the session.
pub struct RequestKeys {
    suite: Suite,
    key: Arc<mac::Key>,
    request: Sequence,
    ticket: Ticket,
}

/// A header MAC that has held. Only with this the window is asked, and only after that anything is opened (SE-30).
pub struct Admitted {
    ticket: Ticket,
}

impl Admitted {
    /// The request's number, for the window.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.ticket.number
    }
}

impl RequestSecret {
    /// The ticket of a request of this client's: a fresh random value, and the MAC.
    ///
    /// # Errors
    /// No randomness.
    pub fn ticket(
        &self,
        session: &SessionId,
        number: u64,
        mode: Mode,
        listed: &Listed,
        random: &dyn Random,
    ) -> Result<Ticket, Error> {
        let random = random::array(random)?;
        let mac = self.mac(session, number, &random, mode, listed);
        Ok(Ticket { number, random, mac })
    }

    /// Checks the MAC of a ticket that arrived. Nothing else is done with it before this.
    ///
    /// # Errors
    /// [`Error::HeaderMac`]
    pub fn admit(
        &self,
        session: &SessionId,
        ticket: Ticket,
        mode: Mode,
        listed: &Listed,
    ) -> Result<Admitted, Error> {
        let ours = self.mac(session, ticket.number, &ticket.random, mode, listed);
        if digest::constant_time_eq(&ours, &ticket.mac) {
            Ok(Admitted { ticket })
        } else {
            Err(Error::HeaderMac)
        }
    }

    /// The keys of a request that was admitted, and whose number the window has marked.
    ///
    /// # Errors
    /// None in practice: HKDF over known lengths.
    pub fn open(&self, admitted: Admitted) -> Result<RequestKeys, Error> {
        self.keys(admitted.ticket)
    }

    /// The keys of a request that this client sends.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn seal(&self, ticket: Ticket) -> Result<RequestKeys, Error> {
        self.keys(ticket)
    }

    /// Key and iv of the answer to early data (SE-42).
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn early_answer(&self) -> Result<Sequence, Error> {
        let secret = label::derive(&self.secret, "early answer", &[])?;
        let (key, iv) = crate::schedule::key_and_iv(self.suite, &secret)?;
        Ok(Sequence::new(key, *iv))
    }

    fn keys(&self, ticket: Ticket) -> Result<RequestKeys, Error> {
        let key = self.key();
        let request = sequence(self.suite, &key, "request", &[&ticket.number.to_be_bytes(), &ticket.random])?;
        Ok(RequestKeys { suite: self.suite, key, request, ticket })
    }

    fn mac(
        &self,
        session: &SessionId,
        number: u64,
        random: &[u8; 32],
        mode: Mode,
        listed: &Listed,
    ) -> [u8; 32] {
        let number = number.to_be_bytes();
        let parts: [&[u8]; 6] = [HEADER, &[mode as u8], session, &number, random, listed.as_bytes()];
        let mac = self.key().sign_truncated(&parts);
        #[cfg(test)]
        label::observed::record("header", &mac);
        mac
    }
}

impl RequestKeys {
    /// For the client: what seals the request, and what awaits its answer.
    #[must_use]
    pub fn sealing(self, padding: Padding, limits: chunk::Limits) -> (Sealer, AwaitAnswer) {
        let Self { suite, key, request, ticket } = self;
        (Sealer::new(request, padding, limits), AwaitAnswer::new(suite, key, ticket, limits))
    }

    /// For the server: what opens the request, and what seals its answer.
    #[must_use]
    pub fn opening(self, limits: chunk::Limits) -> (Opener, Reply) {
        let Self { suite, key, request, ticket } = self;
        (Opener::new(request, limits), Reply { suite, key, ticket })
    }
}

/// The server's answer to one request, not begun yet. Made once, so that no key is used for two (SE-33).
pub struct Reply {
    suite: Suite,
    key: Arc<mac::Key>,
    ticket: Ticket,
}

impl Reply {
    /// Begins the answer: the field that binds it, and what seals it.
    ///
    /// # Errors
    /// No randomness.
    pub fn begin(
        self,
        padding: Padding,
        limits: chunk::Limits,
        random: &dyn Random,
    ) -> Result<(Binder, Sealer), Error> {
        let random = random::array(random)?;
        let (sequence, mac) = answer(self.suite, &self.key, &self.ticket, &random)?;
        Ok((Binder { random, mac }, Sealer::new(sequence, padding, limits)))
    }
}

/// What an answer is sealed with, and what binds it to its request, whose MAC stands for all of it (SE-33, SE-34).
pub(super) fn answer(
    suite: Suite,
    key: &mac::Key,
    ticket: &Ticket,
    random: &[u8; 32],
) -> Result<(Sequence, [u8; 32]), Error> {
    let context: [&[u8]; 2] = [&ticket.mac, random];
    let mut mac = [0; 32];
    label::block(key, "binder", &context, &mut mac)?;
    Ok((sequence(suite, key, "response", &context)?, mac))
}

fn sequence(suite: Suite, key: &mac::Key, name: &str, context: &[&[u8]]) -> Result<Sequence, Error> {
    let mut okm = Zeroizing::new([0; MAX_KEY_AND_IV]);
    let len = suite.aead.key_len().saturating_add(NONCE_LEN);
    let okm = okm.get_mut(..len).unwrap_or_default();
    label::block(key, name, context, okm)?;
    let (key, iv) = okm.split_last_chunk::<NONCE_LEN>().ok_or(sealwire_crypto::Error::Key)?;
    Ok(Sequence::new(Key::new(suite.aead, key)?, *iv))
}

#[cfg(test)]
pub(crate) mod tests;
