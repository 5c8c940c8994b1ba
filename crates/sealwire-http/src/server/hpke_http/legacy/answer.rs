//! What the wire answers in clear: JSON, as its clients read it.

use crate::{Body, body, opened::Fault};
use http::{HeaderValue, Response, StatusCode, header};
use metrics::counter;
use sealwire_hpke_http::legacy::{Error, name};

/// Why a request ends in clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// not sealed, or by a method that can prove nothing (HH-91, HH-92)
    Unsealed,
    /// the route takes it no more
    Ended,
    /// what is wrong with the message
    Message(Error),
    /// a JSON body that is not whole (HH-97)
    Incomplete,
    /// it did not come in time
    Slow,
    /// the key document is read
    Method,
    /// this wire carries no upgrade
    Upgrade,
    /// the outer request says in no way, or in two, whom it is for
    Authority,
    /// the source of credentials failed (HH-17)
    Credentials,
    /// the register failed or is full: then nothing is answered (HH-98)
    Store,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::Unsealed | Self::Ended => StatusCode::UPGRADE_REQUIRED,
            Self::Message(error) => StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST),
            Self::Incomplete | Self::Upgrade | Self::Authority => StatusCode::BAD_REQUEST,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Credentials | Self::Store => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Unsealed => "This path takes sealed bodies only",
            Self::Ended => "This service takes hpke-http/3 only: update the package hpke-http to 4.0.1",
            Self::Message(error) => match error.status() {
                401 => "Nothing proves who sends this request",
                409 => "This request has been received before",
                413 => "The request is too long",
                415 => "This coding is not taken",
                426 => "This path takes sealed bodies only",
                503 => "This server cannot open sealed requests at the moment",
                _ => "The sealed request is not valid",
            },
            Self::Incomplete => "The body is not whole",
            Self::Slow => "The request did not come in time",
            Self::Method => "The key document is read with GET",
            Self::Upgrade => "This wire carries no upgrade",
            Self::Authority => "The request does not say, in one way, whom it is for",
            Self::Credentials => "The credentials cannot be looked up at the moment",
            Self::Store => "Repeats cannot be told at the moment",
        }
    }

    /// Stable, for metrics.
    fn reason(self) -> &'static str {
        match self {
            Self::Unsealed | Self::Ended | Self::Message(Error::Unsealed) => "unsealed",
            Self::Message(Error::Replay) => "replay",
            Self::Message(Error::UnknownPsk | Error::Credential | Error::Unproven | Error::Open) => "key",
            Self::Message(_) | Self::Incomplete => "message",
            Self::Slow => "outside",
            Self::Method => "method",
            Self::Upgrade => "upgrade",
            Self::Authority => "authority",
            Self::Credentials => "credentials",
            Self::Store => "register-full",
        }
    }

    pub(super) fn response(self) -> Response<Body> {
        counter!("sealwire_refusals_total", "reason" => self.reason()).increment(1);
        tracing::debug!(refusal = ?self, "a request of hpke-http 1.x is refused");
        // No text here has a character that JSON would escape.
        let mut response = Response::new(body::full(format!("{{\"error\":\"{}\"}}\n", self.text())));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(name::ERROR, HeaderValue::from_static("true"));
        match self.status() {
            // RFC 9110 sections 15.5.6, 15.5.16 and 15.5.22 each ask for a field.
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            }
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity, gzip, zstd"));
            }
            StatusCode::UPGRADE_REQUIRED => {
                headers.insert(header::UPGRADE, HeaderValue::from_static("hpke-http/3"));
            }
            _ => {}
        }
        response
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Message(error)
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::HpkeHttp1(error) => Self::Message(error),
            Fault::Incomplete => Self::Incomplete,
            Fault::Idle => Self::Slow,
            Fault::TooLong => Self::Message(Error::TooLong),
            _ => Self::Message(Error::Truncated),
        }
    }
}
