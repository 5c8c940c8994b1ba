//! Chain, validity, revocation, caches.

use super::forge::{Enclave, array, bytes, verify};
use crate::{
    Checks, Endorsements, Error, Outcome, Place, UnixTime,
    verify::{Expected, Request},
    x509::forge::{NOT_AFTER, NOT_BEFORE, NOW, Party, set_window},
};
use rcgen::{BasicConstraints, CustomExtension, IsCa, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256};

const PLACES: [Place; 5] =
    [Place::Root, Place::Intermediate, Place::Intermediate, Place::Intermediate, Place::Leaf];

// AT-05: every certificate, both sides of both ends.
#[test]
fn every_certificate_has_its_time() {
    for (index, place) in PLACES.into_iter().enumerate() {
        let mut enclave = Enclave::new();
        let (from, until) = (UnixTime(NOW.0 - 100), UnixTime(NOW.0 + 100));
        set_window(&mut enclave.parties[index].params, from, until);
        enclave.root = enclave.parties[0].certify(&enclave.parties[0]);
        let verify = |at: u64| enclave.verify_at(UnixTime(at), &Endorsements::default());
        assert_eq!(verify(NOW.0).unwrap().get().not_after, until);
        verify(until.0).unwrap();
        assert_eq!(verify(until.0 + 1).unwrap_err(), Error::Expired { place, not_after: until });
        assert_eq!(verify(from.0 - 1).unwrap_err(), Error::NotYetValid { place, not_before: from });
        // A document of that second.
        let mut first = enclave;
        let millis = super::forge::item(|cbor| super::forge::drop_ref(cbor.u64(from.0 * 1000)));
        first.set("timestamp", millis);
        first.verify_at(from, &Endorsements::default()).unwrap();
    }
}

// AT-02: only AWS's root, by its bytes.
#[test]
fn another_root_is_not_pinned() {
    let enclave = Enclave::new();
    let other = Enclave::new();
    let none = Endorsements::default();
    // The same names under another root.
    let error = verify(&other.verifier(), &enclave.evidence(), &none, Expected::Unbound, NOW).unwrap_err();
    assert_eq!(error, Error::RootNotPinned);
    // The root's own key and name in another certificate.
    let mut again = Enclave::new();
    again.root = again.parties[0].certify(&again.parties[0]);
    let verifier = again.verifier();
    again.root = again.parties[0].certify(&again.parties[0]);
    let error = verify(&verifier, &again.evidence(), &none, Expected::Unbound, NOW).unwrap_err();
    assert_eq!(error, Error::RootNotPinned);
    // AWS's root says nothing of this chain, and the other way round.
    let aws = crate::nitro::NitroVerifier::new();
    let error = verify(&aws, &enclave.evidence(), &none, Expected::Unbound, NOW).unwrap_err();
    assert_eq!(error, Error::RootNotPinned);
}

/// A document with other certificates, signed by its enclave all the same.
fn with(leaf: &[u8], bundle: &[Vec<u8>], enclave: &mut Enclave) -> Error {
    enclave.set("certificate", bytes(leaf));
    enclave.set("cabundle", array(bundle));
    enclave.refused()
}

// AT-03: each certificate is signed by the one above it.
#[test]
fn certificates_of_others_are_refused() {
    for index in 1..5 {
        let mut enclave = Enclave::new();
        let other = Enclave::new();
        let (mut leaf, mut bundle) = enclave.certificates();
        let (other_leaf, other_bundle) = other.certificates();
        match index {
            4 => leaf = other_leaf,
            index => bundle[index] = other_bundle[index].clone(),
        }
        let error = with(&leaf, &bundle, &mut enclave);
        // The one below is not signed by it, or it itself by the one above: the path is built from the leaf.
        let place = if index >= 3 { Place::Leaf } else { Place::Intermediate };
        assert_eq!(error, Error::CertificateSignature(place), "{index}");
    }
    for missing in 1..4 {
        let mut enclave = Enclave::new();
        let (leaf, mut bundle) = enclave.certificates();
        bundle.remove(missing);
        let error = with(&leaf, &bundle, &mut enclave);
        assert_eq!(error, Error::CertificateSignature(Place::Intermediate), "{missing}");
    }
    let mut enclave = Enclave::new();
    let (leaf, bundle) = enclave.certificates();
    assert_eq!(with(&leaf, &bundle[1..], &mut enclave), Error::RootNotPinned);
}

// AT-03: one algorithm throughout, and keys on one curve.
#[test]
fn other_algorithms_are_refused() {
    for index in 1..4 {
        let mut enclave = Enclave::new();
        let party = Party::authority("x", 9).with_key(&PKCS_ECDSA_P256_SHA256);
        enclave.parties[index].key = party.key;
        // It signs the one below with SHA-256.
        let place = PLACES[index + 1];
        assert_eq!(enclave.refused(), Error::CertificateAlgorithm(place), "{index}");
    }
    let mut enclave = Enclave::new();
    let other = Party::leaf("x", 9).with_key(&PKCS_ECDSA_P256_SHA256);
    let mut params = enclave.parties[4].params.clone();
    params.distinguished_name = enclave.parties[4].params.distinguished_name.clone();
    let leaf = enclave.parties[3].certify(&Party { params, key: other.key });
    let (_, bundle) = enclave.certificates();
    assert_eq!(with(&leaf, &bundle, &mut enclave), Error::CertificateExtension("a key on P-384"));
}

// AT-03: who may issue, how deep, and who may sign documents.
#[test]
fn only_authorities_issue() {
    let edits: [fn(&mut Party); 4] = [
        |party| party.params.is_ca = IsCa::ExplicitNoCa,
        |party| party.params.is_ca = IsCa::NoCa,
        |party| party.params.key_usages = vec![KeyUsagePurpose::DigitalSignature],
        |party| {
            let mut unknown = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
            unknown.set_criticality(true);
            party.params.custom_extensions = vec![unknown];
        },
    ];
    for edit in edits {
        for (index, place) in PLACES.into_iter().enumerate().take(4) {
            let mut enclave = Enclave::new();
            edit(&mut enclave.parties[index]);
            enclave.root = enclave.parties[0].certify(&enclave.parties[0]);
            assert_eq!(enclave.refused(), Error::CertificateUsage(place), "{index}");
        }
    }
    for (index, depth) in [(1, 2), (2, 1), (3, 0)] {
        let mut enclave = Enclave::new();
        enclave.parties[index].params.is_ca = IsCa::Ca(BasicConstraints::Constrained(depth));
        enclave.verify().unwrap();
        if let Some(depth) = depth.checked_sub(1) {
            enclave.parties[index].params.is_ca = IsCa::Ca(BasicConstraints::Constrained(depth));
            assert_eq!(enclave.refused(), Error::CertificateUsage(Place::Intermediate), "{index}");
        }
    }
    for edit in [
        (|party| party.params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)) as fn(&mut Party),
        |party| party.params.key_usages = vec![KeyUsagePurpose::KeyCertSign],
        edits[3],
    ] {
        let mut enclave = Enclave::new();
        edit(&mut enclave.parties[4]);
        assert_eq!(enclave.refused(), Error::CertificateUsage(Place::Leaf));
    }
}

/// CRLs of the root and of the regional authority, which is what AWS publishes.
fn crls(enclave: &Enclave, of_root: &[u64], of_regional: &[u64]) -> Endorsements {
    let [root, regional, ..] = &enclave.parties;
    Endorsements {
        crls: vec![
            root.crl(NOT_BEFORE, NOT_AFTER, of_root),
            regional.crl(NOT_BEFORE, NOT_AFTER, of_regional),
        ],
        ..Endorsements::default()
    }
}

// AT-03: revocation by the CRLs that AWS publishes; AT-06: one that is there has to be good.
#[test]
fn crls_are_checked_where_there_are_some() {
    let enclave = Enclave::new();
    let verify = |endorsements: &Endorsements| {
        enclave.verify_at(NOW, endorsements).map(|verified| verified.checks().revocation.clone())
    };
    let good = crls(&enclave, &[9], &[9]);
    assert!(matches!(verify(&good), Ok(Outcome::Passed(_))));
    // One of the two is not enough, and a policy is told which is missing.
    for (missing, name) in [(0, "CN=aws.nitro-enclaves"), (1, "CN=1.eu-example-1.aws.nitro-enclaves")] {
        let mut one = good.clone();
        one.crls.remove(missing);
        assert_eq!(
            verify(&one),
            Ok(Outcome::NotSupplied(format!("no CRL of {name} among the endorsements")))
        );
    }
    assert_eq!(verify(&crls(&enclave, &[2], &[])), Err(Error::Revoked(Place::Intermediate)));
    assert_eq!(verify(&crls(&enclave, &[], &[3])), Err(Error::Revoked(Place::Intermediate)));
    assert_eq!(verify(&crls(&enclave, &[1], &[])), Err(Error::Revoked(Place::Root)));
    // Where an instance's authority had a CRL after all.
    let mut leaf = good.clone();
    leaf.crls.push(enclave.parties[3].crl(NOT_BEFORE, NOT_AFTER, &[5]));
    assert_eq!(verify(&leaf), Err(Error::Revoked(Place::Leaf)));

    let [root, regional, ..] = &enclave.parties;
    let replaced = |crl: Vec<u8>| Endorsements { crls: vec![crl], ..good.clone() };
    let ended = root.crl(NOT_BEFORE, UnixTime(NOW.0 - 1), &[]);
    assert_eq!(verify(&replaced(ended)), Err(Error::CrlExpired(UnixTime(NOW.0 - 1))));
    let future = root.crl(UnixTime(NOW.0 + 1), NOT_AFTER, &[]);
    assert_eq!(verify(&replaced(future)), Err(Error::CrlNotYetValid(UnixTime(NOW.0 + 1))));
    // What was revoked once stays so.
    let mut both = good.clone();
    both.crls.push(regional.crl(NOT_BEFORE, UnixTime(NOW.0 - 1), &[3]));
    assert_eq!(verify(&both), Err(Error::Revoked(Place::Intermediate)));
    // In the root's name, by another.
    let mut forger = Party::authority("aws.nitro-enclaves", 1);
    let forged = forger.crl(NOT_BEFORE, NOT_AFTER, &[]);
    assert_eq!(verify(&replaced(forged)), Err(Error::CrlInvalid("signature")));
    forger.params.distinguished_name.push(rcgen::DnType::CommonName, "somebody");
    let other = replaced(forger.crl(NOT_BEFORE, NOT_AFTER, &[2]));
    assert!(matches!(verify(&other), Ok(Outcome::NotSupplied(_))));
    assert_eq!(verify(&replaced(vec![0x30, 0])), Err(Error::MalformedEndorsement("not a CRL")));
    let many = Endorsements {
        crls: vec![good.crls[0].clone(); crate::endorsements::MAX_CRLS + 1],
        ..Endorsements::default()
    };
    assert!(matches!(verify(&many), Err(Error::MalformedEndorsement(_))));
}

// AT-03: a chain that names no CRL is not called clear of revocation.
#[test]
fn a_chain_without_distribution_points_is_not_clear() {
    let mut enclave = Enclave::new();
    for party in &mut enclave.parties {
        party.params.crl_distribution_points.clear();
    }
    let verified = enclave.verify().unwrap();
    assert!(matches!(verified.checks().revocation, Outcome::NotSupplied(_)));
}

// AT-05, AT-41: the earliest end of all is the claims' own, a CRL's too.
#[test]
fn the_end_is_the_earliest() {
    let enclave = Enclave::new();
    let [root, regional, ..] = &enclave.parties;
    let endorsements = Endorsements {
        crls: vec![root.crl(NOT_BEFORE, UnixTime(NOW.0 + 5), &[]), regional.crl(NOT_BEFORE, NOT_AFTER, &[])],
        ..Endorsements::default()
    };
    let claims = enclave.verify_at(NOW, &endorsements).unwrap().get().clone();
    assert_eq!(claims.not_after, UnixTime(NOW.0 + 5));
    let claims = enclave.verify().unwrap().get().clone();
    assert_eq!(claims.not_after, NOT_AFTER);
}

// AT-26: a fresh document of a known enclave costs one signature, and nothing that failed is kept.
#[test]
fn chains_are_kept() {
    let mut enclave = Enclave::new();
    let verifier = enclave.verifier();
    let (leaf, bundle) = enclave.certificates();
    enclave.set("certificate", bytes(&leaf));
    enclave.set("cabundle", array(&bundle));
    let endorsements = crls(&enclave, &[], &[]);
    for byte in 0..5 {
        enclave.set("user_data", bytes(&[byte; 64]));
        let evidence = enclave.evidence();
        for _ in 0..2 {
            let expected = [byte; 64];
            verify(&verifier, &evidence, &endorsements, Expected::Binding(&expected), NOW).unwrap();
        }
    }
    let [chains, signatures] = verifier.counts();
    assert_eq!((chains.hits, chains.misses), (4, 1));
    assert_eq!((signatures.hits, signatures.misses), (5, 5));
    // Time and revocation are looked at every time.
    let evidence = enclave.evidence();
    let late = UnixTime(NOT_AFTER.0 + 1);
    let error = verify(&verifier, &evidence, &endorsements, Expected::Unbound, late).unwrap_err();
    assert_eq!(error, Error::Expired { place: Place::Root, not_after: NOT_AFTER });
    let revoked = crls(&enclave, &[2], &[]);
    let error = verify(&verifier, &evidence, &revoked, Expected::Unbound, NOW).unwrap_err();
    assert_eq!(error, Error::Revoked(Place::Intermediate));
    let forged = Enclave::new().signed(&enclave.payload());
    for _ in 0..2 {
        let error = verify(&verifier, &forged, &endorsements, Expected::Unbound, NOW).unwrap_err();
        assert_eq!(error, Error::Signature);
    }
}

// AT-03: the outcomes tell which check failed, and which were not reached.
#[test]
fn later_checks_are_not_reached() {
    let enclave = Enclave::new();
    let mut checks = Checks::not_reached();
    let (evidence, none) = (enclave.evidence(), Endorsements::default());
    let verifier = enclave.verifier();
    let expected = Expected::Binding(&[0; 64]);
    let request = Request { expected, ..Request::unbound(&evidence, &none, NOW) };
    let error = verifier.verify(&request, &mut checks).unwrap_err();
    assert_eq!(error, Error::Binding);
    assert!(matches!(checks.signature, Outcome::Passed(_)));
    assert!(matches!(checks.tcb, Outcome::NotAvailable(_)));
    assert_eq!((checks.binding, checks.freshness), (Outcome::NotReached, Outcome::NotReached));
}
