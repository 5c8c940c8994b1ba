//! A chunked attempt: request and response stream at the same time.

use super::{Error, Shared, head, outer};
use crate::{
    Body, BoxError, body, chunks::OpenChunks, client::exchange, informational::InformationalSender,
    opened::Fault, sealed::SealedBody,
};
use bytes::BytesMut;
use http::{Request, Response};
use sealwire_message::{bhttp::encode, chunk::Opened};
use sealwire_oblivious::{client, client::ChunkedResponse, media};
use tower::Service;

pub(super) async fn attempt<T>(
    shared: &Shared,
    mut transport: T,
    request: Request<Body>,
) -> Result<Response<Body>, Error>
where
    T: Service<Request<Body>, Response = Response<Body>>,
    T::Error: Into<BoxError>,
{
    let settings = &shared.settings;
    let (head, extensions, content) = head(request, settings)?;
    let method = head.method.clone();
    let informational = extensions.get::<InformationalSender>().cloned();

    let mut out = BytesMut::new();
    let (sealer, response) =
        client::start_chunked(&shared.target.selected, &mut out, &settings.limits, settings.random.as_ref())?;
    let mut plaintext = BytesMut::with_capacity(512);
    encode::request_head(&mut plaintext, &head);
    let sealed = body::boxed(SealedBody::new(sealer, out, plaintext, content));
    let sent = transport.call(outer::request(shared, media::CHUNKED_REQUEST, true, sealed));
    let answer = sent.await.map_err(Error::transport)?;
    let sealed = outer::sealed(answer, media::CHUNKED_RESPONSE).await?;
    let limits = &settings.limits;
    let (head, content) =
        exchange::open(sealed, response, limits.bhttp, limits.idle_time, &method, informational).await?;
    Ok(exchange::plain(head, content))
}

impl OpenChunks for ChunkedResponse {
    fn push(&mut self, slice: &[u8]) -> Result<(), Fault> {
        Ok(ChunkedResponse::push(self, slice)?)
    }

    fn end(&mut self) {
        ChunkedResponse::end(self);
    }

    fn next_chunk(&mut self) -> Result<Option<Opened>, Fault> {
        Ok(ChunkedResponse::next_chunk(self)?)
    }
}
