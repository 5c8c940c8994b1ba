//! The answer: its frames as they authenticate (EH-42), and no end that its content's form contradicts (EH-22).

use super::{Error, InClear, Settings, WithoutContent};
use crate::{
    Body, body,
    client::{
        KeySource,
        exchange::{has_no_content, is_problem},
    },
    complete::Watch,
    frames::Frames,
    opened::{Fault, OpenedBody},
    wire::single,
};
use http::{HeaderName, Method, Response, StatusCode, header, response};
use sealwire_crypto::aead::Sequence;
use sealwire_ehbp::{KEY_CONFIG_PROBLEM, ResponseNonce, client, field::RESPONSE_NONCE};
use sealwire_message::bhttp::remove_connection_fields;

/// The nonce of an answer that is sealed; the table of EH-07 for those that are not.
pub(super) async fn open(
    outer: Response<Body>,
    answer: client::Answer,
    method: &Method,
    settings: &Settings,
    source: KeySource,
) -> Result<Response<Body>, Error> {
    let (mut head, content) = outer.into_parts();
    if head.headers.contains_key(RESPONSE_NONCE) {
        let mut opened = frames(&mut head, content, answer, method, settings)?;
        // Anybody can make up a nonce. The first frame shows who made the answer, and is waited for.
        let is_empty = opened.know_whether_empty().await?;
        if opened.message().has_opened() {
            head.extensions.insert(source);
        } else if has_no_content(method, head.status) || settings.without_content == WithoutContent::InClear {
            head.extensions.insert(InClear);
        } else {
            return Err(Error::NotEncapsulated(head.status));
        }
        return Ok(Response::from_parts(head, if is_empty { body::empty() } else { body::boxed(opened) }));
    }
    // Anybody can say so; the remedy is a renewal of what is attested, and nothing that comes along with this (EH-28).
    if head.status == StatusCode::UNPROCESSABLE_ENTITY
        && is_problem(&head.headers, content, KEY_CONFIG_PROBLEM).await
    {
        return Err(Error::StaleKey(head.status));
    }
    Err(Error::NotEncapsulated(head.status))
}

/// An answer that says that it is sealed; the content tells whether it is.
pub(super) fn sealed(
    mut head: response::Parts,
    content: Body,
    answer: client::Answer,
    method: &Method,
    settings: &Settings,
) -> Result<Response<Body>, Error> {
    let mut opened = frames(&mut head, content, answer, method, settings)?;
    let content = if opened.is_empty()? { body::empty() } else { body::boxed(opened) };
    Ok(Response::from_parts(head, content))
}

/// What opens the content.
fn frames(
    head: &mut response::Parts,
    content: Body,
    answer: client::Answer,
    method: &Method,
    settings: &Settings,
) -> Result<OpenedBody<Frames<Sequence>>, Error> {
    let nonce = single(&head.headers, &HeaderName::from_static(RESPONSE_NONCE)).unwrap_or_default();
    let nonce = ResponseNonce::from_field(nonce.as_bytes()).map_err(Fault::from)?;
    let opener = answer.open(&nonce, &settings.limits).map_err(Fault::from)?;
    remove_connection_fields(&mut head.headers);
    // The length of what is sealed.
    for name in [HeaderName::from_static(RESPONSE_NONCE), header::CONTENT_LENGTH] {
        head.headers.remove(name);
    }
    let watch = match has_no_content(method, head.status) {
        true => Watch::Nothing,
        false => settings.completeness.watch(&head.headers),
    };
    Ok(OpenedBody::new(content, Frames::new(opener, watch), None, settings.idle_time).0)
}
