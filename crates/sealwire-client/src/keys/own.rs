//! The caller's own key document (SE-11): made when the first session wants it, and again before it ends.

use crate::attester::{Attestation, Attester};
use sealwire_attest::{
    KeyDocument, Trust, UnixTime, Verifier,
    key_document::{self, CLIENT, Published},
};
use sealwire_http::{
    BoxError,
    crypto::{digest::sha384, random::Random},
    session::{Identity, Scheme, WIRE, client},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::Mutex;

/// How long a document is for; shorter where what is underneath the evidence ends before.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// The exit code of a missing endorsement (AT-80).
const ENDORSEMENT_MISSING: u8 = 40;

/// Why this side has nothing to show.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The machine makes no evidence.
    #[error("no evidence: {0}")]
    Attester(#[source] BoxError),
    /// Every gateway would refuse it.
    #[error("the machine's own evidence does not verify: {0}")]
    Evidence(sealwire_attest::Error),
    /// The certificates underneath have expired, or will within seconds.
    #[error("what is underneath the evidence is valid until {0} only")]
    Expiry(UnixTime),
}

/// Who this side is, from the start of the program to its end (AT-45).
pub(crate) struct Own {
    attester: Arc<dyn Attester>,
    identity: Identity,
    instance: [u8; 16],
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    serial: u64,
    document: Option<Arc<OwnDocument>>,
}

/// A document with evidence over it.
pub(crate) struct OwnDocument {
    hash: [u8; 48],
    published: Vec<u8>,
    issued_at: UnixTime,
    pub(crate) not_after: UnixTime,
}

impl OwnDocument {
    /// Before half of its life is over (AT-41).
    fn is_fresh(&self, at: UnixTime) -> bool {
        at < self.issued_at.saturating_add(self.not_after.since(self.issued_at) * 2 / 5)
    }
}

impl Own {
    /// Fresh keys.
    pub(crate) fn new(
        attester: Arc<dyn Attester>,
        random: &dyn Random,
    ) -> Result<Self, sealwire_http::session::Error> {
        let identity = Identity::generate(false, random)?;
        let instance = sealwire_http::crypto::random::array(random)?;
        Ok(Self { attester, identity, instance, state: Mutex::default() })
    }

    /// The document to show at `at`. Whoever comes while one is made waits for it.
    pub(crate) async fn document(&self, at: UnixTime) -> Result<Arc<OwnDocument>, Fault> {
        let mut state = self.state.lock().await;
        if let Some(document) = state.document.as_ref().filter(|document| document.is_fresh(at)) {
            return Ok(document.clone());
        }
        let made = self.make(at, &mut state.serial).await;
        match (made, &state.document) {
            (Ok(made), _) => {
                let made = Arc::new(made);
                state.document = Some(made.clone());
                Ok(made)
            }
            (Err(error), Some(document)) if at < document.not_after => {
                tracing::warn!(%error, not_after = %document.not_after, "no new key document of this side; the old one stays");
                Ok(document.clone())
            }
            (Err(error), _) => Err(error),
        }
    }

    /// What a handshake shows.
    pub(crate) fn shows<'a>(&'a self, document: &'a OwnDocument) -> client::Own<'a> {
        client::Own {
            identity: &self.identity,
            scheme: Scheme::Ed25519MlDsa65,
            document: document.hash,
            published: &document.published,
            quote: None,
        }
    }

    async fn make(&self, at: UnixTime, serial: &mut u64) -> Result<OwnDocument, Fault> {
        let wanted = at.saturating_add(LIFETIME);
        // When the evidence expires is known only once there is some.
        let (made, end) = self.prove(at, wanted, serial).await?;
        if end >= wanted {
            return Ok(made);
        }
        if end <= at.saturating_add(Duration::from_secs(1)) {
            return Err(Fault::Expiry(end));
        }
        let (made, again) = self.prove(at, end, serial).await?;
        if again < end { Err(Fault::Expiry(again)) } else { Ok(made) }
    }

    /// A document until `not_after`, and when its evidence ends.
    async fn prove(
        &self,
        issued_at: UnixTime,
        not_after: UnixTime,
        serial: &mut u64,
    ) -> Result<(OwnDocument, UnixTime), Fault> {
        *serial = serial.saturating_add(1);
        let document = KeyDocument {
            instance: self.instance,
            serial: *serial,
            issued_at,
            not_after,
            role: CLIENT.to_owned(),
            // Nobody comes to a caller.
            authorities: Vec::new(),
            keys: self.identity.published(issued_at, not_after),
            wires: vec![WIRE.to_owned()],
            suites: BTreeMap::new(),
            limits: BTreeMap::new(),
            // Of nothing: a caller has no configuration that decides where others' plaintext goes.
            config_digest: sha384(&[]),
            operator: None,
        }
        .encode();
        let bound = key_document::bound_as(CLIENT, &document, &[]);
        let attested = self.attester.attest(bound.clone()).await.map_err(Fault::Attester)?;
        let Attestation { evidence, endorsements } = attested;
        // As a gateway will, but under whatever root it names: what no gateway can accept is better found here.
        let verifier = Verifier::new(Trust::as_presented(&evidence, &endorsements));
        let end = match verifier.verify_presented(&evidence, &endorsements, &bound, issued_at) {
            Ok(verified) => verified.get().not_after,
            Err(error) if error.exit() == ENDORSEMENT_MISSING => {
                tracing::warn!(%error, "this endorsement of our own evidence is missing; a gateway will want it");
                UnixTime(u64::MAX)
            }
            Err(error) => return Err(Fault::Evidence(error)),
        };
        let hash = sha384(&[&document]);
        let published = Published { document, evidence, endorsements }.encode();
        tracing::info!(serial = *serial, %not_after, "this side's key document is made");
        Ok((OwnDocument { hash, published, issued_at, not_after }, end))
    }
}
