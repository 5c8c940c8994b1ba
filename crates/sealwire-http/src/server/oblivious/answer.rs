//! What the wire itself answers: outside, before a request has opened, and inside, after.

use super::{Settings, admit::Refusal};
use crate::{Body, problem};
use http::{HeaderValue, Response, StatusCode, header};
use metrics::counter;

/// Nothing has opened: one text for whatever was wrong (OB-42, OB-164).
#[must_use]
pub fn key() -> Response<Body> {
    counter!("sealwire_refusals_total", "reason" => "key").increment(1);
    problem::response(
        StatusCode::BAD_REQUEST,
        problem::OHTTP_KEY,
        "The request cannot be opened with a live key",
        "Fetch the key document again, and verify it.",
    )
}

/// Nothing has opened. Lengths show outside, so that they are wrong may be said (OB-100); what else was wrong may not.
pub(super) fn unopened(error: sealwire_oblivious::Error) -> Response<Body> {
    match error {
        sealwire_oblivious::Error::TooShort => outside(StatusCode::BAD_REQUEST),
        sealwire_oblivious::Error::RequestTooLong => outside(StatusCode::PAYLOAD_TOO_LARGE),
        _ => key(),
    }
}

/// The outside of the request is not what the wire takes (OB-107), or it did not arrive.
pub(super) fn outside(status: StatusCode) -> Response<Body> {
    counter!("sealwire_refusals_total", "reason" => "outside").increment(1);
    let title = match status {
        StatusCode::METHOD_NOT_ALLOWED => "Sealed requests are sent with POST",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "Not the media type of a sealed request",
        StatusCode::EXPECTATION_FAILED => "Expectations cannot be met for a sealed request",
        StatusCode::PAYLOAD_TOO_LARGE => "The sealed request is too long",
        StatusCode::REQUEST_TIMEOUT => "The sealed request did not arrive in time",
        _ => "The sealed request did not arrive whole",
    };
    let mut response = problem::response(status, problem::BLANK, title, "");
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
    }
    response
}

/// The table of wires and the stack disagree: a request of no wire came here.
pub(super) fn not_this_wire() -> Response<Body> {
    problem::response(StatusCode::NOT_FOUND, problem::BLANK, "Not a sealed request", "")
}

/// Inside: not admitted.
pub(super) fn refusal(refusal: Refusal, settings: &Settings) -> Response<Body> {
    counter!("sealwire_refusals_total", "reason" => refusal.name()).increment(1);
    let (kind, title, detail) = match refusal {
        Refusal::EarlyData => (problem::BLANK, "Too early", "This route takes no early data."),
        Refusal::Date => {
            (problem::DATE, "The Date field is missing or too far from the time of the answer's", "")
        }
        Refusal::Replay => (problem::BLANK, "This request has been received before", ""),
        Refusal::RegisterFull => {
            (problem::BLANK, "Too many requests at this time", "The replay register is full.")
        }
        Refusal::Upgrade => (problem::BLANK, "This wire carries no upgrade", ""),
    };
    let mut response = problem::response(refusal.status(), kind, title, detail);
    let headers = response.headers_mut();
    match refusal {
        Refusal::Date => {
            let now = httpdate::fmt_http_date(settings.clock.now());
            if let Ok(now) = HeaderValue::try_from(now) {
                headers.insert(header::DATE, now);
            }
        }
        Refusal::RegisterFull => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
        }
        _ => {}
    }
    response
}
