//! The exchange with the application behind the gateway, streaming both ways. WebSockets are in `websocket`.
//!
//! Over HTTP/1.1, also under TLS, unless the route says `upstream-http2`: the request's own authority then travels in its
//! Host field, whatever the upstream is called. A request is never repeated: what the pool retries has not been written to any connection.

mod body;
mod early;
mod http2;
mod resolver;
#[cfg(test)]
mod tests;
mod websocket;

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
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header, request::Parts};
use http_body::Body as _;
use http2::{Exchange, Http2};
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
    Body, Peer, Wire,
    crypto::random::Random,
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
/// Longer than anything lasts.
const NEVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Sends requests to the upstream of the route that they take. Cheap to clone; one pool.
#[derive(Clone)]
pub(crate) struct Upstream(Arc<Shared>);

/// Makes connections for HTTP/2, where an answer before the end of the request closes nothing.
type Connector = HttpsConnector<HttpConnector<Resolver>>;

struct Shared {
    client: Client<HttpsConnector<EarlyAnswers<HttpConnector<Resolver>>>, RequestBody>,
    http2: Http2,
    metrics: Arc<UpstreamMetrics>,
    random: Arc<dyn Random>,
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
        random: Arc<dyn Random>,
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
        let http2 = HttpsConnectorBuilder::new()
            .with_tls_config(tls.clone())
            .https_or_http()
            .enable_http2()
            .wrap_connector(http.clone());
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(EarlyAnswers(http));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .build(connector);
        Ok(Self(Arc::new(Shared { client, http2: Http2::new(http2), metrics, random, idle_time })))
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
        if request.method() == Method::CONNECT {
            // On the heap, so that the usual exchange is not as large as the rarest.
            return Box::pin(self.websocket(route, request)).await;
        }
        let idle_time = self.idle_time(&request);
        let (request, progress) = self.outbound(route, request, idle_time)?;
        let answer = self.send(route, request);
        let answer = match &progress {
            None => timeout(route.timeout, answer).await.map_err(|_| Late::Upstream),
            Some(progress) => progress.timeout(route.timeout, idle_time, answer).await,
        };
        match answer {
            Ok(Ok((response, exchange))) => self.inbound(response, exchange),
            Ok(Err(error)) => Err(self.failed(route, error, progress.as_deref())),
            Err(Late::Request) => Err(Failure::Request(RequestFault::Idle)),
            Err(Late::Upstream) => Err(self.late(route)),
        }
    }

    fn late(&self, route: &Route) -> Failure {
        self.metrics.timeout.increment(1);
        tracing::warn!(upstream = %route.target, "upstream did not begin its answer in time");
        Failure::Timeout
    }

    async fn send(
        &self,
        route: &Route,
        request: Request<RequestBody>,
    ) -> Result<(Response<Incoming>, Option<Exchange>), Unanswered> {
        if !route.http2 {
            return Ok((self.client.request(request).await?, None));
        }
        let (answer, exchange) = Box::pin(self.http2.request(&route.target.origin()?, request)).await?;
        Ok((answer, Some(exchange)))
    }

    /// The longest pause inside a request's content. Where it came through a channel, the channel's own pings tell whether
    /// the caller is there, and calls in which it is silent for long are usual (gRPC).
    fn idle_time(&self, request: &Request<Body>) -> Duration {
        let in_channel =
            request.extensions().get::<Peer>().is_some_and(|peer| peer.wire == Wire::SessionChannel);
        if in_channel { NEVER } else { self.idle_time }
    }

    /// The request as the upstream gets it. `None` for its progress where it has no content.
    fn outbound(
        &self,
        route: &Route,
        request: Request<Body>,
        idle_time: Duration,
    ) -> Result<(Request<RequestBody>, Option<Arc<Progress>>), Failure> {
        let (mut parts, content) = request.into_parts();
        if route.http2 {
            direct_http2(route, &mut parts)?;
        } else {
            direct(route, &mut parts)?;
        }
        let informational = parts.extensions.remove::<InformationalSender>();
        parts.extensions.clear();
        let progress = (!content.is_end_stream()).then(|| Arc::new(Progress::new()));
        let content =
            RequestBody::new(content, progress.clone(), idle_time, self.metrics.request_bytes.clone());
        let mut request = Request::from_parts(parts, content);
        if let Some(sender) = informational {
            forward_informational(&mut request, sender);
        }
        Ok((request, progress))
    }

    /// The answer as the caller gets it.
    fn inbound(
        &self,
        response: Response<Incoming>,
        exchange: Option<Exchange>,
    ) -> Result<Response<Body>, Failure> {
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
            sealwire_http::body::boxed(ResponseBody::new(content, exchange, self.metrics.clone()))
        };
        Ok(Response::from_parts(parts, content))
    }

    fn failed(&self, route: &Route, error: Unanswered, progress: Option<&Progress>) -> Failure {
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
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::warn!(upstream = %route.target, %error, cause, "upstream failed");
        failure
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error(transparent)]
    Http1(#[from] ClientError),
    #[error(transparent)]
    Http2(#[from] http2::Error),
    #[error("the upstream's address makes no URI")]
    Address(#[from] http::Error),
}

impl Unanswered {
    fn is_connect(&self) -> bool {
        match self {
            Self::Http1(error) => error.is_connect(),
            Self::Http2(error) => !matches!(error, http2::Error::Exchange(_)),
            Self::Address(_) => true,
        }
    }
}

/// Makes a request's head that of a request to the upstream over HTTP/1.1.
fn direct(route: &Route, parts: &mut Parts) -> Result<(), Failure> {
    let path = parts.uri.path_and_query().ok_or(Failure::Unroutable)?;
    let uri = route.target.uri(path).ok_or(Failure::Unroutable)?;
    if let Some(authority) = parts.uri.authority() {
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| Failure::Unroutable)?;
        parts.headers.insert(header::HOST, host);
    }
    parts.uri = uri;
    parts.version = Version::HTTP_11;
    clean(parts);
    Ok(())
}

/// The same over HTTP/2.
fn direct_http2(route: &Route, parts: &mut Parts) -> Result<(), Failure> {
    let own = match parts.uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()?.parse().ok()),
    };
    let path = parts.uri.path_and_query().ok_or(Failure::Unroutable)?;
    let mut uri = route.target.uri(path).ok_or(Failure::Unroutable)?.into_parts();
    uri.authority = own.or(uri.authority);
    parts.uri = Uri::from_parts(uri).map_err(|_| Failure::Unroutable)?;
    parts.version = Version::HTTP_2;
    // One of the two says it (RFC 9113 section 8.3.1).
    parts.headers.remove(header::HOST);
    clean(parts);
    Ok(())
}

fn clean(parts: &mut Parts) {
    remove_connection_fields(&mut parts.headers);
    join_cookies(&mut parts.headers);
    // The listener has answered it already.
    parts.headers.remove(header::EXPECT);
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
            let _ = sender.0.try_send(Box::new(Informational { status, headers }));
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
    /// The application makes no WebSocket of it.
    NoWebSocket,
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
            Self::NoWebSocket => (StatusCode::BAD_GATEWAY, "The application has not made a WebSocket of it"),
            Self::Timeout => (StatusCode::GATEWAY_TIMEOUT, "The application took too long to answer"),
        };
        problem::response(status, problem::BLANK, title, "")
    }
}
