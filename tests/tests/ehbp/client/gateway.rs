//! Our client against our gateway: the key comes from the attested key document (EH-28, EH-29).

use axum::{
    Router,
    body::{Body as Content, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, post},
};
use futures_util::stream;
use http::Method;
use http_body_util::BodyExt;
use sealwire_client::{Connector, Ehbp, Error, SealedWith, Settings, Wire};
use sealwire_gateway::config;
use sealwire_http::client::{
    self, KeySource,
    ehbp::{InClear, WithoutContent},
};
use sealwire_tests::{App, Stage, within};
use std::{convert::Infallible, sync::Arc};
use tokio::sync::Semaphore;

async fn application() -> App {
    let next = Arc::new(Semaphore::new(0));
    let router = Router::new()
        .route("/echo", any(|content: Bytes| async move { content }))
        .route("/count", any(|content: Bytes| async move { content.len().to_string() }))
        .route("/teapot", any(|| async { (StatusCode::IM_A_TEAPOT, "short and stout") }))
        .route("/none", any(|| async { StatusCode::NO_CONTENT }))
        .route("/events", post(events))
        .route("/next", post(|State(next): State<Arc<Semaphore>>| async move { next.add_permits(1) }))
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(next);
    App::new(router).await
}

/// Two events, the second one when `/next` was asked for.
async fn events(State(next): State<Arc<Semaphore>>) -> Response {
    let events = stream::unfold(0, move |number| {
        let next = Arc::clone(&next);
        async move {
            if number == 1 {
                next.acquire().await.unwrap().forget();
            }
            (number < 2).then(|| (Ok::<_, Infallible>(format!("data: {number}\n\n")), number + 1))
        }
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Content::from_stream(events)).into_response()
}

async fn stage() -> Stage {
    Stage::before(application().await, |config| {
        config.ehbp = Some(config::Ehbp::default());
        let paths = ["/echo", "/count", "/teapot", "/none", "/events", "/next"].map(str::to_owned).to_vec();
        config.routes[0].ehbp = Some(config::RouteEhbp { paths, ..config::RouteEhbp::default() });
    })
    .await
}

fn settings(stage: &Stage) -> Settings {
    Settings { wire: Wire::Ehbp, ..stage.settings() }
}

async fn connect(settings: Settings) -> Connector {
    within("a connector", Connector::connect(settings)).await.unwrap()
}

// EH-28, EH-29, EH-40
#[tokio::test]
async fn every_kind_of_exchange() {
    let stage = stage().await;
    let connector = connect(settings(&stage)).await;
    assert_eq!(connector.status().sealed_with, SealedWith::Ehbp);
    let ask = async |path: &str, content: &'static [u8]| {
        within("an answer", connector.request(Method::POST, path).body(content).send()).await.unwrap()
    };
    let echoed = ask("/echo?a=1", b"content").await;
    assert_eq!(echoed.extensions().get(), Some(&KeySource::Attested));
    assert_eq!(within("the content", echoed.into_body().collect()).await.unwrap().to_bytes(), "content");
    let teapot = ask("/teapot", b"x").await;
    assert_eq!(teapot.status(), StatusCode::IM_A_TEAPOT);
    let text = within("the content", teapot.into_body().collect()).await.unwrap().to_bytes();
    assert_eq!(text, "short and stout");
    assert_eq!(ask("/none", b"x").await.status(), StatusCode::NO_CONTENT);

    let mut events = ask("/events", b"x").await.into_body();
    let first = within("an event", events.frame()).await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "data: 0\n\n");
    assert_eq!(ask("/next", b"x").await.status(), StatusCode::OK);
    assert_eq!(within("the rest", events.collect()).await.unwrap().to_bytes(), "data: 1\n\n");
}

// EH-42
#[tokio::test]
async fn an_upload_streams() {
    let stage = stage().await;
    let connector = connect(settings(&stage)).await;
    let parts = (0..500)
        .map(|_| Ok::<_, sealwire_http::BoxError>(http_body::Frame::data(Bytes::from(vec![7; 100_000]))));
    let content = sealwire_http::body::boxed(http_body_util::StreamBody::new(stream::iter(parts)));
    let sending = connector.request(Method::POST, "/count").stream(content).send();
    let answer = tokio::time::timeout(20 * sealwire_tests::PATIENCE, sending).await.unwrap().unwrap();
    assert_eq!(within("the content", answer.into_body().collect()).await.unwrap().to_bytes(), "50000000");
}

// EH-23, EH-24: without content nothing is sent; where the user lets it go in clear, the gateway refuses it.
#[tokio::test]
async fn requests_without_content() {
    let stage = stage().await;
    let refused = connect(settings(&stage)).await.get("/echo").send();
    let refused = within("a refusal", refused).await.map(|answer| answer.status());
    assert!(matches!(refused, Err(Error::Wire(client::Error::NothingToSeal))), "{refused:?}");
    assert_eq!(stage.app.counts().reached, 0);
    let ehbp = Ehbp { without_content: WithoutContent::InClear, ..Ehbp::default() };
    let in_clear = connect(Settings { ehbp, ..settings(&stage) }).await;
    let answer = within("an answer", in_clear.get("/echo").send()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::UPGRADE_REQUIRED);
    assert!(answer.extensions().get::<InClear>().is_some());
    assert_eq!(stage.app.counts().reached, 0);
}

// EH-20: a path that does not take sealed content is refused before the application.
#[tokio::test]
async fn paths_that_are_not_listed_are_refused() {
    let stage = stage().await;
    let connector = connect(settings(&stage)).await;
    let refused = within("a refusal", connector.request(Method::POST, "/other").body("x").send()).await;
    let refused = refused.map(|answer| answer.status());
    // In clear, and so nobody's word; or sealed, and then the gateway's.
    assert!(
        matches!(refused, Err(Error::Wire(client::Error::NotEncapsulated(_))))
            || refused.as_ref().is_ok_and(|status| status.is_client_error()),
        "{refused:?}"
    );
    assert_eq!(stage.app.counts().reached, 0);
}

// A gateway that does not speak it has no key for it, and nothing is sent.
#[tokio::test]
async fn a_gateway_without_it_is_told() {
    let stage = Stage::start().await;
    let refused = within("a refusal", Connector::connect(settings(&stage))).await;
    assert!(
        matches!(refused.as_ref().err(), Some(Error::NotOffered { wire: "ehbp", .. })),
        "{:?}",
        refused.err()
    );
}
