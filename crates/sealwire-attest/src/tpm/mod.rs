//! TPM 2.0: quotes, register values, and the certificates of attestation keys.

mod attest;
mod attestation_key;
mod chain;
mod claims;
mod fields;
mod parsed;
mod public;
mod quote;
mod signature;
mod verify;

pub use public::{EccCurve, HashAlg, ObjectAttributes, Public, PublicKey, Scheme, name_of};
pub use quote::{MAX_ATTEST, MAX_PUBLIC, MAX_SIGNATURE, PCRS, Quote, pcr_name};

pub(crate) use attest::Attest;
pub(crate) use chain::uncertified;
pub(crate) use claims::{attribute_names, attributes, registers};
pub(crate) use parsed::ParsedQuote;
pub(crate) use quote::{begin, looks_like, read_pcrs, write_pcrs};
pub(crate) use signature::{VerifyingKey, rsassa_signature};
pub(crate) use verify::TpmVerifier;

use crate::{
    Error,
    check::{Check, Offered},
};

/// Format and lengths (AT-08).
pub(crate) fn check_format(bytes: &[u8]) -> Result<(), Error> {
    Quote::parse(bytes)?.parts().map(drop)
}

/// What this kind offers for each check.
pub(crate) fn offered(check: Check) -> Offered {
    match check {
        Check::Format => Offered::Checked(
            "TPMS_ATTEST of a quote that a TPM generated, over the SHA-256 bank alone; TPMT_SIGNATURE (RSASSA, \
             ECDSA), TPMT_PUBLIC, and the event log where there is one; to the last byte",
        ),
        Check::Chain => Offered::Checked(
            "the attestation key is restricted, signs only, and is fixed to its TPM; its certificate \
             (tcg-kp-AIKCertificate) → CAs → an enrolment root that the policy pins, or its name is one that the \
             policy pins",
        ),
        Check::Validity => Offered::Checked(
            "every certificate of the chain, root included; a name that is pinned has no end",
        ),
        Check::Revocation => Offered::Checked(
            "CRLs of every issuer of the chain, where supplied; a policy decides whether they are required. A name \
             that is pinned is revoked by taking it out",
        ),
        Check::Signature => Offered::Checked(
            "RSASSA or ECDSA over the quote, the digest of exactly the register values given, and the replay of \
             the event log where there is one",
        ),
        Check::Tcb => Offered::NotAvailable("nobody publishes levels of TPM firmware in signed form"),
        Check::Attributes => Offered::Checked(
            "those of the attestation key, with the chain; reset and restart counts are judged by the policy",
        ),
        Check::Binding => Offered::Checked("extraData is the first 32 bytes of the binding"),
        Check::Freshness => Offered::NotAvailable(
            "a TPM's clock counts from its last clear; a challenge in the binding is what makes a quote fresh",
        ),
    }
}
