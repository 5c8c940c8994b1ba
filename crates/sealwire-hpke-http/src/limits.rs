use crate::{Error, coding, record};
use sealwire_crypto::aead::TAG_LEN;

/// Every limit of the wire, with its defaults. A message that passes one is refused, never cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// a finite body or one block of an event stream, bytes; at most 64 MiB
    pub max_body_len: usize,
    /// a streamed request, clear bytes; at least 1, at most 4 GiB
    pub max_request_bytes: u64,
    /// names and values of all fields, bytes; at most 64 KiB
    pub max_header_bytes: usize,
    /// fields; at most 256
    pub max_header_count: usize,
    /// authority and target together, bytes; at most 8 KiB
    pub max_target_len: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_len: 8 << 20,
            max_request_bytes: 1 << 30,
            max_header_bytes: 16 << 10,
            max_header_count: 64,
            max_target_len: 8 << 10,
        }
    }
}

/// What a field takes besides its name and value: two lengths of at most eight bytes.
const FIELD_OVERHEAD: usize = 16;
/// Room of a START for kind, method and lengths.
const START_ROOM: usize = 256;

impl Limits {
    /// The same limits, if none is above its hard one (HH-35).
    ///
    /// # Errors
    /// [`Error::InvalidConfiguration`]
    pub fn validate(self) -> Result<Self, Error> {
        let allowed = self.max_body_len <= 64 << 20
            && (1..=4 << 30).contains(&self.max_request_bytes)
            && self.max_header_bytes <= 64 << 10
            && self.max_header_count <= 256
            && self.max_target_len <= 8 << 10;
        if allowed { Ok(self) } else { Err(Error::InvalidConfiguration) }
    }

    /// Ciphertext of a request's START, bytes (HH-13).
    pub(crate) fn request_start(&self) -> usize {
        self.fields().saturating_add(self.max_target_len).saturating_add(START_ROOM + TAG_LEN)
    }

    /// Ciphertext of a response's START, bytes (HH-19).
    pub(crate) fn response_start(&self) -> usize {
        self.fields().saturating_add(4 + TAG_LEN)
    }

    /// Ciphertext of a request's later records, bytes (HH-13).
    pub(crate) const fn request_record() -> usize {
        record::DATA_LEN + coding::PREFIX_LEN + TAG_LEN
    }

    /// Ciphertext of a response's later records, bytes (HH-19).
    pub(crate) fn response_record(&self) -> usize {
        self.max_body_len.saturating_add(coding::PREFIX_LEN + TAG_LEN)
    }

    fn fields(&self) -> usize {
        self.max_header_bytes.saturating_add(self.max_header_count.saturating_mul(FIELD_OVERHEAD))
    }
}
