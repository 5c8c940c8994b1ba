//! The pool of outer connections: HTTP/1.1, or HTTP/2 where TLS agrees on it, in clear or over TLS.
//!
//! Sealed messages go over it, and whoever reads them there learns their sizes and times; nothing here is trusted.

use futures_util::future::BoxFuture;
use http::{Request, Response, Uri, uri::Scheme};
use hyper_rustls::{HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::{
    client::legacy::{self, Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::CertificateDer};
use sealwire_http::{Body, BoxError, body, client::oblivious::Unprocessed};
use std::{
    error::Error as StdError,
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::net::TcpStream;
use tower::{Service, timeout::Timeout, util::BoxCloneSyncService};

/// How often an HTTP/2 connection is asked whether it still lives, and how long the answer may take.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How long a connection is kept without a request. Shorter than servers keep it (gateways and relays 10 s): a request
/// that is written just when the other side closes may have been carried out or not, and nobody could say (SE-43).
const IDLE: Duration = Duration::from_secs(8);

/// Sends requests with absolute URIs as they are: no redirects, no cookies, no field of its own but what HTTP needs.
/// Cheap to clone; clones share the pool.
#[derive(Clone)]
pub struct Transport {
    client: Client<Connect, Body>,
    upgrades: Client<Connect, Body>,
}

type Connect = BoxCloneSyncService<Uri, MaybeHttpsStream<TokioIo<TcpStream>>, BoxError>;

impl Transport {
    /// A pool. `connect` bounds the set-up of a connection, TLS included. `roots` are certificates in DER that TLS
    /// trusts besides the system's; both are looked at only if one of the `places` is `https`.
    ///
    /// # Errors
    /// A root that is no certificate; no root at all where one is needed.
    pub fn new<'a>(
        places: impl IntoIterator<Item = &'a Uri>,
        roots: &[Vec<u8>],
        connect: Duration,
    ) -> Result<Self, BoxError> {
        let tls = places.into_iter().any(|place| place.scheme() == Some(&Scheme::HTTPS));
        let roots = if tls { trusted(roots)? } else { RootCertStore::empty() };
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector = || HttpsConnectorBuilder::new().with_tls_config(config.clone()).https_or_http();
        let bounded = |connector| BoxCloneSyncService::new(Timeout::new(connector, connect));
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .http2_keep_alive_timeout(KEEP_ALIVE)
            .build(bounded(connector().enable_all_versions().wrap_connector(tcp.clone())));
        let upgrades = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(bounded(connector().enable_http1().wrap_connector(tcp)));
        Ok(Self { client, upgrades })
    }

    /// For requests that make something else of their connection: each has one of its own, of HTTP/1.1.
    #[must_use]
    pub fn upgrading(&self) -> Self {
        Self { client: self.upgrades.clone(), upgrades: self.upgrades.clone() }
    }
}

/// The system's roots and `extra`.
fn trusted(extra: &[Vec<u8>]) -> Result<RootCertStore, BoxError> {
    let mut store = RootCertStore::empty();
    for der in extra {
        store.add(CertificateDer::from_slice(der))?;
    }
    // A system's store may hold certificates that rustls does not take; they are left out.
    let system = rustls_native_certs::load_native_certs();
    store.add_parsable_certificates(system.certs);
    if store.is_empty() {
        return Err("no root certificates: the system has none, and none were given".into());
    }
    Ok(store)
}

impl Service<Request<Body>> for Transport {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let response = self.client.request(request);
        Box::pin(async move { response.await.map(|response| response.map(body::boxed)).map_err(failed) })
    }
}

/// Marks what was certainly not processed (OB-47): it was never sent.
///
/// What HTTP/2 says with REFUSED_STREAM or GOAWAY is no such thing here: whoever ends the connection is not the gateway
/// but somebody on the way, who may have delivered the request first. A repetition has a fresh encapsulated key, which
/// no replay register could recognise.
fn failed(source: legacy::Error) -> BoxError {
    let unprocessed = source.is_connect() || causes(&source).any(was_not_sent);
    let failure = Box::new(Failure(source));
    if unprocessed { Box::new(Unprocessed(failure)) } else { failure }
}

/// Whether a cause is that the request was never sent.
fn was_not_sent(cause: &(dyn StdError + 'static)) -> bool {
    // A request that comes back from the connection's queue: no byte of it was written.
    cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled)
}

pub(crate) fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// An exchange that failed before its response began.
#[derive(Debug)]
struct Failure(legacy::Error);

impl fmt::Display for Failure {
    /// The innermost cause too: the outer ones say only "client error".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        match causes(&self.0).skip(1).last() {
            Some(innermost) => write!(f, ": {innermost}"),
            None => Ok(()),
        }
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}
