//! Tells the application which tenant calls, where that is configured.

use super::Inner;
use http::{HeaderName, HeaderValue, Request, Response};
use sealwire_http::{Body, Identity, Peer};
use std::{
    convert::Infallible,
    task::{Context, Poll},
};
use tower::{Layer, Service};

/// Puts the tenant of a [`Peer`] into a field. What a request itself says there is dropped, by whichever wire it came.
#[derive(Clone)]
pub(crate) struct TenantLayer(pub(crate) Option<HeaderName>);

impl<S> Layer<S> for TenantLayer {
    type Service = Tenant<S>;

    fn layer(&self, inner: S) -> Tenant<S> {
        Tenant { field: self.0.clone(), inner }
    }
}

/// See [`TenantLayer`].
#[derive(Clone)]
pub(crate) struct Tenant<S> {
    field: Option<HeaderName>,
    inner: S,
}

impl<S: Inner> Service<Request<Body>> for Tenant<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if let Some(field) = &self.field {
            request.headers_mut().remove(field);
            let tenant = match request.extensions().get::<Peer>().map(|peer| &peer.identity) {
                // Names of tenants are visible ASCII.
                Some(Identity::Tenant(tenant)) => HeaderValue::try_from(&**tenant).ok(),
                _ => None,
            };
            if let Some(tenant) = tenant {
                request.headers_mut().insert(field, tenant);
            }
        }
        self.inner.call(request)
    }
}
