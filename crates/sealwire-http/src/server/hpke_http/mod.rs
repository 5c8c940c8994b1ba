//! The server's side of hpke-http/3: one path, at which GET gives the key record and POST is one protected exchange.

mod answer;
mod cors;
mod inside;
mod keys;
pub mod legacy;
mod open;
mod outside;
mod replays;
mod reply;

pub use cors::Cors;
pub use keys::{KeySet, Keys, LiveKey};
pub use replays::Replays;

use super::{Routes, exchange::Application};
use crate::{Body, Clock};
use answer::Refusal;
use futures_util::future::BoxFuture;
use http::{HeaderName, Method, Request, Response};
use sealwire_crypto::random::Random;
use sealwire_hpke_http::Limits;
use sealwire_store::credentials::Credentials;
use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tower::Service;

/// What holds for every request, whatever key it is sealed to.
#[derive(Clone)]
pub struct Settings {
    /// where the keys of callers are found
    pub credentials: Arc<dyn Credentials>,
    /// limits of the wire
    pub limits: Limits,
    /// outer fields that go to the application, each under another name (HH-68)
    pub copied: Vec<(HeaderName, HeaderName)>,
    /// which origins of browsers may ask
    pub cors: Cors,
    /// the application is this process: an answer that cannot be sealed is its own fault, 500, and nobody's behind it, 502
    pub embedded: bool,
    /// time of day
    pub clock: Arc<dyn Clock>,
    /// randomness of answers
    pub random: Arc<dyn Random>,
    /// how long a request's head may take
    pub header_time: Duration,
    /// how long the outer body may pause
    pub idle_time: Duration,
    /// what is gathered of a request that HTTP/1.1 cannot stream, in bytes
    pub gathered: usize,
}

/// Keys, and where goes what is sealed to them: to those that verified them, that is what was promised (AT-44).
pub struct Served<S> {
    /// the keys
    pub keys: Arc<Keys>,
    /// names that are served, any of which a request may be for
    pub authorities: Arc<[String]>,
    /// what routes permit
    pub routes: Arc<dyn Routes>,
    /// the application
    pub inner: S,
}

/// Takes everything at the path of the wire. Cheap to clone.
///
/// A request goes to the [`Served`] whose key it is sealed to, as an ordinary one with a [`crate::Peer`] that is
/// a tenant. What was wrong with a request outside or before its admission is told in clear, in one fixed text for each
/// case; what the application says is sealed (table A.8 of the wire).
pub struct HpkeHttp<S>(Arc<Shared<S>>);

struct Shared<S> {
    settings: Settings,
    /// the one whose key is advertised first
    served: Vec<Served<S>>,
}

impl<S> Clone for HpkeHttp<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> HpkeHttp<S> {
    /// Advertises the key of `current`; `older` are configurations that have been replaced, and whose keys are still
    /// accepted.
    pub fn new(settings: Settings, current: Served<S>, older: impl IntoIterator<Item = Served<S>>) -> Self {
        let served = std::iter::once(current).chain(older).collect();
        Self(Arc::new(Shared { settings, served }))
    }
}

impl<S> Shared<S> {
    /// The key record that is published now.
    fn record(&self) -> bytes::Bytes {
        self.served.first().map(|served| served.keys.current().record().clone()).unwrap_or_default()
    }
}

impl<S: Application + Sync> Service<Request<Body>> for HpkeHttp<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Whoever is behind is asked when it is known who that is.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let shared = Arc::clone(&self.0);
        Box::pin(async move {
            let (outer, body) = request.into_parts();
            let cors = &shared.settings.cors;
            let mut response = match cors.preflight(&outer) {
                Some(response) => response,
                None => match answer(&shared, &outer, body).await {
                    Ok(response) => response,
                    Err(refusal) => refusal.response(&*shared.settings.clock),
                },
            };
            cors.open(&outer.headers, response.headers_mut());
            Ok(response)
        })
    }
}

async fn answer<S: Application>(
    shared: &Shared<S>,
    outer: &http::request::Parts,
    body: Body,
) -> Result<Response<Body>, Refusal> {
    outside::check(outer)?;
    if outer.method == Method::GET {
        return Ok(outside::key_record(shared.record()));
    }
    let Shared { settings, served } = shared;
    let (admitted, rest) = open::open(settings, served, body).await?;
    inside::serve(settings, admitted, &outer.headers, rest).await
}
