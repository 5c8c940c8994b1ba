//! Why there is no answer.

use crate::transport::causes;
use sealwire_attest::verdict::Denial;
use sealwire_http::{BoxError, client::oblivious};
use std::io;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The policy said no. Nothing was sent.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The gateway could not be reached, or its key document not read. Nothing was sent.
    #[error("{what} of {at}: {source}")]
    Unreachable {
        /// what was tried
        what: &'static str,
        /// where
        at: String,
        /// why not
        source: BoxError,
    },
    /// The document was accepted, but holds no key that may be used here (OB-05, OB-06). Nothing was sent.
    #[error("the key document of {at}: {source}")]
    NoKey {
        /// where
        at: String,
        /// why not
        source: sealwire_http::oblivious::Error,
    },
    /// The gateway forgot the key, or the connection failed, after the request was sent; whether it was carried out
    /// is unknown (SE-43).
    #[error(
        "the gateway's keys changed, or the connection failed, under way; whether the request was carried out is unknown"
    )]
    OutcomeUnknown,
    /// The wire failed.
    #[error(transparent)]
    Wire(#[from] oblivious::Error),
    /// The request's own body failed; it was cut off, never completed.
    #[error("the request's body failed before its end")]
    RequestBody,
    /// The request names another authority than the one that was attested. Nothing was sent.
    #[error("the request is for {found}; this channel leads to {expected}")]
    Misdirected {
        /// what was attested
        expected: String,
        /// what the request names
        found: String,
    },
    /// The request is not one. Nothing was sent.
    #[error(transparent)]
    Request(#[from] http::Error),
    /// The settings cannot be used.
    #[error("{0}")]
    Settings(&'static str),
    /// TLS cannot be set up.
    #[error("TLS: {0}")]
    Tls(BoxError),
}

impl Error {
    /// Whether time ran out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        causes(self).any(|error| {
            error.is::<tower::timeout::error::Elapsed>()
                || error.is::<tokio::time::error::Elapsed>()
                || error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_timeout)
                || error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::TimedOut)
        })
    }
}
