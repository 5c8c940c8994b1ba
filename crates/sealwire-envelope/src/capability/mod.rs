//! Capability tokens: who may do what in whose name, handed on from one agent to the next (EN-51 to EN-58, SP-63 to
//! SP-70).
//!
//! A chain of tokens says what its last subject may do. It never says that this subject is who asks: a chain authorises
//! nothing until [`Chain::bind`] has held it against the verified sender of a request that names the chain.

mod budget;
mod chain;
mod error;
mod issue;
mod parse;
mod token;
mod verifier;

pub use chain::{Bound, Chain};
pub use error::Error;
pub use issue::{Delegation, Grant, IssueError, delegate, issue};
pub use parse::{field, field_digest, parse_field};
pub use token::{Scope, Token};
pub use verifier::{Revoked, RootAuthority, Verifier};

/// The one version of tokens (SP-66).
pub const VERSION: &str = "7h3-cap/1";

/// Length of the longest field value in bytes (SP-09).
pub const MAX_FIELD: usize = 16 * 1024;
/// How many tokens a chain may have (SP-09).
pub const MAX_TOKENS: usize = 8;
/// How many scopes a token may have (SP-09).
pub const MAX_SCOPES: usize = 64;
/// How long a token may live, in milliseconds (SP-66).
pub const MAX_LIFETIME_MS: u64 = 24 * 60 * 60 * 1_000;
/// How far ahead a clock may be, in milliseconds (SP-66).
const MAX_SKEW_MS: u64 = 30_000;
/// Length of the longest glob in bytes, as of every other name.
const MAX_GLOB: usize = crate::identifier::MAX_LEN;
