//! Chain, validity, revocation, caches.

use super::forge::{FIRMWARE_ID, Gpu, device_info, firmware_id, verify};
use crate::{
    Endorsements, Error, Outcome, Place, UnixTime,
    verify::Expected,
    x509::{
        forge::{NOT_AFTER, NOT_BEFORE, NOW, Party, set_window},
        ocsp::forge::{Forged, Says, responder},
    },
};
use rcgen::{BasicConstraints, IsCa, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256};

const PLACES: [Place; 5] =
    [Place::Root, Place::Intermediate, Place::Intermediate, Place::Intermediate, Place::Leaf];
const SHA384: &str = "2.16.840.1.101.3.4.2.2";

// AT-05: every certificate, both sides of both ends.
#[test]
fn every_certificate_has_its_time() {
    for (index, place) in PLACES.into_iter().enumerate() {
        let mut gpu = Gpu::new();
        let (from, until) = (UnixTime(NOW.0 - 100), UnixTime(NOW.0 + 100));
        set_window(&mut gpu.parties[index].params, from, until);
        gpu.root = gpu.parties[0].certify(&gpu.parties[0]);
        let verify = |at: u64| gpu.verify_with(&gpu.endorsements(), UnixTime(at));
        assert_eq!(verify(from.0).unwrap().get().not_after, until);
        verify(until.0).unwrap();
        assert_eq!(verify(until.0 + 1).unwrap_err(), Error::Expired { place, not_after: until });
        assert_eq!(verify(from.0 - 1).unwrap_err(), Error::NotYetValid { place, not_before: from });
    }
}

// AT-02: only NVIDIA's root.
#[test]
fn another_root_is_not_pinned() {
    let gpu = Gpu::new();
    let none = || Expected::Unbound;
    let nvidia = crate::nvidia::NvidiaVerifier::new();
    // NVIDIA's root says nothing of this chain.
    let error = verify(&nvidia, &gpu.evidence(), &gpu.endorsements(), none(), NOW).unwrap_err();
    assert_eq!(error, Error::RootNotPinned);
    let mut other = Gpu::new();
    other.parties[0] = Party::authority("Another Device Identity CA", 1);
    other.root = other.parties[0].certify(&other.parties[0]);
    let error = verify(&gpu.verifier(), &other.evidence(), &other.endorsements(), none(), NOW).unwrap_err();
    assert_eq!(error, Error::RootNotPinned);
    // The root of manifests says nothing of devices.
    let swapped = crate::nvidia::NvidiaVerifier::with_roots(
        vec![],
        vec![crate::x509::Certificate::from_der(&gpu.root).unwrap()],
    );
    let error = verify(&swapped, &gpu.evidence(), &gpu.endorsements(), none(), NOW).unwrap_err();
    assert_eq!(error, Error::RootNotPinned);
}

// AT-03: each certificate is signed by the one above it, with one algorithm.
#[test]
fn certificates_of_others_are_refused() {
    for index in 0..4 {
        let gpu = Gpu::new();
        let other = Gpu::new();
        let mut endorsements = gpu.endorsements();
        endorsements.certificates[index] = other.endorsements().certificates[index].clone();
        let error = gpu.verify_with(&endorsements, NOW).unwrap_err();
        // The first is looked for by its key, and another's is not it; its chain is then told to be wrong.
        let place = if index <= 1 { Place::Leaf } else { Place::Intermediate };
        assert_eq!(error, Error::CertificateSignature(place), "{index}");
    }
    for missing in 1..4 {
        let gpu = Gpu::new();
        let mut endorsements = gpu.endorsements();
        endorsements.certificates.remove(missing);
        let error = gpu.verify_with(&endorsements, NOW).unwrap_err();
        assert_eq!(error.exit(), 40, "{missing}: {error:?}");
    }
    for (index, place) in PLACES.into_iter().enumerate().skip(1) {
        let mut gpu = Gpu::new();
        gpu.parties[index - 1] = {
            let params = gpu.parties[index - 1].params.clone();
            Party { params, ..Party::authority("x", 9).with_key(&PKCS_ECDSA_P256_SHA256) }
        };
        gpu.root = gpu.parties[0].certify(&gpu.parties[0]);
        assert_eq!(gpu.refused(), Error::CertificateAlgorithm(place), "{index}");
    }
}

// AT-03: who may issue, and who may sign reports.
#[test]
fn only_authorities_issue() {
    for (index, place) in PLACES.into_iter().enumerate().take(4) {
        for edit in [(|party| party.params.is_ca = IsCa::ExplicitNoCa) as fn(&mut Party), |party| {
            party.params.key_usages = vec![KeyUsagePurpose::DigitalSignature]
        }] {
            let mut gpu = Gpu::new();
            edit(&mut gpu.parties[index]);
            gpu.root = gpu.parties[0].certify(&gpu.parties[0]);
            assert_eq!(gpu.refused(), Error::CertificateUsage(place), "{index}");
        }
    }
    for edit in [
        (|party| party.params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)) as fn(&mut Party),
        |party| party.params.key_usages = vec![KeyUsagePurpose::KeyCertSign],
    ] {
        let mut gpu = Gpu::new();
        edit(&mut gpu.parties[4]);
        assert_eq!(gpu.refused(), Error::CertificateUsage(Place::Leaf));
    }
}

// AT-02: what NVIDIA writes into a leaf is there once, in its form.
#[test]
fn a_leaf_says_what_it_is_for() {
    let name = Error::CertificateExtension("the name of the device");
    for names in [
        vec![],
        vec!["NVIDIA:GH100"],
        vec!["NVIDIA:GH100:1:2"],
        vec!["NVIDIA::1"],
        vec!["NVIDIA:GH100:"],
        vec!["NVIDIA:GH 100:1"],
        vec!["ACME:GH100:1"],
        vec!["NVIDIA:GH100:1", "NVIDIA:GH100:2"],
    ] {
        let mut gpu = Gpu::new();
        gpu.parties[4].params.subject_alt_names = names.iter().map(|name| device_info(name)).collect();
        assert_eq!(gpu.refused(), name, "{names:?}");
    }
    let missing = Error::CertificateExtension("the firmware id");
    for wrong in [
        firmware_id("2.16.840.1.101.3.4.2.1", &FIRMWARE_ID),
        firmware_id(SHA384, &FIRMWARE_ID[1..]),
        rcgen::CustomExtension::from_oid_content(&[2, 23, 133, 5, 4, 1], vec![0x30, 0]),
        rcgen::CustomExtension::from_oid_content(&[2, 23, 133, 5, 4, 1], vec![0x04, 0]),
    ] {
        let mut gpu = Gpu::new();
        gpu.parties[4].params.custom_extensions = vec![wrong];
        assert_eq!(gpu.refused(), missing);
    }
    // Without it, it is not the certificate of a GPU's firmware.
    let mut gpu = Gpu::new();
    gpu.parties[4].params.custom_extensions.clear();
    assert_eq!(gpu.refused(), Error::EndorsementMissing("the certificate of the GPU's firmware"));
    let gpu = Gpu::new();
    let params = gpu.parties[4].params.clone();
    let p256 = Party { params, ..Party::leaf("x", 9).with_key(&PKCS_ECDSA_P256_SHA256) };
    let mut endorsements = gpu.endorsements();
    endorsements.certificates[0] = gpu.parties[3].certify(&p256);
    let error = gpu.verify_with(&endorsements, NOW).unwrap_err();
    assert_eq!(error, Error::CertificateExtension("a key on P-384"));
}

// AT-02: a key is derived for one firmware.
#[test]
fn a_report_names_the_firmware_of_its_key() {
    let mut gpu = Gpu::new();
    let bound = Error::KeyNotBound("the key was derived for another firmware than the report names");
    for wrong in [&[0; 48][..], &FIRMWARE_ID[1..], &[]] {
        gpu.fields.insert(20, wrong.to_vec());
        assert_eq!(gpu.refused(), bound);
    }
    // Also where the chain is known.
    let verifier = gpu.verifier();
    let endorsements = gpu.endorsements();
    gpu.fields.insert(20, FIRMWARE_ID.to_vec());
    verify(&verifier, &gpu.evidence(), &endorsements, Expected::Unbound, NOW).unwrap();
    gpu.fields.insert(20, vec![0; 48]);
    let error = verify(&verifier, &gpu.evidence(), &endorsements, Expected::Unbound, NOW).unwrap_err();
    assert_eq!(error, bound);
    // Older firmware does not name it.
    gpu.fields.remove(&20);
    gpu.verify().unwrap();
}

/// CRLs of the root and of the product's authority, which is what NVIDIA publishes.
fn with_crls(gpu: &Gpu, of_root: &[u64], of_product: &[u64]) -> Endorsements {
    let [root, product, ..] = &gpu.parties;
    let crls = vec![
        root.crl(NOT_BEFORE, NOT_AFTER, of_root),
        product.crl(NOT_BEFORE, UnixTime(NOW.0 + 9), of_product),
    ];
    Endorsements { crls, ..gpu.endorsements() }
}

// AT-03: revocation by the CRLs that NVIDIA publishes; AT-06: one that is there has to be good.
#[test]
fn crls_are_checked_where_there_are_some() {
    let gpu = Gpu::new();
    let verify = |endorsements: &Endorsements| {
        gpu.verify_with(endorsements, NOW).map(|verified| verified.checks().revocation.clone())
    };
    let good = with_crls(&gpu, &[9], &[9]);
    assert!(matches!(verify(&good), Ok(Outcome::Passed(_))));
    assert_eq!(gpu.verify_with(&good, NOW).unwrap().get().not_after, UnixTime(NOW.0 + 9));
    for (missing, name) in [(0, "CN=NVIDIA Device Identity CA"), (1, "CN=NVIDIA GH100 Identity")] {
        let mut one = good.clone();
        one.crls.remove(missing);
        assert_eq!(
            verify(&one),
            Ok(Outcome::NotSupplied(format!("no CRL of {name} among the endorsements")))
        );
    }
    assert_eq!(verify(&with_crls(&gpu, &[2], &[])), Err(Error::Revoked(Place::Intermediate)));
    assert_eq!(verify(&with_crls(&gpu, &[], &[3])), Err(Error::Revoked(Place::Intermediate)));
    assert_eq!(verify(&with_crls(&gpu, &[1], &[])), Err(Error::Revoked(Place::Root)));
    let with = |crl: Vec<u8>| Endorsements { crls: vec![crl], ..gpu.endorsements() };
    let root = &gpu.parties[0];
    let ended = with(root.crl(NOT_BEFORE, UnixTime(NOW.0 - 1), &[]));
    assert_eq!(verify(&ended), Err(Error::CrlExpired(UnixTime(NOW.0 - 1))));
    let future = with(root.crl(UnixTime(NOW.0 + 1), NOT_AFTER, &[]));
    assert_eq!(verify(&future), Err(Error::CrlNotYetValid(UnixTime(NOW.0 + 1))));
    let forged = with(Gpu::new().parties[0].crl(NOT_BEFORE, NOT_AFTER, &[]));
    assert_eq!(verify(&forged), Err(Error::CrlInvalid("signature")));
}

// AT-03: NVIDIA runs a responder for every authority of its chains; AT-26: its times are looked at every time.
#[test]
fn ocsp_responses_do_what_crls_do() {
    let gpu = Gpu::new();
    let until = UnixTime(NOW.0 + 9);
    let [root, product, provisioner, rom, _] = &gpu.parties;
    let [_, rom_der, provisioner_der, product_der, root_der] =
        <[Vec<u8>; 5]>::try_from(gpu.endorsements().certificates).unwrap();
    let issuers = [(root, root_der), (product, product_der), (provisioner, provisioner_der), (rom, rom_der)];
    let respond = |index: usize, says: Says| {
        let (issuer, der) = &issuers[index];
        let responder = responder("NVIDIA OCSP responder", 40);
        let certificate = issuer.certify(&responder);
        // The certificate below has the next number.
        let serial = index as u64 + 2;
        let mut forged = Forged::new(der, &certificate, serial, says, NOT_BEFORE, Some(until));
        forged.certificates = vec![certificate];
        forged.sign(&responder)
    };
    let with = |crls: Vec<Vec<u8>>| Endorsements { crls, ..gpu.endorsements() };
    let revocation = |endorsements: &Endorsements| {
        gpu.verify_with(endorsements, NOW).map(|verified| verified.checks().revocation.clone())
    };
    let passed = |by| Ok(Outcome::Passed(format!("by {by} of the authorities, good until {until}")));
    let all: Vec<Vec<u8>> = (0..4).map(|index| respond(index, Says::Good)).collect();
    assert_eq!(revocation(&with(all.clone())), passed("OCSP responses"));
    // Those that name a distribution point are asked for.
    assert_eq!(revocation(&with(all[..2].to_vec())), passed("OCSP responses"));
    let missing = "no CRL of CN=NVIDIA Device Identity CA among the endorsements".to_owned();
    assert_eq!(revocation(&with(all[1..].to_vec())), Ok(Outcome::NotSupplied(missing)));
    let crl = root.crl(NOT_BEFORE, NOT_AFTER, &[]);
    assert_eq!(revocation(&with(vec![crl, all[1].clone()])), passed("CRLs and OCSP responses"));
    for index in 0..4 {
        let place = if index == 3 { Place::Leaf } else { Place::Intermediate };
        for (says, error) in
            [(Says::Revoked, Error::Revoked(place)), (Says::Unknown, Error::OcspUnknown(place))]
        {
            let mut crls = all.clone();
            crls[index] = respond(index, says);
            assert_eq!(revocation(&with(crls)), Err(error));
        }
    }
    let (verifier, endorsements) = (gpu.verifier(), with(all));
    let at = |at| verify(&verifier, &gpu.evidence(), &endorsements, Expected::Unbound, at);
    assert_eq!(at(until).unwrap().get().not_after, until);
    assert_eq!(at(UnixTime(until.0 + 1)).unwrap_err(), Error::OcspExpired(until));
}

// AT-26: a fresh report of a known GPU costs one signature; time and revocation are looked at every time.
#[test]
fn chains_are_kept() {
    let mut gpu = Gpu::new();
    let (verifier, endorsements) = (gpu.verifier(), with_crls(&gpu, &[], &[]));
    for byte in 0..5 {
        gpu.request[4..36].fill(byte);
        let evidence = gpu.evidence();
        for _ in 0..2 {
            verify(&verifier, &evidence, &endorsements, Expected::ReportData(&[byte; 32]), NOW).unwrap();
        }
    }
    let [chains, signatures] = verifier.counts();
    assert_eq!((chains.hits, chains.misses), (4, 1));
    assert_eq!((signatures.hits, signatures.misses), (5, 5));
    let evidence = gpu.evidence();
    let late = UnixTime(NOW.0 + 10);
    let error = verify(&verifier, &evidence, &endorsements, Expected::Unbound, late).unwrap_err();
    assert_eq!(error, Error::CrlExpired(UnixTime(NOW.0 + 9)));
    let late = UnixTime(NOT_AFTER.0 + 1);
    let error = verify(&verifier, &evidence, &endorsements, Expected::Unbound, late).unwrap_err();
    assert_eq!(error, Error::Expired { place: Place::Root, not_after: NOT_AFTER });
    let mut changed = evidence.clone();
    changed.bytes[5] ^= 1;
    for _ in 0..2 {
        let error = verify(&verifier, &changed, &endorsements, Expected::Unbound, NOW).unwrap_err();
        assert_eq!(error, Error::Signature);
    }
    verify(&verifier, &evidence, &endorsements, Expected::Unbound, NOW).unwrap();
}
