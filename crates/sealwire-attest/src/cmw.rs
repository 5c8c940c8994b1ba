//! Conceptual message wrappers (RFC 9999, AT-01), CBOR form.
//!
//! A record is `[type, value, indicator]`: the media type of the evidence, its bytes, and the bit that says
//! "evidence". The media types are this project's own.

use crate::{Evidence, Kind, cbor};

/// Longest record that [`decode`] reads, in bytes.
pub const MAX_LEN: usize = 256 * 1024;

/// The indicator of evidence: bit 2 of `cm-type` (RFC 9999).
const EVIDENCE: u64 = 1 << 2;
const MAX_TYPE: usize = 128;

/// Why bytes are not a wrapper that this code reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// AT-08: cut short, another form than a record, or not deterministic CBOR
    #[error("not a CMW record in deterministic CBOR")]
    Malformed,
    /// AT-08
    #[error("the CMW record is too long")]
    TooLong,
    /// AT-08
    #[error("bytes after the CMW record")]
    Trailing,
    /// AT-01: composite evidence; no kind that needs a collection is known
    #[error("a CMW collection, and no composite evidence is known")]
    Collection,
    /// AT-01
    #[error("evidence of an unknown kind")]
    UnknownKind,
    /// AT-01: endorsements, results or reference values where evidence is expected
    #[error("a CMW record that is not evidence")]
    NotEvidence,
}

impl From<cbor::Error> for Error {
    fn from(error: cbor::Error) -> Self {
        match error {
            cbor::Error::Bounds => Self::TooLong,
            cbor::Error::Trailing => Self::Trailing,
            _ => Self::Malformed,
        }
    }
}

/// The media type of evidence of a kind.
#[must_use]
pub fn media_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Snp => "application/vnd.sealwire.snp-report",
        Kind::Development => "application/vnd.sealwire.development-report",
    }
}

/// Wraps one piece of evidence as a CMW record.
#[must_use]
pub fn encode(evidence: &Evidence) -> Vec<u8> {
    cbor::encode(|e| e.array(3)?.str(media_type(evidence.kind))?.bytes(&evidence.bytes)?.u64(EVIDENCE)?.ok())
}

/// Unwraps a record. Unknown kinds and trailing bytes are errors.
///
/// # Errors
/// AT-01, AT-08
pub fn decode(bytes: &[u8]) -> Result<Evidence, crate::Error> {
    Ok(record(bytes)?)
}

fn record(bytes: &[u8]) -> Result<Evidence, Error> {
    if bytes.len() > MAX_LEN {
        return Err(Error::TooLong);
    }
    // Major type 5: a collection is a map.
    if bytes.first().is_some_and(|first| first >> 5 == 5) {
        return Err(Error::Collection);
    }
    let mut reader = cbor::Reader::new(bytes);
    if reader.array(3)? != 3 {
        return Err(Error::Malformed);
    }
    let name = reader.text(MAX_TYPE)?;
    let value = reader.bytes(MAX_LEN)?;
    let indicator = reader.uint()?;
    reader.finish()?;
    if indicator != EVIDENCE {
        return Err(Error::NotEvidence);
    }
    let kind = [Kind::Snp, Kind::Development].into_iter().find(|kind| media_type(*kind) == name);
    Ok(Evidence { kind: kind.ok_or(Error::UnknownKind)?, bytes: value.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Evidence {
        Evidence { kind: Kind::Snp, bytes: vec![7; 1184] }
    }

    #[test]
    fn round_trips() {
        for kind in [Kind::Snp, Kind::Development] {
            let evidence = Evidence { kind, ..sample() };
            assert_eq!(decode(&encode(&evidence)), Ok(evidence));
        }
    }

    // AT-01
    #[test]
    fn unknown_kinds_are_errors() {
        let other =
            cbor::encode(|e| e.array(3)?.str("application/eat+cwt")?.bytes(b"x")?.u64(EVIDENCE)?.ok());
        assert_eq!(record(&other), Err(Error::UnknownKind));
        let endorsement = cbor::encode(|e| e.array(3)?.str(media_type(Kind::Snp))?.bytes(b"x")?.u64(2)?.ok());
        assert_eq!(record(&endorsement), Err(Error::NotEvidence));
        let collection = cbor::encode(|e| e.map(1)?.str("cpu")?.bytes(&encode(&sample()))?.ok());
        assert_eq!(record(&collection), Err(Error::Collection));
    }

    // AT-08
    #[test]
    fn other_bytes_are_errors() {
        let bytes = encode(&sample());
        for cut in 0..bytes.len() {
            assert_eq!(record(&bytes[..cut]), Err(Error::Malformed));
        }
        assert_eq!(record(&[&bytes[..], &[0]].concat()), Err(Error::Trailing));
        assert_eq!(record(&vec![0; MAX_LEN + 1]), Err(Error::TooLong));
        let two = cbor::encode(|e| e.array(2)?.str(media_type(Kind::Snp))?.bytes(b"x")?.ok());
        assert_eq!(record(&two), Err(Error::Malformed));
    }
}
