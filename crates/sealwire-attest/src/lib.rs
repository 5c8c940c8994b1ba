//! Evidence in, claims out, a policy decides.
//!
//! Sans-I/O: bytes, endorsements, an expected binding and a time come in; a verdict comes out. Trust is a
//! type: [`Evidence`] becomes [`Verified`] claims, which a [`policy::Policy`] turns into something
//! [`Appraised`]; a value of the later type can only be made by the check.

// Tests inside share machines with those outside, which name the crate.
#[cfg(test)]
extern crate self as sealwire_attest;
#[cfg(test)]
#[path = "../tests/common/mod.rs"]
mod common;

pub mod azure;
mod binary;
pub mod binding;
mod cache;
pub mod cbor;
pub mod check;
pub mod claims;
pub mod cmw;
pub mod composite;
pub mod corim;
pub mod endorsements;
pub mod enrol;
mod error;
pub mod event_log;
#[cfg(test)]
mod every_kind;
pub mod evidence;
pub mod intel;
pub mod key_document;
pub mod needs;
mod nitro;
mod nvidia;
pub mod policy;
pub mod revocation;
pub mod snp;
pub mod time;
pub mod tpm;
mod trust;
pub mod verdict;
pub mod verify;
pub mod x509;

pub use binding::{Binding, Bound};
pub use cache::CacheCounts;
pub use check::{Check, Checks, Outcome};
pub use claims::{Claims, TcbStatus};
pub use composite::Presented;
pub use endorsements::Endorsements;
pub use error::{Error, Place};
pub use evidence::{Evidence, Kind};
pub use key_document::KeyDocument;
pub use policy::{Appraised, Policy};
pub use time::UnixTime;
pub use trust::Trust;
pub use verdict::Verdict;
pub use verify::{Verified, Verifier};

/// Protocol and version: in every binding, key document and published form.
pub const PROTOCOL: &str = "sealwire/1";
