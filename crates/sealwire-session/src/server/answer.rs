//! The server's flight (section 5.3).

use super::{ExpectClientFinish, Remembered, Server, ticket::Contents};
use crate::{
    Error, Scheme, Secrets, SessionId, Suite,
    client::bound,
    identity::Role,
    message::{
        Authentication, ClientHello, EvidenceMode, Parameters, ServerCredential, ServerFlight, TicketMessage,
    },
    schedule::{Handshake, Main, Psk, Traffic},
    transcript::{Direction, Transcript},
};
use sealwire_attest::{Bound, cbor};
use sealwire_crypto::{digest::Digest, random::Random};

/// Keys are agreed on; the server has yet to present itself.
pub struct Answering {
    hello: ClientHello,
    server_hello: Vec<u8>,
    transcript: Transcript,
    /// T(server hello)
    after_hello: Digest,
    main: Main,
    server: Traffic,
    client: Traffic,
    /// whether early data were accepted
    early: bool,
    pub(super) begun: Begun,
}

/// What is known of a session from its hellos.
pub(super) struct Begun {
    pub(super) id: SessionId,
    pub(super) suite: Suite,
    pub(super) authority: String,
    pub(super) remembered: Option<Remembered>,
}

/// What the server shows of itself.
#[derive(Clone, Copy)]
pub struct Presenting<'a> {
    /// SHA-384 of the key document; that of the ticket counts in a resumed session
    pub document: [u8; 48],
    /// its published form
    pub published: &'a [u8],
    /// a new quote (CMW), where the hello wants one, bound as [`Answering::bound`] says
    pub quote: Option<&'a [u8]>,
    /// what is granted
    pub parameters: Parameters,
    /// whether the client has to show who it is
    pub authentication: Authentication,
    /// what a ticket shall remember; none is made where this is `None`
    pub note: Option<&'a [u8]>,
}

/// What comes after the flight.
pub enum Next {
    /// the client confirms its keys by its first request
    HalfOpen(Box<HalfOpen>),
    /// the client authenticates itself first (SE-11)
    Authenticate(Box<ExpectClientFinish>),
}

/// A session whose keys the client has not confirmed yet. Nothing is acted on before a MAC under its secrets has held
/// (SE-10).
pub struct HalfOpen {
    /// its id
    pub id: SessionId,
    /// what runs
    pub suite: Suite,
    /// the name that it is for
    pub authority: String,
    /// keys
    pub secrets: Secrets,
    /// what the ticket knew, in a resumed session
    pub remembered: Option<Remembered>,
    /// whether the client's Finished has confirmed the keys already
    pub(super) confirmed: bool,
}

impl Answering {
    #[allow(clippy::too_many_arguments, reason = "the state of a handshake, made in one place")]
    pub(super) fn new(
        hello: ClientHello,
        suite: Suite,
        id: SessionId,
        server_hello: Vec<u8>,
        transcript: Transcript,
        handshake: Handshake,
        early: bool,
        remembered: Option<Remembered>,
    ) -> Result<Self, Error> {
        let after_hello = transcript.digest();
        let (server, client) = (handshake.server(&after_hello)?, handshake.client(&after_hello)?);
        let main = handshake.main()?;
        let begun = Begun { id, suite, authority: hello.authority.clone(), remembered };
        Ok(Self { hello, server_hello, transcript, after_hello, main, server, client, early, begun })
    }

    /// Whether a new quote has to be shown: it was asked for, and this is a full handshake.
    #[must_use]
    pub fn wants_quote(&self) -> bool {
        self.hello.evidence == EvidenceMode::Handshake && self.begun.remembered.is_none()
    }

    /// Whether the client says that it can attest itself (SE-11).
    #[must_use]
    pub fn client_attests(&self) -> bool {
        self.hello.attests
    }

    /// What a new quote has to be bound to (SE-08).
    #[must_use]
    pub fn bound(&self, document: &[u8; 48]) -> Bound {
        bound(Role::Server, &self.after_hello, document)
    }

    /// Presents the server. `now` is Unix milliseconds.
    ///
    /// # Errors
    /// [`Error::Quote`] when the quote is missing, or is not wanted; [`Error::Inconsistent`] when early data were accepted of
    /// a client that is asked to authenticate itself; [`Error::NoCommonSuite`] without a common signature scheme; no
    /// randomness. A client that is required to attest itself, and has said that it cannot, learns so from the flight,
    /// which is authentic, and goes.
    pub fn present(
        mut self,
        server: &Server,
        presenting: &Presenting<'_>,
        now: u64,
        random: &dyn Random,
    ) -> Result<(Vec<u8>, Next), Error> {
        if presenting.quote.is_some() != self.wants_quote() {
            return Err(Error::Quote);
        }
        let asked = presenting.authentication;
        // The keys of their answer would have to wait for the client's Finished.
        if self.early && asked != Authentication::NotAsked {
            return Err(Error::Inconsistent);
        }
        let resumed = self.begun.remembered.as_ref();
        let document = resumed.map_or(presenting.document, |remembered| remembered.document);
        let knows = self.hello.known == Some(document) || resumed.is_some();
        let credential = ServerCredential {
            document,
            published: (!knows).then_some(presenting.published),
            quote: presenting.quote,
            parameters: presenting.parameters,
            authentication: asked,
        };
        let credential = credential.encode();
        self.transcript.add(Direction::Server, &credential);
        let proof = match resumed {
            Some(_) => Vec::new(),
            None => {
                let scheme = self.scheme(server)?;
                let signed = self.transcript.digest();
                server.identity.prove(scheme, Role::Server, &signed, random)?.encode()
            }
        };
        self.transcript.add(Direction::Server, &proof);
        let finished = self.server.finished()?.sign(&[self.transcript.digest().as_bytes()]);
        self.transcript.add(Direction::Server, finished.as_bytes());
        let complete = self.transcript.digest();
        let Self { server_hello, transcript, after_hello, main, server: traffic, client, begun, .. } = self;
        let flight = |ticket: Option<&TicketMessage>, traffic: &Traffic| -> Result<Vec<u8>, Error> {
            let ticket = TicketMessage::encode(ticket);
            let plain = cbor::encode(|e| {
                e.array(4)?
                    .bytes(&credential)?
                    .bytes(&proof)?
                    .bytes(finished.as_bytes())?
                    .bytes(&ticket)?
                    .ok()
            });
            let sealed = traffic.seal(0, &after_hello, plain)?;
            Ok(ServerFlight { hello: &server_hello, sealed: &sealed }.encode())
        };
        match asked {
            Authentication::NotAsked => {
                let (secrets, psk) = main.established(&complete)?;
                let attested_at = begun.remembered.as_ref().map(|remembered| remembered.attested_at);
                let ticket = match presenting.note {
                    None => None,
                    Some(note) => {
                        Some(server.ticket(&begun, &psk, &document, note, attested_at, now, random)?)
                    }
                };
                let message = flight(ticket.as_ref(), &traffic)?;
                let Begun { id, suite, authority, remembered } = begun;
                let session = HalfOpen { id, suite, authority, secrets, remembered, confirmed: false };
                Ok((message, Next::HalfOpen(Box::new(session))))
            }
            asked => {
                let message = flight(None, &traffic)?;
                let required = asked == Authentication::Required;
                let expect =
                    ExpectClientFinish::new(begun, main, traffic, client, transcript, document, required);
                Ok((message, Next::Authenticate(Box::new(expect))))
            }
        }
    }

    /// The first of the server's schemes that the client takes.
    fn scheme(&self, server: &Server) -> Result<Scheme, Error> {
        let mut schemes = server.config.schemes.iter();
        schemes.find(|scheme| self.hello.schemes.contains(&scheme.id())).copied().ok_or(Error::NoCommonSuite)
    }
}

impl Server {
    /// A ticket for the next session. Ages count from the original evidence, however many sessions ago (SE-41).
    #[allow(clippy::too_many_arguments, reason = "what a ticket holds")]
    pub(super) fn ticket(
        &self,
        begun: &Begun,
        psk: &Psk,
        document: &[u8; 48],
        note: &[u8],
        attested_at: Option<u64>,
        now: u64,
        random: &dyn Random,
    ) -> Result<TicketMessage, Error> {
        let life = u64::try_from(self.config.limits.ticket.as_millis()).unwrap_or(u64::MAX);
        let contents = Contents {
            suite: begun.suite,
            psk,
            authority: &begun.authority,
            document,
            attested_at: attested_at.unwrap_or(now / 1000),
            made: now,
            expires: now.saturating_add(life),
            note,
        };
        self.ticket_key.seal(&contents, random)
    }
}
