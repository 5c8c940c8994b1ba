//! Content, whose type is part of it (TU-29): what was text stays text.

use crate::cbor::{Value, Writer};
use bytes::Bytes;
use std::str;

/// Bytes that are UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text(Bytes);

impl Text {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Its bytes.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl TryFrom<Bytes> for Text {
    type Error = str::Utf8Error;

    fn try_from(bytes: Bytes) -> Result<Self, Self::Error> {
        str::from_utf8(&bytes)?;
        Ok(Self(bytes))
    }
}

/// What a body or a frame holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// a text string
    Text(Text),
    /// a byte string
    Bytes(Bytes),
}

impl Content {
    /// Its bytes, whatever its type.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    /// How many bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.0.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was read from `message`, as a slice of it.
    pub(super) fn of(value: Value<'_>, message: &Bytes) -> Option<Self> {
        match value {
            Value::Text(text) => Some(Self::Text(Text(message.slice_ref(text.as_bytes())))),
            Value::Bytes(bytes) => Some(Self::Bytes(message.slice_ref(bytes))),
            Value::Absent => None,
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        match self {
            Self::Text(text) => writer.utf8(&text.0),
            Self::Bytes(bytes) => writer.bytes(bytes),
        }
    }
}
