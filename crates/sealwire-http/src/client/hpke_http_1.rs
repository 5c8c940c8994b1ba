//! The client's side of hpke-http 1.x: bodies are sealed, method, target and fields are not (HH-96).

use super::{Error, InClear, KeySource, PinnedKey, exchange};
use crate::{
    Body, BoxError, body,
    complete::{Completeness, Watch},
    opened::{Fault, Message, OpenedBody, Part},
    records::{SealRecords, SealedRecords},
};
use bytes::BytesMut;
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri, header};
use sealwire_attest::{Appraised, KeyDocument, UnixTime};
use sealwire_crypto::{
    digest::sha256,
    kem::{Kem, PublicKey},
    random::{OsRandom, Random},
};
use sealwire_hpke_http::legacy::{
    Credential, Error as Legacy, Limits,
    client::{self, AwaitedAnswer, Data, RequestSealer, ResponseReader},
    name,
};
use sealwire_message::bhttp::remove_connection_fields;
use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tower::Service;

/// The name of the wire, and the purpose of its keys in a key document.
pub const WIRE: &str = "hpke-http-1";

/// The wire's own fields; a caller's of these names do not go along.
const OWN: [HeaderName; 6] =
    [name::ENC, name::STREAM, name::PSK_ID, name::ENCODING, name::CONTENT_TYPE, name::ERROR];

/// Settings of the wire's client side.
#[derive(Clone)]
pub struct Settings {
    /// limits
    pub limits: Limits,
    /// how long nothing may come of an answer that has begun
    pub idle_time: Duration,
    /// what tells the end of an answer, which this wire does not (HH-97)
    pub completeness: Completeness,
    /// randomness
    pub random: Arc<dyn Random>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            idle_time: Duration::from_secs(300),
            completeness: Completeness::default(),
            random: Arc::new(OsRandom),
        }
    }
}

/// Whom to seal to, as whom, and where to send it.
#[derive(Clone)]
pub struct Target {
    key: PublicKey,
    credential: Arc<Credential>,
    source: KeySource,
    base: Uri,
}

impl Target {
    /// The first key of an appraised document that is live at `at`. `base` is where the server is: scheme and authority
    /// count.
    ///
    /// # Errors
    /// When the document has none, or one that is malformed.
    pub fn attested(
        document: &Appraised<KeyDocument>,
        at: UnixTime,
        base: Uri,
        credential: Arc<Credential>,
    ) -> Result<Self, Legacy> {
        let listed = document.get().live_keys(WIRE, at).next().ok_or(Legacy::Document)?;
        let made = Self::new(&listed.bytes, base, credential, KeySource::Attested)?;
        if listed.id == made.key_id() { Ok(made) } else { Err(Legacy::Document) }
    }

    /// A key that the user vouches for. The wire names no key (HH-89), so its id is not looked at.
    ///
    /// # Errors
    /// A key that is no X25519 key.
    pub fn pinned(key: &PinnedKey, base: Uri, credential: Arc<Credential>) -> Result<Self, Legacy> {
        Self::new(&key.public_key, base, credential, KeySource::Pinned)
    }

    fn new(key: &[u8], base: Uri, credential: Arc<Credential>, source: KeySource) -> Result<Self, Legacy> {
        let key = PublicKey::from_bytes(Kem::X25519, key).map_err(|_| Legacy::Document)?;
        Ok(Self { key, credential, source, base })
    }

    /// The id of the key in a key document: the first 8 bytes of its SHA-256.
    #[must_use]
    pub fn key_id(&self) -> [u8; 8] {
        let [a, b, c, d, e, f, g, h, ..] = sha256(&[self.key.as_bytes()]);
        [a, b, c, d, e, f, g, h]
    }
}

/// One attempt each call: seals the body of the request with a fresh context, sends it by `transport`, opens the answer.
///
/// The request's URI is absolute; its authority goes into the Host field. Every body is sealed, of whatever kind (HH-94), and
/// one that is empty is an empty chunk: by it the server knows who asks (HH-91). Whoever is on the way reads and can change
/// all but bodies, and can cut those at the end of a chunk (HH-96, HH-97).
#[derive(Clone)]
pub struct HpkeHttp1<T> {
    transport: T,
    shared: Arc<(Target, Settings)>,
}

impl<T> HpkeHttp1<T> {
    /// To one target.
    #[must_use]
    pub fn new(transport: T, target: Target, settings: Settings) -> Self {
        Self { transport, shared: Arc::new((target, settings)) }
    }
}

impl<T> Service<Request<Body>> for HpkeHttp1<T>
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
        Box::pin(async move { attempt(&shared.0, &shared.1, transport, request).await })
    }
}

async fn attempt<T>(
    target: &Target,
    settings: &Settings,
    mut transport: T,
    request: Request<Body>,
) -> Result<Response<Body>, Error>
where
    T: Service<Request<Body>, Response = Response<Body>>,
    T::Error: Into<BoxError>,
{
    let sealing = |error: Legacy| Error::Sealing(error.into());
    let (head, _, content) = exchange::head(request)?;
    let (method, mut fields) = (head.method, head.headers);
    for own in OWN {
        fields.remove(own);
    }
    let content_type = fields.get(header::CONTENT_TYPE);
    let started = client::start(&target.key, &target.credential, content_type, &*settings.random);
    let client::Started { headers, body: sealer, answer } = started.map_err(sealing)?;
    // Of what is sealed; a length in clear would be that of the content.
    fields.remove(header::CONTENT_LENGTH);
    for (name, value) in &headers {
        fields.insert(name, value.clone());
    }
    if let Some(authority) = head.authority
        && let Ok(host) = HeaderValue::try_from(authority.as_str())
    {
        fields.insert(header::HOST, host);
    }
    let (sealed, fault) = SealedRecords::new(Chunks::new(sealer), BytesMut::new(), content);
    let sealed = body::boxed(sealed.ended_if_empty().map_err(Error::Sealing)?);
    let mut outer = Request::new(sealed);
    *outer.method_mut() = method.clone();
    *outer.uri_mut() = exchange::at(&target.base, head.path)?;
    *outer.headers_mut() = fields;
    body::frame(&mut outer);
    let sent = transport.call(outer).await;
    let answer_head = sent.map_err(|error| Error::sending(error, &fault))?;
    open(answer_head, answer, &method, settings, target.source).await
}

/// The content of a request: data as it comes, and a last chunk, so that there is always one.
struct Chunks {
    sealer: Option<RequestSealer>,
    is_empty: bool,
}

impl Chunks {
    fn new(sealer: RequestSealer) -> Self {
        Self { sealer: Some(sealer), is_empty: true }
    }
}

impl SealRecords for Chunks {
    fn content(&mut self, out: &mut BytesMut, content: &[u8]) -> Result<(), Fault> {
        self.is_empty = false;
        self.sealer.as_mut().map_or(Ok(()), |sealer| Ok(sealer.data(out, content)?))
    }

    fn end(&mut self, out: &mut BytesMut) -> Result<(), Fault> {
        match self.sealer.take() {
            Some(sealer) if self.is_empty => Ok(sealer.finish(out, &[])?),
            _ => Ok(()),
        }
    }
}

/// The answer, if it is sealed. Errors of the peer's middleware are not, whatever their status (HH-99).
async fn open(
    answer: Response<Body>,
    awaited: AwaitedAnswer,
    method: &Method,
    settings: &Settings,
    source: KeySource,
) -> Result<Response<Body>, Error> {
    let (mut head, content) = answer.into_parts();
    let reader = awaited.open(&head.headers, &settings.limits).map_err(|error| match error {
        Legacy::Refused => Error::Refused(head.status),
        Legacy::Unsealed => Error::NotEncapsulated(head.status),
        malformed => Fault::from(malformed).into(),
    })?;
    remove_connection_fields(&mut head.headers);
    for name in [name::STREAM, name::ERROR, header::CONTENT_LENGTH] {
        head.headers.remove(name);
    }
    // Nothing of it can show who made it.
    if exchange::has_no_content(method, head.status) {
        head.extensions.insert(InClear);
        return Ok(Response::from_parts(head, body::empty()));
    }
    let watch = settings.completeness.watch(&head.headers);
    let (mut opened, _) = OpenedBody::new(content, Answer { reader, watch }, None, settings.idle_time);
    // Anybody can make up the field. The first chunk or event shows who made the answer, and is waited for.
    let is_empty = opened.know_whether_empty().await?;
    if !opened.message().reader.has_opened() {
        return Err(Error::NotEncapsulated(head.status));
    }
    head.extensions.insert(source);
    let content = if is_empty { body::empty() } else { body::boxed(opened) };
    Ok(Response::from_parts(head, content))
}

/// Chunks or sealed events go in at one end, content comes out at the other.
struct Answer {
    reader: ResponseReader,
    watch: Watch,
}

impl Message for Answer {
    fn push(&mut self, slice: &[u8]) -> Result<(), Fault> {
        self.reader.push(slice);
        Ok(())
    }

    fn end(&mut self) {
        self.reader.end();
    }

    fn next_part(&mut self) -> Result<Option<Part>, Fault> {
        Ok(match self.reader.next_data()? {
            Some(Data::Data(content)) => {
                self.watch.push(&content);
                Some(Part::Data(content))
            }
            Some(Data::End) if self.watch.is_complete() => Some(Part::End),
            Some(Data::End) => return Err(Fault::Incomplete),
            None => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_crypto::kem::PrivateKey;
    use tower::{ServiceExt, service_fn};

    // HH-97, HH-99: the field of a sealed answer is anybody's to write. Where nothing opened, nobody says that the key was.
    #[tokio::test]
    async fn an_answer_of_which_nothing_opens_is_nobodys() {
        let key = PrivateKey::from_bytes(Kem::X25519, &[7; 32]).unwrap();
        let public_key = key.public_key().as_bytes().try_into().unwrap();
        let pinned = PinnedKey { id: bytes::Bytes::new(), public_key };
        let credential = Arc::new(Credential::new("tenant", &[9; 32]).unwrap());
        for (status, media_type) in [
            (200, "text/event-stream"),
            (200, "text/plain"),
            (204, "text/plain"),
            (205, "text/plain"),
            (304, "text/plain"),
        ] {
            let transport = service_fn(move |request: Request<Body>| async move {
                let answer = Response::builder()
                    .status(status)
                    .header(header::CONTENT_TYPE, media_type)
                    .header(name::STREAM, &request.headers()[name::STREAM]);
                Ok::<_, BoxError>(answer.body(body::empty())?)
            });
            let base = "http://127.0.0.1:1".parse().unwrap();
            let target = Target::pinned(&pinned, base, credential.clone()).unwrap();
            let request = Request::get("https://a.example/").body(body::empty()).unwrap();
            let answer = HpkeHttp1::new(transport, target, Settings::default()).oneshot(request).await;
            match (answer, status) {
                (
                    Err(Error::NotEncapsulated(_) | Error::Answer(Fault::HpkeHttp1(Legacy::Truncated))),
                    200,
                ) => {}
                (Ok(answer), 204 | 205 | 304) => {
                    assert!(answer.extensions().get::<InClear>().is_some());
                    assert!(answer.extensions().get::<KeySource>().is_none());
                }
                (other, _) => panic!("{status} {media_type}: {:?}", other.map(|answer| answer.status())),
            }
        }
    }
}
