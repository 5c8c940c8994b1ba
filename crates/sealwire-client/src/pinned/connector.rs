use super::{Key, Settings, Status, Wire};
use crate::{Environment, Error, retry, transport::Transport};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use sealwire_http::{
    Body,
    client::{self, ehbp, hpke_http, hpke_http_1},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};
use tower::Service;

/// Requests sealed to one key that the user vouches for. Cheap to clone; one pool.
///
/// A request's URI may be relative. If it names an authority, that must be the one of the settings (HH-40). WebSockets and
/// gRPC need a session, and so an attested gateway ([`Error::NeedsSession`]).
#[derive(Clone)]
pub struct Connector {
    shared: Arc<Shared>,
    wire: Channel,
}

struct Shared {
    authority: String,
    name: &'static str,
    key: Key,
    requests: AtomicU64,
    failed: AtomicU64,
    resent: AtomicU64,
}

#[derive(Clone)]
enum Channel {
    HpkeHttp(hpke_http::HpkeHttp<Transport>),
    HpkeHttp1(hpke_http_1::HpkeHttp1<Transport>),
    Ehbp(ehbp::Ehbp<Transport>),
}

/// What is wrong with a key of wires that name none.
const NOT_A_KEY: Error = Error::Settings("a pinned key has the 32 bytes of an X25519 key");

impl Connector {
    /// Nothing is sent before the first request.
    ///
    /// # Errors
    /// [`Error::Settings`], [`Error::Tls`]
    pub fn new(settings: Settings) -> Result<Self, Error> {
        Self::new_in(settings, Environment::default())
    }

    /// The same with a clock and randomness of the caller's.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn new_in(settings: Settings, environment: Environment) -> Result<Self, Error> {
        let (authority, place) = settings.places()?;
        let transport =
            Transport::new([&place], &settings.tls_roots, settings.timeout).map_err(Error::Tls)?;
        let (name, key, idle_time) = (settings.wire.name(), settings.wire.key().clone(), settings.idle_time);
        let wire = match settings.wire {
            Wire::HpkeHttp(key, spoken) => {
                let target = hpke_http::Target::pinned(&key, place, spoken.credential.clone());
                let target = target.map_err(|_| {
                    Error::Settings(
                        "a pinned key has an id of 1 to 255 bytes and the 32 bytes of an X25519 key",
                    )
                })?;
                let layer = spoken.layer(idle_time, &environment);
                Channel::HpkeHttp(hpke_http::HpkeHttp::new(transport, target, layer))
            }
            Wire::HpkeHttp1(key, spoken) => {
                let target = hpke_http_1::Target::pinned(&key, place, spoken.credential.clone());
                let target = target.map_err(|_| NOT_A_KEY)?;
                let layer = spoken.layer(idle_time, &environment);
                Channel::HpkeHttp1(hpke_http_1::HpkeHttp1::new(transport, target, layer))
            }
            Wire::Ehbp(key, spoken) => {
                let target = ehbp::Target::pinned(&key, place).map_err(|_| NOT_A_KEY)?;
                Channel::Ehbp(ehbp::Ehbp::new(transport, target, spoken.layer(idle_time, &environment)))
            }
        };
        let shared = Shared {
            authority,
            name,
            key,
            requests: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            resent: AtomicU64::new(0),
        };
        Ok(Self { shared: Arc::new(shared), wire })
    }

    /// The authority that requests name.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.shared.authority
    }

    /// Everything that can be told about it.
    #[must_use]
    pub fn status(&self) -> Status {
        let Shared { authority, name, key, requests, failed, resent } = &*self.shared;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Status {
            authority: authority.clone(),
            wire: name,
            key: key.clone(),
            requests: read(requests),
            failed: read(failed),
            resent: read(resent),
        }
    }
}

impl Service<Request<Body>> for Connector {
    type Response = Response<Body>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response<Body>, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self { shared, wire } = self.clone();
        Box::pin(async move {
            shared.requests.fetch_add(1, Ordering::Relaxed);
            let answer = retry::exchange_with(&wire, &shared.authority, &shared.resent, request).await;
            if answer.is_err() {
                shared.failed.fetch_add(1, Ordering::Relaxed);
            }
            answer
        })
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = client::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, client::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), client::Error>> {
        match self {
            Self::HpkeHttp(wire) => wire.poll_ready(cx),
            Self::HpkeHttp1(wire) => wire.poll_ready(cx),
            Self::Ehbp(wire) => wire.poll_ready(cx),
        }
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self {
            Self::HpkeHttp(wire) => wire.call(request),
            Self::HpkeHttp1(wire) => wire.call(request),
            Self::Ehbp(wire) => wire.call(request),
        }
    }
}
