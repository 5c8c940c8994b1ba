//! Keys of requests and answers (section 7).

use super::{Binder, Listed, Opener, Padding, Sealer, Ticket, answer::AwaitAnswer};
use crate::{Error, RequestSecret, SessionId, Suite, label};
use sealwire_crypto::{
    aead::{Key, NONCE_LEN, Sequence},
    kdf::Prk,
    random::{self, Random},
};
use sealwire_message::chunk;
use zeroize::Zeroizing;

/// The longest output: a key, an iv and a secret.
const MAX_OKM: usize = 32 + NONCE_LEN + 48;

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

/// What a ticket leads to.
pub struct RequestKeys {
    suite: Suite,
    request: Sequence,
    response: Prk,
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
        if sealwire_crypto::digest::constant_time_eq(&ours, &ticket.mac) {
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
        let (request, response) =
            split(self.suite, &self.secret, "request", &[&ticket.number.to_be_bytes(), &ticket.random])?;
        Ok(RequestKeys { suite: self.suite, request, response, ticket })
    }

    fn mac(
        &self,
        session: &SessionId,
        number: u64,
        random: &[u8; 32],
        mode: Mode,
        listed: &Listed,
    ) -> [u8; 32] {
        self.header.mac_key().sign_truncated(&[
            &[mode as u8],
            session,
            &number.to_be_bytes(),
            random,
            listed.as_bytes(),
        ])
    }
}

impl RequestKeys {
    /// For the client: what seals the request, and what awaits its answer.
    #[must_use]
    pub fn sealing(self, padding: Padding, limits: chunk::Limits) -> (Sealer, AwaitAnswer) {
        let Self { suite, request, response, ticket } = self;
        (Sealer::new(request, padding, limits), AwaitAnswer::new(suite, response, ticket, limits))
    }

    /// For the server: what opens the request, and what seals its answer.
    #[must_use]
    pub fn opening(self, limits: chunk::Limits) -> (Opener, Reply) {
        let Self { suite, request, response, ticket } = self;
        (Opener::new(request, limits), Reply { suite, response, ticket })
    }
}

/// The server's answer to one request, not begun yet. Made once, so that no key is used for two (SE-33).
pub struct Reply {
    suite: Suite,
    response: Prk,
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
        let (sequence, binder) = split(self.suite, &self.response, "response", &[&random])?;
        let mac = binder.mac_key().sign_truncated(&[&self.ticket.bytes()]);
        Ok((Binder { random, mac }, Sealer::new(sequence, padding, limits)))
    }
}

/// One output for key, iv and the next secret: two blocks of the hash in place of four expansions.
pub(super) fn split(
    suite: Suite,
    secret: &Prk,
    name: &str,
    context: &[&[u8]],
) -> Result<(Sequence, Prk), Error> {
    let hash = suite.hash();
    let mut okm = Zeroizing::new([0; MAX_OKM]);
    let len = suite.aead.key_len().saturating_add(NONCE_LEN).saturating_add(hash.hash_len());
    let okm = okm.get_mut(..len).unwrap_or_default();
    label::expand(secret, name, context, okm)?;
    let (key, rest) = okm.split_at_checked(suite.aead.key_len()).ok_or(sealwire_crypto::Error::Key)?;
    let (iv, next) = rest.split_first_chunk::<NONCE_LEN>().ok_or(sealwire_crypto::Error::Key)?;
    Ok((Sequence::new(Key::new(suite.aead, key)?, *iv), Prk::from_bytes(hash, next)?))
}

#[cfg(test)]
pub(crate) mod tests;
