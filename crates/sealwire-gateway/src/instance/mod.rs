//! The instance: who this process is, and the key documents that it publishes (AT-40 to AT-45).

mod attested;

pub(crate) use attested::{Attested, json};

use crate::{config::Plan, metrics, staple::Staple};
use sealwire_attest::{
    Bound, Check, Claims, Endorsements, KeyDocument, Outcome, Trust, UnixTime, Verified, Verifier,
    key_document::{self, GATEWAY, OBLIVIOUS, Published, PublishedKey},
};
use sealwire_http::crypto::{
    digest::sha256,
    random::{self, Random},
};
use sealwire_http::{Clock, Wire, ehbp, key_ring::KeySet, server::hpke_http, session};
use sealwire_tee::quoter::Quoter;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// The exit code of a missing endorsement (AT-80).
const ENDORSEMENT_MISSING: u8 = 40;

/// Why no key document could be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The platform makes no evidence (AT-60, AT-61).
    #[error("no evidence: {0}")]
    Tee(#[from] sealwire_tee::Error),
    /// Clients would refuse this evidence, so nothing is published that rests on it.
    #[error("the platform's own evidence does not verify: {0}")]
    Evidence(sealwire_attest::Error),
    /// AT-41: the certificates underneath have expired, or will within seconds.
    #[error("what is underneath the evidence is valid until {0} only")]
    Expiry(UnixTime),
    /// AT-44
    #[error("the operator's statement is for the measurement {stated}, and this is {found}")]
    Measurement {
        /// in hexadecimal digits
        stated: String,
        /// in hexadecimal digits
        found: String,
    },
    /// No randomness, or no key id is free.
    #[error("no keys: {0}")]
    Keys(#[from] sealwire_http::oblivious::Error),
    /// No randomness.
    #[error("no keys: {0}")]
    Session(#[from] session::Error),
    /// No randomness.
    #[error("no keys: {0}")]
    Ehbp(#[from] ehbp::Error),
    /// No randomness.
    #[error("no key of the RA tunnel: {0}")]
    Tunnel(#[from] sealwire_http::ra_tunnel::Error),
    /// No randomness.
    #[error(transparent)]
    Crypto(#[from] sealwire_http::crypto::Error),
}

/// One start of the gateway.
pub(crate) struct Instance {
    /// random but for its first bytes, so that a restart is another instance (AT-45)
    id: [u8; 16],
    serial: AtomicU64,
    quoter: Quoter,
    pub(crate) staple: Arc<Staple>,
    clock: Arc<dyn Clock>,
}

/// Keys that a document is about.
pub(crate) struct Keys<'a> {
    pub(crate) set: &'a KeySet,
    /// of EHBP, where it is spoken
    pub(crate) ehbp: Option<&'a ehbp::config::KeyConfig>,
    /// of the sessions
    pub(crate) identity: &'a session::Identity,
    /// of hpke-http
    pub(crate) hpke_http: Option<&'a hpke_http::KeySet>,
    /// of its releases 1.x
    pub(crate) legacy: Option<&'a hpke_http::legacy::LegacyKey>,
    /// when they were made
    pub(crate) since: UnixTime,
    /// how long they are accepted at least, counted from any moment at which they are advertised
    pub(crate) overlap: Duration,
}

impl Instance {
    /// `prefix` is what the id begins with (SE-44).
    pub(crate) fn new(
        prefix: &[u8],
        quoter: Quoter,
        staple: Arc<Staple>,
        clock: Arc<dyn Clock>,
        random: &dyn Random,
    ) -> Result<Self, Error> {
        let mut id = random::array(random)?;
        id.iter_mut().zip(prefix).for_each(|(byte, chosen)| *byte = *chosen);
        Ok(Self { id, serial: AtomicU64::new(0), quoter, staple, clock })
    }

    /// New at each start.
    pub(crate) fn id(&self) -> [u8; 16] {
        self.id
    }

    pub(crate) fn now(&self) -> UnixTime {
        UnixTime(self.clock.unix_seconds())
    }

    /// Makes a document of `plan` and `keys`, and evidence over it. Takes as long as a quote, or two.
    pub(crate) async fn attest(&self, plan: &Plan, keys: &Keys<'_>) -> Result<Attested, Error> {
        let result = self.try_attest(plan, keys).await;
        let label = if result.is_ok() { "published" } else { "failed" };
        ::metrics::counter!(metrics::KEY_DOCUMENTS, "result" => label).increment(1);
        result
    }

    async fn try_attest(&self, plan: &Plan, keys: &Keys<'_>) -> Result<Attested, Error> {
        let issued_at = self.now();
        let mut document = self.document(plan, keys, issued_at);
        // When the evidence expires is known only once there is some: if that is before the document does, the
        // document is made again, shorter.
        let (mut attested, mut underneath) = self.prove(document.clone()).await?;
        if underneath.not_after < document.not_after {
            if underneath.not_after <= issued_at.saturating_add(Duration::from_secs(1)) {
                return Err(Error::Expiry(underneath.not_after));
            }
            document.not_after = underneath.not_after;
            (attested, underneath) = self.prove(document).await?;
            if underneath.not_after < attested.document.not_after {
                return Err(Error::Expiry(underneath.not_after));
            }
        }
        if let (Some(statement), Some(measurement)) = (&plan.statement, &underneath.measurement)
            && statement.measurement != *measurement
        {
            let (stated, found) = (hex::encode(&statement.measurement), hex::encode(measurement));
            return Err(Error::Measurement { stated, found });
        }
        Ok(attested)
    }

    fn document(&self, plan: &Plan, keys: &Keys<'_>, issued_at: UnixTime) -> KeyDocument {
        // Were they replaced this very second, they would be accepted until then.
        let not_after = issued_at.saturating_add(keys.overlap);
        let oblivious = keys.set.advertised().iter().map(|live| {
            let config = (**live).as_ref().config();
            PublishedKey {
                id: vec![config.key_id],
                purpose: OBLIVIOUS.to_owned(),
                not_before: keys.since,
                not_after,
                bytes: config.encode(),
            }
        });
        let of_ehbp = keys.ehbp.map(|config| PublishedKey {
            id: config.id().to_vec(),
            purpose: ehbp::WIRE.to_owned(),
            not_before: keys.since,
            not_after,
            bytes: config.encode(),
        });
        let mut wires = vec![session::WIRE.to_owned(), OBLIVIOUS.to_owned()];
        let mut limits = BTreeMap::from([(OBLIVIOUS.to_owned(), plan.wire.chunk.message)]);
        if of_ehbp.is_some() {
            wires.push(ehbp::WIRE.to_owned());
            limits.insert(ehbp::WIRE.to_owned(), plan.wire.chunk.message);
        }
        let name = Wire::HpkeHttp.name();
        let of_hpke_http = keys.hpke_http.map(|set| PublishedKey {
            id: set.advertised().id().to_vec(),
            purpose: name.to_owned(),
            not_before: keys.since,
            not_after,
            bytes: set.record().to_vec(),
        });
        let of_legacy = keys.legacy.map(|key| PublishedKey {
            id: sha256(&[key.public_key()]).into_iter().take(8).collect(),
            purpose: Wire::HpkeHttpLegacy.name().to_owned(),
            not_before: keys.since,
            not_after,
            bytes: key.public_key().to_vec(),
        });
        if of_legacy.is_some() {
            wires.push(Wire::HpkeHttpLegacy.name().to_owned());
        }
        if let Some(plan) = &plan.hpke_http {
            wires.push(name.to_owned());
            limits.insert(name.to_owned(), plan.limits.max_request_bytes);
        }
        KeyDocument {
            instance: self.id,
            serial: self.serial.fetch_add(1, Ordering::Relaxed) + 1,
            issued_at,
            not_after: issued_at.saturating_add(plan.lifetime),
            role: GATEWAY.to_owned(),
            authorities: plan.authorities.clone(),
            keys: oblivious
                .chain(keys.identity.published(keys.since, not_after))
                .chain(of_ehbp)
                .chain(of_hpke_http)
                .chain(of_legacy)
                .collect(),
            wires,
            suites: BTreeMap::new(),
            limits,
            config_digest: plan.digest,
            operator: plan.statement.clone(),
        }
    }

    /// Evidence over a document, and what is known of what it rests on.
    async fn prove(&self, document: KeyDocument) -> Result<(Attested, Underneath), Error> {
        let bytes = document.encode();
        let bound = key_document::bound(&bytes, &[]);
        let produced = self.timed("document", self.quoter.quote_in_turn(bound.clone())).await?;
        let sealwire_tee::Attested { evidence, endorsements } = produced;
        let endorsements = self.staple.beside(&evidence, endorsements).await;
        let published = Published { document: bytes, evidence, endorsements };
        let underneath = self.verify(&published, &bound)?;
        Ok((Attested::new(document, published), underneath))
    }

    /// Verifies what is about to be published as a client will, but under whatever root it names: a set-up that no
    /// client can accept is better found here, and the expiry underneath is known only so (AT-41).
    fn verify(&self, published: &Published, bound: &Bound) -> Result<Underneath, Error> {
        let Published { evidence, endorsements, .. } = published;
        let verifier = Verifier::new(Trust::as_presented(evidence, endorsements));
        match verifier.verify_presented(evidence, endorsements, bound, self.now()) {
            Ok(verified) => {
                warn_of_missing(&verified);
                let claims = verified.get();
                let measurement = claims.measurement();
                Ok(Underneath { not_after: claims.not_after, measurement })
            }
            // The host has handed out no certificates. Clients have to bring them, and know when they end.
            Err(error) if error.exit() == ENDORSEMENT_MISSING => {
                tracing::warn!(%error, "clients must bring this endorsement themselves");
                Ok(Underneath { not_after: UnixTime(u64::MAX), measurement: None })
            }
            Err(error) => Err(Error::Evidence(error)),
        }
    }

    /// The published form of `attested` with fresh evidence over it and `challenge` (AT-40).
    pub(crate) async fn challenge(
        &self,
        attested: &Attested,
        challenge: &[u8],
    ) -> Result<Published, sealwire_tee::Error> {
        let document = &attested.published.document;
        let produced = self.quote("challenge", key_document::bound(document, challenge)).await?;
        let sealwire_tee::Attested { evidence, mut endorsements } = produced;
        // What was stapled to the document, since nobody waits for a vendor here.
        let stapled = &attested.published.endorsements;
        if endorsements.merge(stapled).is_err() {
            endorsements.clone_from(stapled);
        }
        Ok(Published { document: document.clone(), evidence, endorsements })
    }

    /// Evidence of the hardware alone, without companions, over report data of the RA tunnel, and what goes with it (TU-16).
    pub(crate) async fn tunnel_quote(&self, report_data: [u8; 64]) -> Result<(Vec<u8>, Endorsements), Error> {
        let bound = Bound::report_data(report_data);
        let produced = self.timed("tunnel", self.quoter.quote_in_turn(bound)).await?;
        let sealwire_tee::Attested { evidence, endorsements } = produced;
        let endorsements = self.staple.beside(&evidence, endorsements).await;
        Ok((evidence.lead.bytes, endorsements))
    }

    pub(crate) async fn quote(
        &self,
        purpose: &'static str,
        bound: Bound,
    ) -> Result<sealwire_tee::Attested, sealwire_tee::Error> {
        self.timed(purpose, self.quoter.quote(bound)).await
    }

    async fn timed(
        &self,
        purpose: &'static str,
        made: impl Future<Output = Result<sealwire_tee::Attested, sealwire_tee::Error>>,
    ) -> Result<sealwire_tee::Attested, sealwire_tee::Error> {
        let begun = Instant::now();
        let result = made.await;
        ::metrics::histogram!(metrics::QUOTE_SECONDS).record(begun.elapsed());
        let label = if result.is_ok() { "made" } else { "failed" };
        ::metrics::counter!(metrics::QUOTES, "purpose" => purpose, "result" => label).increment(1);
        result
    }
}

/// What a document's evidence rests on.
struct Underneath {
    /// the earliest expiry
    not_after: UnixTime,
    /// `None` where it could not be verified
    measurement: Option<Vec<u8>>,
}

/// Clients whose policy requires an endorsement that is not stapled have to bring it. A development root has no vendor
/// who would publish any.
fn warn_of_missing(verified: &Verified<Claims>) {
    if verified.get().development {
        return;
    }
    for check in Check::ALL {
        if let Outcome::NotSupplied(what) = verified.checks().get(check) {
            tracing::warn!(check = check.name(), what, "clients must bring this endorsement themselves");
        }
    }
}
