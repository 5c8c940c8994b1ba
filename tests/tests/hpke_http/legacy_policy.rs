//! What the gateway does with requests of the releases 1.x that the released server takes, or takes wrongly (HH-107).

use crate::support::{Files, PSK, PSK_ID, legacy, psk};
use http::{HeaderMap, HeaderValue};
use sealwire_crypto::random::OsRandom;
use sealwire_gateway::config::{Ehbp, RouteEhbp, RouteLegacy, RouteLegacyTable};
use sealwire_http::hpke_http::legacy::{Credential, client, parse_document};
use sealwire_tests::{
    App, Stage,
    raw::{Answer, request},
    stage::AUTHORITY,
};

const DOCUMENT: &str = "/.well-known/hpke-keys";

/// A request of our own client: its fields and its body.
async fn seal(stage: &Stage, content_type: &str, content: &[u8]) -> (HeaderMap, Vec<u8>) {
    let answer = stage.get(DOCUMENT).await;
    assert_eq!((answer.status, answer.field("content-type")), (200, "application/json"));
    assert_eq!(answer.field("cache-control"), "public, max-age=300");
    let key = parse_document(&answer.content).unwrap();
    let credential = Credential::new(PSK_ID, PSK.as_bytes()).unwrap();
    let content_type = HeaderValue::from_str(content_type).unwrap();
    let started = client::start(&key, &credential, Some(&content_type), &OsRandom).unwrap();
    let mut out = bytes::BytesMut::new();
    let mut body = started.body;
    body.data(&mut out, content).unwrap();
    body.finish(&mut out, b"").unwrap();
    (started.headers, out.to_vec())
}

async fn send(stage: &Stage, method: &str, path: &str, fields: &HeaderMap, body: &[u8]) -> Answer {
    let length = body.len().to_string();
    let mut all = vec![("content-length", length.as_str())];
    all.extend(fields.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())));
    let head = request(method, path, &all).replace("outside.example", AUTHORITY);
    let mut raw = stage.connect().await;
    raw.send(head).await.send(body).await;
    raw.answer().await
}

fn is_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!((answer.field("x-hpke-error"), answer.field("content-type")), ("true", "application/json"));
    assert!(serde_json::from_slice::<serde_json::Value>(&answer.content).unwrap()["error"].is_string());
}

// HH-91, HH-92, HH-95, HH-96, HH-97, HH-98
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_anybodys_without_a_chunk_and_nothing_is_answered_twice() {
    let files = Files::new();
    let stage = legacy(App::echo().await, &files, |_| {}).await;
    let (fields, body) = seal(&stage, "application/json", b"{\"a\":1}").await;
    // Fields alone, whatever they say.
    for method in ["GET", "HEAD", "DELETE", "OPTIONS"] {
        let answer = send(&stage, method, "/x", &fields, b"").await;
        assert_eq!((answer.status, answer.field("x-hpke-error")), (426, "true"), "{method}");
    }
    for method in ["POST", "PUT", "PATCH"] {
        is_refused(&send(&stage, method, "/x", &fields, b"").await, 401);
    }
    is_refused(&send(&stage, "POST", "/x", &HeaderMap::new(), b"{}").await, 426);
    let mut id_alone = HeaderMap::new();
    id_alone.insert("x-hpke-psk-id", fields["x-hpke-psk-id"].clone());
    is_refused(&send(&stage, "POST", "/x", &id_alone, b"{}").await, 426);
    // A body that is not of chunks, without an echo (HH-94).
    let clear = send(&stage, "POST", "/x", &fields, b"in clear, in clear").await;
    is_refused(&clear, 400);
    assert!(!clear.text().contains("in clear"));
    let mut unknown = fields.clone();
    unknown.insert("x-hpke-encoding", HeaderValue::from_static("br"));
    is_refused(&send(&stage, "POST", "/x", &unknown, &body).await, 415);
    let mut long = fields.clone();
    long.insert("x-hpke-psk-id", HeaderValue::try_from("eHh4".repeat(43)).unwrap());
    is_refused(&send(&stage, "POST", "/x", &long, &body).await, 400);
    assert_eq!(stage.app.counts().reached, 0);

    let answer = send(&stage, "POST", "/x", &fields, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(!answer.field("x-hpke-stream").is_empty() && answer.content != b"{\"a\":1}");
    let seen = stage.app.seen().pop().unwrap();
    assert_eq!(seen.headers["content-type"], "application/json");
    assert!(!seen.headers.keys().any(|name| name.as_str().starts_with("x-hpke")), "{:?}", seen.headers);
    for path in ["/x", "/y?z"] {
        is_refused(&send(&stage, "POST", path, &fields, &body).await, 409);
    }
    // A cut between chunks shows where the content's form tells (HH-97).
    let (fields, body) = seal(&stage, "application/json", &[b'[', b'1', b','].repeat(40_000)).await;
    is_refused(&send(&stage, "POST", "/x", &fields, &body).await, 400);
    assert_eq!(stage.app.counts().completed, 1, "{:?}", stage.app.counts());
}

// HH-96, HH-105: one path unless more are listed; keys of version 3 are none here.
#[tokio::test(flavor = "multi_thread")]
async fn a_route_takes_its_own_path_and_keys_of_this_wire_alone() {
    let files = Files::new();
    let stage = legacy(App::echo().await, &files, |config| {
        config.routes[0].path = "/old".to_owned();
        config.routes[0].legacy = Some(RouteLegacy::Switch(true));
    })
    .await;
    let (fields, body) = seal(&stage, "text/plain", b"a").await;
    let below = send(&stage, "POST", "/old/below", &fields, &body).await;
    assert_eq!((below.status, below.field("content-type")), (426, "application/problem+json"));
    assert_eq!(send(&stage, "POST", "/old", &fields, &body).await.status, 200);
    let native = psk(PSK_ID, PSK, "acme");
    files.private("legacy.toml", &native);
    stage.gateway.reload(stage.config.clone()).await.unwrap();
    let (fields, body) = seal(&stage, "text/plain", b"a").await;
    is_refused(&send(&stage, "POST", "/old", &fields, &body).await, 401);
}

// HH-91: where a route says so, requests without a body are nobody's; HH-106: until a day.
#[tokio::test(flavor = "multi_thread")]
async fn a_route_may_serve_nobody_and_end_on_a_day() {
    let files = Files::new();
    let bodyless = |last_day: Option<&str>| {
        let last_day = last_day.map(str::to_owned);
        move |config: &mut sealwire_gateway::Config| {
            let wire = config.hpke_http.as_mut().unwrap();
            wire.tenant_field = Some("tenant".to_owned());
            wire.legacy.as_mut().unwrap().last_day = last_day;
            let table = RouteLegacyTable { any_path: true, bodyless: true, paths: None };
            config.routes[0].legacy = Some(RouteLegacy::Table(table));
        }
    };
    let stage = legacy(App::echo().await, &files, bodyless(None)).await;
    let (fields, body) = seal(&stage, "text/plain", b"a").await;
    assert_eq!(send(&stage, "DELETE", "/x", &fields, b"").await.status, 200);
    is_refused(&send(&stage, "DELETE", "/x", &fields, b"").await, 409);
    is_refused(&send(&stage, "POST", "/x", &fields, &body).await, 409);
    let (fields, body) = seal(&stage, "text/plain", b"a").await;
    assert_eq!(send(&stage, "POST", "/x", &fields, &body).await.status, 200);
    let tenants: Vec<_> = stage
        .app
        .seen()
        .iter()
        .map(|seen| seen.headers.get("tenant").map(|value| value.to_str().unwrap().to_owned()))
        .collect();
    assert_eq!(tenants, [None, Some("acme".to_owned())]);

    let ended = legacy(App::echo().await, &files, bodyless(Some("2026-01-01"))).await;
    let (fields, body) = seal(&ended, "text/plain", b"a").await;
    let answer = send(&ended, "POST", "/x", &fields, &body).await;
    is_refused(&answer, 426);
    assert!(answer.text().contains("4.0.1"));
    assert_eq!(ended.app.counts().reached, 0);
}

// HH-88, HH-89, HH-90, HH-102: one key for the life of the gateway, told for a short time, beside that of EHBP at one path.
#[tokio::test(flavor = "multi_thread")]
async fn the_key_document_stands_beside_that_of_ehbp_and_stays() {
    let files = Files::new();
    let stage = legacy(App::echo().await, &files, |config| {
        config.ehbp = Some(Ehbp::default());
        config.routes[0].ehbp = Some(RouteEhbp { any_path: true, ..RouteEhbp::default() });
    })
    .await;
    let ask = async |accept: &[(&str, &str)]| {
        let mut raw = stage.connect().await;
        raw.send(request("GET", DOCUMENT, accept)).await.answer().await
    };
    let before = ask(&[]).await;
    parse_document(&before.content).unwrap();
    let of_ehbp = ask(&[("accept", "application/ohttp-keys")]).await;
    assert_eq!((of_ehbp.field("content-type"), of_ehbp.content.len()), ("application/ohttp-keys", 41));
    stage.gateway.rotate().await.unwrap();
    stage.gateway.reload(stage.config.clone()).await.unwrap();
    assert_eq!(ask(&[("accept", "application/json")]).await.content, before.content);
    assert_ne!(ask(&[("accept", "application/ohttp-keys")]).await.content, of_ehbp.content);
    assert_eq!(before.field("cache-control"), "public, max-age=300");
}
