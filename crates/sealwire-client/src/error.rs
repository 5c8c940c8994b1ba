//! Why there is no answer.

use crate::transport::causes;
use http::StatusCode;
use sealwire_attest::{key_document::MEDIA_TYPE, verdict::Denial};
use sealwire_http::{
    BoxError, channel,
    client::{oblivious, session, tunnel},
};
use std::{error::Error as StdError, io, sync::Arc};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The policy said no. Nothing was sent.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The gateway was revoked, or the revocation list ended, while the request was on its way (AT-25). It was cut off;
    /// whether it was carried out is unknown.
    #[error("cut off on its way: {0}")]
    CutOff(Denial),
    /// The revocation list cannot be read, or is not taken. Nothing was sent.
    #[error("the revocation list at {at}: {source}")]
    RevocationList {
        /// where
        at: String,
        /// why not
        source: BoxError,
    },
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
    /// The document was accepted, but has no key for this wire (HH-61, EH-28). Nothing was sent.
    #[error("the gateway of {at} offers nothing on the wire {wire}: {why}")]
    NotOffered {
        /// the key document
        at: String,
        /// which
        wire: &'static str,
        /// why not
        why: &'static str,
    },
    /// The document was accepted, but no session could be made. Nothing was sent.
    #[error("no session at {at}: {source}")]
    NoSession {
        /// where
        at: String,
        /// why not
        source: Arc<session::Refused>,
    },
    /// This side was to attest itself, and has nothing to show (SE-11).
    #[error("this side cannot attest itself: {0}")]
    NotAttested(Arc<dyn StdError + Send + Sync>),
    /// The gateway forgot the key, or the connection failed, after the request was sent; whether it was carried out
    /// is unknown (SE-43).
    #[error(
        "the gateway's keys changed, or the connection failed, under way; whether the request was carried out is unknown"
    )]
    OutcomeUnknown,
    /// The gateway did not know the key, and its keys had been fetched less than 30 s before (SE-43).
    #[error("{source}; its keys were fetched less than 30 s ago")]
    TooSoon {
        /// what failed
        source: Box<Error>,
    },
    /// The wire failed.
    #[error(transparent)]
    Wire(#[from] oblivious::Error),
    /// There is no channel to the gateway, or it took nothing more; the request was not carried out, or does no harm when it
    /// is sent again (SE-43).
    #[error(transparent)]
    Channel(#[from] channel::Error),
    /// There is no tunnel of version 0, or no answer through it; [`tunnel::Error::is_unprocessed`] says whether the request may
    /// have been carried out.
    #[error(transparent)]
    RaTunnel(tunnel::Error),
    /// WebSockets and gRPC need a session. Nothing was sent.
    #[error("WebSockets and gRPC go over a channel, which a session alone has; the wire here is another")]
    NeedsSession,
    /// The request wants to become a WebSocket, but not as RFC 6455 says. Nothing was sent.
    #[error("{0} (RFC 6455)")]
    WebSocket(&'static str),
    /// The application answers in the place of a WebSocket.
    #[error("no WebSocket: the application answers with status {0}")]
    NoWebSocket(StatusCode),
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

/// What stands between a client and a gateway, where that can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Obstacle {
    /// Nobody listens there.
    Refused,
    /// Something answers, but with this status.
    Status(StatusCode),
    /// Something answers, but not with a key document.
    NotADocument,
    /// TLS is spoken on one side alone.
    TlsMismatch,
    /// TLS does not trust the certificate.
    UntrustedCertificate,
}

impl Obstacle {
    /// Whether it may go away while one waits.
    #[must_use]
    pub fn may_heal(self) -> bool {
        match self {
            Self::Refused => true,
            Self::Status(status) => {
                status.is_server_error()
                    || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
            }
            Self::NotADocument | Self::TlsMismatch | Self::UntrustedCertificate => false,
        }
    }

    fn of(cause: &(dyn StdError + 'static)) -> Option<Self> {
        if let Some(NotOk(status)) = cause.downcast_ref() {
            return Some(Self::Status(*status));
        }
        if cause.is::<NotADocument>() {
            return Some(Self::NotADocument);
        }
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            if error.kind() == io::ErrorKind::ConnectionRefused {
                return Some(Self::Refused);
            }
            // What an I/O error wraps is not among its causes.
            return error.get_ref().and_then(|inner| Self::of(inner));
        }
        if let Some(error) = cause.downcast_ref::<rustls::Error>() {
            return match error {
                rustls::Error::InvalidMessage(_) => Some(Self::TlsMismatch),
                rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
                    Some(Self::UntrustedCertificate)
                }
                // A certificate that signs itself: the name of this fault is in no public type.
                rustls::Error::InvalidCertificate(other)
                    if format!("{other:?}").contains("CaUsedAsEndEntity") =>
                {
                    Some(Self::UntrustedCertificate)
                }
                _ => None,
            };
        }
        // A TLS server answers plain HTTP with an alert, which is no HTTP.
        let error = cause.downcast_ref::<hyper::Error>()?;
        error.is_parse().then_some(Self::TlsMismatch)
    }
}

/// The answer has another status than 200.
#[derive(Debug, thiserror::Error)]
#[error("the answer has status {0}")]
pub(crate) struct NotOk(pub(crate) StatusCode);

/// The answer has another media type.
#[derive(Debug, thiserror::Error)]
#[error("the answer is not {MEDIA_TYPE}")]
pub(crate) struct NotADocument;

/// The pinned document cannot be renewed yet (SE-43).
#[derive(Debug, thiserror::Error)]
#[error("the pinned document has expired, and the last renewal was a moment ago")]
pub(crate) struct Expired;

impl Error {
    /// What the policy says is the same on every wire.
    pub(crate) fn from_tunnel(error: tunnel::Error) -> Self {
        match error {
            tunnel::Error::Denied(denial) => Self::Denied(denial),
            other => Self::RaTunnel(other),
        }
    }

    /// What stands in the way, where that can be told.
    #[must_use]
    pub fn obstacle(&self) -> Option<Obstacle> {
        if let Self::NoSession { source, .. } = self
            && let session::Refused::Status(status)
            | session::Refused::NoWebSocket(channel::Error::NotUpgraded(status)) = **source
        {
            return Some(Obstacle::Status(status));
        }
        causes(self).find_map(Obstacle::of)
    }

    /// Whether it may go away while one waits: the gateway is away, or not ready yet.
    #[must_use]
    pub fn may_heal(&self) -> bool {
        let is_away = match self {
            Self::Unreachable { .. } => true,
            Self::NoSession { source, .. } => {
                matches!(
                    **source,
                    session::Refused::Transport(_)
                        | session::Refused::Status(_)
                        | session::Refused::NoWebSocket(_)
                )
            }
            _ => false,
        };
        is_away && self.obstacle().is_none_or(Obstacle::may_heal)
    }

    /// Whether a renewal was left out because the last was less than 30 s ago (SE-43).
    #[must_use]
    pub fn is_too_soon(&self) -> bool {
        matches!(self, Self::TooSoon { .. }) || causes(self).any(|error| error.is::<Expired>())
    }

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
