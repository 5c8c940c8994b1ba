//! Signature algorithms of certificates and CRLs: each vendor's chain is held to those that the vendor uses.

use der::{
    Encode as _, Header, Tag, Tagged as _,
    asn1::{Any, ObjectIdentifier, UintRef},
};
use sealwire_crypto::{
    digest::Hash,
    sign::{ecdsa, rsa_pkcs1, rsa_pss_sha384},
};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

/// rsaEncryption (RFC 8017)
pub(super) const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// id-RSASSA-PSS (RFC 4055)
pub(super) const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
/// sha256WithRSAEncryption and its sisters (RFC 4055)
const PKCS1_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const PKCS1_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const PKCS1_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
/// ecdsa-with-SHA256 and its sisters (RFC 5758)
pub(super) const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
/// id-ecPublicKey and the named curves (RFC 5480)
pub(super) const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const SECP521R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

/// A named curve (RFC 5480 section 2.1.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// secp256r1
    P256,
    /// secp384r1
    P384,
    /// secp521r1
    P521,
}

impl Curve {
    pub(super) fn oid(self) -> ObjectIdentifier {
        match self {
            Self::P256 => SECP256R1,
            Self::P384 => SECP384R1,
            Self::P521 => SECP521R1,
        }
    }
}

/// What a certificate or CRL may be signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// RSASSA-PSS with SHA-384 in the one set of parameters that AMD uses
    PssSha384,
    /// RSASSA-PKCS1-v1_5
    Pkcs1(Hash),
    /// ECDSA with SHA-256, on P-256 or P-384
    EcdsaSha256,
    /// ECDSA with SHA-384, on P-256 or P-384
    EcdsaSha384,
    /// ECDSA with SHA-512 on P-521
    EcdsaSha512,
}

impl Algorithm {
    /// The algorithm that an identifier names, if it is one of these in exactly this form.
    pub(crate) fn named(identifier: &AlgorithmIdentifierOwned) -> Option<Self> {
        let absent = identifier.parameters.is_none();
        // RFC 4055 section 5: NULL parameters, there or not.
        let null = identifier.parameters.as_ref().is_none_or(Any::is_null);
        match identifier.oid {
            RSASSA_PSS if is_pss_sha384(identifier) => Some(Self::PssSha384),
            PKCS1_SHA256 if null => Some(Self::Pkcs1(Hash::Sha256)),
            PKCS1_SHA384 if null => Some(Self::Pkcs1(Hash::Sha384)),
            PKCS1_SHA512 if null => Some(Self::Pkcs1(Hash::Sha512)),
            ECDSA_SHA256 if absent => Some(Self::EcdsaSha256),
            ECDSA_SHA384 if absent => Some(Self::EcdsaSha384),
            ECDSA_SHA512 if absent => Some(Self::EcdsaSha512),
            _ => None,
        }
    }

    /// Whether the key of `issuer` made `signature` over `message`.
    pub(crate) fn verifies(
        self,
        issuer: &SubjectPublicKeyInfoOwned,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        use ecdsa::Scheme;
        let scheme = match self {
            Self::PssSha384 => {
                return rsa_key(issuer)
                    .is_some_and(|key| rsa_pss_sha384::verify(key, message, signature).is_ok());
            }
            Self::Pkcs1(hash) => {
                return rsa_key(issuer)
                    .is_some_and(|key| rsa_pkcs1::verify(hash, key, message, signature).is_ok());
            }
            Self::EcdsaSha256 => [(Curve::P256, Scheme::P256Sha256), (Curve::P384, Scheme::P384Sha256)],
            Self::EcdsaSha384 => [(Curve::P384, Scheme::P384Sha384), (Curve::P256, Scheme::P256Sha384)],
            Self::EcdsaSha512 => [(Curve::P521, Scheme::P521Sha512), (Curve::P521, Scheme::P521Sha512)],
        };
        let Some((curve, point)) = ec_point(issuer) else { return false };
        let scheme = scheme.into_iter().find(|(of, _)| *of == curve);
        scheme.is_some_and(|(_, scheme)| ecdsa::verify_der(scheme, point, message, signature).is_ok())
    }
}

/// The curve and the point of an EC key on a named curve.
pub(crate) fn ec_point(info: &SubjectPublicKeyInfoOwned) -> Option<(Curve, &[u8])> {
    if info.algorithm.oid != EC_PUBLIC_KEY {
        return None;
    }
    let curve = match info.algorithm.parameters.as_ref()?.decode_as::<ObjectIdentifier>().ok()? {
        SECP256R1 => Curve::P256,
        SECP384R1 => Curve::P384,
        SECP521R1 => Curve::P521,
        _ => return None,
    };
    Some((curve, info.subject_public_key.as_bytes()?))
}

/// The RSAPublicKey in DER of an RSA key.
pub(crate) fn rsa_key(info: &SubjectPublicKeyInfoOwned) -> Option<&[u8]> {
    let parameters_are_null = info.algorithm.parameters.as_ref().is_some_and(Any::is_null);
    (info.algorithm.oid == RSA_ENCRYPTION && parameters_are_null).then_some(())?;
    info.subject_public_key.as_bytes()
}

/// RSAPublicKey (RFC 8017 appendix A.1.1) in DER.
pub(crate) fn rsa_public_key(modulus: &[u8], exponent: u32) -> Result<Vec<u8>, der::Error> {
    let modulus = UintRef::new(modulus)?;
    let exponent = exponent.to_be_bytes();
    let exponent = UintRef::new(&exponent)?;
    let mut out = Vec::new();
    let len = (modulus.encoded_len()? + exponent.encoded_len()?)?;
    Header::new(Tag::Sequence, len).encode_to_vec(&mut out)?;
    modulus.encode_to_vec(&mut out)?;
    exponent.encode_to_vec(&mut out)?;
    Ok(out)
}

/// SHA-384, MGF1 with SHA-384, a salt of 48 bytes (RFC 4055 section 3.1): the parameters, up to the trailer field.
pub(super) const SHA384_PARAMETERS: [u8; 52] = [
    0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05,
    0x00, // hash
    0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, // MGF1
    0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05,
    0x00, // with SHA-384
    0xa2, 0x03, 0x02, 0x01, 0x30, // salt length 48
];
/// `trailerField [3] 1`: the default, which DER leaves out and most of AMD's certificates write all the same.
const TRAILER: [u8; 5] = [0xa3, 0x03, 0x02, 0x01, 0x01];

/// Whether `algorithm` is RSASSA-PSS with the one set of parameters, in one of the two encodings that AMD writes.
/// Comparing bytes leaves no room for a second reading of them.
fn is_pss_sha384(algorithm: &AlgorithmIdentifierOwned) -> bool {
    let parameters = algorithm.parameters.as_ref().filter(|any| any.tag() == Tag::Sequence);
    let trailer = parameters.and_then(|any| any.value().strip_prefix(&SHA384_PARAMETERS));
    trailer.is_some_and(|trailer| trailer.is_empty() || trailer == TRAILER)
}
