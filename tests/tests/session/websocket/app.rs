//! The application: an ordinary server of WebSockets.

use futures_util::{SinkExt, StreamExt};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{ErrorResponse, Request, Response},
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

/// By path: `/echo` says what it hears, `/bytes` gives back the very bytes, `/close` closes with 4001 at the first message,
/// `/break` ends the connection there, and `/refuse` takes nobody.
pub(super) struct App {
    pub(super) address: SocketAddr,
    log: Arc<Log>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Log {
    openings: Mutex<Vec<Request>>,
    closes: Mutex<Vec<Option<CloseFrame>>>,
}

impl App {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Log::default());
        let kept = log.clone();
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, kept.clone()));
            }
        });
        Self { address, log, server }
    }

    /// The openings that arrived, in order.
    pub(super) fn openings(&self) -> Vec<Request> {
        self.log.openings.lock().unwrap().clone()
    }

    /// How clients closed.
    pub(super) fn closes(&self) -> Vec<Option<CloseFrame>> {
        self.log.closes.lock().unwrap().clone()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Takes the subprotocol `superchat` where it is offered.
#[allow(clippy::result_large_err, reason = "the library's signature")]
fn answer(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    if request.uri().path() == "/refuse" {
        let refusal = http::Response::builder().status(403).header("x-why", "members only");
        return Err(refusal.body(Some("not you".to_owned())).unwrap());
    }
    let offered = request.headers().get("sec-websocket-protocol").and_then(|value| value.to_str().ok());
    if offered.is_some_and(|offered| offered.split(',').any(|name| name.trim() == "superchat")) {
        response.headers_mut().insert("sec-websocket-protocol", "superchat".parse().unwrap());
    }
    response.headers_mut().insert("x-app", "here".parse().unwrap());
    Ok(response)
}

#[allow(clippy::result_large_err, reason = "the library's signature")]
async fn serve(stream: TcpStream, log: Arc<Log>) {
    let mut path = String::new();
    let socket = accept_hdr_async(stream, |request: &Request, response| {
        path = request.uri().path().to_owned();
        log.openings.lock().unwrap().push(request.clone());
        answer(request, response)
    });
    let Ok(mut socket) = socket.await else { return };
    match path.as_str() {
        "/bytes" => {
            let (mut read, mut write) = socket.into_inner().into_split();
            // The other side's end, however it comes, is the end.
            let _ = tokio::io::copy(&mut read, &mut write).await;
        }
        "/close" => {
            let _ = socket.next().await;
            let frame = CloseFrame { code: CloseCode::from(4001), reason: "the application's".into() };
            let _ = socket.close(Some(frame)).await;
            while let Some(Ok(_)) = socket.next().await {}
        }
        "/break" => {
            let _ = socket.next().await;
        }
        _ => echo(socket, &log).await,
    }
}

async fn echo(mut socket: WebSocketStream<TcpStream>, log: &Log) {
    while let Some(Ok(message)) = socket.next().await {
        let sent = match message {
            Message::Text(_) | Message::Binary(_) => socket.send(message).await,
            Message::Close(frame) => {
                log.closes.lock().unwrap().push(frame);
                Ok(())
            }
            _ => Ok(()),
        };
        if sent.is_err() {
            return;
        }
    }
}
