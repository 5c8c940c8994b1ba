//! AMD SEV-SNP: attestation reports and their chains.

mod chain;
mod claims;
mod leaf;
mod product;
pub mod report;
mod roots;
mod tcb;
mod verify;

pub use product::Product;
pub use tcb::Tcb;

pub(crate) use claims::attribute_names;
pub(crate) use leaf::{Holder, Leaf};
pub(crate) use roots::{AMD, PROFILE, is_amd};
pub(crate) use verify::SnpVerifier;

use crate::check::{Check, Offered};

/// What this kind offers for each check.
pub(crate) fn offered(check: Check) -> Offered {
    match check {
        Check::Format => Offered::Checked("report version 2 to 5, exactly 1184 bytes, reserved bytes zero"),
        Check::Chain => Offered::Checked(
            "ARK (pinned) → ASK → VCEK, or ARK → ASVK → VLEK: names, RSA-PSS signatures and their parameters, CA \
             constraints, chip id, product",
        ),
        Check::Validity => Offered::Checked("every certificate of the chain, root included"),
        Check::Revocation => Offered::Checked(
            "CRLs of the ARK, where supplied: signature, issuer, next update, serial number of the ASK or ASVK; a \
             policy decides whether one is required. VCEKs share one serial number, so AMD revokes none by CRL",
        ),
        Check::Signature => Offered::Checked("ECDSA P-384 over the report, with the VCEK or VLEK"),
        Check::Tcb => Offered::Checked(
            "the security versions in the report equal those that AMD certified in the VCEK or VLEK; the minimum is \
             the policy's, because AMD publishes no signed list of current levels",
        ),
        Check::Attributes => Offered::Checked(
            "guest policy bits, each one known; debug, migration agent and VMPL are judged by the policy",
        ),
        Check::Binding => Offered::Checked("all 64 bytes of report data"),
        Check::Freshness => Offered::NotAvailable(
            "a report carries no time; a challenge in the binding is what makes it fresh",
        ),
    }
}
