//! Both directions as they come, and ends that are not the end.

use crate::{
    application::{PATHS, application, stage, takes_ehbp, with},
    hand::{begin, key, nonce, open, open_as_far, post_with, seal, works},
};
use axum::{Router, body::Body, routing::any};
use futures_util::stream;
use sealwire_ehbp::{
    Limits,
    frame::{Opened, Opener},
};
use sealwire_gateway::config::{Pace, RouteEhbp};
use sealwire_tests::{
    App, Stage,
    metrics::IN_FLIGHT,
    raw::{Answer, Head, Raw, transfer_chunk},
    until, within,
};
use std::time::Duration;

/// The content of the next frame, from as many transfer chunks as it takes.
async fn next<S: sealwire_ehbp::frame::Open>(raw: &mut Raw, opener: &mut Opener<S>) -> Option<Vec<u8>> {
    loop {
        match opener.next_frame().unwrap() {
            Some(Opened::Frame(content)) => return Some(content.to_vec()),
            Some(Opened::End) => return None,
            None => match raw.chunk().await.expect("the answer was cut") {
                chunk if chunk.is_empty() => opener.end(),
                chunk => opener.push(&chunk),
            },
        }
    }
}

// EH-42: each frame is answered before the next one is sent, and the answer begins before the request has ended.
#[tokio::test]
async fn frames_leave_as_they_come() {
    let stage = stage().await;
    let parts: Vec<Vec<u8>> = (0..9).map(|n| vec![n; 1000]).collect();
    let sealed = seal(&key(&stage).await, &parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let mut raw = begin(&stage, "/duplex", &sealed.field).await;
    raw.send(transfer_chunk(&sealed.frames[0])).await;
    let Head { status, headers } = raw.head().await.unwrap();
    assert_eq!(status, 200);
    let mut opener = sealed.answer.open(&nonce(&headers), &Limits::default()).unwrap();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            raw.send(transfer_chunk(&sealed.frames[index])).await;
        }
        let mut got = Vec::new();
        while got.len() < part.len() {
            got.extend(next(&mut raw, &mut opener).await.unwrap());
        }
        assert_eq!(got, *part);
    }
    raw.send("0\r\n\r\n").await;
    assert_eq!(next(&mut raw, &mut opener).await, None);
}

// EH-42: a frame that has not come whole is nobody's, and a request that breaks off is aborted, never completed.
#[tokio::test]
async fn a_caller_that_goes_away() {
    let stage = Stage::alone(application().await, takes_ehbp).await;
    let sealed = seal(&key(&stage).await, &[b"one", b"two"]);
    let mut raw = begin(&stage, "/duplex", &sealed.field).await;
    raw.send(transfer_chunk(&sealed.frames[0])).await;
    raw.send(transfer_chunk(&sealed.frames[1][..9])).await;
    stage.app.until("the request", |counts| counts.reached == 1).await;
    drop(raw);
    let counts = stage.app.until("its end", |counts| counts.aborted == 1).await;
    assert_eq!(counts.completed, 0);
    // And one that goes away while the application thinks.
    let sealed = seal(&key(&stage).await, &[b"one"]);
    let mut raw = begin(&stage, "/never", &sealed.field).await;
    raw.send(transfer_chunk(&sealed.frames[0])).await.send("0\r\n\r\n").await;
    stage.app.until("the second", |counts| counts.reached == 2).await;
    drop(raw);
    until("no request to be in flight", || async { stage.metrics().await.get(IN_FLIGHT) == 0.0 }).await;
    works(&stage).await;
}

// EH-05, EH-22: an application that breaks off leaves an answer whose HTTP message is cut.
#[tokio::test]
async fn an_answer_that_breaks_off() {
    let broken = || async {
        let pieces = [Ok("the beginning"), Err(std::io::Error::other("broken"))];
        Body::from_stream(stream::iter(pieces))
    };
    let app = App::new(Router::new().route("/echo", any(broken))).await;
    let stage = Stage::before(app, takes_ehbp).await;
    let sealed = seal(&key(&stage).await, &[b"x"]);
    let mut raw = begin(&stage, "/echo", &sealed.field).await;
    raw.send(transfer_chunk(&sealed.frames[0])).await.send("0\r\n\r\n").await;
    let answer: Answer = within("the answer", raw.answer()).await;
    if answer.status == 200 {
        assert!(!answer.complete);
        assert!(b"the beginning".starts_with(&open_as_far(&answer, sealed.answer).0[..]));
    } else {
        // It broke before its head had left the application's side.
        assert_eq!(answer.status, 502);
    }
}

async fn cut_document(stage: &Stage, media_type: &str) -> (u16, Vec<u8>) {
    let sealed = seal(&key(stage).await, &[br#"{"transfer": 100,"#, br#""only if": "approved"}"#]);
    let fields = [("ehbp-encapsulated-key", sealed.field.as_str()), ("content-type", media_type)];
    let answer = post_with(stage, "/whole", &fields, &sealed.frames[0]).await;
    (answer.status, open(&answer, sealed.answer))
}

// EH-05, EH-22: a body that is cut behind a frame looks whole, unless its form tells.
#[tokio::test]
async fn a_document_that_is_cut_behind_a_frame() {
    let rules = RouteEhbp { paths: PATHS.map(str::to_owned).into(), whole: true, ..RouteEhbp::default() };
    let stage = with(|config| config.routes[0].ehbp = Some(rules)).await;
    for media_type in ["application/json", "application/vnd.api+json; charset=utf-8"] {
        let (status, text) = cut_document(&stage, media_type).await;
        assert_eq!(status, 400, "{}", String::from_utf8_lossy(&text));
    }
    let counts =
        stage.app.until("the requests to have ended", |counts| counts.reached == counts.aborted).await;
    assert_eq!(counts.completed, 0);
    // Nor does another type, which comes in clear, get around it; a document that is whole passes.
    assert_eq!(cut_document(&stage, "text/plain").await.0, 400);
    let sealed = seal(&key(&stage).await, &[br#"{"a":"#, b"[1]}"]);
    let fields = [("ehbp-encapsulated-key", sealed.field.as_str()), ("content-type", "application/json")];
    let answer = post_with(&stage, "/whole", &fields, &sealed.frames.concat()).await;
    assert_eq!(open(&answer, sealed.answer), br#"{"a":[1]}"#);
}

// EH-05: what the wire itself cannot tell, so that nobody believes it could.
#[tokio::test]
async fn without_the_option_a_cut_document_passes() {
    let stage = stage().await;
    assert_eq!(cut_document(&stage, "application/json").await, (200, br#"{"transfer": 100,"#.to_vec()));
}

/// Lengths of the frames of an answer, tags included.
fn lengths(content: &[u8]) -> Vec<usize> {
    let mut rest = content;
    let mut lengths = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        lengths.push(length);
        rest = &behind[length..];
    }
    lengths
}

// EH-31: frames of one size, however the application wrote.
#[tokio::test]
async fn answers_in_frames_of_one_size() {
    let words = || async {
        let words =
            ["a ", "stream ", "of ", "words ", "whose ", "lengths ", "tell ", "what ", "they ", "are"];
        Body::from_stream(stream::iter(words.map(Ok::<_, std::io::Error>)))
    };
    let app = App::new(Router::new().route("/echo", any(words))).await;
    let stage = Stage::before(app, |config| {
        takes_ehbp(config);
        config.routes[0].pace = Some(Pace { size: 16, every: Duration::from_secs(3600) });
    })
    .await;
    let sealed = seal(&key(&stage).await, &[b"x"]);
    let fields = [("ehbp-encapsulated-key", sealed.field.as_str())];
    let answer = post_with(&stage, "/echo", &fields, &sealed.frames[0]).await;
    assert_eq!(lengths(&answer.content), [32, 32, 32, 16 + 2]);
    assert_eq!(open(&answer, sealed.answer), b"a stream of words whose lengths tell what they are"[..]);
}
