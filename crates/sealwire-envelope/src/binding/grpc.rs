//! gRPC calls (EN-43, SP-32): an HTTP request whose content is the serialised message.

use super::http::{Content, Field, Request};
use crate::{
    Envelope, Reason,
    encoding::{self, Options},
};

/// The key of the metadata.
pub const METADATA_KEY: &str = "7h3-envelope-bin";
/// The content type of calls.
pub const CONTENT_TYPE: &str = "application/grpc";

/// The envelope in the metadata of a call: its JSON text, however the library of the peer gives it out.
///
/// # Errors
/// [`Reason::MissingHeader`], [`Reason::MalformedEnvelope`]
pub fn from_metadata(values: &[&[u8]], options: &Options) -> Result<Envelope, Reason> {
    let [value] = values else {
        return Err(if values.is_empty() { Reason::MissingHeader } else { Reason::MalformedEnvelope });
    };
    if value.len() > options.limits.field {
        return Err(Reason::MalformedEnvelope);
    }
    Ok(encoding::json::decode(value, options)?)
}

/// The envelope as the value of the metadata.
#[must_use]
pub fn to_metadata(envelope: &Envelope) -> Vec<u8> {
    encoding::json::encode(envelope).into_bytes()
}

/// A unary call as the request that it is (SP-32): `path` is `/package.Service/Method`, `message` what is serialised,
/// without the prefix of five bytes. `fields` are the call's, of which `content-type` is covered.
#[must_use]
pub fn unary<'a>(authority: &'a str, path: &'a str, fields: &'a [Field<'a>], message: &[u8]) -> Request<'a> {
    call(authority, path, fields, Content::of(message))
}

/// A call whose requests are a stream of this id (SP-32).
#[must_use]
pub fn streaming<'a>(
    authority: &'a str,
    path: &'a str,
    fields: &'a [Field<'a>],
    stream: &'a str,
) -> Request<'a> {
    call(authority, path, fields, Content::Stream(stream))
}

fn call<'a>(
    authority: &'a str,
    target: &'a str,
    fields: &'a [Field<'a>],
    content: Content<'a>,
) -> Request<'a> {
    Request { method: "POST", scheme: "https", authority, target, fields, content }
}

/// The message of a status (EN-43).
#[must_use]
pub fn status_message(reason: Reason) -> String {
    format!("7h3: {reason}")
}
