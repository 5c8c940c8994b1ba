//! What the wire itself answers: in clear, before a frame has opened, and sealed, after.

use super::{Settings, admit::Refusal};
use crate::{Body, body, problem, records::SealedRecords, server::exchange};
use bytes::BytesMut;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use metrics::counter;
use sealwire_ehbp::{KEY_CONFIG_PROBLEM, KEYS_PATH, field::RESPONSE_NONCE, server::Reply};
use sealwire_message::bhttp;

const NONCE: HeaderName = HeaderName::from_static(RESPONSE_NONCE);

fn outside(status: StatusCode, title: &str, detail: &str) -> Response<Body> {
    counter!("sealwire_refusals_total", "reason" => "outside").increment(1);
    problem::response(status, problem::BLANK, title, detail)
}

/// Whatever was wrong with the field or the framing: one text (EH-07, EH-34).
pub(super) fn unreadable() -> Response<Body> {
    outside(StatusCode::BAD_REQUEST, "The sealed request cannot be read", "")
}

/// The first frame does not open (EH-07).
pub(super) fn key() -> Response<Body> {
    counter!("sealwire_refusals_total", "reason" => "key").increment(1);
    problem::response(
        StatusCode::UNPROCESSABLE_ENTITY,
        KEY_CONFIG_PROBLEM,
        "The request cannot be opened with a live key",
        "Fetch the key document again, and verify it.",
    )
}

/// The first frame did not come in time.
pub(super) fn late() -> Response<Body> {
    outside(StatusCode::REQUEST_TIMEOUT, "The sealed request did not arrive in time", "")
}

/// Neither the request nor the answer has content that could be sealed.
pub(super) fn no_content() -> Response<Body> {
    let title = "A request of this method has no content that could be sealed";
    let mut response = outside(StatusCode::METHOD_NOT_ALLOWED, title, "");
    let allow = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS");
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

/// HTTP/1.0 has no end of a message but that of its connection.
pub(super) fn old_version() -> Response<Body> {
    let detail = "For nginx that is proxy_http_version 1.1.";
    outside(StatusCode::HTTP_VERSION_NOT_SUPPORTED, "Sealed requests need HTTP/1.1 or HTTP/2", detail)
}

/// A request in clear to a route of this wire (EH-23, EH-24).
#[must_use]
pub fn plaintext_refused() -> Response<Body> {
    counter!("sealwire_refusals_total", "reason" => "unsealed").increment(1);
    let detail = "Its content has to be sealed with EHBP: POST it in frames, with Ehbp-Encapsulated-Key, to the key of \
                  purpose `ehbp` in the key document at /.well-known/sealwire, of which /.well-known/hpke-keys has a \
                  copy. A request without content cannot be sealed so; sessions and the oblivious wire seal any.";
    debug_assert!(detail.contains(KEYS_PATH));
    let title = "This service takes sealed requests only";
    let mut response = problem::response(StatusCode::UPGRADE_REQUIRED, problem::BLANK, title, detail);
    let headers = response.headers_mut();
    // RFC 9110 section 15.5.22.
    headers.insert(header::UPGRADE, HeaderValue::from_static("EHBP"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::LINK, HeaderValue::from_static("</.well-known/sealwire>; rel=\"describedby\""));
    response
}

/// Inside: not admitted.
pub(super) fn refusal(refusal: Refusal) -> Response<Body> {
    counter!("sealwire_refusals_total", "reason" => refusal.name()).increment(1);
    let (title, detail) = match refusal {
        Refusal::Path => (
            "Sealed content is not taken here",
            "This wire does not bind content to a path, so a route lists the paths that it may go to.",
        ),
        Refusal::EarlyData => ("Too early", "This route takes no early data."),
        Refusal::Upgrade => ("This wire carries no upgrade", ""),
        Refusal::Replay => ("This request has been received before", ""),
        Refusal::RegisterFull => ("Too many requests at this time", "The replay register is full."),
    };
    let mut response = problem::response(refusal.status(), problem::BLANK, title, detail);
    if refusal == Refusal::RegisterFull {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
    }
    response
}

/// Seals the content of an answer, whatever it says (EH-07). Its status and fields stay in clear, and its trailers are
/// left out: nothing would vouch for them.
pub(super) fn seal(settings: &Settings, reply: Reply, response: Response<Body>) -> Response<Body> {
    let Ok((nonce, sealer)) = reply.begin(settings.random.as_ref()) else { return exchange::cannot_seal() };
    let Ok(nonce) = HeaderValue::try_from(nonce.to_field()) else { return exchange::cannot_seal() };
    let (mut parts, content) = response.into_parts();
    let headers = &mut parts.headers;
    bhttp::remove_connection_fields(headers);
    // Of the content, where the body is longer (EH-04).
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::TRAILER);
    headers.insert(NONCE, nonce);
    // Only the caller of this very request can read it.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(crate::INCREMENTAL, HeaderValue::from_static("?1"));
    // What is empty has a frame too, but where HTTP has no place for one: without it anybody could make the answer.
    let sealed = match parts.status {
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED => body::empty(),
        _ => body::boxed(SealedRecords::new(sealer, BytesMut::new(), content).0),
    };
    Response::from_parts(parts, sealed)
}
