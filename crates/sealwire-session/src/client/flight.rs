//! What comes back: a retry, or the server's flight (sections 5.2 and 5.3).

use super::{Config, ResumedByServer, ServerPresented, Ticket, presented::Opened, start::another};
use crate::{
    Error, Suite,
    message::{HelloAgain, Resumed, Retry, ServerFlight, ServerHello, Type},
    schedule::Early,
    suite::Group,
    transcript::{Direction, Transcript},
};
use sealwire_attest::cbor::Reader;
use sealwire_crypto::{kx, random::Random};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The hello is sent.
pub struct ExpectServerFlight {
    config: Arc<Config>,
    authority: String,
    known: Option<[u8; 48]>,
    hello: Vec<u8>,
    offer: kx::Offer,
    ticket: Option<Ticket>,
    early: bool,
    now: u64,
    retried: Option<Retried>,
}

/// What a retry led to, in exact bytes.
struct Retried {
    retry: Vec<u8>,
    again: Vec<u8>,
}

/// What the answer was.
pub enum Received {
    /// the server wants the hello again
    Again {
        /// to be sent
        message: Vec<u8>,
        /// the answer to that
        next: Box<ExpectServerFlight>,
    },
    /// the server presents itself
    Presented(Box<ServerPresented>),
    /// the server has taken the ticket
    Resumed(Box<ResumedByServer>),
}

impl ExpectServerFlight {
    #[allow(clippy::too_many_arguments, reason = "the state of a handshake, made in one place")]
    pub(super) fn new(
        config: Arc<Config>,
        authority: String,
        known: Option<[u8; 48]>,
        hello: Vec<u8>,
        offer: kx::Offer,
        ticket: Option<Ticket>,
        early: bool,
        now: u64,
    ) -> Self {
        Self { config, authority, known, hello, offer, ticket, early, now, retried: None }
    }

    /// Takes the answer to the hello.
    ///
    /// # Errors
    /// What the server did wrong.
    pub fn receive(self, message: &[u8], random: &dyn Random) -> Result<Received, Error> {
        match Type::of(message)? {
            Type::Retry => self.retry(message, random),
            Type::ServerFlight => self.flight(message),
            _ => Err(Error::Unexpected),
        }
    }

    fn retry(self, message: &[u8], random: &dyn Random) -> Result<Received, Error> {
        let retry = Retry::decode(message)?;
        if self.retried.is_some() {
            return Err(Error::Retry);
        }
        let offer = match retry.group {
            None => None,
            Some(id) => {
                let offered = self.config.groups.iter().find(|group| group.id() == id);
                let group: Group = *offered.ok_or(Error::NotOffered)?;
                if group == self.offer.group() {
                    return Err(Error::Retry);
                }
                Some(another(group, random)?)
            }
        };
        let share = offer.as_ref().map(kx::Offer::share);
        let again = HelloAgain { hello: &self.hello, retry: message, share }.encode();
        let retried = Some(Retried { retry: message.to_vec(), again: again.clone() });
        // Early data went with the first hello, and are gone with it.
        let next = Self { offer: offer.unwrap_or(self.offer), retried, early: false, ..self };
        Ok(Received::Again { message: again, next: Box::new(next) })
    }

    fn flight(self, message: &[u8]) -> Result<Received, Error> {
        let flight = ServerFlight::decode(message)?;
        let hello = ServerHello::decode(flight.hello)?;
        let suite = self.suite(&hello)?;
        let mut transcript = Transcript::new(suite.hash().hash());
        transcript.add(Direction::Client, &self.hello);
        if let Some(Retried { retry, again }) = &self.retried {
            transcript.add(Direction::Server, retry);
            transcript.add(Direction::Client, again);
        }
        transcript.add(Direction::Server, flight.hello);
        let group = self.offer.group();
        let shared = match &hello.share {
            None => None,
            Some((id, _)) if *id != group.id() => return Err(Error::NotOffered),
            Some((_, share)) => Some(self.offer.complete(share).map_err(|_| Error::Share)?),
        };
        let psk = self.ticket.as_ref().filter(|_| hello.resumed != Resumed::No).map(|ticket| &ticket.psk);
        let handshake = Early::new(suite, psk).agree(shared.as_ref().map(kx::SharedSecret::as_bytes))?;
        let after_hello = transcript.digest();
        let server = handshake.server(&after_hello)?;
        let client = handshake.client(&after_hello)?;
        let opened = server.open(0, &after_hello, flight.sealed)?;
        let [credential, proof, finished, ticket] = parts(&opened)?;
        let opened = Opened {
            id: hello.session,
            suite,
            group: hello.share.is_some().then_some(group),
            authority: self.authority,
            early_accepted: hello.early,
            transcript,
            after_hello,
            main: handshake.main()?,
            server,
            client,
            credential,
            proof,
            finished,
            ticket,
            now: self.now,
        };
        match (hello.resumed, self.ticket) {
            (Resumed::No, _) => {
                Ok(Received::Presented(Box::new(ServerPresented::new(opened, self.config, self.known)?)))
            }
            (_, Some(ticket)) => {
                Ok(Received::Resumed(Box::new(ResumedByServer::new(opened, ticket.document)?)))
            }
            (_, None) => Err(Error::NotOffered),
        }
    }

    /// Holds the choices against what was offered (SE-02).
    fn suite(&self, hello: &ServerHello) -> Result<Suite, Error> {
        let suite = Suite::from_id(hello.aead).ok_or(Error::NotOffered)?;
        if hello.early && !self.early {
            return Err(Error::NotOffered);
        }
        let offered = match (hello.resumed, &self.ticket) {
            (Resumed::No, _) => self.config.suites.contains(&suite),
            (Resumed::WithAgreement, Some(ticket)) => ticket.suite == suite,
            (Resumed::WithoutAgreement, Some(ticket)) => {
                ticket.suite == suite && self.config.without_agreement
            }
            (_, None) => false,
        };
        if offered { Ok(suite) } else { Err(Error::NotOffered) }
    }
}

/// `[credential, proof, Finished, ticket]`
fn parts(opened: &[u8]) -> Result<[Zeroizing<Vec<u8>>; 4], Error> {
    let mut reader = Reader::new(opened);
    if reader.array(4)? != 4 {
        return Err(Error::Malformed(sealwire_attest::cbor::Error::Bounds));
    }
    let mut part =
        || -> Result<_, Error> { Ok(Zeroizing::new(reader.bytes(crate::limits::MAX_FLIGHT)?.to_vec())) };
    let parts = [part()?, part()?, part()?, part()?];
    reader.finish()?;
    Ok(parts)
}
