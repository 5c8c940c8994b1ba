//! A relay that does harm: it changes one bit of every sealed answer.

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{Method, StatusCode, Uri, header::TRANSFER_ENCODING, uri::Scheme},
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::{net::TcpListener, task::JoinHandle};

/// The demo's messages are far below this.
const LIMIT: usize = 1 << 20;

type Forward = (Client<HttpConnector, Full<Bytes>>, SocketAddr);

/// It runs until it is dropped.
pub(super) struct Meddler {
    pub(super) address: SocketAddr,
    server: JoinHandle<()>,
}

impl Meddler {
    pub(super) async fn start(gateway: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let client = Client::builder(TokioExecutor::new()).build_http();
        let router = Router::new().fallback(meddle).with_state((client, gateway));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the meddling relay stopped");
            }
        });
        Ok(Self { address, server })
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn meddle(State((client, gateway)): State<Forward>, request: Request) -> Response {
    forward(client, gateway, request).await.unwrap_or_else(|| StatusCode::BAD_GATEWAY.into_response())
}

async fn forward(
    client: Client<HttpConnector, Full<Bytes>>,
    gateway: SocketAddr,
    request: Request,
) -> Option<Response> {
    let (mut parts, content) = request.into_parts();
    let content = to_bytes(content, LIMIT).await.ok()?;
    let mut uri = parts.uri.into_parts();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(gateway.to_string().parse().ok()?);
    parts.uri = Uri::from_parts(uri).ok()?;
    let sealed = parts.method == Method::POST;
    let answer = client.request(Request::from_parts(parts, Full::new(content))).await.ok()?;
    let (mut parts, content) = answer.into_parts();
    parts.headers.remove(TRANSFER_ENCODING);
    let mut content = content.collect().await.ok()?.to_bytes().to_vec();
    if sealed {
        let middle = content.len() / 2;
        *content.get_mut(middle)? ^= 1;
    }
    Some(Response::from_parts(parts, Body::from(content)))
}
