//! Where plain requests go in the end: to an upstream, or to the application that this very process is.

use crate::{config::Plan, layers::Matched, metrics::UpstreamMetrics, upstream::Upstream};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use sealwire_http::{Body, crypto::random::Random};
use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tower::{Service, ServiceExt, util::BoxCloneSyncService};

/// An application in this process.
pub(crate) type Within = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// Makes the application of each configuration.
pub(crate) enum Destination {
    /// the upstreams that it names
    Upstreams(Arc<UpstreamMetrics>),
    /// the one in this process
    Within(Within),
}

impl Destination {
    /// The application under `plan`.
    ///
    /// # Errors
    /// TLS to upstreams cannot be set up.
    pub(crate) fn of(&self, plan: &Plan, random: &Arc<dyn Random>) -> Result<Application, rustls::Error> {
        let metrics = match self {
            Self::Within(service) => return Ok(Application::Within(service.clone())),
            Self::Upstreams(metrics) => metrics.clone(),
        };
        // Nothing that a route waits for is cut shorter.
        let send_time = plan.routes.iter().map(|route| route.timeout).fold(plan.idle_time, Duration::max);
        let (roots, random) = (plan.upstream_roots.as_ref(), random.clone());
        Upstream::new(roots, metrics, random, plan.idle_time, send_time).map(Application::Upstream)
    }
}

/// The application, as the layers before it see it.
#[derive(Clone)]
pub(crate) enum Application {
    Upstream(Upstream),
    Within(Within),
}

impl Service<Request<Body>> for Application {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        match self {
            Self::Upstream(upstream) => upstream.call(request),
            Self::Within(service) => {
                request.extensions_mut().remove::<Matched>();
                // Whether it is ready is its own affair: a request waits for it here.
                Box::pin(service.clone().oneshot(request))
            }
        }
    }
}
