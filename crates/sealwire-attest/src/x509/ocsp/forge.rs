//! Responses that no responder made.

use super::{
    SHA1,
    format::{
        BASIC, BasicResponse, CertId, CertStatus, OcspResponse, ResponderId, ResponseBytes, ResponseData,
        ResponseStatus, RevokedInfo, SingleResponse,
    },
};
use crate::{
    UnixTime,
    x509::{Certificate, forge::Party},
};
use der::{
    Decode as _, Encode as _,
    asn1::{Any, BitString, GeneralizedTime, Null, ObjectIdentifier, OctetString},
};
use rcgen::{CustomExtension, ExtendedKeyUsagePurpose, SigningKey as _};
use sealwire_crypto::digest::{sha1, sha256, sha384, sha512};
use std::time::Duration;
use x509_cert::{serial_number::SerialNumber, spki::AlgorithmIdentifierOwned};

/// A response before it is signed; each part can be changed.
#[derive(Clone)]
pub(crate) struct Forged {
    pub(in crate::x509) status: ResponseStatus,
    pub(in crate::x509) kind: ObjectIdentifier,
    pub(in crate::x509) data: ResponseData,
    pub(in crate::x509) algorithm: ObjectIdentifier,
    pub(crate) certificates: Vec<Vec<u8>>,
}

/// What a response says.
#[derive(Clone, Copy)]
pub(crate) enum Says {
    Good,
    Revoked,
    Unknown,
}

pub(in crate::x509) fn time(at: UnixTime) -> GeneralizedTime {
    GeneralizedTime::from_unix_duration(Duration::from_secs(at.0)).unwrap()
}

fn octets(bytes: &[u8]) -> OctetString {
    OctetString::new(bytes).unwrap()
}

/// How `issuer` is named by the hash `oid`.
pub(in crate::x509) fn id(issuer: &[u8], oid: ObjectIdentifier, serial: u64) -> CertId {
    let issuer = Certificate::from_der(issuer).unwrap();
    let hash = |bytes: &[u8]| match oid {
        SHA1 => sha1(&[bytes]).to_vec(),
        super::SHA256 => sha256(&[bytes]).to_vec(),
        super::SHA384 => sha384(&[bytes]).to_vec(),
        _ => sha512(&[bytes]).to_vec(),
    };
    CertId {
        hash: AlgorithmIdentifierOwned { oid, parameters: Some(Any::null()) },
        issuer_name: octets(&hash(&issuer.subject().to_der().unwrap())),
        issuer_key: octets(&hash(issuer.key_bits())),
        serial: SerialNumber::new(&serial.to_be_bytes()).unwrap(),
    }
}

impl Forged {
    /// On the certificate `serial` of `issuer`, by the responder of the certificate `signer`.
    pub(crate) fn new(
        issuer: &[u8],
        signer: &[u8],
        serial: u64,
        says: Says,
        this_update: UnixTime,
        next_update: Option<UnixTime>,
    ) -> Self {
        let time_of = time(this_update);
        let status = match says {
            Says::Good => CertStatus::Good(Null),
            Says::Revoked => CertStatus::Revoked(RevokedInfo { time: time_of, reason: None }),
            Says::Unknown => CertStatus::Unknown(Null),
        };
        let single = SingleResponse {
            id: id(issuer, SHA1, serial),
            status,
            this_update: time_of,
            next_update: next_update.map(time),
            extensions: None,
        };
        let signer = Certificate::from_der(signer).unwrap();
        Self {
            status: ResponseStatus::Successful,
            kind: BASIC,
            data: ResponseData {
                version: None,
                responder: ResponderId::ByName(signer.subject().clone()),
                produced_at: time_of,
                responses: vec![single],
                extensions: None,
            },
            algorithm: ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3"),
            certificates: Vec::new(),
        }
    }

    pub(crate) fn sign(&self, signer: &Party) -> Vec<u8> {
        let signature = signer.key.sign(&self.data.to_der().unwrap()).unwrap();
        let certificates: Vec<Any> =
            self.certificates.iter().map(|der| Any::from_der(der).unwrap()).collect();
        let basic = BasicResponse {
            data: self.data.clone(),
            algorithm: AlgorithmIdentifierOwned { oid: self.algorithm, parameters: None },
            signature: BitString::from_bytes(&signature).unwrap(),
            certificates: Some(certificates).filter(|list| !list.is_empty()),
        };
        let bytes = ResponseBytes { kind: self.kind, response: octets(&basic.to_der().unwrap()) };
        OcspResponse { status: self.status, bytes: Some(bytes) }.to_der().unwrap()
    }
}

/// A responder's certificate says that it is one, and that nobody need ask for its revocation.
pub(crate) fn responder(name: &str, serial: u64) -> Party {
    let mut party = Party::leaf(name, serial);
    party.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
    party.params.custom_extensions = vec![no_check()];
    party
}

fn no_check() -> CustomExtension {
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 48, 1, 5], vec![5, 0])
}
