//! AT-25: the operator's revocation list on live clients.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use bytes::Bytes;
use common::{Gateway, TestClock, policy, tee};
use http::{Method, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, BodyStream, StreamBody};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use sealwire_attest::{
    Policy, UnixTime,
    revocation::{self, RevocationList},
};
use sealwire_client::{
    Connector, Environment, Error, Settings,
    revocation::{Place, Source},
};
use sealwire_crypto::{digest::sha384, random::OsRandom, sign::ed25519::SigningKey};
use sealwire_http::{Body, BoxError, Clock, SystemClock, body, client::oblivious::Form};
use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};
use tokio::{net::TcpListener, sync::mpsc};
use tower::service_fn;

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(&OsRandom).unwrap());
const MINUTE: u64 = 60;

/// Gives other tasks a chance until something holds; fails after a while.
async fn until(mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it never came about");
}

/// An empty list that is good for a minute.
fn list(serial: u64) -> RevocationList {
    let now = SystemClock.unix_seconds();
    RevocationList::empty(serial, UnixTime(now), UnixTime(now + MINUTE))
}

/// A list in a file.
struct File {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl File {
    fn new(list: &RevocationList) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = Self { path: folder.path().join("list.cbor"), _folder: folder };
        file.publish(list);
        file
    }

    fn publish(&self, list: &RevocationList) {
        self.write(&list.sign(&KEY).unwrap());
    }

    /// Whole, as an operator's tool replaces it.
    fn write(&self, bytes: &[u8]) {
        let next = self.path.with_extension("next");
        std::fs::write(&next, bytes).unwrap();
        std::fs::rename(&next, &self.path).unwrap();
    }
}

fn pinned(mut policy: Policy) -> Policy {
    policy.pin_revocation_keys(&[KEY.public_key()]);
    policy
}

fn settings(gateway: &Gateway, place: Place) -> Settings {
    let mut settings = gateway.settings();
    settings.policy = pinned(settings.policy);
    settings.revocation = Some(Source { every: Duration::from_millis(5), ..Source::new(place) });
    settings
}

fn at(path: &Path) -> Place {
    Place::File(path.to_owned())
}

async fn connector(gateway: &Gateway, file: &File) -> Connector {
    Connector::connect(settings(gateway, at(&file.path))).await.unwrap()
}

/// A body that the test feeds.
fn fed() -> (mpsc::Sender<Bytes>, Body) {
    let (send, receive) = mpsc::channel(4);
    let stream = futures_util::stream::unfold(receive, |mut receive: mpsc::Receiver<Bytes>| async {
        receive.recv().await.map(|bytes| (Ok::<_, BoxError>(Frame::data(bytes)), receive))
    });
    (send, body::boxed(StreamBody::new(stream)))
}

/// An exchange in the middle: what was sent has come back, and neither side is at its end.
async fn streaming(connector: &Connector) -> (mpsc::Sender<Bytes>, BodyStream<Body>) {
    let (send, content) = fed();
    send.send(Bytes::from_static(b"first")).await.unwrap();
    let response = connector.request(Method::POST, "/").stream(content).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let mut answer = BodyStream::new(response.into_body());
    assert_eq!(next(&mut answer).await.unwrap(), "first");
    (send, answer)
}

async fn next(answer: &mut BodyStream<Body>) -> Result<Bytes, BoxError> {
    use futures_util::StreamExt;
    let frame = tokio::time::timeout(Duration::from_secs(20), answer.next()).await.unwrap();
    frame.unwrap().map(|frame| frame.into_data().unwrap())
}

/// The codes with which something was cut off.
fn cut_off(error: &BoxError) -> Vec<&'static str> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error.as_ref());
    while let Some(error) = cause {
        if let Some(Error::CutOff(denial)) = error.downcast_ref() {
            return denial.reasons.iter().map(|reason| reason.code).collect();
        }
        cause = error.source();
    }
    panic!("not cut off: {error}");
}

fn denied(error: Error) -> Vec<&'static str> {
    let Error::Denied(denial) = error else { panic!("not denied: {error}") };
    denial.reasons.iter().map(|reason| reason.code).collect()
}

// AT-25: the whole way: a stream in the middle is cut off, and nothing more is sent.
#[tokio::test]
async fn a_new_list_cuts_off_a_stream() {
    let gateway = Gateway::start().await;
    let file = File::new(&list(1));
    let connector = connector(&gateway, &file).await;
    let (send, mut answer) = streaming(&connector).await;
    send.send(Bytes::from_static(b"second")).await.unwrap();
    assert_eq!(next(&mut answer).await.unwrap(), "second");
    assert_eq!(connector.status().revocation.unwrap().serial, 1);
    let posts = gateway.state.posts();

    let mut revoked = list(2);
    revoked.measurements.insert(tee().measurement().to_vec());
    file.publish(&revoked);
    assert_eq!(cut_off(&next(&mut answer).await.unwrap_err()), ["revoked-measurement"]);
    // The upload ends as well.
    tokio::time::timeout(Duration::from_secs(20), send.closed()).await.unwrap();

    let status = connector.status();
    assert_eq!(status.refused.unwrap().reasons[0].code, "revoked-measurement");
    assert_eq!(status.refusals.last().unwrap().denial.reasons[0].code, "revoked-measurement");
    assert_eq!((status.revocation.unwrap().serial, gateway.state.posts()), (2, posts));
    for _ in 0..3 {
        assert_eq!(denied(connector.get("/").await.unwrap_err()), ["revoked-measurement"]);
    }
    assert_eq!(gateway.state.posts(), posts);
    // Nobody new gets in.
    let refused = Connector::connect(settings(&gateway, at(&file.path))).await.map(drop).unwrap_err();
    assert_eq!(denied(refused), ["revoked-measurement"]);
}

// AT-25: a request that has no answer yet.
#[tokio::test]
async fn a_new_list_cuts_off_a_request() {
    let gateway = Gateway::start().await;
    let file = File::new(&list(1));
    let mut settings = settings(&gateway, at(&file.path));
    settings.form = Form::Single;
    let connector = Connector::connect(settings).await.unwrap();
    let (send, content) = fed();
    send.send(Bytes::from_static(b"a part")).await.unwrap();
    let request = tokio::spawn(connector.request(Method::POST, "/").stream(content).send());
    until(|| send.capacity() == 4).await;

    let document = sha384(&[&gateway.state.document_bytes()]);
    let mut revoked = list(2);
    revoked.documents.insert(document);
    file.publish(&revoked);
    let error: BoxError = request.await.unwrap().unwrap_err().into();
    assert_eq!(cut_off(&error), ["revoked-document"]);

    // Another document of the same machine is not revoked.
    gateway.state.reissue();
    until(|| connector.status().refused.is_none()).await;
    connector.get("/").await.unwrap();
}

// AT-25: past its next update a list refuses everything, new and running; a newer one lets it go on.
#[tokio::test]
async fn a_list_that_ends_stops_everything() {
    let gateway = Gateway::start().await;
    let file = File::new(&list(1));
    let clock = TestClock::ahead(Duration::ZERO);
    let environment = Environment { clock: clock.clone(), ..Environment::default() };
    let connector = Connector::connect_in(settings(&gateway, at(&file.path)), environment).await.unwrap();
    let (_send, mut answer) = streaming(&connector).await;
    clock.advance(Duration::from_secs(2 * MINUTE));
    assert_eq!(denied(connector.get("/").await.unwrap_err()), ["revocation-list-expired"]);
    assert_eq!(cut_off(&next(&mut answer).await.unwrap_err()), ["revocation-list-expired"]);

    let mut longer = list(2);
    longer.next_update = UnixTime(longer.next_update.0 + 10 * MINUTE);
    file.publish(&longer);
    until(|| connector.status().refused.is_none()).await;
    connector.get("/").await.unwrap();
}

// AT-25: what cannot be taken changes nothing, and is told.
#[tokio::test]
async fn a_bad_list_changes_nothing() {
    let gateway = Gateway::start().await;
    let file = File::new(&list(7));
    let connector = connector(&gateway, &file).await;
    let trouble = || connector.status().revocation.unwrap().trouble;
    assert_eq!(trouble(), None);

    let other = SigningKey::generate(&OsRandom).unwrap();
    let mut revoked = list(8);
    revoked.measurements.insert(tee().measurement().to_vec());
    for (bytes, told) in [
        (b"junk".to_vec(), "not a revocation list"),
        (revoked.sign(&other).unwrap(), "does not pin"),
        (list(6).sign(&KEY).unwrap(), "serial 6"),
        (Vec::new(), "not a revocation list"),
        (vec![0; revocation::MAX_LIST + 2], "longer"),
    ] {
        file.write(&bytes);
        until(|| trouble().is_some_and(|trouble| trouble.contains(told))).await;
        connector.get("/").await.unwrap();
        assert_eq!(connector.status().revocation.unwrap().serial, 7);
    }
    file.publish(&list(9));
    until(|| connector.status().revocation.unwrap().serial == 9).await;
    assert_eq!(trouble(), None);
}

// AT-25: a policy that names keys does without a list as little as with a bad one.
#[tokio::test]
async fn nothing_begins_without_a_good_list() {
    let gateway = Gateway::start().await;
    let mut settings = gateway.settings();
    settings.policy = pinned(policy());
    let error = Connector::connect(settings).await.map(drop).unwrap_err();
    assert_eq!(denied(error), ["revocation-list-missing"]);

    let file = File::new(&list(1));
    let connect = || Connector::connect(self::settings(&gateway, at(&file.path)));
    file.write(b"junk");
    assert!(matches!(connect().await.map(drop), Err(Error::RevocationList { .. })));
    std::fs::remove_file(&file.path).unwrap();
    assert!(matches!(connect().await.map(drop), Err(Error::RevocationList { .. })));
    assert_eq!(gateway.state.posts(), 0);
}

// AT-25: what an older document carries is cut off too, and what the newer one carries goes on.
#[tokio::test]
async fn an_older_document_can_be_revoked() {
    let gateway = Gateway::start().await;
    let file = File::new(&list(1));
    let connector = connector(&gateway, &file).await;
    let older = gateway.state.document_bytes();
    let (_old, mut old_answer) = streaming(&connector).await;
    gateway.state.rotate();
    connector.get("/").await.unwrap();
    assert_eq!(connector.pinned().get().serial, 2);
    let (new, mut new_answer) = streaming(&connector).await;

    let mut revoked = list(2);
    revoked.documents.insert(sha384(&[&older]));
    file.publish(&revoked);
    assert_eq!(cut_off(&next(&mut old_answer).await.unwrap_err()), ["revoked-document"]);
    new.send(Bytes::from_static(b"goes on")).await.unwrap();
    assert_eq!(next(&mut new_answer).await.unwrap(), "goes on");
    connector.get("/").await.unwrap();
    assert_eq!(connector.status().refused, None);
}

/// Serves bytes under a status, whatever is asked.
async fn serve(bytes: Arc<Mutex<(StatusCode, Vec<u8>)>>) -> http::Uri {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let bytes = bytes.clone();
            let service = service_fn(move |_: http::Request<hyper::body::Incoming>| {
                let (status, bytes) = bytes.lock().unwrap().clone();
                let response = Response::builder().status(status).body(body::full(bytes)).unwrap();
                async move { Ok::<_, Infallible>(response) }
            });
            tokio::spawn(async move {
                let _ = auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
                    .await;
            });
        }
    });
    format!("http://{address}/list.cbor").parse().unwrap()
}

// AT-25: from a URL, with a cap and without redirects.
#[tokio::test]
async fn a_list_can_be_fetched() {
    let gateway = Gateway::start().await;
    let served = Arc::new(Mutex::new((StatusCode::OK, list(1).sign(&KEY).unwrap())));
    let url = serve(served.clone()).await;
    let connector = Connector::connect(settings(&gateway, Place::Url(url.clone()))).await.unwrap();
    connector.get("/").await.unwrap().into_body().collect().await.unwrap();
    let trouble = || connector.status().revocation.unwrap().trouble;

    *served.lock().unwrap() = (StatusCode::FOUND, list(2).sign(&KEY).unwrap());
    until(|| trouble().is_some_and(|trouble| trouble.contains("302"))).await;
    *served.lock().unwrap() = (StatusCode::OK, vec![0; revocation::MAX_LIST + 1]);
    until(|| trouble().is_some_and(|trouble| trouble.contains("length limit"))).await;
    connector.get("/").await.unwrap();
    let mut revoked = list(2);
    revoked.measurements.insert(tee().measurement().to_vec());
    *served.lock().unwrap() = (StatusCode::OK, revoked.sign(&KEY).unwrap());
    until(|| connector.status().refused.is_some()).await;
    assert_eq!(denied(connector.get("/").await.unwrap_err()), ["revoked-measurement"]);
    let read = sealwire_client::revocation::read(&Place::Url(url), &[], Duration::from_secs(10)).await;
    assert_eq!(read.unwrap(), revoked.sign(&KEY).unwrap());
}

// The tasks end with the last clone.
#[tokio::test]
async fn the_watch_ends_with_the_last_clone() {
    let gateway = Gateway::start().await;
    let file = File::new(&list(1));
    let clock = TestClock::ahead(Duration::ZERO);
    let environment = Environment { clock: clock.clone(), ..Environment::default() };
    let connector = Connector::connect_in(settings(&gateway, at(&file.path)), environment).await.unwrap();
    tokio::task::yield_now().await;
    drop(connector.clone());
    assert!(Arc::strong_count(&clock) > 1);
    drop(connector);
    until(|| Arc::strong_count(&clock) == 1).await;
}

// AT-25: what was in force before a restart is a floor after it, where it is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_does_not_go_back() {
    let gateway = Gateway::start().await;
    let file = File::new(&list(2));
    let state = file.path.with_file_name("state.cbor");
    let connect = |kept: Option<&Path>| {
        let mut settings = settings(&gateway, at(&file.path));
        settings.revocation.as_mut().unwrap().kept = kept.map(Path::to_owned);
        Connector::connect(settings)
    };
    drop(connect(Some(&state)).await.unwrap());
    assert_eq!(std::fs::read(&state).unwrap(), std::fs::read(&file.path).unwrap());
    file.publish(&list(1));
    // Forgotten, where nothing keeps it.
    drop(connect(None).await.unwrap());
    let error = connect(Some(&state)).await.err().unwrap();
    assert!(matches!(error, Error::RevocationList { .. }), "{error}");
    // A newer one while it runs is kept as well.
    file.publish(&list(3));
    let running = connect(Some(&state)).await.unwrap();
    file.publish(&list(4));
    until(|| std::fs::read(&state).unwrap() == std::fs::read(&file.path).unwrap()).await;
    drop(running);
    file.publish(&list(3));
    assert!(connect(Some(&state)).await.is_err());
    // What is damaged says nothing, and stands in nobody's way.
    std::fs::write(&state, b"none").unwrap();
    drop(connect(Some(&state)).await.unwrap());
    assert_eq!(std::fs::read(&state).unwrap(), std::fs::read(&file.path).unwrap());
}
