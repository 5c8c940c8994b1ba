//! Upstreams that are down, slow, wrong, or cut their answers. All of it is answered inside (OB-41).

use super::{Scene, Sealed, short};
use sealwire_gateway::config::Route;
use sealwire_http::{problem, wire::OBLIVIOUS_PATH};
use sealwire_tests::{
    message::{self, Form, head, plaintext},
    metrics::{requests, upstream_errors},
    upstream::{Then, Upstream},
};
use std::{net::SocketAddr, time::Duration};

/// A gateway with a route `/bad` to this upstream, beside one that works.
async fn scene(upstream: SocketAddr) -> Scene {
    Scene::start(move |config| {
        short(config);
        let route = Route {
            timeout: Some(Duration::from_millis(500)),
            ..Route::new("/bad", format!("http://{upstream}"))
        };
        config.routes.push(route);
    })
    .await
}

async fn bad(scene: &Scene, form: Form, method: &str, content: &[u8]) -> Sealed {
    let message = plaintext(&head(method, "/bad"), content);
    let (bytes, opener) = form.seal(&scene.stage.sealing().await, &message);
    Sealed { form, bytes, opener }
}

/// One exchange in each form, with this answer inside.
async fn answered(scene: Scene, status: u16, kind: &str) {
    for form in Form::BOTH {
        for (method, content) in [("GET", &b""[..]), ("POST", b"content")] {
            let inner = bad(&scene, form, method, content).await.exchange(&scene.stage).await;
            assert_eq!((inner.status, inner.complete), (status, true), "{form:?}: {}", inner.text());
            assert_eq!(inner.headers["content-type"], problem::MEDIA_TYPE);
            scene.others_are_served().await;
        }
    }
    let wires = Form::BOTH.map(|form| requests(form.wire(), "failed"));
    // As seen from outside, these are answers.
    scene.settle(&[(&upstream_errors(kind), 4), (&wires[0], 0), (&wires[1], 0)]).await;
}

#[tokio::test]
async fn one_that_is_down() {
    let gone = Upstream::saying("", Then::Close).await.address;
    Box::pin(answered(scene(gone).await, 502, "connect")).await;
}

#[tokio::test]
async fn one_that_is_slow() {
    let upstream = Upstream::saying("", Then::Hang).await;
    Box::pin(answered(scene(upstream.address).await, 504, "timeout")).await;
    upstream.until_open(0).await;
}

#[tokio::test]
async fn one_that_closes_at_once() {
    let upstream = Upstream::saying("", Then::Close).await;
    Box::pin(answered(scene(upstream.address).await, 502, "exchange")).await;
    // OB-47: nothing is sent twice.
    assert_eq!(upstream.requests(), 4);
}

#[tokio::test]
async fn one_that_answers_junk() {
    for junk in [
        "junk\r\n\r\n".to_owned(),
        "HTTP/1.1 abc OK\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nx y: z\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx".to_owned(),
        "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\nx-long: {}\r\n\r\n", "x".repeat(1 << 20)),
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n".to_owned(),
    ] {
        let upstream = Upstream::saying(junk, Then::Close).await;
        Box::pin(answered(scene(upstream.address).await, 502, "exchange")).await;
    }
}

// OB-25: what came of it is delivered, in the form that streams, and never completed.
#[tokio::test]
async fn one_that_cuts_its_answer() {
    for (answer, length) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345", Some("10")),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n", None),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\nzz\r\n", None),
    ] {
        let upstream = Upstream::saying(answer, Then::Close).await;
        let scene = scene(upstream.address).await;
        let inner = bad(&scene, Form::Single, "GET", b"").await.exchange(&scene.stage).await;
        assert_eq!((inner.status, inner.complete), (502, true), "{answer}");

        let sealed = bad(&scene, Form::Chunked, "GET", b"").await;
        let mut raw = scene.stage.connect().await;
        let fields = [("content-type", Form::Chunked.media_type())];
        let outer = raw.post(OBLIVIOUS_PATH, &fields, &sealed.bytes).await.answer().await;
        assert!(!outer.complete, "{answer}: the outside must be cut too");
        let inner = sealed.opener.open(&outer);
        assert_eq!((inner.status, inner.text().as_str(), inner.complete), (200, "12345", false), "{answer}");
        assert_eq!(inner.headers.get("content-length").map(|value| value.to_str().unwrap()), length);
        drop(raw);
        scene.settle(&[(&upstream_errors("cut"), 2)]).await;
    }
}

/// What comes after the announced length is no part of any answer.
#[tokio::test]
async fn one_that_sends_more_than_it_announced() {
    let smuggled = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12345HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nanother";
    let upstream = Upstream::saying(smuggled, Then::Stay).await;
    let scene = scene(upstream.address).await;
    for _ in 0..3 {
        for form in Form::BOTH {
            let inner = bad(&scene, form, "GET", b"").await.exchange(&scene.stage).await;
            assert_eq!((inner.status, inner.text().as_str(), inner.complete), (200, "12345", true));
        }
    }
    assert_eq!(upstream.requests(), 6);
    scene.settle(&[]).await;
}

/// A body that an answer must not have is none.
#[tokio::test]
async fn one_that_answers_head_and_204_with_content() {
    for (method, answer, status) in [
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12345", 200),
        ("GET", "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n12345", 204),
        ("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n12345", 304),
    ] {
        let upstream = Upstream::saying(answer, Then::Stay).await;
        let scene = scene(upstream.address).await;
        for form in Form::BOTH {
            for _ in 0..2 {
                let inner = bad(&scene, form, method, b"").await.exchange(&scene.stage).await;
                assert_eq!(
                    (inner.status, inner.content.len(), inner.complete),
                    (status, 0, true),
                    "{method} {form:?}"
                );
            }
        }
        scene.settle(&[]).await;
    }
}

/// An upstream that closes a kept connection just when it is used again costs no request.
#[tokio::test]
async fn one_that_closes_kept_connections() {
    let upstream = Upstream::saying("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Then::Close).await;
    let scene = scene(upstream.address).await;
    for _ in 0..20 {
        let inner = bad(&scene, Form::Chunked, "POST", b"content").await.exchange(&scene.stage).await;
        assert_eq!(inner.status, 200);
        upstream.until_open(0).await;
    }
    scene.settle(&[(&upstream_errors("exchange"), 0)]).await;
}

/// An answer that stalls half way holds its own caller, and nobody else; it is given up with the caller.
#[tokio::test]
async fn one_that_stalls_inside_its_answer() {
    let upstream = Upstream::saying("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345", Then::Hang).await;
    let scene = scene(upstream.address).await;
    let sealed = bad(&scene, Form::Chunked, "GET", b"").await;
    let mut raw = scene.stage.connect().await;
    raw.post(OBLIVIOUS_PATH, &[("content-type", Form::Chunked.media_type())], &sealed.bytes).await;
    assert_eq!(raw.head().await.unwrap().status, 200);
    assert!(!raw.chunk().await.unwrap().is_empty());
    scene.others_are_served().await;
    drop(raw);
    upstream.until_open(0).await;
    scene.settle(&[]).await;
}

/// An answer that is too long for one piece is answered as such; in chunks it streams.
#[tokio::test]
async fn one_that_answers_too_much() {
    let answer =
        [b"HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n".to_vec(), vec![b'x'; 300_000]].concat();
    let upstream = Upstream::saying(answer, Then::Stay).await;
    let address = upstream.address;
    let scene = Scene::start(move |config| {
        config.limits.single_response = 100_000;
        config.routes.push(Route::new("/bad", format!("http://{address}")));
    })
    .await;
    let inner = bad(&scene, Form::Single, "GET", b"").await.exchange(&scene.stage).await;
    assert_eq!((inner.status, inner.complete), (502, true));
    let inner: message::Inner = bad(&scene, Form::Chunked, "GET", b"").await.exchange(&scene.stage).await;
    assert_eq!((inner.status, inner.content.len(), inner.complete), (200, 300_000, true));
    scene.settle(&[]).await;
}
