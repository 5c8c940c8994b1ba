//! WebSockets from an ordinary client through the local proxy and the gateway to an ordinary application (SE-37).

mod app;
mod ends;
mod talk;

use super::Whole;
use app::App;
use sealwire_tests::within;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        self,
        client::IntoClientRequest,
        handshake::client::{Request, Response},
    },
};

type Client = WebSocketStream<TcpStream>;

/// A request for a WebSocket at the local port.
fn asking(whole: &Whole, path: &str, fields: &[(&'static str, &str)]) -> Request {
    let mut request = format!("ws://{}{path}", whole.connect.address()).into_client_request().unwrap();
    for (name, value) in fields {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    request
}

async fn try_open(whole: &Whole, request: Request) -> Result<(Client, Response), tungstenite::Error> {
    let tcp = TcpStream::connect(whole.connect.address()).await.unwrap();
    within("a WebSocket", client_async(request, tcp)).await
}

async fn open(whole: &Whole, path: &str) -> Client {
    try_open(whole, asking(whole, path, &[])).await.unwrap().0
}
