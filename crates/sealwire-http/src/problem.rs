//! Problem documents (RFC 9457).

use crate::{Body, body};
use http::{HeaderValue, Response, StatusCode, header};

/// A key is unknown, retired, or does not open the message (RFC 9458 section 5.3, OB-42).
pub const OHTTP_KEY: &str = "https://iana.org/assignments/http-problem-types#ohttp-key";
/// The Date of a request is outside of the window (RFC 9458 section 6.5.2, OB-43).
pub const DATE: &str = "https://iana.org/assignments/http-problem-types#date";
/// Media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A response whose content is a problem document. `kind` is a problem type or `about:blank`; both texts are
/// the project's own and need no escaping beyond quotes and backslashes.
#[must_use]
pub fn response(_status: StatusCode, _kind: &str, _title: &str, _detail: &str) -> Response<Body> {
    todo!()
}
