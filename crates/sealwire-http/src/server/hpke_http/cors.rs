//! Which origins of browsers may use the wire (Fetch, CORS protocol).

use crate::{Body, body};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header, request::Parts};

/// Origins, as browsers name them: `https://app.example`. None unless said.
///
/// Credentials of the browser are never asked for: what a request proves is sealed in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cors(Vec<HeaderValue>);

impl Cors {
    /// These origins.
    #[must_use]
    pub fn new(origins: Vec<HeaderValue>) -> Self {
        Self(origins)
    }

    fn origin<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        headers.get(header::ORIGIN).filter(|origin| self.0.contains(origin))
    }

    /// The answer to a preflight from an origin that may.
    pub(super) fn preflight(&self, outer: &Parts) -> Option<Response<Body>> {
        let asks = outer.method == Method::OPTIONS
            && outer.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !asks || self.origin(&outer.headers).is_none() {
            return None;
        }
        let mut response = Response::new(body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let fields = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type, accept, cache-control"),
            (header::ACCESS_CONTROL_MAX_AGE, "600"),
        ];
        response.headers_mut().extend(fields.map(|(name, value)| (name, HeaderValue::from_static(value))));
        Some(response)
    }

    /// Lets an origin that may read the answer.
    pub(super) fn open(&self, asked: &HeaderMap, answer: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        answer.append(header::VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = self.origin(asked) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
    }
}
