//! The exchange with the application behind the gateway, streaming both ways.
//!
//! Over HTTP/1.1, also under TLS: the request's own authority then travels in its Host field, whatever the upstream is
//! called. A request is never repeated: what the pool retries has not been written to any connection.

mod body;
mod early;
mod resolver;
#[cfg(test)]
mod tests;

use crate::{
    layers::Matched,
    metrics::UpstreamMetrics,
    routes::Route,
    tls::{self, Roots},
};
use body::{Late, RequestFault, ResponseBody};
pub(crate) use body::{Progress, RequestBody};
use early::EarlyAnswers;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, Error as ClientError, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use resolver::Resolver;
use rustls::{ClientConfig, RootCertStore};
use sealwire_http::message::bhttp::{join_cookies, remove_connection_fields};
use sealwire_http::{
    Body,
    informational::{Informational, InformationalSender},
    problem,
};
use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::timeout;
use tower::Service;

/// How long a connection without a request is kept: below the 5 s after which common application servers close one,
/// since a request that meets the closing is lost.
const POOL_IDLE: Duration = Duration::from_secs(4);
/// After this time of silence the operating system asks whether the upstream is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Sends requests to the upstream of the route that they take. Cheap to clone; one pool.
#[derive(Clone)]
pub(crate) struct Upstream(Arc<Shared>);

struct Shared {
    client: Client<HttpsConnector<EarlyAnswers<HttpConnector<Resolver>>>, RequestBody>,
    metrics: Arc<UpstreamMetrics>,
    idle_time: Duration,
}

impl Upstream {
    /// `roots` are those of `https` upstreams; without, none is trusted. `idle_time` is the longest pause inside a
    /// request's content, `send_time` how long an upstream may take nothing of what it is sent.
    ///
    /// # Errors
    /// None that depends on the arguments.
    pub(crate) fn new(
        roots: Option<&Roots>,
        metrics: Arc<UpstreamMetrics>,
        idle_time: Duration,
        send_time: Duration,
    ) -> Result<Self, rustls::Error> {
        let roots = roots.map_or_else(RootCertStore::empty, Roots::store);
        let tls = ClientConfig::builder_with_provider(tls::provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut http = HttpConnector::new_with_resolver(Resolver::new());
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_keepalive(Some(KEEPALIVE));
        // hyper never gives up what waits to be written, also when its answer is no longer wanted; with it would wait
        // the connection of the caller.
        #[cfg(target_os = "linux")]
        http.set_tcp_user_timeout(Some(send_time));
        #[cfg(not(target_os = "linux"))]
        let _ = send_time;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(EarlyAnswers(http));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .build(connector);
        Ok(Self(Arc::new(Shared { client, metrics, idle_time })))
    }
}

impl Service<Request<Body>> for Upstream {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let shared = self.0.clone();
        let route = request.extensions_mut().remove::<Matched>();
        Box::pin(async move {
            Ok(match route {
                Some(Matched(route)) => {
                    shared.exchange(&route, request).await.unwrap_or_else(Failure::response)
                }
                // The policy has let every request through that comes here.
                None => Failure::Unroutable.response(),
            })
        })
    }
}

impl Shared {
    async fn exchange(&self, route: &Route, request: Request<Body>) -> Result<Response<Body>, Failure> {
        let (request, progress) = self.outbound(route, request)?;
        let answer = self.client.request(request);
        let answer = match &progress {
            None => timeout(route.timeout, answer).await.map_err(|_| Late::Upstream),
            Some(progress) => progress.timeout(route.timeout, self.idle_time, answer).await,
        };
        match answer {
            Ok(Ok(response)) => self.inbound(response),
            Ok(Err(error)) => Err(self.failed(route, &error, progress.as_deref())),
            Err(Late::Request) => Err(Failure::Request(RequestFault::Idle)),
            Err(Late::Upstream) => {
                self.metrics.timeout.increment(1);
                tracing::warn!(upstream = %route.target, "upstream did not begin its answer in time");
                Err(Failure::Timeout)
            }
        }
    }

    /// The request as the upstream gets it. `None` for its progress where it has no content.
    fn outbound(
        &self,
        route: &Route,
        request: Request<Body>,
    ) -> Result<(Request<RequestBody>, Option<Arc<Progress>>), Failure> {
        let (mut parts, content) = request.into_parts();
        let path = parts.uri.path_and_query().ok_or(Failure::Unroutable)?;
        let uri = route.target.uri(path).ok_or(Failure::Unroutable)?;
        if let Some(authority) = parts.uri.authority() {
            let host = HeaderValue::from_str(authority.as_str()).map_err(|_| Failure::Unroutable)?;
            parts.headers.insert(header::HOST, host);
        }
        parts.uri = uri;
        parts.version = Version::HTTP_11;
        remove_connection_fields(&mut parts.headers);
        join_cookies(&mut parts.headers);
        // The listener has answered it already.
        parts.headers.remove(header::EXPECT);
        let informational = parts.extensions.remove::<InformationalSender>();
        parts.extensions.clear();
        let progress = (!content.is_end_stream()).then(|| Arc::new(Progress::new()));
        let content =
            RequestBody::new(content, progress.clone(), self.idle_time, self.metrics.request_bytes.clone());
        let mut request = Request::from_parts(parts, content);
        if let Some(sender) = informational {
            forward_informational(&mut request, sender);
        }
        Ok((request, progress))
    }

    /// The answer as the caller gets it.
    fn inbound(&self, response: Response<Incoming>) -> Result<Response<Body>, Failure> {
        // Nobody has asked for another protocol.
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            self.metrics.exchange.increment(1);
            return Err(Failure::Exchange);
        }
        self.metrics.answered(response.status());
        let (mut parts, content) = response.into_parts();
        remove_connection_fields(&mut parts.headers);
        parts.version = Version::HTTP_11;
        parts.extensions.clear();
        let content = if content.is_end_stream() {
            sealwire_http::body::empty()
        } else {
            sealwire_http::body::boxed(ResponseBody::new(content, self.metrics.clone()))
        };
        Ok(Response::from_parts(parts, content))
    }

    fn failed(&self, route: &Route, error: &ClientError, progress: Option<&Progress>) -> Failure {
        if let Some(fault) = progress.and_then(Progress::fault) {
            return Failure::Request(fault);
        }
        let failure = if error.is_connect() {
            self.metrics.connect.increment(1);
            Failure::Connect
        } else {
            self.metrics.exchange.increment(1);
            Failure::Exchange
        };
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::warn!(upstream = %route.target, %error, cause, "upstream failed");
        failure
    }
}

/// Hands informational responses to a wire that can carry them (OB-36). 100 concerns one connection, and 101 is not
/// informational in what it does.
fn forward_informational(request: &mut Request<RequestBody>, sender: InformationalSender) {
    hyper::ext::on_informational(request, move |response| {
        let status = response.status();
        if ![StatusCode::CONTINUE, StatusCode::SWITCHING_PROTOCOLS].contains(&status) {
            let mut headers = response.headers().clone();
            remove_connection_fields(&mut headers);
            // What does not fit is dropped, as intermediaries may.
            let _ = sender.0.try_send(Informational { status, headers });
        }
    });
}

/// Why an upstream's answer does not come.
#[derive(Debug, Clone, Copy)]
enum Failure {
    /// The request cannot be put to this upstream.
    Unroutable,
    /// The request's content did not come to its end.
    Request(RequestFault),
    /// No connection.
    Connect,
    /// The exchange broke off before the answer began.
    Exchange,
    /// The answer did not begin in time.
    Timeout,
}

impl Failure {
    fn response(self) -> Response<Body> {
        let (status, title) = match self {
            Self::Unroutable => {
                (StatusCode::BAD_REQUEST, "The request cannot be passed on to the application")
            }
            Self::Request(RequestFault::Cut) => (StatusCode::BAD_REQUEST, "The request broke off"),
            Self::Request(RequestFault::Idle) => (StatusCode::REQUEST_TIMEOUT, "The request stalled"),
            Self::Connect => (StatusCode::BAD_GATEWAY, "The application cannot be reached"),
            Self::Exchange => (StatusCode::BAD_GATEWAY, "The application broke off the exchange"),
            Self::Timeout => (StatusCode::GATEWAY_TIMEOUT, "The application took too long to answer"),
        };
        problem::response(status, problem::BLANK, title, "")
    }
}
