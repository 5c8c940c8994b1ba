//! The client's own authentication (SE-11, section 5.4).

use super::{
    Established,
    presented::{Confirmed, bound},
};
use crate::{
    Error, Identity, Scheme,
    identity::Role,
    message::{Answer, ClientCredential, ClientFinish, FinishAnswer},
    schedule::{Main, Traffic},
    transcript::{Direction, Transcript},
};
use sealwire_attest::{Bound, cbor};
use sealwire_crypto::{digest::Digest, random::Random};

/// What the client shows.
pub struct Own<'a> {
    /// keys of the document
    pub identity: &'a Identity,
    /// how to sign
    pub scheme: Scheme,
    /// SHA-384 of the client's key document
    pub document: [u8; 48],
    /// its published form
    pub published: &'a [u8],
    /// a new quote (CMW), bound as [`ExpectOwnCredential::bound`] says
    pub quote: Option<&'a [u8]>,
}

/// The server has been accepted, and asks in its turn.
pub struct ExpectOwnCredential {
    confirmed: Confirmed,
    main: Main,
    server: Traffic,
    client: Traffic,
    transcript: Transcript,
    /// T(server Finished)
    after_server: Digest,
    required: bool,
}

/// The client's authentication is sent.
pub struct ExpectFinishAnswer {
    confirmed: Confirmed,
    main: Main,
    server: Traffic,
    /// T(client Finished)
    complete: Digest,
    shown: bool,
}

impl ExpectOwnCredential {
    pub(super) fn new(
        confirmed: Confirmed,
        main: Main,
        server: Traffic,
        client: Traffic,
        transcript: Transcript,
        required: bool,
    ) -> Self {
        let after_server = transcript.digest();
        Self { confirmed, main, server, client, transcript, after_server, required }
    }

    /// Whether the server goes on only with an attested caller.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// What a new quote has to be bound to.
    #[must_use]
    pub fn bound(&self, document: &[u8; 48]) -> Bound {
        bound(Role::Client, &self.after_server, document)
    }

    /// Shows who the client is, or that it shows nothing.
    ///
    /// # Errors
    /// [`Error::CallerNotAttested`] for nothing where something is required; no randomness.
    pub fn present(
        mut self,
        own: Option<Own<'_>>,
        random: &dyn Random,
    ) -> Result<(Vec<u8>, ExpectFinishAnswer), Error> {
        if own.is_none() && self.required {
            return Err(Error::CallerNotAttested);
        }
        let shown = own.is_some();
        let credential = own.as_ref().map_or_else(ClientCredential::default, |own| ClientCredential {
            document: Some((own.document, own.published)),
            quote: own.quote,
        });
        let credential = credential.encode();
        self.transcript.add(Direction::Client, &credential);
        let proof = match own {
            None => Vec::new(),
            Some(own) => {
                own.identity.prove(own.scheme, Role::Client, &self.transcript.digest(), random)?.encode()
            }
        };
        self.transcript.add(Direction::Client, &proof);
        let finished = self.client.finished()?.sign(&[self.transcript.digest().as_bytes()]);
        self.transcript.add(Direction::Client, finished.as_bytes());
        let plain =
            cbor::encode(|e| e.array(3)?.bytes(&credential)?.bytes(&proof)?.bytes(finished.as_bytes())?.ok());
        let sealed = self.client.seal(0, &self.after_server, plain)?;
        let message = ClientFinish { session: self.confirmed.id(), sealed: &sealed }.encode();
        let complete = self.transcript.digest();
        let Self { confirmed, main, server, .. } = self;
        Ok((message, ExpectFinishAnswer { confirmed, main, server, complete, shown }))
    }
}

impl ExpectFinishAnswer {
    /// Takes the server's answer.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::CallerRefused`], and what is malformed.
    pub fn receive(self, message: &[u8]) -> Result<Established, Error> {
        let answer = FinishAnswer::decode(message)?;
        let opened = self.server.open(1, &self.complete, answer.sealed)?;
        match Answer::decode(&opened)? {
            Answer::Refused => Err(Error::CallerRefused),
            Answer::Accepted(ticket) => {
                let (secrets, psk) = self.main.established(&self.complete)?;
                Ok(self.confirmed.established(secrets, psk, ticket, self.shown))
            }
        }
    }
}
