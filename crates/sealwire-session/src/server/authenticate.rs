//! The client shows who it is (SE-11, section 5.4).

use super::{HalfOpen, Server, answer::Begun};
use crate::{
    Error, Scheme,
    client::{bound, is_of},
    identity::{self, Role},
    message::{Answer, ClientCredential, ClientFinish, FinishAnswer, Proof},
    schedule::{Main, Traffic},
    transcript::{Direction, Transcript},
};
use sealwire_attest::{
    Appraised, Bound, Claims, UnixTime,
    cbor::{self, Reader},
    key_document::Acceptance,
};
use sealwire_crypto::{
    digest::{Digest, constant_time_eq},
    random::Random,
};
use zeroize::Zeroizing;

/// The flight is sent, and asks for the client's authentication.
pub struct ExpectClientFinish {
    begun: Begun,
    main: Main,
    server: Traffic,
    client: Traffic,
    transcript: Transcript,
    document: [u8; 48],
    required: bool,
}

/// The client's credential, not yet believed. Its keys are confirmed.
pub struct ClientPresented {
    begun: Begun,
    main: Main,
    server: Traffic,
    credential: Zeroizing<Vec<u8>>,
    proof: Zeroizing<Vec<u8>>,
    /// T(server Finished)
    after_server: Digest,
    /// T(client credential)
    signed: Digest,
    /// T(client Finished)
    complete: Digest,
    document: [u8; 48],
}

impl ExpectClientFinish {
    #[allow(clippy::too_many_arguments, reason = "the state of a handshake, made in one place")]
    pub(super) fn new(
        begun: Begun,
        main: Main,
        server: Traffic,
        client: Traffic,
        transcript: Transcript,
        document: [u8; 48],
        required: bool,
    ) -> Self {
        Self { begun, main, server, client, transcript, document, required }
    }

    /// The session's id, by which the message is found.
    #[must_use]
    pub fn id(&self) -> crate::SessionId {
        self.begun.id
    }

    /// Whether `message` opens under this handshake's keys and its MAC holds; what is inside is not looked at. A
    /// handshake that somebody else's message has been tried on goes on.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::Finished`], what is malformed, and [`Error::CallerNotAttested`] for a client that shows
    /// nothing where something is required. The handshake is as it was.
    pub fn receive(&self, message: &[u8]) -> Result<Received, Error> {
        let finish = ClientFinish::decode(message)?;
        if finish.session != self.begun.id {
            return Err(Error::Unexpected);
        }
        let after_server = self.transcript.digest();
        let opened = self.client.open(0, &after_server, finish.sealed)?;
        let mut reader = Reader::new(&opened);
        if reader.array(3)? != 3 {
            return Err(Error::Malformed(cbor::Error::Bounds));
        }
        let mut part = || reader.bytes(crate::limits::MAX_FLIGHT);
        let [credential, proof, finished] = [part()?, part()?, part()?];
        reader.finish()?;
        let mut transcript = self.transcript.clone();
        transcript.add(Direction::Client, credential);
        let signed = transcript.digest();
        transcript.add(Direction::Client, proof);
        let expected = self.client.finished()?.sign(&[transcript.digest().as_bytes()]);
        if !constant_time_eq(expected.as_bytes(), finished) {
            return Err(Error::Finished);
        }
        transcript.add(Direction::Client, finished);
        let shown = ClientCredential::decode(credential)?.document.is_some();
        if shown == proof.is_empty() {
            return Err(Error::Inconsistent);
        }
        if !shown && self.required {
            return Err(Error::CallerNotAttested);
        }
        Ok(Received {
            credential: Zeroizing::new(credential.to_vec()),
            proof: Zeroizing::new(proof.to_vec()),
            after_server,
            signed,
            complete: transcript.digest(),
        })
    }

    /// Goes on with what was received.
    #[must_use]
    pub fn presented(self, received: Received) -> ClientPresented {
        let Self { begun, main, server, document, .. } = self;
        let Received { credential, proof, after_server, signed, complete } = received;
        ClientPresented { begun, main, server, credential, proof, after_server, signed, complete, document }
    }
}

/// A client finish that has opened.
pub struct Received {
    credential: Zeroizing<Vec<u8>>,
    proof: Zeroizing<Vec<u8>>,
    after_server: Digest,
    signed: Digest,
    complete: Digest,
}

impl ClientPresented {
    /// The published form of the client's key document; `None` where it shows nothing.
    ///
    /// # Errors
    /// None: the credential was read before.
    pub fn published(&self) -> Result<Option<&[u8]>, Error> {
        Ok(ClientCredential::decode(&self.credential)?.document.map(|(_, published)| published))
    }

    /// The new quote (CMW), and what it has to be bound to.
    ///
    /// # Errors
    /// As [`Self::published`].
    pub fn quote(&self) -> Result<Option<(&[u8], Bound)>, Error> {
        let credential = ClientCredential::decode(&self.credential)?;
        let (Some((document, _)), Some(quote)) = (credential.document, credential.quote) else {
            return Ok(None);
        };
        Ok(Some((quote, bound(Role::Client, &self.after_server, &document))))
    }

    /// Goes on with a client that shows nothing, where it was only asked.
    ///
    /// # Errors
    /// [`Error::NotAppraised`] when it has shown something; no randomness.
    pub fn accept_unattested(
        self,
        server: &Server,
        note: Option<&[u8]>,
        now: u64,
        random: &dyn Random,
    ) -> Result<(Vec<u8>, HalfOpen), Error> {
        if self.published()?.is_some() {
            return Err(Error::NotAppraised);
        }
        // Evidence that was shown to an earlier session has become no younger (SE-41).
        let attested_at = self.begun.remembered.as_ref().map(|remembered| remembered.attested_at);
        self.finish(server, note, attested_at, now, random)
    }

    /// Goes on with a document that the policy has accepted, and the appraised claims of the quote where there is one.
    /// Verifies the proof. After an error [`Self::refuse`] says the same thing whatever it was.
    ///
    /// # Errors
    /// [`Error::Document`], [`Error::NotAppraised`], [`Error::NotOffered`], [`Error::NoIdentityKey`],
    /// [`Error::Signature`]
    pub fn verify(
        &self,
        acceptance: &Acceptance,
        quote: Option<&Appraised<Claims>>,
        schemes: &[Scheme],
        at: UnixTime,
    ) -> Result<Attested, Error> {
        let credential = ClientCredential::decode(&self.credential)?;
        let (document, _) = credential.document.ok_or(Error::Document)?;
        if document != acceptance.document_hash {
            return Err(Error::Document);
        }
        if let Some(bytes) = credential.quote {
            is_of(quote, bytes, &bound(Role::Client, &self.after_server, &document))?;
        }
        let proof = Proof::decode(&self.proof)?;
        let document = acceptance.document.get();
        // Whoever accepted it expected a caller's (AT-44); a gateway's is nobody's word for a client.
        if document.role != Role::Client.in_documents() {
            return Err(Error::Document);
        }
        let scheme = identity::verify(document, at, &proof, schemes, Role::Client, &self.signed)?;
        // As old as the document says, unless a quote was made for this very handshake (SE-41).
        let attested_at = if credential.quote.is_some() { at } else { document.issued_at };
        Ok(Attested { scheme, attested_at, of: self.complete })
    }

    /// Establishes the session with a client that was verified.
    ///
    /// # Errors
    /// [`Error::NotAppraised`] for what was verified in another handshake; no randomness.
    pub fn accept(
        self,
        attested: &Attested,
        server: &Server,
        note: Option<&[u8]>,
        now: u64,
        random: &dyn Random,
    ) -> Result<(Vec<u8>, HalfOpen), Error> {
        if attested.of != self.complete {
            return Err(Error::NotAppraised);
        }
        self.finish(server, note, Some(attested.attested_at.0), now, random)
    }

    /// The answer to a client that is refused. Whatever was wrong, it is the same.
    ///
    /// # Errors
    /// None in practice.
    pub fn refuse(self) -> Result<Vec<u8>, Error> {
        let sealed = self.server.seal(1, &self.complete, Answer::Refused.encode())?;
        Ok(FinishAnswer { sealed: &sealed }.encode())
    }

    fn finish(
        self,
        server: &Server,
        note: Option<&[u8]>,
        attested_at: Option<u64>,
        now: u64,
        random: &dyn Random,
    ) -> Result<(Vec<u8>, HalfOpen), Error> {
        let Self { begun, main, server: traffic, complete, document, .. } = self;
        let (secrets, psk) = main.established(&complete)?;
        let ticket = match note {
            None => None,
            Some(note) => Some(server.ticket(&begun, &psk, &document, note, attested_at, now, random)?),
        };
        let sealed = traffic.seal(1, &complete, Answer::Accepted(ticket).encode())?;
        let Begun { id, suite, authority, remembered } = begun;
        let session = HalfOpen { id, suite, authority, secrets, remembered, confirmed: true };
        Ok((FinishAnswer { sealed: &sealed }.encode(), session))
    }
}

/// A client whose document was accepted and whose proof verified.
pub struct Attested {
    scheme: Scheme,
    /// of the evidence
    attested_at: UnixTime,
    /// T(client Finished): the handshake that it was verified in
    of: Digest,
}

impl Attested {
    /// How it signed.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }
}
