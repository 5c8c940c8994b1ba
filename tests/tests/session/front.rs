//! What whoever is on the way does to the requests of a live session, and to their answers.

use super::connect;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    response::Response,
};
use http::{Method, StatusCode, header::CONTENT_LENGTH};
use http_body_util::BodyExt;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use sealwire_client::{Connector, Error};
use sealwire_http::{problem, wire::SESSION_REQUEST_PATH};
use sealwire_tests::{Stage, document::Server, within};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::sync::oneshot;

/// What is done to a request.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// it is delivered, and its answer kept back: the hint that the session is not known comes in its place
    Hint,
    /// its answer goes to another that is on its way, and the other's comes
    Swap,
    /// of its answer so many bytes come, as if that were all
    Cut(usize),
}

struct Front {
    gateway: SocketAddr,
    act: Mutex<Act>,
    /// the answer that waits for another
    kept: Mutex<Option<(Response, oneshot::Sender<Response>)>>,
}

async fn deliver(front: &Front, mut request: Request) -> Response {
    *request.uri_mut() = format!("http://{}{}", front.gateway, request.uri().path()).parse().unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    client.request(request).await.unwrap().map(Body::new)
}

async fn answer(State(front): State<Arc<Front>>, request: Request) -> Response {
    let is_request = request.uri().path() == SESSION_REQUEST_PATH;
    let answer = deliver(&front, request).await;
    if !is_request {
        return answer;
    }
    let act = *front.act.lock().unwrap();
    match act {
        Act::Hint => problem::response(StatusCode::CONFLICT, problem::SESSION, "session", "").map(Body::new),
        Act::Swap => {
            let (sender, other) = oneshot::channel();
            let kept = front.kept.lock().unwrap().take();
            match kept {
                Some((first, waiting)) => {
                    waiting.send(answer).unwrap();
                    first
                }
                None => {
                    *front.kept.lock().unwrap() = Some((answer, sender));
                    other.await.unwrap()
                }
            }
        }
        Act::Cut(length) => {
            let (mut head, content) = answer.into_parts();
            head.headers.remove(CONTENT_LENGTH);
            let content = to_bytes(content, usize::MAX).await.unwrap();
            let length = length.min(content.len() - 1);
            Response::from_parts(head, Body::from(content.slice(..length)))
        }
    }
}

/// A gateway, and a connector that reaches it through somebody.
async fn through(act: Act) -> (Stage, Arc<Front>, Server, Connector) {
    let stage = Stage::start().await;
    let front = Front { gateway: stage.address(), act: Mutex::new(act), kept: Mutex::default() };
    let front = Arc::new(front);
    let server = Server::start(Router::new().fallback(answer).with_state(front.clone())).await;
    let connector = connect(&stage, server.address).await;
    (stage, front, server, connector)
}

/// What a caller has of a request in the end.
#[derive(Debug)]
enum Outcome {
    /// an answer that ended well
    Whole,
    /// an answer that began, and broke off
    CutOff,
    /// no answer
    None(Error),
}

async fn post(connector: &Connector, said: &'static str) -> Outcome {
    match within("an answer", connector.request(Method::POST, "/").body(said).send()).await {
        Err(error) => Outcome::None(error),
        Ok(answer) => match within("its content", answer.into_body().collect()).await {
            Ok(_) => Outcome::Whole,
            Err(_) => Outcome::CutOff,
        },
    }
}

// SE-43: a POST that was delivered is not sent again on the word of somebody who keeps its answer back.
#[tokio::test]
async fn a_forged_hint_repeats_no_post() {
    let (stage, _front, _server, connector) = through(Act::Hint).await;
    let outcome = post(&connector, "once").await;
    assert!(matches!(outcome, Outcome::None(Error::OutcomeUnknown)), "{outcome:?}");
    assert_eq!(stage.app.counts().completed, 1);
    assert_eq!(connector.status().counts.resent, 0);
}

// SE-32, SE-77: two answers that are exchanged are delivered to neither, and neither request is sent again.
#[tokio::test]
async fn swapped_answers_are_not_believed() {
    let (stage, _front, _server, connector) = through(Act::Swap).await;
    let (one, other) = tokio::join!(post(&connector, "one"), post(&connector, "other"));
    for outcome in [one, other] {
        assert!(matches!(outcome, Outcome::None(Error::Wire(_))), "{outcome:?}");
    }
    assert_eq!(stage.app.counts().completed, 2);
    assert_eq!(connector.status().counts.resent, 0);
}

// SE-32, SE-79: an answer that is cut, and whose end HTTP takes for one, never ends well.
#[tokio::test]
async fn an_answer_that_is_cut_never_ends_well() {
    let (stage, front, _server, connector) = through(Act::Cut(0)).await;
    let lengths = [0, 1, 16, 200, usize::MAX];
    for length in lengths {
        *front.act.lock().unwrap() = Act::Cut(length);
        let outcome = post(&connector, "said").await;
        let is_told =
            matches!(outcome, Outcome::CutOff | Outcome::None(Error::Wire(_) | Error::OutcomeUnknown));
        assert!(is_told, "{length}: {outcome:?}");
    }
    assert_eq!(stage.app.counts().completed, lengths.len());
}
