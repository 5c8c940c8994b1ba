//! Fields of requests and answers (SE-34): Strings and Byte Sequences of RFC 9651.

use crate::{Error, SESSION_ID_LEN, SessionId};
use base64::{Engine, engine::general_purpose::STANDARD};

/// `Attest-Base-ID`: a String of 64 hexadecimal digits. They begin with the instance's id, so that a load balancer can
/// route by a prefix (SE-44).
#[must_use]
pub fn base_id(session: &SessionId) -> String {
    format!("\"{}\"", hex::encode(session))
}

/// Reads `Attest-Base-ID`.
///
/// # Errors
/// [`Error::Field`]
pub fn parse_base_id(value: &[u8]) -> Result<SessionId, Error> {
    let digits = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).ok_or(Error::Field)?;
    let is_plain = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if digits.len() != 2 * SESSION_ID_LEN || !digits.iter().all(is_plain) {
        return Err(Error::Field);
    }
    let mut id = [0; SESSION_ID_LEN];
    hex::decode_to_slice(digits, &mut id).map_err(|_| Error::Field)?;
    Ok(id)
}

/// `Attest-Ticket`: what a request is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// chosen by the client, once in a session
    pub number: u64,
    /// fresh
    pub random: [u8; 32],
    /// over both, the session and what is listed
    pub mac: [u8; 32],
}

impl Ticket {
    /// `number || random || mac`
    pub(crate) fn bytes(&self) -> [u8; 72] {
        let mut out = [0; 72];
        let parts = self.number.to_be_bytes().into_iter().chain(self.random).chain(self.mac);
        out.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        out
    }

    /// The field's value.
    #[must_use]
    pub fn to_field(&self) -> String {
        to_field(&self.bytes())
    }

    /// Reads the field's value.
    ///
    /// # Errors
    /// [`Error::Field`]
    pub fn from_field(value: &[u8]) -> Result<Self, Error> {
        let bytes = from_field::<72>(value)?;
        let (number, rest) = bytes.split_first_chunk::<8>().ok_or(Error::Field)?;
        let (random, mac) = rest.split_first_chunk::<32>().ok_or(Error::Field)?;
        let mac = mac.try_into().map_err(|_| Error::Field)?;
        Ok(Self { number: u64::from_be_bytes(*number), random: *random, mac })
    }
}

/// `Attest-Binder`: what binds an answer to its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binder {
    /// fresh
    pub random: [u8; 32],
    /// over the request's ticket
    pub mac: [u8; 32],
}

impl Binder {
    /// The field's value.
    #[must_use]
    pub fn to_field(&self) -> String {
        let mut bytes = [0; 64];
        bytes.iter_mut().zip(self.random.into_iter().chain(self.mac)).for_each(|(to, from)| *to = from);
        to_field(&bytes)
    }

    /// Reads the field's value.
    ///
    /// # Errors
    /// [`Error::Field`]
    pub fn from_field(value: &[u8]) -> Result<Self, Error> {
        let bytes = from_field::<64>(value)?;
        let (random, mac) = bytes.split_first_chunk::<32>().ok_or(Error::Field)?;
        Ok(Self { random: *random, mac: mac.try_into().map_err(|_| Error::Field)? })
    }
}

pub(crate) fn to_field(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(100);
    out.push(':');
    STANDARD.encode_string(bytes, &mut out);
    out.push(':');
    out
}

/// A Byte Sequence of exactly `N` bytes, without parameters, in the one form that its encoder writes.
pub(crate) fn from_field<const N: usize>(value: &[u8]) -> Result<[u8; N], Error> {
    let text = value.strip_prefix(b":").and_then(|rest| rest.strip_suffix(b":")).ok_or(Error::Field)?;
    let mut out = [0; N];
    // The decoder wants room for whole groups; what is longer is refused before it is decoded.
    if text.len() != N.div_ceil(3).saturating_mul(4) {
        return Err(Error::Field);
    }
    let decoded = STANDARD.decode(text).map_err(|_| Error::Field)?;
    if decoded.len() != N {
        return Err(Error::Field);
    }
    out.copy_from_slice(&decoded);
    Ok(out)
}
