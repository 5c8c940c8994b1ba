//! Keys: parsed and checked once, held ready for use (SP-23), for one algorithm and for listed uses only (SP-14, SP-17).

pub mod document;
mod fingerprint;
mod format;
mod keyring;
mod material;
mod record;
mod revocation;
mod rotation;
mod signer;
mod uses;

pub use fingerprint::Fingerprint;
pub(crate) use keyring::raw_signature;
pub use keyring::{Keyring, Require, Wanted};
pub use material::{Material, PrivateKey, PublicKey, SharedSecret, SignatureBytes, SigningKey};
pub use record::{KeyRecord, Status};
pub use revocation::Revocations;
pub use rotation::{Rotation, Schedule, ShortOverlap};
pub use signer::{SignError, Signer};
pub use uses::{Use, Uses};

/// Why a key was refused. A message that arrives sees none of this; whoever registers a key sees all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// EN-18, EN-20: no key in any of the forms that are read.
    #[error("not a key in a form that is known here: base64url of DER or of raw bytes, PEM or JWK")]
    Format,
    /// SP-08: off the curve, in another encoding than its only one, or of small order.
    #[error("not a public key of this algorithm, or one under which everybody can sign")]
    NotAKey,
    /// SP-18
    #[error(
        "a shared secret of less than 32 bytes; make one with `keygen`, or take base64url of 32 random bytes"
    )]
    ShortSecret,
    /// SP-06
    #[error("a name that is not 1 to 256 visible ASCII characters")]
    Identifier,
    /// SP-20
    #[error("a key that was revoked cannot be registered again")]
    Revoked,
    /// SP-15: one name, two keys.
    #[error("another key is registered under this sender and key id")]
    Taken,
}
