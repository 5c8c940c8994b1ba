//! A key that is forgotten is renewed from the attested key document, and from nowhere else (EH-28).

use crate::by_hand::{Opened, key};
use axum::{
    Router,
    extract::Request,
    routing::{get, post},
};
use http::{Method, Response};
use sealwire_attest::key_document::{self, PublishedKey};
use sealwire_client::{Connector, Error, Settings, Wire};
use sealwire_http::{
    body, client,
    ehbp::{KEYS_PATH, server::ServerKey},
};
use sealwire_tests::{document, stage, within};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

const PROBLEM: &str = r#"{"type":"urn:ietf:params:ehbp:error:key-config"}"#;

/// The published form of a document with this key.
fn publishing(key: &ServerKey, serial: u64) -> Vec<u8> {
    let mut document = document::of(&[]);
    document.serial = serial;
    document.wires = vec!["ehbp".to_owned()];
    document.keys = vec![PublishedKey {
        id: key.config().id().to_vec(),
        purpose: "ehbp".to_owned(),
        not_before: document.issued_at,
        not_after: document.not_after,
        bytes: key.config().encode(),
    }];
    document::publish(&document)
}

#[derive(Clone)]
struct Shared {
    published: Arc<Mutex<Vec<u8>>>,
    /// the key that requests are opened with
    seed: Arc<Mutex<u8>>,
    asked: Arc<AtomicUsize>,
}

// EH-28: whoever answers 422 and serves a key of its own at the well-known path gets nothing sealed to that.
#[tokio::test]
async fn a_forgotten_key_is_renewed_from_the_document_alone() {
    let shared = Shared {
        published: Arc::new(Mutex::new(publishing(&key(1), 1))),
        seed: Arc::new(Mutex::new(1)),
        asked: Arc::default(),
    };
    let (of_document, of_post, of_keys) = (shared.clone(), shared.clone(), shared.clone());
    let document = move || async move {
        ([("content-type", key_document::MEDIA_TYPE)], of_document.published.lock().unwrap().clone())
    };
    let substituted = move || async move {
        of_keys.asked.fetch_add(1, Ordering::SeqCst);
        ([("content-type", "application/ohttp-keys")], key(9).config().encode())
    };
    let take = move |request: Request| {
        let seed = *of_post.seed.lock().unwrap();
        async move {
            let (head, content) = request.into_parts();
            let request = http::Request::from_parts(head, body::boxed(content));
            let answer = match Opened::new(request, &key(seed)).await {
                Some(opened) => opened.seal(&[b"sealed"]).answer("text/plain", false),
                None => Response::builder()
                    .status(422)
                    .header("content-type", "application/problem+json")
                    .body(body::full(PROBLEM))
                    .unwrap(),
            };
            answer.map(axum::body::Body::new)
        }
    };
    let router = Router::new()
        .route(key_document::PATH, get(document))
        .route(KEYS_PATH, get(substituted))
        .route("/", post(take.clone()).put(take));
    let server = document::Server::start(router).await;
    let settings = Settings { wire: Wire::Ehbp, ..stage::settings(server.address) };
    let connector = within("a connector", Connector::connect(settings)).await.unwrap();
    let send = async |method: Method| {
        let sending = connector.request(method, "/").body("x").send();
        within("an answer", sending).await.map(|answer| answer.status().as_u16())
    };
    assert_eq!(send(Method::POST).await.unwrap(), 200);

    // The instance behind the name is another one now: what may be repeated is sealed to its key.
    *shared.seed.lock().unwrap() = 2;
    *shared.published.lock().unwrap() = publishing(&key(2), 2);
    assert_eq!(send(Method::PUT).await.unwrap(), 200);
    assert_eq!(connector.status().counts.resent, 1);

    // And again, within the pause: nothing is learnt, and what may not be repeated is not.
    *shared.seed.lock().unwrap() = 9;
    let outcome = send(Method::POST).await;
    assert!(matches!(outcome, Err(Error::OutcomeUnknown)), "{outcome:?}");
    let outcome = send(Method::PUT).await;
    let is_stale = |error: &Error| matches!(error, Error::Wire(client::Error::StaleKey(_)));
    assert!(matches!(&outcome, Err(Error::TooSoon { source }) if is_stale(source)), "{outcome:?}");
    assert_eq!(shared.asked.load(Ordering::SeqCst), 0);
}
