//! NVIDIA GPUs: SPDM 1.1 measurements and their device chains.

mod chain;
mod claims;
mod device;
mod reference;
mod report;
mod roots;
pub(crate) mod swid;
#[cfg(test)]
pub(crate) mod tests;
mod verify;

pub(crate) use claims::attribute_names;
pub(crate) use report::{INDICES, looks_like};
pub(crate) use roots::is_nvidia;
pub(crate) use verify::NvidiaVerifier;

use crate::{
    Error,
    check::{Check, Offered},
};
use report::Report;

/// Format and lengths (AT-08).
pub(crate) fn check_format(bytes: &[u8]) -> Result<(), Error> {
    Report::parse(bytes).map(drop)
}

/// What this kind offers for each check.
pub(crate) fn offered(check: Check) -> Offered {
    match check {
        Check::Format => Offered::Checked(
            "SPDM 1.1 GET_MEASUREMENTS for all measurements with a signature, and its MEASUREMENTS response: every \
             length, each index once, SHA-384 digests, nothing after the signature",
        ),
        Check::Chain => Offered::Checked(
            "NVIDIA Device Identity CA (pinned) → product → provisioner → boot ROM → firmware: names, ECDSA \
             signatures, CA constraints; the firmware id of the certificate is the report's",
        ),
        Check::Validity => Offered::Checked("every certificate of the chain, root included; most never end"),
        Check::Revocation => Offered::Checked(
            "CRLs of the Device Identity CA and of the product's authority, or OCSP responses of the issuers, where \
             supplied: signature, issuer or its responder, times, serial numbers; a policy decides whether they are \
             required. Nobody is asked for them",
        ),
        Check::Signature => {
            Offered::Checked("ECDSA P-384 over request and response, with the firmware's certificate")
        }
        Check::Tcb => Offered::Checked(
            "measurements against reference integrity manifests (SWID tags or CoRIM) of driver and VBIOS, where supplied: \
             signature, signer's chain to NVIDIA's root for manifests, validity, every digest",
        ),
        Check::Attributes => Offered::NotAvailable(
            "a report does not say whether the GPU can be debugged; its measurements differ then",
        ),
        Check::Binding => Offered::Checked("all 32 bytes of the requester's nonce"),
        Check::Freshness => Offered::NotAvailable(
            "a report carries no time; the nonce, which is the binding, is what makes it fresh",
        ),
    }
}
