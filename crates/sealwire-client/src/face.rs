//! A small face for callers without a framework: `connector.get("/path").await`.

use crate::{Connector, Error, ReplaySafe, pinned};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Method, Request, Response, request};
use sealwire_http::{Body, body};
use tower::{Service, ServiceExt};

/// A request in the making. Awaiting it sends it.
#[must_use = "a request does nothing until it is awaited"]
pub struct RequestBuilder<C = Connector> {
    connector: C,
    request: request::Builder,
    body: Body,
}

impl Connector {
    /// A request; `path` begins with a slash and may have a query.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        RequestBuilder::new(self.clone(), method, path)
    }

    /// A GET request.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }
}

impl pinned::Connector {
    /// A request; `path` begins with a slash and may have a query.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder<Self> {
        RequestBuilder::new(self.clone(), method, path)
    }

    /// A GET request.
    pub fn get(&self, path: &str) -> RequestBuilder<Self> {
        self.request(Method::GET, path)
    }
}

impl<C> RequestBuilder<C> {
    fn new(connector: C, method: Method, path: &str) -> Self {
        Self { connector, request: Request::builder().method(method).uri(path), body: body::empty() }
    }

    /// Adds a field.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        HeaderName: TryFrom<N>,
        <HeaderName as TryFrom<N>>::Error: Into<http::Error>,
        HeaderValue: TryFrom<V>,
        <HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
    {
        self.request = self.request.header(name, value);
        self
    }

    /// Content that is in memory.
    pub fn body(self, content: impl Into<Bytes>) -> Self {
        self.stream(body::full(content))
    }

    /// Content that streams.
    pub fn stream(mut self, content: Body) -> Self {
        self.body = content;
        self
    }

    /// Repeating it does no harm (SE-43).
    pub fn replay_safe(mut self) -> Self {
        self.request = self.request.extension(ReplaySafe);
        self
    }
}

impl<C: Service<Request<Body>, Response = Response<Body>, Error = Error>> RequestBuilder<C> {
    /// Sends it.
    ///
    /// # Errors
    /// As the [`Connector`] service; [`Error::Request`] when a part of it was malformed.
    pub async fn send(self) -> Result<Response<Body>, Error> {
        self.connector.oneshot(self.request.body(self.body)?).await
    }
}

impl<C> IntoFuture for RequestBuilder<C>
where
    C: Service<Request<Body>, Response = Response<Body>, Error = Error, Future: Send> + Send + 'static,
{
    type Output = Result<Response<Body>, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
