//! Our client against a small server in Python, written from the description alone, by a pinned key.

use crate::by_hand::{key, pinned};
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use sealwire_client::{
    Ehbp, Error,
    pinned::{Connector, Settings, Wire},
};
use sealwire_http::{
    client::{self, KeySource, ehbp::Recovery},
    opened::Fault,
};
use sealwire_tests::{
    peers::{self, Server},
    within,
};

/// Starts it; `None` where its packages are not installed.
fn server() -> Option<Server> {
    let python = peers::python("peers")?;
    Some(Server::start(&python, "ehbp_server.py", &[&hex::encode([1; 32])]))
}

fn connect(server: &Server, seed: u8) -> Connector {
    let wire = Wire::Ehbp(pinned(&key(seed)), Ehbp::default());
    Connector::new(Settings::new(server.url().parse().unwrap(), wire)).unwrap()
}

// EH-40, EH-42: any length both ways, in frames of 8 KiB; the answer says that the key was pinned.
#[tokio::test]
async fn content_goes_both_ways() {
    let Some(server) = server() else { return };
    let connector = connect(&server, 1);
    for len in [1, 100, 8192, 100_000, 3_000_000] {
        let content: Bytes = (0..len).map(|at: usize| (at / 7 % 251) as u8).collect();
        let sending = connector.request(Method::POST, "/echo").body(content.clone()).send();
        let answer = within("an answer", sending).await.unwrap();
        assert_eq!(answer.extensions().get(), Some(&KeySource::Pinned));
        assert!(
            within("the content", answer.into_body().collect()).await.unwrap().to_bytes() == content,
            "{len}"
        );
    }
}

// EH-42: an event is there before the next one is made.
#[tokio::test]
async fn events_come_as_they_are_made() {
    let Some(server) = server() else { return };
    let connector = connect(&server, 1);
    let sending = connector.request(Method::POST, "/events").body("x").send();
    let mut events = within("an answer", sending).await.unwrap().into_body();
    for number in 0..3 {
        if number > 0 {
            // It is answered in clear, which is no answer; it does what it is asked.
            let next = within("an answer", connector.request(Method::POST, "/next").body("x").send()).await;
            assert!(matches!(next, Err(Error::Wire(client::Error::NotEncapsulated(StatusCode::OK)))));
        }
        let frame = within("an event", events.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), format!("data: {number}\n\n"));
    }
    assert!(within("the end", events.frame()).await.is_none());
}

// EH-07, EH-22: errors of the application come sealed; answers in clear and cut documents are errors.
#[tokio::test]
async fn errors() {
    let Some(server) = server() else { return };
    let connector = connect(&server, 1);
    let post =
        async |path: &str| within("an answer", connector.request(Method::POST, path).body("x").send()).await;
    let teapot = post("/teapot").await.unwrap();
    assert_eq!(teapot.status(), StatusCode::IM_A_TEAPOT);
    let text = within("the content", teapot.into_body().collect()).await.unwrap().to_bytes();
    assert_eq!(text, r#"{"error":"short and stout"}"#);
    assert!(matches!(post("/clear").await, Err(Error::Wire(client::Error::NotEncapsulated(StatusCode::OK)))));
    let cut = match post("/cut").await {
        Ok(answer) => within("an error", answer.into_body().collect()).await.unwrap_err(),
        Err(error) => error.into(),
    };
    let is_incomplete = cut.downcast_ref() == Some(&Fault::Incomplete)
        || matches!(cut.downcast_ref(), Some(Error::Wire(client::Error::Answer(Fault::Incomplete))));
    assert!(is_incomplete, "{cut}");
}

// EH-28: a pinned key is never replaced, whatever a server says; and nothing is sent a second time.
#[tokio::test]
async fn a_hint_changes_no_pinned_key() {
    let Some(server) = server() else { return };
    for (seed, path) in [(2, "/echo"), (1, "/forgotten")] {
        let connector = connect(&server, seed);
        let hinted = within("an answer", connector.request(Method::POST, path).body("x").send()).await;
        let hinted = hinted.map(|answer| answer.status());
        assert!(
            matches!(hinted, Err(Error::Wire(client::Error::StaleKey(StatusCode::UNPROCESSABLE_ENTITY)))),
            "{hinted:?}"
        );
        assert_eq!(connector.status().resent, 0);
        assert_eq!(connector.status().key, pinned(&key(seed)));
    }
}

// EH-08: the token of a request that was really sent.
#[tokio::test]
async fn a_request_leaves_its_token() {
    let Some(server) = server() else { return };
    let recovery = Recovery::default();
    let request = http::Request::post("/echo").extension(recovery.clone());
    let request = request.body(sealwire_http::body::full("x")).unwrap();
    let answer = within("an answer", tower::ServiceExt::oneshot(connect(&server, 1), request)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(recovery.take().unwrap().to_json().contains("requestEnc"));
}
