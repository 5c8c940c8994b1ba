//! The good path, and what a connector refuses before it sends anything.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use bytes::Bytes;
use common::{AUTHORITY, Gateway, HOUR, plainly, policy, policy_for, text};
use http::{Method, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use sealwire_client::{Connector, Error, SealedWith, Settings, Wire, fetch};
use sealwire_crypto::kem::Kem;
use sealwire_http::{body, client::oblivious::Form};
use std::{convert::Infallible, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tower::ServiceExt;

// AT-42, OB-40: attested once, then sealed; nothing outside identifies anybody.
#[tokio::test]
async fn requests_leave_sealed() {
    let gateway = Gateway::start().await;
    let connector = gateway.connector().await;
    assert_eq!(connector.pinned().get().authorities, [AUTHORITY]);
    for n in 0..3 {
        let response = connector
            .request(Method::POST, "/echo?x=1")
            .header("cookie", "secret=1")
            .header("user-agent", "somebody")
            .body(format!("content {n}"))
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(text(response).await, format!("content {n}"));
    }
    assert_eq!(gateway.state.fetches(), 1);
    for outer in gateway.state.outer.lock().unwrap().iter() {
        assert_eq!(outer.method, Method::POST);
        assert_eq!(outer.uri.path_and_query().unwrap(), "/.well-known/ohttp-gateway");
        let mut names: Vec<_> = outer.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-type", "host", "incremental", "transfer-encoding"]);
    }
    let inner = gateway.state.inner.lock().unwrap();
    assert_eq!(inner[0].uri.to_string(), format!("https://{AUTHORITY}/echo?x=1"));
    assert_eq!(inner[0].headers["cookie"], "secret=1");
    // OB-62
    assert!(inner[0].headers.contains_key(header::DATE));
}

// OB-26, OB-48
#[tokio::test]
async fn single_shot_works_too() {
    let gateway = Gateway::start().await;
    let settings = Settings { form: Form::Single, ..gateway.settings() };
    let connector = Connector::connect(settings).await.unwrap();
    let response = connector.request(Method::POST, "/echo").body("abc").await.unwrap();
    assert_eq!(text(response).await, "abc");
    let outer = gateway.state.outer.lock().unwrap();
    assert_eq!(outer[0].headers[header::CONTENT_TYPE], "message/ohttp-req");
}

// OB-48: far more than any buffer, with the answer coming while the request still goes.
#[tokio::test]
async fn bodies_stream_both_ways() {
    let gateway = Gateway::start().await;
    let connector = gateway.connector().await;
    let (to, from) = tokio::sync::mpsc::channel::<Result<Frame<Bytes>, Infallible>>(1);
    let frames =
        futures_util::stream::unfold(from, |mut from| async { from.recv().await.map(|f| (f, from)) });
    let request = Request::post("/echo").body(body::boxed(StreamBody::new(frames))).unwrap();
    to.send(Ok(Frame::data(Bytes::from_static(b"first")))).await.unwrap();
    let mut answer = connector.oneshot(request).await.unwrap().into_body();
    let first = answer.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "first");
    let block = Bytes::from(vec![7; 1 << 20]);
    let sender = tokio::spawn(async move {
        for _ in 0..16 {
            to.send(Ok(Frame::data(block.clone()))).await.unwrap();
        }
    });
    let mut received = 0;
    while let Some(frame) = answer.frame().await {
        received += frame.unwrap().into_data().unwrap().len();
    }
    sender.await.unwrap();
    assert_eq!(received, 16 << 20);
}

// AT-42, AT-23: every rule that failed is named, and nothing is sent.
#[tokio::test]
async fn a_refused_gateway_gets_nothing() {
    let gateway = Gateway::start().await;
    let settings = Settings { policy: policy_for(&"00".repeat(48)), ..gateway.settings() };
    let Err(Error::Denied(denial)) = Connector::connect(settings).await else { panic!("not denied") };
    assert!(denial.reasons.iter().any(|reason| reason.rule.contains("measurement")), "{denial:?}");
    assert_eq!(gateway.state.posts(), 0);

    // SE-07: attested, but not for this name.
    let settings = Settings { authority: Some("other.example".to_owned()), ..gateway.settings() };
    let Err(Error::Denied(denial)) = Connector::connect(settings).await else { panic!("not denied") };
    assert_eq!(denial.reasons[0].code, "authority-not-served");
}

// AT-41: lifetimes and times are the policy's to bound.
#[tokio::test]
async fn a_document_that_lives_too_long_is_refused() {
    let gateway = Gateway::start_with(&[Kem::X25519], 25 * HOUR, "").await;
    let Err(Error::Denied(denial)) = Connector::connect(gateway.settings()).await else { panic!() };
    assert!(denial.reasons.iter().any(|reason| reason.code == "document-lifetime"), "{denial:?}");
}

// OB-05: the first key of the document whose KEM may be used here.
#[tokio::test]
async fn the_gateways_preference_decides_among_what_is_allowed() {
    let gateway = Gateway::start_with(&[Kem::P256, Kem::XWing, Kem::X25519], HOUR, "").await;
    for (allowed, chosen) in [
        (vec![Kem::XWing, Kem::X25519], Kem::XWing),
        (vec![Kem::X25519, Kem::XWing], Kem::XWing),
        (vec![Kem::X25519], Kem::X25519),
        (vec![Kem::X25519, Kem::P256], Kem::P256),
    ] {
        let connector = Connector::connect(Settings { kems: allowed, ..gateway.settings() }).await.unwrap();
        let SealedWith::Oblivious { kem, .. } = connector.status().sealed_with else {
            panic!("another wire than the one that was asked for")
        };
        assert_eq!(kem, chosen);
        assert_eq!(text(connector.get("/").await.unwrap()).await, "");
    }
    // OB-06
    let settings = Settings { kems: Vec::new(), ..gateway.settings() };
    assert!(matches!(Connector::connect(settings).await, Err(Error::NoKey { .. })));
}

// OB-88, OB-82: with a relay nothing goes to the gateway itself, the key document included.
#[tokio::test]
async fn a_relay_stands_before_everything() {
    let relay = Gateway::start_with(&[Kem::X25519], HOUR, "/unit").await;
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings =
        Settings::new(format!("http://{}", unused.local_addr().unwrap()).parse().unwrap(), policy());
    settings.authority = Some(AUTHORITY.to_owned());
    for path in ["/unit", "/unit/"] {
        settings.relay = Some(format!("http://{}{path}", relay.address).parse().unwrap());
        let connector = Connector::connect(settings.clone()).await.unwrap();
        let response = connector.request(Method::POST, "/echo").body("through").await.unwrap();
        assert_eq!(text(response).await, "through");
    }
    assert!(futures_util::FutureExt::now_or_never(unused.accept()).is_none());
}

// OB-82, and what else cannot work.
#[tokio::test]
async fn settings_are_checked() {
    let gateway = Gateway::start().await;
    let with = |change: fn(&mut Settings)| {
        let mut settings = gateway.settings();
        change(&mut settings);
        async { Connector::connect(settings).await.err() }
    };
    for change in [
        (|s| s.relay = Some("http://relay.example/unit".parse().unwrap())) as fn(&mut Settings),
        |s| s.relay = Some("https://relay.example/unit?to=x".parse().unwrap()),
        |s| s.relay = Some("/unit".parse().unwrap()),
        |s| s.to = "ftp://app.example".parse().unwrap(),
        |s| s.to = "http://app.example/path".parse().unwrap(),
        |s| s.to = "http://user@app.example".parse().unwrap(),
        |s| s.to = "http://app.example/?q".parse().unwrap(),
        |s| s.authority = Some("user@app.example".to_owned()),
        // SE-04
        |s| s.offer.groups.clear(),
        |s| s.offer.schemes = [s.offer.schemes[0]; 2].to_vec(),
        // SE-31: what cannot show, or not there.
        |s| (s.wire, s.bound) = (Wire::Oblivious, Some(Vec::new())),
        |s| (s.wire, s.offer.without_agreement) = (Wire::Oblivious, true),
        |s| (s.wire, s.bound, s.early_data) = (Wire::Session, Some(Vec::new()), true),
        |s| (s.wire, s.bound) = (Wire::Session, Some(vec![header::HOST])),
        |s| (s.wire, s.bound) = (Wire::Session, Some(vec![header::ACCEPT; 2])),
    ] {
        let error = with(change).await;
        assert!(matches!(error, Some(Error::Settings(_))), "{error:?}");
    }
}

// A confused caller must not talk to one service and believe it is another.
#[tokio::test]
async fn requests_for_another_authority_are_refused() {
    let gateway = Gateway::start().await;
    let connector = gateway.connector().await;
    let ask = |uri: &str| connector.clone().oneshot(Request::get(uri).body(body::empty()).unwrap());
    let error = ask("https://other.example/").await.unwrap_err();
    assert!(matches!(error, Error::Misdirected { found, .. } if found == "other.example"));
    assert_eq!(gateway.state.posts(), 0);
    assert!(ask("https://APP.example:443/").await.is_ok());
    assert!(ask("/").await.is_ok());
}

// AT-40: no redirects, one media type, a cap on size and on time.
#[tokio::test]
async fn the_document_is_fetched_within_bounds() {
    let gateway = Gateway::start().await;
    let at = gateway.uri();
    let fetched = || fetch(&at, None, &[], Duration::from_secs(10));
    let moved = Response::builder()
        .status(StatusCode::FOUND)
        .header(header::LOCATION, format!("http://{}/.well-known/sealwire", gateway.address))
        .body(body::empty())
        .unwrap();
    let mut long = common::document(gateway.state.published());
    *long.body_mut() = body::full(vec![0; 2 << 20]);
    let mut typeless = common::document(gateway.state.published());
    typeless.headers_mut().remove(header::CONTENT_TYPE);
    for response in [moved, long, typeless, plainly(StatusCode::NOT_FOUND)] {
        gateway.state.documents.lock().unwrap().push_back(response);
        let before = gateway.state.fetches();
        assert!(matches!(fetched().await, Err(Error::Unreachable { .. })));
        assert_eq!(gateway.state.fetches(), before + 1);
    }
    assert_eq!(fetched().await.unwrap().encode(), gateway.state.published());
    let challenge = [0; 31];
    let error = fetch(&gateway.uri(), Some(&challenge), &[], Duration::from_secs(10)).await;
    assert!(matches!(error, Err(Error::Settings(_))));
}

// AT-40
#[tokio::test]
async fn a_fetch_ends_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n").await.unwrap();
        // The client gives up and closes.
        while stream.read(&mut request).await.is_ok_and(|read| read > 0) {}
    });
    let error = fetch(&at, None, &[], Duration::from_millis(50)).await.unwrap_err();
    assert!(error.is_timeout() || matches!(error, Error::Unreachable { .. }), "{error}");
    server.await.unwrap();
}

// AT-06, AT-71: a client's own endorsements stand beside those of the gateway, and come first.
#[tokio::test]
async fn a_client_brings_endorsements_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let ask = include_bytes!("../../sealwire-attest/anchors/amd/ask-milan.pem");
    std::fs::write(folder.path().join("ask.pem"), ask).unwrap();
    let gateway = Gateway::start().await;
    let settings = Settings { endorsements: vec![folder.path().to_owned()], ..gateway.settings() };
    let connector = Connector::connect(settings.clone()).await.unwrap();
    assert_eq!(connector.pinned().get().authorities, [AUTHORITY]);
    // One that is damaged is not passed over: the document is then not accepted.
    std::fs::write(folder.path().join("cut.pem"), &ask[..ask.len() / 2]).unwrap();
    let error = Connector::connect(settings).await.err().unwrap();
    assert!(error.to_string().contains("cut.pem"), "{error}");
}
