use crate::{UnixTime, x509::issue};

/// Why an attestation key is not certified. Each check has a variant of its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// AT-08: a message of the enrolment that does not parse
    #[error("malformed {what}: {why}")]
    Message {
        /// which
        what: &'static str,
        /// what is wrong
        why: String,
    },
    /// AT-62: no trust anchors
    #[error("there is no self-signed certificate among the EK roots, so nothing to trust")]
    NoRoots,
    /// AT-62: the chain of the EK certificate
    #[error("EK certificate: {0}")]
    EkChain(crate::Error),
    /// AT-62: the certificate is not for endorsement keys (TCG EK Credential Profile)
    #[error("EK certificate: it does not say that it is for an endorsement key (2.23.133.8.1)")]
    EkUsage,
    /// AT-62: the EK certificate is for another key than the one that was sent
    #[error("the EK certificate is of another key than the public area that came with it")]
    EkMismatch,
    /// AT-62: an EK of another template than the two that are accepted
    #[error(
        "the EK is not of the template L-1 (RSA 2048) or L-2 (ECC P-256) of the TCG EK Credential Profile"
    )]
    EkTemplate,
    /// AT-62: an attestation key that could sign what its TPM did not make, could leave it, or does not sign
    #[error("the attestation key {0}")]
    AkUnfit(&'static str),
    /// AT-62
    #[error("the public area of the attestation key: {0}")]
    Ak(crate::Error),

    /// AT-62: an answer to another challenge
    #[error("the answer belongs to another challenge")]
    OtherChallenge,
    /// AT-62: the request is not the one that was challenged
    #[error("the request is not the one that the challenge was made for")]
    OtherRequest,
    /// AT-62
    #[error("the challenge was good until {0} only")]
    Expired(UnixTime),
    /// AT-62: the TPM with this EK does not hold this attestation key
    #[error("the answer does not hold the secret that was sent")]
    WrongSecret,

    /// the CA's own key or certificate
    #[error("enrolment CA: {0}")]
    Ca(&'static str),
    /// AT-05: the CA's certificate
    #[error("the CA's certificate is not valid at {0}")]
    CaValidity(UnixTime),
    /// a certificate could not be built
    #[error("certificate: {0}")]
    Certificate(String),
    /// a primitive failed
    #[error(transparent)]
    Crypto(#[from] sealwire_crypto::Error),
}

impl From<der::Error> for Error {
    fn from(error: der::Error) -> Self {
        Self::Certificate(error.to_string())
    }
}

impl From<issue::Error> for Error {
    fn from(error: issue::Error) -> Self {
        match error {
            issue::Error::Encoding(error) => error.into(),
            issue::Error::Crypto(error) => error.into(),
        }
    }
}
