//! The encodings of an envelope: JSON, compact JSON, a batch of either, binary and CBOR. What is signed is the same in
//! all of them (EN-26): it is rebuilt from the values.

pub mod batch;
pub mod binary;
pub mod cbor;
pub mod compact;
pub mod json;

use crate::{Envelope, Limits, Reason, ShapeError, identifier::Charset, json::Error as JsonError};

/// Why bytes are no envelope. Displays as readers of the wire say it, where they have words for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// SP-09: longer than this many bytes.
    #[error("Envelope exceeds maximum size '{0}'")]
    TooLarge(usize),
    /// EN-33: none of the forms begins like this.
    #[error("Envelope encoding is not recognized")]
    UnknownEncoding,
    /// SP-03: not the JSON of SP-03.
    #[error("Invalid JSON envelope")]
    Json(#[source] JsonError),
    /// EN-01, EN-27, SP-04, SP-05: JSON, but with other members or kinds of values.
    #[error("Envelope JSON shape is not recognized")]
    JsonShape(#[source] JsonError),
    /// SP-04 to SP-07: a member has a form that no careful reader takes.
    #[error("Envelope has a malformed member")]
    Shape(#[from] ShapeError),
    /// SP-12: a sealed message where none is taken.
    #[error("Unsupported intent '{0}'")]
    Intent(String),
    /// EN-30, SP-12
    #[error(transparent)]
    Binary(#[from] binary::Error),
    /// SP-11
    #[error("Invalid CBOR envelope")]
    Cbor,
    /// EN-28
    #[error("Batch payload must be a JSON array")]
    NotABatch,
    /// EN-28
    #[error("Invalid JSON batch payload")]
    Batch(#[source] JsonError),
    /// SP-09: more than this many items.
    #[error("Batch exceeds maximum of '{0}' items")]
    TooManyItems(usize),
}

impl From<JsonError> for Error {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::WrongKind
            | JsonError::Integer
            | JsonError::UnknownMember
            | JsonError::MissingMember => Self::JsonShape(error),
            _ => Self::Json(error),
        }
    }
}

impl From<Error> for Reason {
    fn from(_: Error) -> Self {
        Self::MalformedEnvelope
    }
}

/// What an encoding cannot carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// EN-30, EN-68: the proof, or its algorithm, has no code.
    #[error("this encoding has no code for the signature's algorithm")]
    Algorithm,
    /// A member that the encoding has no room for, or that its readers refuse (EN-30).
    #[error("this encoding cannot carry a member of the envelope")]
    Member,
}

/// What a decoder takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// sizes
    pub limits: Limits,
    /// which names (SP-06)
    pub names: Charset,
    /// whether sealed messages are taken in binary form (SP-12)
    pub sealed: bool,
}

/// The forms of one message, told apart by the first bytes (EN-33).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// JSON or compact JSON
    Text,
    /// several in a JSON array
    Batch,
    /// binary
    Binary,
    /// CBOR
    Cbor,
}

/// The form of `bytes` (EN-33).
///
/// # Errors
/// [`Error::UnknownEncoding`]
pub fn detect(bytes: &[u8]) -> Result<Form, Error> {
    match bytes {
        _ if bytes.starts_with(binary::MAGIC) => Ok(Form::Binary),
        [0xa0..=0xbf, ..] => Ok(Form::Cbor),
        _ => match bytes.trim_ascii_start() {
            [b'{', ..] => Ok(Form::Text),
            [b'[', ..] => Ok(Form::Batch),
            _ => Err(Error::UnknownEncoding),
        },
    }
}

/// Decodes one envelope in whatever form it comes; a batch is none.
///
/// # Errors
/// [`Error`]
pub fn decode(bytes: &[u8], options: &Options) -> Result<Envelope, Error> {
    match detect(bytes)? {
        Form::Text => compact::decode_either(bytes, options),
        Form::Binary => binary::decode(bytes, options),
        Form::Cbor => cbor::decode(bytes, options),
        Form::Batch => Err(Error::JsonShape(JsonError::WrongKind)),
    }
}

/// What every decoder checks at the end.
fn checked(envelope: Envelope, options: &Options) -> Result<Envelope, Error> {
    envelope.check_shape(options.names)?;
    Ok(envelope)
}

fn within(bytes: &[u8], limit: usize) -> Result<(), Error> {
    if bytes.len() > limit { Err(Error::TooLarge(limit)) } else { Ok(()) }
}

/// A number that [`Envelope::check_shape`] then holds against SP-05.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number for an encoding without signs.
fn unsigned(number: i64) -> Result<u64, EncodeError> {
    u64::try_from(number).map_err(|_| EncodeError::Member)
}
