//! Issuing certificates (RFC 5280), for authorities of our own: the enrolment CA, and the development root in the place of
//! a vendor's. Which key, name and extensions a subject gets is the caller's; how they are put together and signed is here.

pub use super::algorithm::Curve;
use super::algorithm::{self, EC_PUBLIC_KEY, ECDSA_SHA256, RSA_ENCRYPTION, RSASSA_PSS};
use der::{
    Encode, Sequence, Tag,
    asn1::{Any, BitString, OctetString},
    oid::AssociatedOid,
};
use sealwire_crypto::sign::{ecdsa_p256, rsa_pss_sha384};
use x509_cert::{
    Version,
    ext::{
        Extension, Extensions,
        pkix::{BasicConstraints, KeyUsage, KeyUsages},
    },
    name::Name,
    serial_number::SerialNumber,
    spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned},
    time::Validity,
};

/// Why a certificate could not be issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// a part of it cannot be encoded
    #[error("certificate: {0}")]
    Encoding(#[from] der::Error),
    /// a primitive failed
    #[error(transparent)]
    Crypto(#[from] sealwire_crypto::Error),
}

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
pub struct Subject {
    /// positive, and unique under its issuer (RFC 5280 section 4.1.2.2)
    pub serial: SerialNumber,
    /// its name
    pub name: Name,
    /// the key that is certified
    pub key: SubjectPublicKeyInfoOwned,
    /// what it may be used for
    pub extensions: Extensions,
}

/// The key of an issuer, which says what is signed with.
#[derive(Clone, Copy)]
pub enum IssuerKey<'a> {
    /// ECDSA with SHA-256
    EcdsaP256(&'a ecdsa_p256::SigningKey),
    /// RSASSA-PSS with SHA-384 and a salt of 48 bytes, as AMD signs
    RsaPss(&'a rsa_pss_sha384::SigningKey),
}

impl IssuerKey<'_> {
    /// What names the algorithm in a certificate or CRL.
    ///
    /// # Errors
    /// [`Error::Encoding`]
    pub fn algorithm(self) -> Result<AlgorithmIdentifierOwned, Error> {
        let (oid, parameters) = match self {
            Self::EcdsaP256(_) => (ECDSA_SHA256, None),
            // DER leaves out the trailer field, which is the default.
            Self::RsaPss(_) => {
                (RSASSA_PSS, Some(Any::new(Tag::Sequence, algorithm::SHA384_PARAMETERS.as_slice())?))
            }
        };
        Ok(AlgorithmIdentifierOwned { oid, parameters })
    }

    /// The signature over the part of a certificate or CRL that is signed.
    ///
    /// # Errors
    /// [`Error::Encoding`], [`Error::Crypto`]
    pub fn sign<T: Encode>(self, signed: &T) -> Result<BitString, Error> {
        let signed = signed.to_der()?;
        let signature = match self {
            Self::EcdsaP256(key) => key.sign(&signed)?,
            Self::RsaPss(key) => key.sign(&signed)?,
        };
        Ok(BitString::from_bytes(&signature)?)
    }
}

/// Issues a certificate, in DER.
///
/// # Errors
/// [`Error::Encoding`], [`Error::Crypto`]
pub fn issue(
    issuer: &Name,
    key: IssuerKey<'_>,
    validity: Validity,
    subject: Subject,
) -> Result<Vec<u8>, Error> {
    let signature_algorithm = key.algorithm()?;
    let tbs_certificate = TbsCertificate {
        version: Version::V3,
        serial_number: subject.serial,
        signature: signature_algorithm.clone(),
        issuer: issuer.clone(),
        validity,
        subject: subject.name,
        subject_public_key_info: subject.key,
        extensions: subject.extensions,
    };
    let signature = key.sign(&tbs_certificate)?;
    Ok(Certificate { tbs_certificate, signature_algorithm, signature }.to_der()?)
}

/// An RSA key, of its RSAPublicKey in DER (RFC 8017 appendix A.1.1).
///
/// # Errors
/// [`Error::Encoding`]
pub fn rsa_key(public_key: &[u8]) -> Result<SubjectPublicKeyInfoOwned, Error> {
    let algorithm = AlgorithmIdentifierOwned { oid: RSA_ENCRYPTION, parameters: Some(Any::null()) };
    Ok(SubjectPublicKeyInfoOwned { algorithm, subject_public_key: BitString::from_bytes(public_key)? })
}

/// An EC key, of its uncompressed point (RFC 5480 section 2.2).
///
/// # Errors
/// [`Error::Encoding`]
pub fn ec_key(curve: Curve, point: &[u8]) -> Result<SubjectPublicKeyInfoOwned, Error> {
    let parameters = Some(Any::encode_from(&curve.oid())?);
    let algorithm = AlgorithmIdentifierOwned { oid: EC_PUBLIC_KEY, parameters };
    Ok(SubjectPublicKeyInfoOwned { algorithm, subject_public_key: BitString::from_bytes(point)? })
}

/// What makes a certificate one of an authority, which has `below` authorities under it at most and signs CRLs.
///
/// # Errors
/// [`Error::Encoding`]
pub fn authority_extensions(below: u8) -> Result<Extensions, Error> {
    Ok(vec![
        extension(&BasicConstraints { ca: true, path_len_constraint: Some(below) }, true)?,
        extension(&KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign), true)?,
    ])
}

/// An extension of a type that knows its identifier.
///
/// # Errors
/// [`Error::Encoding`]
pub fn extension<T: AssociatedOid + Encode>(value: &T, critical: bool) -> Result<Extension, Error> {
    Ok(Extension { extn_id: T::OID, critical, extn_value: OctetString::new(value.to_der()?)? })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::x509::{self, Algorithm};
    use der::asn1::GeneralizedTime;
    use std::{str::FromStr as _, time::Duration};

    // AT-07, AT-62: what is issued says what it was asked to, and the reader of chains takes both signatures.
    #[test]
    fn what_is_issued_verifies() {
        let (ec, rsa) =
            (ecdsa_p256::SigningKey::generate().unwrap(), rsa_pss_sha384::SigningKey::generate().unwrap());
        let ec_key = ec_key(Curve::P256, &ec.public_key()).unwrap();
        let rsa_key = rsa_key(&rsa.public_key()).unwrap();
        let at = |seconds| GeneralizedTime::from_unix_duration(Duration::from_secs(seconds)).unwrap();
        let issuer = Name::from_str("CN=issuer").unwrap();
        for (key, own, algorithm) in [
            (IssuerKey::EcdsaP256(&ec), &ec_key, Algorithm::EcdsaSha256),
            (IssuerKey::RsaPss(&rsa), &rsa_key, Algorithm::PssSha384),
        ] {
            assert_eq!(Algorithm::named(&key.algorithm().unwrap()), Some(algorithm));
            let subject = Subject {
                serial: SerialNumber::new(&[7]).unwrap(),
                name: Name::from_str("CN=subject").unwrap(),
                key: ec_key.clone(),
                extensions: authority_extensions(0).unwrap(),
            };
            let validity = Validity::new(at(1_000).to_date_time().into(), at(2_000).to_date_time().into());
            let der = issue(&issuer, key, validity, subject).unwrap();
            let certificate = x509::Certificate::from_der(&der).unwrap();
            assert_eq!((certificate.common_name().as_str(), certificate.issuer()), ("subject", &issuer));
            assert_eq!(certificate.ec_key(), Some((Curve::P256, &ec.public_key()[..])));
            let signed = x509::signed_bytes(&der).unwrap();
            let signature = <x509_cert::Certificate as der::Decode>::from_der(&der).unwrap();
            let signature = signature.signature().as_bytes().unwrap();
            assert!(algorithm.verifies(own, signed, signature));
        }
    }
}
