//! The server has shown who it is; whether that will do is for the caller's policy to say (section 5.3).

use super::{Config, Established, ExpectOwnCredential, Ticket};
use crate::{
    Error, Scheme, SessionId, Suite,
    identity::{self, Role},
    message::{Authentication, EvidenceMode, Proof, ServerCredential, TicketMessage},
    schedule::{Main, Psk, Traffic},
    suite::Group,
    transcript::{Direction, Transcript},
};
use sealwire_attest::{Appraised, Bound, Claims, KeyDocument, UnixTime, cmw, key_document::Acceptance};
use sealwire_crypto::digest::{Digest, constant_time_eq};
use std::{sync::Arc, time::Duration};
use zeroize::Zeroizing;

/// A flight that has opened.
pub(super) struct Opened {
    pub(super) id: SessionId,
    pub(super) suite: Suite,
    pub(super) group: Option<Group>,
    pub(super) authority: String,
    pub(super) early_accepted: bool,
    pub(super) transcript: Transcript,
    /// T(server hello)
    pub(super) after_hello: Digest,
    pub(super) main: Main,
    pub(super) server: Traffic,
    pub(super) client: Traffic,
    pub(super) credential: Zeroizing<Vec<u8>>,
    pub(super) proof: Zeroizing<Vec<u8>>,
    pub(super) finished: Zeroizing<Vec<u8>>,
    pub(super) ticket: Zeroizing<Vec<u8>>,
    /// when the hello was made, Unix milliseconds
    pub(super) now: u64,
}

/// The server's credential, not yet believed.
pub struct ServerPresented {
    opened: Opened,
    config: Arc<Config>,
}

/// The server has taken the ticket; what the client knows of it has to be judged again (SE-41).
pub struct ResumedByServer {
    opened: Opened,
    document: [u8; 48],
}

/// What comes after the server's Finished.
pub enum Outcome {
    /// the session is there
    Established(Box<Established>),
    /// the server asks for this side's authentication first (SE-11)
    Authenticate(Box<ExpectOwnCredential>),
}

impl ServerPresented {
    pub(super) fn new(opened: Opened, config: Arc<Config>, known: Option<[u8; 48]>) -> Result<Self, Error> {
        let credential = ServerCredential::decode(&opened.credential)?;
        // Left out is only what the client has said that it has.
        if credential.published.is_none() && known != Some(credential.document) {
            return Err(Error::Document);
        }
        if credential.quote.is_some() != (config.evidence == EvidenceMode::Handshake) {
            return Err(Error::Quote);
        }
        Ok(Self { opened, config })
    }

    /// SHA-384 of the key document that the server stands by.
    ///
    /// # Errors
    /// None: the credential was read before.
    pub fn document_hash(&self) -> Result<[u8; 48], Error> {
        Ok(ServerCredential::decode(&self.opened.credential)?.document)
    }

    /// The published form of that document, where the client does not have it: for [`sealwire_attest::key_document::accept`].
    ///
    /// # Errors
    /// As [`Self::document_hash`].
    pub fn published(&self) -> Result<Option<&[u8]>, Error> {
        Ok(ServerCredential::decode(&self.opened.credential)?.published)
    }

    /// The new quote (CMW), and what it has to be bound to (SE-08).
    ///
    /// # Errors
    /// As [`Self::document_hash`].
    pub fn quote(&self) -> Result<Option<(&[u8], Bound)>, Error> {
        let credential = ServerCredential::decode(&self.opened.credential)?;
        let bound = bound(Role::Server, &self.opened.after_hello, &credential.document);
        Ok(credential.quote.map(|quote| (quote, bound)))
    }

    /// Goes on with a document that the policy has accepted, and the appraised claims of the quote where one was asked
    /// for. Verifies the proof and Finished.
    ///
    /// # Errors
    /// [`Error::Document`], [`Error::Authority`], [`Error::NotAppraised`], [`Error::NotOffered`],
    /// [`Error::NoIdentityKey`], [`Error::Signature`], [`Error::Finished`], [`Error::CallerNotAttested`]
    pub fn accept(
        self,
        acceptance: &Acceptance,
        quote: Option<&Appraised<Claims>>,
        at: UnixTime,
    ) -> Result<Outcome, Error> {
        let Self { mut opened, config } = self;
        let credential = ServerCredential::decode(&opened.credential)?;
        if credential.document != acceptance.document_hash {
            return Err(Error::Document);
        }
        if let Some(bytes) = credential.quote {
            let bound = bound(Role::Server, &opened.after_hello, &credential.document);
            is_of(quote, bytes, &bound)?;
        }
        let proof = Proof::decode(&opened.proof)?;
        opened.transcript.add(Direction::Server, &opened.credential);
        let signed = opened.transcript.digest();
        let document = acceptance.document.get();
        serves(document, &opened.authority)?;
        let scheme = identity::verify(document, at, &proof, &config.schemes, Role::Server, &signed)?;
        // Sessions are found by the instance that their ids begin with (SE-44).
        if !opened.id.starts_with(&document.instance) {
            return Err(Error::Document);
        }
        let hash = credential.document;
        opened.finish(hash, Some(scheme), config.attests)
    }
}

impl ResumedByServer {
    pub(super) fn new(opened: Opened, document: [u8; 48]) -> Result<Self, Error> {
        let credential = ServerCredential::decode(&opened.credential)?;
        if credential.published.is_some() || credential.quote.is_some() || !opened.proof.is_empty() {
            return Err(Error::Inconsistent);
        }
        // The session rests on what the ticket rested on, and says so.
        if credential.document != document {
            return Err(Error::Document);
        }
        Ok(Self { opened, document })
    }

    /// SHA-384 of the key document that the original session rested on.
    #[must_use]
    pub fn document_hash(&self) -> &[u8; 48] {
        &self.document
    }

    /// Goes on, after the caller has held what it knows of the document against today's policy: `acceptance` is the
    /// one that the original session rested on, and was judged again (SE-41).
    ///
    /// # Errors
    /// [`Error::Document`], [`Error::Authority`], [`Error::Finished`], [`Error::CallerNotAttested`],
    /// [`Error::Inconsistent`]
    pub fn accept(self, acceptance: &Acceptance, attests: bool) -> Result<Outcome, Error> {
        let Self { mut opened, document } = self;
        if acceptance.document_hash != document {
            return Err(Error::Document);
        }
        serves(acceptance.document.get(), &opened.authority)?;
        opened.transcript.add(Direction::Server, &opened.credential);
        opened.finish(document, None, attests)
    }
}

impl Opened {
    /// The proof has been dealt with; its bytes and Finished are left.
    fn finish(mut self, document: [u8; 48], scheme: Option<Scheme>, attests: bool) -> Result<Outcome, Error> {
        self.transcript.add(Direction::Server, &self.proof);
        let expected = self.server.finished()?.sign(&[self.transcript.digest().as_bytes()]);
        if !constant_time_eq(expected.as_bytes(), &self.finished) {
            return Err(Error::Finished);
        }
        self.transcript.add(Direction::Server, &self.finished);
        let credential = ServerCredential::decode(&self.credential)?;
        let confirmed = Confirmed {
            id: self.id,
            suite: self.suite,
            group: self.group,
            scheme,
            parameters: credential.parameters,
            evidence: if credential.quote.is_some() {
                EvidenceMode::Handshake
            } else {
                EvidenceMode::Identity
            },
            asked: credential.authentication,
            authority: self.authority,
            document,
            early_accepted: self.early_accepted,
            now: self.now,
        };
        match credential.authentication {
            Authentication::NotAsked => {
                let (secrets, psk) = self.main.established(&self.transcript.digest())?;
                let ticket = TicketMessage::decode(&self.ticket)?;
                Ok(Outcome::Established(Box::new(confirmed.established(secrets, psk, ticket, false))))
            }
            _ if confirmed.early_accepted => Err(Error::Inconsistent),
            Authentication::Required if !attests => Err(Error::CallerNotAttested),
            asked => Ok(Outcome::Authenticate(Box::new(ExpectOwnCredential::new(
                confirmed,
                self.main,
                self.server,
                self.client,
                self.transcript,
                asked == Authentication::Required,
            )))),
        }
    }
}

/// The server has been believed: all of a session but its keys.
pub(super) struct Confirmed {
    id: SessionId,
    suite: Suite,
    group: Option<Group>,
    scheme: Option<Scheme>,
    parameters: crate::message::Parameters,
    evidence: EvidenceMode,
    asked: Authentication,
    authority: String,
    document: [u8; 48],
    early_accepted: bool,
    now: u64,
}

impl Confirmed {
    pub(super) fn id(&self) -> SessionId {
        self.id
    }

    pub(super) fn established(
        self,
        secrets: crate::Secrets,
        psk: Psk,
        ticket: Option<TicketMessage>,
        authenticated: bool,
    ) -> Established {
        let Self { id, suite, group, scheme, parameters, evidence, asked, early_accepted, .. } = self;
        let Self { authority, document, now, .. } = self;
        let ticket = ticket.map(|message| Ticket {
            suite,
            psk,
            ticket: message.ticket,
            authority,
            document,
            received: now,
            lifetime: Duration::from_secs(message.lifetime),
        });
        Established {
            id,
            suite,
            group,
            scheme,
            parameters,
            evidence,
            asked,
            authenticated,
            secrets,
            ticket,
            early_accepted,
        }
    }
}

/// Holds an accepted document against the name of this very handshake (SE-07): it may have been accepted earlier, for
/// another name of the same instance, or as a caller's.
fn serves(document: &KeyDocument, authority: &str) -> Result<(), Error> {
    if document.role != Role::Server.in_documents() {
        return Err(Error::Document);
    }
    if document.authorities.iter().any(|served| served == authority) { Ok(()) } else { Err(Error::Authority) }
}

/// What a quote of the handshake is bound to (SE-08).
pub(crate) fn bound(role: Role, transcript: &Digest, document: &[u8; 48]) -> Bound {
    let bytes = [transcript.as_bytes(), document].concat();
    Bound::new(sealwire_attest::binding::HANDSHAKE, role.in_documents(), &bytes, &[])
}

/// Whether appraised claims are those of this very quote: of its kind, and bound to this handshake.
pub(crate) fn is_of(claims: Option<&Appraised<Claims>>, quote: &[u8], bound: &Bound) -> Result<(), Error> {
    let claims = claims.ok_or(Error::NotAppraised)?.get();
    let presented = cmw::decode(quote).map_err(|_| Error::Quote)?;
    let kind = presented.lead.kind;
    let digest = bound.digest(kind, &presented.companion_bytes());
    let expected = digest.get(..kind.binding_len()).unwrap_or(&digest);
    if claims.kind == kind && claims.report_data == expected { Ok(()) } else { Err(Error::NotAppraised) }
}
