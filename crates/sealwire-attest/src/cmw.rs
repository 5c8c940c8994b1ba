//! Conceptual message wrappers (RFC 9999, AT-01), CBOR form.
//!
//! A record is `[type, value, indicator]`: the media type of the evidence, its bytes, and the bit that says
//! "evidence". The media types are this project's own. Composite evidence is a collection of the record `lead` and the
//! collection `companions`, records by label.

use crate::{
    Evidence, Kind, cbor,
    composite::{MAX_COMPANIONS, MAX_LABEL, Presented},
};
use minicbor::Encoder;
use std::collections::BTreeMap;

/// Longest record that [`decode`] reads, in bytes.
pub const MAX_LEN: usize = 256 * 1024;

/// The indicator of evidence: bit 2 of `cm-type` (RFC 9999).
const EVIDENCE: u64 = 1 << 2;
const MAX_TYPE: usize = 128;
/// The labels of composite evidence.
const LEAD: &str = "lead";
const COMPANIONS: &str = "companions";

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
    /// AT-01: a collection other than `lead` and one or more `companions` by label
    #[error("a CMW collection that is no composite evidence")]
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
        Kind::Tdx => "application/vnd.sealwire.tdx-quote",
        Kind::Sgx => "application/vnd.sealwire.sgx-quote",
        Kind::Snp => "application/vnd.sealwire.snp-report",
        Kind::Nitro => "application/vnd.sealwire.nitro-document",
        Kind::Tpm => "application/vnd.sealwire.tpm-quote",
        Kind::AzureSnp => "application/vnd.sealwire.azure-snp",
        Kind::AzureTdx => "application/vnd.sealwire.azure-tdx",
        Kind::Nvidia => "application/vnd.sealwire.nvidia-measurements",
        Kind::Development => "application/vnd.sealwire.development-report",
    }
}

/// Wraps evidence: one piece as a record, composite evidence as a collection of `lead` and `companions`.
#[must_use]
pub fn encode(presented: &Presented) -> Vec<u8> {
    cbor::encode(|e| {
        if presented.companions.is_empty() {
            return write_record(e, &presented.lead);
        }
        e.map(2)?.str(LEAD)?;
        write_record(e, &presented.lead)?;
        e.str(COMPANIONS)?;
        write_collection(e, &presented.companions)
    })
}

/// A collection of records by label.
pub(crate) fn encode_collection(records: &BTreeMap<String, Evidence>) -> Vec<u8> {
    cbor::encode(|e| write_collection(e, records))
}

fn write_record(e: &mut Encoder<Vec<u8>>, evidence: &Evidence) -> cbor::Written {
    e.array(3)?.str(media_type(evidence.kind))?.bytes(&evidence.bytes)?.u64(EVIDENCE)?.ok()
}

fn write_collection(e: &mut Encoder<Vec<u8>>, records: &BTreeMap<String, Evidence>) -> cbor::Written {
    let mut sorted: Vec<_> = records.iter().collect();
    // RFC 8949 section 4.2.1: by the bytes of the encoded key, so shorter ones first.
    sorted.sort_by_key(|(label, _)| (label.len(), label.as_str()));
    e.map(cbor::len(&sorted))?;
    sorted.into_iter().try_for_each(|(label, evidence)| {
        e.str(label)?;
        write_record(e, evidence)
    })
}

/// Unwraps. Unknown kinds and trailing bytes are errors.
///
/// # Errors
/// AT-01, AT-08
pub fn decode(bytes: &[u8]) -> Result<Presented, crate::Error> {
    Ok(presented(bytes)?)
}

fn presented(bytes: &[u8]) -> Result<Presented, Error> {
    if bytes.len() > MAX_LEN {
        return Err(Error::TooLong);
    }
    let mut reader = cbor::Reader::new(bytes);
    // Major type 5: a collection is a map.
    let is_collection = bytes.first().is_some_and(|first| first >> 5 == 5);
    let presented = if is_collection {
        if reader.map(2)? != 2 || reader.text(MAX_TYPE)? != LEAD {
            return Err(Error::Collection);
        }
        let lead = read_record(&mut reader)?;
        if reader.text(MAX_TYPE)? != COMPANIONS {
            return Err(Error::Collection);
        }
        Presented { lead, companions: read_collection(&mut reader)? }
    } else {
        read_record(&mut reader)?.into()
    };
    reader.finish()?;
    Ok(presented)
}

fn read_record(reader: &mut cbor::Reader<'_>) -> Result<Evidence, Error> {
    if reader.array(3)? != 3 {
        return Err(Error::Malformed);
    }
    let name = reader.text(MAX_TYPE)?;
    let value = reader.bytes(MAX_LEN)?;
    if reader.uint()? != EVIDENCE {
        return Err(Error::NotEvidence);
    }
    let kind = Kind::ALL.into_iter().find(|kind| media_type(*kind) == name);
    Ok(Evidence { kind: kind.ok_or(Error::UnknownKind)?, bytes: value.to_vec() })
}

fn read_collection(reader: &mut cbor::Reader<'_>) -> Result<BTreeMap<String, Evidence>, Error> {
    let count = reader.map(MAX_COMPANIONS as u64)?;
    // No companions are a record, not an empty collection: one value, one encoding.
    if count == 0 {
        return Err(Error::Collection);
    }
    let mut records = BTreeMap::new();
    let mut last = (0, "");
    for _ in 0..count {
        let label = reader.text(MAX_LABEL)?;
        let is_label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if label.is_empty() || !label.bytes().all(is_label) || (label.len(), label) <= last {
            return Err(Error::Collection);
        }
        last = (label.len(), label);
        records.insert(label.to_owned(), read_record(reader)?);
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Evidence {
        Evidence { kind: Kind::Snp, bytes: vec![7; 1184] }
    }

    #[test]
    fn round_trips() {
        for kind in Kind::ALL {
            let alone = Presented::from(Evidence { kind, ..sample() });
            assert_eq!(decode(&encode(&alone)), Ok(alone));
        }
    }

    // AT-01
    #[test]
    fn unknown_kinds_are_errors() {
        let other =
            cbor::encode(|e| e.array(3)?.str("application/eat+cwt")?.bytes(b"x")?.u64(EVIDENCE)?.ok());
        assert_eq!(presented(&other), Err(Error::UnknownKind));
        let endorsement = cbor::encode(|e| e.array(3)?.str(media_type(Kind::Snp))?.bytes(b"x")?.u64(2)?.ok());
        assert_eq!(presented(&endorsement), Err(Error::NotEvidence));
        let collection = cbor::encode(|e| e.map(1)?.str("cpu")?.bytes(&encode(&sample().into()))?.ok());
        assert_eq!(presented(&collection), Err(Error::Collection));
    }

    // AT-08
    #[test]
    fn other_bytes_are_errors() {
        let bytes = encode(&sample().into());
        for cut in 0..bytes.len() {
            assert_eq!(presented(&bytes[..cut]), Err(Error::Malformed));
        }
        assert_eq!(presented(&[&bytes[..], &[0]].concat()), Err(Error::Trailing));
        assert_eq!(presented(&vec![0; MAX_LEN + 1]), Err(Error::TooLong));
        let two = cbor::encode(|e| e.array(2)?.str(media_type(Kind::Snp))?.bytes(b"x")?.ok());
        assert_eq!(presented(&two), Err(Error::Malformed));
    }
}
