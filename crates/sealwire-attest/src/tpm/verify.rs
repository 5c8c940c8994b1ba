//! The checks of AT-03 for a quote, in their order.

use super::{Quote, chain::Chain, claims::claims, parsed::ParsedQuote};
use crate::{
    Checks, Claims, Error, Outcome, Trust, UnixTime,
    cache::{Cache, CacheCounts},
    verify::{Request, Verified},
    x509::Revocation,
};
use sealwire_crypto::digest::sha256;
use std::sync::Arc;

/// Verifies quotes. Chains and signatures that verified are kept (AT-26).
pub(crate) struct TpmVerifier {
    trust: Trust,
    roots: [u8; 32],
    chains: Cache<Arc<Chain>>,
    signatures: Cache<(Arc<Chain>, Arc<str>)>,
}

impl TpmVerifier {
    pub(crate) fn new(trust: &Trust) -> Self {
        Self { trust: trust.clone(), roots: trust.digest(), chains: Cache::new(), signatures: Cache::new() }
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
        let quote = Quote::parse(&request.evidence.bytes)?;
        let parsed = quote.parts()?;
        checks.format = Outcome::Passed(format!("a quote over {} registers", quote.pcrs.len()));
        let (chain, not_after) = self.verify_signatures(request, &quote, &parsed, checks)?;
        checks.tcb =
            Outcome::NotAvailable("nobody publishes levels of TPM firmware in signed form".to_owned());
        checks.attributes = Outcome::Passed("restricted, and fixed to its TPM".to_owned());
        checks.binding = request.expected.check(parsed.attest.extra_data, request.evidence.kind)?;
        checks.freshness = Outcome::NotAvailable(
            "a TPM's clock counts from its last clear; only a challenge makes a quote fresh".to_owned(),
        );
        Ok(Verified::new(claims(&parsed, &chain, not_after), checks.clone()))
    }

    /// Chain, validity, revocation, signature. Time and revocation are checked whether or not the rest is known. With
    /// the chain, the earliest end of what was looked at.
    fn verify_signatures(
        &self,
        request: &Request<'_>,
        quote: &Quote,
        parsed: &ParsedQuote<'_>,
        checks: &mut Checks,
    ) -> Result<(Arc<Chain>, UnixTime), Error> {
        let at = request.at;
        let endorsed = sha256(&[&self.roots, &request.endorsements.digest()]);
        let signature_key = sha256(&[b"quote", &endorsed, &request.evidence.bytes]);
        let known = self.signatures.get(&signature_key, at);
        let chain = match &known {
            Some((chain, _)) => Arc::clone(chain),
            None => self.chain(request, &endorsed, quote)?,
        };
        checks.chain = Outcome::Passed(chain.shown());
        let mut not_after = chain.not_after();
        checks.validity = match chain.check_validity(at)? {
            Some(end) => Outcome::valid(at, end),
            None => Outcome::NotAvailable("a name that is pinned has no end".to_owned()),
        };
        checks.revocation = match chain.check_revocation(at)? {
            // An enrolment CA need not have any; a policy that requires one is not met all the same.
            Some(Revocation::NoCrl(issuer)) if !chain.names_crl() => Outcome::NotAvailable(format!(
                "no certificate names a CRL, and none of {issuer} was supplied"
            )),
            Some(revocation) => {
                not_after = not_after.min(revocation.good_until());
                revocation.outcome("every issuer")
            }
            None => Outcome::NotAvailable("a name that is pinned is revoked by taking it out".to_owned()),
        };
        let signed = match known {
            Some((_, signed)) => signed,
            None => {
                let signed: Arc<str> = parsed.check(&chain.key)?.into();
                let value = (Arc::clone(&chain), Arc::clone(&signed));
                self.signatures.put(signature_key, value, chain.not_after());
                signed
            }
        };
        checks.signature = Outcome::Passed(signed.to_string());
        Ok((chain, not_after))
    }

    /// What vouches for the key of a quote, from the cache if it is known: a fresh quote of a known key then costs one
    /// signature.
    fn chain(&self, request: &Request<'_>, endorsed: &[u8; 32], quote: &Quote) -> Result<Arc<Chain>, Error> {
        let key = sha256(&[b"chain", endorsed, &quote.public]);
        let Request { endorsements, at, .. } = *request;
        let build = || Chain::build(&quote.public, endorsements, &self.trust, at).map(Arc::new);
        self.chains.get_or_verify(key, at, build, |chain| chain.not_after())
    }
}
