//! The outer exchange: what the network sees.

use super::{Error, Shared};
use crate::{Body, INCREMENTAL, problem};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};

/// Bytes of an unsealed answer that are looked at.
const PROBLEM_LIMIT: usize = 4096;

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
    if may_be_key_problem && found.eq_ignore_ascii_case(problem::MEDIA_TYPE) {
        let text = Limited::new(body, PROBLEM_LIMIT).collect().await.map(|text| text.to_bytes());
        let names_the_key = |text: &[u8]| {
            text.windows(problem::OHTTP_KEY.len()).any(|window| window == problem::OHTTP_KEY.as_bytes())
        };
        if text.is_ok_and(|text| names_the_key(&text)) {
            return Err(Error::StaleKey(parts.status));
        }
    }
    Err(Error::NotEncapsulated(parts.status))
}
