//! Reference integrity manifests: CoRIM (draft-ietf-rats-corim-11), signed or not.
//!
//! [`Corim::parse`] reads one, in the forms that the draft and the TCG have and that vendors serve: `#6.501`, a signed one
//! (`#6.18`), either in the older wrapping (`#6.500`, `#6.502`). What it then says is in its fields. Nothing about it is
//! verified until the chain of its signer is, which is done for those that come as endorsements; a manifest that a
//! policy's author imports is as good as the author.

mod signature;

pub(crate) use signature::{Signed, Signer};

use crate::{Error, UnixTime, endorsements::MAX_REFERENCE};
use ::corim::{
    cbor::DecodeLimits,
    document::{TimeCheck, ValidatedDocument, ValidationContext, validate},
    error::ValidationError,
    profile::ProfileRegistry,
    types::{
        CborTime, ComidTag, CorimId, CoseSign1Corim, Digest as CorimDigest, DigestAlg, EnvironmentMap,
        MeasuredElement, MeasurementMap, NumericDate, TagIdChoice, ValidityMap,
        corim::CorimMap,
        measurement::{IntegrityRegisterId, RawValueChoice},
    },
};

/// The most values of CBOR in a manifest that comes as an endorsement, for a bound on memory.
const MAX_VALUES: usize = 8192;
/// The deepest nesting in a manifest.
const MAX_DEPTH: usize = 32;
/// The most items of one list or map.
const MAX_ITEMS: usize = 16 * 1024;

/// SHA-384 among the digest algorithms of manifests (IANA Named Information Hash Algorithm Registry).
pub const SHA384: i64 = 7;

/// A manifest that parsed; nothing about it is verified.
#[derive(Debug, Clone, PartialEq)]
pub struct Corim {
    /// its name: text, or a UUID in hex
    pub id: String,
    /// the names of the tags (CoMID) in it
    pub tags: Vec<String>,
    /// the values that it gives, in its order
    pub references: Vec<Reference>,
    /// from when it holds; all of what it and its signature say of that is in force together
    pub not_before: Option<UnixTime>,
    /// until when it holds
    pub not_after: Option<UnixTime>,
    signed: Option<Signed>,
}

/// One reference value (draft-ietf-rats-corim-11 section 5.1.4.1.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// who makes the environment that it is for
    pub vendor: Option<String>,
    /// which one it is
    pub model: Option<String>,
    /// which of its measurements
    pub key: Option<Key>,
    /// what else its author calls the measurement
    pub name: Option<String>,
    /// any of these digests is right
    pub digests: Vec<Digest>,
    /// the value itself
    pub raw_value: Option<Vec<u8>>,
    /// registers that are measured into one after the other, by number or name; any of the digests of each is right
    pub registers: Vec<(String, Vec<Digest>)>,
}

/// The name of a measurement within its environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// by number, for example a register or an SPDM index
    Index(u64),
    /// by name
    Name(String),
    /// by UUID or object identifier, in hex
    Id(String),
}

/// A digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// its number in the IANA Named Information Hash Algorithm Registry, for example [`SHA384`]; none where it has a name only
    pub algorithm: Option<i64>,
    /// its value
    pub value: Vec<u8>,
}

/// Whether bytes look like a manifest, signed or not: CBOR under one of its tags.
#[must_use]
pub fn looks_like(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xd2, 0x84]) || matches!(bytes, [0xd9, 0x01, 0xf4..=0xf6, ..])
}

impl Corim {
    /// Parses a manifest; trailing bytes are an error.
    ///
    /// # Errors
    /// AT-08: [`Error::MalformedEndorsement`], also where it holds what cannot be examined.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_REFERENCE {
            return Err(Error::MalformedEndorsement("a reference manifest that is too long"));
        }
        let document = decode(bytes, MAX_REFERENCE, MAX_VALUES)
            .map_err(|_| Error::MalformedEndorsement("a reference manifest that is not CoRIM"))?;
        if !document.coverage().unexamined_tags().is_empty() {
            return Err(Error::MalformedEndorsement("a reference manifest with tags that are not known"));
        }
        Self::of(document)
    }

    /// What a manifest says; tags that are not known are passed over.
    pub(crate) fn of(document: ValidatedDocument) -> Result<Self, Error> {
        let (payload, envelope, _) = document.into_parts();
        let header = envelope.as_ref().map(CoseSign1Corim::protected);
        let meta = header.and_then(|header| header.corim_meta.as_ref());
        let validities =
            [&payload.corim.rim_validity, &meta.and_then(|meta| meta.signature_validity.clone())];
        let mut windows: Vec<Window> = validities.into_iter().flatten().map(of_validity).collect();
        if let Some(claims) = header.and_then(|header| header.cwt_claims.as_ref()) {
            windows.push((claims.nbf.map(of_date).transpose()?, claims.exp.map(of_date).transpose()?));
        }
        let (not_before, not_after) = intersection(windows)?;
        Ok(Self {
            id: id(&payload.corim),
            tags: payload.comids.iter().map(tag_id).collect(),
            references: payload.comids.iter().flat_map(references).collect(),
            not_before,
            not_after,
            signed: envelope.map(|envelope| Signed::new(&envelope)).transpose()?,
        })
    }

    /// Whether somebody signed it. Who, and whether the signature is good, is not looked at here.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.signed.is_some()
    }

    /// What somebody signed.
    pub(crate) fn signed(&self) -> Option<&Signed> {
        self.signed.as_ref()
    }

    /// Whether it, or one of its tags, has this name.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        self.id == name || self.tags.iter().any(|tag| tag == name)
    }

    /// AT-05: whether it speaks for the time `at`, both ends included.
    ///
    /// # Errors
    /// [`Error::ReferenceNotYetValid`], [`Error::ReferenceExpired`]
    pub fn check_time(&self, at: UnixTime) -> Result<(), Error> {
        let what = "reference manifest";
        match (self.not_before, self.not_after) {
            (Some(from), _) if at < from => Err(Error::ReferenceNotYetValid { what, from }),
            (_, Some(until)) if at > until => Err(Error::ReferenceExpired { what, until }),
            _ => Ok(()),
        }
    }
}

/// Decodes a manifest of at most so many bytes and values of CBOR.
pub(crate) fn decode(
    bytes: &[u8],
    max_bytes: usize,
    max_values: usize,
) -> Result<ValidatedDocument, ValidationError> {
    let mut limits = DecodeLimits::default();
    limits.max_input_bytes = max_bytes;
    limits.max_depth = MAX_DEPTH;
    limits.max_values = max_values;
    limits.max_collection_items = MAX_ITEMS;
    // Its times are compared by whoever uses it, with an error of their own.
    let registry = ProfileRegistry::new();
    validate(bytes, &ValidationContext::new(TimeCheck::Skip, &registry).with_limits(limits))
}

/// From when and until when, in seconds since 1970.
type Window = (Option<i64>, Option<i64>);

fn of_validity(validity: &ValidityMap) -> Window {
    (validity.not_before.map(CborTime::epoch_secs), Some(validity.not_after.epoch_secs()))
}

fn of_date(date: NumericDate) -> Result<i64, Error> {
    match date {
        NumericDate::Int(seconds) => Ok(seconds),
        _ => Err(Error::MalformedEndorsement("a reference manifest with a time that is not in seconds")),
    }
}

/// What several windows have in common.
fn intersection(windows: Vec<Window>) -> Result<(Option<UnixTime>, Option<UnixTime>), Error> {
    let time = |seconds: Option<i64>| match seconds.map(u64::try_from) {
        None => Ok(None),
        Some(Ok(seconds)) => Ok(Some(UnixTime(seconds))),
        Some(Err(_)) => Err(Error::MalformedEndorsement("a reference manifest from before 1970")),
    };
    let (mut not_before, mut not_after) = (None, None);
    for (from, until) in windows {
        // None is below every time.
        not_before = not_before.max(time(from)?);
        not_after = [not_after, time(until)?].into_iter().flatten().min();
    }
    Ok((not_before, not_after))
}

fn id(corim: &CorimMap) -> String {
    match &corim.id {
        CorimId::Text(text) => text.clone(),
        CorimId::Uuid(uuid) => hex::encode(uuid),
        _ => String::new(),
    }
}

fn tag_id(comid: &ComidTag) -> String {
    match &comid.tag_identity.tag_id {
        TagIdChoice::Text(text) => text.clone(),
        TagIdChoice::Uuid(uuid) => hex::encode(uuid),
        _ => String::new(),
    }
}

fn references(comid: &ComidTag) -> Vec<Reference> {
    let triples = comid.triples.reference_triples.iter().flatten();
    triples
        .flat_map(|triple| {
            triple.measurements().iter().map(|measurement| reference(triple.environment(), measurement))
        })
        .collect()
}

fn reference(environment: &EnvironmentMap, measurement: &MeasurementMap) -> Reference {
    let class = environment.class.as_ref();
    let values = &measurement.mval;
    let registers = values.integrity_registers.iter().flat_map(|registers| &registers.0);
    Reference {
        vendor: class.and_then(|class| class.vendor.clone()),
        model: class.and_then(|class| class.model.clone()),
        key: measurement.mkey.as_ref().and_then(|key| match key {
            MeasuredElement::Uint(index) => Some(Key::Index(*index)),
            MeasuredElement::Text(name) => Some(Key::Name(name.clone())),
            MeasuredElement::Oid(oid) => Some(Key::Id(hex::encode(oid))),
            MeasuredElement::Uuid(uuid) => Some(Key::Id(hex::encode(uuid))),
            _ => None,
        }),
        name: values.name.clone(),
        digests: values.digests.iter().flatten().map(digest).collect(),
        // A masked value is no value of a register.
        raw_value: match &values.raw_value {
            Some(RawValueChoice::Bytes(bytes)) => Some(bytes.clone()),
            _ => None,
        },
        registers: registers.filter_map(|(id, digests)| register(id, digests)).collect(),
    }
}

fn register(id: &IntegrityRegisterId, digests: &[CorimDigest]) -> Option<(String, Vec<Digest>)> {
    let id = match id {
        IntegrityRegisterId::Uint(number) => number.to_string(),
        IntegrityRegisterId::Text(text) => text.clone(),
        _ => return None,
    };
    Some((id, digests.iter().map(digest).collect()))
}

fn digest(digest: &CorimDigest) -> Digest {
    let algorithm = match digest.alg() {
        DigestAlg::Text(name) if name == "sha-384" => Some(SHA384),
        other => other.as_int(),
    };
    Digest { algorithm, value: digest.value().to_vec() }
}
