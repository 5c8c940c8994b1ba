//! What the wire itself answers, outside (before a MAC under session keys has held) and inside.

use crate::{Body, body, problem};
use http::{HeaderValue, Response, StatusCode, header};
use metrics::counter;
use sealwire_session::{Error, Outside, media, request::REFUSED, server::Refused};

/// A message of the handshake.
pub(super) fn message(bytes: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(body::full(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media::HANDSHAKE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The hint: one answer, in the same bytes, for a session that is unknown, over or another instance's, and for a MAC
/// that does not verify (SE-43, SE-72).
#[must_use]
pub fn hint() -> Response<Body> {
    counter!("sealwire_refusals_total", "reason" => "session").increment(1);
    problem::response(
        StatusCode::CONFLICT,
        problem::SESSION,
        "The session is not known",
        "Begin another one.",
    )
}

/// A handshake that cannot go on. The operator's log has the detail.
pub(super) fn handshake(error: Error) -> Response<Body> {
    counter!("sealwire_refusals_total", "reason" => "handshake").increment(1);
    tracing::debug!(%error, "handshake refused");
    match error.outside() {
        Outside::Overload => overloaded(),
        Outside::Session => hint(),
        Outside::Malformed if error == Error::Authority => problem::response(
            StatusCode::MISDIRECTED_REQUEST,
            problem::BLANK,
            "This instance does not serve that authority",
            "",
        ),
        Outside::Malformed => problem::response(
            StatusCode::BAD_REQUEST,
            problem::BLANK,
            "Not a handshake that can be answered",
            "",
        ),
    }
}

/// No quote, or no place for another session.
pub(super) fn overloaded() -> Response<Body> {
    counter!("sealwire_refusals_total", "reason" => "overload").increment(1);
    let title = "Too many handshakes at this time";
    let mut response = problem::response(StatusCode::SERVICE_UNAVAILABLE, problem::BLANK, title, "");
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// The outside of the request is not what the wire takes, or it did not arrive.
pub(super) fn outside(status: StatusCode) -> Response<Body> {
    counter!("sealwire_refusals_total", "reason" => "outside").increment(1);
    let title = match status {
        StatusCode::METHOD_NOT_ALLOWED => "Sealed messages are sent with POST",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "Not the media type of a sealed message",
        StatusCode::EXPECTATION_FAILED => "Expectations cannot be met for a sealed message",
        StatusCode::PAYLOAD_TOO_LARGE => "The message is too long",
        StatusCode::REQUEST_TIMEOUT => "The message did not arrive in time",
        _ => "The message did not arrive whole",
    };
    let mut response = problem::response(status, problem::BLANK, title, "");
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

/// At the channel's place, what asks for none that can be given (SE-37).
#[must_use]
pub fn no_channel(status: StatusCode) -> Response<Body> {
    counter!("sealwire_refusals_total", "reason" => "outside").increment(1);
    let (title, detail) = match status {
        StatusCode::METHOD_NOT_ALLOWED => ("A channel is opened with GET, or with CONNECT on HTTP/2", ""),
        StatusCode::UPGRADE_REQUIRED => (
            "A channel is a WebSocket of version 13",
            "The request asks for none. A proxy in front has to pass `Upgrade` and `Connection` on.",
        ),
        _ => ("Not the WebSocket of a channel", "Its subprotocol is sealwire.v1."),
    };
    let mut response = problem::response(status, problem::BLANK, title, detail);
    let headers = response.headers_mut();
    match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, CONNECT"));
        }
        StatusCode::UPGRADE_REQUIRED => {
            // RFC 9110 section 15.5.22, RFC 6455 section 4.4.
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        _ => {}
    }
    response
}

/// No place for another channel.
#[must_use]
pub fn full() -> Response<Body> {
    counter!("sealwire_refusals_total", "reason" => "channels").increment(1);
    let title = "Too many channels at this time";
    let mut response = problem::response(StatusCode::SERVICE_UNAVAILABLE, problem::BLANK, title, "");
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// The table of wires and the stack disagree: a request of no wire came here.
pub(super) fn not_this_wire() -> Response<Body> {
    problem::response(StatusCode::NOT_FOUND, problem::BLANK, "Not a sealed request", "")
}

/// Inside: the MAC held, and the request is refused. Nothing was acted upon.
pub(super) fn refused(refused: &Refused) -> Response<Body> {
    counter!("sealwire_refusals_total", "reason" => "session-request").increment(1);
    let (reason, title) = (refused.reason(), "The request is not accepted");
    // Of a replay the first may have been acted upon, so nothing is promised.
    let status = if refused.is_not_accepted() { StatusCode::FORBIDDEN } else { StatusCode::CONFLICT };
    let mut response = problem::response(status, problem::BLANK, title, &reason.to_string());
    let word = if refused.is_not_accepted() { "not-accepted" } else { "repeated" };
    response.headers_mut().insert(REFUSED, HeaderValue::from_static(word));
    response
}

/// Inside: the request names another authority than its session (SE-36).
pub(super) fn misdirected() -> Response<Body> {
    let title = "The session was made for another authority";
    problem::response(StatusCode::MISDIRECTED_REQUEST, problem::BLANK, title, "")
}

/// Inside: what showed outside is not what is sealed, though the caller listed it (SE-31).
pub(super) fn not_as_shown() -> Response<Body> {
    counter!("sealwire_refusals_total", "reason" => "session-request").increment(1);
    let title = "The outer request is not the one that was sealed";
    problem::response(StatusCode::BAD_REQUEST, problem::BLANK, title, "")
}

/// Inside: early data, of TLS or of the session, where the route takes none (OB-63, SE-42).
pub(super) fn too_early() -> Response<Body> {
    problem::response(StatusCode::TOO_EARLY, problem::BLANK, "Too early", "This route takes no early data.")
}
