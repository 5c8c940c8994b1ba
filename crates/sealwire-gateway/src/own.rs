//! The gateway's own resources: the key document (AT-40), the key list (OB-50) and the key of EHBP (EH-01).
//!
//! Everybody gets the same bytes (OB-54), but for evidence over a challenge of the caller's.

use crate::{
    instance::{Attested, Instance, json},
    layers::refusal,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures_util::future::{BoxFuture, Either};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body as _;
use sealwire_attest::key_document::{CHALLENGE_LEN, MEDIA_TYPE, PATH};
use sealwire_http::{Body, body, ehbp, oblivious::media};
use std::{
    convert::Infallible,
    num::NonZeroU32,
    sync::Arc,
    task::{Context, Poll},
};
use tower::Service;

/// How long what is published may be kept without asking again: not long, since a restart replaces every key.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=60");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const JSON: &str = "application/json";

/// Serves what is published.
#[derive(Clone)]
pub(crate) struct Own {
    attested: Arc<Attested>,
    instance: Arc<Instance>,
    challenges: Arc<Challenges>,
}

/// How often fresh evidence is made, for all callers together.
pub(crate) struct Challenges(DefaultDirectRateLimiter);

impl Challenges {
    /// One a second, where `per_second` is zero.
    pub(crate) fn per_second(per_second: u32) -> Arc<Self> {
        let quota = Quota::per_second(NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN));
        Arc::new(Self(RateLimiter::direct(quota)))
    }
}

impl Challenges {
    /// Whether one more may be made now; it is then counted.
    pub(crate) fn is_due(&self) -> bool {
        self.0.check().is_ok()
    }
}

impl Own {
    pub(crate) fn new(attested: Arc<Attested>, instance: Arc<Instance>, challenges: Arc<Challenges>) -> Self {
        Self { attested, instance, challenges }
    }

    /// The answer, or the challenge that must be met first.
    fn answer(&self, request: &Request<Body>) -> Result<Response<Body>, Challenge> {
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut response =
                refusal("method", StatusCode::METHOD_NOT_ALLOWED, "This resource is read with GET", "");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Ok(response);
        }
        match (request.uri().path(), &self.attested.ehbp) {
            (PATH, _) => {}
            (ehbp::KEYS_PATH, Some(config)) => {
                return Ok(found(config.clone(), ehbp::KEYS_MEDIA_TYPE, CACHE));
            }
            _ => return Ok(found(self.attested.list.clone(), media::KEYS, CACHE)),
        }
        let for_people = for_people(request);
        match request.uri().query().map(challenge) {
            None => {
                let mut response = match for_people {
                    true => found(self.attested.json.clone(), JSON, CACHE),
                    false => found(self.attested.cbor.clone(), MEDIA_TYPE, CACHE),
                };
                response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
                Ok(response)
            }
            Some(None) => Ok(refusal(
                "challenge",
                StatusCode::BAD_REQUEST,
                "Not a challenge",
                "The only query is challenge=, 32 to 64 bytes in base64url without padding.",
            )),
            Some(Some(_)) if !self.challenges.is_due() => Ok(later(
                "challenge-rate",
                StatusCode::TOO_MANY_REQUESTS,
                "Fresh evidence is asked for too often",
            )),
            Some(Some(bytes)) => Err(Challenge { bytes, for_people }),
        }
    }

    async fn meet(self, challenge: Challenge) -> Response<Body> {
        match self.instance.challenge(&self.attested, &challenge.bytes).await {
            Ok(published) if challenge.for_people => found(json(&published), JSON, NO_STORE),
            Ok(published) => found(published.encode().into(), MEDIA_TYPE, NO_STORE),
            Err(error) => {
                tracing::debug!(%error, "challenge not met");
                later("quote", StatusCode::SERVICE_UNAVAILABLE, "No fresh evidence at the moment")
            }
        }
    }
}

/// What a caller wants evidence over.
struct Challenge {
    bytes: Vec<u8>,
    for_people: bool,
}

impl Service<Request<Body>> for Own {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<
        std::future::Ready<Result<Response<Body>, Infallible>>,
        BoxFuture<'static, Result<Response<Body>, Infallible>>,
    >;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let head = request.method() == Method::HEAD;
        match self.answer(&request) {
            Ok(response) => Either::Left(std::future::ready(Ok(without_content_if(head, response)))),
            Err(challenge) => {
                let this = self.clone();
                Either::Right(Box::pin(
                    async move { Ok(without_content_if(head, this.meet(challenge).await)) },
                ))
            }
        }
    }
}

/// The challenge that a query holds, and nothing but it.
fn challenge(query: &str) -> Option<Vec<u8>> {
    let text = query.strip_prefix("challenge=")?;
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    CHALLENGE_LEN.contains(&bytes.len()).then_some(bytes)
}

/// Whether JSON is asked for by name, and the form that is verified is not.
fn for_people(request: &Request<Body>) -> bool {
    let accepts = |media_type: &str| {
        let values = request.headers().get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut members = values.flat_map(|value| value.split(','));
        members.any(|member| {
            member.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case(media_type))
        })
    };
    accepts(JSON) && !accepts(MEDIA_TYPE)
}

fn found(content: Bytes, media_type: &'static str, cache: HeaderValue) -> Response<Body> {
    let mut response = Response::new(body::full(content));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, cache);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The answer to HEAD says how long the content would be.
fn without_content_if(head: bool, mut response: Response<Body>) -> Response<Body> {
    if let (true, Some(len)) = (head, response.body().size_hint().exact()) {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(len));
        *response.body_mut() = body::empty();
    }
    response
}

fn later(reason: &'static str, status: StatusCode, title: &str) -> Response<Body> {
    let mut response = refusal(reason, status, title, "The published document needs no challenge.");
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
