//! The client's side of EHBP: content is sealed, method, target and fields are not (EH-20).

mod answer;
mod content;
mod recovery;
mod target;

pub use recovery::{Recovery, recover};
pub use target::Target;

use super::{Error, exchange};
use crate::{Body, BoxError, body, complete::Completeness, opened::Fault, records::SealedRecords};
use bytes::BytesMut;
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Request, Response, header};
use sealwire_crypto::random::{OsRandom, Random};
use sealwire_ehbp::{Limits, client, field};
use sealwire_message::bhttp::RequestHead;
use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tower::Service;

/// Settings of the wire's client side.
#[derive(Clone)]
pub struct Settings {
    /// limits
    pub limits: Limits,
    /// how long nothing may come of an answer that has begun
    pub idle_time: Duration,
    /// what tells the end of an answer, which this wire does not (EH-22)
    pub completeness: Completeness,
    /// what becomes of requests without content, which this wire cannot seal (EH-06)
    pub without_content: WithoutContent,
    /// randomness
    pub random: Arc<dyn Random>,
}

impl Default for Settings {
    /// Nothing goes or comes in clear.
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            idle_time: Duration::from_secs(300),
            completeness: Completeness::default(),
            without_content: WithoutContent::default(),
            random: Arc::new(OsRandom),
        }
    }
}

/// What becomes of a request that has no content to seal. Its answer would come in clear too, from anybody (EH-06, EH-23).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WithoutContent {
    /// It is not sent.
    #[default]
    Refused,
    /// It goes in clear, and its answer has [`InClear`] in its extensions.
    InClear,
}

/// In the extensions of an answer that came in clear, to a request that went in clear: anybody on the way can read and make
/// it.
#[derive(Debug, Clone, Copy)]
pub struct InClear;

/// One attempt each call: seals the content of the request with a fresh context, sends it by `transport`, opens the answer.
///
/// The request's URI is absolute; its authority goes into the Host field. Whoever is on the way reads method, target, fields
/// and lengths, and can change all but the content (EH-20).
#[derive(Clone)]
pub struct Ehbp<T> {
    transport: T,
    shared: Arc<Shared>,
}

/// What all attempts have in common.
struct Shared {
    target: Target,
    settings: Settings,
}

impl<T> Ehbp<T> {
    /// To one target.
    #[must_use]
    pub fn new(transport: T, target: Target, settings: Settings) -> Self {
        Self { transport, shared: Arc::new(Shared { target, settings }) }
    }
}

impl<T> Service<Request<Body>> for Ehbp<T>
where
    T: Service<Request<Body>, Response = Response<Body>, Future: Send> + Clone + Send + 'static,
    T::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response<Body>, Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.transport.poll_ready(cx).map_err(Error::transport)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        // The clone takes the place of the one that is ready.
        let fresh = self.transport.clone();
        let transport = std::mem::replace(&mut self.transport, fresh);
        Box::pin(async move { attempt(&shared, transport, request).await })
    }
}

async fn attempt<T>(
    shared: &Shared,
    mut transport: T,
    request: Request<Body>,
) -> Result<Response<Body>, Error>
where
    T: Service<Request<Body>, Response = Response<Body>>,
    T::Error: Into<BoxError>,
{
    let Shared { target, settings } = shared;
    let (head, extensions, content) = exchange::head(request)?;
    let method = head.method.clone();
    // A field that says "sealed" above no content at all is what EH-06 has not.
    let Some(content) = content::present(content).await? else {
        return match settings.without_content {
            WithoutContent::Refused => Err(Error::NothingToSeal),
            WithoutContent::InClear => {
                let sent = transport.call(outer(target, head, body::empty())?);
                let mut answer = sent.await.map_err(Error::transport)?;
                answer.extensions_mut().insert(InClear);
                Ok(answer)
            }
        };
    };
    let started = client::Request::new(&target.key, &settings.limits, &*settings.random);
    let client::Request { enc, content: sealer, answer } =
        started.map_err(Fault::from).map_err(Error::Sealing)?;
    if let Some(recovery) = extensions.get::<Recovery>() {
        recovery.keep(answer.token());
    }
    let (sealed, fault) = SealedRecords::new(sealer, BytesMut::new(), content);
    let mut request = outer(target, head, body::boxed(sealed))?;
    let enc = HeaderValue::try_from(enc.to_field()).map_err(|_| Error::Request("its key is no field"))?;
    request.headers_mut().insert(HeaderName::from_static(field::ENCAPSULATED_KEY), enc);
    let sent = transport.call(request).await;
    let outer = sent.map_err(|error| Error::sending(error, &fault))?;
    let mut opened = answer::open(outer, answer, &method, settings).await?;
    opened.extensions_mut().insert(target.source);
    Ok(opened)
}

/// What the network sees.
fn outer(target: &Target, head: RequestHead, content: Body) -> Result<Request<Body>, Error> {
    let mut request = Request::new(content);
    *request.method_mut() = head.method;
    *request.uri_mut() = target.place(head.path)?;
    *request.headers_mut() = head.headers;
    let headers = request.headers_mut();
    // Of the content in clear; and what speaks of a wire speaks of this one.
    for name in [header::CONTENT_LENGTH, HeaderName::from_static(field::ENCAPSULATED_KEY)] {
        headers.remove(name);
    }
    if let Some(authority) = head.authority
        && let Ok(host) = HeaderValue::try_from(authority.as_str())
    {
        headers.insert(header::HOST, host);
    }
    body::frame(&mut request);
    Ok(request)
}
