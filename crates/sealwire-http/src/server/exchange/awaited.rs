//! The sealed answer.

use super::{Reply, answer};
use crate::{
    Body, BoxError, body, chunks::SealChunks, informational::Informational, sealed::SealedBody, server::Pace,
};
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::Frame;
use sealwire_message::bhttp::{self, ResponseHead, encode};
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tokio::sync::mpsc;

/// Seals an answer that is there.
pub(crate) fn seal(reply: impl Reply, response: Response<Body>) -> Response<Body> {
    seal_behind(reply, start(), response, None)
}

/// Seals an answer behind what `plaintext` holds.
fn seal_behind(
    reply: impl Reply,
    plaintext: BytesMut,
    response: Response<Body>,
    pace: Option<Pace>,
) -> Response<Body> {
    let mut out = BytesMut::new();
    let mut fields = HeaderMap::new();
    match reply.begin(&mut out, &mut fields) {
        Some(sealer) => outer(fields, body::boxed(sealed(sealer, out, plaintext, response, pace))),
        None => answer::cannot_seal(),
    }
}

/// Seals the answer when it comes, and informational responses before it (OB-36).
///
/// Usually there are none, and the outer response begins with the answer. Otherwise it begins with the first of
/// them, and its body awaits the answer.
pub(super) async fn reply(
    reply: impl Reply,
    mut response: BoxFuture<'static, Response<Body>>,
    mut informational: mpsc::Receiver<Box<Informational>>,
    pace: Option<Pace>,
) -> Response<Body> {
    let mut plaintext = start();
    tokio::select! {
        biased;
        response = &mut response => {
            // What was sent before the answer goes before it.
            while let Ok(next) = informational.try_recv() {
                append(&mut plaintext, *next);
            }
            return seal_behind(reply, plaintext, response, pace);
        }
        // The channel closes when the application has dropped its sender; the answer follows.
        Some(first) = informational.recv() => append(&mut plaintext, *first),
    };
    let mut out = BytesMut::new();
    let mut fields = HeaderMap::new();
    let Some(sealer) = reply.begin(&mut out, &mut fields) else { return answer::cannot_seal() };
    let awaited = Awaited::Awaiting { response, informational, sealer: Some(sealer), out, plaintext, pace };
    outer(fields, body::boxed(awaited))
}

fn outer(fields: HeaderMap, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    *headers = fields;
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(crate::INCREMENTAL, HeaderValue::from_static("?1"));
    response
}

fn start() -> BytesMut {
    let mut plaintext = BytesMut::with_capacity(512);
    encode::response_start(&mut plaintext);
    plaintext
}

fn append(plaintext: &mut BytesMut, informational: Informational) {
    // A switch of protocols cannot happen here (OB-36).
    if informational.status != StatusCode::SWITCHING_PROTOCOLS {
        let mut head = ResponseHead { status: informational.status, headers: informational.headers };
        bhttp::remove_connection_fields(&mut head.headers);
        encode::response_head(plaintext, &head);
    }
}

fn sealed<S: SealChunks>(
    mut sealer: S,
    out: BytesMut,
    mut plaintext: BytesMut,
    response: Response<Body>,
    pace: Option<Pace>,
) -> SealedBody<S> {
    let (parts, content) = response.into_parts();
    sealer.adapt(&parts.headers);
    let mut head = ResponseHead { status: parts.status, headers: parts.headers };
    bhttp::remove_connection_fields(&mut head.headers);
    encode::response_head(&mut plaintext, &head);
    SealedBody::new(sealer, out, plaintext, content).padded(pace.map_or(0, |pace| pace.size.get()))
}

/// An answer that began with an informational response.
enum Awaited<S> {
    Awaiting {
        response: BoxFuture<'static, Response<Body>>,
        informational: mpsc::Receiver<Box<Informational>>,
        /// taken when the answer comes
        sealer: Option<S>,
        out: BytesMut,
        /// encoded, not sealed yet
        plaintext: BytesMut,
        pace: Option<Pace>,
    },
    Answered(SealedBody<S>),
}

impl<S: SealChunks> http_body::Body for Awaited<S> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        loop {
            match this {
                Self::Answered(body) => return Pin::new(body).poll_frame(cx),
                Self::Awaiting { response, informational, sealer, out, plaintext, pace } => {
                    let answer = response.as_mut().poll(cx);
                    while let Poll::Ready(Some(next)) = informational.poll_recv(cx) {
                        append(plaintext, *next);
                    }
                    let answer = match answer {
                        Poll::Ready(answer) => answer,
                        Poll::Pending => {
                            if let Some(sealer) = sealer {
                                sealer.chunks(out, plaintext)?;
                                plaintext.clear();
                            }
                            if out.is_empty() {
                                return Poll::Pending;
                            }
                            return Poll::Ready(Some(Ok(Frame::data(out.split().freeze()))));
                        }
                    };
                    // The sealer is there until this moment.
                    let Some(sealer) = sealer.take() else { return Poll::Ready(None) };
                    let answered =
                        sealed(sealer, std::mem::take(out), std::mem::take(plaintext), answer, *pace);
                    *this = Self::Answered(answered);
                }
            }
        }
    }
}
