//! A service on a listener, in a task of its own.

use futures_util::future::BoxFuture;
use http::{Request, Response};
use sealwire_gateway::listener::{ConnectionLimits, Listener};
use sealwire_http::{Body, body};
use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt};

/// A bound address; accepts, and lets wait, until it serves.
pub(crate) struct Bound(Listener);

impl Bound {
    pub(crate) async fn bind(
        address: SocketAddr,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> io::Result<Self> {
        Ok(Self(Listener::bind(address, tls).await?))
    }

    /// Adds nothing of its own to answers.
    pub(crate) fn without_date(self) -> Self {
        Self(self.0.without_date())
    }

    /// Takes WebSockets by HTTP/2 too.
    pub(crate) fn with_websockets(self) -> Self {
        Self(self.0.with_websockets())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr()
    }

    pub(crate) fn serve<S>(self, service: S, limits: ConnectionLimits) -> Serving
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
            + Clone
            + Send
            + 'static,
    {
        let address = self.address();
        let stop = CancellationToken::new();
        let task = tokio::spawn(self.0.serve(service, limits, stop.clone()));
        Serving { address, stop, task }
    }
}

/// A running listener. Dropped, it takes no new connections; [`Self::shutdown`] also waits for the open ones.
pub(crate) struct Serving {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Serving {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn shutdown(mut self) {
        self.stop.cancel();
        // A task that panicked has ended too.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A page or two of axum's, as a service for a listener.
#[derive(Clone)]
pub(crate) struct Page(axum::Router);

impl Page {
    pub(crate) fn new(router: axum::Router) -> Self {
        Self(router)
    }
}

impl Service<Request<Body>> for Page {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let response = self.0.clone().oneshot(request);
        Box::pin(async move { response.await.map(|response| response.map(body::boxed)) })
    }
}
