//! Handshakes by the method ATTEST, on any path, over HTTP/1.1 and HTTP/2.

use super::{
    bound,
    by_hand::{answered, first_hello, hello, judged, now, session, with_request},
};
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sealwire_http::{session::media, wire::ATTEST};
use sealwire_tests::{
    Stage,
    raw::{Answer, Raw},
    stage::AUTHORITY,
    within,
};
use std::net::SocketAddr;
use tokio::net::TcpStream;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    One,
    Two,
}

/// Sends a request by that version, to a name that is not that of the socket.
pub(crate) async fn send(
    version: Version,
    at: SocketAddr,
    (method, target): (&str, &str),
    fields: &[(&str, &str)],
    content: &[u8],
) -> Answer {
    if version == Version::One {
        let mut head = format!("{method} {target} HTTP/1.1\r\nhost: {AUTHORITY}\r\n");
        for (name, value) in fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", content.len()));
        return Raw::connect(at).await.send(head).await.send(content).await.answer().await;
    }
    let stream = TokioIo::new(TcpStream::connect(at).await.unwrap());
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(format!("http://{AUTHORITY}{target}"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::copy_from_slice(content))).unwrap();
    let answer = within("an answer", sender.send_request(request)).await.unwrap();
    let (parts, content) = answer.into_parts();
    let content = within("content", content.collect()).await.unwrap().to_bytes().to_vec();
    connection.abort();
    let headers: HeaderMap = parts.headers;
    Answer { status: parts.status.as_u16(), headers, content, complete: true }
}

// SE-01, SE-50: the method makes it a handshake, whatever the path, and so does it with early data behind.
#[tokio::test]
async fn attest_makes_sessions_on_any_path() {
    let stage = Stage::start().await;
    for version in [Version::One, Version::Two] {
        for target in ["/", "/v1/chat?x=1", "/.well-known/sealwire/session", "/.well-known/sealwire/r"] {
            let started = first_hello();
            let fields = [("content-type", media::HANDSHAKE)];
            let answer = send(version, stage.address(), (ATTEST, target), &fields, &started.hello).await;
            assert_eq!(answer.status, 200, "{version:?} {target}: {}", answer.text());
            assert_eq!(answer.field("content-type"), media::HANDSHAKE);
            let made = judged(started, &answer.content);
            bound::works(version, &stage, &made.established).await;
        }
        let mut made = session(&stage).await;
        let mut started = hello(made.established.ticket.take().unwrap(), true, now());
        let message = with_request(&mut started, &Method::GET);
        let fields = [("content-type", media::EARLY)];
        let answer = send(version, stage.address(), (ATTEST, "/anywhere"), &fields, &message).await;
        assert_eq!(answered(started, &answer, &made.acceptance).1, 200);
        assert_eq!(stage.app.seen().last().unwrap().uri.path(), "/early");
    }
}

// SE-01: it is no application's method, and no other message's.
#[tokio::test]
async fn attest_is_nothing_else() {
    let stage = Stage::with(|config| config.routes[0].plaintext = true).await;
    for version in [Version::One, Version::Two] {
        for media_type in ["text/plain", media::REQUEST, "message/ohttp-req"] {
            let fields = [("content-type", media_type)];
            let answer = send(version, stage.address(), (ATTEST, "/v1"), &fields, b"x").await;
            assert_eq!(answer.status, 415, "{version:?} {media_type}");
        }
        let fields = [("content-type", media::HANDSHAKE)];
        assert_eq!(send(version, stage.address(), (ATTEST, "/v1"), &fields, b"x").await.status, 400);
        assert_eq!(send(version, stage.address(), ("attest", "/v1"), &fields, b"x").await.status, 200);
    }
    assert_eq!(stage.app.counts().reached, 2, "a method in other letters is another one");
}
