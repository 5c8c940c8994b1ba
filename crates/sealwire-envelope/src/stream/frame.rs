use super::{Error, MAX_FRAME, Mode};

/// Frame flags, as they are chained (SP-53).
pub(super) const FINAL: u8 = 1;
pub(super) const BINARY: u8 = 2;

/// The data of one frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// whole characters
    Text(String),
    /// bytes
    Binary(Vec<u8>),
}

impl Data {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// An empty piece of the same kind.
    pub(super) fn empty_like(&self) -> Self {
        match self {
            Self::Text(_) => Self::Text(String::new()),
            Self::Binary(_) => Self::Binary(Vec::new()),
        }
    }

    pub(super) fn check_len(&self) -> Result<(), Error> {
        if self.as_bytes().len() <= MAX_FRAME { Ok(()) } else { Err(Error::Limit) }
    }
}

/// What covers all frames up to its own (SP-53).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// mode `sig`: Ed25519 with the key of the stream
    Signature([u8; 64]),
    /// mode `mac`: HMAC-SHA256 with a key that the two ends share
    Mac([u8; 32]),
}

impl Tag {
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Signature(bytes) => bytes,
            Self::Mac(bytes) => bytes,
        }
    }

    /// From bytes of the length that the mode has.
    pub(super) fn from_bytes(mode: Mode, bytes: &[u8]) -> Result<Self, Error> {
        match mode {
            Mode::Sig => bytes.try_into().map(Self::Signature),
            Mode::Mac => bytes.try_into().map(Self::Mac),
        }
        .map_err(|_| Error::Malformed)
    }
}

/// One frame (SP-54, SP-55).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// the how manyth, from 0
    pub index: u64,
    /// what it carries; may be empty
    pub data: Data,
    /// whether it is the last
    pub is_final: bool,
    /// covers it and all before
    pub tag: Option<Tag>,
    /// in the final frame of mode `mac`: what shows third parties whose stream it was
    pub signature: Option<[u8; 64]>,
}

impl Frame {
    /// The flags that are chained: `f` of SP-53.
    pub(super) fn flags(&self) -> u8 {
        let binary = if matches!(self.data, Data::Binary(_)) { BINARY } else { 0 };
        let last = if self.is_final { FINAL } else { 0 };
        binary | last
    }
}
