//! Callers that send junk, or half a request, or nothing, or do not wait for the end.

use super::{SHORT, Scene, Sealed, closes_without_an_answer, short};
use sealwire_http::{problem, wire::OBLIVIOUS_PATH};
use sealwire_tests::{
    message::{Form, Opener, head, plaintext},
    metrics::{refusals, requests},
    raw::{Raw, request, transfer_chunk},
    upstream::{Then, Upstream},
};
use std::time::Instant;

const PROTOCOL: &str = "sealwire_connection_errors_total{reason=\"protocol\"}";
const TIMEOUT: &str = "sealwire_connection_errors_total{reason=\"timeout\"}";

/// What is no HTTP is answered 400 or not at all, and the connection ends.
#[tokio::test]
async fn junk() {
    let scene = Scene::start(|_| {}).await;
    let random: Vec<u8> = (0..4096_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let hello = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[7; 200]].concat();
    let frames = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &[0xff; 100]].concat();
    let junk: &[(&str, &[u8])] = &[
        ("random bytes", &random),
        ("zeros", &[0; 1000]),
        ("a TLS handshake", &hello),
        ("HTTP/2 with junk for frames", &frames),
        ("no HTTP", b"EHLO example\r\n\r\n"),
        ("no version", b"GET /\r\n\r\n"),
        ("a version to come", b"GET / HTTP/4.2\r\nhost: a\r\n\r\n"),
        ("a field without a name", b"GET / HTTP/1.1\r\n: a\r\n\r\n"),
        ("a space before a colon", b"GET / HTTP/1.1\r\nhost : a\r\n\r\n"),
        ("a line that is folded", b"GET / HTTP/1.1\r\nhost: a\r\n b\r\n\r\n"),
        ("a zero in a field", b"GET / HTTP/1.1\r\nhost: a\0b\r\n\r\n"),
        ("a bare CR", b"GET / HTTP/1.1\r\nhost: a\rb\r\n\r\n"),
        ("a method of junk", b"G\x01T / HTTP/1.1\r\nhost: a\r\n\r\n"),
    ];
    let mut other = scene.stage.connect().await;
    for (what, bytes) in junk {
        let mut raw = scene.stage.connect().await;
        raw.send(bytes).await;
        // Between the junk and its end, and on a connection that is kept all the time.
        scene.stage.works(&mut other).await;
        let answer = raw.finish().await.rest().await;
        let text = String::from_utf8_lossy(&answer);
        let refused =
            text.starts_with("HTTP/1.1 400 ") || text.is_empty() || *what == "HTTP/2 with junk for frames";
        assert!(refused, "{what}: {text}");
    }
    drop(other);
    scene.settle(&[(PROTOCOL, junk.len())]).await;
}

// Also OB-107's relatives: places that take other things, or nothing.
#[tokio::test]
async fn sealed_bytes_in_the_wrong_place() {
    let scene = Scene::start(|_| {}).await;
    let sealed = Sealed::new(&scene.stage, Form::Single, "POST", b"x").await;
    for (method, path, status, reason) in [
        ("POST", "/", 403, "unsealed"),
        ("POST", "/v1", 403, "unsealed"),
        ("POST", "/.well-known/ohttp-gateway/", 403, "unsealed"),
        ("POST", "/.well-known/sealwire", 405, "method"),
        ("DELETE", "/.well-known/sealwire", 405, "method"),
        ("GET", "/.well-known/sealwire?challenge=x", 400, "challenge"),
    ] {
        let before = scene.stage.metrics().await;
        let mut raw = scene.stage.connect().await;
        let length = sealed.bytes.len().to_string();
        let fields = [("content-type", sealed.form.media_type()), ("content-length", &length)];
        let answer = raw.send(request(method, path, &fields)).await.send(&sealed.bytes).await.answer().await;
        assert_eq!(
            (answer.status, answer.field("content-type")),
            (status, problem::MEDIA_TYPE),
            "{method} {path}"
        );
        let after = scene.stage.metrics().await;
        assert_eq!(after.grown(&before, &refusals(reason)), 1.0, "{method} {path}");
    }
    assert_eq!(scene.stage.app.counts().reached, 0);
    scene.settle(&[]).await;
}

/// Half a header section, then the end.
#[tokio::test]
async fn half_a_head() {
    let scene = Scene::start(|_| {}).await;
    let whole = request("POST", OBLIVIOUS_PATH, &[("content-type", Form::Single.media_type())]);
    for half in [1, 10, whole.len() / 2, whole.len() - 1] {
        let mut raw = scene.stage.connect().await;
        closes_without_an_answer(raw.send(&whole[..half]).await.finish().await).await;
    }
    scene.settle(&[(PROTOCOL, 4)]).await;
}

/// Half a sealed message, then the end: nothing of it reaches anybody.
#[tokio::test]
async fn half_a_message() {
    for form in Form::BOTH {
        let scene = Scene::start(|_| {}).await;
        let sealed = Sealed::new(&scene.stage, form, "POST", b"content").await;
        let half = &sealed.bytes[..sealed.bytes.len() / 2];
        let length = sealed.bytes.len().to_string();
        let announced = request(
            "POST",
            OBLIVIOUS_PATH,
            &[("content-type", form.media_type()), ("content-length", &length)],
        );
        let chunked = request(
            "POST",
            OBLIVIOUS_PATH,
            &[("content-type", form.media_type()), ("transfer-encoding", "chunked")],
        );
        let chunk = transfer_chunk(half);
        for (head, content) in [(&announced, half), (&chunked, &chunk), (&chunked, &chunk[..chunk.len() - 2])]
        {
            let mut raw = scene.stage.connect().await;
            raw.send(head).await.send(content).await;
            scene.others_are_served().await;
            raw.finish().await;
            // Whoever only ended their own direction is told; whoever left is not there to be told.
            if let Some(answer) = raw.try_answer().await {
                assert_eq!(answer.status, 400, "{form:?}");
            }
        }
        assert_eq!(scene.stage.app.counts().aborted, 0);
        scene.settle(&[(&refusals("outside"), 3), (&requests(form.wire(), "refused"), 3)]).await;
    }
}

/// OB-25: what came before the cut has gone on; it is aborted, not completed.
#[tokio::test]
async fn half_a_stream() {
    let scene = Scene::start(|_| {}).await;
    let message = plaintext(&head("POST", "/v1"), &[7; 100]);
    let (mut hand, _) = scene.stage.sealing().await.by_hand();
    hand.chunk(b"", &message[..message.len() - 50]);
    let mut raw = scene.stage.connect().await;
    let fields = [("content-type", Form::Chunked.media_type()), ("transfer-encoding", "chunked")];
    raw.send(request("POST", OBLIVIOUS_PATH, &fields)).await.send(transfer_chunk(&hand.out)).await;
    scene.stage.app.until("the head", |counts| counts.reached == 1).await;
    scene.others_are_served().await;
    drop(raw);
    let counts = scene.stage.app.until("the abort", |counts| counts.aborted == 1).await;
    assert_eq!((counts.reached, counts.completed), (2, 1));
    scene.settle(&[]).await;
}

/// A head that comes byte by byte, or not at all, is waited for no longer than the limit.
#[tokio::test]
async fn slow_heads() {
    let scene = Scene::start(short).await;
    let whole = request("POST", OBLIVIOUS_PATH, &[("content-type", Form::Single.media_type())]);
    for start in ["", "P", &whole[..whole.len() - 2]] {
        let begun = Instant::now();
        let mut raw = scene.stage.connect().await;
        raw.send(start).await;
        scene.others_are_served().await;
        let answer = raw.rest().await;
        let waited = begun.elapsed();
        assert!(waited >= SHORT, "{start}: {waited:?}");
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"), "{start}");
    }
    // A head that comes byte by byte does not move the limit.
    let mut raw = scene.stage.connect().await;
    let begun = Instant::now();
    raw.send("GET / HTTP/1.1\r\nx-slow: ").await;
    while begun.elapsed() < SHORT * 3 / 2 {
        raw.send("x").await;
        // That time passes is what this test is about.
        tokio::time::sleep(SHORT / 20).await;
    }
    raw.rest().await;
    scene.settle(&[(TIMEOUT, 4)]).await;
}

/// A single message that does not come to its end is answered 408 outside.
#[tokio::test]
async fn slow_single_messages() {
    let scene = Scene::start(short).await;
    let sealed = Sealed::new(&scene.stage, Form::Single, "POST", b"content").await;
    for sent in [0, 1, sealed.bytes.len() - 1] {
        let mut raw = scene.stage.connect().await;
        let length = sealed.bytes.len().to_string();
        let fields = [("content-type", Form::Single.media_type()), ("content-length", &length)];
        raw.send(request("POST", OBLIVIOUS_PATH, &fields)).await.send(&sealed.bytes[..sent]).await;
        scene.others_are_served().await;
        let answer = raw.answer().await;
        assert_eq!((answer.status, answer.field("content-type")), (408, problem::MEDIA_TYPE));
        closes_without_an_answer(&mut raw).await;
    }
    assert_eq!(scene.stage.app.counts().aborted, 0);
    scene.settle(&[(&refusals("outside"), 3), (&requests("oblivious-single", "refused"), 3)]).await;
}

/// A chunked message that stalls is answered outside before its head is there, and inside after.
#[tokio::test]
async fn slow_chunked_messages() {
    let scene = Scene::start(short).await;
    let fields = [("content-type", Form::Chunked.media_type()), ("transfer-encoding", "chunked")];
    let message = plaintext(&head("POST", "/v1"), &[7; 100]);
    let start = message.len() - 100;
    for sent in [0, 5, 60] {
        let (mut hand, _) = scene.stage.sealing().await.by_hand();
        hand.chunk(b"", &message[..start]);
        let mut raw = scene.stage.connect().await;
        raw.send(request("POST", OBLIVIOUS_PATH, &fields)).await;
        if sent > 0 {
            raw.send(transfer_chunk(&hand.out[..sent])).await;
        }
        scene.others_are_served().await;
        assert_eq!(raw.answer().await.status, 408, "{sent} bytes");
    }
    let aborted = scene.stage.app.counts().aborted;
    assert_eq!(aborted, 0);
    let (mut hand, opener) = scene.stage.sealing().await.by_hand();
    hand.chunk(b"", &message[..start]);
    let mut raw = scene.stage.connect().await;
    raw.send(request("POST", OBLIVIOUS_PATH, &fields)).await.send(transfer_chunk(&hand.out)).await;
    scene.others_are_served().await;
    let inner = Opener::Chunked(opener).open(&raw.answer().await);
    assert_eq!((inner.status, inner.complete), (408, true), "{}", inner.text());
    scene.stage.app.until("the abort", |counts| counts.aborted == 1).await;
    scene.settle(&[(&refusals("outside"), 3), (&requests("oblivious-chunked", "refused"), 3)]).await;
}

/// A slow caller that never pauses for the limit is served: only pauses count.
#[tokio::test]
async fn slow_but_steady() {
    let scene = Scene::start(short).await;
    let message = plaintext(&head("POST", "/v1"), &[7; 100]);
    let (mut hand, opener) = scene.stage.sealing().await.by_hand();
    let mut raw = scene.stage.connect().await;
    let fields = [("content-type", Form::Chunked.media_type()), ("transfer-encoding", "chunked")];
    raw.send(request("POST", OBLIVIOUS_PATH, &fields)).await;
    let begun = Instant::now();
    // The head has a limit of its own.
    let (start, content) = message.split_at(message.len() - 90);
    hand.chunk(b"", start);
    raw.send(transfer_chunk(&hand.out)).await;
    for (i, piece) in content.chunks(15).enumerate() {
        // That time passes is what this test is about.
        tokio::time::sleep(SHORT / 3).await;
        let sent = hand.out.len();
        if i < 5 {
            hand.chunk(b"", piece)
        } else {
            hand.last(b"final", piece)
        }
        raw.send(transfer_chunk(&hand.out[sent..])).await;
    }
    raw.send("0\r\n\r\n").await;
    assert!(begun.elapsed() > SHORT * 3 / 2);
    let inner = Opener::Chunked(opener).open(&raw.answer().await);
    assert_eq!((inner.status, inner.content.len()), (200, 100));
    drop(raw);
    scene.settle(&[]).await;
}

/// A caller that leaves takes its exchange with it, up to the upstream's connection.
#[tokio::test]
async fn callers_that_leave() {
    let upstream = Upstream::saying("", Then::Hang).await;
    let address = upstream.address;
    let scene = Scene::start(move |config| {
        config.routes.push(sealwire_gateway::config::Route::new("/hang", format!("http://{address}")));
    })
    .await;
    for form in Form::BOTH {
        let (sealed, _) = form.seal(&scene.stage.sealing().await, &plaintext(&head("POST", "/hang"), b"x"));
        let mut raw = scene.stage.connect().await;
        raw.post(OBLIVIOUS_PATH, &[("content-type", form.media_type())], &sealed).await;
        upstream.until_open(1).await;
        scene.others_are_served().await;
        drop(raw);
        upstream.until_open(0).await;
    }
    scene.settle(&[]).await;
}

/// More at once than the limit is answered 503, with a hint, and only the excess.
#[tokio::test]
async fn more_at_once_than_the_limit() {
    let upstream = Upstream::saying("", Then::Hang).await;
    let address = upstream.address;
    let scene = Scene::start(move |config| {
        config.limits.requests = 2;
        config.routes.push(sealwire_gateway::config::Route::new("/hang", format!("http://{address}")));
    })
    .await;
    let sealing = scene.stage.sealing().await;
    let hang = || Form::Single.seal(&sealing, &plaintext(&head("POST", "/hang"), b"x")).0;
    let fields = [("content-type", Form::Single.media_type())];
    let mut held: Vec<Raw> = Vec::new();
    for open in 1..=2 {
        let mut raw = scene.stage.connect().await;
        raw.post(OBLIVIOUS_PATH, &fields, &hang()).await;
        upstream.until_open(open).await;
        held.push(raw);
    }
    let mut raw = scene.stage.connect().await;
    let answer = raw.post(OBLIVIOUS_PATH, &fields, &hang()).await.answer().await;
    assert_eq!((answer.status, answer.field("retry-after")), (503, "1"));
    drop(raw);
    held.pop();
    upstream.until_open(1).await;
    scene.settle_with(held, &[(&refusals("in-flight"), 1)]).await;
    upstream.until_open(0).await;
}
