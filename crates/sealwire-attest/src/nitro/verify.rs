//! The checks of AT-03 for a document, in their order.

use super::{
    chain::Chain,
    claims::{claims, debug},
    document::Document,
    roots::AWS,
};
use crate::{
    Checks, Claims, Error, Outcome, UnixTime,
    cache::{Cache, CacheCounts},
    verify::{Expected, Request, Verified},
    x509::Certificate,
};
use sealwire_crypto::{
    digest::sha256,
    sign::ecdsa::{Scheme, verify_fixed},
};
use std::{sync::Arc, time::Duration};

/// How far a document's clock may be ahead of the verifier's.
const SKEW: Duration = Duration::from_secs(60);

/// Verifies documents. Chains and signatures that verified are kept (AT-26).
pub(crate) struct NitroVerifier {
    roots: Vec<Certificate>,
    chains: Cache<Arc<Chain>>,
    signatures: Cache<Arc<Chain>>,
}

impl NitroVerifier {
    pub(crate) fn new() -> Self {
        Self::with_roots(AWS.clone())
    }

    /// Outside of tests the roots are AWS's. They are the same for the life of the caches.
    pub(super) fn with_roots(roots: Vec<Certificate>) -> Self {
        Self { roots, chains: Cache::new(), signatures: Cache::new() }
    }

    /// Of chains, and of signatures.
    pub(crate) fn counts(&self) -> [CacheCounts; 2] {
        [self.chains.counts(), self.signatures.counts()]
    }

    pub(crate) fn verify(
        &self,
        request: &Request<'_>,
        checks: &mut Checks,
    ) -> Result<Verified<Claims>, Error> {
        let document = Document::parse(&request.evidence.bytes)?;
        checks.format = Outcome::Passed(format!("COSE_Sign1, {} registers", document.pcrs.len()));
        let made_at = UnixTime(document.timestamp / 1000);
        let (chain, not_after) = self.verify_signatures(request, &document, made_at, checks)?;
        checks.tcb =
            Outcome::NotAvailable("AWS runs the hypervisor and publishes no levels of it".to_owned());
        checks.attributes = Outcome::Passed(match debug(&document) {
            true => "debug mode: PCR 0, 1 and 2 are zero".to_owned(),
            false => "no debug mode".to_owned(),
        });
        checks.binding = check_binding(request, &document)?;
        if made_at > request.at.saturating_add(SKEW) {
            return Err(Error::MadeInFuture(made_at));
        }
        checks.freshness = Outcome::Passed(format!("made at {made_at}"));
        Ok(Verified::new(claims(&document, &chain, made_at, not_after), checks.clone()))
    }

    /// Chain, validity, revocation, signature. Time and revocation are checked whether or not the rest is known. With
    /// the chain, the earliest end of what was looked at.
    fn verify_signatures(
        &self,
        request: &Request<'_>,
        document: &Document<'_>,
        made_at: UnixTime,
        checks: &mut Checks,
    ) -> Result<(Arc<Chain>, UnixTime), Error> {
        let at = request.at;
        let endorsed = request.endorsements.digest();
        let signature_key = sha256(&[b"document", &endorsed, &request.evidence.bytes]);
        let known = self.signatures.get(&signature_key, at);
        let is_known = known.is_some();
        let chain = known.map_or_else(|| self.chain(request, &endorsed, document), Ok)?;
        checks.chain = Outcome::Passed(format!("aws.nitro-enclaves → {}", chain.authorities));
        chain.check_validity(at, made_at)?;
        let mut not_after = chain.not_after();
        checks.validity = Outcome::valid(at, not_after);
        let revocation = chain.check_revocation(at)?;
        not_after = not_after.min(revocation.good_until());
        checks.revocation = revocation.outcome("the authorities");
        if !is_known {
            verify_fixed(Scheme::P384Sha384, &chain.key, &document.signed(), document.signature)
                .map_err(|_| Error::Signature)?;
            self.signatures.put(signature_key, Arc::clone(&chain), chain.not_after());
        }
        checks.signature = Outcome::Passed("ECDSA P-384 over headers and document".to_owned());
        Ok((chain, not_after))
    }

    /// The chain under a document, from the cache if it is known: a fresh document of the same enclave then costs one
    /// signature.
    fn chain(
        &self,
        request: &Request<'_>,
        endorsed: &[u8; 32],
        document: &Document<'_>,
    ) -> Result<Arc<Chain>, Error> {
        let hashes: Vec<[u8; 32]> = document.cabundle.iter().map(|der| sha256(&[der])).collect();
        let key = sha256(&[
            b"chain",
            endorsed,
            document.instance().as_bytes(),
            &sha256(&[document.certificate]),
            hashes.as_flattened(),
        ]);
        let Request { endorsements, at, .. } = *request;
        let build = || Chain::build(document, endorsements, &self.roots).map(Arc::new);
        self.chains.get_or_verify(key, at, build, |chain| chain.not_after())
    }
}

/// AT-04: all 64 bytes are the user data, and nothing that the enclave could have been given by another party stands
/// beside them. What a caller names itself is compared with the user data as it is (AT-80).
fn check_binding(request: &Request<'_>, document: &Document<'_>) -> Result<Outcome, Error> {
    if matches!(request.expected, Expected::Binding(_))
        && (document.nonce.is_some() || document.public_key.is_some())
    {
        return Err(Error::Binding);
    }
    request.expected.check(document.user_data.unwrap_or_default(), request.evidence.kind)
}
