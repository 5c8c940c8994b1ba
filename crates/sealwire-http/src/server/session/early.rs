//! A request behind the hello of a resumed session (SE-42).
//!
//! The flight leaves at once; the answer to the request follows it in the same body, however long it takes.

use super::{
    Settings, answer,
    handshake::{self, EarlyKeys, Greeted},
    requests::{self, Caller, EARLY_DATA},
};
use crate::{
    Body, BoxError, Identity, Peer, Wire, body,
    opened::Message,
    prefixed::{self, Prefixed},
    server::{
        RouteRules,
        exchange::{self, Application, RequestMessage},
    },
};
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header, request::Parts};
use http_body::Frame;
use sealwire_crypto::aead::Sequence;
use sealwire_message::{bhttp::RequestHead, chunk};
use sealwire_session::{
    Error, media,
    message::MAX_HELLO,
    request::{BASE_ID, Opener, PADDING_STEP, Padding, Sealer},
};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// Answers the hello, and what is behind it where that may be opened.
pub(super) async fn serve(
    settings: Arc<Settings>,
    outer: &Parts,
    mut body: Body,
    inner: impl Application,
) -> Response<Body> {
    // A hello is of no session yet.
    if outer.headers.contains_key(BASE_ID) {
        return answer::handshake(Error::Inconsistent);
    }
    let reading = prefixed::read(&mut body, MAX_HELLO);
    let Prefixed { message: hello, rest } = match tokio::time::timeout(settings.header_time, reading).await {
        Err(_) => return answer::outside(StatusCode::REQUEST_TIMEOUT),
        Ok(Err(error)) => return answer::outside(error.status()),
        Ok(Ok(prefixed)) => prefixed,
    };
    let Greeted { message: flight, early } = match handshake::greet(&settings, &hello, true).await {
        Ok(greeted) => greeted,
        Err(error) => return answer::handshake(error),
    };
    // Not accepted: what any hello gets. The client sends its request again in the session.
    let Some(EarlyKeys { request, answer, authority }) = early else { return answer::message(flight) };

    let limits = requests::chunks(&settings.server.config().limits);
    let mut message = RequestMessage::new(Opener::new(request, limits), settings.bhttp);
    let reply = EarlyReply { answer, limits };
    let tls_early = outer.headers.contains_key(EARLY_DATA);
    let permitted = move |head: &RequestHead, rules: RouteRules| {
        rules.early_data || (head.method.is_safe() && !tls_early)
    };
    let peer = Peer { wire: Wire::Session, identity: Identity::Nobody };
    let caller = Caller { peer, authority, outside: None };
    let answered = Box::pin(async move {
        match message.push(&rest) {
            Ok(()) => requests::open(&settings, message, body, reply, permitted, caller, inner).await,
            Err(fault) => exchange::seal(reply, exchange::fault(fault)),
        }
    });
    let flight = Some(prefixed::write(&flight));
    let mut response = Response::new(body::boxed(Flight { flight, then: Then::Awaited(answered) }));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media::EARLY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(crate::INCREMENTAL, HeaderValue::from_static("?1"));
    response
}

/// The answer under the keys of the session that has just begun.
struct EarlyReply {
    answer: Sequence,
    limits: chunk::Limits,
}

impl exchange::Reply for EarlyReply {
    type Sealer = Sealer;

    fn begin(self, _: &mut BytesMut, _: &mut HeaderMap) -> Option<Sealer> {
        Some(Sealer::new(self.answer, Padding::Short(PADDING_STEP), self.limits))
    }
}

/// The flight, and behind it the sealed answer.
struct Flight {
    flight: Option<Bytes>,
    then: Then,
}

enum Then {
    Awaited(BoxFuture<'static, Response<Body>>),
    Answered(Body),
}

impl http_body::Body for Flight {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if let Some(flight) = this.flight.take() {
            return Poll::Ready(Some(Ok(Frame::data(flight))));
        }
        loop {
            match &mut this.then {
                Then::Awaited(response) => match response.as_mut().poll(cx) {
                    Poll::Ready(response) => this.then = Then::Answered(response.into_body()),
                    Poll::Pending => return Poll::Pending,
                },
                Then::Answered(body) => return Pin::new(body).poll_frame(cx),
            }
        }
    }
}
