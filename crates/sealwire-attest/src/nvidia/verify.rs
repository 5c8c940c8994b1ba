//! The checks of AT-03 for a report, in their order.

use super::{
    chain::{Chain, Signature},
    claims::claims,
    reference::{Comparison, Manifests, wanted},
    report::Report,
    roots::NVIDIA,
};
use crate::{
    Checks, Claims, Error, Outcome, UnixTime,
    cache::{Cache, CacheCounts},
    verify::{Request, Verified},
    x509::Certificate,
};
use sealwire_crypto::{
    digest::sha256,
    sign::ecdsa::{Scheme, verify_fixed},
};
use std::sync::Arc;

/// Verifies reports. Chains, signatures and manifests that verified are kept (AT-26).
pub(crate) struct NvidiaVerifier {
    /// of devices
    devices: Vec<Certificate>,
    /// of the signers of reference integrity manifests
    manifest_roots: Vec<Certificate>,
    chains: Cache<Arc<Chain>>,
    signatures: Cache<Arc<Chain>>,
    manifests: Cache<Arc<Manifests>>,
}

impl NvidiaVerifier {
    pub(crate) fn new() -> Self {
        Self::with_roots(NVIDIA.devices.clone(), NVIDIA.manifests.clone())
    }

    /// Outside of tests the roots are NVIDIA's. They are the same for the life of the caches.
    pub(super) fn with_roots(devices: Vec<Certificate>, manifest_roots: Vec<Certificate>) -> Self {
        Self {
            devices,
            manifest_roots,
            chains: Cache::new(),
            signatures: Cache::new(),
            manifests: Cache::new(),
        }
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
        let report = Report::parse(&request.evidence.bytes)?;
        checks.format = Outcome::Passed(format!("SPDM 1.1, {} measurements", report.measurements.len()));
        let endorsed = request.endorsements.digest();
        let (chain, mut not_after) = self.verify_signatures(request, &endorsed, &report, checks)?;
        let comparison = self.compare(request, &endorsed, &report, &chain)?;
        not_after = not_after.min(comparison.not_after);
        checks.tcb = comparison.outcome;
        checks.attributes = Outcome::NotAvailable(
            "a report does not say whether the GPU can be debugged; its measurements differ then".to_owned(),
        );
        checks.binding = request.expected.check(report.nonce, request.evidence.kind)?;
        checks.freshness =
            Outcome::NotAvailable("a report carries no time; only the nonce makes it fresh".to_owned());
        Ok(Verified::new(claims(&report, &chain, comparison.status, not_after), checks.clone()))
    }

    /// Chain, validity, revocation, signature. Time and revocation are checked whether or not the rest is known. With
    /// the chain, the earliest end of what was looked at.
    fn verify_signatures(
        &self,
        request: &Request<'_>,
        endorsed: &[u8; 32],
        report: &Report<'_>,
        checks: &mut Checks,
    ) -> Result<(Arc<Chain>, UnixTime), Error> {
        let at = request.at;
        let signature_key = sha256(&[b"report", endorsed, &request.evidence.bytes]);
        let known = self.signatures.get(&signature_key, at);
        let is_known = known.is_some();
        let (chain, signature) = match known {
            Some(chain) => (chain, Signature::Good),
            None => self.chain(request, endorsed, report)?,
        };
        checks.chain = Outcome::Passed(chain.path.names.clone());
        chain.path.check_validity(at)?;
        let mut not_after = chain.path.not_after();
        checks.validity = Outcome::valid(at, not_after);
        let revocation = chain.path.check_offered_revocation(at)?;
        not_after = not_after.min(revocation.good_until());
        checks.revocation = revocation.outcome("the authorities");
        if signature == Signature::Bad {
            return Err(Error::Signature);
        }
        checks.signature = Outcome::Passed("ECDSA P-384 over request and response".to_owned());
        if !is_known {
            self.signatures.put(signature_key, Arc::clone(&chain), chain.path.not_after());
        }
        Ok((chain, not_after))
    }

    /// The chain under a report, from the cache if it is known: a fresh report of the same GPU then costs one signature.
    fn chain(
        &self,
        request: &Request<'_>,
        endorsed: &[u8; 32],
        report: &Report<'_>,
    ) -> Result<(Arc<Chain>, Signature), Error> {
        // One chain is kept for each set of endorsements; in a folder of several GPUs the key decides whose it is.
        let key = sha256(&[b"chain", endorsed]);
        if let Some(chain) = self.chains.get(&key, request.at) {
            let verifies =
                verify_fixed(Scheme::P384Sha384, &chain.device.key, report.signed, report.signature).is_ok();
            if verifies && chain.device.is_of(report) {
                return Ok((chain, Signature::Good));
            }
        }
        let (chain, signature) = Chain::build(report, request.endorsements, &self.devices)?;
        let chain = Arc::new(chain);
        self.chains.put(key, Arc::clone(&chain), chain.path.not_after());
        Ok((chain, signature))
    }

    fn compare(
        &self,
        request: &Request<'_>,
        endorsed: &[u8; 32],
        report: &Report<'_>,
        chain: &Chain,
    ) -> Result<Comparison, Error> {
        let Some(wanted) = wanted(report, &chain.device.product) else { return Ok(Comparison::none()) };
        let key = sha256(&[b"manifests", endorsed, wanted.names.join("\0").as_bytes()]);
        let Request { endorsements, at, .. } = *request;
        let find = || Manifests::find(wanted, endorsements, &self.manifest_roots).map(Arc::new);
        let manifests = self.manifests.get_or_verify(key, at, find, |_| UnixTime(u64::MAX))?;
        manifests.compare(report, at)
    }
}
