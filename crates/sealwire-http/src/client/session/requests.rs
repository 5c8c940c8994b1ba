//! One request over a session (TrR).

use super::{Error, Live, outside::Outer};
use crate::{
    Body, BoxError, body, client::exchange, informational::InformationalSender, problem, sealed::SealedBody,
};
use bytes::BytesMut;
use http::{HeaderName, Request, Response, StatusCode, header};
use sealwire_message::bhttp::encode;
use sealwire_session::{
    media,
    request::{BINDER, Binder, Mode, PADDING_STEP, Padding, REFUSED},
};
use tower::Service;

pub(super) async fn attempt<T>(
    live: &Live,
    mut transport: T,
    request: Request<Body>,
) -> Result<Response<Body>, Error>
where
    T: Service<Request<Body>, Response = Response<Body>>,
    T::Error: Into<BoxError>,
{
    let settings = &live.settings;
    let (head, extensions, content) = exchange::head(request)?;
    let method = head.method.clone();
    let informational = extensions.get::<InformationalSender>().cloned();

    let mut outer = Outer::of(live, &head)?;
    let secret = &live.secrets.request;
    let random = settings.random.as_ref();
    let ticket = secret.ticket(&live.id, live.number()?, outer.mode, &outer.listed, random)?;
    outer.mark(live, &ticket)?;
    let (sealer, answer) = secret.seal(ticket)?.sealing(Padding::Short(PADDING_STEP), live.chunks());
    let mut plaintext = BytesMut::with_capacity(512);
    encode::request_head(&mut plaintext, &head);
    let sealed = SealedBody::new(sealer, BytesMut::new(), plaintext, content);
    let sealed = if outer.mode == Mode::Bound { sealed.whole()? } else { body::boxed(sealed) };

    let sent = transport.call(request_of(outer, sealed));
    let (parts, sealed) = sent.await.map_err(Error::transport)?.into_parts();
    let found = crate::wire::single(&parts.headers, &header::CONTENT_TYPE).unwrap_or_default();
    if parts.status != StatusCode::OK {
        let is_hint = parts.status == StatusCode::CONFLICT
            && exchange::is_problem(&parts.headers, sealed, problem::SESSION).await;
        return Err(if is_hint {
            Error::StaleKey(parts.status)
        } else {
            Error::NotEncapsulated(parts.status)
        });
    }
    if !found.eq_ignore_ascii_case(media::RESPONSE) {
        return Err(Error::MediaType);
    }
    let binder = HeaderName::from_static(BINDER);
    let binder = crate::wire::single(&parts.headers, &binder).unwrap_or_default();
    let chunks = answer.receive(&Binder::from_field(binder.as_bytes())?)?;
    let (mut head, content) =
        exchange::open(sealed, chunks, settings.bhttp, settings.idle_time, &method, informational).await?;
    match head.headers.remove(REFUSED) {
        None => Ok(exchange::plain(head, content)),
        // Under the session's keys: nothing was acted upon (SE-43).
        Some(reason) if reason == "not-accepted" => Err(Error::NotAccepted),
        Some(reason) if reason == "repeated" => Err(Error::Repeated),
        // Nor was it here: the server takes no more by this session (SE-39).
        Some(reason) if reason == "closed" => Err(sealwire_session::Error::Closed.into()),
        Some(_) => Err(Error::MediaType),
    }
}

/// The outer request, framed for HTTP/1.1 whatever its method.
fn request_of(outer: Outer, sealed: Body) -> Request<Body> {
    let Outer { method, uri, headers, .. } = outer;
    let mut request = Request::new(sealed);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    body::frame(&mut request);
    request
}
