//! Keys for hpke-http from the attested key document, and from nowhere else (HH-10, HH-61).

use crate::client_by_hand::{Opened, server_key, spoken, whole};
use axum::{Router, extract::Request, routing::post};
use futures_util::FutureExt;
use http::Method;
use sealwire_attest::{
    KeyDocument,
    key_document::{self, PublishedKey},
};
use sealwire_client::{Connector, Environment, Error, SealedWith, Settings, Wire};
use sealwire_http::{
    Clock, body,
    client::{self, KeySource},
    hpke_http::server::ServerKey,
    wire::HPKE_HTTP_PATH,
};
use sealwire_tests::{document, stage, within};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

/// A document that offers the wire with these keys.
fn offering(keys: &[&ServerKey]) -> KeyDocument {
    let mut document = document::of(&[]);
    document.wires = vec!["hpke-http".to_owned()];
    document.keys = keys
        .iter()
        .map(|key| PublishedKey {
            id: key.recipient().id().to_vec(),
            purpose: "hpke-http".to_owned(),
            not_before: document.issued_at,
            not_after: document.not_after,
            bytes: key.record(60).unwrap().encode(),
        })
        .collect();
    document
}

/// A gateway whose document and key a test changes.
struct Gateway {
    server: document::Server,
    published: Arc<Mutex<Vec<u8>>>,
    key: Arc<Mutex<Arc<ServerKey>>>,
    fetches: Arc<AtomicU64>,
}

impl Gateway {
    async fn start(document: &KeyDocument, key: ServerKey) -> Self {
        let published = Arc::new(Mutex::new(document::publish(document)));
        let key = Arc::new(Mutex::new(Arc::new(key)));
        let fetches = Arc::new(AtomicU64::new(0));
        let (of_get, of_post, count) = (published.clone(), key.clone(), fetches.clone());
        let get = move || async move {
            count.fetch_add(1, Ordering::SeqCst);
            ([("content-type", key_document::MEDIA_TYPE)], of_get.lock().unwrap().clone())
        };
        let take = move |request: Request| async move {
            let key = of_post.lock().unwrap().clone();
            let named = |sealed: &[u8]| sealed[21..21 + usize::from(sealed[5])].to_vec();
            let (head, content) = request.into_parts();
            let sealed = axum::body::to_bytes(content, usize::MAX).await.unwrap();
            // As gateways answer what they have no key for.
            if named(&sealed) != key.recipient().id()[..] {
                return http::Response::builder().status(400).body(body::empty()).unwrap();
            }
            let request = http::Request::from_parts(head, body::full(sealed));
            whole(&Opened::new(request, &key).await.seal(200, &[], &[b"sealed"]))
        };
        let take = move |request: Request| {
            let taken = take.clone()(request);
            async move { taken.await.map(axum::body::Body::new) }
        };
        let router = Router::new()
            .route(key_document::PATH, axum::routing::get(get))
            .route(HPKE_HTTP_PATH, post(take));
        Self { server: document::Server::start(router).await, published, key, fetches }
    }

    fn show(&self, document: &KeyDocument, key: ServerKey) {
        *self.published.lock().unwrap() = document::publish(document);
        *self.key.lock().unwrap() = Arc::new(key);
    }

    fn settings(&self) -> Settings {
        Settings { wire: Wire::HpkeHttp, hpke_http: Some(spoken()), ..stage::settings(self.server.address) }
    }
}

// HH-61: the key is the document's, and said to be attested.
#[tokio::test]
async fn the_key_is_in_the_document() {
    let key = server_key("first", 1);
    let gateway = Gateway::start(&offering(&[&key]), key).await;
    let connector = within("a connector", Connector::connect(gateway.settings())).await.unwrap();
    assert_eq!(connector.status().sealed_with, SealedWith::HpkeHttp);
    let answer = within("an answer", connector.request(Method::POST, "/").body("x").send()).await.unwrap();
    assert_eq!(answer.extensions().get(), Some(&KeySource::Attested));
}

// HH-61: without such a key nothing is sent, and the endpoint is not asked for one.
#[tokio::test]
async fn without_an_attested_key_there_is_no_connector() {
    let key = || server_key("first", 1);
    let mut other_id = offering(&[&key()]);
    other_id.keys[0].id = b"another".to_vec();
    let mut cut = offering(&[&key()]);
    cut.keys[0].bytes.pop();
    let mut not_on_offer = offering(&[&key()]);
    not_on_offer.wires = vec!["demo".to_owned()];
    let mut other_purpose = offering(&[&key()]);
    other_purpose.keys[0].purpose = "demo".to_owned();
    for (name, document) in
        [("id", other_id), ("record", cut), ("wire", not_on_offer), ("purpose", other_purpose)]
    {
        let gateway = Gateway::start(&document, key()).await;
        let refused = within("a refusal", Connector::connect(gateway.settings())).await;
        assert!(
            matches!(refused.as_ref().err(), Some(Error::NotOffered { wire: "hpke-http", .. })),
            "{name}: {:?}",
            refused.err()
        );
    }
}

// HH-61, SE-43: a key that the gateway no longer has is replaced by the document's next, never by another; what may be
// repeated is sealed to it.
#[tokio::test]
async fn a_forgotten_key_is_renewed_from_the_document() {
    let first = server_key("first", 1);
    let gateway = Gateway::start(&offering(&[&first]), first).await;
    let connector = within("a connector", Connector::connect(gateway.settings())).await.unwrap();
    let second = server_key("second", 2);
    let mut document = offering(&[&second]);
    document.serial = 2;
    gateway.show(&document, second);
    let answer = within("an answer", connector.get("/").send()).await.unwrap();
    assert_eq!(answer.status(), 200);
    let counts = connector.status().counts;
    assert_eq!((counts.renewals, counts.resent), (1, 1));

    // The same again within the pause of SE-43: nothing is fetched, and the refusal is told as what it is.
    let third = server_key("third", 3);
    gateway.show(&document, third);
    let before = gateway.fetches.load(Ordering::SeqCst);
    for method in [Method::GET, Method::POST] {
        let error =
            within("an error", connector.request(method.clone(), "/").body("x").send()).await.unwrap_err();
        let told = matches!(
            &error,
            Error::TooSoon { source } if matches!(**source, Error::Wire(client::Error::Refused(_)))
        ) || matches!(error, Error::Wire(client::Error::Refused(_)));
        assert!(told, "{method}: {error}");
    }
    assert_eq!(gateway.fetches.load(Ordering::SeqCst), before);
}

/// The machine's clock, set by the test.
#[derive(Default)]
struct TestClock(AtomicU64);

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        SystemTime::now() + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

// HH-08, HH-09: at the end of its time a key is fetched anew, once for all who wait for it.
#[tokio::test]
async fn an_expired_key_is_fetched_anew_once() {
    let key = server_key("first", 1);
    let gateway = Gateway::start(&offering(&[&key]), key).await;
    let clock = Arc::new(TestClock::default());
    let environment = Environment { clock: clock.clone(), ..Environment::default() };
    let connector =
        within("a connector", Connector::connect_in(gateway.settings(), environment)).await.unwrap();
    clock.0.store(3700, Ordering::SeqCst);
    let second = server_key("second", 2);
    let mut document = offering(&[&second]);
    document.serial = 2;
    for end in [&mut document.not_after, &mut document.keys[0].not_after] {
        *end = end.saturating_add(Duration::from_secs(3600));
    }
    // Issued an hour from here, as the clock of this client has it.
    document.issued_at = document.issued_at.saturating_add(Duration::from_secs(3600));
    document.keys[0].not_before = document.issued_at;
    gateway.show(&document, second);
    let before = gateway.fetches.load(Ordering::SeqCst);
    // Whoever gives up ends nothing for the others: this one has asked, and goes.
    assert!(connector.request(Method::POST, "/").body("x").send().now_or_never().is_none());
    let asking = (0..5).map(|_| connector.request(Method::POST, "/").body("x").send());
    let answers = within("answers", futures_util::future::join_all(asking)).await;
    for answer in answers {
        assert_eq!(answer.unwrap().status(), 200);
    }
    assert_eq!(gateway.fetches.load(Ordering::SeqCst), before + 1);
}

// HH-01, HH-10: what has no place beside the wire is refused before anything is sent.
#[tokio::test]
async fn settings_that_do_not_go_together() {
    let key = server_key("first", 1);
    let gateway = Gateway::start(&offering(&[&key]), key).await;
    let changes: [fn(&mut Settings); 5] = [
        |s| s.hpke_http = None,
        |s| s.hpke_http.as_mut().unwrap().endpoint = "/sealed?x".parse().unwrap(),
        |s| s.hpke_http.as_mut().unwrap().limits.max_request_bytes = 0,
        |s| s.relay = Some("http://127.0.0.1:1/unit".parse().unwrap()),
        |s| s.early_data = true,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut settings = gateway.settings();
        change(&mut settings);
        let refused = within("a refusal", Connector::connect(settings)).await;
        assert!(matches!(refused.err(), Some(Error::Settings(_))), "{number}");
    }
    assert_eq!(gateway.fetches.load(Ordering::SeqCst), 0);
}
