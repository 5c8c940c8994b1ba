//! Sealed bytes of another instance, forwarded to it as a plain HTTP hop.

use super::Replicas;
use crate::layers::{Inner, Resumed, first_frame};
use futures_util::future::{BoxFuture, Either};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header,
    uri::{Authority, PathAndQuery, Scheme},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use sealwire_http::{
    Body, KeyRing, Wire, body,
    message::bhttp,
    problem,
    session::request::{BASE_ID, parse_base_id},
    wire::{self, Pick},
};
use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tower::{Layer, Service};

/// Marks what was forwarded once, and is never forwarded again: two instances that each take the other for the owner
/// would pass a request to and fro. A caller who sets it forgoes being forwarded.
const HOP: HeaderName = HeaderName::from_static("sealwire-hop");
/// How long a connection to another instance may take to be made.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a connection to another instance is kept without a request: less than that keeps it.
const IDLE: Duration = Duration::from_secs(8);

/// Forwards what is another instance's; everything else goes on.
#[derive(Clone)]
pub(crate) struct ForwardLayer {
    /// `None` without a registry
    shared: Option<Arc<Shared>>,
}

struct Shared {
    replicas: Arc<Replicas>,
    instance: [u8; 16],
    /// of every configuration whose keys are accepted
    rings: Vec<Arc<KeyRing>>,
    client: Client<HttpConnector, Body>,
    header_time: Duration,
}

/// A pool of connections to other instances.
pub(crate) fn client() -> Client<HttpConnector, Body> {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(CONNECT));
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .build(connector)
}

impl ForwardLayer {
    pub(crate) fn new(
        replicas: Option<&(Arc<Replicas>, Client<HttpConnector, Body>)>,
        instance: [u8; 16],
        rings: Vec<Arc<KeyRing>>,
        header_time: Duration,
    ) -> Self {
        let shared = replicas.map(|(replicas, client)| {
            let (replicas, client) = (replicas.clone(), client.clone());
            Arc::new(Shared { replicas, instance, rings, client, header_time })
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
        let session = foreign_session(&parts.headers, &shared.instance);
        let forwarded = parts.headers.contains_key(&HOP);
        let request = Request::from_parts(parts, content);
        match picked {
            Pick::Wire(_) if forwarded => Either::Left(self.inner.call(request)),
            Pick::Wire(wire @ (Wire::ObliviousSingle | Wire::ObliviousChunked)) => {
                Either::Right(Box::pin(by_key(shared, wire, request, self.inner.clone())))
            }
            Pick::Wire(wire) => match session {
                Some(owner) => {
                    Either::Right(Box::pin(by_instance(shared, wire, owner, request, self.inner.clone())))
                }
                None => Either::Left(self.inner.call(request)),
            },
            Pick::Refused(_) | Pick::Plain => Either::Left(self.inner.call(request)),
        }
    }
}

/// The instance that a session's id begins with, if it is another.
fn foreign_session(headers: &HeaderMap, own: &[u8; 16]) -> Option<[u8; 16]> {
    let id = parse_base_id(headers.get(BASE_ID)?.as_bytes()).ok()?;
    id.first_chunk::<16>().copied().filter(|instance| instance != own)
}

/// The owner of an oblivious request is known by its first byte (RFC 9458 section 4.3).
async fn by_key<S: Inner>(shared: Arc<Shared>, wire: Wire, request: Request<Body>, mut inner: S) -> Answer {
    let (parts, mut content) = request.into_parts();
    let first = tokio::time::timeout(shared.header_time, first_frame(&mut content)).await.unwrap_or_default();
    let key_id = first.as_ref().and_then(http_body::Frame::data_ref).and_then(|data| data.first()).copied();
    let request = Request::from_parts(parts, body::boxed(Resumed::new(first, content)));
    let foreign = key_id.filter(|id| shared.rings.iter().all(|ring| ring.find(*id).is_none()));
    let owner = match foreign {
        Some(id) => shared.replicas.owner(id, &shared.instance).await,
        None => None,
    };
    match owner {
        Some(owner) => by_instance(shared, wire, owner, request, inner).await,
        None => inner.call(request).await,
    }
}

async fn by_instance<S: Inner>(
    shared: Arc<Shared>,
    wire: Wire,
    owner: [u8; 16],
    request: Request<Body>,
    mut inner: S,
) -> Answer {
    let address = shared.replicas.address(&owner).await;
    let Some(to) = address.and_then(|address| target(&address, request.uri().path_and_query())) else {
        // Unknown here too, and told so in the wire's own words.
        return inner.call(request).await;
    };
    let (mut parts, content) = request.into_parts();
    bhttp::remove_connection_fields(&mut parts.headers);
    parts.headers.insert(HOP, HeaderValue::from_static("1"));
    parts.headers.remove(header::HOST);
    parts.uri = to;
    parts.version = http::Version::HTTP_11;
    parts.extensions.clear();
    match shared.client.request(Request::from_parts(parts, content)).await {
        Ok(answer) => {
            ::metrics::counter!(crate::metrics::FORWARDED, "wire" => wire.name()).increment(1);
            let (mut parts, content) = answer.into_parts();
            bhttp::remove_connection_fields(&mut parts.headers);
            Ok(Response::from_parts(parts, body::boxed(content)))
        }
        Err(error) => {
            tracing::debug!(%error, "the owner of a sealed request cannot be reached");
            ::metrics::counter!(crate::metrics::FORWARD_FAILURES, "wire" => wire.name()).increment(1);
            Ok(unknown(wire))
        }
    }
}

/// `address` is the registry's word: only a scheme, a host and a port are taken of it.
fn target(address: &str, path: Option<&PathAndQuery>) -> Option<Uri> {
    let authority = address.strip_prefix("http://")?.trim_end_matches('/').parse::<Authority>().ok()?;
    if authority.as_str().contains('@') {
        return None;
    }
    let uri = Uri::builder().scheme(Scheme::HTTP).authority(authority);
    uri.path_and_query(path?.clone()).build().ok()
}

/// The hint of the wire: the owner is gone, and its keys with it (SE-43). It is nobody's proof that nothing ran.
fn unknown(wire: Wire) -> Response<Body> {
    let (status, kind, title) = match wire {
        Wire::ObliviousSingle | Wire::ObliviousChunked => {
            (StatusCode::BAD_REQUEST, problem::OHTTP_KEY, "The request cannot be opened with a live key")
        }
        _ => (StatusCode::CONFLICT, problem::SESSION, "The session is not known"),
    };
    problem::response(status, kind, title, "")
}
