//! Certificates that the enrolment CA issues: of its own root, and of attestation keys (RFC 5280; TCG Trusted Attestation
//! Protocol Information Model for the key purpose).

use super::Error;
use crate::{
    tpm::{EccCurve, PublicKey},
    x509::rsa_public_key,
};
use der::{
    Encode, Sequence,
    asn1::{Any, BitString, OctetString},
    oid::{AssociatedOid, ObjectIdentifier},
};
use sealwire_crypto::{
    digest::sha256,
    random::{self, Random},
    sign::ecdsa_p256::SigningKey,
};
use x509_cert::{
    Version,
    ext::{
        Extension, Extensions,
        pkix::{
            AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
            SubjectKeyIdentifier,
        },
    },
    name::Name,
    serial_number::SerialNumber,
    spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned},
    time::Validity,
};

/// ecdsa-with-SHA256 (RFC 5758)
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
/// id-ecPublicKey and the named curve (RFC 5480)
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// rsaEncryption (RFC 8017)
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// tcg-kp-AIKCertificate
const AIK_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.8.3");

/// RFC 5280 section 4.1. The type of `x509-cert` can only be parsed.
#[derive(Sequence)]
struct TbsCertificate {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: Version,
    serial_number: SerialNumber,
    signature: AlgorithmIdentifierOwned,
    issuer: Name,
    validity: Validity,
    subject: Name,
    subject_public_key_info: SubjectPublicKeyInfoOwned,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Extensions,
}

#[derive(Sequence)]
struct Certificate {
    tbs_certificate: TbsCertificate,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

/// Whom a certificate is for.
pub(super) struct Subject {
    pub(super) name: Name,
    pub(super) key: SubjectPublicKeyInfoOwned,
    pub(super) extensions: Extensions,
}

/// Issues a certificate in DER.
pub(super) fn issue(
    issuer: &Name,
    key: &SigningKey,
    validity: Validity,
    subject: Subject,
    random: &dyn Random,
) -> Result<Vec<u8>, Error> {
    let algorithm = AlgorithmIdentifierOwned { oid: ECDSA_SHA256, parameters: None };
    let tbs_certificate = TbsCertificate {
        version: Version::V3,
        serial_number: serial_number(random)?,
        signature: algorithm.clone(),
        issuer: issuer.clone(),
        validity,
        subject: subject.name,
        subject_public_key_info: subject.key,
        extensions: subject.extensions,
    };
    let signature = key.sign(&tbs_certificate.to_der()?)?;
    let signature = BitString::from_bytes(&signature)?;
    Ok(Certificate { tbs_certificate, signature_algorithm: algorithm, signature }.to_der()?)
}

/// 127 random bits (RFC 5280 section 4.1.2.2: positive, and not to be guessed).
fn serial_number(random: &dyn Random) -> Result<SerialNumber, Error> {
    let mut bytes = random::array::<16>(random)?;
    if let Some(first) = bytes.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    Ok(SerialNumber::new(&bytes)?)
}

/// The CA's own key.
pub(super) fn ca_key(key: &SigningKey) -> Result<SubjectPublicKeyInfoOwned, Error> {
    ec_key(&key.public_key())
}

/// The key of an attestation key.
pub(super) fn attestation_key(key: &PublicKey) -> Result<SubjectPublicKeyInfoOwned, Error> {
    match key {
        PublicKey::Rsa { modulus, exponent } => Ok(SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned { oid: RSA_ENCRYPTION, parameters: Some(Any::null()) },
            subject_public_key: BitString::from_bytes(&rsa_public_key(modulus, *exponent)?)?,
        }),
        PublicKey::Ecc { curve: EccCurve::P256, point } => ec_key(point),
        PublicKey::Ecc { .. } => Err(Error::AkUnfit("is on another curve than P-256")),
    }
}

fn ec_key(point: &[u8]) -> Result<SubjectPublicKeyInfoOwned, Error> {
    let algorithm =
        AlgorithmIdentifierOwned { oid: EC_PUBLIC_KEY, parameters: Some(Any::encode_from(&SECP256R1)?) };
    Ok(SubjectPublicKeyInfoOwned { algorithm, subject_public_key: BitString::from_bytes(point)? })
}

/// A root that certifies attestation keys and no authorities.
pub(super) fn ca_extensions(own: &SubjectPublicKeyInfoOwned) -> Result<Extensions, Error> {
    Ok(vec![
        extension(&BasicConstraints { ca: true, path_len_constraint: Some(0) }, true)?,
        extension(&KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign), true)?,
        extension(&SubjectKeyIdentifier(identifier(own)?), false)?,
    ])
}

/// A key that signs quotes.
pub(super) fn attestation_extensions(
    own: &SubjectPublicKeyInfoOwned,
    issuer: &SubjectPublicKeyInfoOwned,
) -> Result<Extensions, Error> {
    let issuer = AuthorityKeyIdentifier {
        key_identifier: Some(identifier(issuer)?),
        authority_cert_issuer: None,
        authority_cert_serial_number: None,
    };
    Ok(vec![
        extension(&BasicConstraints { ca: false, path_len_constraint: None }, true)?,
        extension(&KeyUsage(KeyUsages::DigitalSignature.into()), true)?,
        extension(&ExtendedKeyUsage(vec![AIK_CERTIFICATE]), false)?,
        extension(&SubjectKeyIdentifier(identifier(own)?), false)?,
        extension(&issuer, false)?,
    ])
}

/// RFC 7093 section 2, method 1: the first 160 bits of the SHA-256 of the key.
fn identifier(key: &SubjectPublicKeyInfoOwned) -> Result<OctetString, Error> {
    let digest = sha256(&[key.subject_public_key.as_bytes().unwrap_or_default()]);
    Ok(OctetString::new(digest.get(..20).unwrap_or_default())?)
}

fn extension<T: AssociatedOid + Encode>(value: &T, critical: bool) -> Result<Extension, Error> {
    Ok(Extension { extn_id: T::OID, critical, extn_value: OctetString::new(value.to_der()?)? })
}
