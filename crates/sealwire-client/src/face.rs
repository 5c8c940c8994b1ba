//! A small face for callers without a framework: `connector.get("/path").await`.

use crate::{Connector, Error, ReplaySafe};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Method, Request, Response, request};
use sealwire_http::{Body, body};
use tower::ServiceExt;

/// A request in the making. Awaiting it sends it.
#[must_use = "a request does nothing until it is awaited"]
pub struct RequestBuilder {
    connector: Connector,
    request: request::Builder,
    body: Body,
}

impl Connector {
    /// A request; `path` begins with a slash and may have a query.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = Request::builder().method(method).uri(path);
        RequestBuilder { connector: self.clone(), request, body: body::empty() }
    }

    /// A GET request.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }
}

impl RequestBuilder {
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

    /// Sends it.
    ///
    /// # Errors
    /// As the [`Connector`] service; [`Error::Request`] when a part of it was malformed.
    pub async fn send(self) -> Result<Response<Body>, Error> {
        self.connector.oneshot(self.request.body(self.body)?).await
    }
}

impl IntoFuture for RequestBuilder {
    type Output = Result<Response<Body>, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
