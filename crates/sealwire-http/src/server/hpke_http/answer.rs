//! What the wire answers in clear: one fixed text for each row of its table (A.8).

use crate::{Body, Clock, body, opened::Fault};
use http::{HeaderValue, Response, StatusCode, header};
use metrics::counter;
use sealwire_hpke_http::Error;

/// Why an exchange ends in clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// the path takes no query
    Query,
    /// it takes GET and POST
    Method,
    /// a field that counts is there twice, or some field is not ASCII
    Fields,
    /// not a sealed request
    MediaType,
    /// a sealed request is not coded
    Coding,
    /// malformed, not authentic, cut, or too long: all the same to who sent it
    Invalid,
    /// inside, the content is coded (HH-30)
    InnerCoding,
    /// it did not come in time
    Slow,
    /// HH-15
    Time,
    /// HH-16
    Replay,
    /// authentic, but for somebody else
    Authority,
    /// the source of credentials failed (HH-17)
    Credentials,
    /// the replay store failed or is full (HH-17)
    Store,
    /// this machine's own failure: clock, randomness, primitives
    Machine,
    /// what the application answered cannot be sealed
    Answer { embedded: bool },
    /// HH-62: more than one record holds
    TooLong { embedded: bool },
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::Query | Self::Fields | Self::Invalid | Self::InnerCoding => StatusCode::BAD_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Time | Self::Replay => StatusCode::CONFLICT,
            Self::MediaType | Self::Coding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Authority => StatusCode::MISDIRECTED_REQUEST,
            Self::Credentials | Self::Store | Self::Machine => StatusCode::SERVICE_UNAVAILABLE,
            Self::Answer { embedded: true } | Self::TooLong { embedded: true } => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::Answer { .. } | Self::TooLong { .. } => StatusCode::BAD_GATEWAY,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Query => "This path takes no query.\n",
            Self::Method => "This path takes GET for the key and POST for a sealed request.\n",
            Self::Fields => "The outer fields are ambiguous.\n",
            Self::MediaType => "Not the media type of a sealed request.\n",
            Self::Coding => "A sealed request has no content coding.\n",
            Self::Invalid => "The sealed request is not valid.\n",
            Self::InnerCoding => "The content inside the sealed request is coded.\n",
            Self::Slow => "The sealed request did not come in time.\n",
            Self::Time => {
                "The time of the sealed request is not accepted. The Date of this answer is this server's.\n"
            }
            Self::Replay => "This sealed request has been received before.\n",
            Self::Authority => "The sealed request is for an authority that is not served here.\n",
            Self::Credentials => "The credentials cannot be looked up at the moment.\n",
            Self::Store => "Repeats cannot be told at the moment.\n",
            Self::Machine => "This server cannot open sealed requests at the moment.\n",
            Self::Answer { .. } => "The application's answer cannot be sealed.\n",
            Self::TooLong { .. } => {
                "The application's answer is longer than this wire takes at once. The session and the oblivious wire \
                 stream: sealwire connect --wire session.\n"
            }
        }
    }

    /// Stable, for metrics.
    fn reason(self) -> &'static str {
        match self {
            Self::Query | Self::Method | Self::Fields | Self::MediaType | Self::Coding | Self::Slow => {
                "outside"
            }
            Self::Invalid => "key",
            Self::InnerCoding => "message",
            Self::Time => "date",
            Self::Replay => "replay",
            Self::Authority => "authority",
            Self::Credentials => "credentials",
            Self::Store => "register-full",
            Self::Machine => "cannot-seal",
            Self::Answer { .. } | Self::TooLong { .. } => "answer",
        }
    }

    pub(super) fn response(self, clock: &dyn Clock) -> Response<Body> {
        counter!("sealwire_refusals_total", "reason" => self.reason()).increment(1);
        let mut response = Response::new(body::full(self.text()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Self::Method => {
                headers.insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
            }
            // A client whose clock is wrong can mend it (HH-71).
            Self::Time => {
                if let Ok(now) = HeaderValue::try_from(httpdate::fmt_http_date(clock.now())) {
                    headers.insert(header::DATE, now);
                }
            }
            Self::Credentials | Self::Store | Self::Machine => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

/// What went wrong with a request. The detail is for the log alone.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        tracing::debug!(code = error.code(), "sealed request refused");
        match error {
            Error::InvalidRequestTime => Self::Time,
            Error::ReplayRejected => Self::Replay,
            error if error.is_bad_request() => Self::Invalid,
            _ => Self::Machine,
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::HpkeHttp(error) => error.into(),
            Fault::Idle => Self::Slow,
            fault => {
                tracing::debug!(%fault, "sealed request refused");
                Self::Invalid
            }
        }
    }
}
