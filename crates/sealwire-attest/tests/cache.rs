//! AT-26: what is kept, what is checked every time, and that it is ever used.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{
    der::Crl,
    machine::{ARK, Machine, Model, NOT_AFTER, NOW, at},
};
use sealwire_attest::{CacheCounts, Error, Place, UnixTime, Verifier, verify::Expected};

fn counts(hits: u64, misses: u64) -> CacheCounts {
    CacheCounts { hits, misses }
}

// AT-26: the hit rate.
#[test]
fn a_repeat_is_a_hit() {
    let machine = Machine::new(Model::Milan);
    let (evidence, endorsements) = (machine.evidence(), machine.endorsements());
    let verifier = Verifier::new(&[machine.fingerprint()]);
    for _ in 0..100 {
        verifier.verify(&evidence, &endorsements, Expected::Unbound, NOW).unwrap();
    }
    assert_eq!(verifier.signature_cache(), counts(99, 1));
    assert_eq!(verifier.chain_cache(), counts(0, 1));
}

// AT-26: a fresh report under a known chain costs one signature.
#[test]
fn a_fresh_report_finds_its_chain() {
    let mut machine = Machine::new(Model::Turin);
    let endorsements = machine.endorsements();
    let verifier = Verifier::new(&[machine.fingerprint()]);
    for round in 0..10 {
        machine.report[at::REPORT_DATA] = round;
        verifier.verify(&machine.evidence(), &endorsements, Expected::Unbound, NOW).unwrap();
    }
    assert_eq!(verifier.signature_cache(), counts(0, 10));
    assert_eq!(verifier.chain_cache(), counts(9, 1));
}

// AT-26: binding and time are checked every time.
#[test]
fn binding_and_time_are_not_cached() {
    let machine = Machine::new(Model::Milan);
    let (evidence, endorsements) = (machine.evidence(), machine.endorsements());
    let verifier = Verifier::new(&[machine.fingerprint()]);
    let right = [0x11; 64];
    verifier.verify(&evidence, &endorsements, Expected::ReportData(&right), NOW).unwrap();
    let wrong = [0x12; 64];
    let error = verifier.verify(&evidence, &endorsements, Expected::ReportData(&wrong), NOW).unwrap_err();
    assert_eq!(error, Error::Binding);
    let not_after = UnixTime(NOT_AFTER);
    let late = UnixTime(NOT_AFTER + 1);
    let error = verifier.verify(&evidence, &endorsements, Expected::ReportData(&right), late).unwrap_err();
    assert_eq!(error, Error::Expired { place: Place::Root, not_after });
    // An expired result is not a hit.
    assert_eq!(verifier.signature_cache(), counts(1, 2));
}

// AT-26: a list that revokes is other endorsements, and one that was kept goes out of force.
#[test]
fn revocation_is_not_cached() {
    let machine = Machine::new(Model::Milan);
    let evidence = machine.evidence();
    let verifier = Verifier::new(&[machine.fingerprint()]);
    let mut endorsements = machine.endorsements();
    verifier.verify(&evidence, &endorsements, Expected::Unbound, NOW).unwrap();
    endorsements.crls.push(Crl { next_update: Some(NOW.0 + 5), ..machine.crl() }.sign(&ARK));
    verifier.verify(&evidence, &endorsements, Expected::Unbound, NOW).unwrap();
    let error =
        verifier.verify(&evidence, &endorsements, Expected::Unbound, UnixTime(NOW.0 + 6)).unwrap_err();
    assert_eq!(error, Error::CrlExpired(UnixTime(NOW.0 + 5)));
    endorsements.crls.push(Crl { revoked: vec![2], ..machine.crl() }.sign(&ARK));
    let error = verifier.verify(&evidence, &endorsements, Expected::Unbound, NOW).unwrap_err();
    assert_eq!(error, Error::Revoked(Place::Intermediate));
}

// AT-26: what failed is not kept, and a result is for its exact bytes.
#[test]
fn failures_are_not_cached() {
    let machine = Machine::new(Model::Milan);
    let endorsements = machine.endorsements();
    let verifier = Verifier::new(&[machine.fingerprint()]);
    let good = machine.evidence();
    verifier.verify(&good, &endorsements, Expected::Unbound, NOW).unwrap();
    let mut bad = good.clone();
    bad.bytes[at::MEASUREMENT] ^= 1;
    for _ in 0..2 {
        let error = verifier.verify(&bad, &endorsements, Expected::Unbound, NOW).unwrap_err();
        assert_eq!(error, Error::Signature);
    }
    assert_eq!(verifier.signature_cache(), counts(0, 3));
    // Certificates that were not verified do not slip in under ones that were.
    let mut others = endorsements.clone();
    others.certificates[0][300] ^= 1;
    verifier.verify(&good, &others, Expected::Unbound, NOW).unwrap_err();
}

// AT-26: bounded; the oldest goes first, what is used stays.
#[test]
fn the_cache_is_bounded() {
    let mut machine = Machine::new(Model::Milan);
    let endorsements = machine.endorsements();
    let verifier = Verifier::new(&[machine.fingerprint()]);
    let mut reports = Vec::new();
    for round in 0..65 {
        machine.report[at::REPORT_DATA] = round;
        reports.push(machine.evidence());
        verifier.verify(&reports[usize::from(round)], &endorsements, Expected::Unbound, NOW).unwrap();
        if round > 0 {
            verifier.verify(&reports[0], &endorsements, Expected::Unbound, NOW).unwrap();
        }
    }
    assert_eq!(verifier.signature_cache(), counts(64, 65));
    verifier.verify(&reports[1], &endorsements, Expected::Unbound, NOW).unwrap();
    assert_eq!(verifier.signature_cache(), counts(64, 66), "the least recently used one made room");
    verifier.verify(&reports[64], &endorsements, Expected::Unbound, NOW).unwrap();
    assert_eq!(verifier.signature_cache(), counts(65, 66));
}
