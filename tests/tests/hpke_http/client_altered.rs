//! Answers that were altered, cut, swapped or made up: none of them is taken, and nothing of a finite one is released.

use crate::client_by_hand::{Opened, Sealed, credential, key, outer, pinned, whole};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use sealwire_http::{
    Body, BoxError, body,
    client::{
        Error,
        hpke_http::{HpkeHttp, Settings, Target},
    },
    hpke_http::{Error as Wire, Limits},
    opened::Fault,
};
use sealwire_tests::within;
use std::{future::Future, io};
use tower::{ServiceExt, service_fn};

/// Sends one request to a server that answers as `answer` says.
async fn ask<F>(
    request: Request<Body>,
    answer: impl Fn(Opened) -> F + Clone + Send + Sync + 'static,
) -> Result<Response<Body>, Error>
where
    F: Future<Output = Response<Body>> + Send,
{
    let transport = service_fn(move |request: Request<Body>| {
        let answer = answer.clone();
        async move { Ok::<_, BoxError>(answer(Opened::new(request, &key()).await).await) }
    });
    let target = Target::pinned(&pinned(), "http://a.example/sealed".parse().unwrap(), credential()).unwrap();
    let client = HpkeHttp::new(transport, target, Settings::default());
    within("an answer", client.oneshot(request)).await
}

fn get() -> Request<Body> {
    Request::get("https://a.example/items?limit=2").body(body::empty()).unwrap()
}

/// A content that comes in these slices, and then breaks off or ends.
fn slices(parts: Vec<Vec<u8>>, breaks_off: bool) -> Body {
    let parts = parts.into_iter().map(|part| Ok(Frame::data(Bytes::from(part))));
    let end = breaks_off.then(|| Err(BoxError::from(io::Error::from(io::ErrorKind::ConnectionReset))));
    body::boxed(StreamBody::new(stream::iter(parts.chain(end))))
}

async fn content(answer: Response<Body>) -> Result<Bytes, BoxError> {
    Ok(within("the content", answer.into_body().collect()).await?.to_bytes())
}

// HH-05, HH-13, HH-30: what shows, and what is inside.
#[tokio::test]
async fn the_outside_shows_nothing() {
    let request = Request::post("https://a.example/items?limit=2")
        .header("authorization", "Bearer secret")
        .header("cookie", "a=b")
        .header("accept-encoding", "gzip")
        .header("expect", "100-continue")
        .header("connection", "close, x-hop")
        .header("x-hop", "1")
        .body(slices(vec![b"con".to_vec(), vec![], b"tent".to_vec()], false))
        .unwrap();
    let answer = ask(request, |opened: Opened| async move {
        let outer = &opened.outer;
        assert_eq!(
            (outer.method.as_str(), outer.uri.to_string()),
            ("POST", "http://a.example/sealed".to_owned())
        );
        let expected = HeaderMap::from_iter(
            [
                (header::CONTENT_TYPE, "message/hpke-http-request"),
                (header::ACCEPT, "message/hpke-http-response"),
                (header::ACCEPT_ENCODING, "identity"),
                (header::CACHE_CONTROL, "no-store"),
            ]
            .map(|(name, value)| (name, value.parse().unwrap())),
        );
        assert_eq!(outer.headers, expected);
        let head = &opened.head;
        assert_eq!((head.authority(), head.target()), ("a.example", "/items?limit=2"));
        let mut fields: Vec<_> = head.fields().iter().collect();
        fields.sort_unstable();
        assert_eq!(fields, [("authorization", "Bearer secret"), ("cookie", "a=b")]);
        assert_eq!(opened.content, b"content");
        whole(&opened.seal(201, &[("x-kept", "yes")], &[b"made"]))
    });
    let answer = answer.await.unwrap();
    assert_eq!((answer.status(), answer.headers()["x-kept"].to_str().unwrap()), (StatusCode::CREATED, "yes"));
    assert_eq!(content(answer).await.unwrap(), "made");
}

// HH-38, HH-06: nothing but a sealed answer is read as an answer.
#[tokio::test]
async fn other_outsides_are_no_answers() {
    type Change = fn(&mut Response<Body>);
    type Expected = fn(&Error) -> bool;
    let cases: [(&str, Change, Expected); 12] = [
        ("201", |r| *r.status_mut() = StatusCode::CREATED, |e| matches!(e, Error::NotEncapsulated(_))),
        ("204", |r| *r.status_mut() = StatusCode::NO_CONTENT, |e| matches!(e, Error::NotEncapsulated(_))),
        ("302", |r| *r.status_mut() = StatusCode::FOUND, |e| matches!(e, Error::NotEncapsulated(_))),
        ("400", |r| *r.status_mut() = StatusCode::BAD_REQUEST, |e| matches!(e, Error::Refused(_))),
        ("409", |r| *r.status_mut() = StatusCode::CONFLICT, |e| matches!(e, Error::Refused(_))),
        (
            "500",
            |r| *r.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
            |e| matches!(e, Error::NotEncapsulated(_)),
        ),
        ("no type", |r| drop(r.headers_mut().remove("content-type")), |e| matches!(e, Error::MediaType)),
        ("another type", |r| set(r, "content-type", "application/json"), |e| matches!(e, Error::MediaType)),
        (
            "two types",
            |r| add(r, "content-type", "message/hpke-http-response"),
            |e| matches!(e, Error::MediaType),
        ),
        ("gzip", |r| set(r, "content-encoding", "gzip"), |e| matches!(e, Error::OuterCoding)),
        (
            "two codings",
            |r| {
                add(r, "content-encoding", "identity");
                add(r, "content-encoding", "identity");
            },
            |e| matches!(e, Error::OuterCoding),
        ),
        (
            "a list of codings",
            |r| set(r, "content-encoding", "identity, gzip"),
            |e| matches!(e, Error::OuterCoding),
        ),
    ];
    for (name, change, expected) in cases {
        let answered = ask(get(), move |opened: Opened| async move {
            let mut answer = whole(&opened.seal(200, &[], &[b"content"]));
            change(&mut answer);
            answer
        });
        let error = answered.await.map(|answer| answer.status()).unwrap_err();
        assert!(expected(&error), "{name}: {error}");
    }
    for (name, value) in
        [("content-type", "Message/HPKE-http-response; v=1"), ("content-encoding", "Identity")]
    {
        let answered = ask(get(), move |opened: Opened| async move {
            let mut answer = whole(&opened.seal(200, &[], &[b"content"]));
            set(&mut answer, name, value);
            answer
        });
        assert_eq!(content(answered.await.unwrap()).await.unwrap(), "content", "{name}");
    }
}

fn set(answer: &mut Response<Body>, name: &'static str, value: &'static str) {
    answer.headers_mut().insert(name, value.parse().unwrap());
}

fn add(answer: &mut Response<Body>, name: &'static str, value: &'static str) {
    answer.headers_mut().append(name, value.parse().unwrap());
}

// HH-73
#[tokio::test]
async fn altered_answers_are_refused() {
    type Alter = fn(&mut Sealed);
    let cases: [(&str, Alter, Wire); 20] = [
        ("magic", |s| s.prefix[0] ^= 1, Wire::MalformedEnvelope),
        ("version", |s| s.prefix[4] = 2, Wire::MalformedEnvelope),
        ("nonce", |s| s.prefix[36] ^= 1, Wire::AuthenticationFailed),
        ("prefix only", |s| s.frames.clear(), Wire::MalformedEnvelope),
        ("half a prefix", |s| (s.prefix.truncate(20), s.frames.clear()).1, Wire::MalformedEnvelope),
        ("START altered", |s| s.frames[0][8] ^= 1, Wire::AuthenticationFailed),
        ("tag of START", |s| *s.frames[0].last_mut().unwrap() ^= 1, Wire::AuthenticationFailed),
        ("no START", |s| drop(s.frames.remove(0)), Wire::AuthenticationFailed),
        ("START twice", |s| s.frames.insert(0, s.frames[0].clone()), Wire::AuthenticationFailed),
        ("swapped", |s| s.frames.swap(0, 1), Wire::AuthenticationFailed),
        ("DATA altered", |s| s.frames[1][9] ^= 1, Wire::AuthenticationFailed),
        ("no DATA", |s| drop(s.frames.remove(1)), Wire::AuthenticationFailed),
        ("DATA twice", |s| s.frames.insert(1, s.frames[1].clone()), Wire::AuthenticationFailed),
        ("DATA after END", |s| s.frames.swap(1, 2), Wire::AuthenticationFailed),
        ("no END", |s| drop(s.frames.pop()), Wire::MalformedEnvelope),
        ("END cut", |s| s.frames[2].truncate(20), Wire::MalformedEnvelope),
        ("a byte behind END", |s| s.frames[2].push(0), Wire::MalformedEnvelope),
        ("END twice", |s| s.frames.push(s.frames[2].clone()), Wire::MalformedEnvelope),
        ("a length of 16", |s| s.frames[1] = vec![0, 0, 0, 16], Wire::MalformedEnvelope),
        ("a length of 4 GiB", |s| s.frames[1] = vec![0xff; 8], Wire::LimitExceeded),
    ];
    for (name, alter, expected) in cases {
        let answered = ask(get(), move |opened: Opened| async move {
            let mut sealed = opened.seal(200, &[("a", "b")], &[b"content"]);
            assert_eq!(sealed.frames.len(), 3);
            alter(&mut sealed);
            whole(&sealed)
        });
        match answered.await {
            Err(Error::Answer(Fault::HpkeHttp(found))) => assert_eq!(found, expected, "{name}"),
            other => panic!("{name}: {:?}", other.map(|answer| answer.status())),
        }
    }
}

// HH-23: cut anywhere, by an end or by a break, nothing of a finite answer comes out.
#[tokio::test]
async fn a_cut_finite_answer_gives_nothing() {
    let len = {
        let lengths = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let told = lengths.clone();
        let answered = ask(get(), move |opened: Opened| {
            let sealed = opened.seal(200, &[], &[b"content"]);
            told.store(sealed.joined().len(), std::sync::atomic::Ordering::SeqCst);
            async move { whole(&sealed) }
        });
        assert_eq!(content(answered.await.unwrap()).await.unwrap(), "content");
        lengths.load(std::sync::atomic::Ordering::SeqCst)
    };
    for end in 0..len {
        for breaks_off in [false, true] {
            let answered = ask(get(), move |opened: Opened| async move {
                let mut sealed = opened.seal(200, &[], &[b"content"]).joined();
                sealed.truncate(end);
                outer(slices(vec![sealed], breaks_off))
            });
            let error = answered.await.map(|answer| answer.status()).unwrap_err();
            let expected =
                if breaks_off { Fault::Transport } else { Fault::HpkeHttp(Wire::MalformedEnvelope) };
            assert!(matches!(error, Error::Answer(fault) if fault == expected), "{end}: {error}");
        }
    }
}

// HH-22, HH-23: of an event stream the whole events before the fault come out, and then an error.
#[tokio::test]
async fn a_cut_event_stream_ends_with_an_error() {
    let events: [&[u8]; 3] = [b"data: 1\n\n", b"data: 2\n\n", b"data: 3\n\n"];
    type Alter = fn(&mut Sealed);
    let cases: [(&str, Alter, usize); 7] = [
        ("no END", |s| drop(s.frames.pop()), 3),
        ("an event cut out", |s| drop(s.frames.remove(2)), 1),
        ("two swapped", |s| s.frames.swap(2, 3), 1),
        ("one twice", |s| s.frames.insert(2, s.frames[1].clone()), 1),
        ("one altered", |s| s.frames[3][7] ^= 1, 2),
        ("cut inside one", |s| (s.frames.truncate(3), s.frames[2].truncate(20)).1, 1),
        ("more behind END", |s| s.frames.push(vec![0, 0, 0, 17]), 3),
    ];
    for (name, alter, whole_events) in cases {
        let answered = ask(get(), move |opened: Opened| async move {
            let mut sealed = opened.seal(200, &[("content-type", "text/event-stream")], &events);
            alter(&mut sealed);
            // Frame by frame, as they would come.
            outer(slices([vec![sealed.prefix], sealed.frames].concat(), false))
        });
        let mut stream = answered.await.unwrap().into_body();
        for event in &events[..whole_events] {
            let frame = within("an event", stream.frame()).await.unwrap();
            assert_eq!(&frame.unwrap().into_data().unwrap(), event, "{name}");
        }
        assert!(within("an error", stream.frame()).await.unwrap().is_err(), "{name}");
        assert!(within("the end", stream.frame()).await.is_none(), "{name}");
    }
}

// HH-73: the answer to one request does not open for another.
#[tokio::test]
async fn an_answer_is_for_one_request_alone() {
    let (keep, mut kept) = tokio::sync::mpsc::unbounded_channel();
    let first = ask(get(), move |opened: Opened| {
        let sealed = opened.seal(200, &[], &[b"for the first"]);
        keep.send(sealed.clone()).unwrap();
        async move { whole(&sealed) }
    });
    assert_eq!(content(first.await.unwrap()).await.unwrap(), "for the first");
    let sealed = kept.recv().await.unwrap();
    let second = ask(get(), move |_| {
        let sealed = sealed.clone();
        async move { whole(&sealed) }
    });
    let error = second.await.map(|answer| answer.status()).unwrap_err();
    assert!(matches!(error, Error::Answer(Fault::HpkeHttp(Wire::AuthenticationFailed))), "{error}");
}

// HH-30: a coding inside of an answer is not carried, whatever the server seals.
#[tokio::test]
async fn a_coding_inside_is_refused() {
    let answered = ask(get(), |opened: Opened| async move {
        whole(&opened.seal(200, &[("content-encoding", "gzip")], &[b"content"]))
    });
    let error = answered.await.map(|answer| answer.status()).unwrap_err();
    assert!(matches!(error, Error::InnerCoding), "{error}");
}

// HH-13, HH-35: a request beyond a limit breaks off, and the caller is told why.
#[tokio::test]
async fn a_request_beyond_a_limit_is_told() {
    // Reads all of it, as a server does.
    let transport = service_fn(|request: Request<Body>| async move {
        request.into_body().collect().await.map(|_| unreachable!("it is whole"))
    });
    let target = Target::pinned(&pinned(), "http://a.example/".parse().unwrap(), credential()).unwrap();
    let limits = Limits { max_request_bytes: 10, ..Limits::default() };
    let client = HpkeHttp::new(transport, target, Settings { limits, ..Settings::default() });
    let long = slices(vec![b"0123456789".to_vec(), b"!".to_vec()], false);
    let request = Request::post("https://a.example/").body(long).unwrap();
    let error = within("an error", client.oneshot(request)).await.map(|answer| answer.status()).unwrap_err();
    assert!(matches!(error, Error::Sealing(Fault::HpkeHttp(Wire::LimitExceeded))), "{error}");
}
