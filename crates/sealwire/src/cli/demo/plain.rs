//! A plain HTTP client, as any program would use: it knows nothing of Sealwire.

use super::app::pattern;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use sealwire_crypto::digest::Sha256;
use std::{convert::Infallible, net::SocketAddr};

type Content = UnsyncBoxBody<Bytes, Infallible>;

/// Requests to one local address.
#[derive(Clone)]
pub(super) struct Plain {
    client: Client<HttpConnector, Content>,
    to: SocketAddr,
}

impl Plain {
    pub(super) fn new(to: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self { client: Client::builder(TokioExecutor::new()).build(connector), to }
    }

    async fn send(&self, method: Method, path: &str, content: Content) -> anyhow::Result<Response<Incoming>> {
        let uri: Uri = format!("http://{}{path}", self.to).parse()?;
        let mut request = Request::builder().method(method).uri(uri).body(content)?;
        request.headers_mut().insert("content-type", "application/json".parse()?);
        Ok(self.client.request(request).await?)
    }

    /// GET, and the whole answer.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<(StatusCode, Bytes)> {
        whole(self.send(Method::GET, path, content("")).await?).await
    }

    /// GET, and the answer as it comes.
    pub(super) async fn stream(&self, path: &str) -> anyhow::Result<Response<Incoming>> {
        self.send(Method::GET, path, content("")).await
    }

    /// POST, and the whole answer.
    pub(super) async fn post(&self, path: &str, text: &str) -> anyhow::Result<(StatusCode, Bytes)> {
        whole(self.send(Method::POST, path, content(text.to_owned())).await?).await
    }

    /// POST of `bytes` bytes of the pattern, in pieces; the whole answer, and the digest of what was sent.
    pub(super) async fn upload(&self, path: &str, bytes: u64) -> anyhow::Result<(Bytes, [u8; 32])> {
        const PIECE: u64 = 64 * 1024;
        let mut digest = Sha256::default();
        let pieces = (0..bytes.div_ceil(PIECE)).map(move |piece| {
            let len = PIECE.min(bytes - piece * PIECE);
            pattern(piece * PIECE, usize::try_from(len).unwrap_or_default())
        });
        pieces.clone().for_each(|piece| digest.update(&piece));
        let frames = futures_util::stream::iter(pieces.map(|piece| Ok(Frame::data(piece))));
        let answer = self.send(Method::POST, path, StreamBody::new(frames).boxed_unsync()).await?;
        Ok((whole(answer).await?.1, digest.finish()))
    }
}

fn content(text: impl Into<Bytes>) -> Content {
    Full::new(text.into()).boxed_unsync()
}

async fn whole(response: Response<Incoming>) -> anyhow::Result<(StatusCode, Bytes)> {
    let status = response.status();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}
