//! Our client, through our gateway, and against servers that are not what they should be (TU-09, TU-30, TU-36 to TU-38, TU-83).

use super::{app, by_hand::now, stage};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use sealwire_attest::Policy;
use sealwire_client::{
    Error,
    ra_tunnel::{Connector, Settings},
};
use sealwire_crypto::random::OsRandom;
use sealwire_gateway::Running;
use sealwire_http::{
    Body, body,
    client::tunnel::Error as Tunnel,
    ra_tunnel::{self, Limits, server::Unquoted},
};
use sealwire_tee::Tee as _;
use sealwire_tests::{
    Stage, stage,
    stage::AUTHORITY,
    tee::{self, PolicyText},
    until, within,
};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio_tungstenite::{
    WebSocketStream, accept_async,
    tungstenite::{Message, protocol::Role},
};
use tower::ServiceExt;

pub(super) fn settings(address: SocketAddr, policy: Policy) -> Settings {
    let to = format!("http://{address}").parse().unwrap();
    Settings { authority: Some(AUTHORITY.to_owned()), ..Settings::new(to, policy) }
}

async fn connector(gateway: &Running) -> Connector {
    let settings = settings(gateway.address(), PolicyText::default().policy());
    within("a tunnel", Connector::connect(settings)).await.unwrap()
}

pub(super) async fn send(
    connector: &Connector,
    method: Method,
    path: &str,
    content: Body,
) -> Result<(StatusCode, Bytes), Error> {
    let request = Request::builder().method(method).uri(path).body(content).unwrap();
    let answer = within("an answer", connector.clone().oneshot(request)).await?;
    let status = answer.status();
    Ok((status, answer.into_body().collect().await.unwrap().to_bytes()))
}

// TU-08, TU-36, TU-81
#[tokio::test]
async fn requests_go_through() {
    let stage = stage().await;
    let connector = connector(&stage.gateway).await;
    let (status, content) = send(&connector, Method::GET, "/text", body::empty()).await.unwrap();
    assert_eq!((status, &content[..]), (StatusCode::OK, &b"hello"[..]));
    let (status, content) = send(&connector, Method::POST, "/echo?a=1&a=2", body::full("ü")).await.unwrap();
    let seen: serde_json::Value = serde_json::from_slice(&content).unwrap();
    assert_eq!(
        (status, seen["content"].as_str(), seen["host"].as_str()),
        (StatusCode::OK, Some("ü"), Some(AUTHORITY))
    );
    assert_eq!(
        send(&connector, Method::GET, "/missing", body::empty()).await.unwrap().0,
        StatusCode::NOT_FOUND
    );
    let (status, content) = send(&connector, Method::GET, "/binary", body::empty()).await.unwrap();
    assert_eq!((status, &content[..]), (StatusCode::OK, &b"\x00\x80\xff"[..]));
    assert_eq!(
        send(&connector, Method::GET, "/empty", body::empty()).await.unwrap().0,
        StatusCode::NO_CONTENT
    );
    // TU-33
    assert_eq!(
        send(&connector, Method::GET, "/events", body::empty()).await.unwrap().0,
        StatusCode::BAD_GATEWAY
    );
    let many = (0..200).map(|_| send(&connector, Method::GET, "/text", body::empty()));
    for answer in futures_util::future::join_all(many).await {
        assert_eq!(answer.unwrap().0, StatusCode::OK);
    }
    let status = connector.status();
    assert_eq!((status.connections, status.failed, status.open), (1, 0, true));
    assert_eq!(status.config_digest, Some(stage.gateway.config_digest()));
    assert!(status.claims.claims().development);
}

// TU-30, TU-51: what is no text would be changed on the way, and is not sent.
#[tokio::test]
async fn bytes_are_refused() {
    let stage = stage().await;
    let connector = connector(&stage.gateway).await;
    let refused = async |method, path: &str, content: Body| match send(&connector, method, path, content)
        .await
        .map(drop)
    {
        Err(Error::RaTunnel(Tunnel::Request(why))) => why,
        other => panic!("{other:?}"),
    };
    let bytes = body::full(Bytes::from_static(b"\x00\x80\xff"));
    assert!(refused(Method::POST, "/echo", bytes).await.contains("UTF-8"));
    let long = body::full(vec![b'x'; 2 << 20]);
    assert!(refused(Method::POST, "/echo", long).await.contains("longer"));
    assert_eq!(stage.app.counts().reached, 0);
}

// TU-10, TU-29
#[tokio::test]
async fn sockets_go_through() {
    let stage = stage().await;
    let connector = connector(&stage.gateway).await;
    let open = async || {
        let request = Request::builder()
            .method(Method::CONNECT)
            .uri("/socket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .extension(hyper::ext::Protocol::from_static("websocket"))
            .body(body::empty())
            .unwrap();
        let mut answer = within("an answer", connector.clone().oneshot(request)).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let io = TokioIo::new(within("the upgrade", hyper::upgrade::on(&mut answer)).await.unwrap());
        WebSocketStream::from_raw_socket(io, Role::Client, None).await
    };
    let mut sockets = [open().await, open().await, open().await];
    for socket in &mut sockets {
        for message in [Message::text("hello"), Message::binary(&b"\x00\x80\xff"[..]), Message::text("")] {
            socket.send(message.clone()).await.unwrap();
            assert_eq!(within("an echo", socket.next()).await.unwrap().unwrap(), message);
        }
    }
    sockets[1].send(Message::text("close")).await.unwrap();
    match within("the close", sockets[1].next()).await.unwrap().unwrap() {
        Message::Close(Some(frame)) => {
            assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4123, "as you said"));
        }
        other => panic!("{other:?}"),
    }
    sockets[0].send(Message::text("still")).await.unwrap();
    assert_eq!(within("an echo", sockets[0].next()).await.unwrap().unwrap(), Message::text("still"));
    // TU-11: without the tunnel the connection breaks off, which is 1006.
    let Stage { gateway, .. } = stage;
    gateway.shutdown().await;
    let end = within("the end", sockets[2].next()).await;
    assert!(!matches!(end, Some(Ok(Message::Close(_) | Message::Text(_)))), "{end:?}");
}

// TU-11, TU-12, TU-36: another connection, with another key, and the quote checked again.
#[tokio::test]
async fn a_lost_connection_is_made_anew() {
    let before = stage().await;
    let connector = connector(&before.gateway).await;
    assert_eq!(send(&connector, Method::GET, "/text", body::empty()).await.unwrap().0, StatusCode::OK);
    let mut config = before.config.clone();
    config.listen = before.address();
    let Stage { gateway, app, .. } = before;
    gateway.shutdown().await;
    let _after = stage::gateway(config).await;
    until("a closed tunnel", || async { !connector.status().open }).await;
    assert_eq!(send(&connector, Method::GET, "/text", body::empty()).await.unwrap().0, StatusCode::OK);
    assert_eq!((connector.status().connections, app.counts().reached), (2, 2));
}

// TU-83: measurement, operator and root outside of the policy; nothing is sent.
#[tokio::test]
async fn what_the_policy_refuses_gets_nothing() {
    let stage = stage().await;
    let digest = format!("config-digests = [\"sha384:{}\"]", hex::encode(stage.gateway.config_digest()));
    let good = PolicyText { top: digest, ..PolicyText::default() }.policy();
    within("a tunnel", Connector::connect(settings(stage.address(), good))).await.unwrap();
    let other = PolicyText {
        top: format!("config-digests = [\"sha384:{}\"]", "11".repeat(48)),
        ..PolicyText::default()
    };
    for (policy, code) in [
        (
            PolicyText { measurement: "00".repeat(48), ..PolicyText::default() }.policy(),
            "measurement-not-listed",
        ),
        (PolicyText { root: "00".repeat(32), ..PolicyText::default() }.policy(), "root-not-pinned"),
        (other.policy(), "operator"),
        (Policy::without_policy(), "root-not-pinned"),
    ] {
        match within("a refusal", Connector::connect(settings(stage.address(), policy))).await.map(drop) {
            Err(Error::Denied(denial)) => assert_eq!(denial.reasons[0].code, code),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(stage.app.counts().reached, 0);
}

/// A server that shows this, and counts what comes behind it.
async fn showing(
    first: impl Fn(usize) -> Bytes + Send + 'static,
) -> (SocketAddr, tokio::sync::watch::Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (count, counted) = tokio::sync::watch::channel(0);
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut socket) = accept_async(stream).await else { continue };
            if socket.send(Message::Binary(first(number))).await.is_err() {
                continue;
            }
            let count = count.clone();
            tokio::spawn(async move {
                while let Some(Ok(message)) = socket.next().await {
                    if message.is_binary() {
                        count.send_modify(|count| *count += 1);
                    }
                }
            });
        }
    });
    (address, counted)
}

/// The message of a gateway whose quote is over other report data than its own.
fn unbound() -> Bytes {
    let unquoted = Unquoted::generate(&[0; 48], now(), &OsRandom).unwrap();
    let produced = tee::development().produce(&[7; 64]).unwrap();
    unquoted.quoted(produced.evidence.bytes, produced.endorsements, &Limits::default()).message()
}

/// A good one.
fn bound() -> Bytes {
    let unquoted = Unquoted::generate(&[0; 48], now(), &OsRandom).unwrap();
    let produced = tee::development().produce(&unquoted.report_data()).unwrap();
    unquoted.quoted(produced.evidence.bytes, produced.endorsements, &Limits::default()).message()
}

// TU-36, TU-48 (TS-06): a failed check fails this call and the next, and no key is ever sent.
#[tokio::test]
async fn a_failed_check_fails_every_call() {
    let (address, counted) = showing(|_| unbound()).await;
    let policy = PolicyText::default().policy();
    for _ in 0..2 {
        match within("a refusal", Connector::connect(settings(address, policy.clone()))).await.map(drop) {
            Err(Error::Denied(denial)) => assert_eq!(denial.reasons[0].code, "binding"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(*counted.borrow(), 0);
    // A server that was good once, and is not any more.
    let (address, counted) = showing(|number| if number == 0 { bound() } else { unbound() }).await;
    let settings = Settings {
        limits: Limits { lifetime: std::time::Duration::ZERO, ..Limits::default() },
        ..settings(address, policy)
    };
    let connector = within("a tunnel", Connector::connect(settings)).await.unwrap();
    until("the end of the first", || async { !connector.status().open }).await;
    let sent = *counted.borrow();
    for _ in 0..2 {
        match send(&connector, Method::GET, "/text", body::empty()).await.map(drop) {
            Err(Error::Denied(denial)) => assert_eq!(denial.reasons[0].code, "binding"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(*counted.borrow(), sent, "nothing but the first key");
}

// TU-38, TU-49: where there is no tunnel, nothing goes another way.
#[tokio::test]
async fn there_is_no_plaintext_fallback() {
    let plain = Stage::before(app::app().await, |config| config.routes[0].plaintext = true).await;
    let policy = PolicyText::default().policy();
    let refused = within("a refusal", Connector::connect(settings(plain.address(), policy.clone()))).await;
    assert!(matches!(refused.map(drop), Err(Error::Unreachable { .. })));
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    drop(silent);
    let refused = within("a refusal", Connector::connect(settings(address, policy))).await;
    assert!(matches!(refused.map(drop), Err(Error::Unreachable { .. })));
    // One request for the upgrade, and nothing behind it.
    assert!(plain.app.seen().iter().all(|head| head.uri.path() == ra_tunnel::PATH));
}
