//! One exchange: admitted, stripped, forwarded, and the answer stripped and forwarded back.

use super::{
    Error, RelayLimits, RelaySettings, Tap,
    admit::{Admission, Refusal},
    answer::plain,
    carried::{Carried, Exchange, Idle, Show, TooLong},
    map::{Found, Map},
    metrics::Metrics,
};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body::Body as _;
use sealwire_client::transport::Transport;
use sealwire_http::{Body, BoxError, INCREMENTAL, body};
use std::{
    convert::Infallible,
    error::Error as StdError,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    sync::Arc,
    task::{Context, Poll},
};
use tower::{Service, ServiceExt};

/// The fields that pass, in both directions (OB-81).
const PASS: [HeaderName; 2] = [header::CONTENT_TYPE, INCREMENTAL];

/// The relay as a service. Clones share everything.
#[derive(Clone)]
pub(super) struct Relay(Arc<Shared>);

struct Shared {
    map: Map,
    transport: Transport,
    admission: Arc<Admission>,
    limits: RelayLimits,
    metrics: Metrics,
    tap: Option<Arc<dyn Tap>>,
}

impl Relay {
    pub(super) fn new(
        settings: &RelaySettings,
        map: Map,
        transport: Transport,
        metrics: Metrics,
    ) -> Result<Self, Error> {
        let limits = settings.limits;
        let rate = NonZeroU32::new(limits.rate).ok_or(Error::Rate)?;
        let burst = NonZeroU32::new(limits.burst).ok_or(Error::Rate)?;
        let admission = Admission::new(rate, burst, limits.exchanges, limits.exchanges_per_client);
        let (admission, tap) = (Arc::new(admission), settings.tap.clone());
        Ok(Self(Arc::new(Shared { map, transport, admission, limits, metrics, tap })))
    }
}

impl Service<Request<Body>> for Relay {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let shared = self.0.clone();
        Box::pin(async move { Ok(shared.exchange(request).await) })
    }
}

impl Shared {
    async fn exchange(&self, request: Request<Body>) -> Response<Body> {
        let exchange = match self.admission.admit(client(&request)) {
            Ok(slot) => Exchange::new(slot, &self.metrics),
            Err(refusal) => return self.refused(refusal),
        };
        // No query, so no challenge, and no room for a name (OB-88).
        if request.uri().query().is_some() {
            self.metrics.path.increment(1);
            return plain(StatusCode::BAD_REQUEST, "a relay takes no query\n");
        }
        let resource = match self.map.find(request.method(), request.uri().path()) {
            Found::Resource(resource) => resource,
            Found::Methods(methods) => {
                self.metrics.path.increment(1);
                return other_methods(methods);
            }
            Found::Nothing => {
                self.metrics.path.increment(1);
                return plain(StatusCode::NOT_FOUND, "no such gateway or resource\n");
            }
        };
        if request.body().size_hint().lower() > self.limits.body {
            self.metrics.size.increment(1);
            return too_long();
        }
        let request = self.outgoing(request, resource, &exchange);
        // Nothing is repeated (OB-85); the pool may only move a request of which no byte was written.
        match self.transport.clone().oneshot(request).await {
            Ok(response) => {
                self.metrics.forwarded.increment(1);
                self.incoming(response, exchange)
            }
            Err(error) => self.failed(&error),
        }
    }

    fn outgoing(&self, request: Request<Body>, resource: &Uri, exchange: &Arc<Exchange>) -> Request<Body> {
        let (parts, content) = request.into_parts();
        let has_content = parts.method == Method::POST;
        let content = if has_content {
            let show = self.show(|tap, slice| tap.request(slice));
            let carried = Carried::new(content, exchange.clone(), self.metrics.request_bytes.clone(), show);
            body::boxed(carried.bounded(self.limits.body, self.limits.idle_time))
        } else {
            body::empty()
        };
        let mut outgoing = Request::new(content);
        *outgoing.method_mut() = parts.method;
        *outgoing.uri_mut() = resource.clone();
        if has_content {
            pass(&parts.headers, outgoing.headers_mut());
        }
        outgoing
    }

    /// OB-87: status and media type as they are.
    fn incoming(&self, response: Response<Body>, exchange: Arc<Exchange>) -> Response<Body> {
        let (parts, content) = response.into_parts();
        let show = self.show(|tap, slice| tap.response(slice));
        let content = Carried::new(content, exchange, self.metrics.response_bytes.clone(), show);
        let mut incoming = Response::new(body::boxed(content));
        *incoming.status_mut() = parts.status;
        pass(&parts.headers, incoming.headers_mut());
        incoming
    }

    fn show(&self, to: fn(&dyn Tap, &[u8])) -> Option<Show> {
        let tap = self.tap.clone()?;
        Some(Box::new(move |slice| to(&*tap, slice)))
    }

    fn refused(&self, refusal: Refusal) -> Response<Body> {
        match refusal {
            Refusal::Rate(seconds) => {
                self.metrics.rate.increment(1);
                let mut response = plain(StatusCode::TOO_MANY_REQUESTS, "too many requests\n");
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                response
            }
            Refusal::Client => {
                self.metrics.client.increment(1);
                plain(StatusCode::TOO_MANY_REQUESTS, "too many requests at once\n")
            }
            Refusal::Busy => {
                self.metrics.busy.increment(1);
                plain(StatusCode::SERVICE_UNAVAILABLE, "this relay is busy\n")
            }
        }
    }

    fn failed(&self, error: &BoxError) -> Response<Body> {
        if any_cause::<TooLong>(error) {
            self.metrics.size.increment(1);
            return too_long();
        }
        if any_cause::<Idle>(error) {
            self.metrics.idle.increment(1);
            return plain(StatusCode::REQUEST_TIMEOUT, "the request came too slowly\n");
        }
        self.metrics.failed.increment(1);
        if any_cause::<tower::timeout::error::Elapsed>(error) {
            plain(StatusCode::GATEWAY_TIMEOUT, "the gateway does not answer\n")
        } else {
            plain(StatusCode::BAD_GATEWAY, "the gateway cannot be reached, or broke off\n")
        }
    }
}

fn other_methods(allow: &'static str) -> Response<Body> {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "this resource takes other methods\n");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}

fn too_long() -> Response<Body> {
    plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than this relay forwards\n")
}

/// The address that the listener saw. Without one everybody is the same client.
fn client(request: &Request<Body>) -> IpAddr {
    request.extensions().get::<SocketAddr>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), SocketAddr::ip)
}

fn pass(from: &HeaderMap, to: &mut HeaderMap) {
    for name in PASS {
        for value in from.get_all(&name) {
            to.append(name.clone(), value.clone());
        }
    }
}

fn any_cause<E: StdError + 'static>(error: &BoxError) -> bool {
    let first: &(dyn StdError + 'static) = error.as_ref();
    std::iter::successors(Some(first), |&error| error.source()).any(|error| error.is::<E>())
}
