//! Finds whose sealed bytes are, and forwards what is another instance's.

use super::{
    Hops, Replicas, beginning,
    hop::{Failure, HOP, Patience},
};
use crate::layers::{Inner, Resumed, first_frame};
use futures_util::future::{BoxFuture, Either};
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use sealwire_http::{
    Body, KeyRing, Wire, body, problem,
    server::{oblivious, session},
    session::{
        message::Instance,
        request::{BASE_ID, parse_base_id},
    },
    wire::{self, Pick},
};
use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tower::{Layer, Service};

/// Forwards what is another instance's; everything else goes on.
#[derive(Clone)]
pub(crate) struct ForwardLayer {
    /// `None` without a registry
    shared: Option<Arc<Shared>>,
}

struct Shared {
    replicas: Arc<Replicas>,
    hops: Hops,
    instance: Instance,
    /// of every configuration whose keys are accepted
    rings: Vec<Arc<KeyRing>>,
    times: Times,
}

/// How long is waited.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    /// for the head of a message, and for the answer to a message of a handshake
    pub(crate) header: Duration,
    /// for the next part of a request
    pub(crate) idle: Duration,
    /// for an application, whichever instance it is behind
    pub(crate) application: Duration,
}

impl ForwardLayer {
    pub(crate) fn new(
        replicas: Option<&(Arc<Replicas>, Hops)>,
        instance: Instance,
        rings: Vec<Arc<KeyRing>>,
        times: Times,
    ) -> Self {
        let shared = replicas.map(|(replicas, hops)| {
            let (replicas, hops) = (replicas.clone(), hops.clone());
            Arc::new(Shared { replicas, hops, instance, rings, times })
        });
        Self { shared }
    }
}

impl<S> Layer<S> for ForwardLayer {
    type Service = Forward<S>;

    fn layer(&self, inner: S) -> Forward<S> {
        Forward { shared: self.shared.clone(), inner }
    }
}

/// See [`ForwardLayer`].
#[derive(Clone)]
pub(crate) struct Forward<S> {
    shared: Option<Arc<Shared>>,
    inner: S,
}

type Answer = Result<Response<Body>, Infallible>;

impl<S: Inner> Service<Request<Body>> for Forward<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<S::Future, BoxFuture<'static, Answer>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Some(shared) = self.shared.clone() else { return Either::Left(self.inner.call(request)) };
        let (parts, content) = request.into_parts();
        let picked = wire::pick(&parts);
        let forwarded = parts.headers.contains_key(&HOP);
        let session = named(&parts.headers);
        let request = Request::from_parts(parts, content);
        let inner = self.inner.clone();
        match (picked, session) {
            (Pick::Wire(_), _) if forwarded => Either::Left(self.inner.call(request)),
            // Nothing in it tells whose it is (EH-27).
            (Pick::Wire(Wire::Ehbp), _) => Either::Left(self.inner.call(request)),
            (Pick::Wire(wire @ (Wire::ObliviousSingle | Wire::ObliviousChunked)), _) => {
                Either::Right(Box::pin(by_key(shared, wire, request, inner)))
            }
            (Pick::Wire(_), Some(owner)) if owner == shared.instance => {
                Either::Left(self.inner.call(request))
            }
            (Pick::Wire(wire), Some(owner)) => {
                Either::Right(Box::pin(by_session(shared, wire, owner, request, inner)))
            }
            (Pick::Wire(wire @ (Wire::SessionHandshake | Wire::SessionEarly)), None) => {
                Either::Right(Box::pin(by_message(shared, wire, request, inner)))
            }
            (Pick::Wire(_) | Pick::Refused(_) | Pick::Plain, _) => Either::Left(self.inner.call(request)),
        }
    }
}

/// The instance that a session's id begins with.
fn named(headers: &HeaderMap) -> Option<Instance> {
    parse_base_id(headers.get(BASE_ID)?.as_bytes()).ok()?.first_chunk().copied()
}

/// The owner of an oblivious request is known by its first byte (RFC 9458 section 4.3).
async fn by_key<S: Inner>(shared: Arc<Shared>, wire: Wire, request: Request<Body>, mut inner: S) -> Answer {
    let (parts, mut content) = request.into_parts();
    let first =
        tokio::time::timeout(shared.times.header, first_frame(&mut content)).await.unwrap_or_default();
    let key_id = first.as_ref().and_then(http_body::Frame::data_ref).and_then(|data| data.first()).copied();
    let request = Request::from_parts(parts, body::boxed(Resumed::new(first, content)));
    let foreign = key_id.filter(|id| shared.rings.iter().all(|ring| ring.find(*id).is_none()));
    let owner = match foreign {
        Some(id) => shared.replicas.owner(id, &shared.instance).await,
        None => None,
    };
    match owner {
        Some(owner) => by_session(shared, wire, owner, request, inner).await,
        None => inner.call(request).await,
    }
}

/// What is sealed to keys of `owner`.
async fn by_session<S: Inner>(
    shared: Arc<Shared>,
    wire: Wire,
    owner: Instance,
    request: Request<Body>,
    mut inner: S,
) -> Answer {
    let Some(to) = shared.to(&owner, request.uri()).await else {
        // Unknown here too, and told so in the wire's own words.
        return inner.call(request).await;
    };
    let answer = if wire == Wire::SessionHandshake { shared.times.header } else { shared.times.application };
    Ok(shared.send(&owner, wire, to, request, answer).await.unwrap_or_else(|_| unknown(wire)))
}

/// A message of a handshake, that may rest on what another instance has made: a ticket, a token, a session.
async fn by_message<S: Inner>(
    shared: Arc<Shared>,
    wire: Wire,
    request: Request<Body>,
    mut inner: S,
) -> Answer {
    let (beginning, request) = beginning::read(request, wire, shared.times.header).await;
    let owner = beginning.owner().filter(|owner| *owner != shared.instance);
    let Some(owner) = owner else { return inner.call(request).await };
    let Some(to) = shared.to(&owner, request.uri()).await else { return inner.call(request).await };
    let (parts, content) = request.into_parts();
    let here = Request::from_parts(parts.clone(), beginning.body());
    let there = Request::from_parts(parts, content);
    match (shared.send(&owner, wire, to, there, shared.times.header).await, wire) {
        (Ok(answer), _) => Ok(answer),
        // As any hello with early data and a ticket of another's: a full handshake, and the data are not looked at. That says
        // that nothing was acted upon, so the owner must not have seen them (SE-42).
        (Err(Failure::Unconnected), Wire::SessionEarly) => inner.call(here).await,
        (Err(Failure::Broken), Wire::SessionEarly) => Ok(silent()),
        // A handshake acts upon nothing: it may begin anew here.
        (Err(_), _) if beginning.is_whole => inner.call(here).await,
        (Err(_), _) => Ok(unknown(wire)),
    }
}

impl Shared {
    /// Where to send what is for `owner`; `None` where nobody knows.
    async fn to(&self, owner: &Instance, uri: &Uri) -> Option<Uri> {
        self.hops.target(&self.replicas.address(owner).await?, uri.path_and_query())
    }

    async fn send(
        &self,
        owner: &Instance,
        wire: Wire,
        to: Uri,
        request: Request<Body>,
        answer: Duration,
    ) -> Result<Response<Body>, Failure> {
        let sent = match wire {
            Wire::SessionChannel => self.hops.tunnel(to, request, self.times.header).await,
            _ => self.hops.send(to, request, Patience { answer, idle: self.times.idle }).await,
        };
        match sent {
            Ok(_) => ::metrics::counter!(crate::metrics::FORWARDED, "wire" => wire.name()).increment(1),
            Err(failure) => {
                ::metrics::counter!(crate::metrics::FORWARD_FAILURES, "wire" => wire.name()).increment(1);
                if failure == Failure::Unconnected {
                    self.replicas.is_gone(owner);
                }
            }
        }
        sent
    }
}

/// The hint of the wire: the owner is gone, and its keys with it (SE-43). It is nobody's proof that nothing ran.
fn unknown(wire: Wire) -> Response<Body> {
    match wire {
        Wire::ObliviousSingle | Wire::ObliviousChunked => oblivious::key(),
        _ => session::hint(),
    }
}

/// The owner of a ticket may have got the early data behind it, and does not answer: neither accepted nor not.
fn silent() -> Response<Body> {
    let title = "The instance that made the ticket does not answer";
    problem::response(StatusCode::SERVICE_UNAVAILABLE, problem::BLANK, title, "")
}
