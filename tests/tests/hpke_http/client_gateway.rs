//! Our client against our gateway, both wires: the key comes from the attested key document.

use crate::{
    app::app,
    support::{Files, PSK, PSK_ID, legacy, stage},
};
use http::{Method, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use sealwire_client::{Connector, Error, HpkeHttp, HpkeHttp1, SealedWith, Settings, Wire};
use sealwire_http::{
    BoxError, body,
    client::{self, KeySource},
    hpke_http,
};
use sealwire_tests::{Stage, within};
use std::sync::Arc;

fn version_3(stage: &Stage, psk: &str) -> Settings {
    let credential = hpke_http::Credential::new(PSK_ID, psk.as_bytes()).unwrap();
    let spoken = Some(HpkeHttp::new(Arc::new(credential)));
    Settings { wire: Wire::HpkeHttp, hpke_http: spoken, ..stage.settings() }
}

fn version_1(stage: &Stage, psk: &str) -> Settings {
    let credential = hpke_http::legacy::Credential::new(PSK_ID, psk.as_bytes()).unwrap();
    let spoken = Some(HpkeHttp1::new(Arc::new(credential)));
    Settings { wire: Wire::HpkeHttp1, hpke_http_1: spoken, ..stage.settings() }
}

/// Every kind of exchange.
async fn works(settings: Settings, expected: SealedWith) {
    let connector = within("a connector", Connector::connect(settings)).await.unwrap();
    assert_eq!(connector.status().sealed_with, expected);
    // On 1.x an answer without content is nobody's.
    let of_nobody = (expected == SealedWith::HpkeHttp1).then_some(());
    let ask = async |method: Method, path: &str, content: &'static str| {
        // What says that it is JSON has to be (HH-97).
        let media_type = if content.starts_with('{') { "application/json" } else { "text/plain" };
        let is_head = method == Method::HEAD;
        let request = connector.request(method, path).header("content-type", media_type);
        let answer = within("an answer", request.body(content).send()).await.unwrap();
        let is_bare = is_head || answer.status() == StatusCode::NO_CONTENT;
        let source = of_nobody.filter(|()| is_bare).map_or(Some(&KeySource::Attested), |()| None);
        assert_eq!(answer.extensions().get(), source);
        let (head, content) = answer.into_parts();
        let content = within("the content", content.collect()).await.unwrap().to_bytes();
        (head.status, String::from_utf8(content.to_vec()).unwrap())
    };
    let ok = |text: &str| (StatusCode::OK, text.to_owned());
    assert_eq!(ask(Method::POST, "/json", r#"{"a":[1,2]}"#).await, ok(r#"{"a":[1,2]}"#));
    assert_eq!(ask(Method::GET, "/json?b=1", "").await, ok(r#"{"query":"b=1"}"#));
    assert_eq!(ask(Method::DELETE, "/method", "").await, ok("DELETE"));
    assert_eq!(ask(Method::HEAD, "/method", "").await, ok(""));
    assert_eq!(ask(Method::POST, "/nothing", "x").await.0, StatusCode::NO_CONTENT);
    assert_eq!(ask(Method::POST, "/status/418", "x").await.0, StatusCode::IM_A_TEAPOT);

    let parts = (0..500).map(|_| Ok::<_, BoxError>(Frame::data(bytes::Bytes::from(vec![7; 100_000]))));
    let content = body::boxed(StreamBody::new(futures_util::stream::iter(parts)));
    let sending = connector.request(Method::POST, "/upload").stream(content).send();
    let answer = tokio::time::timeout(20 * sealwire_tests::PATIENCE, sending).await.unwrap().unwrap();
    assert_eq!(within("the content", answer.into_body().collect()).await.unwrap().to_bytes(), "50000000");
}

// HH-61, HH-74
#[tokio::test]
async fn version_3_works() {
    let files = Files::new();
    let stage = stage(app().await, &files, |_| {}).await;
    works(version_3(&stage, PSK), SealedWith::HpkeHttp).await;
}

// HH-91, HH-94, HH-107: a method without a body is proven by an empty chunk.
#[tokio::test]
async fn version_1_works() {
    let files = Files::new();
    let stage = legacy(app().await, &files, |config| {
        config.hpke_http.as_mut().unwrap().legacy.as_mut().unwrap().max_request = 64 << 20;
    })
    .await;
    works(version_1(&stage, PSK), SealedWith::HpkeHttp1).await;
}

// HH-38, HH-99: another pre-shared key opens nothing, and the application hears of nothing.
#[tokio::test]
async fn another_key_is_refused() {
    let files = Files::new();
    let (new, old) =
        (stage(app().await, &files, |_| {}).await, legacy(app().await, &Files::new(), |_| {}).await);
    let another = "another pre-shared key of forty characters";
    for settings in [version_3(&new, another), version_1(&old, another)] {
        let connector = within("a connector", Connector::connect(settings)).await.unwrap();
        let refused = within("a refusal", connector.request(Method::POST, "/upload").body("x").send()).await;
        let refused = refused.map(|answer| answer.status());
        let told = matches!(
            refused,
            Err(Error::Wire(client::Error::Refused(_) | client::Error::NotEncapsulated(_)))
        );
        assert!(told, "{refused:?}");
    }
    assert_eq!((new.app.counts().reached, old.app.counts().reached), (0, 0));
}
