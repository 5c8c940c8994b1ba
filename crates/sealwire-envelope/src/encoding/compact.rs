//! An envelope as one flat JSON object with short names (EN-27).

use super::{EncodeError, Error, Options, checked, json as full, signed, within};
use crate::{
    Body, Envelope, Header, Proof, Signature, VERSION,
    canonical::{write_signed, write_string},
    json::{self, ENVELOPE_DEPTH, Error as JsonError, Reader, required},
};

/// Decodes the compact form, and no other.
///
/// # Errors
/// [`Error`]
pub fn decode(text: &[u8], options: &Options) -> Result<Envelope, Error> {
    within(text, options.limits.envelope)?;
    checked(json::read(text, ENVELOPE_DEPTH, read)?, options)
}

/// Decodes the JSON form or the compact form: what has a `header` is the former (EN-27).
///
/// # Errors
/// [`Error`]
pub fn decode_either(text: &[u8], options: &Options) -> Result<Envelope, Error> {
    within(text, options.limits.envelope)?;
    checked(json::read(text, ENVELOPE_DEPTH, read_either)?, options)
}

/// Encodes the compact form.
///
/// # Errors
/// [`EncodeError::Algorithm`], since it has no place for what m of n signed.
pub fn encode(envelope: &Envelope) -> Result<String, EncodeError> {
    let Envelope { header, body, proof } = envelope;
    let mut out = Vec::with_capacity(384 + body.content.len());
    let member = |name: &[u8], value: &str, out: &mut Vec<u8>| {
        out.extend_from_slice(name);
        write_string(value, out);
    };
    member(b"{\"v\":", &header.version, &mut out);
    member(b",\"mid\":", &header.message_id, &mut out);
    out.extend_from_slice(b",\"ts\":");
    write_signed(header.timestamp_ms, &mut out);
    out.extend_from_slice(b",\"ttl\":");
    write_signed(header.ttl_ms, &mut out);
    member(b",\"s\":", &header.sender, &mut out);
    member(b",\"n\":", &header.nonce, &mut out);
    member(b",\"i\":", &body.intent, &mut out);
    member(b",\"c\":", &body.content, &mut out);
    let optional: [(&[u8], &Option<String>); 3] = [
        (b",\"r\":", &header.recipient),
        (b",\"cap\":", &body.capability),
        (b",\"cid\":", &body.correlation_id),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            member(name, value, &mut out);
        }
    }
    match proof {
        None => {}
        Some(Proof::Signature(signature)) => {
            member(b",\"sig\":{\"a\":", &signature.alg, &mut out);
            member(b",\"k\":", &signature.key_id, &mut out);
            member(b",\"v\":", &signature.value, &mut out);
            out.push(b'}');
        }
        Some(Proof::Threshold(_)) => return Err(EncodeError::Algorithm),
    }
    out.push(b'}');
    String::from_utf8(out).map_err(|_| EncodeError::Member)
}

fn read_either(reader: &mut Reader<'_>) -> Result<Envelope, JsonError> {
    let full_form = ["header", "body", "signature", "thresholdSignature"];
    match reader.first_name()? {
        Some(name) if full_form.contains(&&*name) => full::read(reader),
        _ => read(reader),
    }
}

fn read(reader: &mut Reader<'_>) -> Result<Envelope, JsonError> {
    let (mut version, mut message_id, mut timestamp, mut ttl) = (None, None, None, None);
    let (mut sender, mut nonce, mut intent, mut content) = (None, None, None, None);
    let (mut recipient, mut capability, mut correlation_id, mut signature) = (None, None, None, None);
    reader.object(|name, reader| {
        let slot = match name {
            "v" => &mut version,
            "mid" => &mut message_id,
            "s" => &mut sender,
            "n" => &mut nonce,
            "i" => &mut intent,
            "c" => &mut content,
            "r" => &mut recipient,
            "cap" => &mut capability,
            "cid" => &mut correlation_id,
            "ts" => {
                timestamp = Some(reader.integer()?);
                return Ok(());
            }
            "ttl" => {
                ttl = Some(reader.integer()?);
                return Ok(());
            }
            "sig" => {
                signature = Some(read_signature(reader)?);
                return Ok(());
            }
            _ => return Err(JsonError::UnknownMember),
        };
        *slot = Some(reader.string()?.into_owned());
        Ok(())
    })?;
    let version = required(version)?;
    if version != VERSION {
        return Err(JsonError::WrongKind);
    }
    Ok(Envelope {
        header: Header {
            version,
            message_id: required(message_id)?,
            timestamp_ms: signed(required(timestamp)?),
            ttl_ms: signed(required(ttl)?),
            sender: required(sender)?,
            recipient,
            nonce: required(nonce)?,
        },
        body: Body { intent: required(intent)?, content: required(content)?, capability, correlation_id },
        proof: signature.map(Proof::Signature),
    })
}

fn read_signature(reader: &mut Reader<'_>) -> Result<Signature, JsonError> {
    let (mut alg, mut key_id, mut value) = (None, None, None);
    reader.object(|name, reader| {
        let slot = match name {
            "a" => &mut alg,
            "k" => &mut key_id,
            "v" => &mut value,
            _ => return Err(JsonError::UnknownMember),
        };
        *slot = Some(reader.string()?.into_owned());
        Ok(())
    })?;
    // EN-27: what names no algorithm means the oldest one. The key decides in any case.
    let alg = alg.unwrap_or_else(|| "HS256".to_owned());
    Ok(Signature { alg, key_id: required(key_id)?, value: required(value)? })
}
