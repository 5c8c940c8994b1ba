//! The server's side of EHBP: content is sealed, and method, path and fields are what shows.

mod admit;
mod answer;
pub mod keys;
mod open;

pub use answer::plaintext_refused;

use super::{
    Routes,
    exchange::{self, Application, Bounds},
};
use crate::{
    Body, Clock, Identity, Peer, Wire,
    complete::{Completeness, Watch},
    frames::Frames,
};
use futures_util::future::BoxFuture;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use http::{Method, Request, Response, Version, request::Parts};
use keys::{Keys, LiveKey};
use open::{Opened, Stop};
use sealwire_crypto::random::Random;
use sealwire_ehbp::Limits;
use std::{
    convert::Infallible,
    num::NonZeroU32,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tower::{Layer, Service};

/// Everything that the wire needs.
#[derive(Clone)]
pub struct Settings {
    /// the live keys
    pub keys: Arc<Keys>,
    /// what routes permit
    pub routes: Arc<dyn Routes>,
    /// time of day
    pub clock: Arc<dyn Clock>,
    /// randomness of response nonces
    pub random: Arc<dyn Random>,
    /// limits of messages
    pub limits: Limits,
    /// how often a second key is tried
    pub second_tries: Arc<SecondTries>,
    /// how long the first frame may take
    pub header_time: Duration,
    /// how long content may pause
    pub idle_time: Duration,
    /// what is gathered of a request that HTTP/1.1 cannot stream, bytes
    pub gathered: usize,
}

/// How often a request that does not open with the current key is tried with the one before it, for all callers together:
/// each attempt is a public-key operation that anybody can ask for (EH-27).
pub struct SecondTries(DefaultDirectRateLimiter);

impl SecondTries {
    /// So many in a second.
    #[must_use]
    pub fn per_second(per_second: NonZeroU32) -> Self {
        Self(RateLimiter::direct(Quota::per_second(per_second)))
    }

    /// Whether one more may be made now; it is then counted.
    fn take(&self) -> bool {
        self.0.check().is_ok()
    }
}

/// Opens requests that [`crate::wire::pick`] gives to this wire, hands them to the inner service as ordinary requests with
/// a [`Peer`] in their extensions, and seals the content of its answers.
#[derive(Clone)]
pub struct EhbpLayer {
    settings: Arc<Settings>,
}

impl EhbpLayer {
    /// A layer.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings: Arc::new(settings) }
    }
}

impl<S> Layer<S> for EhbpLayer {
    type Service = Ehbp<S>;

    fn layer(&self, inner: S) -> Ehbp<S> {
        Ehbp { settings: Arc::clone(&self.settings), inner, before: None }
    }
}

/// See [`EhbpLayer`].
#[derive(Clone)]
pub struct Ehbp<S> {
    settings: Arc<Settings>,
    inner: S,
    /// a configuration that has been replaced
    before: Option<Arc<Replaced<S>>>,
}

/// A configuration whose keys are still accepted, with the application that they lead to.
struct Replaced<S> {
    settings: Arc<Settings>,
    inner: S,
}

impl<S> Ehbp<S> {
    /// The same, in place of `before`. What is sealed to the key of `before` goes where that says: it is what the caller has
    /// verified (AT-44). Its key is the second of the two that are tried, unless there is a later one.
    #[must_use]
    pub fn in_place_of(mut self, before: Self) -> Self {
        self.before = Some(Arc::new(Replaced { settings: before.settings, inner: before.inner }));
        self
    }
}

impl<S: Application + Sync> Service<Request<Body>> for Ehbp<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let fresh = self.clone();
        // The clone takes the place of the one that is ready.
        let this = std::mem::replace(self, fresh);
        let (outer, body) = request.into_parts();
        Box::pin(async move { Ok(serve(this, outer, body).await) })
    }
}

/// Opens, answers and seals one exchange.
async fn serve<S: Application>(wire: Ehbp<S>, outer: Parts, body: Body) -> Response<Body> {
    // The end of the body is the end of the message (EH-05), and an answer of HTTP/1.0 ends with its connection.
    if outer.version < Version::HTTP_11 {
        return answer::old_version();
    }
    // Neither has content that could be sealed, one way or the other.
    if [Method::HEAD, Method::TRACE, Method::CONNECT].contains(&outer.method) {
        return answer::no_content();
    }
    let Some(enc) = open::field(&outer.headers) else { return answer::unreadable() };
    let (current, retired) = wire.settings.keys.live();
    let replaced = wire.before.as_ref().filter(|_| retired.is_none());
    let previous = retired.or_else(|| replaced.map(|before| before.settings.keys.live().0));
    let opening = open::open(&wire.settings, enc, &current, previous.as_ref(), body);
    let opened = match tokio::time::timeout(wire.settings.header_time, opening).await {
        Err(_) => return answer::late(),
        Ok(Err(Stop::Unreadable)) => return answer::unreadable(),
        Ok(Err(Stop::Key)) => return answer::key(),
        Ok(Ok(opened)) => opened,
    };
    let is_current = Arc::ptr_eq(&opened.key, &current);
    match replaced {
        Some(before) if !is_current => answered(&before.settings, outer, opened, before.inner.clone()).await,
        _ => answered(&wire.settings, outer, opened, wire.inner).await,
    }
}

/// From a first frame that has authenticated to the sealed answer.
async fn answered(
    settings: &Settings,
    outer: Parts,
    opened: Opened,
    mut inner: impl Application,
) -> Response<Body> {
    let Opened { enc, request, rest, key, reply } = opened;
    let sealed = |response| answer::seal(settings, reply, response);
    let Some(head) = open::head(outer) else { return sealed(exchange::not_a_request()) };
    let rules = match admit::admit(settings, &head, &key, &enc) {
        Ok(rules) => rules,
        Err(refusal) => return sealed(answer::refusal(refusal)),
    };
    let watch = match rules.whole {
        true => Completeness::default().demand(&head.headers),
        false => Watch::Nothing,
    };
    let message = Frames::new(request, watch);
    let bounds = Bounds { idle_time: settings.idle_time, gathered: settings.gathered };
    let content = exchange::content(bounds, rules.route, &head.method, None, rest, message).await;
    let (content, broken) = match content {
        Ok(content) => content,
        Err(found) => return sealed(exchange::fault(found)),
    };
    let peer = Peer { wire: Wire::Ehbp, identity: Identity::Nobody };
    let Some(request) = exchange::request(head, peer, content) else {
        return sealed(exchange::not_a_request());
    };
    let Ok(response) = inner.call(request).await;
    // The application was told of a broken body; the caller is told what broke.
    sealed(match (broken.get(), rules.route.pace) {
        (Some(&found), _) => exchange::fault(found),
        (None, Some(pace)) => exchange::paced(response, pace),
        (None, None) => response,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // EH-27: however slow the machine, a thousand in a row take no thousand seconds.
    #[test]
    fn second_tries_have_a_rate() {
        let tries = SecondTries::per_second(NonZeroU32::MIN);
        assert!(tries.take());
        assert!((0..1000).any(|_| !tries.take()));
    }
}
