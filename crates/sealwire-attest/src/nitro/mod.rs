//! AWS Nitro Enclaves: attestation documents (COSE_Sign1) and their chains.

mod chain;
mod claims;
mod document;
mod roots;
#[cfg(test)]
pub(crate) mod tests;
mod verify;

pub(crate) use chain::chain;
pub(crate) use claims::attribute_names;
pub(crate) use document::looks_like;
pub(crate) use roots::{AWS, PROFILE, is_aws};
pub(crate) use verify::NitroVerifier;

use crate::{
    Error,
    check::{Check, Offered},
};
use document::Document;

/// Format and lengths (AT-08).
pub(crate) fn check_format(bytes: &[u8]) -> Result<(), Error> {
    Document::parse(bytes).map(drop)
}

/// What this kind offers for each check.
pub(crate) fn offered(check: Check) -> Offered {
    match check {
        Check::Format => Offered::Checked(
            "COSE_Sign1 with ES384 and nothing else in its headers; the fields of an enclave's document, each once and \
             of its length; nothing after it",
        ),
        Check::Chain => Offered::Checked(
            "the root of the document's bundle is AWS's (pinned, byte for byte) → regional → zonal → instance → \
             enclave: names, ECDSA signatures, CA constraints",
        ),
        Check::Validity => Offered::Checked(
            "every certificate of the chain, root included; the enclave's own also at the document's time",
        ),
        Check::Revocation => Offered::Checked(
            "CRLs of the root and of the regional authority, where supplied: signature, issuer, the part of the list \
             that a certificate names, next update, serial numbers; a policy decides whether they are required. Zonal and instance authorities live for days and \
             publish none",
        ),
        Check::Signature => {
            Offered::Checked("ECDSA P-384 over headers and document, with the enclave's certificate")
        }
        Check::Tcb => Offered::NotAvailable("AWS runs the hypervisor and publishes no levels of it"),
        Check::Attributes => {
            Offered::Checked("debug mode, which shows as PCR 0, 1 and 2 all zero, is judged by the policy")
        }
        Check::Binding => Offered::Checked("all 64 bytes of user data, with nonce and public key absent"),
        Check::Freshness => Offered::Checked(
            "the document's time, not after that of the verification; its age is judged by the policy",
        ),
    }
}
