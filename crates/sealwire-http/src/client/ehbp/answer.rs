//! The answer: its frames as they authenticate (EH-42), and no end that its content's form contradicts (EH-22).

use super::{Error, Settings};
use crate::{
    Body, body,
    client::exchange::is_problem,
    complete::Watch,
    frames::Frames,
    opened::{Fault, OpenedBody},
    wire::single,
};
use http::{HeaderName, Method, Response, StatusCode, header, response};
use sealwire_ehbp::{KEY_CONFIG_PROBLEM, ResponseNonce, client, field::RESPONSE_NONCE};
use sealwire_message::bhttp::remove_connection_fields;

/// The nonce of an answer that is sealed; the table of EH-07 for those that are not.
pub(super) async fn open(
    outer: Response<Body>,
    answer: client::Answer,
    method: &Method,
    settings: &Settings,
) -> Result<Response<Body>, Error> {
    let (head, content) = outer.into_parts();
    if head.headers.contains_key(RESPONSE_NONCE) {
        return sealed(head, content, answer, method, settings);
    }
    // Anybody can say so; the remedy is a renewal of what is attested, and nothing that comes along with this (EH-28).
    if head.status == StatusCode::UNPROCESSABLE_ENTITY
        && is_problem(&head.headers, content, KEY_CONFIG_PROBLEM).await
    {
        return Err(Error::StaleKey(head.status));
    }
    Err(Error::NotEncapsulated(head.status))
}

/// An answer that says that it is sealed.
pub(super) fn sealed(
    mut head: response::Parts,
    content: Body,
    answer: client::Answer,
    method: &Method,
    settings: &Settings,
) -> Result<Response<Body>, Error> {
    let nonce = single(&head.headers, &HeaderName::from_static(RESPONSE_NONCE)).unwrap_or_default();
    let nonce = ResponseNonce::from_field(nonce.as_bytes()).map_err(Fault::from)?;
    let opener = answer.open(&nonce, &settings.limits).map_err(Fault::from)?;
    remove_connection_fields(&mut head.headers);
    // The length of what is sealed.
    for name in [HeaderName::from_static(RESPONSE_NONCE), header::CONTENT_LENGTH] {
        head.headers.remove(name);
    }
    let has_content = *method != Method::HEAD
        && !matches!(
            head.status,
            StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
        );
    let watch = if has_content { settings.completeness.watch(&head.headers) } else { Watch::Nothing };
    let (mut opened, _) = OpenedBody::new(content, Frames::new(opener, watch), None, settings.idle_time);
    let content = if opened.is_empty()? { body::empty() } else { body::boxed(opened) };
    Ok(Response::from_parts(head, content))
}
