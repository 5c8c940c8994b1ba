//! Messages in queues (EN-44 to EN-46, SP-34): `{"envelope":E,"payload":P}`. What is verified is the signed content; the
//! payload beside it only has to say the same.

use std::borrow::Cow;

use sealwire_crypto::random::Random;

use crate::{
    Authentic, Message, Reason, Rules,
    canonical::write_string,
    encoding::{self, EncodeError, Options},
    json::{self, DOCUMENT_DEPTH, Error as JsonError, Kind, Numbers, Reader, required, stable},
    key::{Keyring, SignError, Signer, Use},
};

/// Marker of content that is JSON text.
pub const JSON_MARKER: &str = "sw-queue/1;json";
/// Marker of content that is the text itself.
pub const TEXT_MARKER: &str = "sw-queue/1;text";
/// How long a message holds unless told otherwise, in milliseconds (EN-44).
pub const TTL_MS: i64 = 3_600_000;

/// How a peer writes content that it does not mark (EN-46).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// the Python package: a string is its own text
    Python,
    /// the TypeScript package: a string is its own text
    #[default]
    TypeScript,
    /// the Rust crate: always JSON text
    Rust,
}

/// What goes into a queue.
#[derive(Debug, Clone, Copy)]
pub enum Payload<'a> {
    /// a JSON text
    Json(&'a str),
    /// a text
    Text(&'a str),
}

/// For whom a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Readers {
    /// all peers: payloads that any of them reads otherwise are refused (EN-46)
    #[default]
    Portable,
    /// peers of one dialect, with its way to write content and without a marker
    Dialect(Dialect),
    /// peers that know the marker
    Marked,
}

/// Why a message was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// SP-34
    #[error(
        "a payload that published peers read differently: name the dialect of the readers, or mark the message"
    )]
    NotPortable,
    /// SP-03: the payload is not JSON.
    #[error("the payload is not JSON: {0}")]
    Json(#[from] JsonError),
    /// nothing was signed
    #[error(transparent)]
    Sign(#[from] SignError),
    /// the envelope cannot be written
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Signs a payload into the text of a message.
///
/// # Errors
/// [`Error`]
pub fn sign(
    payload: Payload<'_>,
    readers: Readers,
    recipient: &str,
    ttl_ms: i64,
    signer: &Signer,
    now_ms: i64,
    random: &dyn Random,
) -> Result<String, Error> {
    let (content, marker) = content(payload, readers)?;
    let message = Message {
        recipient: Some(recipient),
        intent: "TASK",
        content: &content,
        capability: marker,
        correlation_id: None,
        ttl_ms,
    };
    let envelope = message.signed(signer, Use::Envelope, now_ms, random)?;
    let mut out = Vec::with_capacity(640 + 2 * content.len());
    out.extend_from_slice(b"{\"envelope\":");
    out.extend_from_slice(encoding::json::encode(&envelope).as_bytes());
    out.extend_from_slice(b",\"payload\":");
    match payload {
        Payload::Json(text) => out.extend_from_slice(text.as_bytes()),
        Payload::Text(text) => write_string(text, &mut out),
    }
    out.push(b'}');
    Ok(String::from_utf8(out).map_err(|_| EncodeError::Member)?)
}

fn content<'a>(
    payload: Payload<'a>,
    readers: Readers,
) -> Result<(Cow<'a, str>, Option<&'static str>), Error> {
    let quoted = |text: &str| {
        let mut out = Vec::new();
        write_string(text, &mut out);
        String::from_utf8(out).unwrap_or_default()
    };
    if let Payload::Json(text) = payload {
        json::read(text.as_bytes(), DOCUMENT_DEPTH, |reader| reader.value().map(drop))?;
    }
    Ok(match (readers, payload) {
        (Readers::Portable, Payload::Json(text)) => {
            is_portable(text)?;
            (text.into(), Some(JSON_MARKER))
        }
        (Readers::Portable, Payload::Text(_)) => return Err(Error::NotPortable),
        (Readers::Marked, Payload::Json(text)) => (text.into(), Some(JSON_MARKER)),
        (Readers::Marked, Payload::Text(text)) => (text.into(), Some(TEXT_MARKER)),
        (Readers::Dialect(Dialect::Rust), Payload::Text(text)) => (quoted(text).into(), None),
        (Readers::Dialect(Dialect::Rust), Payload::Json(text)) => (text.into(), None),
        (Readers::Dialect(_), Payload::Text(text)) => (text.into(), None),
        (Readers::Dialect(_), Payload::Json(text)) => {
            // The JSON text of a string is the string itself there.
            json::read(text.as_bytes(), DOCUMENT_DEPTH, |reader| match reader.kind()? {
                Kind::String => Ok::<_, JsonError>((reader.string()?, None)),
                _ => reader.value().map(|_| (text.into(), None)),
            })?
        }
    })
}

/// Verifies messages up to the comparison of content and payload; the replay register comes after it (SP-34, SP-39), so
/// that an altered copy does not use up the genuine message.
///
/// # Errors
/// [`Reason::MalformedEnvelope`], [`Reason::PayloadMismatch`], and what [`Authentic::verify`] refuses.
pub fn verify(
    message: &[u8],
    dialect: Dialect,
    rules: &Rules,
    options: &Options,
    keys: &Keyring,
    now_ms: i64,
) -> Result<Verified, Reason> {
    let limit = options.limits.envelope;
    if message.len() > limit {
        return Err(Reason::MalformedEnvelope);
    }
    let (mut envelope, mut payload) = (None, None);
    json::read(message, DOCUMENT_DEPTH, |reader| {
        reader.object(|name, reader| {
            match name {
                "envelope" => envelope = Some(reader.value()?),
                "payload" => payload = Some(reader.value()?),
                _ => return Err(JsonError::UnknownMember),
            }
            Ok(())
        })
    })
    .map_err(|_| Reason::MalformedEnvelope)?;
    let envelope = required(envelope).map_err(|_| Reason::MalformedEnvelope)?;
    let payload = required(payload).map_err(|_| Reason::MalformedEnvelope)?;
    let envelope = encoding::json::decode(envelope.as_bytes(), options)?;
    let authentic = Authentic::verify(envelope, Use::Envelope, rules, keys, now_ms)?;
    let body = &authentic.envelope().body;
    let is_text = match body.capability.as_deref() {
        Some(JSON_MARKER) => false,
        Some(TEXT_MARKER) => true,
        _ => dialect != Dialect::Rust && payload.starts_with('"'),
    };
    let same = if is_text { is_string(payload, &body.content) } else { is_equal(payload, &body.content) };
    if same { Ok(Verified { authentic, is_text }) } else { Err(Reason::PayloadMismatch) }
}

/// A message whose sender is known and whose payload says what was signed. It has not been held against replays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    authentic: Authentic,
    is_text: bool,
}

impl Verified {
    /// The envelope.
    #[must_use]
    pub fn authentic(&self) -> &Authentic {
        &self.authentic
    }

    /// What was signed. Nothing is taken from the payload beside it.
    #[must_use]
    pub fn payload(&self) -> Payload<'_> {
        let content = &self.authentic.envelope().body.content;
        if self.is_text { Payload::Text(content) } else { Payload::Json(content) }
    }
}

fn is_string(payload: &str, content: &str) -> bool {
    json::read(payload.as_bytes(), DOCUMENT_DEPTH, Reader::string).is_ok_and(|text| text == content)
}

/// Whether two JSON texts are one value: members in any order, numbers by their exact decimal value.
fn is_equal(payload: &str, content: &str) -> bool {
    let value = |text: &str| stable(text.as_bytes(), DOCUMENT_DEPTH, Numbers::Exact, None);
    payload == content && value(content).is_ok()
        || matches!((value(payload), value(content)), (Ok(a), Ok(b)) if a == b)
}

/// Whether all published peers write this JSON text alike (EN-46): an object that is in stable form already, of ASCII
/// strings, integers within ±(2^53 - 1), and no names that look like integers.
fn is_portable(text: &str) -> Result<(), Error> {
    let portable_object = |reader: &mut Reader<'_>| -> Result<(), Error> {
        if reader.kind()? != Kind::Object {
            return Err(Error::NotPortable);
        }
        names_are_portable(reader)
    };
    json::read(text.as_bytes(), DOCUMENT_DEPTH, portable_object)?;
    let printable = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    let compact = stable(text.as_bytes(), DOCUMENT_DEPTH, Numbers::SignedIntegers, None);
    match compact {
        Ok(stable) if printable && stable == text.as_bytes() => Ok(()),
        _ => Err(Error::NotPortable),
    }
}

fn names_are_portable(reader: &mut Reader<'_>) -> Result<(), Error> {
    match reader.kind()? {
        Kind::Object => reader.object(|name, reader| {
            if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(Error::NotPortable);
            }
            names_are_portable(reader)
        }),
        Kind::Array => reader.array(names_are_portable),
        _ => Ok(reader.value().map(drop)?),
    }
}
