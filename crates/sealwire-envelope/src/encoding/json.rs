//! An envelope as a JSON object with `header`, `body` and its proof (EN-01, EN-26).

use super::{Error, Options, checked, signed, within};
use crate::{
    Body, Envelope, Header, Proof, Signature, ThresholdSignature,
    canonical::{write_integer, write_signed, write_string},
    json::{self, ENVELOPE_DEPTH, Error as JsonError, Reader, required},
};

/// Decodes the JSON form, and no other.
///
/// # Errors
/// [`Error`]
pub fn decode(text: &[u8], options: &Options) -> Result<Envelope, Error> {
    within(text, options.limits.envelope)?;
    checked(json::read(text, ENVELOPE_DEPTH, read)?, options)
}

/// Encodes in UTF-8.
#[must_use]
pub fn encode(envelope: &Envelope) -> String {
    let mut out = Vec::with_capacity(512 + envelope.body.content.len());
    write(envelope, write_string, &mut out);
    // Everything that was written is text of ours or theirs.
    String::from_utf8(out).unwrap_or_default()
}

/// Encodes in visible ASCII, for header fields (EN-35).
#[must_use]
pub fn encode_ascii(envelope: &Envelope) -> String {
    let mut out = Vec::with_capacity(512 + envelope.body.content.len());
    write(envelope, write_ascii, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Envelope, JsonError> {
    let (mut header, mut body, mut proof) = (None, None, None);
    reader.object(|name, reader| {
        match name {
            "header" => header = Some(read_header(reader)?),
            "body" => body = Some(read_body(reader)?),
            // SP-04: one or the other.
            "signature" | "thresholdSignature" if proof.is_some() => return Err(JsonError::UnknownMember),
            "signature" => proof = Some(Proof::Signature(read_signature(reader)?)),
            "thresholdSignature" => proof = Some(Proof::Threshold(read_threshold(reader)?)),
            _ => return Err(JsonError::UnknownMember),
        }
        Ok(())
    })?;
    Ok(Envelope { header: required(header)?, body: required(body)?, proof })
}

fn read_header(reader: &mut Reader<'_>) -> Result<Header, JsonError> {
    let (mut version, mut message_id, mut timestamp, mut ttl) = (None, None, None, None);
    let (mut sender, mut recipient, mut nonce) = (None, None, None);
    reader.object(|name, reader| {
        match name {
            "version" => version = Some(string(reader)?),
            "messageId" => message_id = Some(string(reader)?),
            "timestampMs" => timestamp = Some(reader.integer()?),
            "ttlMs" => ttl = Some(reader.integer()?),
            "sender" => sender = Some(string(reader)?),
            "recipient" => recipient = Some(string(reader)?),
            "nonce" => nonce = Some(string(reader)?),
            _ => return Err(JsonError::UnknownMember),
        }
        Ok(())
    })?;
    Ok(Header {
        version: required(version)?,
        message_id: required(message_id)?,
        timestamp_ms: signed(required(timestamp)?),
        ttl_ms: signed(required(ttl)?),
        sender: required(sender)?,
        recipient,
        nonce: required(nonce)?,
    })
}

/// Reads a body, in an envelope or as it was sealed (SP-62).
///
/// # Errors
/// What SP-03 and SP-04 refuse.
pub fn read_body(reader: &mut Reader<'_>) -> Result<Body, JsonError> {
    let (mut intent, mut content, mut capability, mut correlation_id) = (None, None, None, None);
    reader.object(|name, reader| {
        match name {
            "intent" => intent = Some(string(reader)?),
            "content" => content = Some(string(reader)?),
            "capability" => capability = Some(string(reader)?),
            "correlationId" => correlation_id = Some(string(reader)?),
            _ => return Err(JsonError::UnknownMember),
        }
        Ok(())
    })?;
    Ok(Body { intent: required(intent)?, content: required(content)?, capability, correlation_id })
}

fn read_signature(reader: &mut Reader<'_>) -> Result<Signature, JsonError> {
    let (mut alg, mut key_id, mut value) = (None, None, None);
    reader.object(|name, reader| {
        match name {
            "alg" => alg = Some(string(reader)?),
            "keyId" => key_id = Some(string(reader)?),
            "value" => value = Some(string(reader)?),
            _ => return Err(JsonError::UnknownMember),
        }
        Ok(())
    })?;
    Ok(Signature { alg: required(alg)?, key_id: required(key_id)?, value: required(value)? })
}

fn read_threshold(reader: &mut Reader<'_>) -> Result<ThresholdSignature, JsonError> {
    let (mut alg, mut key_id, mut value, mut signer_ids, mut m, mut n) = (None, None, None, None, None, None);
    reader.object(|name, reader| {
        match name {
            "alg" => alg = Some(string(reader)?),
            "keyId" => key_id = Some(string(reader)?),
            "value" => value = Some(string(reader)?),
            "signerIds" => signer_ids = Some(read_signer_ids(reader)?),
            "threshold" => reader.object(|name, reader| {
                match name {
                    "m" => m = Some(reader.integer()?),
                    "n" => n = Some(reader.integer()?),
                    _ => return Err(JsonError::UnknownMember),
                }
                Ok(())
            })?,
            _ => return Err(JsonError::UnknownMember),
        }
        Ok(())
    })?;
    Ok(ThresholdSignature {
        alg: required(alg)?,
        key_id: required(key_id)?,
        value: required(value)?,
        signer_ids: required(signer_ids)?,
        m: required(m)?,
        n: required(n)?,
    })
}

/// No group has more members: indexes of shares are bytes (EN-70).
const MAX_SIGNERS: usize = 255;

fn read_signer_ids(reader: &mut Reader<'_>) -> Result<Vec<String>, JsonError> {
    let mut signer_ids = Vec::new();
    reader.array(|reader| {
        if signer_ids.len() == MAX_SIGNERS {
            return Err(JsonError::WrongKind);
        }
        signer_ids.push(string(reader)?);
        Ok(())
    })?;
    Ok(signer_ids)
}

fn string(reader: &mut Reader<'_>) -> Result<String, JsonError> {
    Ok(reader.string()?.into_owned())
}

type WriteString = fn(&str, &mut Vec<u8>);

fn write(envelope: &Envelope, string: WriteString, out: &mut Vec<u8>) {
    let Envelope { header, body, proof } = envelope;
    let member = |name: &[u8], value: &str, out: &mut Vec<u8>| {
        out.extend_from_slice(name);
        string(value, out);
    };
    member(b"{\"header\":{\"version\":", &header.version, out);
    member(b",\"messageId\":", &header.message_id, out);
    out.extend_from_slice(b",\"timestampMs\":");
    write_signed(header.timestamp_ms, out);
    out.extend_from_slice(b",\"ttlMs\":");
    write_signed(header.ttl_ms, out);
    member(b",\"sender\":", &header.sender, out);
    if let Some(recipient) = &header.recipient {
        member(b",\"recipient\":", recipient, out);
    }
    member(b",\"nonce\":", &header.nonce, out);
    member(b"},\"body\":{\"intent\":", &body.intent, out);
    member(b",\"content\":", &body.content, out);
    if let Some(capability) = &body.capability {
        member(b",\"capability\":", capability, out);
    }
    if let Some(correlation_id) = &body.correlation_id {
        member(b",\"correlationId\":", correlation_id, out);
    }
    out.push(b'}');
    match proof {
        None => {}
        Some(Proof::Signature(signature)) => {
            member(b",\"signature\":{\"alg\":", &signature.alg, out);
            member(b",\"keyId\":", &signature.key_id, out);
            member(b",\"value\":", &signature.value, out);
            out.push(b'}');
        }
        Some(Proof::Threshold(threshold)) => {
            member(b",\"thresholdSignature\":{\"alg\":", &threshold.alg, out);
            member(b",\"keyId\":", &threshold.key_id, out);
            member(b",\"value\":", &threshold.value, out);
            out.extend_from_slice(b",\"signerIds\":[");
            for (index, signer_id) in threshold.signer_ids.iter().enumerate() {
                member(if index == 0 { b"" } else { b"," }, signer_id, out);
            }
            out.extend_from_slice(b"],\"threshold\":{\"m\":");
            write_integer(threshold.m, out);
            out.extend_from_slice(b",\"n\":");
            write_integer(threshold.n, out);
            out.extend_from_slice(b"}}");
        }
    }
    out.push(b'}');
}

/// A JSON string without anything that a header field could not carry: every UTF-16 unit from U+007F on is escaped.
fn write_ascii(text: &str, out: &mut Vec<u8>) {
    let start = out.len();
    write_string(text, out);
    let plain = |byte: &u8| (0x20..0x7f).contains(byte);
    if out.get(start..).unwrap_or_default().iter().all(plain) {
        return;
    }
    let written = out.split_off(start);
    for character in std::str::from_utf8(&written).unwrap_or_default().chars() {
        if (' '..'\u{7f}').contains(&character) {
            out.push(character as u8);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
            }
        }
    }
}
