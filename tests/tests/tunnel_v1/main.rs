//! The attested session on one WebSocket, from the connector, or a program behind the local proxy, through a place where
//! nothing else passes, to an ordinary application (TU-60 to TU-72).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod app;
mod by_hand;
mod connect;
mod handshakes;
mod meddling;
mod peer;
mod reconnects;
mod whole;

use app::app;
use bytes::Bytes;
use futures_util::StreamExt;
use http::{Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use sealwire_client::{Connector, Error, SealedWith, Settings, WebSocket, Wire};
use sealwire_http::{Body, body, client::session::Facts};
use sealwire_tests::{Stage, narrow::Narrow, stage, stage::AUTHORITY, until, within};
use std::convert::Infallible;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tower::ServiceExt;

/// Settings of a client that comes by the narrow place.
fn settings(narrow: &Narrow) -> Settings {
    Settings { wire: Wire::Tunnel, ..stage::settings(narrow.address()) }
}

async fn try_connect(settings: Settings) -> Result<Connector, Error> {
    within("a tunnel", Connector::connect(settings)).await
}

/// A gateway in front of the application, the narrow place in front of it, and a client beyond.
struct Narrowed {
    stage: Stage,
    narrow: Narrow,
    connector: Connector,
}

impl Narrowed {
    async fn start() -> Self {
        let stage = Stage::before(app().await, |_| {}).await;
        let narrow = Narrow::before(stage.address()).await;
        let connector = try_connect(settings(&narrow)).await.unwrap();
        Self { stage, narrow, connector }
    }

    async fn try_send(&self, method: Method, path: &str, content: Body) -> Result<Response<Body>, Error> {
        let request = Request::builder().method(method).uri(format!("https://{AUTHORITY}{path}"));
        within("an answer", self.connector.clone().oneshot(request.body(content).unwrap())).await
    }

    async fn send(&self, method: Method, path: &str, content: Body) -> Response<Body> {
        self.try_send(method, path, content).await.unwrap()
    }

    /// Whether an ordinary exchange works.
    async fn works(&self) {
        let answer = self.send(Method::POST, "/", body::full("said")).await;
        assert_eq!(whole(answer).await, (StatusCode::OK, b"said".to_vec()));
    }

    async fn socket(&self) -> WebSocket {
        within("a WebSocket", self.connector.websocket("/socket").open()).await.unwrap().0
    }

    /// Cuts what is open, and waits until the client has noticed.
    async fn cut(&self) {
        self.narrow.cut();
        until("the end of the channel", async || self.connector.status().channels_open == 0).await;
    }

    /// How many requests to a path have reached the application.
    fn reached(&self, path: &str) -> usize {
        self.stage.app.seen().iter().filter(|request| request.uri.path() == path).count()
    }
}

fn facts(connector: &Connector) -> Facts {
    let SealedWith::Tunnel(facts) = connector.status().sealed_with else { panic!("another wire") };
    facts
}

async fn whole(response: Response<Body>) -> (StatusCode, Vec<u8>) {
    let status = response.status();
    let content = within("content", response.into_body().collect()).await.unwrap().to_bytes();
    (status, content.to_vec())
}

/// Content that is what is sent, and ends when that does.
fn streaming() -> (mpsc::Sender<Bytes>, Body) {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(1);
    let frames = futures_util::stream::poll_fn(move |cx| {
        receiver.poll_recv(cx).map(|data| data.map(|data| Ok::<_, Infallible>(Frame::data(data))))
    });
    (sender, body::boxed(StreamBody::new(frames)))
}

async fn frame(content: &mut Body) -> Bytes {
    within("a frame", content.frame()).await.unwrap().unwrap().into_data().unwrap()
}

async fn next(socket: &mut WebSocket) -> Message {
    within("a message", socket.next()).await.unwrap().unwrap()
}
