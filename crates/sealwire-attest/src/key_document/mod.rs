//! The attested key document (AT-40 to AT-45); `docs/spec/key-document.md` is the normative page.
//!
//! An instance publishes one document of all its live public keys, with evidence over the exact bytes. A client
//! [`accept`]s it once and then uses every wire without a further round trip.

mod accept;
pub mod authority;
mod codec;
mod error;
mod measurement;
pub mod operator;
mod published;

pub use accept::{Acceptance, Age, MAX_SKEW, OperatorGround, Seen, Wanted, accept};
pub use codec::{MAX_AUTHORITIES, MAX_KEYS, MAX_LEN, MAX_WIRES};
pub use error::Error;
pub use published::{MAX_LEN as MAX_PUBLISHED_LEN, Published};

use crate::{
    Kind, UnixTime,
    binding::{self, Bound},
};
use std::collections::BTreeMap;

/// Media type of the published form.
pub const MEDIA_TYPE: &str = "application/sealwire-keys+cbor";
/// Where it is served.
pub const PATH: &str = "/.well-known/sealwire";
/// The role of who serves a document.
pub const GATEWAY: &str = "gateway";
/// The role of a caller who attests itself (SE-11).
pub const CLIENT: &str = "client";
/// The purpose of keys of the oblivious wire; the bytes of such a key are one key configuration (RFC 9458).
pub const OBLIVIOUS: &str = "oblivious";
/// Lengths of a challenge that a client may send, in bytes (AT-40).
pub const CHALLENGE_LEN: std::ops::RangeInclusive<usize> = 32..=64;

/// A live public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedKey {
    /// the wire's own id of the key
    pub id: Vec<u8>,
    /// its single purpose, for example `oblivious`
    pub purpose: String,
    /// first second of use
    pub not_before: UnixTime,
    /// last second of use
    pub not_after: UnixTime,
    /// opaque here; for `oblivious` one key configuration
    pub bytes: Vec<u8>,
}

/// What the document holds (AT-44).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDocument {
    /// random, new at each start
    pub instance: [u8; 16],
    /// goes up with every document of an instance
    pub serial: u64,
    /// when it was made
    pub issued_at: UnixTime,
    /// last second of use
    pub not_after: UnixTime,
    /// `gateway` or `client`
    pub role: String,
    /// names that this instance serves, in the form of [`authority::normalise`]; a client may have none
    pub authorities: Vec<String>,
    /// every live public key that is advertised, by preference; one that is only still accepted is not listed
    pub keys: Vec<PublishedKey>,
    /// names of the wires on offer, by preference, for example `oblivious`
    pub wires: Vec<String>,
    /// names of cipher suites by preference, by wire name; none for a wire whose keys say it themselves
    pub suites: BTreeMap<String, Vec<String>>,
    /// largest request plaintext in bytes, by wire name
    pub limits: BTreeMap<String, u64>,
    /// SHA-384 of the configuration that decides where plaintext goes
    pub config_digest: [u8; 48],
    /// an operator's signature over (authorities, configuration digest, measurement)
    pub operator: Option<operator::OperatorStatement>,
}

impl KeyDocument {
    /// The keys of a purpose that may be used at `at`, by preference.
    pub fn live_keys<'a>(&'a self, purpose: &'a str, at: UnixTime) -> impl Iterator<Item = &'a PublishedKey> {
        self.keys.iter().filter(move |key| key.purpose == purpose && key.is_live(at))
    }

    /// The key configurations of the oblivious wire as a list (`application/ohttp-keys`, RFC 9458 section 3): each
    /// behind its length in two bytes.
    #[must_use]
    pub fn ohttp_key_list(&self) -> Vec<u8> {
        let mut list = Vec::new();
        for key in self.keys.iter().filter(|key| key.purpose == OBLIVIOUS) {
            // A valid document has no key of 64 KiB.
            if let Ok(len) = u16::try_from(key.bytes.len()) {
                list.extend_from_slice(&len.to_be_bytes());
                list.extend_from_slice(&key.bytes);
            }
        }
        list
    }
}

impl PublishedKey {
    /// Whether it may be used at `at`. Its first second is taken [`MAX_SKEW`] early, for clocks that differ.
    #[must_use]
    pub fn is_live(&self, at: UnixTime) -> bool {
        self.not_before <= at.saturating_add(MAX_SKEW) && at <= self.not_after
    }
}

/// What evidence over a gateway's `document` is bound to; `challenge` is empty where none was given (AT-04).
#[must_use]
pub fn bound(document: &[u8], challenge: &[u8]) -> Bound {
    bound_as(GATEWAY, document, challenge)
}

/// What evidence over the `document` of a party with this role is bound to (AT-04).
#[must_use]
pub fn bound_as(role: &'static str, document: &[u8], challenge: &[u8]) -> Bound {
    Bound::new(binding::KEY_DOCUMENT, role, document, challenge)
}

/// The report data of evidence of one kind, without companions, over a gateway's `document` (AT-04).
#[must_use]
pub fn report_data(document: &[u8], kind: Kind, challenge: &[u8]) -> [u8; 64] {
    bound(document, challenge).digest(kind, &[])
}
