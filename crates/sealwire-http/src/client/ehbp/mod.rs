//! The client's side of EHBP: content is sealed, method, target and fields are not (EH-20).

mod answer;
mod content;
mod recovery;
mod target;

pub use super::InClear;
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
    /// It goes in clear, and its answer has [`InClear`] in its extensions; and so has an empty answer in which nothing is sealed,
    /// which is no answer otherwise.
    InClear,
}

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
    answer::open(outer, answer, &method, settings, target.source).await
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{KeySource, PinnedKey};
    use http::StatusCode;
    use http_body_util::BodyExt;
    use sealwire_crypto::kem::{Kem, PrivateKey};
    use sealwire_ehbp::{
        EncapsulatedKey,
        server::{ExpectFrame, Progress, ServerKey},
    };
    use tower::{ServiceExt, service_fn};

    type Maker = fn(Request<Body>) -> BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn key() -> ServerKey {
        ServerKey::new(PrivateKey::from_bytes(Kem::X25519, &[7; 32]).unwrap()).unwrap()
    }

    async fn ask(transport: Maker, settings: Settings) -> Result<Response<Body>, Error> {
        let public_key = key().config().public_key().as_bytes().try_into().unwrap();
        let pinned = PinnedKey { id: bytes::Bytes::new(), public_key };
        let target = Target::pinned(&pinned, "http://127.0.0.1:1".parse().unwrap()).unwrap();
        let request = Request::post("https://a.example/").body(body::full("x")).unwrap();
        Ehbp::new(service_fn(transport), target, settings).oneshot(request).await
    }

    fn made_up(status: u16, content: &'static [u8]) -> Result<Response<Body>, BoxError> {
        let answer = Response::builder().status(status).header(field::RESPONSE_NONCE, "ab".repeat(32));
        Ok(answer.body(body::full(content))?)
    }

    // EH-07, EH-28: a nonce proves nothing. Where no tag was checked, nobody says that the key was.
    #[tokio::test]
    async fn an_answer_of_which_nothing_opens_is_nobodys() {
        let makers: [Maker; 2] =
            [|_| Box::pin(async { made_up(200, b"") }), |_| Box::pin(async { made_up(200, &[0; 8]) })];
        for maker in makers {
            let answer = ask(maker, Settings::default()).await.map(|answer| answer.status());
            assert!(matches!(answer, Err(Error::NotEncapsulated(StatusCode::OK))), "{answer:?}");
            let in_clear = Settings { without_content: WithoutContent::InClear, ..Settings::default() };
            let answer = ask(maker, in_clear).await.unwrap();
            assert!(answer.extensions().get::<InClear>().is_some());
            assert!(answer.extensions().get::<KeySource>().is_none());
        }
        // HTTP has no content there, so that it may be the server's or not.
        let answer = ask(|_| Box::pin(async { made_up(204, b"") }), Settings::default()).await.unwrap();
        assert!(answer.extensions().get::<InClear>().is_some());
        assert!(answer.extensions().get::<KeySource>().is_none());
    }

    // EH-03, EH-07: a tag alone shows whose an empty answer is.
    #[tokio::test]
    async fn an_empty_answer_with_a_frame_is_the_servers() {
        let answer = ask(
            |request| {
                Box::pin(async {
                    let (head, content) = request.into_parts();
                    let sealed = content.collect().await?.to_bytes();
                    let enc = EncapsulatedKey::from_field(head.headers[field::ENCAPSULATED_KEY].as_bytes())?;
                    let Progress::Frame(first) = ExpectFrame::new(enc, Limits::default()).push(&sealed)?
                    else {
                        panic!("no frame");
                    };
                    let (nonce, sealer) = first.open(&key())?.answer.begin(&OsRandom)?;
                    let records = SealedRecords::new(sealer, BytesMut::new(), body::empty()).0;
                    let answer = Response::builder().header(field::RESPONSE_NONCE, nonce.to_field());
                    Ok(answer.body(body::boxed(records))?)
                })
            },
            Settings::default(),
        );
        let answer = answer.await.unwrap();
        assert_eq!(answer.extensions().get(), Some(&KeySource::Pinned));
        assert!(answer.into_body().collect().await.unwrap().to_bytes().is_empty());
    }
}
