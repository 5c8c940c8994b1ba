//! Envelopes of HTTP requests and responses (EN-34 to EN-40, EN-49, EN-50, SP-26 to SP-31, SP-36).

mod content;
mod fields;
mod request;
mod response;

pub use content::{BodyDigest, Content};
pub use fields::{Field, authority};
pub use request::{
    Binding, Coverage, Request, RequestMessage, Route, Verified, bind_request, sign_request,
    verify_cbor_body, verify_request,
};
pub use response::{
    Asked, RESPONSE_TTL_MS, Response, ResponseBinding, bind_response, sign_legacy_response, sign_response,
    verify_legacy_response, verify_response,
};

use crate::{
    Envelope, Reason,
    encoding::{self, Options},
};

/// The field of a request's envelope (EN-34); the name is configurable.
pub const ENVELOPE_FIELD: &str = "x-7h3-envelope";
/// The field of a chain of capability tokens (EN-53).
pub const CAPABILITY_FIELD: &str = "x-7h3-capability";
/// The field, or the trailer, of a response's envelope (EN-49).
pub const RESPONSE_FIELD: &str = "x-7h3-response";
/// Markers of statements about requests (SP-26) and responses (SP-31).
pub const REQUEST_MARKER: &str = "sw-req/1";
/// See [`REQUEST_MARKER`].
pub const RESPONSE_MARKER: &str = "sw-res/1";

/// The envelope in a field: exactly one line, of a size that servers take (SP-09, EN-39).
///
/// # Errors
/// [`Reason::MissingHeader`], [`Reason::MalformedEnvelope`]
pub fn from_field(fields: &[Field<'_>], name: &str, options: &Options) -> Result<Envelope, Reason> {
    let mut lines = fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
    let (_, line) = lines.next().ok_or(Reason::MissingHeader)?;
    if line.is_empty() {
        return Err(Reason::MissingHeader);
    }
    if lines.next().is_some() || line.len() > options.limits.field {
        return Err(Reason::MalformedEnvelope);
    }
    Ok(encoding::json::decode(line, options)?)
}

/// The envelope as the value of a field, in ASCII (EN-35). `None` when it is longer than servers take (SP-09).
#[must_use]
pub fn to_field(envelope: &Envelope, options: &Options) -> Option<String> {
    let value = encoding::json::encode_ascii(envelope);
    (value.len() <= options.limits.field).then_some(value)
}
