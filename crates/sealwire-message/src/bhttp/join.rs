//! Field lines that HTTP/1.1 wants joined.

use http::{HeaderMap, HeaderValue, header::COOKIE};

/// Joins the `cookie` lines with `"; "` (OB-34, RFC 9113 section 8.2.3), as HTTP/1.1 takes one only.
///
/// Every other field may stay on lines of its own; `set-cookie` must.
pub fn join_cookies(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(COOKIE).iter();
    let (Some(first), Some(second)) = (lines.next(), lines.next()) else { return };
    let mut joined = first.as_bytes().to_vec();
    for line in [second].into_iter().chain(lines) {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(line.as_bytes());
    }
    // Valid values joined by valid bytes are a valid value.
    if let Ok(mut value) = HeaderValue::try_from(joined) {
        value.set_sensitive(first.is_sensitive());
        headers.insert(COOKIE, value);
    }
}
