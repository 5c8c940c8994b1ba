//! What the wire itself answers inside, after a request has opened; and when nothing can be sealed.

use crate::{Body, opened::Fault, problem};
use http::{Response, StatusCode};
use metrics::counter;
use sealwire_message::bhttp;

/// No randomness for a nonce: nothing can be sealed.
pub(crate) fn cannot_seal() -> Response<Body> {
    counter!("sealwire_refusals_total", "reason" => "cannot-seal").increment(1);
    problem::response(StatusCode::INTERNAL_SERVER_ERROR, problem::BLANK, "The answer cannot be sealed", "")
}

/// Inside: the message has opened, but is malformed, cut or too long (OB-41, OB-114).
pub(crate) fn fault(fault: Fault) -> Response<Body> {
    counter!("sealwire_refusals_total", "reason" => "message").increment(1);
    tracing::debug!(%fault, "sealed request refused");
    let status = match fault {
        _ if fault.is_too_long() => StatusCode::PAYLOAD_TOO_LARGE,
        Fault::Message(bhttp::Error::Expect) => StatusCode::EXPECTATION_FAILED,
        Fault::Message(
            bhttp::Error::ControlDataTooLong
            | bhttp::Error::SectionTooLong
            | bhttp::Error::TooManyFields
            | bhttp::Error::NameTooLong
            | bhttp::Error::ValueTooLong,
        ) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Fault::Idle => StatusCode::REQUEST_TIMEOUT,
        _ => StatusCode::BAD_REQUEST,
    };
    // The peer holds the message: telling what is wrong with it tells nothing that it does not know.
    problem::response(status, problem::BLANK, "The sealed request is malformed", &fault.to_string())
}

/// Inside: the head does not make an ordinary request (OB-128).
pub(crate) fn not_a_request() -> Response<Body> {
    problem::response(StatusCode::BAD_REQUEST, problem::BLANK, "The sealed request is malformed", "")
}
