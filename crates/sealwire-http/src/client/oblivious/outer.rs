//! The outer exchange: what the network sees.

use super::{Error, Shared};
use crate::{Body, INCREMENTAL, client::exchange, problem};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};

/// The outer request: one Content-Type, and nothing that identifies (OB-40).
pub(super) fn request(
    shared: &Shared,
    media_type: &'static str,
    incremental: bool,
    body: Body,
) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = shared.target.resource.clone();
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    if incremental {
        headers.insert(INCREMENTAL, HeaderValue::from_static("?1"));
    }
    request
}

/// The sealed body of an outer answer, if it is one (OB-115 to OB-117).
pub(super) async fn sealed(response: Response<Body>, media_type: &str) -> Result<Body, Error> {
    let (parts, body) = response.into_parts();
    let found = crate::wire::single(&parts.headers, &header::CONTENT_TYPE).unwrap_or_default();
    if parts.status == StatusCode::OK {
        return match found.eq_ignore_ascii_case(media_type) {
            true => Ok(body),
            false => Err(Error::MediaType),
        };
    }
    let may_be_key_problem =
        matches!(parts.status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY);
    if may_be_key_problem && exchange::is_problem(&parts.headers, body, problem::OHTTP_KEY).await {
        return Err(Error::StaleKey(parts.status));
    }
    Err(Error::NotEncapsulated(parts.status))
}
