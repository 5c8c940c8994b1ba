//! Both sides of the oblivious wire against each other, with a network between them that does harm.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used)]

mod common;

use bytes::Bytes;
use common::*;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use proptest::prelude::*;
use sealwire_attest::{
    Appraised, KeyDocument, Policy, UnixTime, Verifier,
    key_document::{self, Published, PublishedKey},
    verdict::Denial,
};
use sealwire_crypto::{kem::Kem, random::OsRandom};
use sealwire_http::{
    Body, BoxError, SystemClock, body,
    client::oblivious::{Error, Form, Oblivious, Settings, Target},
    clock::Clock,
    opened::Fault,
    problem,
    wire::OBLIVIOUS_PATH,
};
use sealwire_oblivious::{Limits, media};
use sealwire_tee::{Tee, development::Development};
use std::{
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tower::{Service, ServiceExt};

/// Making a development root takes seconds: one for all tests.
fn development() -> &'static Development {
    static ROOT: OnceLock<Development> = OnceLock::new();
    ROOT.get_or_init(|| {
        Development::open(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("development")).unwrap()
    })
}

/// The gateway's keys in a document with evidence over it.
fn published(gateway: &Gateway) -> Published {
    let now = SystemClock.unix_seconds();
    let (issued_at, not_after) = (UnixTime(now), UnixTime(now + 3600));
    let advertised = gateway.ring.current();
    let keys = advertised.advertised().iter().map(|live| {
        let config = (**live).as_ref().config();
        PublishedKey {
            id: vec![config.key_id],
            purpose: key_document::OBLIVIOUS.to_owned(),
            not_before: issued_at,
            not_after,
            bytes: config.encode(),
        }
    });
    let document = KeyDocument {
        instance: [1; 16],
        serial: 1,
        issued_at,
        not_after,
        role: key_document::GATEWAY.to_owned(),
        authorities: vec!["app.example".to_owned()],
        keys: keys.collect(),
        wires: vec!["oblivious".to_owned()],
        suites: Default::default(),
        limits: Default::default(),
        config_digest: [0; 48],
        operator: None,
    };
    let document = document.encode();
    let tee = development();
    let produced = tee.produce(&key_document::report_data(&document, tee.kind(), b"")).unwrap();
    Published { document, evidence: produced.evidence.into(), endorsements: produced.endorsements }
}

fn accept(published: &Published) -> Result<Appraised<KeyDocument>, Denial> {
    let policy = format!(
        "version = 1\nany-operator = true\n[[accept]]\nkind = \"development\"\n\
         measurement = {{ any = \"test\" }}\nhost-data = {{ any = \"test\" }}\nminimum-tcb = {{ any = \"test\" }}\n\
         crl = \"if-available\"\nroots = [\"sha256:{}\"]\n",
        hex::encode(development().root_fingerprint())
    );
    let policy = Policy::from_toml(&policy).unwrap();
    let verifier = Verifier::new(&policy.development_roots());
    let (seen, now) = (key_document::Seen::default(), UnixTime(SystemClock.unix_seconds()));
    key_document::accept(
        published,
        &verifier,
        &policy,
        key_document::Wanted::Gateway("app.example"),
        b"",
        seen,
        now,
    )
    .map(|acceptance| acceptance.document)
}

/// The gateway's keys in a document that a policy has accepted.
fn appraised(gateway: &Gateway) -> Appraised<KeyDocument> {
    accept(&published(gateway)).unwrap()
}

// OB-163, OB-51: there is no target without an accepted document, and none is accepted with somebody else's key in it,
// however it is put there.
#[test]
fn keys_come_from_accepted_documents_alone() {
    let (gateway, other) = (gateway(Setup::default(), echo), gateway(Setup::default(), echo));
    let (genuine, others) = (published(&gateway), published(&other));
    assert!(accept(&genuine).is_ok());
    let swapped = Published { document: others.document, ..genuine.clone() };
    assert_eq!(accept(&swapped).unwrap_err().reasons.len(), 1);
    let mut document = KeyDocument::decode(&genuine.document).unwrap();
    let theirs = other.ring.current();
    document.keys[0].bytes = (**theirs.advertised().first().unwrap()).as_ref().config().encode();
    let patched = Published { document: document.encode(), ..genuine.clone() };
    assert!(accept(&patched).is_err());
    for at in 0..genuine.document.len() {
        let mut flipped = genuine.clone();
        flipped.document[at] ^= 1;
        assert!(accept(&flipped).is_err(), "byte {at}");
    }
}

type Harm = Arc<dyn Fn(Response<Body>) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

/// A network: what the gateway answers, after harm.
#[derive(Clone)]
struct Network {
    gateway: sealwire_http::server::oblivious::Oblivious<App>,
    harm: Harm,
}

impl Service<Request<Body>> for Network {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), BoxError>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // OB-40: one Content-Type, nothing that identifies; OB-45: no Content-Length on a chunked message.
        let names: Vec<_> = request.headers().keys().map(header::HeaderName::as_str).collect();
        let chunked = request.headers()["content-type"] == media::CHUNKED_REQUEST;
        assert_eq!(names, if chunked { vec!["content-type", "incremental"] } else { vec!["content-type"] });
        let (gateway, harm) = (self.gateway.clone(), Arc::clone(&self.harm));
        Box::pin(async move {
            let response = gateway.oneshot(request).await.unwrap();
            Ok(harm(response).await)
        })
    }
}

fn no_harm() -> Harm {
    Arc::new(|response| Box::pin(async { response }))
}

fn client(gateway: &Gateway, form: Form, harm: Harm) -> Oblivious<Network> {
    let resource = format!("http://relay.example{OBLIVIOUS_PATH}").parse().unwrap();
    let target = Target::new(&appraised(gateway), &[Kem::X25519], resource, &Limits::default()).unwrap();
    let settings = Settings {
        form,
        limits: Limits::default(),
        clock: gateway.clock.clone(),
        random: Arc::new(OsRandom),
    };
    Oblivious::new(Network { gateway: gateway.service.clone(), harm }, target, settings)
}

fn post(content: impl Into<Bytes>) -> Request<Body> {
    Request::post("https://app.example/v1/echo").body(body::full(content)).unwrap()
}

// OB-01, OB-20, OB-45, OB-48
#[tokio::test]
async fn content_of_any_size_goes_both_ways() {
    let gateway = gateway(Setup::default(), echo);
    for form in [Form::Single, Form::Chunked] {
        let client = client(&gateway, form, no_harm());
        for len in [0, 1, 1000, 16_373, 16_374, 16_375, 65_536, 300_000] {
            let content: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let response = client.clone().oneshot(post(content.clone())).await.unwrap();
            assert_eq!(response.status(), 200);
            let back = response.into_body().collect().await.unwrap().to_bytes();
            assert!(back == content, "{form:?} {len}");
        }
    }
}

// OB-62: the client dates its requests; a Date that is there stays.
#[tokio::test]
async fn the_client_adds_a_date() {
    let gateway = gateway(Setup::default(), |request| async move {
        let date = request.headers()[header::DATE].clone();
        Response::new(body::full(date.as_bytes().to_vec()))
    });
    let client = client(&gateway, Form::Chunked, no_harm());
    let response = client.clone().oneshot(post("")).await.unwrap();
    let date = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(date, httpdate::fmt_http_date(gateway.clock.now()).as_bytes());
    let mut old = post("");
    old.headers_mut().insert(header::DATE, "Thu, 01 Jan 1970 00:00:00 GMT".parse().unwrap());
    assert_eq!(client.oneshot(old).await.unwrap().status(), 400);
}

// OB-128: what this wire cannot carry is refused before it is sent.
#[tokio::test]
async fn unsealable_requests() {
    let gateway = gateway(Setup::default(), echo);
    let client = client(&gateway, Form::Chunked, no_harm());
    for request in [
        Request::connect("app.example:443").body(body::empty()).unwrap(),
        Request::get("/no-authority").body(body::empty()).unwrap(),
        Request::get("https://app.example/").header("upgrade", "websocket").body(body::empty()).unwrap(),
    ] {
        assert!(matches!(client.clone().oneshot(request).await, Err(Error::Request(_))));
    }
    assert_eq!(gateway.reached(), 0);
}

fn replaced(status: u16, media_type: &'static str, text: &'static str) -> Harm {
    Arc::new(move |_| {
        let mut response = Response::new(body::full(text));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response.headers_mut().insert("content-type", media_type.parse().unwrap());
        Box::pin(async { response })
    })
}

// OB-42, OB-116, OB-117, OB-160: what is not sealed is never the target's answer.
#[tokio::test]
async fn unsealed_answers_are_errors() {
    let gateway = gateway(Setup::default(), echo);
    let attempt = async |form, harm| client(&gateway, form, harm).oneshot(post("x")).await.err().unwrap();
    for form in [Form::Single, Form::Chunked] {
        for status in [200, 204, 401, 404, 500] {
            let error = attempt(form, replaced(status, "text/plain", "all is well")).await;
            match status {
                200 => assert!(matches!(error, Error::MediaType)),
                _ => assert!(matches!(error, Error::NotEncapsulated(outer) if outer == status)),
            }
        }
        let key = concat!("{\"type\":\"https://iana.org/assignments/http-problem-types", "#ohttp-key\"}");
        for status in [400, 422] {
            let error = attempt(form, replaced(status, problem::MEDIA_TYPE, key)).await;
            assert!(matches!(error, Error::StaleKey(outer) if outer == status));
        }
        // Without the problem type it is no hint, and with another status neither.
        let error = attempt(form, replaced(400, problem::MEDIA_TYPE, "{}")).await;
        assert!(matches!(error, Error::NotEncapsulated(_)));
        let error = attempt(form, replaced(500, problem::MEDIA_TYPE, key)).await;
        assert!(matches!(error, Error::NotEncapsulated(_)));
        // The other form's media type.
        let other = if form == Form::Single { media::CHUNKED_RESPONSE } else { media::RESPONSE };
        assert!(matches!(attempt(form, replaced(200, other, "x")).await, Error::MediaType));
    }
}

/// Gathers the sealed answer, does `harm` to its bytes, and hands them on in pieces of `piece` bytes.
fn to_bytes(piece: usize, harm: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + Clone + 'static) -> Harm {
    Arc::new(move |response| {
        let harm = harm.clone();
        Box::pin(async move {
            let (parts, body) = response.into_parts();
            let bytes = harm(body.collect().await.unwrap().to_bytes().to_vec());
            let (sender, body) = channel();
            for piece in bytes.chunks(piece) {
                sender.send(Ok(Bytes::copy_from_slice(piece))).unwrap();
            }
            Response::from_parts(parts, body)
        })
    })
}

/// The answer's status and content as far as they came, and whether the message ended.
async fn received(response: Result<Response<Body>, Error>) -> (Vec<u8>, bool) {
    let Ok(response) = response else { return (Vec::new(), false) };
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    let mut content = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => content.extend_from_slice(frame.data_ref().unwrap()),
            Err(_) => return (content, false),
        }
    }
    (content, true)
}

// OB-108, OB-115, OB-166: an answer that is cut anywhere never ends cleanly, and what came of it is true.
#[tokio::test]
async fn cut_answers() {
    let content: Vec<u8> = (0..40_000).map(|i| (i % 251) as u8).collect();
    for form in [Form::Single, Form::Chunked] {
        let gateway = gateway(Setup::default(), echo);
        for cut in [0, 1, 15, 16, 17, 40, 16_400, 16_500, 40_000, 40_100] {
            let harm = to_bytes(1000, move |mut bytes| {
                let len = bytes.len();
                bytes.truncate(cut.min(len - 1));
                bytes
            });
            let (came, whole) =
                received(client(&gateway, form, harm).oneshot(post(content.clone())).await).await;
            assert!(!whole, "{form:?} cut at {cut}");
            assert!(content.starts_with(&came));
            assert!(form == Form::Chunked || came.is_empty());
        }
    }
}

// OB-25: an answer whose length is announced does not end with its last byte, but with the message.
#[tokio::test]
async fn the_last_byte_waits_for_the_end() {
    let gateway = gateway(Setup::default(), |_| async {
        let (sender, body) = channel();
        sender.send(Ok(Bytes::from_static(b"12345"))).unwrap();
        // Its end never comes.
        std::mem::forget(sender);
        let mut response = Response::new(body);
        response.headers_mut().insert(header::CONTENT_LENGTH, "5".parse().unwrap());
        response
    });
    let response = client(&gateway, Form::Chunked, no_harm()).oneshot(post("")).await.unwrap();
    let mut body = response.into_body();
    assert!(futures_util::FutureExt::now_or_never(body.frame()).is_none());
}

// OB-25: the same where the announced length is 0: the head waits.
#[tokio::test(start_paused = true)]
async fn a_head_that_announces_nothing_waits_for_the_end() {
    for ends in [true, false] {
        let gateway = gateway(Setup::default(), move |_| async move {
            let (sender, body) = channel();
            if !ends {
                std::mem::forget(sender);
            }
            let mut response = Response::new(body);
            response.headers_mut().insert(header::CONTENT_LENGTH, "0".parse().unwrap());
            response
        });
        match client(&gateway, Form::Chunked, no_harm()).oneshot(post("")).await {
            Ok(response) => assert!(ends && http_body::Body::is_end_stream(response.body())),
            Err(error) => assert!(!ends && matches!(error, Error::Answer(Fault::Idle)), "{error}"),
        }
    }
}

// OB-29, idle: an answer that stalls ends with an error.
#[tokio::test(start_paused = true)]
async fn stalled_answers_end() {
    let gateway = gateway(Setup::default(), |_| async {
        let (sender, body) = channel();
        sender.send(Ok(Bytes::from_static(b"some"))).unwrap();
        std::mem::forget(sender);
        Response::new(body)
    });
    let response = client(&gateway, Form::Chunked, no_harm()).oneshot(post("")).await.unwrap();
    let before = tokio::time::Instant::now();
    let (content, whole) = received(Ok(response)).await;
    assert_eq!((content.as_slice(), whole), (&b"some"[..], false));
    assert_eq!(before.elapsed().as_secs(), Duration::from_secs(60).as_secs());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // OB-105, OB-108 to OB-113, OB-156: whatever the network does to an answer, nothing but a prefix of the truth is
    // delivered, and a message that ends is whole.
    #[test]
    fn no_altered_answer_is_delivered(
        len in 0_usize..50_000,
        piece in 1_usize..5000,
        harms in proptest::collection::vec((0_u8..5, any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..3),
        chunked in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let gateway = gateway(Setup::default(), echo);
            let content: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let harm = to_bytes(piece, move |mut bytes| {
                for (kind, a, b) in &harms {
                    if bytes.is_empty() {
                        break;
                    }
                    let (from, to) = (a.index(bytes.len()), b.index(bytes.len()));
                    let (from, to) = (from.min(to), from.max(to));
                    match kind {
                        0 => bytes[from] ^= 1 << (to % 8),
                        1 => bytes.truncate(from),
                        2 => drop(bytes.drain(from..to)),
                        3 => {
                            let repeated = bytes[from..to].to_vec();
                            bytes.splice(to..to, repeated);
                        }
                        _ => bytes.swap(from, to),
                    }
                }
                bytes
            });
            let form = if chunked { Form::Chunked } else { Form::Single };
            let (came, whole) = received(client(&gateway, form, harm).oneshot(post(content.clone())).await).await;
            assert!(content.starts_with(&came));
            assert!(!whole || came == content);
        });
    }
}

// OB-129, the other way: an answer whose length is not its content's would be read as two by a program behind the client.
#[tokio::test]
async fn lengths_that_lie_are_not_delivered() {
    let gateway = gateway(Setup::default(), |_| async {
        let mut response = Response::new(body::full("0123456789"));
        response.headers_mut().insert(header::CONTENT_LENGTH, "5".parse().unwrap());
        response
    });
    let error = client(&gateway, Form::Single, no_harm()).oneshot(post("")).await.err().unwrap();
    assert!(matches!(error, Error::Answer(_)), "{error}");
    let (content, whole) = received(client(&gateway, Form::Chunked, no_harm()).oneshot(post("")).await).await;
    assert!(!whole && content.len() < 5);
    let head = Request::head("https://app.example/").body(body::empty()).unwrap();
    assert_eq!(client(&gateway, Form::Single, no_harm()).oneshot(head).await.unwrap().status(), 200);
}
