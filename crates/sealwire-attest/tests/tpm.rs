//! Quotes of TPMs under an enrolment CA, and every way in which they can be wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{
    machine::{NOT_AFTER, NOT_BEFORE, NOW},
    tpm::{
        AK_ATTRIBUTES, Ak, EXTENDED_KEY_USAGE, EXTRA_DATA, Log, SHA256, TPM_ID, Tpm, bitmap, key_purpose,
        sized,
    },
};
use proptest::prelude::*;
use sealwire_attest::{
    CacheCounts, Check, Claims, Endorsements, Error, Evidence, Kind, Outcome, Place, Trust, UnixTime,
    Verified, Verifier,
    tpm::{Public, Quote, name_of},
    verify::Expected,
};
use sealwire_crypto::digest::sha256;
use std::collections::BTreeMap;

fn verify_at(tpm: &Tpm, trust: Trust, at: u64) -> Result<Verified<Claims>, Error> {
    Verifier::new(trust).verify(&tpm.evidence(), &tpm.endorsements(), Expected::Unbound, UnixTime(at))
}

fn verify(tpm: &Tpm) -> Result<Verified<Claims>, Error> {
    verify_at(tpm, tpm.trust(), NOW.0)
}

fn bent(bend: impl FnOnce(&mut Tpm)) -> Error {
    let mut tpm = Tpm::new(Ak::P256);
    bend(&mut tpm);
    verify(&tpm).unwrap_err()
}

// AT-02, AT-20
#[test]
fn a_good_quote_is_genuine() {
    for ak in [Ak::P256, Ak::P384, Ak::Rsa] {
        for tpm in [Tpm::new(ak), Tpm::new(ak).with_intermediate()] {
            let verified = verify(&tpm).unwrap();
            let claims = verified.get();
            assert_eq!(claims.kind, Kind::Tpm);
            assert!(!claims.debug && !claims.development);
            assert_eq!(claims.product, "tpm");
            assert_eq!(claims.firmware, "2019102300163636");
            assert_eq!(claims.measurements.len(), 4);
            assert_eq!(claims.measurements["pcr-7"], [0xa7; 32]);
            assert_eq!(
                claims.attributes,
                BTreeMap::from([
                    ("reset-count", 5),
                    ("restart-count", 3),
                    ("clock-safe", 1),
                    ("event-log", 0)
                ])
            );
            assert_eq!(claims.report_data, EXTRA_DATA);
            assert_eq!(claims.hardware_id, TPM_ID);
            assert_eq!(claims.root, tpm.root());
            assert_eq!(claims.not_after, UnixTime(NOT_AFTER));
        }
    }
}

// AT-03: an outcome for every check; what nobody offers is not called passed.
#[test]
fn every_check_has_an_outcome() {
    let verified = verify(&Tpm::new(Ak::P256)).unwrap();
    for check in Check::ALL {
        let outcome = verified.checks().get(check);
        match check {
            // The CA names no CRL, and a policy that requires one is not met all the same.
            Check::Revocation | Check::Tcb | Check::Binding | Check::Freshness => {
                assert!(matches!(outcome, Outcome::NotAvailable(_)), "{check:?}: {outcome:?}");
            }
            _ => assert!(matches!(outcome, Outcome::Passed(_)), "{check:?}: {outcome:?}"),
        }
    }
    assert_eq!(verified.checks().chain, Outcome::Passed("attestation key ← Enrolment".to_owned()));
}

// AT-20: what tells one TPM from another is in no log.
#[test]
fn the_hardware_id_is_withheld() {
    let tpm = Tpm::new(Ak::P256);
    let by_name = verify_at(&tpm, tpm.trust_by_name(), NOW.0).unwrap();
    for verified in [verify(&tpm).unwrap(), by_name] {
        let id = hex::encode(&verified.get().hardware_id);
        assert!(!format!("{verified:?}").contains(&id));
        assert!(!verified.get().to_json().to_string().contains(&id));
    }
}

// AT-02: a name that is pinned needs no certificate, and says exactly which key.
#[test]
fn a_name_can_be_pinned_instead() {
    let tpm = Tpm::new(Ak::P256);
    let name = name_of(&tpm.public()).unwrap();
    assert_eq!(name, [&[0, 0x0b][..], &sha256(&[&tpm.public()])].concat());
    let verifier = Verifier::new(tpm.trust_by_name());
    let verified =
        verifier.verify(&tpm.evidence(), &Endorsements::default(), Expected::Unbound, NOW).unwrap();
    assert_eq!(verified.get().root, sha256(&[&name]));
    assert_eq!(verified.get().hardware_id, name);
    for outcome in [&verified.checks().validity, &verified.checks().revocation] {
        assert!(matches!(outcome, Outcome::NotAvailable(_)));
    }
    // Another key, and the same key with other attributes, have other names.
    let mut other = tpm.clone();
    other.attributes |= 1 << 10;
    for other in [Tpm::new(Ak::P384), other] {
        let error = verify_at(&other, tpm.trust_by_name(), NOW.0).unwrap_err();
        assert_eq!(error, Error::RootNotPinned);
    }
}

// AT-02: nothing is pinned where the policy pins nothing.
#[test]
fn somebody_elses_ca_is_not_pinned() {
    let tpm = Tpm::new(Ak::P256);
    assert_eq!(verify_at(&tpm, Trust::default(), NOW.0).unwrap_err(), Error::RootNotPinned);
    let others = Trust { enrolment: vec![[7; 32]], ..Trust::default() };
    assert_eq!(verify_at(&tpm, others.clone(), NOW.0).unwrap_err(), Error::RootNotPinned);
    assert_eq!(verify_at(&tpm.with_intermediate(), others, NOW.0).unwrap_err(), Error::RootNotPinned);
    // A development root is not an enrolment root.
    let tpm = Tpm::new(Ak::P256);
    let development = Trust { development: vec![tpm.root()], ..Trust::default() };
    assert_eq!(verify_at(&tpm, development, NOW.0).unwrap_err(), Error::RootNotPinned);
}

// AT-06
#[test]
fn what_is_not_supplied_is_missing() {
    let tpm = Tpm::new(Ak::P256).with_intermediate();
    let verifier = Verifier::new(tpm.trust());
    let all = tpm.endorsements();
    for (without, what) in [
        (0, "the certificate of the attestation key"),
        (1, "a certificate between the evidence and the root"),
        (2, "a certificate between the evidence and the root"),
    ] {
        let mut endorsements = all.clone();
        endorsements.certificates.remove(without);
        let error = verifier.verify(&tpm.evidence(), &endorsements, Expected::Unbound, NOW).unwrap_err();
        assert_eq!(error, Error::EndorsementMissing(what));
        assert_eq!(error.exit(), 40);
    }
    // The certificate of another key is none of this one.
    let other = Tpm::new(Ak::P384).endorsements();
    let verifier = Verifier::new(Tpm::new(Ak::P256).trust());
    let error = verifier.verify(&Tpm::new(Ak::P256).evidence(), &other, Expected::Unbound, NOW).unwrap_err();
    assert_eq!(error, Error::EndorsementMissing("the certificate of the attestation key"));
}

// AT-02: an attestation key is restricted, signs only, and never was outside of its TPM.
#[test]
fn a_key_that_could_sign_anything_is_refused() {
    for bit in [1, 4, 5, 16, 18] {
        let error = bent(|tpm| tpm.attributes &= !(1 << bit));
        assert!(matches!(error, Error::KeyNotBound(_)), "{bit}: {error:?}");
        assert_eq!((error.code(), error.exit()), ("key-not-bound", 20));
    }
    assert!(matches!(bent(|tpm| tpm.attributes |= 1 << 17), Error::KeyNotBound(_)));
    // A name that is pinned makes it no better.
    let mut tpm = Tpm::new(Ak::P256);
    tpm.attributes = AK_ATTRIBUTES & !(1 << 16);
    let error = verify_at(&tpm, tpm.trust_by_name(), NOW.0).unwrap_err();
    assert!(matches!(error, Error::KeyNotBound(_)));
}

// AT-02: what is signed is a quote, and a TPM made it.
#[test]
fn other_statements_are_no_quotes() {
    assert_eq!(bent(|tpm| tpm.magic = 0xff54_4346), Error::Malformed("a structure that no TPM generated"));
    for statement in [0x8014, 0x8017, 0x8019, 0x801a] {
        let error = bent(|tpm| tpm.statement = statement);
        assert_eq!(error, Error::Malformed("a TPM's statement that is no quote"));
    }
}

// AT-02: the values are those that were quoted: none changed, left out, added, or moved.
#[test]
fn registers_are_exactly_the_quoted_ones() {
    for index in [0, 7] {
        let error = bent(|tpm| tpm.sent.get_mut(&index).unwrap()[31] ^= 1);
        assert_eq!(error, Error::PcrDigest);
        assert_eq!((error.code(), error.exit()), ("pcr-digest", 20));
    }
    assert_eq!(bent(|tpm| tpm.sent.retain(|index, _| *index != 7)), Error::PcrDigest);
    assert_eq!(bent(|tpm| tpm.sent.extend([(8, [0; 32])])), Error::PcrDigest);
    let moved = |tpm: &mut Tpm| {
        let value = tpm.sent.remove(&7).unwrap();
        tpm.sent.insert(8, value);
    };
    assert_eq!(bent(moved), Error::PcrDigest);
    // A register beyond the 24th is in no list of values.
    assert_eq!(bent(|tpm| tpm.selection[0].1.push(1)), Error::PcrDigest);
    // Bitmaps may be shorter or longer than three bytes.
    let mut tpm = Tpm::new(Ak::P256);
    for bitmap in [vec![0x87], vec![0x87, 0, 0, 0]] {
        tpm.selection[0].1 = bitmap;
        verify(&tpm).unwrap();
    }
    assert!(matches!(bent(|tpm| tpm.selection[0].1 = vec![0x87, 0, 0, 0, 0]), Error::Malformed(_)));
}

// AT-02: SHA-256, and nothing beside it.
#[test]
fn other_banks_are_refused() {
    for bank in [0x0004, 0x000c, 0x000d, 0x0012] {
        assert!(matches!(bent(|tpm| tpm.selection[0].0 = bank), Error::Unsupported(_)));
        let both = |tpm: &mut Tpm| tpm.selection.push((bank, bitmap(0..8)));
        assert!(matches!(bent(both), Error::Unsupported(_)));
    }
    assert!(matches!(bent(|tpm| tpm.selection.clear()), Error::Unsupported(_)));
    let twice = |tpm: &mut Tpm| tpm.selection.push((SHA256, bitmap(0..1)));
    assert!(matches!(bent(twice), Error::Unsupported(_)));
}

// AT-02, SE-84
#[test]
fn a_changed_quote_is_not_signed() {
    let tpm = Tpm::new(Ak::Rsa);
    let mut quote = tpm.quote();
    *quote.attest.last_mut().unwrap() ^= 1;
    let evidence = Evidence { kind: Kind::Tpm, bytes: quote.encode() };
    let error = Verifier::new(tpm.trust())
        .verify(&evidence, &tpm.endorsements(), Expected::Unbound, NOW)
        .unwrap_err();
    assert_eq!(error, Error::Signature);
    // A signature of another scheme than the key's.
    for (ak, other) in [(Ak::Rsa, Ak::P256), (Ak::P256, Ak::P384), (Ak::P384, Ak::Rsa)] {
        let tpm = Tpm::new(ak);
        let mut quote = tpm.quote();
        quote.signature = other.sign(&quote.attest);
        let evidence = Evidence { kind: Kind::Tpm, bytes: quote.encode() };
        let error = Verifier::new(tpm.trust())
            .verify(&evidence, &tpm.endorsements(), Expected::Unbound, NOW)
            .unwrap_err();
        assert!(matches!(error, Error::Signature | Error::Malformed(_)), "{error:?}");
        assert_eq!(error, Error::Signature);
    }
}

// AT-04: extraData is the first half of a binding, or exactly the bytes that were asked for.
#[test]
fn a_quote_for_another_challenge_is_refused() {
    let tpm = Tpm::new(Ak::P256);
    let (verifier, evidence, endorsements) = (Verifier::new(tpm.trust()), tpm.evidence(), tpm.endorsements());
    let check = |expected: Expected<'_>| verifier.verify(&evidence, &endorsements, expected, NOW).map(drop);
    let mut binding = [0x11; 64];
    binding[..32].copy_from_slice(&EXTRA_DATA);
    assert_eq!(check(Expected::Binding(&binding)), Ok(()));
    assert_eq!(check(Expected::ReportData(&EXTRA_DATA)), Ok(()));
    binding[32] ^= 1;
    assert_eq!(check(Expected::Binding(&binding)), Ok(()));
    binding[31] ^= 1;
    assert_eq!(check(Expected::Binding(&binding)), Err(Error::Binding));
    assert_eq!(check(Expected::ReportData(&EXTRA_DATA[..31])), Err(Error::Binding));
    assert_eq!(check(Expected::ReportData(&binding)), Err(Error::Binding));
    // All 64 bytes are not the first 32 of them.
    let mut long = tpm.clone();
    long.extra_data = [EXTRA_DATA, [0x11; 32]].concat();
    binding[..32].copy_from_slice(&EXTRA_DATA);
    let error = Verifier::new(tpm.trust())
        .verify(&long.evidence(), &endorsements, Expected::Binding(&binding), NOW)
        .unwrap_err();
    assert_eq!(error, Error::Binding);
}

// AT-05: both sides of each boundary.
#[test]
fn certificates_have_a_first_and_a_last_second() {
    let tpm = Tpm::new(Ak::P256).with_intermediate();
    let check = |at| verify_at(&tpm, tpm.trust(), at).map(drop);
    assert_eq!(check(NOT_BEFORE), Ok(()));
    assert_eq!(check(NOT_AFTER), Ok(()));
    let (place, not_before, not_after) = (Place::Leaf, UnixTime(NOT_BEFORE), UnixTime(NOT_AFTER));
    assert_eq!(check(NOT_BEFORE - 1), Err(Error::NotYetValid { place, not_before }));
    assert_eq!(check(NOT_AFTER + 1), Err(Error::Expired { place, not_after }));
    let (place, not_after) = (Place::Root, UnixTime(NOT_AFTER + 10));
    assert_eq!(check(NOT_AFTER + 11), Err(Error::Expired { place, not_after }));
    // A renewed certificate beside the old one is the one that counts.
    let mut endorsements = tpm.endorsements();
    let mut renewed = tpm.clone();
    renewed.leaf.not_after = NOT_AFTER + 5;
    endorsements.certificates.extend(renewed.endorsements().certificates);
    Verifier::new(tpm.trust())
        .verify(&tpm.evidence(), &endorsements, Expected::Unbound, UnixTime(NOT_AFTER + 1))
        .unwrap();
}

// AT-03: a CRL of the enrolment CA.
#[test]
fn a_revoked_certificate_is_refused() {
    let tpm = Tpm::new(Ak::P256);
    let verifier = Verifier::new(tpm.trust());
    let check = |revoked: &[u64], next_update, at| {
        let mut endorsements = tpm.endorsements();
        endorsements.crls.push(tpm.crl(revoked, next_update));
        verifier.verify(&tpm.evidence(), &endorsements, Expected::Unbound, UnixTime(at))
    };
    let verified = check(&[76, 78], NOT_AFTER - 1, NOW.0).unwrap();
    assert!(matches!(verified.checks().revocation, Outcome::Passed(_)));
    assert_eq!(verified.get().not_after, UnixTime(NOT_AFTER - 1));
    assert_eq!(check(&[76, 77], NOT_AFTER, NOW.0).unwrap_err(), Error::Revoked(Place::Leaf));
    let error = check(&[], NOW.0 + 1, NOW.0 + 2).unwrap_err();
    assert_eq!(error, Error::CrlExpired(UnixTime(NOW.0 + 1)));
    let mut endorsements = tpm.endorsements();
    let mut crl = tpm.crl(&[], NOT_AFTER);
    *crl.last_mut().unwrap() ^= 1;
    endorsements.crls.push(crl);
    let error = verifier.verify(&tpm.evidence(), &endorsements, Expected::Unbound, NOW).unwrap_err();
    assert!(matches!(error, Error::CrlInvalid(_) | Error::MalformedEndorsement(_)), "{error:?}");
}

// AT-03: a certificate of something else, whoever issued it.
#[test]
fn a_certificate_for_another_purpose_is_refused() {
    let error = bent(|tpm| tpm.leaf.extensions.retain(|extension| extension.oid != EXTENDED_KEY_USAGE));
    assert_eq!(error, Error::CertificateUsage(Place::Leaf));
    // serverAuth
    let error = bent(|tpm| tpm.leaf.extensions[1] = key_purpose("1.3.6.1.5.5.7.3.1"));
    assert_eq!(error, Error::CertificateUsage(Place::Leaf));
    // keyEncipherment
    let error = bent(|tpm| tpm.leaf.extensions[0].value = vec![0x03, 0x02, 0x05, 0x20]);
    assert_eq!(error, Error::CertificateUsage(Place::Leaf));
    let error = bent(|tpm| tpm.root.extensions.clear());
    assert_eq!(error, Error::CertificateUsage(Place::Root));
    // An unknown critical extension.
    let error = bent(|tpm| {
        tpm.leaf.extensions.push(common::der::Extension::critical("1.2.3.4", vec![5, 0]));
    });
    assert_eq!(error, Error::CertificateUsage(Place::Leaf));
}

/// A log of PCR 0 (measured twice) and PCR 7, and what it makes of them.
fn logged() -> (Log, BTreeMap<u8, [u8; 32]>) {
    let log = Log::new(&[(0x04, 20), (SHA256, 32)])
        .event(0, 3, b"StartupLocality\0\x03")
        .event(0, 8, b"version")
        .event(7, 0x8000_0001, b"secure boot")
        .event(0, 4, &[0; 4]);
    let extend = |value: [u8; 32], data: &[u8]| sha256(&[&value, &sha256(&[data])]);
    let mut start = [0; 32];
    start[31] = 3;
    let pcrs = BTreeMap::from([
        (0, extend(extend(start, b"version"), &[0; 4])),
        (4, [4; 32]),
        (7, extend([0; 32], b"secure boot")),
    ]);
    (log, pcrs)
}

// AT-02: event log replay.
#[test]
fn an_event_log_replays_to_the_quoted_values() {
    let (log, pcrs) = logged();
    let mut tpm = Tpm::new(Ak::P256);
    tpm.set_pcrs(pcrs.clone());
    for tail in [vec![], vec![0xff; 100], vec![0; 100]] {
        tpm.event_log = Some(Log { tail, ..log.clone() }.write());
        let verified = verify(&tpm).unwrap();
        assert_eq!(verified.get().attributes["event-log"], 1);
        assert_eq!(
            verified.checks().signature,
            Outcome::Passed(
                "ECDSA over the quote of 3 registers, 2 of which 4 events of the log replay to".to_owned()
            )
        );
    }
    // Registers that the log does not extend are as the quote says; those that were not quoted are passed over.
    let mut some = pcrs.clone();
    some.remove(&7);
    tpm.set_pcrs(some);
    verify(&tpm).unwrap();
    let refused = |tpm: &Tpm, register: &str| {
        let error = verify(tpm).unwrap_err();
        assert_eq!(error, Error::EventLog(register.to_owned()));
        assert_eq!((error.code(), error.exit()), ("event-log", 20));
    };
    // A log without what was measured, with something else, in another order, from another bank.
    tpm.set_pcrs(pcrs.clone());
    let mut cut = log.clone();
    cut.events.pop();
    tpm.event_log = Some(cut.write());
    refused(&tpm, "pcr-0");
    let mut other = log.clone();
    other.events[2].2[0] ^= 1;
    tpm.event_log = Some(other.write());
    refused(&tpm, "pcr-7");
    let mut order = log.clone();
    order.events.swap(1, 3);
    tpm.event_log = Some(order.write());
    refused(&tpm, "pcr-0");
    let sha384 = Log { banks: vec![(0x0c, 48)], ..log.clone() };
    tpm.event_log = Some(sha384.write());
    refused(&tpm, "a bank that was quoted");
    // A log of registers that were not quoted says nothing at all.
    tpm.event_log = Some(log.write());
    tpm.set_pcrs(BTreeMap::from([(4, [4; 32])]));
    refused(&tpm, "any register that was attested");
    tpm.event_log = Some(vec![0; 40]);
    assert!(matches!(verify(&tpm).unwrap_err(), Error::Malformed(_)));
}

// AT-26: hits, and what is checked all the same.
#[test]
fn a_repeat_is_a_hit() {
    let mut tpm = Tpm::new(Ak::P256);
    let verifier = Verifier::new(tpm.trust());
    let (evidence, endorsements) = (tpm.evidence(), tpm.endorsements());
    for _ in 0..10 {
        verifier.verify(&evidence, &endorsements, Expected::ReportData(&EXTRA_DATA), NOW).unwrap();
    }
    let counts = |hits, misses| CacheCounts { hits, misses };
    assert_eq!(verifier.signature_cache(), counts(9, 1));
    assert_eq!(verifier.chain_cache(), counts(0, 1));
    let check = |expected, at| verifier.verify(&evidence, &endorsements, expected, at).map(drop);
    assert_eq!(check(Expected::ReportData(&[0; 32]), NOW), Err(Error::Binding));
    let late = UnixTime(NOT_AFTER + 1);
    assert!(matches!(check(Expected::Unbound, late), Err(Error::Expired { .. })));
    // A fresh quote of a known key costs one signature.
    for round in 0..5 {
        tpm.extra_data = vec![round; 32];
        verifier.verify(&tpm.evidence(), &endorsements, Expected::Unbound, NOW).unwrap();
    }
    assert_eq!(verifier.chain_cache(), counts(5, 2));
}

// AT-08: one form, and no other.
#[test]
fn the_form_is_strict() {
    let tpm = Tpm::new(Ak::P256);
    let quote = Quote { event_log: Some(logged().0.write()), ..tpm.quote() };
    let bytes = quote.encode();
    assert_eq!(Quote::parse(&bytes), Ok(quote.clone()));
    assert_eq!(Evidence::detect(&tpm.evidence().bytes, None).unwrap().kind, Kind::Tpm);
    for len in 0..bytes.len() {
        assert!(Quote::parse(&bytes[..len]).is_err(), "{len}");
    }
    for suffix in [&[0][..], &[0xff; 3], &[0xa0]] {
        assert!(Quote::parse(&[&bytes, suffix].concat()).is_err());
    }
    let refused = |quote: &Quote| matches!(Quote::parse(&quote.encode()), Err(Error::Malformed(_)));
    assert!(refused(&Quote { pcrs: BTreeMap::new(), ..quote.clone() }));
    assert!(refused(&Quote { pcrs: BTreeMap::from([(24, [0; 32])]), ..quote.clone() }));
    assert!(refused(&Quote { attest: vec![0; 513], ..quote.clone() }));
    assert!(refused(&Quote { event_log: Some(vec![0; 192 * 1024 + 1]), ..quote.clone() }));
    // The structures inside are read to their last byte.
    for part in [0, 1, 2] {
        let mut long = tpm.quote();
        [&mut long.attest, &mut long.signature, &mut long.public][part].push(0);
        let error = Evidence::detect(&long.encode(), Some(Kind::Tpm)).unwrap_err();
        assert_eq!(error, Error::Malformed("bytes after a TPM structure"));
    }
}

// AT-08: prefixes of each structure.
#[test]
fn structures_that_are_cut_short_are_refused() {
    for ak in [Ak::P256, Ak::Rsa] {
        let whole = Tpm::new(ak).quote();
        for part in [0, 1, 2] {
            let len = [&whole.attest, &whole.signature, &whole.public][part].len();
            for len in 0..len {
                let mut cut = whole.clone();
                [&mut cut.attest, &mut cut.signature, &mut cut.public][part].truncate(len);
                assert!(matches!(Evidence::detect(&cut.encode(), Some(Kind::Tpm)), Err(Error::Malformed(_))));
            }
        }
    }
}

// AT-02: keys that no attestation key is.
#[test]
fn odd_keys_are_refused() {
    let public = Tpm::new(Ak::Rsa).public();
    // exponent 3
    let mut three = public.clone();
    three[21] = 3;
    let quote = Quote { public: three, ..Tpm::new(Ak::Rsa).quote() };
    let tpm = Tpm::new(Ak::Rsa);
    let check = |quote: &Quote| {
        let evidence = Evidence { kind: Kind::Tpm, bytes: quote.encode() };
        Verifier::new(tpm.trust()).verify(&evidence, &tpm.endorsements(), Expected::Unbound, NOW).unwrap_err()
    };
    assert!(matches!(check(&quote), Error::Unsupported(_)));
    // 1024 bits
    let short = [&public[..16], &[4, 0], &public[18..22], &sized(&[0x80; 128])].concat();
    assert!(matches!(check(&Quote { public: short, ..quote.clone() }), Error::Unsupported(_)));
    // a modulus whose highest bit is clear
    let mut low = public.clone();
    low[24] &= 0x7f;
    assert!(matches!(check(&Quote { public: low, ..quote.clone() }), Error::Malformed(_)));
    // no scheme, and RSAPSS
    let null = [&public[..12], &[0, 0x10], &public[16..]].concat();
    assert!(matches!(check(&Quote { public: null, ..quote.clone() }), Error::Unsupported(_)));
    let mut pss = public.clone();
    pss[13] = 0x16;
    assert!(matches!(check(&Quote { public: pss, ..quote.clone() }), Error::Unsupported(_)));
    // a Name by SHA-1, and a keyed hash
    let mut sha1 = public.clone();
    sha1[3] = 4;
    assert!(matches!(check(&Quote { public: sha1, ..quote.clone() }), Error::Unsupported(_)));
    let mut keyed = public;
    keyed[1] = 8;
    assert!(matches!(check(&Quote { public: keyed, ..quote }), Error::Unsupported(_)));
}

// TPM 2.0 part 1, section 16: the Name of an endorsement key's public area, whose template has a policy and AES.
#[test]
fn a_storage_key_parses_as_well() {
    let public = [
        &[0, 1, 0, 0x0b][..],
        &0x0003_00b2_u32.to_be_bytes(),
        &sized(&[0x83; 32]),
        // AES, 128 bits, CFB; no scheme; 2048 bits; exponent 0
        &[0, 6, 0, 0x80, 0, 0x43, 0, 0x10, 8, 0, 0, 0, 0, 0],
        &sized(&[0xc1; 256]),
    ]
    .concat();
    let parsed = Public::parse(&public).unwrap();
    assert_eq!(parsed.auth_policy, [0x83; 32]);
    assert!(parsed.unfit_to_attest().is_some());
    assert_eq!(name_of(&public).unwrap()[2..], sha256(&[&public]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    // AT-08: any bit of the evidence counts, wherever it is.
    #[test]
    fn a_changed_bit_is_refused(rsa: bool, at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let (log, pcrs) = logged();
        let mut tpm = Tpm::new(if rsa { Ak::Rsa } else { Ak::P256 });
        tpm.set_pcrs(pcrs);
        tpm.event_log = Some(log.write());
        let mut evidence = tpm.evidence();
        let at = at.index(evidence.bytes.len());
        evidence.bytes[at] ^= 1 << bit;
        let verifier = Verifier::new(tpm.trust());
        let verified =
            verifier.verify(&evidence, &tpm.endorsements(), Expected::ReportData(&EXTRA_DATA), NOW);
        match verified {
            Err(_) => {}
            // Nobody vouches for the data of an event and the digests of other banks, nor for attributes of the key that
            // were the enrolment CA's to check; the registers and the binding stay what they are.
            Ok(verified) => {
                let genuine = verifier
                    .verify(&tpm.evidence(), &tpm.endorsements(), Expected::Unbound, NOW)
                    .unwrap();
                prop_assert_eq!(&verified.get().measurements, &genuine.get().measurements);
                let log = evidence.bytes.len() - tpm.event_log.as_ref().unwrap().len();
                let public = tpm.public();
                // Its first bytes are found in other places too.
                let pristine = tpm.evidence().bytes;
                let public = pristine.windows(public.len()).position(|bytes| bytes == public).unwrap();
                prop_assert!(at >= log || (public + 4..public + 8).contains(&at), "byte {}", at);
            }
        }
    }

    // AT-08
    #[test]
    fn any_bytes_are_a_quote_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let quote = Tpm::new(Ak::P256).quote();
        for part in 0..4 {
            let mut quote = quote.clone();
            match part {
                0 => quote.attest.clone_from(&bytes),
                1 => quote.signature.clone_from(&bytes),
                2 => quote.public.clone_from(&bytes),
                _ => quote.event_log = Some(bytes.clone()),
            }
            prop_assert!(Evidence::detect(&quote.encode(), None).is_err());
        }
        prop_assert!(Quote::parse(&bytes).is_err());
    }
}
