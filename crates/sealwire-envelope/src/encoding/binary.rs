//! The binary form "AIPB" (EN-29, EN-30, SP-12).

use super::{EncodeError, Error as DecodeError, Options, checked, signed, unsigned};
use crate::{Algorithm, Body, Envelope, Header, Proof, Signature, VERSION};

/// The first four bytes.
pub const MAGIC: &[u8] = b"AIPB";

const FORMAT: u8 = 1;
const RECIPIENT: u8 = 1;
const CAPABILITY: u8 = 2;
const CORRELATION_ID: u8 = 4;
const SIGNATURE: u8 = 8;

const INTENTS: [&str; 6] = ["PING", "PONG", "CAPS", "TASK", "RESULT", "ERROR"];
const SEALED: &str = "ENCRYPTED";

/// Why bytes are no frame of this form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// EN-30
    #[error("Binary envelope exceeds maximum frame size '{0}'")]
    TooLarge(usize),
    /// EN-30
    #[error("Invalid binary envelope magic")]
    Magic,
    /// EN-30
    #[error("Unsupported binary envelope version '{0}'")]
    Format(u8),
    /// EN-30
    #[error("Unsupported protocol version '{0}'")]
    Version(String),
    /// EN-30
    #[error("Unsupported binary signature algorithm '{0}'")]
    Algorithm(u8),
    /// EN-30
    #[error("Trailing bytes found in binary envelope")]
    Trailing,
    /// EN-30
    #[error("Unexpected end of binary envelope")]
    End,
    /// SP-12
    #[error("Undefined flags in binary envelope")]
    Flags,
    /// SP-12
    #[error("Invalid UTF-8 in binary envelope")]
    Utf8,
}

/// Decodes the binary form.
///
/// # Errors
/// [`DecodeError`]
pub fn decode(bytes: &[u8], options: &Options) -> Result<Envelope, DecodeError> {
    let limit = options.limits.envelope;
    if bytes.len() > limit {
        return Err(Error::TooLarge(limit).into());
    }
    let mut rest = Rest(bytes);
    if rest.take(MAGIC.len())? != MAGIC {
        return Err(Error::Magic.into());
    }
    let format = rest.byte()?;
    if format != FORMAT {
        return Err(Error::Format(format).into());
    }
    let flags = rest.byte()?;
    if flags & !(RECIPIENT | CAPABILITY | CORRELATION_ID | SIGNATURE) != 0 {
        return Err(Error::Flags.into());
    }
    let timestamp_ms = signed(u64::from_be_bytes(rest.array()?));
    let ttl_ms = i64::from(u32::from_be_bytes(rest.array()?));
    let version = rest.string()?;
    if version != VERSION {
        return Err(Error::Version(version).into());
    }
    let (message_id, sender, nonce) = (rest.string()?, rest.string()?, rest.string()?);
    let intent = rest.string()?;
    if !(INTENTS.contains(&intent.as_str()) || (options.sealed && intent == SEALED)) {
        return Err(DecodeError::Intent(intent));
    }
    let content = rest.string()?;
    let mut optional = |flag| if flags & flag == 0 { Ok(None) } else { rest.string().map(Some) };
    let (recipient, capability, correlation_id) =
        (optional(RECIPIENT)?, optional(CAPABILITY)?, optional(CORRELATION_ID)?);
    let proof = if flags & SIGNATURE == 0 {
        None
    } else {
        let alg = match rest.byte()? {
            1 => Algorithm::Hs256,
            2 => Algorithm::Ed25519,
            other => return Err(Error::Algorithm(other).into()),
        };
        let (key_id, value) = (rest.string()?, rest.string()?);
        Some(Proof::Signature(Signature { alg: alg.name().to_owned(), key_id, value }))
    };
    if !rest.0.is_empty() {
        return Err(Error::Trailing.into());
    }
    let header = Header { version, message_id, timestamp_ms, ttl_ms, sender, recipient, nonce };
    checked(Envelope { header, body: Body { intent, content, capability, correlation_id }, proof }, options)
}

/// Encodes the binary form.
///
/// # Errors
/// [`EncodeError::Algorithm`] for what is signed otherwise than with Ed25519 or HS256, [`EncodeError::Member`] for a number
/// that has no room, another version or an intent that readers refuse.
pub fn encode(envelope: &Envelope) -> Result<Vec<u8>, EncodeError> {
    let Envelope { header, body, proof } = envelope;
    let intent = body.intent.as_str();
    if header.version != VERSION || !(INTENTS.contains(&intent) || intent == SEALED) {
        return Err(EncodeError::Member);
    }
    let optional = [
        (RECIPIENT, &header.recipient),
        (CAPABILITY, &body.capability),
        (CORRELATION_ID, &body.correlation_id),
    ];
    let mut flags =
        optional.iter().fold(0, |flags, (flag, value)| if value.is_some() { flags | flag } else { flags });
    if proof.is_some() {
        flags |= SIGNATURE;
    }
    let mut out = Vec::with_capacity(320 + body.content.len());
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[FORMAT, flags]);
    out.extend_from_slice(&unsigned(header.timestamp_ms)?.to_be_bytes());
    out.extend_from_slice(&u32::try_from(header.ttl_ms).map_err(|_| EncodeError::Member)?.to_be_bytes());
    for text in
        [&header.version, &header.message_id, &header.sender, &header.nonce, &body.intent, &body.content]
    {
        write_text(text, &mut out)?;
    }
    for text in optional.into_iter().filter_map(|(_, value)| value.as_ref()) {
        write_text(text, &mut out)?;
    }
    match proof {
        None => {}
        Some(Proof::Signature(signature)) => {
            out.push(match Algorithm::from_name(&signature.alg) {
                Some(Algorithm::Hs256) => 1,
                Some(Algorithm::Ed25519) => 2,
                _ => return Err(EncodeError::Algorithm),
            });
            write_text(&signature.key_id, &mut out)?;
            write_text(&signature.value, &mut out)?;
        }
        Some(Proof::Threshold(_)) => return Err(EncodeError::Algorithm),
    }
    Ok(out)
}

fn write_text(text: &str, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let len = u32::try_from(text.len()).map_err(|_| EncodeError::Member)?;
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

/// What is left of a frame. A length is held against it before anything is allocated (SP-12).
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Error::End)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Error::End)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, Error> {
        self.array().map(|[byte]| byte)
    }

    fn string(&mut self) -> Result<String, Error> {
        let len = usize::try_from(u32::from_be_bytes(self.array()?)).map_err(|_| Error::End)?;
        String::from_utf8(self.take(len)?.to_vec()).map_err(|_| Error::Utf8)
    }
}
