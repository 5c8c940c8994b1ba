//! X.509 certificates as AMD makes them (57230): RSA authorities that sign with RSASSA-PSS, and a P-384 leaf whose
//! extensions say which chip and firmware level it stands for.

use super::report::Tcb;
use crate::Error;
use der::{
    Decode as _, Encode as _, Sequence,
    asn1::{Any, BitString, Ia5StringRef, OctetString},
    oid::{AssociatedOid, ObjectIdentifier},
};
use sealwire_crypto::sign::{ecdsa_p384, rsa_pss_sha384};
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

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

const STRUCTURE_VERSION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.1");
const PRODUCT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.2");
const BOOTLOADER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.1");
const TEE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.2");
const SNP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.3");
const SPL_4: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.4");
const SPL_5: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.5");
const SPL_6: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.6");
const SPL_7: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.7");
const MICROCODE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.8");
const HARDWARE_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.4");

/// RSASSA-PSS-params (RFC 4055 section 3.1): SHA-384, MGF1 with SHA-384, a salt of 48 bytes.
const PSS_SHA384: &[u8] = &[
    0x30, 0x34, // SEQUENCE
    0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00,
    0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, // MGF1
    0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05,
    0x00, // its hash
    0xa2, 0x03, 0x02, 0x01, 0x30, // salt
];

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

/// Who a certificate is for.
pub(super) struct Subject {
    pub(super) serial: u32,
    pub(super) name: Name,
    pub(super) key: SubjectPublicKeyInfoOwned,
    pub(super) extensions: Extensions,
}

/// Issues a certificate in DER.
pub(super) fn issue(
    issuer: &Name,
    key: &rsa_pss_sha384::SigningKey,
    validity: Validity,
    subject: Subject,
) -> Result<Vec<u8>, Error> {
    let tbs_certificate = TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&subject.serial.to_be_bytes())?,
        signature: pss_sha384()?,
        issuer: issuer.clone(),
        validity,
        subject: subject.name,
        subject_public_key_info: subject.key,
        extensions: subject.extensions,
    };
    let signature = BitString::from_bytes(&key.sign(&tbs_certificate.to_der()?)?)?;
    Ok(Certificate { tbs_certificate, signature_algorithm: pss_sha384()?, signature }.to_der()?)
}

/// The algorithm of every signature on a certificate or CRL.
pub(super) fn pss_sha384() -> Result<AlgorithmIdentifierOwned, Error> {
    Ok(AlgorithmIdentifierOwned { oid: RSASSA_PSS, parameters: Some(Any::from_der(PSS_SHA384)?) })
}

/// The public key of an authority.
pub(super) fn rsa_key(key: &rsa_pss_sha384::SigningKey) -> Result<SubjectPublicKeyInfoOwned, Error> {
    let algorithm = AlgorithmIdentifierOwned { oid: RSA_ENCRYPTION, parameters: Some(Any::null()) };
    Ok(SubjectPublicKeyInfoOwned { algorithm, subject_public_key: BitString::from_bytes(&key.public_key())? })
}

/// The public key of a leaf.
pub(super) fn p384_key(key: &ecdsa_p384::SigningKey) -> Result<SubjectPublicKeyInfoOwned, Error> {
    let algorithm =
        AlgorithmIdentifierOwned { oid: EC_PUBLIC_KEY, parameters: Some(Any::encode_from(&SECP384R1)?) };
    Ok(SubjectPublicKeyInfoOwned { algorithm, subject_public_key: BitString::from_bytes(&key.public_key())? })
}

/// What makes a certificate one of an authority that has `below` authorities under it at most.
pub(super) fn authority_extensions(below: u8) -> Result<Extensions, Error> {
    let constraints = BasicConstraints { ca: true, path_len_constraint: Some(below) };
    let usage = KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign);
    Ok(vec![critical(&constraints)?, critical(&usage)?])
}

/// What a VCEK's certificate says of its chip and firmware (57230, table 8).
pub(super) fn leaf_extensions(product: &str, chip_id: &[u8; 64], tcb: Tcb) -> Result<Extensions, Error> {
    Ok(vec![
        extension(STRUCTURE_VERSION, 0u8.to_der()?)?,
        extension(PRODUCT_NAME, Ia5StringRef::new(product)?.to_der()?)?,
        extension(BOOTLOADER, tcb.bootloader.to_der()?)?,
        extension(TEE, tcb.tee.to_der()?)?,
        extension(SPL_4, 0u8.to_der()?)?,
        extension(SPL_5, 0u8.to_der()?)?,
        extension(SPL_6, 0u8.to_der()?)?,
        extension(SPL_7, 0u8.to_der()?)?,
        extension(SNP, tcb.snp.to_der()?)?,
        extension(MICROCODE, tcb.microcode.to_der()?)?,
        // Alone among them not DER inside, but the bytes of the id.
        extension(HARDWARE_ID, chip_id.to_vec())?,
    ])
}

fn extension(extn_id: ObjectIdentifier, value: Vec<u8>) -> Result<Extension, Error> {
    Ok(Extension { extn_id, critical: false, extn_value: OctetString::new(value)? })
}

fn critical<T: AssociatedOid + der::Encode>(value: &T) -> Result<Extension, Error> {
    Ok(Extension { extn_id: T::OID, critical: true, extn_value: OctetString::new(value.to_der()?)? })
}
