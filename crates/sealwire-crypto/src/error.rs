use thiserror::Error as ThisError;

/// What went wrong in a primitive. Deliberately coarse: detail would be an oracle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system")]
    Random,
    /// Key bytes of the wrong length or form.
    #[error("not a key of this algorithm")]
    Key,
    /// Encapsulation or decapsulation failed (OB-04: low order, off curve, modulus check, wrong length).
    #[error("key encapsulation failed")]
    Kem,
    /// A tag did not verify.
    #[error("authentication failed")]
    Open,
    /// A signature did not verify.
    #[error("signature does not verify")]
    Signature,
    /// The sequence number of a context is used up, or an output is longer than the KDF gives.
    #[error("limit of the algorithm reached")]
    Limit,
    /// A pre-shared key without an identity, or the reverse, or one below 32 bytes (RFC 9180 section 9.5).
    #[error("pre-shared key refused")]
    Psk,
}
