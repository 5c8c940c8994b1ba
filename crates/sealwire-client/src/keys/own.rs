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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use futures_util::future::BoxFuture;
    use sealwire_attest::{Bound, Policy, key_document::Wanted};
    use sealwire_http::crypto::random::OsRandom;
    use sealwire_tee::{Development, Platform};
    use std::sync::{
        LazyLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    };

    static TEE: LazyLock<Arc<Development>> = LazyLock::new(|| {
        // A test runs from `target/PROFILE/deps`; the folder outlives the run, since a root takes seconds to make.
        let program = std::env::current_exe().unwrap();
        let state = program.ancestors().nth(3).unwrap().join("tmp").join("sealwire-client");
        Arc::new(Development::open(&state).unwrap())
    });

    #[derive(Default)]
    struct Counting {
        asked: AtomicUsize,
        broken: AtomicBool,
    }

    impl Attester for Counting {
        fn attest(&self, bound: Bound) -> BoxFuture<'static, Result<Attestation, BoxError>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let made = if self.broken.load(Ordering::SeqCst) {
                Err(BoxError::from("the secure processor is silent"))
            } else {
                let made = Platform::new(TEE.clone()).produce(&bound).unwrap();
                Ok(Attestation { evidence: made.evidence, endorsements: made.endorsements })
            };
            Box::pin(std::future::ready(made))
        }
    }

    fn now() -> UnixTime {
        UnixTime(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs())
    }

    // SE-11, AT-41: one document serves until 2/5 of its life are over; the last one serves while there is no other, and
    // nothing does after its end.
    #[tokio::test]
    async fn a_document_is_made_in_time() {
        let attester = Arc::new(Counting::default());
        let own = Own::new(attester.clone(), &OsRandom).unwrap();
        let start = now();
        let first = own.document(start).await.unwrap();
        let life = first.not_after.since(first.issued_at);
        assert_eq!(life, LIFETIME);
        let early = own.document(start.saturating_add(life * 2 / 5 - Duration::from_secs(1))).await.unwrap();
        assert!(Arc::ptr_eq(&first, &early));
        assert_eq!(attester.asked.load(Ordering::SeqCst), 1);
        let late = start.saturating_add(life * 2 / 5);
        let second = own.document(late).await.unwrap();
        assert!(!Arc::ptr_eq(&first, &second) && second.issued_at == late);
        attester.broken.store(true, Ordering::SeqCst);
        let last = own.document(late.saturating_add(life - Duration::from_secs(1))).await.unwrap();
        assert!(Arc::ptr_eq(&second, &last));
        let over = own.document(late.saturating_add(life)).await.map(drop);
        assert!(matches!(over, Err(Fault::Attester(_))), "{over:?}");
    }

    // SE-11: what is shown is a caller's document, which a policy accepts as that and as nothing else.
    #[tokio::test]
    async fn a_document_is_a_callers() {
        let own = Own::new(Arc::new(Counting::default()), &OsRandom).unwrap();
        let document = own.document(now()).await.unwrap();
        let published = Published::decode(&document.published).unwrap();
        assert_eq!(sha384(&[&published.document]), document.hash);
        let policy = format!(
            "version = 1\nany-operator = true\n[[accept]]\nkind = \"development\"\nroots = [\"sha256:{}\"]\n\
             measurement = [\"{}\"]\nhost-data = {{ any = \"a test\" }}\nminimum-tcb = {{ any = \"a test\" }}\n\
             vmpl = {{ any = \"a test\" }}\ncrl = \"if-available\"\n",
            hex(&TEE.root_fingerprint()),
            hex(&TEE.measurement())
        );
        let policy = Policy::from_toml(&policy).unwrap();
        let verifier = Verifier::new(policy.trust());
        let accept = |wanted| {
            let seen = key_document::Seen::default();
            key_document::accept(&published, &verifier, &policy, wanted, &[], seen, now())
        };
        let accepted = accept(Wanted::Client).unwrap();
        let read = accepted.document.get();
        assert_eq!((&*read.role, read.authorities.len(), read.keys.len()), (CLIENT, 0, 2));
        assert!(accept(Wanted::Gateway("app.example")).is_err());
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
