//! Picks the wire that a request came by, and the configuration to whose keys it is sealed.

use super::Inner;
use crate::routes;
use bytes::Bytes;
use futures_util::future::{BoxFuture, Either};
use http::{HeaderMap, Request, Response, header, request::Parts};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use sealwire_attest::key_document;
use sealwire_http::{
    Body, BoxError, Identity, KeyRing, Wire, body, channel, ehbp,
    hpke_http::legacy::{DISCOVERY_PATH, name},
    server::hpke_http::legacy::TakenPaths as _,
    session::{
        request::{BASE_ID, parse_base_id},
        server::Table,
    },
    wire::{self, Pick},
};
use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tower::{Service, util::BoxCloneSyncService};

/// Hands each request to the service of its wire.
pub(crate) struct PickWire<O, P, S, T, C, E>(Arc<Services<O, P, S, T, C, E>>);

/// What there is to pick from.
pub(crate) struct Services<O, P, S, T, C, E> {
    /// the gateway's own resources
    pub(crate) own: O,
    /// requests in clear
    pub(crate) plain: P,
    /// sealed requests
    pub(crate) sealed: Sealed<S>,
    /// sealed requests to keys of configurations that have been replaced; usually there is none
    pub(crate) older: Vec<Sealed<S>>,
    /// sessions
    pub(crate) session: SessionServices<T, C>,
    /// sessions of configurations that have been replaced
    pub(crate) older_sessions: Vec<SessionServices<T, C>>,
    /// content that is sealed alone; `None` where it is not spoken
    pub(crate) ehbp: Option<Ehbp<E>>,
    /// version 0 of the RA tunnel; `None` where it is off
    pub(crate) tunnel: Option<TunnelWire>,
    /// wires that have a path of their own, which is configured
    pub(crate) placed: Vec<Placed>,
    /// hpke-http 1.x; `None` where it is not spoken
    pub(crate) legacy: Option<Legacy>,
    /// how long the first byte of a sealed request may take
    pub(crate) header_time: Duration,
}

/// Version 0 of the RA tunnel. Whatever is in it, a connection is made seldom.
pub(crate) type TunnelWire = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// A wire of any kind.
pub(crate) type Anywhere = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// A wire that everything at a path belongs to.
pub(crate) struct Placed {
    pub(crate) path: String,
    pub(crate) service: Anywhere,
}

/// The session wire under one configuration.
pub(crate) struct SessionServices<T, C> {
    pub(crate) table: Arc<Table<Identity>>,
    pub(crate) handshake: T,
    pub(crate) early: T,
    pub(crate) request: T,
    pub(crate) channel: C,
    pub(crate) bound: T,
}

impl<O, P, S, T, C, E> Services<O, P, S, T, C, E> {
    /// The configuration that the session of a request was made under: that is the one that the caller has verified, and
    /// where its plaintext may go (AT-44).
    fn session_of(&self, headers: &HeaderMap) -> &SessionServices<T, C> {
        let id = headers.get(BASE_ID).and_then(|value| parse_base_id(value.as_bytes()).ok());
        let knows = |sessions: &&SessionServices<T, C>| id.is_some_and(|id| sessions.table.knows(&id));
        self.older_sessions.iter().find(knows).unwrap_or(&self.session)
    }
}

/// EHBP, and the routes that take it. It tells by itself to which configuration's keys a request is sealed.
pub(crate) struct Ehbp<E> {
    pub(crate) routes: Arc<routes::Table>,
    pub(crate) service: E,
}

impl<E> Ehbp<E> {
    /// Whether the route of a request takes it.
    fn is_taken(&self, path: &str) -> bool {
        self.routes.find(path).is_ok_and(|route| route.ehbp.is_some())
    }
}

/// Where the gateway publishes its keys.
const OWN: [&str; 2] = [key_document::PATH, wire::OBLIVIOUS_PATH];

/// hpke-http 1.x, and the routes that take it.
pub(crate) struct Legacy {
    pub(crate) routes: Arc<routes::Table>,
    pub(crate) service: Anywhere,
    /// EHBP is spoken, too, whose key is at the same path (HH-90)
    pub(crate) beside_ehbp: bool,
}

impl Legacy {
    /// Whether a request that came by no other wire is of this one: for its key, or to a path that takes it. Where that takes
    /// requests in clear, too, the field tells.
    fn has(&self, request: &Parts) -> bool {
        let path = request.uri.path();
        if path == DISCOVERY_PATH {
            return !(self.beside_ehbp && accepts(&request.headers, ehbp::KEYS_MEDIA_TYPE));
        }
        // Whatever a route takes, the gateway's keys are read in clear, before anybody can seal to them.
        if OWN.contains(&path) {
            return false;
        }
        let is_marked = || request.headers.contains_key(name::ENC);
        self.routes.taken(path).is_some()
            && self.routes.find(path).is_ok_and(|route| !route.plaintext || is_marked())
    }
}

/// Whether a media type is asked for by name.
fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|member| {
        member.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case(media_type))
    })
}

/// The oblivious wire in both forms, under one configuration.
pub(crate) struct Sealed<S> {
    pub(crate) ring: Arc<KeyRing>,
    pub(crate) single: S,
    pub(crate) chunked: S,
}

impl<S: Clone> Sealed<S> {
    fn of(&self, wire: Wire) -> S {
        if wire == Wire::ObliviousChunked { self.chunked.clone() } else { self.single.clone() }
    }
}

impl<O, P, S, T, C, E> Clone for PickWire<O, P, S, T, C, E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<O, P, S, T, C, E> PickWire<O, P, S, T, C, E> {
    pub(crate) fn new(services: Services<O, P, S, T, C, E>) -> Self {
        Self(Arc::new(services))
    }
}

/// The answer of an own resource, in clear, sealed, or sealed to one of several configurations.
type Picked<O, P, S, T> =
    Either<Either<O, P>, Either<Either<S, T>, BoxFuture<'static, Result<Response<Body>, Infallible>>>>;

impl<O, P, S, T, C, E> Service<Request<Body>> for PickWire<O, P, S, T, C, E>
where
    O: Inner + Sync,
    P: Inner + Sync,
    S: Inner + Sync,
    T: Inner + Sync,
    C: Inner + Sync,
    E: Inner + Sync,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Picked<O::Future, P::Future, S::Future, T::Future>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Every service behind is ready at all times.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let path = request.uri().path();
        if let Some(placed) = self.0.placed.iter().find(|placed| placed.path == path) {
            return Either::Right(Either::Right(Box::pin(placed.service.clone().call(request))));
        }
        let (parts, content) = request.into_parts();
        let picked = wire::pick(&parts);
        let path = parts.uri.path();
        let own = OWN.contains(&path) || (path == ehbp::KEYS_PATH && self.0.ehbp.is_some());
        let picked = match (picked, &self.0.ehbp) {
            // On a route that does not take it, the field is the application's.
            (Pick::Wire(Wire::Ehbp), ehbp)
                if own || !ehbp.as_ref().is_some_and(|ehbp| ehbp.is_taken(path)) =>
            {
                Pick::Plain
            }
            (picked, _) => picked,
        };
        if picked == Pick::Plain
            && let Some(legacy) = self.0.legacy.as_ref().filter(|legacy| legacy.has(&parts))
        {
            let mut service = legacy.service.clone();
            let request = Request::from_parts(parts, content);
            return Either::Right(Either::Right(Box::pin(async move { service.call(request).await })));
        }
        let at_channel = parts.uri.path() == channel::PATH;
        let request = Request::from_parts(parts, content);
        let services = &self.0;
        let wire = match picked {
            Pick::Wire(Wire::SessionHandshake) => {
                let mut service = services.session_of(request.headers()).handshake.clone();
                return Either::Right(Either::Left(Either::Right(service.call(request))));
            }
            Pick::Wire(Wire::SessionEarly) => {
                // What is begun is begun under the configuration of now, whatever the ticket was made under.
                let mut service = services.session.early.clone();
                return Either::Right(Either::Left(Either::Right(service.call(request))));
            }
            Pick::Wire(Wire::Session) => {
                let mut service = services.session_of(request.headers()).request.clone();
                return Either::Right(Either::Left(Either::Right(service.call(request))));
            }
            Pick::Wire(Wire::SessionChannel) => {
                let mut service = services.session_of(request.headers()).channel.clone();
                return Either::Right(Either::Right(Box::pin(service.call(request))));
            }
            Pick::Refused(_) if at_channel => {
                let mut service = services.session.channel.clone();
                return Either::Right(Either::Right(Box::pin(service.call(request))));
            }
            Pick::Wire(Wire::SessionBound) => {
                let mut service = services.session_of(request.headers()).bound.clone();
                return Either::Right(Either::Left(Either::Right(service.call(request))));
            }
            Pick::Wire(Wire::Ehbp) if let Some(ehbp) = &services.ehbp => {
                let mut service = ehbp.service.clone();
                return Either::Right(Either::Right(Box::pin(service.call(request))));
            }
            Pick::Wire(Wire::TunnelV0) if let Some(tunnel) = &services.tunnel => {
                let mut service = tunnel.clone();
                return Either::Right(Either::Right(Box::pin(service.call(request))));
            }
            // Its path is like any other where it is off (TU-21).
            Pick::Wire(Wire::TunnelV0) => {
                return Either::Left(Either::Right(services.plain.clone().call(request)));
            }
            Pick::Wire(wire) if services.older.is_empty() => wire,
            Pick::Wire(wire) => {
                return Either::Right(Either::Right(Box::pin(by_key(services.clone(), wire, request))));
            }
            // The wire says what is wrong with the outside.
            Pick::Refused(_) => Wire::ObliviousSingle,
            Pick::Plain if own => return Either::Left(Either::Left(services.own.clone().call(request))),
            Pick::Plain => return Either::Left(Either::Right(services.plain.clone().call(request))),
        };
        Either::Right(Either::Left(Either::Left(services.sealed.of(wire).call(request))))
    }
}

/// Hands a sealed request to the configuration whose keys it is sealed to: that is the one that the caller has
/// verified, and where its plaintext may go (AT-44).
async fn by_key<O, P, S: Inner, T, C, E>(
    services: Arc<Services<O, P, S, T, C, E>>,
    wire: Wire,
    request: Request<Body>,
) -> Result<Response<Body>, Infallible> {
    let (parts, mut content) = request.into_parts();
    let first = tokio::time::timeout(services.header_time, first_frame(&mut content)).await;
    // What does not come, or breaks off, is told by the wire: the rest of the body says it again.
    let first = first.unwrap_or_default();
    // The key id is the first byte (RFC 9458 section 4.3).
    let key_id = first.as_ref().and_then(Frame::data_ref).and_then(|data| data.first()).copied();
    let holds = |sealed: &&Sealed<S>| key_id.is_some_and(|id| sealed.ring.find(id).is_some());
    let sealed = services.older.iter().find(holds).unwrap_or(&services.sealed);
    let content = body::boxed(Resumed::new(first, content));
    let mut service = sealed.of(wire);
    service.call(Request::from_parts(parts, content)).await
}

/// The first frame that holds a byte.
pub(crate) async fn first_frame(content: &mut Body) -> Option<Frame<Bytes>> {
    loop {
        let frame = content.frame().await?.ok()?;
        if frame.data_ref().is_none_or(|data| !data.is_empty()) {
            return Some(frame);
        }
    }
}

/// A body of which the first frame has been read.
pub(crate) struct Resumed {
    first: Option<Frame<Bytes>>,
    rest: Body,
}

impl Resumed {
    pub(crate) fn new(first: Option<Frame<Bytes>>, rest: Body) -> Self {
        Self { first, rest }
    }
}

impl http_body::Body for Resumed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(first))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let read = self.first.as_ref().and_then(Frame::data_ref).map_or(0, |data| data.len() as u64);
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(read));
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(read)) {
            hint.set_upper(upper);
        }
        hint
    }
}
