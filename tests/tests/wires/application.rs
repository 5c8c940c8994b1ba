//! An application that gives back what it gets, as it comes, in answers and in WebSockets.

use axum::{Router, body::Body, extract::Request, response::Response, routing::any};
use futures_util::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use sealwire_http::websocket::Form;
use sealwire_tests::App;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

pub(crate) async fn application() -> App {
    let router = Router::new().route("/echo", any(echo)).route("/socket", any(socket));
    App::new(router.layer(axum::extract::DefaultBodyLimit::disable())).await
}

async fn echo(request: Request) -> Body {
    request.into_body()
}

async fn socket(mut request: Request) -> Response {
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let form = Form::of(&parts).unwrap();
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            if matches!(message, Message::Text(_) | Message::Binary(_)) && socket.send(message).await.is_err()
            {
                return;
            }
        }
    });
    form.answer(http::HeaderMap::new()).map(Body::new)
}
