//! What the relay says itself: a status and a line of text (OB-85).

use http::{HeaderValue, Response, StatusCode, header};
use sealwire_http::{Body, body};

pub(super) fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(body::full(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
