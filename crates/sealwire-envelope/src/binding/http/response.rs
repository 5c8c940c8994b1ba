use sealwire_crypto::random::Random;

use super::{Content, Field, RESPONSE_FIELD, RESPONSE_MARKER, fields, from_field};
use crate::{
    Authentic, Envelope, Message, Reason, Rules,
    canonical::{self, write_integer, write_string},
    encoding::Options,
    json::{self, DOCUMENT_DEPTH, Error as JsonError, required},
    key::{Keyring, SignError, Signer, Use},
};

/// Fields of a response that are always covered when they are there (SP-31).
const COVERED: [&str; 4] = ["content-encoding", "content-type", "location", "set-cookie"];

/// How long an envelope of a response holds, in milliseconds (EN-49).
pub const RESPONSE_TTL_MS: i64 = 60_000;

/// A response, as it was sent or received.
#[derive(Debug, Clone, Copy)]
pub struct Response<'a> {
    /// its status
    pub status: u16,
    /// all header fields
    pub fields: &'a [Field<'a>],
    /// the content
    pub content: Content<'a>,
}

/// The request that a response answers: who asked, and what exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    sender: String,
    message_id: String,
    digest: String,
}

impl Asked {
    /// By the envelope of the request, which the caller has made or verified.
    #[must_use]
    pub fn by(envelope: &Envelope) -> Self {
        Self {
            sender: envelope.header.sender.clone(),
            message_id: envelope.header.message_id.clone(),
            digest: canonical::digest(&canonical::envelope(envelope)),
        }
    }

    /// `b64u(SHA(canon(request)))`
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// Signs a response (SP-31); `asked` is missing for a request that nobody signed.
///
/// # Errors
/// [`SignError`]; [`SignError::Invalid`] for a covered field that is no text.
pub fn sign_response(
    response: &Response<'_>,
    asked: Option<&Asked>,
    signer: &Signer,
    now_ms: i64,
    random: &dyn Random,
) -> Result<Envelope, SignError> {
    let names = fields::covered(response.fields, COVERED);
    let signed_by = (signer.algorithm().name(), signer.key_id());
    let content = statement(response, signed_by, &names, asked).ok_or(SignError::Invalid)?;
    let message = Message {
        recipient: asked.map(|asked| asked.sender.as_str()),
        intent: "RESULT",
        content: &content,
        capability: Some(RESPONSE_MARKER),
        correlation_id: asked.map(|asked| asked.message_id.as_str()),
        ttl_ms: RESPONSE_TTL_MS,
    };
    message.signed(signer, Use::Response, now_ms, random)
}

/// What a caller asks of the response to one request.
#[derive(Debug, Clone, Copy)]
pub struct ResponseBinding<'a> {
    /// the request; missing when it was not signed
    pub asked: Option<&'a Asked>,
    /// who has to have signed
    pub signer: &'a str,
}

/// Verifies a response's envelope and holds it against the response and the request (SP-31). The replay register comes
/// after it.
///
/// # Errors
/// What [`from_field`], [`Authentic::verify`] and [`bind_response`] refuse; [`Reason::UnknownSender`] for another signer.
pub fn verify_response(
    response: &Response<'_>,
    expected: &ResponseBinding<'_>,
    rules: &Rules,
    keys: &Keyring,
    now_ms: i64,
) -> Result<Authentic, Reason> {
    let envelope = from_field(response.fields, RESPONSE_FIELD, &Options::default())?;
    let authentic = authenticate(envelope, expected, rules, keys, now_ms)?;
    bind_response(&authentic, response, expected)?;
    Ok(authentic)
}

fn authenticate(
    envelope: Envelope,
    expected: &ResponseBinding<'_>,
    rules: &Rules,
    keys: &Keyring,
    now_ms: i64,
) -> Result<Authentic, Reason> {
    // To nobody in particular only if nobody in particular asked.
    let rules = Rules { recipient_optional: expected.asked.is_none(), ..rules.clone() };
    let authentic = Authentic::verify(envelope, Use::Response, &rules, keys, now_ms)?;
    if authentic.sender() == expected.signer { Ok(authentic) } else { Err(Reason::UnknownSender) }
}

/// Holds an authentic envelope against the response that it came with, and against the request (SP-31).
///
/// # Errors
/// [`Reason::BindingMissing`], [`Reason::BindingMalformed`], [`Reason::BindingIncomplete`],
/// [`Reason::BindingMismatch`]
pub fn bind_response(
    authentic: &Authentic,
    response: &Response<'_>,
    expected: &ResponseBinding<'_>,
) -> Result<(), Reason> {
    let body = &authentic.envelope().body;
    if body.capability.as_deref() != Some(RESPONSE_MARKER) || body.intent != "RESULT" {
        return Err(Reason::BindingMissing);
    }
    let names = read_names(&body.content).map_err(|_| Reason::BindingMalformed)?;
    let uncovered = |name: &&str| fields::is_there(response.fields, name) && !names.iter().any(|n| n == name);
    if COVERED.iter().any(uncovered) {
        return Err(Reason::BindingIncomplete);
    }
    let correlated = body.correlation_id.as_deref() == expected.asked.map(|asked| asked.message_id.as_str());
    let rebuilt = statement(response, authentic.alg_and_key_id(), &names, expected.asked);
    if correlated && rebuilt.as_ref() == Some(&body.content) { Ok(()) } else { Err(Reason::BindingMismatch) }
}

/// Longest body that a legacy response envelope carries in its content, in bytes (SP-31).
const LEGACY_MAX_BODY: usize = 8 * 1024;

/// Signs a response for a caller that does not know `sw-res/1` (EN-49): the body itself is the content. Status, fields and
/// request are not covered. `None` when the body does not fit: then [`sign_response`] has to do (SP-31).
///
/// # Errors
/// [`SignError`]
pub fn sign_legacy_response(
    body: &[u8],
    recipient: Option<&str>,
    signer: &Signer,
    now_ms: i64,
    random: &dyn Random,
) -> Result<Option<Envelope>, SignError> {
    let Some(content) = std::str::from_utf8(body).ok().filter(|text| text.len() <= LEGACY_MAX_BODY) else {
        return Ok(None);
    };
    let message = Message {
        recipient,
        intent: "RESULT",
        content,
        capability: None,
        correlation_id: None,
        ttl_ms: RESPONSE_TTL_MS,
    };
    message.signed(signer, Use::Response, now_ms, random).map(Some)
}

/// Verifies a response of a service that does not know `sw-res/1` (EN-50), for callers that have switched to it: the
/// response switch of `unbound`. `None` when signature and body do not belong together, which peers call `content-mismatch`.
///
/// # Errors
/// What [`Authentic::verify`] refuses; [`Reason::UnknownSender`] for another signer.
pub fn verify_legacy_response(
    envelope: Envelope,
    body: &[u8],
    expected: &ResponseBinding<'_>,
    rules: &Rules,
    keys: &Keyring,
    now_ms: i64,
) -> Result<Option<Authentic>, Reason> {
    let authentic = authenticate(envelope, expected, rules, keys, now_ms)?;
    let same = authentic.envelope().body.content.as_bytes() == body;
    Ok(same.then_some(authentic))
}

fn read_names(content: &str) -> Result<Vec<String>, JsonError> {
    let (mut alg, mut body, mut len, mut names, mut kid) = (None, None, None, Vec::new(), None);
    let (mut asked, mut status, mut version) = (None, None, None);
    json::read(content.as_bytes(), DOCUMENT_DEPTH, |reader| {
        reader.object(|name, reader| {
            let slot = match name {
                "alg" => &mut alg,
                "body" => &mut body,
                "kid" => &mut kid,
                "req" => &mut asked,
                "v" => &mut version,
                "bodyLen" => {
                    len = Some(reader.integer()?);
                    return Ok(());
                }
                "status" => {
                    status = Some(reader.integer()?);
                    return Ok(());
                }
                "fields" => {
                    names = fields::read_names(reader)?;
                    return Ok(());
                }
                _ => return Err(JsonError::UnknownMember),
            };
            *slot = Some(reader.string()?);
            Ok(())
        })
    })?;
    required(status)?;
    for member in [alg, kid, asked, version] {
        required(member)?;
    }
    match required(body)?.split_once(':') {
        Some(("sha-256", _)) if len.is_some() => Ok(names),
        Some(("stream", _)) if len.is_none() => Ok(names),
        _ => Err(JsonError::WrongKind),
    }
}

/// The statement about a response (SP-31). Nothing when a covered field is missing or no text.
fn statement(
    response: &Response<'_>,
    (alg, key_id): (&str, &str),
    names: &[String],
    asked: Option<&Asked>,
) -> Option<String> {
    let mut out = Vec::with_capacity(320);
    let member = |name: &[u8], value: &str, out: &mut Vec<u8>| {
        out.extend_from_slice(name);
        write_string(value, out);
        out.push(b',');
    };
    member(b"{\"alg\":", alg, &mut out);
    member(b"\"body\":", &response.content.to_member(), &mut out);
    if let Some(len) = response.content.to_len() {
        out.extend_from_slice(b"\"bodyLen\":");
        write_integer(len, &mut out);
        out.push(b',');
    }
    fields::write(response.fields, names, &mut out)?;
    member(b"\"kid\":", key_id, &mut out);
    member(b"\"req\":", asked.map_or("none", |asked| &asked.digest), &mut out);
    out.extend_from_slice(b"\"status\":");
    write_integer(u64::from(response.status), &mut out);
    out.extend_from_slice(b",\"v\":\"sw-res/1\"}");
    String::from_utf8(out).ok()
}
