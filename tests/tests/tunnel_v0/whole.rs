//! What goes through a tunnel, by the gateway (TU-08 to TU-11, TU-21, TU-29 to TU-34).

use super::{
    by_hand::{ByHand, Outer, body, close, connect, get, id, post, text},
    stage, with,
};
use bytes::Bytes;
use sealwire_http::ra_tunnel::message::{Content, Frame, FromClient, Happened};
use sealwire_tests::{
    Stage,
    raw::{Raw, request},
    stage::AUTHORITY,
};
use serde_json::Value;

fn json(content: &[u8]) -> Value {
    serde_json::from_slice(content).unwrap()
}

// TU-08, TU-13, TU-53: what an application gets is an ordinary request, and its answer comes back.
#[tokio::test]
async fn requests_reach_the_application() {
    let stage = stage().await;
    let mut client = ByHand::connect(stage.address()).await;
    let answer = client.request(get("a", "/text")).await;
    assert_eq!((answer.status, answer.status_text.as_str()), (200, "OK"));
    assert!(matches!(answer.body, Some(Content::Text(ref text)) if text.as_str() == "hello"));
    let answer = client.request(post("b", "/echo?a=1&a=2", "{\"x\":\"ü\"}")).await;
    let seen = json(&body(&answer));
    assert_eq!(
        (seen["method"].as_str(), seen["target"].as_str(), seen["content"].as_str()),
        (Some("POST"), Some("/echo?a=1&a=2"), Some("{\"x\":\"ü\"}"))
    );
    assert_eq!(client.request(get("c", "/missing")).await.status, 404);
    // TU-09
    let answer = client.request(get("d", "/empty")).await;
    assert_eq!((answer.status, answer.body), (204, None));
    let answer = client.request(get("e", "/binary")).await;
    assert_eq!(answer.body, Some(Content::Bytes(Bytes::from_static(b"\x00\x80\xff"))));
    let head = sealwire_http::ra_tunnel::message::Request { method: "HEAD".to_owned(), ..get("f", "/text") };
    assert!(body(&client.request(head).await).is_empty());
}

// TU-30, TU-51: a body of bytes is taken, and arrives as it is.
#[tokio::test]
async fn a_body_of_bytes_arrives_as_it_is() {
    let stage = stage().await;
    let mut client = ByHand::connect(stage.address()).await;
    let mut request = post("a", "/echo", "");
    request.body = Some(Content::Bytes(Bytes::from_static(b"\x00\x80\xff")));
    let seen = json(&body(&client.request(request).await));
    assert_eq!(seen["bytes"], 3);
}

// TU-32: the authority is the gateway's own, fields of one hop stay outside, and what HTTP does not allow is refused.
#[tokio::test]
async fn heads_are_checked() {
    let stage = stage().await;
    let mut client = ByHand::connect(stage.address()).await;
    let mut request = get("a", "https://elsewhere.example:444/echo");
    for (name, value) in [
        ("Host", "elsewhere.example"),
        ("X-One", "1"),
        ("Connection", "x-two"),
        ("TE", "gzip"),
        ("X-Two", "2"),
    ] {
        request.headers.push((name.to_owned(), value.to_owned()));
    }
    let seen = json(&body(&client.request(request).await));
    assert_eq!(seen["host"], AUTHORITY);
    assert_eq!((seen["x-one"].as_str(), seen["te"].as_str()), (Some("1"), None));
    let field = |name: &str, value: &str| {
        let mut request = get("bad", "/echo");
        request.headers.push((name.to_owned(), value.to_owned()));
        request
    };
    let method = |name: &str| sealwire_http::ra_tunnel::message::Request {
        method: name.to_owned(),
        ..get("bad", "/echo")
    };
    let bad = [
        method("CONNECT"),
        method("get"),
        method("GET / HTTP/1.1\r\nx:"),
        get("bad", "echo"),
        get("bad", "/a b"),
        get("bad", "/a\r\nx: y"),
        get("bad", "/../x"),
        get("bad", "/a%2fb"),
        get("bad", "//\\x"),
        get("bad", ""),
        field("x y", "1"),
        field("x", "a\r\nb"),
        field("", "1"),
        field("content-encoding", "gzip"),
    ];
    let before = stage.app.counts().reached;
    for request in bad {
        let answer = client.request(request.clone()).await;
        assert_eq!(answer.status, 400, "{request:?}");
    }
    assert_eq!(stage.app.counts().reached, before);
    client.works().await;
}

// TU-31, TU-53
#[tokio::test]
async fn cookies_are_joined_only_where_somebody_wants_it() {
    let refusing = stage().await;
    let mut client = ByHand::connect(refusing.address()).await;
    let answer = client.request(get("a", "/cookies")).await;
    assert_eq!(answer.status, 502);
    let joining = with(|config| config.tunnel.joined_cookies = true).await;
    let mut client = ByHand::connect(joining.address()).await;
    let answer = client.request(get("a", "/cookies")).await;
    assert!(answer.headers.contains(&("set-cookie".to_owned(), "a=1, b=2".to_owned())), "{answer:?}");
}

// TU-33, TU-54: streams, and answers above the limit, are refused by name, and given up behind the gateway.
#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let stage = stage().await;
    let mut client = ByHand::connect(stage.address()).await;
    for url in ["/events", "/long", "/endless"] {
        let answer = client.request(get("a", url)).await;
        assert_eq!(answer.status, 502, "{url}");
        assert!(String::from_utf8(body(&answer).to_vec()).unwrap().contains("session wire"), "{url}");
    }
    client.works().await;
}

// TU-10, TU-29, TU-52, TU-53: frames keep their type, and the application's word decides it.
#[tokio::test]
async fn sockets_keep_types_and_statuses() {
    let stage = stage().await;
    let mut client = ByHand::connect(stage.address()).await;
    for name in ["one", "two", "three"] {
        client.send(connect(name, "ws://ignored:1/socket?x")).await;
        let event = client.event().await;
        assert_eq!((event.id, event.happened), (id(name), Happened::Open));
    }
    client.send(text("two", "hello")).await;
    assert_eq!(client.frame().await, frame_of(text("two", "hello")));
    let binary = Frame { id: id("three"), data: Content::Bytes(Bytes::from_static(b"abc")) };
    client.send(FromClient::Frame(binary.clone())).await;
    assert_eq!(client.frame().await, binary);
    client.send(text("three", "bytes")).await;
    assert_eq!(client.frame().await, binary);
    client.send(text("two", "close")).await;
    let event = client.event().await;
    let closed = Happened::Close { code: Some(4123), reason: "as you said".to_owned() };
    assert_eq!((event.id, event.happened), (id("two"), closed));
    client.send(close("one", Some(1000))).await;
    let event = client.event().await;
    assert!(matches!(event.happened, Happened::Close { code: Some(1000), .. }), "{event:?}");
    // An id is free again once its socket has ended.
    client.send(connect("two", "/socket")).await;
    assert_eq!(client.event().await.happened, Happened::Open);
}

fn frame_of(message: FromClient) -> Frame {
    match message {
        FromClient::Frame(frame) => frame,
        other => panic!("{other:?}"),
    }
}

// TU-28: where there is no WebSocket, the client gets a fixed phrase.
#[tokio::test]
async fn what_is_no_socket_is_refused() {
    let stage = stage().await;
    let mut client = ByHand::connect(stage.address()).await;
    let mut phrases = Vec::new();
    for url in ["/text", "/missing"] {
        client.send(connect("a", url)).await;
        match client.event().await.happened {
            Happened::Error(phrase) => phrases.push(phrase),
            other => panic!("{url}: {other:?}"),
        }
    }
    assert_eq!(phrases[0], phrases[1]);
    for url in ["/a b", "/../x", "no"] {
        client.send(connect("a", url)).await;
        assert!(matches!(client.event().await.happened, Happened::Error(_)), "{url}");
    }
}

// TU-34: a route may say that it does not take this wire; others learn of it by nothing.
#[tokio::test]
async fn a_route_may_exclude_the_wire() {
    let stage = with(|config| config.routes[0].tunnel_version_0 = false).await;
    let mut client = ByHand::connect(stage.address()).await;
    assert_eq!(client.request(get("a", "/text")).await.status, 403);
    client.send(connect("b", "/socket")).await;
    assert!(matches!(client.event().await.happened, Happened::Error(_)));
    assert_eq!(stage.app.counts().reached, 0);
}

// TU-21: the path is exactly that, and only where the wire is on.
#[tokio::test]
async fn only_its_own_path_is_a_tunnel() {
    let stage = stage().await;
    let status = async |stage: &Stage, path: &str, fields: &[(&str, &str)]| {
        let mut raw = Raw::connect(stage.address()).await;
        raw.send(request("GET", path, fields)).await.answer().await.status
    };
    let upgrade = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for path in ["/__ra__/", "/__ra__x", "/__RA__"] {
        assert_eq!(
            status(&stage, path, &upgrade).await,
            403,
            "{path} is the application's, which takes nothing in clear"
        );
    }
    // Nor is what asks for no WebSocket.
    assert_eq!(status(&stage, "/__ra__", &[]).await, 403);
    let _ = Outer::connect(stage.address()).await;
    let off = Stage::before(super::app::app().await, |_| {}).await;
    assert_eq!(status(&off, "/__ra__", &upgrade).await, 403);
}
