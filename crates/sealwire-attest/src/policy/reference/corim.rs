//! CoRIMs (draft-ietf-rats-corim): the reference triples of their CoMIDs.

use super::Entry;
use crate::{
    UnixTime,
    x509::algorithm::{Curve, ec_point},
};
use corim::{
    cbor::DecodeLimits,
    document::{TimeCheck, ValidatedDocument, ValidationContext, validate},
    profile::ProfileRegistry,
    types::{
        common::MeasuredElement,
        measurement::{Digest, IntegrityRegisterId, MeasurementMap, RawValueChoice},
        signed::{CoseAlgorithm, CoseSign1Corim, NumericDate},
        triples::ReferenceTriple,
    },
};
use der::{Decode as _, asn1::ObjectIdentifier};
use sealwire_crypto::sign::{ecdsa, ed25519};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

/// id-Ed25519 (RFC 8410)
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Bounds on what is read: far beyond any manifest of measurements.
fn limits() -> DecodeLimits {
    let mut limits = DecodeLimits::default();
    limits.max_input_bytes = super::MAX_FILE;
    limits.max_depth = 32;
    limits.max_values = 128 * 1024;
    limits.max_collection_items = 16 * 1024;
    limits
}

/// Reads an unsigned CoRIM, or one that `signer` signed (a public key or a certificate, PEM or DER).
pub(super) fn parse(bytes: &[u8], signer: Option<&[u8]>) -> Result<Vec<Entry>, String> {
    let profiles = ProfileRegistry::new();
    // Whether it is good at some time is asked when evidence is judged.
    let context = ValidationContext::new(TimeCheck::Skip, &profiles).with_limits(limits());
    let document = validate(bytes, &context).map_err(|error| format!("not a CoRIM: {error}"))?;
    match (document.envelope(), signer) {
        (Some(envelope), Some(signer)) => verify(envelope, signer)?,
        (None, None) => {}
        (Some(_), None) => {
            return Err("signed: say by whom, with { file = \"…\", signer = \"KEY.pem\" }".to_owned());
        }
        (None, Some(_)) => return Err("not signed, and a signer is named".to_owned()),
    }
    let (from, until) = validity(&document)?;
    let mut entries = Vec::new();
    for comid in &document.payload().comids {
        for triple in comid.triples.reference_triples.iter().flatten() {
            read(triple, &mut entries);
        }
    }
    for entry in &mut entries {
        (entry.from, entry.until) = (from, until);
    }
    Ok(entries)
}

/// COSE_Sign1 (RFC 9052 section 4.4) under exactly this key.
fn verify(envelope: &CoseSign1Corim, signer: &[u8]) -> Result<(), String> {
    let key = key_of(signer).ok_or("the signer is neither a public key nor a certificate")?;
    let message = envelope.to_be_signed(&[]).map_err(|error| error.to_string())?;
    let algorithm = envelope.protected().alg;
    let signature = &envelope.signature;
    let verified = match algorithm {
        CoseAlgorithm::EdDsa | CoseAlgorithm::Ed25519 if key.algorithm.oid == ED25519 => {
            let point = key.subject_public_key.as_bytes().unwrap_or_default();
            ed25519::verify(point, &message, signature)
        }
        CoseAlgorithm::Es256 | CoseAlgorithm::Esp256 => ecdsa_key(&key, Curve::P256)
            .and_then(|point| ecdsa::verify_fixed(ecdsa::Scheme::P256Sha256, point, &message, signature)),
        CoseAlgorithm::Es384 | CoseAlgorithm::Esp384 => ecdsa_key(&key, Curve::P384)
            .and_then(|point| ecdsa::verify_fixed(ecdsa::Scheme::P384Sha384, point, &message, signature)),
        other => return Err(format!("signed with {}, which is not known for this key", other.name())),
    };
    verified.map_err(|_| "the signature does not verify under the signer's key".to_owned())
}

fn ecdsa_key(key: &SubjectPublicKeyInfoOwned, wanted: Curve) -> Result<&[u8], sealwire_crypto::Error> {
    match ec_point(key) {
        Some((curve, point)) if curve == wanted => Ok(point),
        _ => Err(sealwire_crypto::Error::Signature),
    }
}

fn key_of(signer: &[u8]) -> Option<SubjectPublicKeyInfoOwned> {
    let pem = || {
        let (label, der) = der::pem::decode_vec(signer.trim_ascii()).ok()?;
        match label {
            "PUBLIC KEY" => SubjectPublicKeyInfoOwned::from_der(&der).ok(),
            "CERTIFICATE" => key_of_certificate(&der),
            _ => None,
        }
    };
    SubjectPublicKeyInfoOwned::from_der(signer).ok().or_else(|| key_of_certificate(signer)).or_else(pem)
}

fn key_of_certificate(der: &[u8]) -> Option<SubjectPublicKeyInfoOwned> {
    let certificate = x509_cert::Certificate::from_der(der).ok()?;
    Some(certificate.tbs_certificate().subject_public_key_info().clone())
}

/// When the manifest counts: what its author says (rim-validity), within what its signer says (exp, nbf).
fn validity(document: &ValidatedDocument) -> Result<(Option<UnixTime>, Option<UnixTime>), String> {
    let time =
        |seconds: i64| u64::try_from(seconds).map(UnixTime).map_err(|_| "a time before 1970".to_owned());
    let whole = |date: NumericDate| match date {
        NumericDate::Int(seconds) => time(seconds),
        _ => Err("a time that is no whole second".to_owned()),
    };
    let (mut from, mut until) = (None, None);
    if let Some(validity) = &document.payload().corim.rim_validity {
        from = validity.not_before.map(|begin| time(begin.epoch_secs())).transpose()?;
        until = Some(time(validity.not_after.epoch_secs())?);
    }
    if let Some(claims) = document.envelope().and_then(|envelope| envelope.protected().cwt_claims.as_ref()) {
        let begin = claims.nbf.map(whole).transpose()?;
        let end = claims.exp.map(whole).transpose()?;
        from = from.max(begin);
        until = until.into_iter().chain(end).min();
    }
    Ok((from, until))
}

/// The values of a triple. A name is the path of vendor, model and measured element, as Trustee writes it.
fn read(triple: &ReferenceTriple, entries: &mut Vec<Entry>) {
    let class = triple.environment().class.as_ref();
    let path: Vec<&str> = class
        .into_iter()
        .flat_map(|class| [&class.vendor, &class.model])
        .flatten()
        .map(String::as_str)
        .collect();
    for measurement in triple.measurements() {
        let key = key(measurement);
        let name = |last: Option<&str>| {
            path.iter().copied().chain(key.as_deref()).chain(last).collect::<Vec<_>>().join("/")
        };
        let mut add = |name: &str, value: &[u8]| {
            entries.push(Entry { name: name.to_owned(), value: value.to_vec(), from: None, until: None });
        };
        let values = &measurement.mval;
        for digest in values.digests.iter().flatten() {
            add(&name(None), Digest::value(digest));
        }
        // A masked value is no value of a register.
        if let Some(RawValueChoice::Bytes(bytes)) = &values.raw_value {
            add(&name(None), bytes);
        }
        for (id, digests) in values.integrity_registers.iter().flat_map(|registers| &registers.0) {
            let id = match id {
                IntegrityRegisterId::Uint(number) => number.to_string(),
                IntegrityRegisterId::Text(text) => text.clone(),
                _ => continue,
            };
            for digest in digests {
                add(&name(Some(&id)), Digest::value(digest));
            }
        }
    }
}

fn key(measurement: &MeasurementMap) -> Option<String> {
    match &measurement.mkey {
        Some(MeasuredElement::Text(text)) => Some(text.clone()),
        Some(MeasuredElement::Uint(number)) => Some(number.to_string()),
        _ => measurement.mval.name.clone(),
    }
}
