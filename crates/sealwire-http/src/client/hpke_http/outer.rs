//! The outer exchange: what the network sees.

use super::{Error, Target};
use crate::{Body, wire::single};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use sealwire_hpke_http::media;

/// The outer request, with nothing that identifies but the ids inside (HH-05).
pub(super) fn request(target: &Target, sealed: Body) -> Request<Body> {
    let mut request = Request::new(sealed);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target.endpoint.clone();
    let fields = [
        (header::CONTENT_TYPE, media::REQUEST),
        (header::ACCEPT, media::RESPONSE),
        (header::ACCEPT_ENCODING, "identity"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    request.headers_mut().extend(fields.map(|(name, value)| (name, HeaderValue::from_static(value))));
    request
}

/// The sealed body of an outer answer, if it is one (HH-06, HH-38).
pub(super) fn sealed(answer: Response<Body>) -> Result<Body, Error> {
    let (head, body) = answer.into_parts();
    if head.status != StatusCode::OK {
        return Err(match head.status {
            // The statuses of the wire.
            StatusCode::BAD_REQUEST
            | StatusCode::CONFLICT
            | StatusCode::MISDIRECTED_REQUEST
            | StatusCode::SERVICE_UNAVAILABLE => Error::Refused(head.status),
            other => Error::NotEncapsulated(other),
        });
    }
    let found = single(&head.headers, &header::CONTENT_TYPE).unwrap_or_default();
    let media_type = found.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case(media::RESPONSE) {
        return Err(Error::MediaType);
    }
    let codings = head.headers.get_all(header::CONTENT_ENCODING).iter().count();
    if codings > 1 || !is_identity(&head.headers) { Err(Error::OuterCoding) } else { Ok(body) }
}

/// Whether content has no coding (HH-30).
pub(super) fn is_identity(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    codings.all(|coding| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}
