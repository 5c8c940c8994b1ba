//! The gateway's side of the oblivious wire, driven by hand-made messages.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use bytes::Bytes;
use common::*;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use sealwire_crypto::{aead::Aead, kem::Kem, random::OsRandom};
use sealwire_http::{
    Identity, Peer, Wire, body,
    informational::{Informational, InformationalSender},
    problem,
    server::{Pace, RouteRules},
};
use sealwire_message::{bhttp::encode, chunk::Opened};
use sealwire_oblivious::media;
use std::{sync::Arc, time::Duration};

const KEMS: [Kem; 3] = [Kem::X25519, Kem::XWing, Kem::P256];
const AEADS: [Aead; 3] = [Aead::Aes128Gcm, Aead::Aes256Gcm, Aead::ChaCha20Poly1305];

// OB-01, OB-20: nine suites, both forms; a chunked request gets a chunked answer.
#[tokio::test]
async fn every_suite_in_both_forms() {
    let gateway = gateway(Setup { kems: KEMS.to_vec(), ..Setup::default() }, echo);
    for kem in KEMS {
        for aead in AEADS {
            let to = gateway.selected(kem, aead);
            let message = plaintext(&head("POST", 0), b"hello");
            let (sealed, opener) = seal_chunks(&to, &gateway.limits, &[&message]);
            let inner = open_chunked(gateway.send(media::CHUNKED_REQUEST, sealed).await, opener).await;
            assert_eq!((inner.status, inner.text().as_str(), inner.complete), (200, "hello", true));
            let (sealed, opener) = seal_single(&to, &gateway.limits, &message);
            let inner = open_single(gateway.send(media::REQUEST, sealed).await, opener).await;
            assert_eq!((inner.status, inner.text().as_str(), inner.complete), (200, "hello", true));
        }
    }
}

#[tokio::test]
async fn application_sees_an_ordinary_request_and_a_peer() {
    let gateway = gateway(Setup::default(), |request| async move {
        assert_eq!(request.uri(), "https://app.example/v1/echo?x=1");
        let peer = request.extensions().get::<Peer>().unwrap();
        assert_eq!(peer, &Peer { wire: Wire::ObliviousChunked, identity: Identity::Nobody });
        // OB-33, OB-34: connection-specific fields are gone, cookies are one line.
        for name in ["host", "connection", "keep-alive", "x-hop", "te"] {
            assert!(!request.headers().contains_key(name), "{name}");
        }
        assert_eq!(request.headers()["cookie"], "a=1; b=2");
        let mut response = Response::new(body::empty());
        response.headers_mut().insert("connection", "x-secret".parse().unwrap());
        response.headers_mut().insert("x-secret", "1".parse().unwrap());
        response
    });
    let mut head = head("GET", 0);
    for (name, value) in [
        ("host", "app.example"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("keep-alive", "5"),
        ("te", "gzip"),
        ("cookie", "a=1"),
        ("cookie", "b=2"),
    ] {
        head.headers.append(name, value.parse().unwrap());
    }
    let (sealed, opener) =
        seal_chunks(&gateway.default_selected(), &gateway.limits, &[&plaintext(&head, b"")]);
    let inner = open_chunked(gateway.send(media::CHUNKED_REQUEST, sealed).await, opener).await;
    assert_eq!(inner.status, 200);
    assert!(inner.headers.is_empty(), "{:?}", inner.headers);
}

// OB-40, OB-42, OB-100 to OB-105, OB-164: one answer, whatever was wrong before anything opened.
#[tokio::test]
async fn what_does_not_open_gets_one_answer() {
    let gateway = gateway(Setup::default(), echo);
    let to = gateway.default_selected();
    let message = plaintext(&head("POST", 0), b"hello");
    let (single, _) = seal_single(&to, &gateway.limits, &message);
    let (chunked, _) = seal_chunks(&to, &gateway.limits, &[&message]);
    let mut wrong: Vec<(&str, Vec<u8>)> = vec![
        // OB-106: one form under the other's media type
        (media::REQUEST, chunked.to_vec()),
        (media::CHUNKED_REQUEST, single.to_vec()),
    ];
    for (media_type, sealed) in [(media::REQUEST, &single), (media::CHUNKED_REQUEST, &chunked)] {
        wrong.push((media_type, sealed[..sealed.len() - 1].to_vec()));
        for at in 0..sealed.len() {
            let mut flipped = sealed.to_vec();
            flipped[at] ^= 1 << (at % 8);
            wrong.push((media_type, flipped));
        }
        // OB-104: a point of low order
        let mut low = sealed.to_vec();
        low[7..39].fill(0);
        wrong.push((media_type, low));
        // OB-100: too short for anything, which shows outside, so the key is not to blame.
        for len in [0, 1, 6, 7, 38, 39, 54] {
            let response = gateway.send(media_type, sealed[..len].to_vec()).await;
            let (status, text) = outside(response).await;
            assert_eq!((status, text.contains(problem::OHTTP_KEY)), (400, false));
        }
    }
    let mut texts = std::collections::BTreeSet::new();
    for (media_type, bytes) in wrong {
        let response = gateway.send(media_type, bytes).await;
        assert_eq!(response.headers()["content-type"], problem::MEDIA_TYPE);
        let (status, text) = outside(response).await;
        assert_eq!(status, 400);
        texts.insert(text);
    }
    assert_eq!(texts.len(), 1);
    assert!(texts.first().unwrap().contains(problem::OHTTP_KEY));
    assert_eq!(gateway.reached(), 0);
}

// OB-25, OB-108: what authenticates goes on at once; the end does not come unless it authenticates.
#[tokio::test]
async fn a_cut_request_never_ends_cleanly() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let gateway = gateway(Setup::default(), move |request| {
        let tell = tell.clone();
        async move {
            let mut body = request.into_body();
            while let Some(frame) = body.frame().await {
                tell.send(frame.map(|frame| frame.into_data().unwrap()).map_err(|error| error.to_string()))
                    .unwrap();
            }
            Response::new(body::empty())
        }
    });
    let to = gateway.default_selected();
    for content_length in [false, true] {
        let mut head = head("POST", 0);
        if content_length {
            head.headers.insert("content-length", "6".parse().unwrap());
        }
        let message = plaintext(&head, b"secret");
        let all_content = &message[..message.len() - 2];
        let (sealed, opener) = seal_cut(&to, &gateway.limits, &[all_content]);
        let (sender, body) = channel();
        sender.send(Ok(sealed.freeze())).unwrap();
        let exchange = gateway.send_request(outer(media::CHUNKED_REQUEST, body));
        let meanwhile = async {
            if !content_length {
                assert_eq!(told.recv().await.unwrap().unwrap(), "secret");
            }
            drop(sender);
            // With a length announced, its last byte would complete the upstream's message: it must not have come.
            assert!(told.recv().await.unwrap().is_err());
        };
        let (response, ()) = tokio::join!(exchange, meanwhile);
        // OB-41: it had opened, so the answer is inside.
        let inner = open_chunked(response, opener).await;
        assert_eq!((inner.status, inner.complete), (400, true));
    }
}

// OB-25, OB-129: a length of 0 completes a message of HTTP/1.1 with its head; the application must not see that head
// before the sealed message has ended, and never if it has content after all.
#[tokio::test]
async fn a_length_of_zero_waits_for_the_end() {
    let gateway = gateway(Setup::default(), echo);
    let to = gateway.default_selected();
    let mut head = head("POST", 0);
    head.headers.insert("content-length", "0".parse().unwrap());
    let empty = plaintext(&head, b"");
    let full = plaintext(&head, b"content");
    for (first, rest, expected) in [
        (&empty[..], None, 400),
        (&empty[..], Some(&b""[..]), 200),
        (&full[..empty.len() - 2], Some(&full[empty.len() - 2..]), 400),
    ] {
        let (sealed, opener) = match rest {
            None => seal_cut(&to, &gateway.limits, &[first]),
            Some(rest) => seal_chunks(&to, &gateway.limits, &[first, rest]),
        };
        let reached = gateway.reached();
        let inner = open_chunked(gateway.send(media::CHUNKED_REQUEST, sealed).await, opener).await;
        assert_eq!((inner.status, inner.complete), (expected, true));
        assert_eq!(gateway.reached() - reached, u64::from(expected == 200));
    }
}

// OB-45, OB-48, OB-27: an answer streams; each piece leaves as it comes, sealed.
#[tokio::test]
async fn answers_stream() {
    let (events, content) = channel();
    let content = std::sync::Mutex::new(Some(content));
    let gateway = gateway(Setup::default(), move |_| {
        let content = content.lock().unwrap().take().unwrap();
        async move { Response::new(content) }
    });
    let (sealed, mut opener) =
        seal_chunks(&gateway.default_selected(), &gateway.limits, &[&plaintext(&head("GET", 0), b"")]);
    let mut body = gateway.send(media::CHUNKED_REQUEST, sealed).await.into_body();
    for event in ["", "data: one\n\n", "data: two\n\n"] {
        if !event.is_empty() {
            events.send(Ok(Bytes::from_static(event.as_bytes()))).unwrap();
        }
        let frame = body.frame().await.unwrap().unwrap();
        opener.push(frame.data_ref().unwrap()).unwrap();
        let Some(Opened::Chunk(chunk)) = opener.next_chunk().unwrap() else { panic!("no chunk") };
        assert!(chunk.ends_with(event.as_bytes()));
        assert!(opener.next_chunk().unwrap().is_none(), "one event, one chunk");
    }
    // An answer that breaks off has no final chunk.
    events.send(Err("upstream cut")).unwrap();
    assert!(body.frame().await.unwrap().is_err());
    assert!(body.frame().await.is_none());
    opener.end();
    assert!(opener.next_chunk().is_err());
}

// OB-60: the second of the same is refused, inside, and does not reach the application. OB-12: its answer differs.
#[tokio::test]
async fn replays_are_refused() {
    let gateway = gateway(Setup::default(), echo);
    let message = plaintext(&head("POST", 0), b"pay");
    let to = gateway.default_selected();
    let (sealed, first) = seal_single(&to, &gateway.limits, &message);
    let inner = open_single(gateway.send(media::REQUEST, sealed.clone()).await, first).await;
    assert_eq!(inner.status, 200);
    // Only the sender could open the refusal; that it is one shows in the application's count.
    let again = gateway.send(media::REQUEST, sealed).await;
    assert_eq!(again.status(), 200);
    assert_eq!(gateway.reached(), 1);

    let (sealed, first) = seal_chunks(&to, &gateway.limits, &[&message]);
    let inner = open_chunked(gateway.send(media::CHUNKED_REQUEST, sealed.clone()).await, first).await;
    assert_eq!(inner.status, 200);
    // The same key opens a repeated answer: it has a nonce of its own.
    let mut out = bytes::BytesMut::new();
    let scripted = sealwire_crypto::random::Scripted::new(&[7; 32]);
    let (mut sealer, opener) =
        sealwire_oblivious::client::start_chunked(&to, &mut out, &gateway.limits, &scripted).unwrap();
    sealer.chunk(&mut out, &[&message[..4]]).unwrap();
    sealer.finish(&mut out, &[&message[4..]]).unwrap();
    let mut copy = bytes::BytesMut::new();
    let scripted = sealwire_crypto::random::Scripted::new(&[7; 32]);
    let (_, opener_of_replay) =
        sealwire_oblivious::client::start_chunked(&to, &mut copy, &gateway.limits, &scripted).unwrap();
    let inner = open_chunked(gateway.send(media::CHUNKED_REQUEST, out.clone()).await, opener).await;
    assert_eq!(inner.status, 200);
    let inner = open_chunked(gateway.send(media::CHUNKED_REQUEST, out).await, opener_of_replay).await;
    assert_eq!(inner.status, 409);
    assert_eq!(gateway.reached(), 3);
}

// OB-60, OB-47: a message that does not authenticate burns nothing.
#[tokio::test]
async fn a_forged_message_does_not_use_up_the_key() {
    let gateway = gateway(Setup::default(), echo);
    let message = plaintext(&head("POST", 0), b"pay");
    let (sealed, opener) = seal_chunks(&gateway.default_selected(), &gateway.limits, &[&message]);
    let mut forged = sealed.clone();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    assert_eq!(outside(gateway.send(media::CHUNKED_REQUEST, forged).await).await.0, 400);
    let inner = open_chunked(gateway.send(media::CHUNKED_REQUEST, sealed).await, opener).await;
    assert_eq!(inner.status, 200);
}

// OB-60: a route that is marked idempotent takes a repetition. OB-61: a full register refuses.
#[tokio::test]
async fn idempotent_routes_and_full_registers() {
    let rules = RouteRules { idempotent: true, ..RouteRules::default() };
    let relaxed = gateway(Setup { rules, ..Setup::default() }, echo);
    let (sealed, _) =
        seal_single(&relaxed.default_selected(), &relaxed.limits, &plaintext(&head("GET", 0), b""));
    for _ in 0..2 {
        relaxed.send(media::REQUEST, sealed.clone()).await;
    }
    assert_eq!(relaxed.reached(), 2);

    let strict = gateway(Setup { register_capacity: 2, ..Setup::default() }, echo);
    for expected in [200, 200, 503] {
        let (sealed, opener) =
            seal_single(&strict.default_selected(), &strict.limits, &plaintext(&head("GET", 0), b""));
        assert_eq!(open_single(strict.send(media::REQUEST, sealed).await, opener).await.status, expected);
    }
    assert_eq!(strict.ring.remembered(), 2);
    // Room comes back when the window has passed.
    strict.clock.advance(WINDOW + WINDOW + Duration::from_secs(1));
    let later = i64::try_from((WINDOW + WINDOW).as_secs()).unwrap();
    let (sealed, opener) =
        seal_single(&strict.default_selected(), &strict.limits, &plaintext(&head("GET", later), b""));
    assert_eq!(open_single(strict.send(media::REQUEST, sealed).await, opener).await.status, 200);
}

// OB-43, OB-62, OB-132: both sides of both boundaries, and no Date at all.
#[tokio::test]
async fn dates_outside_the_window_are_refused() {
    let gateway = gateway(Setup::default(), echo);
    let window = i64::try_from(WINDOW.as_secs()).unwrap();
    for (offset, expected) in [(-window - 1, 400), (-window, 200), (0, 200), (window, 200), (window + 1, 400)]
    {
        let (sealed, opener) =
            seal_single(&gateway.default_selected(), &gateway.limits, &plaintext(&head("GET", offset), b""));
        let inner = open_single(gateway.send(media::REQUEST, sealed).await, opener).await;
        assert_eq!(inner.status, expected, "offset {offset}");
        if expected == 400 {
            assert!(inner.text().contains(problem::DATE));
            let now = httpdate::parse_http_date(inner.headers["date"].to_str().unwrap()).unwrap();
            assert_eq!(now, std::time::UNIX_EPOCH + Duration::from_secs(START));
        }
    }
    let mut undated = head("GET", 0);
    undated.headers.clear();
    let (sealed, opener) =
        seal_single(&gateway.default_selected(), &gateway.limits, &plaintext(&undated, b""));
    assert_eq!(open_single(gateway.send(media::REQUEST, sealed).await, opener).await.status, 400);
}

// OB-62: where undated requests are taken, each is remembered for the key's whole life.
#[tokio::test]
async fn undated_requests_are_remembered_for_ever() {
    let rules = RouteRules { undated: true, ..RouteRules::default() };
    let gateway = gateway(Setup { rules, ..Setup::default() }, echo);
    let mut undated = head("GET", 0);
    undated.headers.clear();
    let (sealed, _) = seal_single(&gateway.default_selected(), &gateway.limits, &plaintext(&undated, b""));
    gateway.send(media::REQUEST, sealed.clone()).await;
    gateway.clock.advance(Duration::from_secs(1_000_000));
    gateway.send(media::REQUEST, sealed).await;
    assert_eq!(gateway.reached(), 1);
    // A Date that cannot be read is no missing Date.
    undated.headers.insert("date", "soon".parse().unwrap());
    let (sealed, opener) =
        seal_single(&gateway.default_selected(), &gateway.limits, &plaintext(&undated, b""));
    assert_eq!(open_single(gateway.send(media::REQUEST, sealed).await, opener).await.status, 400);
}

// OB-63
#[tokio::test]
async fn early_data_is_refused_unless_the_route_takes_it() {
    for (early_data, expected) in [(false, 425), (true, 200)] {
        let rules = RouteRules { early_data, ..RouteRules::default() };
        let gateway = gateway(Setup { rules, ..Setup::default() }, echo);
        let (sealed, opener) =
            seal_single(&gateway.default_selected(), &gateway.limits, &plaintext(&head("GET", 0), b""));
        let mut request = outer(media::REQUEST, body::full(sealed));
        request.headers_mut().insert("early-data", "1".parse().unwrap());
        assert_eq!(open_single(gateway.send_request(request).await, opener).await.status, expected);
    }
}

// OB-52, OB-53: rotation drops no request; a key is accepted for its overlap, and then is unknown.
#[tokio::test]
async fn rotation_and_overlap() {
    let gateway = gateway(Setup::default(), echo);
    let old = gateway.default_selected();
    let next = gateway.ring.rotated(&OsRandom).unwrap();
    gateway.ring.install(Arc::new(next));
    let new = gateway.default_selected();
    assert_ne!(old.key_id, new.key_id);
    let try_key = async |to: &sealwire_oblivious::config::Selected, at: i64| {
        let (sealed, _) = seal_single(to, &gateway.limits, &plaintext(&head("GET", at), b""));
        gateway.send(media::REQUEST, sealed).await.status().as_u16()
    };
    assert_eq!((try_key(&old, 0).await, try_key(&new, 0).await), (200, 200));
    gateway.clock.advance(OVERLAP - Duration::from_millis(1));
    let late = i64::try_from(OVERLAP.as_secs()).unwrap();
    assert_eq!((try_key(&old, late).await, try_key(&new, late).await), (200, 200));
    gateway.clock.advance(Duration::from_millis(1));
    assert_eq!((try_key(&old, late).await, try_key(&new, late).await), (400, 200));
    gateway.ring.prune();
    assert_eq!((try_key(&old, late).await, try_key(&new, late).await), (400, 200));
}

// OB-53: an id is free again only when no believable list names it; ids run out rather than repeat.
#[tokio::test]
async fn key_ids_are_not_reused_early() {
    let gateway = gateway(Setup::default(), echo);
    let mut seen = std::collections::BTreeSet::from([gateway.default_selected().key_id]);
    for _ in 0..255 {
        gateway.ring.install(Arc::new(gateway.ring.rotated(&OsRandom).unwrap()));
        assert!(seen.insert(gateway.default_selected().key_id));
    }
    assert!(gateway.ring.rotated(&OsRandom).is_err());
    gateway.clock.advance(OVERLAP);
    assert!(gateway.ring.rotated(&OsRandom).is_ok());
}

// OB-162: another start has other ids, and a key of an earlier one is unknown.
#[tokio::test]
async fn another_start_does_not_know_the_key() {
    let (before, after) = (gateway(Setup::default(), echo), gateway(Setup::default(), echo));
    let (sealed, _) =
        seal_single(&before.default_selected(), &before.limits, &plaintext(&head("GET", 0), b""));
    let (status, text) = outside(after.send(media::REQUEST, sealed).await).await;
    assert_eq!(status, 400);
    assert!(text.contains(problem::OHTTP_KEY));
}

// OB-36: informational responses go first, in chunked form only, and 101 never.
#[tokio::test]
async fn informational_responses() {
    let gateway = gateway(Setup::default(), |mut request| async move {
        if let Some(InformationalSender(sender)) = request.extensions_mut().remove() {
            for status in [103, 101, 102] {
                let status = StatusCode::from_u16(status).unwrap();
                let informational = Informational { status, headers: HeaderMap::new() };
                sender.send(Box::new(informational)).await.unwrap();
            }
        }
        Response::new(body::full("done"))
    });
    let message = plaintext(&head("GET", 0), b"");
    let (sealed, opener) = seal_chunks(&gateway.default_selected(), &gateway.limits, &[&message]);
    let inner = open_chunked(gateway.send(media::CHUNKED_REQUEST, sealed).await, opener).await;
    assert_eq!(inner.informational, [103, 102]);
    assert_eq!((inner.status, inner.text().as_str(), inner.complete), (200, "done", true));
    let (sealed, opener) = seal_single(&gateway.default_selected(), &gateway.limits, &message);
    let inner = open_single(gateway.send(media::REQUEST, sealed).await, opener).await;
    assert_eq!((inner.informational.len(), inner.status), (0, 200));
}

// OB-25: a route that wants whole requests gets them, up to its cap.
#[tokio::test]
async fn complete_requests() {
    let rules = RouteRules { complete: Some(8), ..RouteRules::default() };
    let gateway = gateway(Setup { rules, ..Setup::default() }, echo);
    let to = gateway.default_selected();
    for (content, expected) in [(&b"12345678"[..], 200), (b"123456789", 413)] {
        let (sealed, opener) = seal_chunks(&to, &gateway.limits, &[&plaintext(&head("POST", 0), content)]);
        assert_eq!(
            open_chunked(gateway.send(media::CHUNKED_REQUEST, sealed).await, opener).await.status,
            expected
        );
    }
    assert_eq!(gateway.reached(), 1);
    let message = plaintext(&head("POST", 0), b"1234");
    let (sealed, opener) = seal_cut(&to, &gateway.limits, &[&message]);
    assert_eq!(open_chunked(gateway.send(media::CHUNKED_REQUEST, sealed).await, opener).await.status, 400);
    assert_eq!(gateway.reached(), 1, "a cut request does not reach such a route");
}

// OB-114: more plaintext than the limit is answered inside, with 413.
#[tokio::test]
async fn too_long_messages() {
    let mut limits = sealwire_oblivious::Limits::default();
    limits.chunk.message = 1000;
    let gateway = gateway(Setup { limits, ..Setup::default() }, echo);
    let message = plaintext(&head("POST", 0), &[7; 2000]);
    let client_limits = sealwire_oblivious::Limits::default();
    let (sealed, opener) = seal_chunks(
        &gateway.default_selected(),
        &client_limits,
        &[&message[..500], &message[500..1000], &message[1000..]],
    );
    let inner = open_chunked(gateway.send(media::CHUNKED_REQUEST, sealed).await, opener).await;
    assert_eq!(inner.status, 413);
}

// OB-41, OB-120 to OB-130: malformed inside is answered inside.
#[tokio::test]
async fn malformed_inside_is_answered_inside() {
    let gateway = gateway(Setup::default(), echo);
    let expect = |value: &str, name: &'static str| {
        let mut head = head("POST", 0);
        head.headers.insert(name, value.parse().unwrap());
        plaintext(&head, b"x").to_vec()
    };
    let cases: Vec<(Vec<u8>, u16)> = vec![
        (vec![4], 400),
        (hex::decode("0140c8").unwrap(), 400),
        (expect("100-continue", "expect"), 417),
        (expect("websocket", "upgrade"), 400),
        (expect("7", "content-length"), 400),
        (expect("chunked", "transfer-encoding"), 400),
        (expect("b.example", "host"), 400),
        (expect(&"v".repeat(16 * 1024 + 1), "x-long"), 431),
    ];
    for (message, expected) in cases {
        let to = gateway.default_selected();
        let (sealed, opener) = seal_single(&to, &gateway.limits, &message);
        let inner = open_single(gateway.send(media::REQUEST, sealed).await, opener).await;
        assert_eq!(inner.status, expected, "{}", inner.text());
        let (sealed, opener) = seal_chunks(&to, &gateway.limits, &[&message]);
        let inner = open_chunked(gateway.send(media::CHUNKED_REQUEST, sealed).await, opener).await;
        assert!(inner.complete);
        // A content-length that lies shows when the content ends: the application has been called, and told.
        assert_eq!(inner.status, expected, "{}", inner.text());
    }
}

// OB-30, OB-31 end to end: trailers survive, both ways; HEAD and 204 have no content.
#[tokio::test]
async fn trailers_and_no_content() {
    let gateway = gateway(Setup::default(), |request| async move {
        let status = if request.method() == "HEAD" { 200 } else { 204 };
        let collected = request.into_body().collect().await.unwrap();
        let trailers = collected.trailers().cloned();
        let mut response = Response::new(match trailers {
            None => body::empty(),
            Some(trailers) => {
                let content = http_body_util::Full::new(collected.to_bytes());
                body::boxed(content.with_trailers(std::future::ready(Some(Ok(trailers)))))
            }
        });
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        if status == 200 {
            response.headers_mut().insert("content-length", "1000".parse().unwrap());
        }
        response
    });
    let mut message = bytes::BytesMut::new();
    encode::request_head(&mut message, &head("POST", 0));
    encode::content_prefix(&mut message, 3);
    message.extend_from_slice(b"abc");
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", "1".parse().unwrap());
    encode::end(&mut message, Some(&trailers));
    let to = gateway.default_selected();
    let (sealed, opener) = seal_chunks(&to, &gateway.limits, &[&message]);
    let inner = open_chunked(gateway.send(media::CHUNKED_REQUEST, sealed).await, opener).await;
    assert_eq!((inner.text().as_str(), &inner.trailers), ("abc", &trailers));
    let (sealed, opener) = seal_single(&to, &gateway.limits, &message);
    let inner = open_single(gateway.send(media::REQUEST, sealed).await, opener).await;
    assert_eq!((inner.text().as_str(), &inner.trailers), ("abc", &trailers));
    let (sealed, opener) = seal_chunks(&to, &gateway.limits, &[&plaintext(&head("HEAD", 0), b"")]);
    let inner = open_chunked(gateway.send(media::CHUNKED_REQUEST, sealed).await, opener).await;
    assert_eq!((inner.status, inner.content.len(), inner.complete), (200, 0, true));
    assert_eq!(inner.headers["content-length"], "1000");
}

// OB-64: single-shot answers come in buckets.
#[tokio::test]
async fn single_shot_answers_are_padded() {
    let gateway = gateway(Setup::default(), echo);
    let mut lengths = std::collections::BTreeSet::new();
    for len in [1, 10, 100] {
        let message = plaintext(&head("POST", 0), &vec![1; len]);
        let (sealed, _) = seal_single(&gateway.default_selected(), &gateway.limits, &message);
        let answer = gateway.send(media::REQUEST, sealed).await.into_body().collect().await.unwrap();
        lengths.insert(answer.to_bytes().len());
    }
    assert_eq!(lengths, [16 + 256 + 16].into());
}

// OB-64: a paced answer leaves in pieces of one size, what does not fill one after its time, and its end looks like one.
#[tokio::test(start_paused = true)]
async fn paced_answers() {
    let pace = Pace { size: 100.try_into().unwrap(), every: Duration::from_secs(1) };
    let rules = RouteRules { pace: Some(pace), ..RouteRules::default() };
    let (tokens, content) = channel();
    let content = std::sync::Mutex::new(Some(content));
    let gateway = gateway(Setup { rules, ..Setup::default() }, move |_| {
        let content = content.lock().unwrap().take().unwrap();
        async move { Response::new(content) }
    });
    let (sealed, mut opener) =
        seal_chunks(&gateway.default_selected(), &gateway.limits, &[&plaintext(&head("GET", 0), b"")]);
    let mut body = gateway.send(media::CHUNKED_REQUEST, sealed).await.into_body();
    let mut next = async || {
        let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
        opener.push(&frame).unwrap();
        let mut lengths = Vec::new();
        while let Some(Opened::Chunk(chunk)) = opener.next_chunk().unwrap() {
            lengths.push(chunk.len());
        }
        (frame.len(), lengths)
    };
    // The head alone.
    next().await;
    // 250 bytes in odd pieces: two full pieces at once, the rest after its second.
    for len in [7, 93, 101, 49] {
        tokens.send(Ok(vec![b'x'; len].into())).unwrap();
    }
    let before = tokio::time::Instant::now();
    let (full, lengths) = next().await;
    assert_eq!((lengths, before.elapsed()), (vec![102, 102], Duration::ZERO));
    assert_eq!(next().await.1, [51]);
    assert_eq!(before.elapsed(), Duration::from_secs(1));
    // The end, with one byte of content, is two chunks: that byte, and one that looks full.
    tokens.send(Ok(b"y"[..].into())).unwrap();
    drop(tokens);
    let (end, lengths) = next().await;
    assert_eq!(lengths, [2]);
    // The length of the final chunk is 0 on the wire, in one byte instead of two.
    assert_eq!(end, (1 + 2 + 16) + (full / 2 - 1));
}

// OB-25, OB-108: HTTP ends a message with its trailers, so they wait for the authenticated end.
#[tokio::test]
async fn trailers_wait_for_the_end() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let gateway = gateway(Setup::default(), move |request| {
        let tell = tell.clone();
        async move {
            let mut body = request.into_body();
            while let Some(frame) = body.frame().await {
                tell.send(frame.map(|frame| frame.is_trailers()).map_err(|error| error.to_string())).unwrap();
            }
            Response::new(body::empty())
        }
    });
    for content_length in [false, true] {
        for cut in [false, true] {
            let mut head = head("POST", 0);
            if content_length {
                head.headers.insert("content-length", "3".parse().unwrap());
            }
            let mut message = bytes::BytesMut::new();
            encode::request_head(&mut message, &head);
            encode::content_prefix(&mut message, 3);
            message.extend_from_slice(b"abc");
            let mut trailers = HeaderMap::new();
            trailers.insert("x-sum", "1".parse().unwrap());
            encode::end(&mut message, Some(&trailers));
            let to = gateway.default_selected();
            let (sealed, opener) = if cut {
                seal_cut(&to, &gateway.limits, &[&message])
            } else {
                seal_chunks(&to, &gateway.limits, &[&message, b""])
            };
            let inner = open_chunked(gateway.send(media::CHUNKED_REQUEST, sealed).await, opener).await;
            assert_eq!(inner.status, if cut { 400 } else { 200 });
            let mut seen = Vec::new();
            while let Ok(frame) = told.try_recv() {
                seen.push(frame.ok());
            }
            let expected: &[Option<bool>] = match (cut, content_length) {
                (false, false) => &[Some(false), Some(true)],
                (false, true) => &[Some(false)],
                (true, false) => &[Some(false), None],
                (true, true) => &[None],
            };
            assert_eq!(seen, expected, "cut: {cut}, content-length: {content_length}");
        }
    }
}

// The content of a GET without a length must not be lost on the way to HTTP/1.1: it is gathered, so that it has one.
#[tokio::test]
async fn a_get_with_content_has_a_length() {
    let gateway = gateway(Setup::default(), |request| async move {
        let length = http_body::Body::size_hint(request.body()).exact();
        Response::new(body::full(format!("{length:?}")))
    });
    let (sealed, opener) =
        seal_chunks(&gateway.default_selected(), &gateway.limits, &[&plaintext(&head("GET", 0), b"query")]);
    let inner = open_chunked(gateway.send(media::CHUNKED_REQUEST, sealed).await, opener).await;
    assert_eq!(inner.text(), "Some(5)");
}
