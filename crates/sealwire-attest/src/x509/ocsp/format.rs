//! The structures of an OCSP response (RFC 6960 section 4.2.1 and appendix B.1).

use der::{
    Choice, Enumerated, Sequence,
    asn1::{Any, BitString, GeneralizedTime, Null, ObjectIdentifier, OctetString},
};
use x509_cert::{ext::Extension, name::Name, serial_number::SerialNumber, spki::AlgorithmIdentifierOwned};

/// id-pkix-ocsp-basic, the one type of response that there is
pub(super) const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
/// id-pkix-ocsp-nonce
pub(super) const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");

#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumerated)]
#[repr(u8)]
pub(in crate::x509) enum ResponseStatus {
    Successful = 0,
    MalformedRequest = 1,
    InternalError = 2,
    TryLater = 3,
    SigRequired = 5,
    Unauthorized = 6,
}

#[derive(Debug, Clone, Sequence)]
pub(in crate::x509) struct OcspResponse {
    pub(in crate::x509) status: ResponseStatus,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(in crate::x509) bytes: Option<ResponseBytes>,
}

#[derive(Debug, Clone, Sequence)]
pub(in crate::x509) struct ResponseBytes {
    pub(in crate::x509) kind: ObjectIdentifier,
    pub(in crate::x509) response: OctetString,
}

#[derive(Debug, Clone, Sequence)]
pub(in crate::x509) struct BasicResponse {
    pub(in crate::x509) data: ResponseData,
    pub(in crate::x509) algorithm: AlgorithmIdentifierOwned,
    pub(in crate::x509) signature: BitString,
    /// kept as they are, because what a certificate is known by is its exact bytes
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(in crate::x509) certificates: Option<Vec<Any>>,
}

#[derive(Debug, Clone, Sequence)]
pub(in crate::x509) struct ResponseData {
    /// v1 is the default, which DER leaves out, and there is no other
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(in crate::x509) version: Option<u8>,
    pub(in crate::x509) responder: ResponderId,
    pub(in crate::x509) produced_at: GeneralizedTime,
    pub(in crate::x509) responses: Vec<SingleResponse>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub(in crate::x509) extensions: Option<Vec<Extension>>,
}

#[derive(Debug, Clone, Choice)]
pub(in crate::x509) enum ResponderId {
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", constructed = "true")]
    ByName(Name),
    /// SHA-1 of the key
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", constructed = "true")]
    ByKey(OctetString),
}

#[derive(Debug, Clone, Sequence)]
pub(in crate::x509) struct SingleResponse {
    pub(in crate::x509) id: CertId,
    pub(in crate::x509) status: CertStatus,
    pub(in crate::x509) this_update: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(in crate::x509) next_update: Option<GeneralizedTime>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub(in crate::x509) extensions: Option<Vec<Extension>>,
}

#[derive(Debug, Clone, Sequence)]
pub(in crate::x509) struct CertId {
    pub(in crate::x509) hash: AlgorithmIdentifierOwned,
    pub(in crate::x509) issuer_name: OctetString,
    pub(in crate::x509) issuer_key: OctetString,
    pub(in crate::x509) serial: SerialNumber,
}

#[derive(Debug, Clone, Choice)]
pub(in crate::x509) enum CertStatus {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    Good(Null),
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    Revoked(RevokedInfo),
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT")]
    Unknown(Null),
}

#[derive(Debug, Clone, Sequence)]
pub(in crate::x509) struct RevokedInfo {
    pub(in crate::x509) time: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(in crate::x509) reason: Option<Any>,
}
