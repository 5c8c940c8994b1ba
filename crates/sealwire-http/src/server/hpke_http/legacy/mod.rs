//! The server's side of the releases 1.x: bodies are sealed, and method, path and fields are anybody's (HH-96).
//!
//! For callers who cannot move yet. What can be held is held: there is a caller only where a chunk has opened (HH-91), and
//! nothing is answered twice (HH-95, HH-98).

mod answer;
mod content;
mod open;
mod reply;

use super::Replays;
use crate::{Body, Clock, server::exchange::Application};
use answer::Refusal;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, Request, Response, header, request::Parts};
use metrics::counter;
use sealwire_crypto::{digest::sha384, random::Random};
use sealwire_hpke_http::legacy::{self, DISCOVERY_PATH, Error, Limits, server::ServerKey};
use sealwire_store::{FOREVER, credentials::Credentials};
use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tower::Service;

/// The one key of the wire, which has no id and no overlap (HH-89), and what remembers its requests.
pub struct LegacyKey {
    key: ServerKey,
    document: Bytes,
    replays: Replays,
    /// in a store: the wire's and the key's, since an id is that of an encapsulated key alone
    space: String,
}

/// Bytes of a key's digest that tell it from others in a store.
const KEY_ID: usize = 16;
/// What the names of this wire's spaces in a store begin with. Its reservations may be for the key's life, and need no proof
/// where a route takes requests without a body: they must not have the room of others.
pub const SPACE: &str = "hpke-http/1.x/";

impl LegacyKey {
    /// `replays` lives as long as the key.
    ///
    /// # Errors
    /// None for a key of X25519, which it is.
    pub fn new(key: ServerKey, replays: Replays) -> Result<Self, Error> {
        let document = legacy::document(key.public_key())?.into();
        let digest = sha384(&[key.public_key().as_bytes()]);
        let id = digest.iter().take(KEY_ID).map(|byte| format!("{byte:02x}"));
        let space = std::iter::once(SPACE.to_owned()).chain(id).collect();
        Ok(Self { key, document, replays, space })
    }

    /// The 32 bytes of the public key.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        self.key.public_key().as_bytes()
    }

    /// Entries of its register, where that is in memory.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.replays.remembered()
    }
}

/// What a route takes of this wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// requests without a body are nobody's, instead of being refused (HH-91)
    pub bodyless: bool,
}

/// Tells which paths take the wire (HH-96).
pub trait TakenPaths: Send + Sync + 'static {
    /// What is taken at this path; `None` for nothing.
    fn taken(&self, path: &str) -> Option<Taken>;
}

/// Everything that the wire needs.
#[derive(Clone)]
pub struct Settings {
    /// the key
    pub key: Arc<LegacyKey>,
    /// where the keys of callers are found; those of version 3 are none here (HH-105)
    pub credentials: Arc<dyn Credentials>,
    /// which paths take it
    pub paths: Arc<dyn TakenPaths>,
    /// what routes permit
    pub routes: Arc<dyn crate::server::Routes>,
    /// limits of messages
    pub limits: Limits,
    /// how long a request is remembered; as long as the key lives, where absent (HH-95)
    pub window: Option<Duration>,
    /// Unix second from which everything is refused
    pub until: Option<u64>,
    /// time of day
    pub clock: Arc<dyn Clock>,
    /// randomness of answers
    pub random: Arc<dyn Random>,
    /// how long the first chunk may take
    pub header_time: Duration,
    /// how long the outer body may pause
    pub idle_time: Duration,
    /// what is gathered of a request that HTTP/1.1 cannot stream, in bytes
    pub gathered: usize,
}

impl Settings {
    /// Until when a request that comes now is remembered, in Unix milliseconds.
    fn expires(&self, now: u64) -> u64 {
        let window = self.window.map(|window| u64::try_from(window.as_millis()).unwrap_or(u64::MAX));
        window.map_or(FOREVER, |window| now.saturating_add(window))
    }
}

/// Takes the key document's path, and what comes to the listed ones. Cheap to clone.
#[derive(Clone)]
pub struct HpkeHttpLegacy<S> {
    settings: Arc<Settings>,
    inner: S,
}

impl<S> HpkeHttpLegacy<S> {
    /// Around an application.
    pub fn new(settings: Settings, inner: S) -> Self {
        Self { settings: Arc::new(settings), inner }
    }
}

impl<S: Application> Service<Request<Body>> for HpkeHttpLegacy<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let settings = Arc::clone(&self.settings);
        // The clone takes the place of the one that is ready.
        let fresh = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, fresh);
        let (outer, body) = request.into_parts();
        Box::pin(async move {
            if outer.uri.path() == DISCOVERY_PATH {
                return Ok(document(&settings, &outer));
            }
            counter!("sealwire_legacy_requests_total").increment(1);
            Ok(open::serve(&settings, outer, body, inner).await.unwrap_or_else(Refusal::response))
        })
    }
}

/// The key document (HH-87). Released clients keep their first one for life, so nobody else should for long (HH-102).
fn document(settings: &Settings, outer: &Parts) -> Response<Body> {
    if outer.method != Method::GET && outer.method != Method::HEAD {
        return Refusal::Method.response();
    }
    let mut response = Response::new(crate::body::full(settings.key.document.clone()));
    let fields = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "public, max-age=300"),
        // What request bodies may be compressed with; the name is the peer's choice.
        (header::ACCEPT_ENCODING, "identity, gzip, zstd"),
        (header::VARY, "accept"),
    ];
    response.headers_mut().extend(fields.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}
