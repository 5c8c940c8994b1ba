//! The client's side of the oblivious wire.

mod chunked;
mod outer;
mod single;
mod target;

pub use super::{Error, Unprocessed};
pub use target::Target;

use super::exchange;
use crate::{Body, BoxError, Clock};
use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response, header};
use sealwire_crypto::random::Random;
use sealwire_message::bhttp::RequestHead;
use sealwire_oblivious::Limits;
use std::{
    sync::Arc,
    task::{Context, Poll},
};
use tower::Service;

/// One message each way, or streams. A client that is set to one never falls back to the other (OB-26).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// single-shot
    Single,
    /// chunked
    Chunked,
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

/// One attempt each call: seals the request with a fresh context (OB-11), sends it by `transport`, opens the answer.
///
/// The request's URI is absolute; its authority is the inner authority. A Date field is added where there is none.
#[derive(Clone)]
pub struct Oblivious<T> {
    transport: T,
    shared: Arc<Shared>,
}

/// What all attempts have in common.
struct Shared {
    target: Target,
    settings: Settings,
}

impl<T> Oblivious<T> {
    /// To one target.
    #[must_use]
    pub fn new(transport: T, target: Target, settings: Settings) -> Self {
        Self { transport, shared: Arc::new(Shared { target, settings }) }
    }
}

impl<T> Service<Request<Body>> for Oblivious<T>
where
    T: Service<Request<Body>, Response = Response<Body>, Future: Send> + Clone + Send + 'static,
    T::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response<Body>, Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.transport.poll_ready(cx).map_err(Error::transport)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        // The clone takes the place of the one that is ready.
        let fresh = self.transport.clone();
        let transport = std::mem::replace(&mut self.transport, fresh);
        match shared.settings.form {
            Form::Chunked => Box::pin(async move { chunked::attempt(&shared, transport, request).await }),
            Form::Single => Box::pin(async move { single::attempt(&shared, transport, request).await }),
        }
    }
}

/// Head and content of a plain request, ready to be sealed, with a Date (OB-62).
fn head(request: Request<Body>, settings: &Settings) -> Result<(RequestHead, http::Extensions, Body), Error> {
    let (mut head, extensions, content) = exchange::head(request)?;
    if !head.headers.contains_key(header::DATE) {
        let date = httpdate::fmt_http_date(settings.clock.now());
        let date = HeaderValue::try_from(date).map_err(|_| Error::Request("the clock is out of range"))?;
        head.headers.insert(header::DATE, date);
    }
    Ok((head, extensions, content))
}
