//! Answers that were altered, cut, swapped or made up.

use crate::by_hand::{Opened, Sealed, key, pinned};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use sealwire_http::{
    Body, BoxError, body,
    client::{
        Error,
        ehbp::{Ehbp, InClear, Recovery, Settings, Target, WithoutContent, recover},
    },
    complete::Completeness,
    ehbp::{Error as Wire, recovery::RecoveryToken},
    opened::Fault,
};
use sealwire_tests::within;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tower::{ServiceExt, service_fn};

/// Sends one request to a server that answers as `answer` says.
async fn ask(
    settings: Settings,
    request: Request<Body>,
    answer: impl Fn(Opened) -> Response<Body> + Clone + Send + Sync + 'static,
) -> Result<Response<Body>, Error> {
    let transport = service_fn(move |request: Request<Body>| {
        let answer = answer.clone();
        async move { Ok::<_, BoxError>(answer(Opened::new(request, &key(1)).await.unwrap())) }
    });
    let target = Target::pinned(&pinned(&key(1)), "http://127.0.0.1:1".parse().unwrap()).unwrap();
    within("an answer", Ehbp::new(transport, target, settings).oneshot(request)).await
}

fn post(content: &'static str) -> Request<Body> {
    Request::post("https://a.example/items?limit=2").body(body::full(content)).unwrap()
}

async fn content(answer: Response<Body>) -> Result<Bytes, BoxError> {
    Ok(within("the content", answer.into_body().collect()).await?.to_bytes())
}

fn fault(error: &BoxError) -> Fault {
    *error.downcast_ref().unwrap_or_else(|| panic!("{error}"))
}

// EH-02, EH-20: what shows, and what does not.
#[tokio::test]
async fn content_alone_is_sealed() {
    let request = Request::put("https://a.example/items?limit=2")
        .header("authorization", "Bearer seen")
        .header("ehbp-encapsulated-key", "a caller's own")
        .header("content-length", "6")
        .header("connection", "x-hop")
        .header("x-hop", "1")
        .body(body::full("hidden"))
        .unwrap();
    let answer = ask(Settings::default(), request, |opened: Opened| {
        let outer = &opened.outer;
        let target = (outer.method.as_str(), outer.uri.to_string());
        assert_eq!(target, ("PUT", "http://127.0.0.1:1/items?limit=2".to_owned()));
        let fields: Vec<_> = outer.headers.keys().map(http::HeaderName::as_str).collect();
        assert_eq!(fields.len(), 3, "{fields:?}");
        assert_eq!(outer.headers["authorization"], "Bearer seen");
        assert_eq!(outer.headers["host"], "a.example");
        assert_eq!(outer.headers["ehbp-encapsulated-key"].len(), 64);
        assert_eq!(opened.content, b"hidden");
        let mut answer = opened.seal(&[b"also ", b"hidden"]).answer("text/plain", false);
        answer.headers_mut().insert("x-kept", "yes".parse().unwrap());
        answer.headers_mut().insert("content-length", "999".parse().unwrap());
        answer
    });
    let answer = answer.await.unwrap();
    assert_eq!(answer.headers()["x-kept"], "yes");
    assert!(!answer.headers().contains_key("ehbp-response-nonce"));
    assert!(!answer.headers().contains_key("content-length"));
    assert_eq!(content(answer).await.unwrap(), "also hidden");
}

// EH-06, EH-23: what has nothing to seal is not sent, unless the user says that it may go in clear; content that turns out
// to be empty is none.
#[tokio::test]
async fn requests_without_content_do_not_leave() {
    let sent = Arc::new(AtomicUsize::new(0));
    let empty = || {
        let none = futures_util::stream::iter([Ok::<_, BoxError>(http_body::Frame::data(Bytes::new()))]);
        [body::empty(), body::full(""), body::boxed(http_body_util::StreamBody::new(none))]
    };
    for without_content in [WithoutContent::Refused, WithoutContent::InClear] {
        for (number, none) in empty().into_iter().enumerate() {
            let count = sent.clone();
            let transport = service_fn(move |request: Request<Body>| {
                count.fetch_add(1, Ordering::SeqCst);
                assert!(!request.headers().contains_key("ehbp-encapsulated-key"));
                async move { Ok::<_, BoxError>(Response::new(body::full("in clear"))) }
            });
            let target = Target::pinned(&pinned(&key(1)), "http://127.0.0.1:1".parse().unwrap()).unwrap();
            let client = Ehbp::new(transport, target, Settings { without_content, ..Settings::default() });
            let request = Request::get("https://a.example/").body(none).unwrap();
            let answer = within("an answer", client.oneshot(request)).await;
            match without_content {
                WithoutContent::Refused => {
                    assert!(matches!(answer, Err(Error::NothingToSeal)), "{number}");
                }
                WithoutContent::InClear => {
                    assert!(answer.unwrap().extensions().get::<InClear>().is_some(), "{number}");
                }
            }
        }
    }
    assert_eq!(sent.load(Ordering::SeqCst), 3);
}

// EH-07, EH-28: what is not sealed is nobody's answer; a hint about the key is a hint.
#[tokio::test]
async fn answers_in_clear_are_not_passed_on() {
    const HINT: &str = r#"{"type":"urn:ietf:params:ehbp:error:key-config"}"#;
    type Expected = fn(&Error) -> bool;
    let cases: [(u16, &str, &'static str, Expected); 6] = [
        (200, "text/plain", "anybody's word", |e| matches!(e, Error::NotEncapsulated(StatusCode::OK))),
        (204, "text/plain", "", |e| matches!(e, Error::NotEncapsulated(_))),
        (500, "text/plain", "anybody's word", |e| matches!(e, Error::NotEncapsulated(_))),
        (422, "application/problem+json", HINT, |e| matches!(e, Error::StaleKey(_))),
        (422, "text/plain", HINT, |e| matches!(e, Error::NotEncapsulated(_))),
        (400, "application/problem+json", HINT, |e| matches!(e, Error::NotEncapsulated(_))),
    ];
    for (status, media_type, text, expected) in cases {
        let media_type: &'static str = media_type;
        let answered = ask(Settings::default(), post("x"), move |_| {
            let answer = Response::builder().status(status).header("content-type", media_type);
            answer.body(body::full(text)).unwrap()
        });
        let error = answered.await.map(|answer| answer.status()).unwrap_err();
        assert!(expected(&error), "{status} {media_type}: {error}");
    }
}

// EH-43: the nonce of an answer has one form, whatever its status.
#[tokio::test]
async fn malformed_nonces_are_refused() {
    for status in [200, 404, 422] {
        let short = "00".repeat(31);
        let (long, upper, other) = ("00".repeat(33), "AB".repeat(32), "0g".repeat(32));
        for nonce in ["", &short, &long, &upper, &other] {
            let nonce = nonce.to_owned();
            let answered = ask(Settings::default(), post("x"), move |opened: Opened| {
                let mut answer = opened.seal(&[b"x"]).answer("text/plain", false);
                *answer.status_mut() = StatusCode::from_u16(status).unwrap();
                answer.headers_mut().insert("ehbp-response-nonce", nonce.parse().unwrap());
                answer
            });
            let error = answered.await.map(|answer| answer.status()).unwrap_err();
            assert!(matches!(error, Error::Answer(Fault::Ehbp(Wire::ResponseNonce))), "{status}: {error}");
        }
        let answered = ask(Settings::default(), post("x"), move |opened: Opened| {
            let sealed = opened.seal(&[b"x"]);
            let mut answer = sealed.answer("text/plain", false);
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            answer.headers_mut().append("ehbp-response-nonce", sealed.nonce.parse().unwrap());
            answer
        });
        let error = answered.await.map(|answer| answer.status()).unwrap_err();
        assert!(matches!(error, Error::Answer(Fault::Ehbp(Wire::ResponseNonce))), "two nonces: {error}");
    }
}

// EH-42, EH-43: what has authenticated comes out, and then an error.
#[tokio::test]
async fn altered_frames_end_with_an_error() {
    type Alter = fn(&mut Sealed);
    let cases: [(&str, Alter, &str, Fault); 12] = [
        ("altered", |s| s.frames[1][5] ^= 1, "one", Fault::Ehbp(Wire::Open)),
        ("tag", |s| *s.frames[2].last_mut().unwrap() ^= 1, "onetwo", Fault::Ehbp(Wire::Open)),
        ("swapped", |s| s.frames.swap(1, 2), "one", Fault::Ehbp(Wire::Open)),
        ("repeated", |s| s.frames.insert(1, s.frames[0].clone()), "one", Fault::Ehbp(Wire::Open)),
        ("dropped", |s| drop(s.frames.remove(1)), "one", Fault::Ehbp(Wire::Open)),
        ("nonce", |s| s.nonce = "00".repeat(32), "", Fault::Ehbp(Wire::Open)),
        (
            "15 bytes",
            |s| s.frames[1] = [&[0, 0, 0, 15][..], &[0; 15]].concat(),
            "one",
            Fault::Ehbp(Wire::FrameTooShort),
        ),
        ("1 byte", |s| s.frames[0] = vec![0, 0, 0, 1, 0], "", Fault::Ehbp(Wire::FrameTooShort)),
        ("4 GiB", |s| s.frames[1] = vec![0xff; 8], "one", Fault::Ehbp(Wire::FrameTooLong)),
        (
            "cut in a length",
            |s| (s.frames.truncate(2), s.frames[1].truncate(2)).1,
            "one",
            Fault::Ehbp(Wire::Truncated),
        ),
        ("cut in a frame", |s| s.frames[2].truncate(9), "onetwo", Fault::Ehbp(Wire::Truncated)),
        ("empty frames", |s| s.frames[1] = vec![0; 4 * 1025], "one", Fault::Ehbp(Wire::TooManyEmptyFrames)),
    ];
    for (name, alter, released, expected) in cases {
        let answered = ask(Settings::default(), post("x"), move |opened: Opened| {
            let mut sealed = opened.seal(&[b"one", b"two", b"three"]);
            alter(&mut sealed);
            sealed.answer("text/plain", false)
        });
        let mut body = match answered.await {
            Ok(answer) => answer.into_body(),
            Err(Error::Answer(found)) => {
                assert_eq!((found, ""), (expected, released), "{name}");
                continue;
            }
            Err(other) => panic!("{name}: {other}"),
        };
        let mut came = Vec::new();
        let found = loop {
            match within("a frame", body.frame()).await {
                Some(Ok(frame)) => came.extend_from_slice(&frame.into_data().unwrap()),
                Some(Err(error)) => break fault(&error),
                None => panic!("{name}: it ended"),
            }
        };
        assert_eq!((String::from_utf8(came).unwrap().as_str(), found), (released, expected), "{name}");
    }
}

// EH-05, EH-22: a cut behind a frame shows where the content's own form tells, or the connection broke.
#[tokio::test]
async fn a_cut_behind_a_frame_shows_in_the_content() {
    let known = Completeness { last_line: Some("data: [DONE]".into()), ..Completeness::default() };
    let lax = Completeness { json: false, events: false, last_line: None };
    let json: [&[u8]; 2] = [br#"{"a":[1,"#, br#"2]}"#];
    let events: [&[u8]; 3] = [b"data: 1\n\n", b"data: 2\n", b"\ndata: [DONE]\n\n"];
    type Case<'a> = (&'static str, &'a [&'a [u8]], Completeness, bool, Option<Fault>);
    let cases: [Case<'_>; 9] = [
        ("application/json", &json, Completeness::default(), false, None),
        ("application/json", &json[..1], Completeness::default(), false, Some(Fault::Incomplete)),
        ("application/json", &json[..1], lax.clone(), false, None),
        ("text/event-stream", &events, known.clone(), false, None),
        ("text/event-stream", &events[..1], known, false, Some(Fault::Incomplete)),
        ("text/event-stream", &events[..1], Completeness::default(), false, None),
        ("text/event-stream", &events[..2], Completeness::default(), false, Some(Fault::Incomplete)),
        ("text/plain", &json[..1], Completeness::default(), false, None),
        ("text/plain", &json[..1], lax, true, Some(Fault::Transport)),
    ];
    for (number, (media_type, pieces, completeness, breaks_off, expected)) in cases.into_iter().enumerate() {
        let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
        let settings = Settings { completeness, ..Settings::default() };
        let answered = ask(settings, post("x"), move |opened: Opened| {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            opened.seal(&pieces).answer(media_type, breaks_off)
        });
        let outcome = content(answered.await.unwrap()).await;
        assert_eq!(outcome.err().as_ref().map(fault), expected, "{number}");
    }
}

// EH-08: a token opens the answer of its request, from the first frame, and no other.
#[tokio::test]
async fn a_token_opens_one_answer_later() {
    let ask_with = async |recovery: &Recovery| {
        let (keep, kept) = std::sync::mpsc::channel();
        let mut request = post("x");
        request.extensions_mut().insert(recovery.clone());
        let answered = ask(Settings::default(), request, move |opened: Opened| {
            let sealed = opened.seal(&[b"one", b"two"]);
            keep.send(sealed.clone()).unwrap();
            sealed.answer("text/plain", false)
        });
        assert_eq!(content(answered.await.unwrap()).await.unwrap(), "onetwo");
        kept.recv().unwrap()
    };
    let (first, second) = (Recovery::default(), Recovery::default());
    let (stored, other) = (ask_with(&first).await, ask_with(&second).await);
    // As it is kept, somewhere safe.
    let written = first.take().unwrap().to_json();
    assert!(first.take().is_none());
    let token = || RecoveryToken::from_json(&written).unwrap();
    let open = |sealed: &Sealed| {
        recover(token(), &Method::POST, sealed.answer("text/plain", false), &Settings::default())
    };
    assert_eq!(content(open(&stored).unwrap()).await.unwrap(), "onetwo");
    let outcome = match open(&other) {
        Ok(answer) => fault(&content(answer).await.unwrap_err()),
        Err(Error::Answer(fault)) => fault,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(outcome, Fault::Ehbp(Wire::Open));
    let clear = recover(token(), &Method::POST, Response::new(body::full("x")), &Settings::default());
    assert!(matches!(clear, Err(Error::NotEncapsulated(_))));
}

// EH-43: a key of low order is none.
#[tokio::test]
async fn a_pinned_key_of_low_order_is_refused() {
    let low = sealwire_http::client::PinnedKey { id: Bytes::new(), public_key: [0; 32] };
    let refused = match Target::pinned(&low, "http://127.0.0.1:1".parse().unwrap()) {
        Err(Wire::KeyConfig) => true,
        Err(_) => false,
        Ok(target) => {
            let transport = service_fn(|_: Request<Body>| async { Err(BoxError::from("it was sent")) });
            let client = Ehbp::new(transport, target, Settings::default());
            matches!(client.oneshot(post("x")).await, Err(Error::Sealing(_)))
        }
    };
    assert!(refused);
}
