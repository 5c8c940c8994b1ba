//! The application behind the gateway.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, post},
};
use futures_util::stream;
use sealwire_gateway::{Config, config};
use sealwire_tests::{App, Stage};
use std::{convert::Infallible, sync::Arc};
use tokio::sync::Semaphore;

/// Paths that take sealed content.
pub(crate) const PATHS: [&str; 13] = [
    "/echo",
    "/duplex",
    "/events",
    "/next",
    "/count",
    "/never",
    "/whole",
    "/status/204",
    "/status/400",
    "/status/404",
    "/status/418",
    "/status/500",
    "/status/503",
];

/// Echoes, streams, and says what it is told to say.
pub(crate) async fn application() -> App {
    let next = Arc::new(Semaphore::new(0));
    let router = Router::new()
        .route("/echo", any(|content: Bytes| async move { content }))
        .route("/whole", any(|content: Bytes| async move { content }))
        .route("/count", any(|content: Bytes| async move { content.len().to_string() }))
        .route("/duplex", any(|request: Request| async move { request.into_body() }))
        .route("/never", any(std::future::pending::<()>))
        .route("/status/{status}", any(status))
        .route("/events", post(events))
        .route("/next", post(|State(next): State<Arc<Semaphore>>| async move { next.add_permits(1) }))
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(next);
    App::new(router).await
}

async fn status(Path(status): Path<u16>) -> Response {
    let text = if status == 204 { String::new() } else { format!("the application says {status}") };
    (StatusCode::from_u16(status).unwrap(), text).into_response()
}

/// Three events, each but the first when `/next` was asked for, and the last one after that again.
async fn events(State(next): State<Arc<Semaphore>>) -> Response {
    let events = stream::unfold(0, move |number| {
        let next = Arc::clone(&next);
        async move {
            if (1..4).contains(&number) {
                next.acquire().await.unwrap().forget();
            }
            let event = match number {
                0..3 => format!("data: {number}\n\n"),
                3 => "data: [DONE]\n\n".to_owned(),
                _ => return None,
            };
            Some((Ok::<_, Infallible>(event), number + 1))
        }
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response()
}

/// Takes EHBP at [`PATHS`].
pub(crate) fn takes_ehbp(config: &mut Config) {
    // Peers name the gateway by its address.
    config.authorities.clear();
    config.ehbp = Some(config::Ehbp::default());
    let paths = PATHS.iter().map(ToString::to_string).collect();
    config.routes[0].ehbp = Some(config::RouteEhbp { paths, ..config::RouteEhbp::default() });
}

/// The application with a gateway in front of it that takes EHBP.
pub(crate) async fn stage() -> Stage {
    with(|_| {}).await
}

/// The same with a changed configuration.
pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Stage {
    Stage::before(application().await, |config| {
        takes_ehbp(config);
        change(config);
    })
    .await
}
