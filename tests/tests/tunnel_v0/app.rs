//! The application: texts, bytes, cookies, events, a WebSocket, and requests that wait.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    response::{IntoResponse, Response},
    routing::any,
};
use futures_util::{SinkExt, StreamExt, stream};
use http::{StatusCode, header};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use sealwire_http::websocket::Form;
use sealwire_tests::App;
use std::{convert::Infallible, future::pending};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{CloseFrame, Role, frame::coding::CloseCode},
    },
};

/// By path; `/socket` says what it hears, and closes with 4123 when it is told `close`.
pub(super) async fn app() -> App {
    let router = Router::new()
        .route("/text", any(async || "hello"))
        .route("/echo", any(echo))
        .route("/binary", any(async || [0x00_u8, 0x80, 0xff].as_slice()))
        .route("/empty", any(async || StatusCode::NO_CONTENT))
        .route("/cookies", any(cookies))
        .route("/events", any(events))
        .route("/long", any(async || Body::from(vec![b'x'; 2 << 20])))
        .route("/endless", any(endless))
        .route("/half", any(async || Body::from(vec![b'x'; 500 << 10])))
        .route("/wait", any(async || pending::<()>().await))
        .route("/socket", any(socket))
        .route("/slow", any(slow));
    App::new(router).await
}

async fn echo(request: Request) -> Response {
    let (parts, content) = request.into_parts();
    let content = content.collect().await.unwrap().to_bytes();
    let host = parts.headers.get(header::HOST).map(|host| host.to_str().unwrap().to_owned());
    let text = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let answer = serde_json::json!({
        "method": parts.method.as_str(),
        "target": parts.uri.to_string(),
        "host": host,
        "content": String::from_utf8_lossy(&content),
        "bytes": content.len(),
        "x-one": text("x-one"),
        "connection": text("connection"),
        "te": text("te"),
    });
    ([(header::CONTENT_TYPE, "application/json")], answer.to_string()).into_response()
}

async fn cookies() -> Response {
    let answer = Response::builder().header("set-cookie", "a=1").header("set-cookie", "b=2");
    answer.body(Body::from("cookies")).unwrap()
}

async fn events() -> impl IntoResponse {
    let said = ["one", "two"].map(|said| Ok::<_, Infallible>(Bytes::from(format!("data: {said}\n\n"))));
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(stream::iter(said)))
}

async fn endless() -> Body {
    Body::from_stream(stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from(vec![b'x'; 64 << 10]))))
}

/// Takes the upgrade, and then nothing.
async fn slow(mut request: Request) -> Response {
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let Ok(form) = Form::of(&parts) else { return StatusCode::FORBIDDEN.into_response() };
    tokio::spawn(async move {
        let _taken = upgrade.await.unwrap();
        pending::<()>().await
    });
    form.answer(http::HeaderMap::new()).map(Body::new)
}

async fn socket(mut request: Request) -> Response {
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let Ok(form) = Form::of(&parts) else { return StatusCode::FORBIDDEN.into_response() };
    tokio::spawn(async move {
        let io = TokioIo::new(upgrade.await.unwrap());
        let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            let sent = match message {
                Message::Text(text) if text == "close" => {
                    let frame = CloseFrame { code: CloseCode::from(4123), reason: "as you said".into() };
                    socket.send(Message::Close(Some(frame))).await
                }
                // Bytes that look like text stay bytes.
                Message::Text(text) if text == "bytes" => {
                    socket.send(Message::Binary(Bytes::from_static(b"abc"))).await
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
