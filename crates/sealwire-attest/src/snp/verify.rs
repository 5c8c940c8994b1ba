//! The checks of AT-03 for a report, in their order.

use super::{
    chain::{Chain, Pinned},
    claims::claims,
    report::{Report, SIGNED_LEN},
};
use crate::{
    Checks, Claims, Error, Kind, Outcome, UnixTime,
    cache::{Cache, CacheCounts},
    verify::{Request, Verified},
};
use sealwire_crypto::{
    digest::sha256,
    sign::ecdsa::{Scheme, verify_fixed},
};
use std::sync::Arc;

/// A report that the host asked for, not the guest (AMD 56860, SNP_HV_REPORT_REQ).
const HOST_VMPL: u32 = u32::MAX;

/// Verifies reports. Chains and signatures that verified are kept (AT-26).
pub(crate) struct SnpVerifier {
    pinned: Pinned,
    /// hash of those roots; AMD's are the same for the life of a cache
    roots: [u8; 32],
    chains: Cache<Arc<Chain>>,
    signatures: Cache<Arc<Chain>>,
}

impl SnpVerifier {
    pub(crate) fn new(development_roots: &[[u8; 32]]) -> Self {
        Self::with_roots(Pinned { roots: development_roots.to_vec(), kind: Kind::Development })
    }

    /// With a test's root in the place of AMD's, for kinds that rest on genuine reports: there are no development ones of
    /// those.
    #[cfg(test)]
    pub(crate) fn under(root: [u8; 32]) -> Self {
        Self::with_roots(Pinned { roots: vec![root], kind: Kind::Snp })
    }

    fn with_roots(pinned: Pinned) -> Self {
        Self {
            roots: sha256(&[pinned.roots.as_flattened()]),
            pinned,
            chains: Cache::new(),
            signatures: Cache::new(),
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
        checks.format = Outcome::Passed(format!("report version {}", report.version));
        let (chain, not_after) = self.verify_signatures(request, &report, checks)?;
        chain.leaf.check_tcb(&report)?;
        checks.tcb = Outcome::Passed(format!("certified for {}", chain.leaf.tcb));
        if report.vmpl == HOST_VMPL {
            return Err(Error::Attributes("the host asked for the report, not the guest"));
        }
        if report.vmpl > 3 {
            return Err(Error::Attributes("a privilege level that does not exist"));
        }
        if !report.policy.is_known() {
            return Err(Error::Attributes("bits of the guest policy that have no meaning yet"));
        }
        checks.attributes =
            Outcome::Passed(format!("guest policy {:#x}, VMPL {}", report.policy.0, report.vmpl));
        checks.binding = request.expected.check(&report.report_data, request.evidence.kind)?;
        checks.freshness =
            Outcome::NotAvailable("a report carries no time; only a challenge makes it fresh".to_owned());
        Ok(Verified::new(claims(&report, &chain, not_after), checks.clone()))
    }

    /// Chain, validity, revocation, signature. Time and revocation are checked whether or not the rest is known. With
    /// the chain, the earliest end of what was looked at.
    fn verify_signatures(
        &self,
        request: &Request<'_>,
        report: &Report,
        checks: &mut Checks,
    ) -> Result<(Arc<Chain>, UnixTime), Error> {
        let Request { evidence, endorsements, at, .. } = *request;
        // The kind is what the evidence is said to be, and the chain has to end in a root of that.
        let endorsed = sha256(&[&[evidence.kind as u8], &self.roots, &endorsements.digest()]);
        let signature_key = sha256(&[b"report", &endorsed, &evidence.bytes]);
        let known = self.signatures.get(&signature_key, at);
        let is_known = known.is_some();
        let chain = known.map_or_else(|| self.chain(request, &endorsed, report), Ok)?;
        checks.chain = Outcome::Passed(format!("{} ({})", chain.path, chain.kind));
        chain.check_validity(at)?;
        let mut not_after = chain.not_after();
        checks.validity = Outcome::valid(at, not_after);
        let revocation = chain.check_revocation(at)?;
        not_after = not_after.min(revocation.good_until());
        checks.revocation = revocation.outcome("the root");
        if !is_known {
            let signed = evidence.bytes.get(..SIGNED_LEN).ok_or(Error::Signature)?;
            verify_fixed(Scheme::P384Sha384, &chain.leaf.key, signed, &report.signature)
                .map_err(|_| Error::Signature)?;
            self.signatures.put(signature_key, Arc::clone(&chain), chain.not_after());
        }
        checks.signature = Outcome::Passed("ECDSA P-384 over the report".to_owned());
        Ok((chain, not_after))
    }

    /// The chain under a report, from the cache if it is known: a fresh report under a known chain then costs one
    /// signature. The key holds what of the report decides which chain is found.
    fn chain(
        &self,
        request: &Request<'_>,
        endorsed: &[u8; 32],
        report: &Report,
    ) -> Result<Arc<Chain>, Error> {
        let signer = report.signing_key.map_or([0; 2], |key| [1, key as u8]);
        let cpuid = report.cpuid.map_or([0; 4], |[family, model, stepping]| [1, family, model, stepping]);
        let key = sha256(&[b"chain", endorsed, &signer, &cpuid, &report.chip_id, &report.reported_tcb]);
        let Request { evidence, endorsements, at, .. } = *request;
        let build = || Chain::build(evidence.kind, report, endorsements, &self.pinned).map(Arc::new);
        self.chains.get_or_verify(key, at, build, |chain| chain.not_after())
    }
}
