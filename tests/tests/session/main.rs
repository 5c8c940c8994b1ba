//! Sessions from the connector through a gateway to an ordinary application.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod attest;
mod bound;
mod by_hand;
mod channel;
mod choice;
mod early;
mod embedded;
mod front;
mod grpc;
mod mutual;
mod offers;
mod refused;
mod requests;
mod restarts;
mod resume;
mod secrets;
mod websocket;
mod whole;

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use sealwire_client::{Connector, Settings, Wire};
use sealwire_http::Body;
use sealwire_tests::{Stage, stage::AUTHORITY, within};
use std::net::SocketAddr;
use tower::ServiceExt;
use whole::Whole;

/// A connector that uses sessions, to whoever listens at `address`.
async fn connect(stage: &Stage, address: SocketAddr) -> Connector {
    let to = format!("http://{address}").parse().unwrap();
    let settings = Settings { wire: Wire::Session, to, ..stage.settings() };
    within("a session", Connector::connect(settings)).await.unwrap()
}

async fn send(connector: &Connector, method: Method, path: &str, content: Body) -> Response<Body> {
    let request = Request::builder().method(method).uri(format!("https://{AUTHORITY}{path}"));
    within("an answer", connector.clone().oneshot(request.body(content).unwrap())).await.unwrap()
}

async fn whole(response: Response<Body>) -> (StatusCode, Vec<u8>) {
    let status = response.status();
    let content = within("content", response.into_body().collect()).await.unwrap().to_bytes();
    (status, content.to_vec())
}
