//! CoRIMs (draft-ietf-rats-corim): the reference triples of their CoMIDs, as values by name.

use super::Entry;
use crate::{
    corim::{Corim, Key, Reference, Signed, decode},
    x509::algorithm::{Curve, ec_point},
};
use corim::types::CoseAlgorithm;
use der::{Decode as _, asn1::ObjectIdentifier};
use sealwire_crypto::sign::{ecdsa, ed25519};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

/// id-Ed25519 (RFC 8410)
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// The most values of CBOR in a file: far beyond any manifest of measurements.
const MAX_CBOR_VALUES: usize = 128 * 1024;

/// Reads an unsigned CoRIM, or one that `signer` signed (a public key or a certificate, PEM or DER).
pub(super) fn parse(bytes: &[u8], signer: Option<&[u8]>) -> Result<Vec<Entry>, String> {
    let document = decode(bytes, super::MAX_FILE, MAX_CBOR_VALUES);
    let document = document.map_err(|error| format!("not a CoRIM: {error}"))?;
    let corim = Corim::of(document).map_err(|error| error.to_string())?;
    match (corim.signed(), signer) {
        (Some(signed), Some(signer)) => verify(signed, signer)?,
        (None, None) => {}
        (Some(_), None) => {
            return Err("signed: say by whom, with { file = \"…\", signer = \"KEY.pem\" }".to_owned());
        }
        (None, Some(_)) => return Err("not signed, and a signer is named".to_owned()),
    }
    // Whether it is good at some time is asked when evidence is judged.
    let (from, until) = (corim.not_before, corim.not_after);
    let values = corim.references.iter().flat_map(values);
    Ok(values.map(|(name, value)| Entry { name, value: value.to_vec(), from, until }).collect())
}

/// COSE_Sign1 (RFC 9052 section 4.4) under exactly this key.
fn verify(signed: &Signed, signer: &[u8]) -> Result<(), String> {
    let key = key_of(signer).ok_or("the signer is neither a public key nor a certificate")?;
    let Signed { algorithm, message, signature, .. } = signed;
    let verified = match algorithm {
        CoseAlgorithm::EdDsa | CoseAlgorithm::Ed25519 if key.algorithm.oid == ED25519 => {
            let point = key.subject_public_key.as_bytes().unwrap_or_default();
            ed25519::verify(point, message, signature)
        }
        CoseAlgorithm::Es256 | CoseAlgorithm::Esp256 => ecdsa_key(&key, Curve::P256)
            .and_then(|point| ecdsa::verify_fixed(ecdsa::Scheme::P256Sha256, point, message, signature)),
        CoseAlgorithm::Es384 | CoseAlgorithm::Esp384 => ecdsa_key(&key, Curve::P384)
            .and_then(|point| ecdsa::verify_fixed(ecdsa::Scheme::P384Sha384, point, message, signature)),
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

/// The values of a reference. A name is the path of vendor, model and measured element, as Trustee writes it.
fn values(reference: &Reference) -> Vec<(String, &[u8])> {
    let key = match &reference.key {
        Some(Key::Name(name)) => Some(name.clone()),
        Some(Key::Index(index)) => Some(index.to_string()),
        Some(Key::Id(_)) | None => reference.name.clone(),
    };
    let path = [&reference.vendor, &reference.model, &key].into_iter().flatten();
    let path: Vec<&str> = path.map(String::as_str).collect();
    let digests = reference.digests.iter().map(|digest| &digest.value);
    let alone = digests.chain(&reference.raw_value).map(|value| (path.join("/"), value.as_slice()));
    let registers = reference.registers.iter().flat_map(|(id, digests)| {
        let name = [path.as_slice(), &[id]].concat().join("/");
        digests.iter().map(move |digest| (name.clone(), digest.value.as_slice()))
    });
    alone.chain(registers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corim::Digest;

    // AT-22
    #[test]
    fn names_are_paths() {
        let digest = |byte| Digest { algorithm: None, value: vec![byte] };
        let mut reference = Reference {
            vendor: Some("AMD".to_owned()),
            model: Some("SEV-SNP".to_owned()),
            key: Some(Key::Index(7)),
            name: Some("a name".to_owned()),
            digests: vec![digest(1), digest(2)],
            raw_value: Some(vec![3]),
            registers: vec![("0".to_owned(), vec![digest(4), digest(5)])],
        };
        let expected: [(&str, u8); 5] = [("", 1), ("", 2), ("", 3), ("/0", 4), ("/0", 5)];
        for (key, last) in [
            (Some(Key::Index(7)), "7"),
            (Some(Key::Name("key".to_owned())), "key"),
            (Some(Key::Id("00ff".to_owned())), "a name"),
            (None, "a name"),
        ] {
            reference.key = key;
            let expected = expected.map(|(more, value)| (format!("AMD/SEV-SNP/{last}{more}"), vec![value]));
            let found: Vec<_> = values(&reference).into_iter().map(|(n, v)| (n, v.to_vec())).collect();
            assert_eq!(found, expected);
        }
        let alone = Reference { vendor: None, model: None, key: None, name: None, ..reference };
        let names: Vec<_> = values(&alone).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["", "", "", "0", "0"]);
    }
}
