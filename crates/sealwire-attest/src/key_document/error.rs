//! Why bytes are no key document, published form or operator's statement.

use crate::cbor;

/// Each variant is one rule of `docs/spec/key-document.md`. All of them are "malformed" to a verifier (AT-08); what
/// a well-formed document may say is decided by [`accept`](super::accept).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// AT-08: cut short, or an item of another type
    #[error("not the CBOR of a key document")]
    Malformed,
    /// AT-08: a longer form than needed, an indefinite length
    #[error("not deterministic CBOR")]
    NotDeterministic,
    /// AT-08
    #[error("longer, or more of them, than the limit")]
    Bounds,
    /// AT-08
    #[error("bytes after the end")]
    Trailing,
    /// AT-44
    #[error("a required field is missing")]
    MissingField,
    /// AT-44: a key below 128 that is unknown, repeated or out of order
    #[error("a field that is unknown, repeated or out of order")]
    UnknownField,
    /// AT-44
    #[error("another protocol or version")]
    Protocol,
    /// AT-41: not-after is not later than issued-at
    #[error("the document ends before it begins")]
    Window,
    /// AT-44: a key that is never live while the document is
    #[error("a key is not live within the document's time")]
    KeyWindow,
    /// AT-44
    #[error("two keys of one purpose have the same id")]
    DuplicateKey,
    /// AT-44: roles, purposes, wires and suites are lower-case tokens
    #[error("a name is empty, too long, or has other characters than a-z, 0-9, '-', '.', '_' and '/'")]
    Name,
    /// AT-44: a wire named twice, or limits or suites of a wire that is not on offer
    #[error("wires, suites and limits do not fit together")]
    Wires,
    /// SE-07
    #[error("an authority that is not a host with an optional port, in its normal form")]
    Authority,
    /// SE-07
    #[error("no authority, or one twice")]
    Authorities,
    /// AT-44: authorities of a statement are in ascending order, its measurement is not empty
    #[error("an operator's statement that is not in its normal form")]
    Statement,
    /// AT-44
    #[error("the operator's signature does not verify")]
    OperatorSignature,
    /// AT-44
    #[error("not PEM of the expected label")]
    Pem,
    /// AT-44
    #[error("not an Ed25519 key in PKCS#8")]
    OperatorKey,
}

impl From<cbor::Error> for Error {
    fn from(error: cbor::Error) -> Self {
        match error {
            cbor::Error::Malformed => Self::Malformed,
            cbor::Error::NotDeterministic => Self::NotDeterministic,
            cbor::Error::Bounds => Self::Bounds,
            cbor::Error::Trailing => Self::Trailing,
            cbor::Error::MissingField => Self::MissingField,
            cbor::Error::UnknownField => Self::UnknownField,
        }
    }
}
