use crate::{UnixTime, cbor};

/// Why a revocation list is not taken. What is in force stays in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// AT-08: not a revocation list
    #[error("not a revocation list")]
    Malformed,
    /// AT-08: not the shortest form, out of order, or something twice
    #[error("not in deterministic form")]
    NotDeterministic,
    /// AT-08: longer, or more entries, than a list may have
    #[error("longer than a revocation list may be")]
    Bounds,
    /// AT-25: signed by a key that is not pinned
    #[error("signed by a key that the policy does not pin")]
    KeyNotPinned,
    /// AT-25: the signature does not verify
    #[error("the signature does not verify")]
    Signature,
    /// AT-25: a serial below that of the list in force
    #[error("serial {found}, and {highest} is in force already")]
    SerialWentBack {
        /// the list's
        found: u64,
        /// the highest seen
        highest: u64,
    },
    /// AT-25: two lists have one serial
    #[error("another list has the serial {0} already")]
    SerialReused(u64),
    /// AT-25: its next update is not after its issue
    #[error("issued at {issued_at}, and to be renewed by {next_update} already")]
    Times {
        /// when it was made
        issued_at: UnixTime,
        /// its last second
        next_update: UnixTime,
    },
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "revocation-list-malformed",
            Self::NotDeterministic => "revocation-list-not-deterministic",
            Self::Bounds => "revocation-list-bounds",
            Self::KeyNotPinned => "revocation-list-key",
            Self::Signature => "revocation-list-signature",
            Self::SerialWentBack { .. } => "revocation-list-serial",
            Self::SerialReused(_) => "revocation-list-serial-reused",
            Self::Times { .. } => "revocation-list-times",
        }
    }
}

impl From<cbor::Error> for Error {
    fn from(error: cbor::Error) -> Self {
        match error {
            cbor::Error::NotDeterministic => Self::NotDeterministic,
            cbor::Error::Bounds => Self::Bounds,
            cbor::Error::Malformed
            | cbor::Error::MissingField
            | cbor::Error::UnknownField
            | cbor::Error::Trailing => Self::Malformed,
        }
    }
}
