//! The application: an echo, a WebSocket, events, and requests that wait.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    response::{IntoResponse, Response},
    routing::any,
};
use futures_util::{SinkExt, StreamExt, stream};
use http::{StatusCode, header};
use hyper_util::rt::TokioIo;
use sealwire_http::websocket::Form;
use sealwire_tests::App;
use std::{convert::Infallible, future::pending, sync::LazyLock};
use tokio::sync::watch;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{CloseFrame, Role, frame::coding::CloseCode},
    },
};

/// How many answers of `/endless` have been given up.
pub(super) static ENDED: LazyLock<watch::Sender<usize>> = LazyLock::new(watch::Sender::default);

/// By path: `/socket` says what it hears, and closes with 4123 when it is told `close`; `/events` says three; `/wait` never
/// answers; `/endless` never ends; `/broken` breaks off; everything else gives back what it gets, as it comes.
pub(super) async fn app() -> App {
    let router = Router::new()
        .route("/socket", any(socket))
        .route("/events", any(events))
        .route("/wait", any(wait))
        .route("/endless", any(endless))
        .route("/broken", any(broken))
        .route("/fields", any(fields));
    App::new(router.fallback(any(echo))).await
}

async fn echo(request: Request) -> Response {
    Response::new(request.into_body())
}

async fn wait() -> Response {
    pending().await
}

/// Counts its end.
struct Ending;

impl Drop for Ending {
    fn drop(&mut self) {
        ENDED.send_modify(|ended| *ended += 1);
    }
}

async fn endless() -> Body {
    let ending = Ending;
    let said = stream::once(async { Ok::<_, Infallible>(Bytes::from("without end")) });
    let silence = stream::once(async move {
        let _ending = ending;
        pending().await
    });
    Body::from_stream(said.chain(silence))
}

async fn broken() -> Body {
    let said = [Ok(Bytes::from("and then")), Err(std::io::Error::other("it breaks off"))];
    // The first has to leave by itself.
    Body::from_stream(stream::iter(said).then(async |said| {
        tokio::task::yield_now().await;
        said
    }))
}

async fn events() -> impl IntoResponse {
    let said =
        ["one", "two", "three"].map(|said| Ok::<_, Infallible>(Bytes::from(format!("data: {said}\n\n"))));
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(stream::iter(said)))
}

async fn fields() -> Response {
    let answer = Response::builder().header("set-cookie", "a=1").header("set-cookie", "b=2, c");
    answer.header("x-last", "z").body(Body::empty()).unwrap()
}

async fn socket(mut request: Request) -> Response {
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let Ok(form) = Form::of(&parts) else {
        return Response::builder().status(StatusCode::FORBIDDEN).body("no".into()).unwrap();
    };
    tokio::spawn(async move {
        let io = TokioIo::new(upgrade.await.unwrap());
        let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            let sent = match message {
                Message::Text(text) if text == "close" => {
                    let frame = CloseFrame { code: CloseCode::from(4123), reason: "as you said".into() };
                    socket.send(Message::Close(Some(frame))).await
                }
                Message::Text(_) | Message::Binary(_) => socket.send(message).await,
                _ => Ok(()),
            };
            if sent.is_err() {
                return;
            }
        }
    });
    form.answer(http::HeaderMap::new()).map(Body::new)
}
