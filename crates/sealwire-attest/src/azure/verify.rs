//! The checks of AT-03 for these kinds: those of the hardware's report, then of the vTPM's quote.

use super::{Hardware, HclReport, VmEvidence, VtpmQuote, runtime::RuntimeData, td_report::TdReport};
use crate::{
    Checks, Claims, Error, Evidence, Kind, Outcome, UnixTime,
    cache::{Cache, CacheCounts},
    intel::IntelVerifier,
    snp::{SnpVerifier, report::Report},
    tpm::{ParsedQuote, attributes, registers},
    verify::{Expected, Request, Verified},
};
use sealwire_crypto::digest::{constant_time_eq, sha256};
use std::sync::Arc;

/// Verifies evidence of these kinds. Chains and signatures of the hardware are kept by its own verifiers, and the vTPM's
/// signatures here (AT-26).
pub(crate) struct AzureVerifier {
    signatures: Cache<Arc<str>>,
}

/// Evidence whose parts all parsed.
pub(super) struct Parsed<'a> {
    hcl: HclReport<'a>,
    runtime: RuntimeData,
    quote: Option<ParsedQuote<'a>>,
}

impl<'a> Parsed<'a> {
    /// Also whether the hardware is that of `kind`.
    pub(super) fn new(kind: Kind, evidence: &'a VmEvidence) -> Result<Self, Error> {
        let hcl = HclReport::parse(&evidence.hcl_report)?;
        if kind_of(hcl.hardware) != kind {
            return Err(Error::Malformed("an HCL report of other hardware than the kind's"));
        }
        if hcl.hardware == Hardware::Snp && evidence.td_quote.is_some() {
            return Err(Error::Malformed("a TD quote with an SEV-SNP report"));
        }
        let runtime = RuntimeData::parse(hcl.runtime)?;
        let quote = evidence.quote.as_ref().map(VtpmQuote::parts).transpose()?;
        Ok(Self { hcl, runtime, quote })
    }

    fn shown(&self) -> String {
        match &self.quote {
            Some(quote) => format!("HCL report, vTPM quote over {} registers", quote.pcrs.len()),
            None => "HCL report without a vTPM quote".to_owned(),
        }
    }
}

/// The kind of evidence whose keys this hardware vouches for.
pub(super) fn kind_of(hardware: Hardware) -> Kind {
    match hardware {
        Hardware::Snp => Kind::AzureSnp,
        Hardware::Tdx => Kind::AzureTdx,
    }
}

impl AzureVerifier {
    pub(crate) fn new() -> Self {
        Self { signatures: Cache::new() }
    }

    /// Of chains, which the hardware's verifiers count, and of signatures.
    pub(crate) fn counts(&self) -> [CacheCounts; 2] {
        [CacheCounts::default(), self.signatures.counts()]
    }

    pub(crate) fn verify(
        &self,
        snp: &SnpVerifier,
        intel: &IntelVerifier,
        request: &Request<'_>,
        checks: &mut Checks,
    ) -> Result<Verified<Claims>, Error> {
        let evidence = request.evidence;
        let vm = VmEvidence::parse(&evidence.bytes)?;
        let parsed = Parsed::new(evidence.kind, &vm)?;
        // The hardware's verifier notes its own format over it, and both are told together below.
        checks.format = Outcome::Passed(parsed.shown());
        // AT-02: SHA-256 of the runtime data, then 32 zeros.
        let mut bound = [0; 64];
        for (out, byte) in bound.iter_mut().zip(sha256(&[parsed.hcl.runtime])) {
            *out = byte;
        }
        let verified = match parsed.hcl.hardware {
            Hardware::Snp => verify_snp(snp, request, &parsed.hcl, &bound, checks)?,
            Hardware::Tdx => verify_tdx(intel, request, &parsed.hcl, vm.td_quote.as_deref(), &bound, checks)?,
        };
        let (mut claims, _) = verified.into_parts();
        // What the hardware's report is bound to is the runtime data; what the evidence is, comes now.
        checks.binding = Outcome::NotReached;
        checks.freshness = Outcome::NotReached;
        add(&mut checks.format, &parsed.shown());
        add(
            &mut checks.chain,
            "the runtime data, whose hash its report holds, names the vTPM's attestation key",
        );

        claims.kind = evidence.kind;
        claims.hardware_model = format!("Azure VM on {}", claims.hardware_model);
        claims.attributes.extend(parsed.runtime.attributes());
        claims.report_data = Vec::new();
        if let Some(quote) = &parsed.quote {
            let signed = self.check_signature(request.at, &bound, &parsed.runtime, quote)?;
            add(&mut checks.signature, &signed);
            claims.measurements.extend(registers(quote.pcrs));
            claims.attributes.extend(attributes(quote));
            claims.report_data = quote.attest.extra_data.to_vec();
        }
        checks.binding = match (&parsed.quote, request.expected) {
            (Some(quote), expected) => expected.check(quote.attest.extra_data, evidence.kind)?,
            (None, Expected::Unbound) => {
                Outcome::NotAvailable("no quote of the vTPM, which alone is bound".to_owned())
            }
            (None, _) => return Err(Error::Binding),
        };
        checks.freshness = Outcome::NotAvailable(
            "reports and quotes carry no time; only a challenge makes a vTPM's quote fresh".to_owned(),
        );
        Ok(Verified::new(claims, checks.clone()))
    }

    /// The vTPM's signature, registers and log. All that they rest on is in the evidence.
    fn check_signature(
        &self,
        at: UnixTime,
        bound: &[u8; 64],
        runtime: &RuntimeData,
        quote: &ParsedQuote<'_>,
    ) -> Result<Arc<str>, Error> {
        // All that it rests on: the key is of the runtime data, whose hash is known. The hardware's part is long, and has
        // been hashed by its own verifier.
        let key = sha256(&[b"vtpm", bound, &quote.digest()]);
        let check = || quote.check(&runtime.attestation_key).map(Arc::from);
        self.signatures.get_or_verify(key, at, check, |_| UnixTime(u64::MAX))
    }
}

const NOT_BOUND: Error = Error::KeyNotBound("the hardware's report is over other runtime data");

fn verify_snp(
    snp: &SnpVerifier,
    request: &Request<'_>,
    hcl: &HclReport<'_>,
    bound: &[u8; 64],
    checks: &mut Checks,
) -> Result<Verified<Claims>, Error> {
    // Before the chain, as the check that it belongs to.
    if !constant_time_eq(&Report::parse(hcl.report)?.report_data, bound) {
        return Err(NOT_BOUND);
    }
    let report = Evidence { kind: Kind::Snp, bytes: hcl.report.to_vec() };
    let request = Request { evidence: &report, expected: Expected::ReportData(bound), ..*request };
    snp.verify(&request, checks)
}

/// A TDREPORT carries no signature. The quote that was made of it does, and has to be over the same report data and
/// registers.
fn verify_tdx(
    intel: &IntelVerifier,
    request: &Request<'_>,
    hcl: &HclReport<'_>,
    quote: Option<&[u8]>,
    bound: &[u8; 64],
    checks: &mut Checks,
) -> Result<Verified<Claims>, Error> {
    let report = TdReport::parse(hcl.report)?;
    if !constant_time_eq(report.report_data(), bound) {
        return Err(NOT_BOUND);
    }
    let quote = quote.ok_or(Error::EndorsementMissing("the TD quote over the report"))?;
    let quote = Evidence { kind: Kind::Tdx, bytes: quote.to_vec() };
    let request = Request { evidence: &quote, expected: Expected::ReportData(bound), ..*request };
    let verified = intel.verify(&request, checks).map_err(|error| match error {
        Error::Binding => Error::KeyNotBound("the TD quote is over other runtime data"),
        other => other,
    })?;
    if !report.is_of(verified.get()) {
        return Err(Error::KeyNotBound("the TD quote is of another guest than the TDREPORT"));
    }
    Ok(verified)
}

/// Adds to what a check looked at.
fn add(outcome: &mut Outcome, what: &str) {
    if let Outcome::Passed(detail) = outcome {
        detail.push_str("; ");
        detail.push_str(what);
    }
}
