//! Intel TDX and SGX: quotes, the PCK chain, and what Intel publishes of firmware levels and quoting enclaves.

mod attributes;
mod chain;
mod claims;
pub mod enclave_report;
mod pck;
pub mod quote;
mod reference;
mod roots;
pub mod td_report;
mod verify;

#[cfg(test)]
pub(crate) mod tests;

pub use pck::Pck;
pub use reference::{QeIdentity, TcbInfo};

pub(crate) use attributes::{enclave_names as sgx_attribute_names, td_names as tdx_attribute_names};
pub(crate) use reference::{Collateral, Referenced, check_reference, has_ended};
pub(crate) use roots::{INTEL, PROFILE, is_intel};
pub(crate) use verify::IntelVerifier;

use crate::{
    Error, Evidence, Kind,
    check::{Check, Offered},
};
use quote::Quote;

/// The platform that a quote says it is from, unverified: what a fetcher of endorsements asks Intel for (AT-70). With it
/// the name of the authority of its PCK certificate.
///
/// # Errors
/// AT-08: what is wrong with the format; [`Error::EndorsementMissing`] where the quote carries no PCK certificate.
pub fn platform(evidence: &Evidence) -> Result<(Pck, String), Error> {
    chain::platform(&Quote::parse(without_padding(&evidence.bytes))?)
}

/// The kind that bytes look like, if it is one of these.
pub(crate) fn looks_like(bytes: &[u8]) -> Option<Kind> {
    quote::looks_like(bytes)
}

/// A quote without the all-zero tail that firmware buffers leave behind it: the one exception to AT-08's rule, taken
/// before anything is parsed (QI-03).
pub(crate) fn without_padding(bytes: &[u8]) -> &[u8] {
    quote::without_padding(bytes)
}

/// Format and lengths of a quote without padding (AT-08).
pub(crate) fn check_format(kind: Kind, bytes: &[u8]) -> Result<(), Error> {
    parse(kind, bytes).map(drop)
}

fn parse(kind: Kind, bytes: &[u8]) -> Result<Quote<'_>, Error> {
    let quote = Quote::parse(bytes)?;
    match quote.kind() == kind {
        true => Ok(quote),
        false => Err(Error::Malformed("a quote of the other one of SGX and TDX")),
    }
}

/// What TDX offers for each check.
pub(crate) fn offered_tdx(check: Check) -> Offered {
    offered(
        check,
        &Differing {
            format: "quote version 4, or 5 with a TD 1.0, TD 1.5 or extended TD 1.5 body; Intel's quoting enclave, ECDSA \
                     P-256; every length, no byte behind it but an all-zero tail",
            tcb: "TCB info and TD_QE identity signed by Intel: signer, times, exact bytes; signer and attributes of the \
                  TDX module, identity of the quoting enclave; levels of platform, module and quoting enclave, at launch \
                  and now. The status is judged by the policy, which also decides whether the data is required",
            attributes: "TD attributes, each bit known; debug and profiling, migration, bound service TDs and \
                         SEPT_VE_DISABLE are judged by the policy",
        },
    )
}

/// What SGX offers for each check.
pub(crate) fn offered_sgx(check: Check) -> Offered {
    offered(
        check,
        &Differing {
            format: "quote version 3; Intel's quoting enclave, ECDSA P-256; every length, reserved bytes zero, no byte \
                     behind it but an all-zero tail",
            tcb: "TCB info and QE identity signed by Intel: signer, times, exact bytes; identity of the quoting enclave; \
                  levels of platform and quoting enclave. The status is judged by the policy, which also decides whether \
                  the data is required",
            attributes: "enclave attributes, each bit known; debug, provisioning keys and the rest are judged by the policy",
        },
    )
}

/// In what the two differ.
struct Differing {
    format: &'static str,
    tcb: &'static str,
    attributes: &'static str,
}

fn offered(check: Check, differing: &Differing) -> Offered {
    match check {
        Check::Format => Offered::Checked(differing.format),
        Check::Chain => Offered::Checked(
            "SGX Root CA (pinned) → PCK Platform or Processor CA → PCK certificate: names, ECDSA P-256 signatures, CA \
             constraints, the platform's extension; its key signed the quoting enclave's report, which holds the hash \
             of the attestation key",
        ),
        Check::Validity => Offered::Checked(
            "every certificate of the chain, root included, and of the signer of reference data",
        ),
        Check::Revocation => Offered::Checked(
            "CRLs of root and PCK authority, where supplied: signature, issuer, next update, serial numbers of every \
             certificate and of the signer of reference data; a policy decides whether they are required",
        ),
        Check::Signature => Offered::Checked("ECDSA P-256 over header and body, with the attestation key"),
        Check::Tcb => Offered::Checked(differing.tcb),
        Check::Attributes => Offered::Checked(differing.attributes),
        Check::Binding => Offered::Checked("all 64 bytes of report data"),
        Check::Freshness => Offered::NotAvailable(
            "a quote carries no time; a challenge in the binding is what makes it fresh",
        ),
    }
}
