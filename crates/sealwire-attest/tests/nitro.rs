//! Genuine Nitro documents, with known verdicts, and what is left of them after edits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::samples::sample;
use minicbor::Encoder;
use sealwire_attest::{
    Check, Claims, Endorsements, Error, Evidence, Kind, Outcome, Place, UnixTime, Verified, Verifier,
    verify::Expected,
};

/// When the production sample was made, 2025-01-06T16:07:05Z.
const PRODUCTION: UnixTime = UnixTime(1_736_179_625);
/// The window of its leaf.
const FIRST: UnixTime = UnixTime(1_736_179_622);
const LAST: UnixTime = UnixTime(1_736_190_425);

fn production() -> Option<Evidence> {
    Some(Evidence { kind: Kind::Nitro, bytes: sample("nitro/production.cose")? })
}

fn verify(evidence: &Evidence, expected: Expected<'_>, at: UnixTime) -> Result<Verified<Claims>, Error> {
    Verifier::new(&[]).verify(evidence, &Endorsements::default(), expected, at)
}

// AT-02, AT-20: the claims are the document's.
#[test]
fn production_is_genuine() {
    let Some(evidence) = production() else { return };
    assert_eq!(Evidence::detect(&evidence.bytes, None), Ok(evidence.clone()));
    let verified = verify(&evidence, Expected::Unbound, PRODUCTION).unwrap();
    let claims = verified.get();
    assert_eq!(claims.kind, Kind::Nitro);
    assert!(!claims.debug && !claims.development);
    assert_eq!(claims.product, "nitro");
    assert_eq!(claims.made_at, Some(PRODUCTION));
    assert_eq!(claims.not_after, LAST);
    assert_eq!(claims.measurements.len(), 16);
    assert_eq!(claims.measurements["pcr-0"], evidence.bytes[104..152]);
    for (register, value) in &claims.measurements {
        let is_set = ["pcr-0", "pcr-1", "pcr-2", "pcr-3", "pcr-4"].contains(&&**register);
        assert_eq!(value != &[0; 48], is_set, "{register}");
    }
    assert!(claims.report_data.is_empty());
    assert_eq!(hex::encode(claims.root)[..16], *"641a0321a3e244ef");
}

// AT-20: the id of the instance is in no log and on no status page.
#[test]
fn the_instance_is_withheld() {
    let Some(evidence) = production() else { return };
    let verified = verify(&evidence, Expected::Unbound, PRODUCTION).unwrap();
    let id = String::from_utf8(verified.get().hardware_id.clone()).unwrap();
    assert_eq!(id, "i-0bee92034f3d60691");
    assert!(!format!("{verified:?}").contains(&id));
    assert!(!serde_json::to_string(verified.checks()).unwrap().contains(&id));
}

// AT-03: what AWS does not offer, or nobody supplied, is not called passed.
#[test]
fn production_has_an_outcome_for_every_check() {
    let Some(evidence) = production() else { return };
    let verified = verify(&evidence, Expected::Unbound, PRODUCTION).unwrap();
    for check in Check::ALL {
        let outcome = verified.checks().get(check);
        match check {
            Check::Tcb | Check::Binding => {
                assert!(matches!(outcome, Outcome::NotAvailable(_)), "{outcome:?}")
            }
            Check::Revocation => assert!(matches!(outcome, Outcome::NotSupplied(_)), "{outcome:?}"),
            _ => assert!(matches!(outcome, Outcome::Passed(_)), "{check:?}: {outcome:?}"),
        }
    }
}

// AT-05: the leaf lives three hours; both sides of each boundary.
#[test]
fn production_is_valid_for_three_hours() {
    let Some(evidence) = production() else { return };
    for at in [FIRST, PRODUCTION, LAST] {
        verify(&evidence, Expected::Unbound, at).unwrap();
    }
    let at = UnixTime(FIRST.0 - 1);
    let expected = Error::NotYetValid { place: Place::Leaf, not_before: FIRST };
    assert_eq!(verify(&evidence, Expected::Unbound, at).unwrap_err(), expected);
    let at = UnixTime(LAST.0 + 1);
    let expected = Error::Expired { place: Place::Leaf, not_after: LAST };
    assert_eq!(verify(&evidence, Expected::Unbound, at).unwrap_err(), expected);
}

// AT-04: no user data and no nonce, where one is required.
#[test]
fn production_is_bound_to_nothing() {
    let Some(evidence) = production() else { return };
    let error = verify(&evidence, Expected::Binding(&[0; 64]), PRODUCTION).unwrap_err();
    assert_eq!(error, Error::Binding);
    let error = verify(&evidence, Expected::ReportData(&[7; 32]), PRODUCTION).unwrap_err();
    assert_eq!(error, Error::Binding);
    verify(&evidence, Expected::ReportData(&[]), PRODUCTION).unwrap();
}

// QI-07: debug evidence is genuine, and says what it is.
#[test]
fn debug_shows_in_the_claims() {
    let Some(bytes) = sample("nitro/debug-2021.cose") else { return };
    let evidence = Evidence { kind: Kind::Nitro, bytes };
    let verified = verify(&evidence, Expected::Unbound, UnixTime(1_614_963_709)).unwrap();
    assert!(verified.get().debug);
    assert_eq!(verified.get().measurements["pcr-0"], [0; 48]);
    assert_eq!(
        verified.checks().attributes,
        Outcome::Passed("debug mode: PCR 0, 1 and 2 are zero".to_owned())
    );
}

// QI-03, AT-08: the document in a container, with an indefinite map; what follows it is the container's.
#[test]
fn a_document_is_cut_out_of_its_container() {
    let Some(container) = sample("nitro/dstack-app.bin") else { return };
    let at = UnixTime(1_766_678_659);
    let rest = container[4..].to_vec();
    let trailing = Evidence { kind: Kind::Nitro, bytes: rest.clone() };
    assert_eq!(
        verify(&trailing, Expected::Unbound, at).unwrap_err(),
        Error::Malformed("bytes after the document")
    );
    let mut cbor = minicbor::Decoder::new(&rest);
    cbor.skip().unwrap();
    let evidence = Evidence { kind: Kind::Nitro, bytes: rest[..cbor.position()].to_vec() };
    let claims = verify(&evidence, Expected::Unbound, at).unwrap().get().clone();
    assert!(!claims.debug);
    let mut data = hex::decode("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855").unwrap();
    data.resize(64, 0);
    assert_eq!(claims.report_data, data);
    verify(&evidence, Expected::ReportData(&data), at).unwrap();
    verify(&evidence, Expected::Binding(&data.try_into().unwrap()), at).unwrap();
    // Tagged, as RFC 9052 has it.
    let tagged = Evidence { kind: Kind::Nitro, bytes: [&[0xd2], &evidence.bytes[..]].concat() };
    assert_eq!(Evidence::detect(&tagged.bytes, None), Ok(tagged.clone()));
    verify(&tagged, Expected::Unbound, at).unwrap();
}

// AT-08: cut anywhere, or longer.
#[test]
fn every_prefix_and_every_suffix_is_malformed() {
    let Some(evidence) = production() else { return };
    for len in 0..evidence.bytes.len() {
        let cut = Evidence { kind: Kind::Nitro, bytes: evidence.bytes[..len].to_vec() };
        let error = verify(&cut, Expected::Unbound, PRODUCTION).unwrap_err();
        assert_eq!(error.check(), Check::Format, "{len}: {error:?}");
    }
    for suffix in [&[0][..], &[0xff], &[0xf6; 20_000]] {
        let long = Evidence { kind: Kind::Nitro, bytes: [&evidence.bytes[..], suffix].concat() };
        let error = verify(&long, Expected::Unbound, PRODUCTION).unwrap_err();
        assert_eq!(error.check(), Check::Format, "{error:?}");
    }
}

// AT-03, AT-08: no bit of a document can be changed.
#[test]
fn every_byte_of_the_document_is_covered() {
    let Some(evidence) = production() else { return };
    let verifier = Verifier::new(&[]);
    let verify = |evidence: &Evidence| {
        verifier.verify(evidence, &Endorsements::default(), Expected::Unbound, PRODUCTION)
    };
    verify(&evidence).unwrap();
    for index in (0..evidence.bytes.len()).step_by(3) {
        let mut changed = evidence.clone();
        changed.bytes[index] ^= 1 << (index % 8);
        let error = verify(&changed).unwrap_err();
        let steps = [Check::Format, Check::Chain, Check::Validity, Check::Signature];
        assert!(steps.contains(&error.check()), "{index}: {error:?}");
    }
}

/// The production document with other certificates.
fn with_certificates(bytes: &[u8], leaf: &[u8], bundle: &[Vec<u8>]) -> Evidence {
    let mut cose = minicbor::Decoder::new(bytes);
    cose.array().unwrap();
    let protected = cose.bytes().unwrap();
    cose.map().unwrap();
    let payload = cose.bytes().unwrap();
    let signature = cose.bytes().unwrap();
    let mut map = minicbor::Decoder::new(payload);
    let pairs = map.map().unwrap().unwrap();
    let mut out = Encoder::new(Vec::new());
    out.map(pairs).unwrap();
    for _ in 0..pairs {
        let key = map.str().unwrap();
        out.str(key).unwrap();
        let start = map.position();
        map.skip().unwrap();
        match key {
            "certificate" => {
                out.bytes(leaf).unwrap();
            }
            "cabundle" => {
                out.array(bundle.len() as u64).unwrap();
                for der in bundle {
                    out.bytes(der).unwrap();
                }
            }
            _ => out.writer_mut().extend(&payload[start..map.position()]),
        }
    }
    let payload = out.into_writer();
    let mut out = Encoder::new(Vec::new());
    out.array(4).unwrap().bytes(protected).unwrap().map(0).unwrap();
    out.bytes(&payload).unwrap().bytes(signature).unwrap();
    Evidence { kind: Kind::Nitro, bytes: out.into_writer() }
}

fn chain(folder: &str, files: std::ops::Range<u8>) -> Vec<Vec<u8>> {
    files.map(|file| sample(&format!("nitro/{folder}/{file}.der")).unwrap()).collect()
}

// QI-07: a chain that looks like AWS's ends in a root that is not.
#[test]
fn the_lookalike_chain_is_refused() {
    let Some(evidence) = production() else { return };
    let bundle = chain("lookalike-chain", 0..4);
    let leaf = &chain("lookalike-chain", 4..5)[0];
    for at in [PRODUCTION, UnixTime(1_738_231_000)] {
        let document = with_certificates(&evidence.bytes, leaf, &bundle);
        assert_eq!(verify(&document, Expected::Unbound, at).unwrap_err(), Error::RootNotPinned);
    }
    // With AWS's root on top of it.
    let mut mixed = bundle.clone();
    mixed[0] = sample("nitro/aws-root-g1.der").unwrap();
    let document = with_certificates(&evidence.bytes, leaf, &mixed);
    let error = verify(&document, Expected::Unbound, UnixTime(1_738_231_000)).unwrap_err();
    assert_eq!(error, Error::CertificateSignature(Place::Intermediate));
}

// AT-02: a certificate in another's place.
#[test]
fn swapped_certificates_are_refused() {
    let Some(evidence) = production() else { return };
    let mut bundle = vec![sample("nitro/aws-root-g1.der").unwrap()];
    bundle.extend(chain("production-chain", 1..4));
    let leaf = chain("production-chain", 4..5).remove(0);
    let error = |leaf: &[u8], bundle: &[Vec<u8>]| {
        let document = with_certificates(&evidence.bytes, leaf, bundle);
        verify(&document, Expected::Unbound, PRODUCTION).unwrap_err()
    };
    // As it was, but for the encoding, which the signature is not over any more.
    let same = with_certificates(&evidence.bytes, &leaf, &bundle);
    assert_eq!(same.bytes, evidence.bytes);

    let [root, regional, zonal, instance] = bundle.clone().try_into().unwrap();
    // An authority in the place of the leaf.
    assert_eq!(error(&instance, &bundle), Error::CertificateUsage(Place::Leaf));
    // The root is not the first.
    let last = [regional.clone(), zonal.clone(), instance.clone(), root.clone()];
    assert_eq!(error(&leaf, &last), Error::RootNotPinned);
    // One is missing.
    for (missing, place) in [(1, Place::Intermediate), (2, Place::Intermediate), (3, Place::Intermediate)] {
        let mut bundle = bundle.clone();
        bundle.remove(missing);
        assert_eq!(error(&leaf, &bundle), Error::CertificateSignature(place), "{missing}");
    }
    // The leaf of another enclave.
    let other = chain("lookalike-chain", 4..5).remove(0);
    assert_eq!(error(&other, &bundle), Error::CertificateSignature(Place::Intermediate));
    // The order of those between root and leaf says nothing.
    assert_eq!(error(&leaf, &[root, instance, regional, zonal]), Error::Signature);
}

// AT-26
#[test]
fn a_repeat_is_a_hit() {
    let Some(evidence) = production() else { return };
    let verifier = Verifier::new(&[]);
    for _ in 0..10 {
        verifier.verify(&evidence, &Endorsements::default(), Expected::Unbound, PRODUCTION).unwrap();
    }
    let (chains, signatures) = (verifier.chain_cache(), verifier.signature_cache());
    assert_eq!((chains.hits, chains.misses), (0, 1));
    assert_eq!((signatures.hits, signatures.misses), (9, 1));
    // What is kept is no decision: time is looked at every time.
    let at = UnixTime(LAST.0 + 1);
    let error = verifier.verify(&evidence, &Endorsements::default(), Expected::Unbound, at).unwrap_err();
    assert_eq!(error, Error::Expired { place: Place::Leaf, not_after: LAST });
}
