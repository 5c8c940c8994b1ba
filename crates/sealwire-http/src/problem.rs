//! Problem documents (RFC 9457).

use crate::{Body, body};
use http::{HeaderValue, Response, StatusCode, header};
use std::fmt::Write;

/// A key is unknown, retired, or does not open the message (RFC 9458 section 5.3, OB-42).
pub const OHTTP_KEY: &str = "https://iana.org/assignments/http-problem-types#ohttp-key";
/// The Date of a request is outside of the window (RFC 9458 section 6.5.2, OB-43).
pub const DATE: &str = "https://iana.org/assignments/http-problem-types#date";
/// A session is unknown, over, or another instance's, or a MAC does not verify: the same for each (SE-43).
pub const SESSION: &str = "tag:sealwire,2026:session";
/// The route takes callers that have attested themselves, and this one has not (SE-11).
pub const ATTESTED_CALLER: &str = "tag:sealwire,2026:attested-caller";
/// This caller may not do this to a secret of this name, or nothing is said of such a name (SE-20).
pub const SECRET_REFUSED: &str = "tag:sealwire,2026:secret-refused";
/// The name may be read, and this instance has no secret of it (SE-20).
pub const SECRET_NOT_PROVISIONED: &str = "tag:sealwire,2026:secret-not-provisioned";
/// Another version of the secret is there than the request names (SE-20).
pub const SECRET_VERSION: &str = "tag:sealwire,2026:secret-version";
/// The access could not be audited, and was not carried out (SE-20).
pub const SECRET_AUDIT: &str = "tag:sealwire,2026:secret-audit";
/// The status says it all (RFC 9457 section 4.2.1).
pub const BLANK: &str = "about:blank";
/// Media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A response whose content is a problem document.
#[must_use]
pub fn response(status: StatusCode, kind: &str, title: &str, detail: &str) -> Response<Body> {
    let mut response = Response::new(body::full(document(status, kind, title, detail)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The document itself.
#[must_use]
pub fn document(status: StatusCode, kind: &str, title: &str, detail: &str) -> String {
    let mut out = String::with_capacity(96 + kind.len() + title.len() + detail.len());
    out.push_str("{\"type\":");
    quoted(&mut out, kind);
    out.push_str(",\"title\":");
    quoted(&mut out, title);
    // Writing to a String cannot fail.
    let _ = write!(out, ",\"status\":{}", status.as_u16());
    if !detail.is_empty() {
        out.push_str(",\"detail\":");
        quoted(&mut out, detail);
    }
    out.push_str("}\n");
    out
}

/// A JSON string (RFC 8259 section 7).
fn quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let text = document(StatusCode::BAD_REQUEST, BLANK, "a \"b\"\\", "line\nend");
        assert_eq!(
            text,
            "{\"type\":\"about:blank\",\"title\":\"a \\\"b\\\"\\\\\",\"status\":400,\"detail\":\"line\\u000aend\"}\n"
        );
    }
}
