//! The outside of an exchange (HH-04 to HH-07).

use super::answer::Refusal;
use crate::{Body, body};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, header, request::Parts};
use sealwire_hpke_http::media;

/// Whether the outside is one that the wire takes.
pub(super) fn check(outer: &Parts) -> Result<(), Refusal> {
    if outer.uri.query().is_some() {
        return Err(Refusal::Query);
    }
    if outer.method == Method::GET {
        return Ok(());
    }
    if outer.method != Method::POST {
        return Err(Refusal::Method);
    }
    let headers = &outer.headers;
    if !headers.values().all(|value| value.as_bytes().is_ascii()) {
        return Err(Refusal::Fields);
    }
    let media_type = only(headers, &header::CONTENT_TYPE)?.unwrap_or_default();
    let coding = only(headers, &header::CONTENT_ENCODING)?.unwrap_or("identity");
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case(media::REQUEST) {
        return Err(Refusal::MediaType);
    }
    if !coding.eq_ignore_ascii_case("identity") {
        return Err(Refusal::Coding);
    }
    Ok(())
}

/// The value of a field that is there once or not at all.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refusal> {
    let mut lines = headers.get_all(name).iter();
    let Some(value) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(Refusal::Fields);
    }
    value.to_str().map(|value| Some(value.trim())).map_err(|_| Refusal::Fields)
}

/// The answer to GET. Its length is known, so the field that says it is there (HH-07).
pub(super) fn key_record(record: Bytes) -> Response<Body> {
    let mut response = Response::new(body::full(record));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media::KEY_RECORD));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
