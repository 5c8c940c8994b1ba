//! RSASSA-PSS with SHA-384 as AMD's authorities sign: the identifier has to say exactly that.

use der::{Tag, Tagged as _, asn1::Any, oid::ObjectIdentifier};
use sealwire_crypto::sign::rsa_pss_sha384;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

/// rsaEncryption (RFC 8017)
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// id-RSASSA-PSS (RFC 4055)
const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");

/// SHA-384, MGF1 with SHA-384, a salt of 48 bytes (RFC 4055 section 3.1): the parameters, up to the trailer field.
const SHA384_PARAMETERS: [u8; 52] = [
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
pub(super) fn is_pss_sha384(algorithm: &AlgorithmIdentifierOwned) -> bool {
    let parameters = algorithm.parameters.as_ref().filter(|any| any.tag() == Tag::Sequence);
    let trailer = parameters.and_then(|any| any.value().strip_prefix(&SHA384_PARAMETERS));
    algorithm.oid == RSASSA_PSS && trailer.is_some_and(|trailer| trailer.is_empty() || trailer == TRAILER)
}

/// Verifies with the RSA key of `issuer`.
pub(super) fn verify(issuer: &SubjectPublicKeyInfoOwned, message: &[u8], signature: &[u8]) -> bool {
    let parameters_are_null = issuer.algorithm.parameters.as_ref().is_some_and(Any::is_null);
    if issuer.algorithm.oid != RSA_ENCRYPTION || !parameters_are_null {
        return false;
    }
    let Some(key) = issuer.subject_public_key.as_bytes() else { return false };
    rsa_pss_sha384::verify(key, message, signature).is_ok()
}
