//! The enrolment CA for TPMs (AT-62): which attestation key lives in which TPM, proved once, then certified.
//!
//! A TPM's maker certifies its endorsement key (EK), which decrypts and cannot sign. An attestation key (AK) signs,
//! and nobody has certified it. Credential activation (TPM 2.0 part 1, section 24) closes the gap: a secret is
//! encrypted to the EK, tied to the Name of the AK, and a TPM gives it out only if it holds both. Four messages go
//! to and fro, over any channel, each consumed by the next step:
//!
//! ```text
//! TPM                          CA
//! Request   ── EK certificate, EK, AK ──▶  check ─▶ Endorsed
//! activate  ◀──── encrypted secret ──────  challenge ─▶ Challenge, Pending
//! Answer    ──────── secret ────────────▶  redeem ─▶ Activated
//!           ◀──── AK certificate ────────  certify
//! ```
//!
//! An AK certificate can only be made from [`Activated`], which only the right secret makes.

mod ca;
mod certificate;
mod credential;
mod endorsement;
mod error;
mod messages;
mod pending;
mod request;

pub use ca::Ca;
pub use endorsement::{EkRoots, EndorsementKey};
pub use error::Error;
pub use messages::{Answer, Challenge, MAX_MESSAGE, Request};
pub use pending::{Activated, Pending};
pub use request::Endorsed;

/// Length of the secret that a TPM gives out, in bytes.
pub const SECRET_LEN: usize = 32;
