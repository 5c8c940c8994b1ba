//! The CBOR form (EN-31, SP-11): maps with small integers for names, in the one deterministic encoding of RFC 8949.

use minicbor::{Decoder, Encoder};

use super::{EncodeError, Error, Options, checked, signed, unsigned, within};
use crate::{Body, Envelope, Header, Proof, Signature};

/// The media type.
pub const MEDIA_TYPE: &str = "application/7h3-cbor";

/// Decodes the CBOR form.
///
/// # Errors
/// [`Error`]
pub fn decode(bytes: &[u8], options: &Options) -> Result<Envelope, Error> {
    within(bytes, options.limits.envelope)?;
    let envelope = read(&mut Decoder::new(bytes)).ok_or(Error::Cbor)?;
    // One encoding for each value, and nothing behind it: whatever else there was, it is not what we would write (SP-11).
    if encode(&envelope).map_err(|_| Error::Cbor)? != bytes {
        return Err(Error::Cbor);
    }
    checked(envelope, options)
}

/// Encodes the CBOR form.
///
/// # Errors
/// [`EncodeError::Algorithm`], since it has no place for what m of n signed; [`EncodeError::Member`] for negative numbers.
pub fn encode(envelope: &Envelope) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::with_capacity(256 + envelope.body.content.len());
    let signature = match &envelope.proof {
        None => None,
        Some(Proof::Signature(signature)) => Some(signature),
        Some(Proof::Threshold(_)) => return Err(EncodeError::Algorithm),
    };
    let timestamp = unsigned(envelope.header.timestamp_ms)?;
    let ttl = unsigned(envelope.header.ttl_ms)?;
    // Writing into memory does not fail.
    write(envelope, signature, (timestamp, ttl), &mut out).map_err(|_| EncodeError::Member)?;
    Ok(out)
}

fn write(
    Envelope { header, body, .. }: &Envelope,
    signature: Option<&Signature>,
    (timestamp, ttl): (u64, u64),
    out: &mut Vec<u8>,
) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
    let mut e = Encoder::new(out);
    e.map(2 + u64::from(signature.is_some()))?;
    e.u8(1)?.map(6 + u64::from(header.recipient.is_some()))?;
    e.u8(1)?.str(&header.version)?;
    e.u8(2)?.str(&header.message_id)?;
    e.u8(3)?.u64(timestamp)?;
    e.u8(4)?.u64(ttl)?;
    e.u8(5)?.str(&header.sender)?;
    if let Some(recipient) = &header.recipient {
        e.u8(6)?.str(recipient)?;
    }
    e.u8(7)?.str(&header.nonce)?;
    e.u8(2)?;
    e.map(2 + u64::from(body.capability.is_some()) + u64::from(body.correlation_id.is_some()))?;
    e.u8(1)?.str(&body.intent)?;
    e.u8(2)?.str(&body.content)?;
    if let Some(capability) = &body.capability {
        e.u8(3)?.str(capability)?;
    }
    if let Some(correlation_id) = &body.correlation_id {
        e.u8(4)?.str(correlation_id)?;
    }
    if let Some(signature) = signature {
        e.u8(3)?.map(3)?;
        e.u8(1)?.str(&signature.alg)?;
        e.u8(2)?.str(&signature.key_id)?;
        e.u8(3)?.str(&signature.value)?;
    }
    Ok(())
}

/// Reads the values. Order, lengths and duplicates are left to the comparison that follows; loops end with the bytes.
fn read(d: &mut Decoder<'_>) -> Option<Envelope> {
    let (mut header, mut body, mut signature) = (None, None, None);
    for _ in 0..entries(d, 3)? {
        match d.u64().ok()? {
            1 => header = Some(read_header(d)?),
            2 => body = Some(read_body(d)?),
            3 => signature = Some(read_signature(d)?),
            _ => return None,
        }
    }
    Some(Envelope { header: header?, body: body?, proof: signature.map(Proof::Signature) })
}

fn read_header(d: &mut Decoder<'_>) -> Option<Header> {
    let (mut version, mut message_id, mut sender, mut recipient, mut nonce) = (None, None, None, None, None);
    let (mut timestamp, mut ttl) = (None, None);
    for _ in 0..entries(d, 7)? {
        match d.u64().ok()? {
            1 => version = Some(text(d)?),
            2 => message_id = Some(text(d)?),
            3 => timestamp = Some(d.u64().ok()?),
            4 => ttl = Some(d.u64().ok()?),
            5 => sender = Some(text(d)?),
            6 => recipient = Some(text(d)?),
            7 => nonce = Some(text(d)?),
            _ => return None,
        }
    }
    Some(Header {
        version: version?,
        message_id: message_id?,
        timestamp_ms: signed(timestamp?),
        ttl_ms: signed(ttl?),
        sender: sender?,
        recipient,
        nonce: nonce?,
    })
}

fn read_body(d: &mut Decoder<'_>) -> Option<Body> {
    let (mut intent, mut content, mut capability, mut correlation_id) = (None, None, None, None);
    for _ in 0..entries(d, 4)? {
        match d.u64().ok()? {
            1 => intent = Some(text(d)?),
            2 => content = Some(text(d)?),
            3 => capability = Some(text(d)?),
            4 => correlation_id = Some(text(d)?),
            _ => return None,
        }
    }
    Some(Body { intent: intent?, content: content?, capability, correlation_id })
}

fn read_signature(d: &mut Decoder<'_>) -> Option<Signature> {
    let (mut alg, mut key_id, mut value) = (None, None, None);
    for _ in 0..entries(d, 3)? {
        match d.u64().ok()? {
            1 => alg = Some(text(d)?),
            2 => key_id = Some(text(d)?),
            3 => value = Some(text(d)?),
            _ => return None,
        }
    }
    Some(Signature { alg: alg?, key_id: key_id?, value: value? })
}

/// How many entries a map has, of at most `most`.
fn entries(d: &mut Decoder<'_>, most: u64) -> Option<u64> {
    d.map().ok()?.filter(|entries| *entries <= most)
}

fn text(d: &mut Decoder<'_>) -> Option<String> {
    d.str().ok().map(str::to_owned)
}
