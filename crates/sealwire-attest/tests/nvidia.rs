//! The genuine NVIDIA report, and what is left of it after edits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::samples::{quotes, sample};
use sealwire_attest::{
    Check, Claims, Endorsements, Error, Evidence, Kind, Outcome, Place, UnixTime, Verified, Verifier,
    corim::{Corim, Key},
    verify::Expected,
};

const NOW: UnixTime = UnixTime(1_750_000_000);
/// The first second of the youngest certificate, 2022-03-01.
const FIRST: UnixTime = UnixTime(1_646_092_800);
/// The last second of 9999.
const LAST: UnixTime = UnixTime(253_402_300_799);

fn hopper() -> Option<(Evidence, Endorsements)> {
    let evidence = Evidence { kind: Kind::Nvidia, bytes: sample("nvidia/hopper-1.report.hex")? };
    let mut endorsements = Endorsements::default();
    endorsements.add(&sample("nvidia/hopper-1.chain.pem")?).unwrap();
    Some((evidence, endorsements))
}

fn verify(
    evidence: &Evidence,
    endorsements: &Endorsements,
    expected: Expected<'_>,
    at: UnixTime,
) -> Result<Verified<Claims>, Error> {
    Verifier::new(&[]).verify(evidence, endorsements, expected, at)
}

// AT-02, AT-20: the claims are the report's.
#[test]
fn hopper_is_genuine() {
    let Some((evidence, endorsements)) = hopper() else { return };
    assert_eq!(Evidence::detect(&evidence.bytes, None), Ok(evidence.clone()));
    let text = std::fs::read(quotes().unwrap().join("nvidia/hopper-1.report.hex")).unwrap();
    assert_eq!(Evidence::detect(&text, Some(Kind::Nvidia)), Ok(evidence.clone()));
    let verified = verify(&evidence, &endorsements, Expected::Unbound, NOW).unwrap();
    let claims = verified.get();
    assert_eq!(claims.kind, Kind::Nvidia);
    assert_eq!(claims.product, "gh100");
    assert_eq!(claims.hardware_model, "NVIDIA GH100");
    assert_eq!(claims.versions["driver"], "550.90.07");
    assert_eq!(claims.versions["vbios"], "96.00.9F.00.01");
    assert_eq!(claims.measurements.len(), 64);
    assert_eq!(claims.measurements["measurement-1"], [0; 48]);
    assert_eq!(hex::encode(&claims.measurements["measurement-2"][..8]), "8048dfd18fe229bf");
    assert_eq!(claims.attributes["nvdec0-enabled"], 0);
    assert_eq!(claims.attributes["protected-pcie"], 0);
    assert_eq!(claims.report_data, evidence.bytes[4..36]);
    assert_eq!(claims.tcb_status, None);
    assert_eq!(claims.made_at, None);
    assert_eq!(claims.not_after, LAST);
    assert_eq!(hex::encode(claims.root)[..16], *"102bf659d5419614");
}

// AT-20: the id of the hardware is in no log and on no status page.
#[test]
fn the_hardware_id_is_withheld() {
    let Some((evidence, endorsements)) = hopper() else { return };
    let verified = verify(&evidence, &endorsements, Expected::Unbound, NOW).unwrap();
    let id = String::from_utf8(verified.get().hardware_id.clone()).unwrap();
    assert_eq!(id, "48B02D92494BADF4");
    assert!(!format!("{verified:?}").contains(&id));
    assert!(!serde_json::to_string(verified.checks()).unwrap().contains(&id));
}

// AT-03, AT-06: what NVIDIA does not offer, or nobody supplied, is not called passed.
#[test]
fn hopper_has_an_outcome_for_every_check() {
    let Some((evidence, endorsements)) = hopper() else { return };
    let verified = verify(&evidence, &endorsements, Expected::Unbound, NOW).unwrap();
    for check in Check::ALL {
        let outcome = verified.checks().get(check);
        match check {
            Check::Attributes | Check::Binding | Check::Freshness => {
                assert!(matches!(outcome, Outcome::NotAvailable(_)), "{check:?}: {outcome:?}");
            }
            Check::Revocation | Check::Tcb => {
                assert!(matches!(outcome, Outcome::NotSupplied(_)), "{outcome:?}")
            }
            _ => assert!(matches!(outcome, Outcome::Passed(_)), "{check:?}: {outcome:?}"),
        }
    }
    let names = "NV_GPU_DRIVER_GH100_550.90.07, NV_GPU_VBIOS_1010_0200_882_96009F0001";
    assert_eq!(verified.checks().tcb, Outcome::NotSupplied(format!("no reference manifest {names}")));
}

// AT-05: both sides of each boundary.
#[test]
fn hopper_is_valid_from_its_first_second_to_its_last() {
    let Some((evidence, endorsements)) = hopper() else { return };
    for at in [FIRST, LAST] {
        verify(&evidence, &endorsements, Expected::Unbound, at).unwrap();
    }
    let before = verify(&evidence, &endorsements, Expected::Unbound, UnixTime(FIRST.0 - 1)).unwrap_err();
    assert_eq!(before, Error::NotYetValid { place: Place::Intermediate, not_before: FIRST });
    let after = verify(&evidence, &endorsements, Expected::Unbound, UnixTime(LAST.0 + 1)).unwrap_err();
    assert_eq!(after, Error::Expired { place: Place::Root, not_after: LAST });
}

// AT-04: the first 32 bytes of a binding.
#[test]
fn hopper_is_bound_to_its_nonce() {
    let Some((evidence, endorsements)) = hopper() else { return };
    let mut binding = [9; 64];
    binding[..32].copy_from_slice(&evidence.bytes[4..36]);
    verify(&evidence, &endorsements, Expected::Binding(&binding), NOW).unwrap();
    verify(&evidence, &endorsements, Expected::ReportData(&binding[..32]), NOW).unwrap();
    for wrong in [&binding[..31], &binding[..33], &[0; 32]] {
        let error = verify(&evidence, &endorsements, Expected::ReportData(wrong), NOW).unwrap_err();
        assert_eq!(error, Error::Binding);
    }
    binding[31] ^= 1;
    let error = verify(&evidence, &endorsements, Expected::Binding(&binding), NOW).unwrap_err();
    assert_eq!(error, Error::Binding);
}

// AT-06: without its certificates there is nothing to verify it with.
#[test]
fn hopper_without_its_chain_lacks_an_endorsement() {
    let Some((evidence, endorsements)) = hopper() else { return };
    let error = verify(&evidence, &Endorsements::default(), Expected::Unbound, NOW).unwrap_err();
    assert_eq!(error, Error::EndorsementMissing("the certificate of the GPU's firmware"));
    for missing in 1..4 {
        let mut endorsements = endorsements.clone();
        endorsements.certificates.remove(missing);
        let error = verify(&evidence, &endorsements, Expected::Unbound, NOW).unwrap_err();
        assert_eq!(error.exit(), 40, "{missing}: {error:?}");
    }
    // The root is built in.
    let mut without = endorsements.clone();
    without.certificates.remove(4);
    verify(&evidence, &without, Expected::Unbound, NOW).unwrap();
    // In any order, among others.
    let mut many = Endorsements::default();
    many.add(&sample("snp/milan.chain.pem").unwrap()).unwrap();
    many.certificates.extend(endorsements.certificates.into_iter().rev());
    verify(&evidence, &many, Expected::Unbound, NOW).unwrap();
}

// AT-08: cut anywhere, or longer.
#[test]
fn every_prefix_and_every_suffix_is_malformed() {
    let Some((evidence, endorsements)) = hopper() else { return };
    for len in 0..evidence.bytes.len() {
        let cut = Evidence { kind: Kind::Nvidia, bytes: evidence.bytes[..len].to_vec() };
        let error = verify(&cut, &endorsements, Expected::Unbound, NOW).unwrap_err();
        assert_eq!(error, Error::Malformed("cut short"), "{len}");
    }
    for suffix in [&[0][..], &[0xff; 96], &[0; 65536]] {
        let long = Evidence { kind: Kind::Nvidia, bytes: [&evidence.bytes[..], suffix].concat() };
        let error = verify(&long, &endorsements, Expected::Unbound, NOW).unwrap_err();
        assert_eq!(error.check(), Check::Format, "{error:?}");
    }
}

// AT-03, AT-08, SE-84: no bit of a report can be changed.
#[test]
fn every_byte_of_the_report_is_covered() {
    let Some((evidence, endorsements)) = hopper() else { return };
    let verifier = Verifier::new(&[]);
    let verify =
        |evidence: &Evidence| verifier.verify(evidence, &endorsements, Expected::Unbound, NOW).map(|_| ());
    verify(&evidence).unwrap();
    for index in (0..evidence.bytes.len()).step_by(11).chain(0..48) {
        let mut changed = evidence.clone();
        changed.bytes[index] ^= 1 << (index % 8);
        let error = verify(&changed).unwrap_err();
        assert!([Check::Format, Check::Signature].contains(&error.check()), "{index}: {error:?}");
    }
}

// AT-03: no bit of the certificates can be changed; the root's is the built-in one.
#[test]
fn every_byte_of_the_certificates_is_covered() {
    let Some((evidence, endorsements)) = hopper() else { return };
    for certificate in 0..4 {
        for index in (0..endorsements.certificates[certificate].len()).step_by(17) {
            let mut changed = endorsements.clone();
            changed.certificates[certificate][index] ^= 1 << (index % 8);
            let error = verify(&evidence, &changed, Expected::Unbound, NOW).unwrap_err();
            let steps = [Check::Format, Check::Chain, Check::Validity, Check::Signature];
            assert!(steps.contains(&error.check()), "{certificate}, {index}: {error:?}");
        }
    }
}

// AT-26
#[test]
fn a_repeat_is_a_hit() {
    let Some((evidence, endorsements)) = hopper() else { return };
    let verifier = Verifier::new(&[]);
    for _ in 0..10 {
        verifier.verify(&evidence, &endorsements, Expected::Unbound, NOW).unwrap();
    }
    let (chains, signatures) = (verifier.chain_cache(), verifier.signature_cache());
    assert_eq!((chains.hits, chains.misses), (0, 1));
    assert_eq!((signatures.hits, signatures.misses), (9, 1));
    // What is kept is no decision: the binding is compared every time.
    let error = verifier.verify(&evidence, &endorsements, Expected::ReportData(&[0; 32]), NOW).unwrap_err();
    assert_eq!(error, Error::Binding);
}

// AT-22, AT-80: NVIDIA's own manifest, of a network card: it parses, and says nothing of a GPU.
#[test]
fn the_manifest_of_a_network_card_is_passed_over() {
    let Some((evidence, mut endorsements)) = hopper() else { return };
    let bytes = sample("nvidia/cx7-rim.cbor").unwrap();
    let corim = Corim::parse(&bytes).unwrap();
    assert!(corim.is_signed());
    assert!(corim.is_named("ConnectX-7_28.48.1000"));
    assert!(corim.is_named("15b3102115b3002300-28.48.1000"));
    assert_eq!(corim.references[0].vendor.as_deref(), Some("NVIDIA"));
    assert_eq!(corim.references[0].key, Some(Key::Index(2)));
    assert_eq!(corim.references[0].digests[0].algorithm, Some(8));
    assert_eq!(corim.references[0].digests[0].value.len(), 64);
    endorsements.add(&bytes).unwrap();
    endorsements.add(&bytes).unwrap();
    assert_eq!(endorsements.references, std::slice::from_ref(&bytes));
    let verified = verify(&evidence, &endorsements, Expected::Unbound, NOW).unwrap();
    assert!(matches!(verified.checks().tcb, Outcome::NotSupplied(_)));

    // AT-08
    for len in 0..bytes.len() {
        assert!(Corim::parse(&bytes[..len]).is_err(), "{len}");
    }
    let mut trailing = bytes;
    trailing.push(0);
    let error = Endorsements::default().add(&trailing).unwrap_err();
    assert!(matches!(error, Error::MalformedEndorsement(_)), "{error:?}");
}
