//! Tells the application which tenant calls, where that is configured.

use super::Inner;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body::{Frame, SizeHint};
use sealwire_http::{
    Body, Identity, Peer,
    alike::remove_alike,
    body::{self, BoxError},
};
use std::{
    convert::Infallible,
    pin::Pin,
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
            remove_alike(request.headers_mut(), field);
            let name = field.clone();
            request = request.map(|body| body::boxed(Trailed { body, name }));
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

/// A body whose trailer does not have the field either: applications may merge it into the head.
struct Trailed {
    body: Body,
    name: HeaderName,
}

impl http_body::Body for Trailed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        polled.map_ok(|mut frame| {
            if let Some(trailer) = frame.trailers_mut() {
                remove_alike(trailer, &self.name);
            }
            frame
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt as _, Full};

    // HH-64
    #[tokio::test]
    async fn a_trailer_tells_no_tenant() {
        let fields = ["sealwire_tenant", "sealwire-tenant", "other"]
            .map(|name| (HeaderName::from_static(name), HeaderValue::from_static("forged")));
        let sent = Full::new(Bytes::from_static(b"text"))
            .with_trailers(async move { Some(Ok(fields.into_iter().collect())) });
        let name = HeaderName::from_static("sealwire-tenant");
        let got = body::boxed(Trailed { body: body::boxed(sent), name }).collect().await.unwrap();
        let left: Vec<_> = got.trailers().unwrap().keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["other"]);
        assert_eq!(got.to_bytes(), "text");
    }
}
