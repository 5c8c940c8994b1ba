//! One request over a session (TrR, hidden mode).

use super::{Error, Live};
use crate::{
    Body, BoxError, INCREMENTAL, body, client::exchange, informational::InformationalSender, problem,
    sealed::SealedBody,
};
use bytes::BytesMut;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use sealwire_message::bhttp::encode;
use sealwire_session::{
    media,
    request::{BASE_ID, BINDER, Binder, Listed, Mode, PADDING_STEP, Padding, REFUSED, TICKET, Ticket},
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

    let secret = &live.secrets.request;
    let random = settings.random.as_ref();
    let ticket = secret.ticket(&live.id, live.number()?, Mode::Hidden, &Listed::nothing(), random)?;
    let (sealer, answer) = secret.seal(ticket)?.sealing(Padding::Short(PADDING_STEP), live.chunks());
    let mut plaintext = BytesMut::with_capacity(512);
    encode::request_head(&mut plaintext, &head);
    let sealed = body::boxed(SealedBody::new(sealer, BytesMut::new(), plaintext, content));

    let sent = transport.call(outer(live, &ticket, sealed)?);
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

/// The outer request: nothing shows but whose session it is.
fn outer(live: &Live, ticket: &Ticket, body: Body) -> Result<Request<Body>, Error> {
    let ticket = HeaderValue::try_from(ticket.to_field()).map_err(|_| sealwire_session::Error::Field)?;
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = live.resource.clone();
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media::REQUEST));
    headers.insert(HeaderName::from_static(BASE_ID), live.base_id.clone());
    headers.insert(HeaderName::from_static(TICKET), ticket);
    headers.insert(INCREMENTAL, HeaderValue::from_static("?1"));
    Ok(request)
}
