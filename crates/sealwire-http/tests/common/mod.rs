//! A gateway's side in memory: the layer around an application, and a client that seals by hand.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, dead_code, unreachable_pub)]

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response, uri::Scheme};
use http_body_util::BodyExt;
use sealwire_crypto::{aead::Aead, kem::Kem, random::OsRandom};
use sealwire_http::{
    Body, Clock, KeyRing, body, key_ring,
    server::{
        RouteRules, Routes,
        oblivious::{Oblivious, ObliviousLayer, Settings},
    },
    wire::OBLIVIOUS_PATH,
};
use sealwire_message::{
    bhttp::{RequestHead, ResponseDecoder, ResponseEvent, encode},
    chunk::Opened,
};
use sealwire_oblivious::{
    Limits,
    client::{self, ChunkedResponse, SingleResponse},
    config::{self, Selected},
    media,
};
use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tower::{Layer, Service, ServiceExt};

/// 2026-01-02T03:04:05Z
pub const START: u64 = 1_767_323_045;
pub const WINDOW: Duration = Duration::from_secs(600);
pub const OVERLAP: Duration = Duration::from_secs(3600);

/// A clock that stands still until told.
pub struct FakeClock(AtomicU64);

impl FakeClock {
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

struct Same(RouteRules);

impl Routes for Same {
    fn rules(&self, _head: &RequestHead) -> RouteRules {
        self.0
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// An application made of a function.
#[derive(Clone)]
pub struct App(Arc<dyn Fn(Request<Body>) -> Answer + Send + Sync>);

impl Service<Request<Body>> for App {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;
    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }
    fn call(&mut self, request: Request<Body>) -> Answer {
        (self.0)(request)
    }
}

/// The gateway's side.
pub struct Gateway {
    pub clock: Arc<FakeClock>,
    pub ring: Arc<KeyRing>,
    pub limits: Limits,
    pub service: Oblivious<App>,
    /// requests that reached the application
    pub reached: Arc<AtomicU64>,
}

pub struct Setup {
    pub rules: RouteRules,
    pub limits: Limits,
    pub kems: Vec<Kem>,
    pub aeads: Vec<Aead>,
    pub register_capacity: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            rules: RouteRules::default(),
            limits: Limits::default(),
            kems: vec![Kem::X25519],
            aeads: vec![Aead::Aes128Gcm, Aead::Aes256Gcm, Aead::ChaCha20Poly1305],
            register_capacity: 1024,
        }
    }
}

pub fn gateway<F, R>(setup: Setup, app: F) -> Gateway
where
    F: Fn(Request<Body>) -> R + Send + Sync + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    let clock = Arc::new(FakeClock(AtomicU64::new(START * 1000)));
    let settings = key_ring::Settings {
        kems: setup.kems,
        aeads: setup.aeads,
        overlap: OVERLAP,
        list_lifetime: OVERLAP,
        register_capacity: setup.register_capacity,
    };
    let ring = Arc::new(KeyRing::new(settings, clock.clone(), &OsRandom).unwrap());
    let reached = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&reached);
    let app = App(Arc::new(move |request| {
        counter.fetch_add(1, Ordering::SeqCst);
        let answer = app(request);
        Box::pin(async move { Ok(answer.await) })
    }));
    let layer = ObliviousLayer::new(Settings {
        ring: Arc::clone(&ring),
        routes: Arc::new(Same(setup.rules)),
        clock: clock.clone(),
        random: Arc::new(OsRandom),
        limits: setup.limits,
        window: WINDOW,
    });
    Gateway { clock, ring, limits: setup.limits, service: layer.layer(app), reached }
}

/// An application that gives back what it got.
pub async fn echo(request: Request<Body>) -> Response<Body> {
    match request.into_body().collect().await {
        Ok(collected) => Response::new(body::full(collected.to_bytes())),
        Err(_) => {
            let mut response = Response::new(body::empty());
            *response.status_mut() = http::StatusCode::BAD_GATEWAY;
            response
        }
    }
}

impl Gateway {
    pub fn reached(&self) -> u64 {
        self.reached.load(Ordering::SeqCst)
    }

    pub fn selected(&self, kem: Kem, aead: Aead) -> Selected {
        let configs = config::parse_list(&self.ring.current().list(), &self.limits).unwrap();
        let mut selected = config::select(&configs, &[kem]).unwrap();
        selected.suite.aead = aead;
        selected
    }

    pub fn default_selected(&self) -> Selected {
        self.selected(Kem::X25519, Aead::Aes128Gcm)
    }

    pub async fn send(&self, media_type: &str, message: impl Into<Bytes>) -> Response<Body> {
        self.send_request(outer(media_type, body::full(message))).await
    }

    pub async fn send_request(&self, request: Request<Body>) -> Response<Body> {
        self.service.clone().oneshot(request).await.unwrap()
    }
}

pub fn outer(media_type: &str, body: Body) -> Request<Body> {
    Request::post(OBLIVIOUS_PATH).header("content-type", media_type).body(body).unwrap()
}

/// A request head with a Date field `offset` seconds from [`START`].
pub fn head(method: &str, offset: i64) -> RequestHead {
    let mut headers = HeaderMap::new();
    let date = UNIX_EPOCH + Duration::from_secs(START.checked_add_signed(offset).unwrap());
    headers.insert("date", httpdate::fmt_http_date(date).parse().unwrap());
    RequestHead {
        method: method.parse().unwrap(),
        scheme: Scheme::HTTPS,
        authority: Some("app.example".parse().unwrap()),
        path: "/v1/echo?x=1".parse().unwrap(),
        headers,
    }
}

/// Binary HTTP of a request, in one piece.
pub fn plaintext(head: &RequestHead, content: &[u8]) -> BytesMut {
    let mut out = BytesMut::new();
    encode::request_head(&mut out, head);
    if !content.is_empty() {
        encode::content_prefix(&mut out, content.len());
        out.extend_from_slice(content);
    }
    encode::end(&mut out, None);
    out
}

/// A chunked message whose chunks have these plaintexts, the last one final.
pub fn seal_chunks(to: &Selected, limits: &Limits, chunks: &[&[u8]]) -> (BytesMut, ChunkedResponse) {
    let mut out = BytesMut::new();
    let (mut sealer, response) = client::start_chunked(to, &mut out, limits, &OsRandom).unwrap();
    let (last, chunks) = chunks.split_last().unwrap();
    for chunk in chunks {
        sealer.chunk(&mut out, &[chunk]).unwrap();
    }
    if last.len() > sealer.max_chunk() {
        sealer.chunks(&mut out, last).unwrap();
        sealer.finish(&mut out, &[]).unwrap();
    } else {
        sealer.finish(&mut out, &[last]).unwrap();
    }
    (out, response)
}

/// The same without a final chunk.
pub fn seal_cut(to: &Selected, limits: &Limits, chunks: &[&[u8]]) -> (BytesMut, ChunkedResponse) {
    let mut out = BytesMut::new();
    let (mut sealer, response) = client::start_chunked(to, &mut out, limits, &OsRandom).unwrap();
    for chunk in chunks {
        sealer.chunk(&mut out, &[chunk]).unwrap();
    }
    (out, response)
}

pub fn seal_single(to: &Selected, limits: &Limits, plaintext: &[u8]) -> (BytesMut, SingleResponse) {
    client::seal_single(to, plaintext, limits, &OsRandom).unwrap()
}

/// What a sealed answer holds.
#[derive(Debug, Default)]
pub struct Inner {
    pub informational: Vec<u16>,
    pub status: u16,
    pub headers: HeaderMap,
    pub content: Vec<u8>,
    pub trailers: HeaderMap,
    pub complete: bool,
}

impl Inner {
    pub fn text(&self) -> String {
        String::from_utf8(self.content.clone()).unwrap()
    }

    fn take(&mut self, decoder: &mut ResponseDecoder) {
        while let Some(event) = decoder.next_event().unwrap() {
            match event {
                ResponseEvent::Informational(head) => self.informational.push(head.status.as_u16()),
                ResponseEvent::Head(head) => {
                    self.status = head.status.as_u16();
                    self.headers = head.headers;
                }
                ResponseEvent::Data(data) => self.content.extend_from_slice(&data),
                ResponseEvent::Trailers(trailers) => self.trailers = trailers,
                ResponseEvent::End => self.complete = true,
            }
        }
    }
}

/// Opens a chunked answer as far as it goes.
pub async fn open_chunked(response: Response<Body>, mut opener: ChunkedResponse) -> Inner {
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], media::CHUNKED_RESPONSE);
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["incremental"], "?1");
    assert!(!response.headers().contains_key("content-length"));
    let mut body = response.into_body();
    let mut decoder = ResponseDecoder::new(Limits::default().bhttp);
    let mut inner = Inner::default();
    let mut broken = false;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => opener.push(frame.data_ref().unwrap()).unwrap(),
            Err(_) => broken = true,
        }
        while let Some(Opened::Chunk(chunk)) = opener.next_chunk().unwrap() {
            decoder.push(chunk);
            inner.take(&mut decoder);
        }
    }
    if broken {
        return inner;
    }
    opener.end();
    loop {
        match opener.next_chunk().unwrap() {
            Some(Opened::Chunk(chunk)) => decoder.push(chunk),
            Some(Opened::Final(chunk)) => {
                decoder.push(chunk);
                decoder.end();
            }
            None => break,
        }
        inner.take(&mut decoder);
    }
    inner
}

/// Opens a single-shot answer.
pub async fn open_single(response: Response<Body>, opener: SingleResponse) -> Inner {
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], media::RESPONSE);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let sealed = response.into_body().collect().await.unwrap().to_bytes();
    let plaintext = opener.open(BytesMut::from(&sealed[..])).unwrap();
    let mut decoder = ResponseDecoder::new(Limits::default().bhttp);
    decoder.push(plaintext);
    decoder.end();
    let mut inner = Inner::default();
    inner.take(&mut decoder);
    inner
}

/// Status and text of an answer that is not sealed.
pub async fn outside(response: Response<Body>) -> (u16, String) {
    let status = response.status().as_u16();
    let text = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(text.to_vec()).unwrap())
}

/// A body whose frames a test hands over one by one.
pub fn channel() -> (tokio::sync::mpsc::UnboundedSender<Result<Bytes, &'static str>>, Body) {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<Result<Bytes, &'static str>>();
    let frames = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx));
    let frames = futures_util::StreamExt::map(frames, |frame| frame.map(http_body::Frame::data));
    (sender, body::boxed(http_body_util::StreamBody::new(frames)))
}
