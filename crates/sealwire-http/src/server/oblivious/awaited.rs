//! The sealed answer of a chunked exchange.

use super::{Settings, answer};
use crate::{Body, BoxError, body, informational::Informational, sealed::SealedBody, server::Pace};
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::Frame;
use sealwire_crypto::aead::Sequence;
use sealwire_message::{
    bhttp::{self, ResponseHead, encode},
    chunk::Sealer,
};
use sealwire_oblivious::{gateway::ChunkedReply, media};
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tokio::sync::mpsc;

/// Seals an answer that is there.
pub(super) fn seal(settings: &Settings, reply: &ChunkedReply, response: Response<Body>) -> Response<Body> {
    seal_behind(settings, reply, start(), response, None)
}

/// Seals an answer behind what `plaintext` holds.
fn seal_behind(
    settings: &Settings,
    reply: &ChunkedReply,
    plaintext: BytesMut,
    response: Response<Body>,
    pace: Option<Pace>,
) -> Response<Body> {
    let mut out = BytesMut::new();
    match reply.start(&mut out, settings.random.as_ref()) {
        Ok(sealer) => outer(body::boxed(sealed(sealer, out, plaintext, response, pace))),
        Err(_) => answer::cannot_seal(),
    }
}

/// Seals the answer when it comes, and informational responses before it (OB-36).
///
/// Usually there are none, and the outer response begins with the answer. Otherwise it begins with the first of
/// them, and its body awaits the answer.
pub(super) async fn reply(
    settings: &Settings,
    reply: &ChunkedReply,
    mut response: BoxFuture<'static, Response<Body>>,
    mut informational: mpsc::Receiver<Informational>,
    pace: Option<Pace>,
) -> Response<Body> {
    let mut plaintext = start();
    tokio::select! {
        biased;
        response = &mut response => {
            // What was sent before the answer goes before it.
            while let Ok(next) = informational.try_recv() {
                append(&mut plaintext, next);
            }
            return seal_behind(settings, reply, plaintext, response, pace);
        }
        // The channel closes when the application has dropped its sender; the answer follows.
        Some(first) = informational.recv() => append(&mut plaintext, first),
    };
    let mut out = BytesMut::new();
    let Ok(sealer) = reply.start(&mut out, settings.random.as_ref()) else { return answer::cannot_seal() };
    outer(body::boxed(Awaited::Awaiting {
        response,
        informational,
        sealer: Some(sealer),
        out,
        plaintext,
        pace,
    }))
}

fn outer(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media::CHUNKED_RESPONSE));
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

fn sealed(
    sealer: Sealer<Sequence>,
    out: BytesMut,
    mut plaintext: BytesMut,
    response: Response<Body>,
    pace: Option<Pace>,
) -> SealedBody<Sequence> {
    let (parts, content) = response.into_parts();
    let mut head = ResponseHead { status: parts.status, headers: parts.headers };
    bhttp::remove_connection_fields(&mut head.headers);
    encode::response_head(&mut plaintext, &head);
    SealedBody::new(sealer, out, plaintext, content).padded(pace.map_or(0, |pace| pace.size.get()))
}

/// An answer that began with an informational response.
enum Awaited {
    Awaiting {
        response: BoxFuture<'static, Response<Body>>,
        informational: mpsc::Receiver<Informational>,
        /// taken when the answer comes
        sealer: Option<Sealer<Sequence>>,
        out: BytesMut,
        /// encoded, not sealed yet
        plaintext: BytesMut,
        pace: Option<Pace>,
    },
    Answered(SealedBody<Sequence>),
}

impl http_body::Body for Awaited {
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
                        append(plaintext, next);
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
