//! Our client against the published middleware of 1.x, hpke-http 1.6.1 for FastAPI.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use sealwire_client::{
    Error, HpkeHttp1,
    pinned::{Connector, Key, Settings, Wire},
};
use sealwire_crypto::{
    digest::sha256,
    kem::{Kem, PrivateKey},
};
use sealwire_http::{
    BoxError, body,
    client::{self, KeySource},
    hpke_http::legacy::Credential,
    opened::Fault,
};
use sealwire_tests::{
    peers::{self, Server},
    within,
};
use serde_json::{Value, json};
use std::sync::Arc;

const PRIVATE_KEY: [u8; 32] = [7; 32];
const PSK_ID: &str = "tenant";
const PSK: [u8; 32] = [9; 32];

/// Starts it; `None` where it is not installed.
fn server(compression: &[&str]) -> Option<Server> {
    let python = peers::python("hpke-http-1")?;
    let (key, psk) = (hex::encode(PRIVATE_KEY), hex::encode(PSK));
    let arguments = [&[key.as_str(), PSK_ID, &psk], compression].concat();
    Some(Server::start(&python, "hpke_http_1_server.py", &arguments))
}

fn settings(server: &Server, id: &'static str, psk: &[u8]) -> Settings {
    let private = PrivateKey::from_bytes(Kem::X25519, &PRIVATE_KEY).unwrap();
    let key = Key { id: Bytes::new(), public_key: private.public_key().as_bytes().try_into().unwrap() };
    let spoken = HpkeHttp1::new(Arc::new(Credential::new(id, psk).unwrap()));
    Settings::new(server.url().parse().unwrap(), Wire::HpkeHttp1(key, spoken))
}

fn connect(server: &Server) -> Connector {
    Connector::new(settings(server, PSK_ID, &PSK)).unwrap()
}

async fn whole(answer: Response<sealwire_http::Body>) -> Result<Bytes, BoxError> {
    Ok(within("the content", answer.into_body().collect()).await?.to_bytes())
}

async fn value(answer: Response<sealwire_http::Body>) -> Value {
    serde_json::from_slice(&whole(answer).await.unwrap()).unwrap()
}

// HH-82, HH-94, HH-107: any content is sealed, and its type goes along; a caller's fields of the wire's names do not.
#[tokio::test]
async fn json_goes_both_ways() {
    let Some(server) = server(&[]) else { return };
    let sent = json!({ "text": "käse" });
    let request = connect(&server)
        .request(Method::POST, "/json?a=1")
        .header("content-type", "application/json; charset=utf-8")
        .header("x-hpke-error", "true")
        .header("x-kept", "yes")
        .body(sent.to_string());
    let answer = within("an answer", request.send()).await.unwrap();
    assert_eq!(answer.extensions().get(), Some(&KeySource::Pinned));
    assert!(!answer.headers().contains_key("x-hpke-stream"));
    let got = value(answer).await;
    assert_eq!((&got["got"], &got["query"], &got["tenant"]), (&sent, &json!("a=1"), &json!(PSK_ID)));
    assert_eq!((&got["sealed"], &got["fields"]["x-kept"]), (&json!(true), &json!("yes")));
    assert_eq!(got["fields"]["content-type"], json!("application/json; charset=utf-8"));
    assert!(got["fields"].get("x-hpke-error").is_none());
    // HH-91: what is empty is a chunk, by which the server knows the key.
    let empty = within("an answer", connect(&server).request(Method::POST, "/count").send()).await.unwrap();
    assert_eq!(value(empty).await["length"], json!(0));
}

// HH-83, HH-107
#[tokio::test]
async fn an_upload_streams() {
    const LEN: usize = 50_000_000;
    let Some(server) = server(&[]) else { return };
    let content: Bytes = (0..LEN).map(|at| (at / 7 % 251) as u8).collect();
    let parts: Vec<_> =
        (0..LEN).step_by(100_000).map(|at| content.slice(at..LEN.min(at + 100_000))).collect();
    let parts = parts.into_iter().map(|part| Ok::<_, BoxError>(Frame::data(part)));
    let stream = body::boxed(StreamBody::new(futures_util::stream::iter(parts)));
    let sending = connect(&server).request(Method::POST, "/count").stream(stream).send();
    let answer = tokio::time::timeout(20 * sealwire_tests::PATIENCE, sending).await.unwrap().unwrap();
    let expected = json!({ "length": LEN, "sha256": hex::encode(sha256(&[&content])) });
    assert_eq!(value(answer).await, expected);
}

// HH-86, HH-107: events come as they are made, compressed by the server or not.
#[tokio::test]
async fn events_come_as_they_are_made() {
    for compression in [&[][..], &["compress"]] {
        let Some(server) = server(compression) else { return };
        let connector = connect(&server);
        let answer = within("an answer", connector.get("/events").send()).await.unwrap();
        let mut events = answer.into_body();
        let mut next = async || {
            let frame = within("an event", events.frame()).await;
            frame.map(|frame| String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
        };
        assert_eq!(next().await.unwrap(), "event: one\ndata: 1\n\n", "{compression:?}");
        let released = within("an answer", connector.request(Method::POST, "/go").send()).await.unwrap();
        assert_eq!(released.status(), StatusCode::NO_CONTENT);
        assert_eq!(next().await.unwrap(), format!("data: 2{}\n\n", " two".repeat(100)), "{compression:?}");
        assert_eq!(next().await.unwrap(), "data: 3\n\n");
        assert_eq!(next().await, None);
    }
}

// HH-85, HH-107: answers in chunks, compressed or not; HEAD, 204, and the application's own errors.
#[tokio::test]
async fn answers_of_all_kinds() {
    for compression in [&[][..], &["compress"]] {
        let Some(server) = server(compression) else { return };
        let connector = connect(&server);
        let document = within("an answer", connector.get("/document").send()).await.unwrap();
        assert_eq!(document.headers()["x-kept"], "yes");
        assert_eq!(whole(document).await.unwrap(), "some text, ".repeat(20_000), "{compression:?}");
        let head = within("an answer", connector.request(Method::HEAD, "/document").send()).await.unwrap();
        assert_eq!((head.status(), whole(head).await.unwrap().len()), (StatusCode::OK, 0));
        let teapot = within("an answer", connector.get("/teapot").send()).await.unwrap();
        assert_eq!(teapot.status(), StatusCode::IM_A_TEAPOT);
        assert_eq!(value(teapot).await, json!({ "error": "short and stout" }));
    }
}

// HH-97: what is cut between chunks shows by the content's own form alone, and there it is an error.
#[tokio::test]
async fn content_that_is_not_whole_is_an_error() {
    let Some(server) = server(&[]) else { return };
    for path in ["/half", "/unfinished"] {
        let answer = within("an answer", connect(&server).get(path).send()).await;
        let error = match answer {
            Ok(answer) => whole(answer).await.unwrap_err(),
            Err(error) => error.into(),
        };
        let is_incomplete = error.downcast_ref() == Some(&Fault::Incomplete)
            || matches!(error.downcast_ref(), Some(Error::Wire(client::Error::Answer(Fault::Incomplete))));
        assert!(is_incomplete, "{path}: {error}");
    }
}

// HH-99: an error of the middleware is one, and its content is not the application's.
#[tokio::test]
async fn errors_of_the_middleware_are_refusals() {
    let Some(server) = server(&[]) else { return };
    for (id, psk, status) in
        [("another", PSK, StatusCode::UNAUTHORIZED), (PSK_ID, [8; 32], StatusCode::BAD_REQUEST)]
    {
        let connector = Connector::new(settings(&server, id, &psk)).unwrap();
        let refused = within("a refusal", connector.request(Method::POST, "/count").body("x").send()).await;
        let refused = refused.map(|answer| answer.status());
        assert!(
            matches!(&refused, Err(Error::Wire(client::Error::Refused(found))) if *found == status),
            "{refused:?}"
        );
    }
}
