//! What an application and its caller see of a session: nothing.

use super::{connect, send, whole};
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use sealwire_client::SealedWith;
use sealwire_crypto::kx::Group;
use sealwire_http::body;
use sealwire_tests::{App, Stage, tap::Tap, within};
use std::convert::Infallible;
use tokio::{sync::mpsc, task::JoinSet};

const SECRET: &str = "Ada Lovelace";

// SE-01, SE-04, SE-31: nothing shows outside, and what the application gets is an ordinary request.
#[tokio::test]
async fn nothing_shows_outside() {
    let stage = Stage::start().await;
    let tap = Tap::before(stage.address()).await;
    let address = tap.url().authority().unwrap().as_str().parse().unwrap();
    let connector = connect(&stage, address).await;
    let SealedWith::Session(facts) = connector.status().sealed_with else { panic!("another wire") };
    assert_eq!(facts.group, Some(Group::X25519MlKem768));
    let answer = send(&connector, Method::POST, "/v1/patients?secret", body::full(SECRET)).await;
    assert_eq!(whole(answer).await, (StatusCode::OK, SECRET.into()));
    for seen in [SECRET, "/v1/patients", "secret"] {
        assert!(!tap.saw(seen.as_bytes()), "{seen}");
    }
    assert!(tap.saw(b"attest-ticket"), "the tap saw nothing at all");
    let seen = stage.app.seen();
    assert_eq!(seen.last().unwrap().uri.path_and_query().unwrap(), "/v1/patients?secret");
    assert!(seen.last().unwrap().headers.keys().all(|name| !name.as_str().starts_with("attest-")));
}

// SE-30, SE-77: a thousand requests of one session at once, each with its own answer.
#[tokio::test]
async fn requests_run_side_by_side() {
    let stage = Stage::start().await;
    let connector = connect(&stage, stage.address()).await;
    let mut all = JoinSet::new();
    for number in 0..1000 {
        let connector = connector.clone();
        all.spawn(async move {
            let said = format!("request {number}");
            let answer = send(&connector, Method::POST, "/", body::full(said.clone())).await;
            assert_eq!(whole(answer).await, (StatusCode::OK, said.into_bytes()));
        });
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
    assert_eq!(stage.app.counts().completed, 1000);
    let counts = connector.status().counts;
    assert_eq!((counts.renewals, counts.resent, counts.failed), (0, 0, 0), "one session did it all");
}

// SE-32, SE-35: both directions stream, chunk by chunk.
#[tokio::test]
async fn both_directions_stream() {
    let stage = Stage::before(App::new(axum::Router::new().fallback(echo_as_it_comes)).await, |_| {}).await;
    let connector = connect(&stage, stage.address()).await;
    let (sender, mut receiver) = mpsc::channel::<Bytes>(1);
    let frames = futures_util::stream::poll_fn(move |cx| {
        receiver.poll_recv(cx).map(|data| data.map(|data| Ok::<_, Infallible>(Frame::data(data))))
    });
    let answer = send(&connector, Method::POST, "/", body::boxed(StreamBody::new(frames)));
    let (answer, ()) = tokio::join!(answer, async { sender.send("first".into()).await.unwrap() });
    let mut content = answer.into_body();
    assert_eq!(frame(&mut content).await, "first");
    sender.send("second".into()).await.unwrap();
    assert_eq!(frame(&mut content).await, "second");
    drop(sender);
    assert!(within("the end", content.frame()).await.is_none());
}

async fn echo_as_it_comes(request: axum::extract::Request) -> axum::response::Response {
    axum::response::Response::new(request.into_body())
}

async fn frame(content: &mut sealwire_http::Body) -> Bytes {
    within("a frame", content.frame()).await.unwrap().unwrap().into_data().unwrap()
}

// SE-43: the wire's own words are the wire's. An application that says them is not believed to be the gateway.
#[tokio::test]
async fn an_application_does_not_speak_for_the_wire() {
    async fn liar() -> impl axum::response::IntoResponse {
        ([("attest-refused", "not-accepted"), ("x-other", "stays")], "done")
    }
    let stage = Stage::before(App::new(axum::Router::new().fallback(liar)).await, |_| {}).await;
    let connector = connect(&stage, stage.address()).await;
    let answer = send(&connector, Method::POST, "/", body::full("once")).await;
    assert!(!answer.headers().contains_key("attest-refused") && answer.headers().contains_key("x-other"));
    assert_eq!(whole(answer).await, (StatusCode::OK, b"done".to_vec()));
    assert_eq!(stage.app.counts().reached, 1);
    assert_eq!(connector.status().counts.resent, 0);
}

// SE-32: what is long arrives whole, unpadded.
#[tokio::test]
async fn bulk_arrives_whole() {
    let stage = Stage::before(App::count().await, |_| {}).await;
    let connector = connect(&stage, stage.address()).await;
    let content = vec![7; 20 << 20];
    let (status, said) = whole(send(&connector, Method::PUT, "/", body::full(content)).await).await;
    assert_eq!((status, String::from_utf8(said).unwrap()), (StatusCode::OK, (20 << 20).to_string()));
}
