//! Chains on P-384 that never existed, for the tests of kinds whose vendors sign with ECDSA.

use crate::UnixTime;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint,
    CrlIssuingDistributionPoint, DnType, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P384_SHA384, RevokedCertParams, SerialNumber, SignatureAlgorithm, date_time_ymd,
};
use sealwire_crypto::sign::ecdsa_p384::SigningKey;
use std::time::Duration;

/// In the validity of everything here.
pub(crate) const NOW: UnixTime = UnixTime(1_750_000_000);
/// Of every certificate.
pub(crate) const NOT_BEFORE: UnixTime = UnixTime(NOW.0 - 10_000);
/// Of every certificate.
pub(crate) const NOT_AFTER: UnixTime = UnixTime(NOW.0 + 10_000);

/// Somebody with a key and a certificate.
pub(crate) struct Party {
    /// what the certificate will say
    pub(crate) params: CertificateParams,
    pub(crate) key: KeyPair,
}

impl Party {
    /// One that may issue certificates and CRLs, and whose own certificate names a distribution point.
    pub(crate) fn authority(name: &str, serial: u64) -> Self {
        let mut party = Self::leaf(name, serial);
        party.params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        party.params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let uris = vec!["http://crl.example.com/1.crl".to_owned()];
        party.params.crl_distribution_points = vec![CrlDistributionPoint { uris }];
        party
    }

    /// One that signs something else.
    pub(crate) fn leaf(name: &str, serial: u64) -> Self {
        let mut params = CertificateParams::default();
        set_window(&mut params, NOT_BEFORE, NOT_AFTER);
        params.serial_number = Some(SerialNumber::from(serial));
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.is_ca = IsCa::ExplicitNoCa;
        Self { params, key: key(&PKCS_ECDSA_P384_SHA384) }
    }

    /// With a key of another algorithm.
    pub(crate) fn with_key(mut self, algorithm: &'static SignatureAlgorithm) -> Self {
        self.key = key(algorithm);
        self
    }

    /// The certificate of `subject`.
    pub(crate) fn certify(&self, subject: &Self) -> Vec<u8> {
        let issuer = Issuer::from_params(&self.params, &self.key);
        subject.params.signed_by(&subject.key, &issuer).unwrap().der().to_vec()
    }

    /// A CRL that is in force from `this_update` to `next_update`.
    pub(crate) fn crl(&self, this_update: UnixTime, next_update: UnixTime, revoked: &[u64]) -> Vec<u8> {
        self.crl_of(this_update, next_update, revoked, None)
    }

    /// A part of it that is published at `uris`.
    pub(crate) fn part(&self, next_update: UnixTime, revoked: &[u64], uris: &[&str]) -> Vec<u8> {
        let uris = uris.iter().map(|uri| (*uri).to_owned()).collect();
        let distribution_point = CrlDistributionPoint { uris };
        let point = CrlIssuingDistributionPoint { distribution_point, scope: None };
        self.crl_of(NOT_BEFORE, next_update, revoked, Some(point))
    }

    /// One that says of itself what it is about.
    pub(crate) fn crl_of(
        &self,
        this_update: UnixTime,
        next_update: UnixTime,
        revoked: &[u64],
        issuing_distribution_point: Option<CrlIssuingDistributionPoint>,
    ) -> Vec<u8> {
        let time = |at: UnixTime| date_time_ymd(1970, 1, 1) + Duration::from_secs(at.0);
        let revoked = revoked.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: time(this_update),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: time(this_update),
            next_update: time(next_update),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&Issuer::from_params(&self.params, &self.key)).unwrap().der().to_vec()
    }

    /// r and s over `message`.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 96] {
        SigningKey::from_pkcs8(self.key.serialized_der()).unwrap().sign(message).unwrap()
    }
}

fn key(algorithm: &'static SignatureAlgorithm) -> KeyPair {
    KeyPair::generate_for(algorithm).unwrap()
}

/// Sets the window of a certificate.
pub(crate) fn set_window(params: &mut CertificateParams, not_before: UnixTime, not_after: UnixTime) {
    params.not_before = date_time_ymd(1970, 1, 1) + Duration::from_secs(not_before.0);
    params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(not_after.0);
}
