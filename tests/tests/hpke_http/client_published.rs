//! Our client against the published middleware, hpke-http 4.0.1 for FastAPI, by a pinned key: it attests nothing.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use sealwire_client::{
    Error, HpkeHttp,
    pinned::{Connector, Key, Settings, Wire},
};
use sealwire_crypto::{
    digest::sha256,
    kem::{Kem, PrivateKey},
};
use sealwire_http::{
    Body, BoxError, body,
    client::{self, KeySource},
    hpke_http::{Compression, Credential},
};
use sealwire_tests::{
    peers::{self, Server},
    within,
};
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;

const PRIVATE_KEY: [u8; 32] = [7; 32];
const KEY_ID: &str = "key-2026";
const PSK_ID: &str = "tenant";
const PSK: [u8; 32] = [9; 32];

/// Starts it; `None` where it is not installed.
pub(crate) fn server() -> Option<Server> {
    let python = peers::python("hpke-http-4")?;
    let arguments = [&hex::encode(PRIVATE_KEY), KEY_ID, PSK_ID, &hex::encode(PSK)];
    Some(Server::start(&python, "hpke_http_4_server.py", &arguments))
}

pub(crate) fn settings(server: &Server) -> Settings {
    let public_key =
        PrivateKey::from_bytes(Kem::X25519, &PRIVATE_KEY).unwrap().public_key().as_bytes().to_vec();
    let key = Key { id: KEY_ID.into(), public_key: public_key.try_into().unwrap() };
    let credential = Credential::new(PSK_ID, &PSK).unwrap();
    let spoken = HpkeHttp { endpoint: "/protected".parse().unwrap(), ..HpkeHttp::new(Arc::new(credential)) };
    Settings::new(server.url().parse().unwrap(), Wire::HpkeHttp(key, spoken))
}

pub(crate) fn spoken(settings: &mut Settings) -> (&mut Key, &mut HpkeHttp) {
    let Wire::HpkeHttp(key, spoken) = &mut settings.wire else { panic!("another wire") };
    (key, spoken)
}

fn connect(server: &Server) -> Connector {
    Connector::new(settings(server)).unwrap()
}

async fn whole(answer: Response<Body>) -> Bytes {
    within("the content", answer.into_body().collect()).await.unwrap().to_bytes()
}

async fn value(answer: Response<Body>) -> Value {
    serde_json::from_slice(&whole(answer).await).unwrap()
}

// HH-74: JSON both ways, with path, query and fields; the outer ones and those of one hop stay away (HH-30, HH-34).
#[tokio::test]
async fn json_goes_both_ways() {
    let Some(server) = server() else { return };
    let sent = json!({ "text": "käse", "list": [1, 2, 3] });
    let request = connect(&server)
        .request(Method::POST, "/json?a=1&b=%20")
        .header("content-type", "application/json")
        .header("accept-encoding", "gzip")
        .header("connection", "x-hop")
        .header("x-hop", "1")
        .header("x-kept", "yes")
        .body(sent.to_string());
    let answer = within("an answer", request.send()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.extensions().get(), Some(&KeySource::Pinned));
    let got = value(answer).await;
    assert_eq!(got["got"], sent);
    assert_eq!((&got["path"], &got["query"]), (&json!("/json"), &json!("a=1&b=%20")));
    assert_eq!(got["host"], json!(server.address.to_string()));
    assert_eq!(got["fields"]["x-kept"], json!("yes"));
    for absent in ["x-hop", "accept-encoding", "connection", "cache-control"] {
        assert!(got["fields"].get(absent).is_none(), "{absent}: {got}");
    }
}

// HH-13, HH-74: 50 MB, streamed without a length, compressed or not (HH-60).
#[tokio::test]
async fn an_upload_streams() {
    const LEN: usize = 50_000_000;
    let Some(server) = server() else { return };
    let content: Bytes = (0..LEN).map(|at| (at / 7 % 251) as u8).collect();
    for compression in [Compression::Off, Compression::Zstd] {
        let mut settings = settings(&server);
        spoken(&mut settings).1.compression = compression;
        let parts: Vec<_> =
            (0..LEN).step_by(100_000).map(|at| content.slice(at..LEN.min(at + 100_000))).collect();
        let parts = parts.into_iter().map(|part| Ok::<_, BoxError>(Frame::data(part)));
        let stream = body::boxed(StreamBody::new(futures_util::stream::iter(parts)));
        let request = Connector::new(settings).unwrap().request(Method::POST, "/count").stream(stream);
        let answer =
            tokio::time::timeout(20 * sealwire_tests::PATIENCE, request.send()).await.unwrap().unwrap();
        let expected = json!({ "length": LEN, "sha256": hex::encode(sha256(&[&content])) });
        assert_eq!(value(answer).await, expected, "{compression:?}");
    }
}

// HH-22, HH-23: an event is there before the next one is made; a last one without its end is dropped by the server.
#[tokio::test]
async fn events_come_as_they_are_made() {
    let Some(server) = server() else { return };
    let connector = connect(&server);
    let answer = within("an answer", connector.get("/events").send()).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream; charset=utf-8");
    let mut events = answer.into_body();
    let mut next = async || {
        let frame = within("an event", events.frame()).await;
        frame.map(|frame| String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
    };
    assert_eq!(next().await.unwrap(), "event: one\ndata: 1\n\n");
    let released = within("an answer", connector.request(Method::POST, "/go").send()).await.unwrap();
    assert_eq!(released.status(), StatusCode::NO_CONTENT);
    assert_eq!(next().await.unwrap(), "data: 2\n\n");
    assert_eq!(next().await.unwrap(), "data: 3\n\n");
    assert_eq!(next().await, None);
}

// HH-23: the server breaks off without END, and the stream ends with an error.
#[tokio::test]
async fn a_stream_without_its_end_is_an_error() {
    let Some(server) = server() else { return };
    let answer = within("an answer", connect(&server).get("/broken").send()).await.unwrap();
    let mut events = answer.into_body();
    let first = within("an event", events.frame()).await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "data: 1\n\n");
    assert!(within("an error", events.frame()).await.unwrap().is_err());
}

// HH-31: an answer to HEAD has a length and no content; 204 has neither; errors of the application come sealed.
#[tokio::test]
async fn answers_without_content_and_errors() {
    let Some(server) = server() else { return };
    let connector = connect(&server);
    for method in [Method::GET, Method::HEAD] {
        let answer =
            within("an answer", connector.request(method.clone(), "/document").send()).await.unwrap();
        assert_eq!(answer.headers()["x-kept"], "yes");
        assert_eq!(answer.headers()["content-length"], "1000", "{method}");
        let expected = if method == Method::HEAD { 0 } else { 1000 };
        assert_eq!(whole(answer).await.len(), expected, "{method}");
    }
    let none = within("an answer", connector.request(Method::POST, "/go").send()).await.unwrap();
    assert_eq!((none.status(), whole(none).await.len()), (StatusCode::NO_CONTENT, 0));
    let teapot = within("an answer", connector.get("/teapot").send()).await.unwrap();
    assert_eq!(teapot.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(value(teapot).await, json!({ "error": "short and stout" }));
    let nothing = within("an answer", connector.get("/no/such/path").send()).await.unwrap();
    assert_eq!(nothing.status(), StatusCode::NOT_FOUND);
    // HH-19, HH-20: the longest finite answer there is, and one byte more, which the server refuses to seal.
    let longest = within("an answer", connector.get("/bytes/8388608").send()).await.unwrap();
    assert_eq!(whole(longest).await.len(), 8 << 20);
    let error = within("an answer", connector.get("/bytes/8388609").send()).await.unwrap_err();
    assert!(matches!(error, Error::Wire(client::Error::NotEncapsulated(StatusCode::INTERNAL_SERVER_ERROR))));
}

// HH-30, HH-38, HH-40: what cannot be asked, and how the server's refusals are told.
#[tokio::test]
async fn refusals() {
    let Some(server) = server() else { return };
    let refused = async |change: &dyn Fn(&mut Settings), request: Request<Body>| {
        let mut settings = settings(&server);
        change(&mut settings);
        let connector = Connector::new(settings).unwrap();
        within("an answer", connector.oneshot(request)).await.map(|answer| answer.status()).unwrap_err()
    };
    let get = |path: &str| Request::get(path).body(body::empty()).unwrap();
    // An unknown key id, an unknown PSK id, another PSK and another key are one refusal.
    let bad = |error: Error| matches!(error, Error::Wire(client::Error::Refused(StatusCode::BAD_REQUEST)));
    assert!(bad(refused(&|s| spoken(s).0.id = "another".into(), get("/document")).await));
    assert!(bad(refused(&|s| spoken(s).0.public_key = [9; 32], get("/document")).await));
    for (id, psk) in [("another", PSK), (PSK_ID, [8; 32])] {
        let change = |settings: &mut Settings| {
            spoken(settings).1.credential = Arc::new(Credential::new(id, &psk).unwrap());
        };
        assert!(bad(refused(&change, get("/document")).await), "{id}");
    }
    let another = refused(&|s| s.authority = Some("another.example".to_owned()), get("/document")).await;
    assert!(matches!(another, Error::Wire(client::Error::Refused(StatusCode::MISDIRECTED_REQUEST))));
    let nowhere = refused(&|s| spoken(s).1.endpoint = "/nowhere".parse().unwrap(), get("/document")).await;
    assert!(matches!(nowhere, Error::Wire(client::Error::NotEncapsulated(StatusCode::NOT_FOUND))));
    let plain = refused(&|s| spoken(s).1.endpoint = "/go".parse().unwrap(), get("/document")).await;
    assert!(matches!(plain, Error::Wire(client::Error::NotEncapsulated(StatusCode::NO_CONTENT))));
    // Nothing of these leaves.
    let elsewhere = refused(&|_| {}, get("https://another.example/document")).await;
    assert!(matches!(elsewhere, Error::Misdirected { .. }), "{elsewhere}");
    let coded = Request::post("/json").header("content-encoding", "gzip").body(body::full("x")).unwrap();
    assert!(matches!(refused(&|_| {}, coded).await, Error::Wire(client::Error::InnerCoding)));
    let trace = Request::builder().method(Method::TRACE).uri("/document").body(body::empty()).unwrap();
    assert!(matches!(refused(&|_| {}, trace).await, Error::Wire(client::Error::Sealing(_))));
    let socket = Request::get("/document").header("connection", "upgrade").header("upgrade", "websocket");
    let socket = refused(&|_| {}, socket.body(body::empty()).unwrap()).await;
    assert!(matches!(socket, Error::NeedsSession), "{socket}");
    // The application's own coding is the server's fault, and it says so.
    let coded = refused(&|_| {}, get("/coded")).await;
    assert!(matches!(coded, Error::Wire(client::Error::NotEncapsulated(StatusCode::INTERNAL_SERVER_ERROR))));
    let status = connect(&server).status();
    assert_eq!((status.wire, &*status.key.id), ("hpke-http", KEY_ID.as_bytes()));
}
