//! The client's side of the oblivious wire.

use crate::{Body, BoxError, Clock};
use http::{Request, Response, StatusCode, Uri};
use sealwire_crypto::random::Random;
use sealwire_oblivious::{Limits, config::Selected};
use std::sync::Arc;
use tower::Service;

/// One message each way, or streams. A client that is configured for one never falls back to the other (OB-26).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// single-shot
    Single,
    /// chunked
    Chunked,
}

/// Whom to seal to, and where to send it.
#[derive(Clone)]
pub struct Target {
    /// key and suite, from an appraised key document
    pub selected: Selected,
    /// the gateway's or the relay's resource
    pub resource: Uri,
}

/// Settings of the wire's client side.
#[derive(Clone)]
pub struct Settings {
    /// form of the messages
    pub form: Form,
    /// limits
    pub limits: Limits,
    /// clock of the Date field
    pub clock: Arc<dyn Clock>,
    /// randomness
    pub random: Arc<dyn Random>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The gateway says that it does not know the key (OB-42). A hint: it is not authenticated, and is no proof that nothing ran (OB-47).
    #[error("the gateway does not know this key (status {0}; unauthenticated)")]
    StaleKey(StatusCode),
    /// An answer that is not encapsulated (OB-117).
    #[error("an answer that is not sealed, with outer status {0}")]
    NotEncapsulated(StatusCode),
    /// An answer of another media type (OB-116).
    #[error("an answer of another media type")]
    MediaType,
    /// The transport failed. `unprocessed` when it says that the request was not processed (OB-47).
    #[error("transport: {source}")]
    Transport {
        /// what it said
        source: BoxError,
        /// the transport vouches that nothing ran
        unprocessed: bool,
    },
    /// The message does not open, or is malformed.
    #[error(transparent)]
    Oblivious(#[from] sealwire_oblivious::Error),
    /// The Binary HTTP inside is malformed.
    #[error(transparent)]
    Message(#[from] sealwire_message::bhttp::Error),
    /// The request cannot be expressed on this wire.
    #[error("the request cannot be sealed: {0}")]
    Request(&'static str),
}

/// One attempt each call: seals the request with a fresh context, sends it by `transport`, opens the answer.
///
/// The request's URI is absolute; its authority is the inner authority. Adds a Date field where there is none.
#[derive(Clone)]
pub struct Oblivious<T> {
    _transport: T,
}

impl<T> Oblivious<T> {
    /// To one target.
    #[must_use]
    pub fn new(_transport: T, _target: Target, _settings: Settings) -> Self {
        todo!()
    }
}

impl<T> Service<Request<Body>> for Oblivious<T>
where
    T: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    T::Error: Into<BoxError>,
    T::Future: Send,
{
    type Response = Response<Body>;
    type Error = Error;
    type Future = futures_util::future::BoxFuture<'static, Result<Response<Body>, Error>>;
    fn poll_ready(&mut self, _cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Error>> {
        todo!()
    }
    fn call(&mut self, _request: Request<Body>) -> Self::Future {
        todo!()
    }
}
