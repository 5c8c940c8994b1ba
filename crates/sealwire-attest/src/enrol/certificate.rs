//! Certificates that the enrolment CA issues: of its own root, and of attestation keys (RFC 5280; TCG Trusted Attestation
//! Protocol Information Model for the key purpose).

use super::Error;
use crate::{
    tpm::{EccCurve, PublicKey},
    x509::{
        issue::{Curve, authority_extensions, ec_key, extension, rsa_key},
        rsa_public_key,
    },
};
use der::{asn1::OctetString, oid::ObjectIdentifier};
use sealwire_crypto::{
    digest::sha256,
    random::{self, Random},
    sign::ecdsa_p256::SigningKey,
};
use x509_cert::{
    ext::{
        Extensions,
        pkix::{
            AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
            SubjectKeyIdentifier,
        },
    },
    serial_number::SerialNumber,
    spki::SubjectPublicKeyInfoOwned,
};

/// tcg-kp-AIKCertificate
const AIK_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.8.3");

/// 127 random bits (RFC 5280 section 4.1.2.2: positive, and not to be guessed).
pub(super) fn serial_number(random: &dyn Random) -> Result<SerialNumber, Error> {
    let mut bytes = random::array::<16>(random)?;
    if let Some(first) = bytes.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    Ok(SerialNumber::new(&bytes)?)
}

/// The CA's own key.
pub(super) fn ca_key(key: &SigningKey) -> Result<SubjectPublicKeyInfoOwned, Error> {
    Ok(ec_key(Curve::P256, &key.public_key())?)
}

/// The key of an attestation key.
pub(super) fn attestation_key(key: &PublicKey) -> Result<SubjectPublicKeyInfoOwned, Error> {
    match key {
        PublicKey::Rsa { modulus, exponent } => Ok(rsa_key(&rsa_public_key(modulus, *exponent)?)?),
        PublicKey::Ecc { curve: EccCurve::P256, point } => Ok(ec_key(Curve::P256, point)?),
        PublicKey::Ecc { .. } => Err(Error::AkUnfit("is on another curve than P-256")),
    }
}

/// A root that certifies attestation keys and no authorities.
pub(super) fn ca_extensions(own: &SubjectPublicKeyInfoOwned) -> Result<Extensions, Error> {
    let mut extensions = authority_extensions(0)?;
    extensions.push(extension(&SubjectKeyIdentifier(identifier(own)?), false)?);
    Ok(extensions)
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
