//! What is answered about secrets, each counted by what it is.

use super::store::Secret;
use crate::metrics;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use sealwire_http::{Body, body, problem};
use std::sync::Arc;

/// A secret is handed out.
pub(super) fn delivered(secret: Arc<Secret>) -> Response<Body> {
    metrics::secret("delivered");
    let version = secret.version;
    let mut response = plain(StatusCode::OK, Some(version));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    // Without a copy: what is wiped when it is forgotten is all that there is here.
    *response.body_mut() = body::full(Bytes::from_owner(Owned(secret)));
    response
}

struct Owned(Arc<Secret>);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

/// A secret was written; `status` says whether there was one before.
pub(super) fn written(status: StatusCode, version: u64) -> Response<Body> {
    metrics::secret("written");
    plain(status, Some(version))
}

pub(super) fn deleted() -> Response<Body> {
    metrics::secret("deleted");
    plain(StatusCode::NO_CONTENT, None)
}

pub(super) fn listed(json: String) -> Response<Body> {
    metrics::secret("listed");
    let mut response = plain(StatusCode::OK, None);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *response.body_mut() = body::full(json);
    response
}

/// The same for every name and every reason (SE-20 (b)).
pub(super) fn refused() -> Response<Body> {
    metrics::secret("refused");
    let detail = "What failed is in the log of whoever runs the gateway.";
    problem::response(
        StatusCode::FORBIDDEN,
        problem::SECRET_REFUSED,
        "This caller may not do this to a secret of this name",
        detail,
    )
}

/// A request that is refused before it is anybody's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoRequest {
    /// nobody who may ask at all
    Unattested,
    /// what is wrong with it
    Malformed(&'static str),
    /// more than a secret may have
    TooLong,
    TooSlow,
    /// the methods that are taken
    Method(&'static str),
}

impl NoRequest {
    pub(super) fn response(self) -> Response<Body> {
        match self {
            Self::Unattested => unattested(),
            Self::Malformed(title) => malformed(StatusCode::BAD_REQUEST, title),
            Self::TooLong => malformed(StatusCode::PAYLOAD_TOO_LARGE, "A secret has at most 65536 bytes"),
            Self::TooSlow => malformed(StatusCode::REQUEST_TIMEOUT, "The secret did not arrive in time"),
            Self::Method(allow) => {
                let title = "The method is not taken here";
                let mut response = malformed(StatusCode::METHOD_NOT_ALLOWED, title);
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
                response
            }
        }
    }
}

fn unattested() -> Response<Body> {
    metrics::secret("unattested");
    problem::response(
        StatusCode::FORBIDDEN,
        problem::ATTESTED_CALLER,
        "Secrets are for attested callers only",
        "Come by a session in which the caller attests itself: sealwire secrets … --attest auto.",
    )
}

pub(super) fn not_provisioned() -> Response<Body> {
    metrics::secret("absent");
    problem::response(
        StatusCode::NOT_FOUND,
        problem::SECRET_NOT_PROVISIONED,
        "There is no secret of this name",
        "Secrets live in the memory of one instance: after a restart they have to be put again.",
    )
}

/// Another version is there than the request expects, or none.
pub(super) fn other_version(there: Option<u64>) -> Response<Body> {
    metrics::secret("version");
    let title = match there {
        Some(_) => "Another version of the secret is there",
        None => "There is no secret of this name",
    };
    let mut response = problem::response(StatusCode::PRECONDITION_FAILED, problem::SECRET_VERSION, title, "");
    if let Some(version) = there {
        response.headers_mut().insert(header::ETAG, etag(version));
    }
    response
}

pub(super) fn unconditional() -> Response<Body> {
    metrics::secret("malformed");
    problem::response(
        StatusCode::PRECONDITION_REQUIRED,
        problem::BLANK,
        "The request does not say what is there before",
        "If-None-Match: * for a new secret, If-Match with the version for one that is there; one of them, once.",
    )
}

fn malformed(status: StatusCode, title: &str) -> Response<Body> {
    metrics::secret("malformed");
    problem::response(status, problem::BLANK, title, "")
}

pub(super) fn full() -> Response<Body> {
    metrics::secret("full");
    let title = "There is no room for another secret";
    problem::response(StatusCode::INSUFFICIENT_STORAGE, problem::BLANK, title, "")
}

/// Nothing was done: what is not written down does not happen.
pub(super) fn unaudited() -> Response<Body> {
    metrics::secret("audit");
    problem::response(
        StatusCode::SERVICE_UNAVAILABLE,
        problem::SECRET_AUDIT,
        "The access cannot be written down, so it is not carried out",
        "",
    )
}

/// The session is of a configuration that has been replaced just now.
pub(super) fn retired() -> Response<Body> {
    metrics::secret("retired");
    let title = "The configuration has been replaced";
    problem::response(StatusCode::SERVICE_UNAVAILABLE, problem::BLANK, title, "Begin another session.")
}

fn plain(status: StatusCode, version: Option<u64>) -> Response<Body> {
    let mut response = Response::new(body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(version) = version {
        headers.insert(header::ETAG, etag(version));
    }
    response
}

fn etag(version: u64) -> HeaderValue {
    // Digits in quotation marks are always a value.
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}
