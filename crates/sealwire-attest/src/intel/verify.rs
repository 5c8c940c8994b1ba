//! The checks of AT-03 for a quote, in their order.

use super::{
    attributes,
    chain::{Chain, Supplied},
    claims::{Judged, claims, show},
    parse,
    quote::{Body, Quote},
    reference::{References, check_enclave},
    roots::{INTEL, Roots},
    without_padding,
};
use crate::{
    Checks, Claims, Endorsements, Error, Outcome, UnixTime,
    cache::{Cache, CacheCounts},
    verify::{Request, Verified},
};
use sealwire_crypto::{
    digest::sha256,
    sign::ecdsa::{Scheme, verify_fixed},
};
use std::{cell::OnceCell, sync::Arc};

/// Verifies evidence of this kind. Chains, reference data and signatures that verified are kept (AT-26).
pub(crate) struct IntelVerifier {
    roots: Roots,
    chains: Cache<Arc<Chain>>,
    references: Cache<Arc<References>>,
    signatures: Cache<Arc<Chain>>,
}

/// What a verification works on.
struct Input<'a> {
    quote: Quote<'a>,
    bytes: &'a [u8],
    endorsements: &'a Endorsements,
    /// hash of the endorsements
    endorsed: [u8; 32],
    /// parsed once, and only if something is not in a cache
    supplied: OnceCell<Supplied<'a>>,
    at: UnixTime,
}

impl<'a> Input<'a> {
    fn supplied(&self) -> Result<&Supplied<'a>, Error> {
        if let Some(supplied) = self.supplied.get() {
            return Ok(supplied);
        }
        let supplied = Supplied::new(self.endorsements)?;
        Ok(self.supplied.get_or_init(|| supplied))
    }
}

impl IntelVerifier {
    pub(crate) fn new() -> Self {
        Self::with_roots(INTEL.clone())
    }

    /// Under other roots than Intel's: tests have some of their own.
    pub(super) fn with_roots(roots: Roots) -> Self {
        Self { roots, chains: Cache::new(), references: Cache::new(), signatures: Cache::new() }
    }

    /// Of chains, those under reference data included, and of signatures.
    pub(crate) fn counts(&self) -> [CacheCounts; 2] {
        [self.chains.counts() + self.references.counts(), self.signatures.counts()]
    }

    pub(crate) fn verify(
        &self,
        request: &Request<'_>,
        checks: &mut Checks,
    ) -> Result<Verified<Claims>, Error> {
        let Request { evidence, endorsements, expected, at } = *request;
        let bytes = without_padding(&evidence.bytes);
        let quote = parse(evidence.kind, bytes)?;
        checks.format = Outcome::Passed(format!("quote version {}", quote.version));
        let endorsed = endorsements.digest();
        let input = Input { quote, bytes, endorsements, endorsed, supplied: OnceCell::new(), at };
        let (chain, mut not_after) = self.verify_signatures(&input, checks)?;
        let judged = self.judge(&input, &chain, &mut not_after, checks)?;
        let quote = &input.quote;
        checks.attributes = Outcome::Passed(attributes::check(&quote.body)?);
        checks.binding = expected.check(quote.report_data(), evidence.kind)?;
        checks.freshness =
            Outcome::NotAvailable("a quote carries no time; only a challenge makes it fresh".to_owned());
        Ok(Verified::new(claims(quote, &chain, judged, not_after), checks.clone()))
    }

    /// Chain, validity, revocation, signature. Time and revocation are checked whether or not the rest is known. With
    /// the chain, the earliest end of what was looked at.
    fn verify_signatures(
        &self,
        input: &Input<'_>,
        checks: &mut Checks,
    ) -> Result<(Arc<Chain>, UnixTime), Error> {
        let at = input.at;
        let key = sha256(&[b"quote", &input.endorsed, input.bytes]);
        let known = self.signatures.get(&key, at);
        let is_known = known.is_some();
        let chain = known.map_or_else(|| self.chain(input), Ok)?;
        checks.chain = Outcome::Passed(format!("{} ← quoting enclave ← attestation key", chain.path.names));
        chain.path.check_validity(at)?;
        let mut not_after = chain.path.not_after();
        checks.validity = Outcome::valid(at, not_after);
        let revocation = chain.path.check_revocation(at)?;
        not_after = not_after.min(revocation.good_until());
        checks.revocation = revocation.outcome("root and PCK authority");
        if !is_known {
            verify_fixed(
                Scheme::P256Sha256,
                &chain.attestation_key,
                input.quote.signed,
                input.quote.signature,
            )
            .map_err(|_| Error::Signature)?;
            self.signatures.put(key, Arc::clone(&chain), chain.path.not_after());
        }
        checks.signature = Outcome::Passed("ECDSA P-256 over header and body".to_owned());
        Ok((chain, not_after))
    }

    /// What is under the attestation key, from the cache if it is known: a fresh quote of a known platform then costs
    /// one signature. The key holds all of the quote that the chain rests on.
    fn chain(&self, input: &Input<'_>) -> Result<Arc<Chain>, Error> {
        let version = input.quote.version.to_le_bytes();
        let key = sha256(&[b"chain", &input.endorsed, &version, input.quote.endorsed]);
        let build = || Chain::build(&input.quote, input.supplied()?, &self.roots).map(Arc::new);
        self.chains.get_or_verify(key, input.at, build, |chain| chain.path.not_after())
    }

    fn references(&self, input: &Input<'_>, chain: &Chain) -> Result<Arc<References>, Error> {
        let kind = input.quote.kind();
        let key =
            sha256(&[b"reference", &input.endorsed, &[kind as u8], &chain.pck.fmspc, &chain.pck.pce_id]);
        let build =
            || References::build(kind, &chain.pck, input.supplied()?, &self.roots, input.at).map(Arc::new);
        self.references.get_or_verify(key, input.at, build, |references| references.not_after())
    }

    /// The levels of platform, TDX module and quoting enclave, by what Intel has signed. Where a part of that was not
    /// supplied, only what speaks against the evidence is told (AT-06).
    fn judge(
        &self,
        input: &Input<'_>,
        chain: &Chain,
        not_after: &mut UnixTime,
        checks: &mut Checks,
    ) -> Result<Judged, Error> {
        let Input { quote, at, .. } = input;
        let references = self.references(input, chain)?;
        let (tcb_info, qe_identity) = (references.tcb_info(*at), references.qe_identity(*at));
        let platform = match tcb_info {
            Some(signed) => {
                *not_after = (*not_after).min(signed.check(&chain.path, *at)?);
                Some(signed.value.judge(&chain.pck, &quote.body)?)
            }
            None => {
                check_module(&quote.body)?;
                None
            }
        };
        let enclave = match qe_identity {
            Some(signed) => {
                *not_after = (*not_after).min(signed.check(&chain.path, *at)?);
                Some(signed.value.judge(&quote.qe_report)?)
            }
            None => {
                check_enclave(quote.kind(), &quote.qe_report)?;
                None
            }
        };
        let evaluations = [
            tcb_info.map(|signed| signed.value.evaluation),
            qe_identity.map(|signed| signed.value.evaluation),
        ];
        let (part, level) = match (platform, enclave, evaluations) {
            (Some(platform), Some(enclave), [Some(one), Some(other)]) => {
                let (level, evaluation) = (platform.and(&enclave).level(), one.min(other));
                checks.tcb = Outcome::Passed(format!("{}, by evaluation {evaluation}", show(&level)));
                return Ok(Judged::new(level, evaluation));
            }
            (Some(platform), ..) => ("platform", Some(platform.level())),
            (None, enclave, _) => ("quoting enclave", enclave),
        };
        let missing = match tcb_info {
            Some(_) => "no identity of the quoting enclave".to_owned(),
            None => format!("no TCB info for the platform {}", hex::encode(chain.pck.fmspc)),
        };
        let told = level.as_ref().map(|level| format!("; {part} level {}", show(level)));
        let told = told.unwrap_or_default();
        checks.tcb = Outcome::NotSupplied(format!("{missing} among the endorsements{told}"));
        Ok(Judged::by_half(level))
    }
}

/// Where no TCB info says what TDX modules are like: Intel signs them, which reports write as zero, and they have no
/// attributes (Intel TDX module ABI specification, TEE_TCB_INFO). One for debugging has some.
fn check_module(body: &Body) -> Result<(), Error> {
    match body {
        Body::Td(report) if report.mr_signer_seam != [0; 48] => Err(Error::TdxModule("not signed by Intel")),
        Body::Td(report) if report.seam_attributes != [0; 8] => Err(Error::TdxModule("other attributes")),
        _ => Ok(()),
    }
}
