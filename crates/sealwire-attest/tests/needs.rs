//! What evidence needs of its vendor, and what counts as an answer.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use common::samples::{milan, sample};
use sealwire_attest::{
    Endorsements, Error, Evidence, Kind, UnixTime,
    composite::Presented,
    needs::{Answer, Need, needs},
};
use std::collections::BTreeMap;

fn detected(name: &str, kind: Kind) -> Option<Evidence> {
    Some(Evidence::detect(&sample(name)?, Some(kind)).unwrap())
}

fn names(evidence: Evidence, endorsements: &Endorsements) -> Vec<String> {
    needs(&evidence.into(), endorsements).unwrap().published.iter().map(Need::name).collect()
}

// AT-70: derived from evidence, for every kind.
#[test]
fn needs_follow_from_evidence() {
    let none = Endorsements::default();
    let Some(tdx) = detected("tdx/phala-2025.bin", Kind::Tdx) else { return };
    let of_tdx =
        ["intel-tcb-tdx-b0c06f000000", "intel-pck-crl-platform", "intel-qe-identity-tdx", "intel-root-crl"];
    assert_eq!(names(tdx.clone(), &none), of_tdx);
    let sgx = detected("sgx/processor-ca.bin", Kind::Sgx).unwrap();
    let of_sgx =
        ["intel-tcb-sgx-00a067110000", "intel-pck-crl-processor", "intel-qe-identity-sgx", "intel-root-crl"];
    assert_eq!(names(sgx, &none), of_sgx);
    let azure = detected("tpm/azure-tdx.evidence.json", Kind::AzureTdx).unwrap();
    assert_eq!(names(azure, &none)[0], "intel-tcb-tdx-00806f050000");
    let nitro = detected("nitro/production.cose", Kind::Nitro).unwrap();
    // The lists that the regional and the zonal certificate name, by their numbers.
    let of_nitro = [
        "aws-nitro-crl-eu-central-1-da69a570-f489-4370-99bc-f2fca9224088",
        "aws-nitro-crl-root-ab4960cc-7d63-42bd-9e9f-59338cb67f84",
    ];
    assert_eq!(names(nitro, &none), of_nitro);

    // A companion's needs are told with the lead's, each once.
    let companions = BTreeMap::from([("other".to_owned(), tdx.clone())]);
    let both = needs(&Presented { lead: tdx, companions }, &none).unwrap();
    assert_eq!(both.published.len(), 4);
}

// AT-70: a certificate that is at hand is not asked for; what has an end is.
#[test]
fn what_is_at_hand_is_not_needed() {
    let Some((evidence, endorsements)) = milan() else { return };
    let without = names(evidence.clone(), &Endorsements::default());
    assert!(without.len() == 1 && without[0].starts_with("amd-vcek-milan-"), "{without:?}");
    assert_eq!(names(evidence, &endorsements), ["amd-vcek-crl-milan"]);
    // A VLEK is nobody's to publish; its authority and the CRL are.
    let vlek = detected("snp/aws-vlek.report.bin", Kind::Snp).unwrap();
    let found = needs(&vlek.clone().into(), &Endorsements::default()).unwrap();
    assert!(found.elsewhere[0].contains("VLEK"));
    let mut with = Endorsements::default();
    with.add(&sample("snp/aws-vlek.der").unwrap()).unwrap();
    assert_eq!(names(vlek, &with), ["amd-vlek-chain-milan", "amd-vlek-crl-milan"]);
    // Evidence of a development machine brings everything along.
    let development = Evidence { kind: Kind::Development, ..milan().unwrap().0 };
    assert!(names(development, &Endorsements::default()).is_empty());
}

// AT-70: nothing shown of a need tells the chip, and its name only to who knows the chip.
#[test]
fn a_need_does_not_show_the_chip() {
    let Some((evidence, _)) = milan() else { return };
    let chip = hex::encode(&evidence.bytes[0x1a0..0x1a8]);
    let need = needs(&evidence.into(), &Endorsements::default()).unwrap().published.remove(0);
    for shown in [need.to_string(), format!("{need:?}"), need.name()] {
        assert!(!shown.contains(&chip), "{shown}");
    }
}

// AT-08: evidence that is none needs nothing.
#[test]
fn malformed_evidence_is_told() {
    for kind in [Kind::Snp, Kind::Tdx, Kind::Sgx, Kind::AzureSnp, Kind::AzureTdx, Kind::Nitro] {
        let evidence = Evidence { kind, bytes: vec![0; 40] };
        assert!(needs(&evidence.into(), &Endorsements::default()).is_err(), "{kind}");
    }
}

// AT-70, QI-06: exact bytes; any byte of an answer that is changed makes it none.
#[test]
fn an_answer_counts_whole_or_not_at_all() {
    let Some(bytes) = sample("tdx/tcb-info/tdx-00806f050000.json") else { return };
    let need =
        Need::IntelTcb { tee: sealwire_attest::needs::IntelTee::Tdx, fmspc: [0x00, 0x80, 0x6f, 0x05, 0, 0] };
    let check = |bytes: &[u8]| need.check(&Answer { bytes: bytes.to_vec(), issuers: Vec::new() });
    let checked = check(&bytes).unwrap();
    assert_eq!(checked.endorsements.references.len(), 1);
    assert!(checked.from < checked.until);
    for at in (0..bytes.len()).step_by(97) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(check(&changed).is_err(), "byte {at}");
    }
    for len in (0..bytes.len()).step_by(211) {
        assert!(check(&bytes[..len]).is_err(), "{len} bytes");
    }
    // Re-indented, it is signed by nobody any more.
    let indented = sample("sgx/tcb-info/sgx-90c06f000000.json").unwrap();
    let need =
        Need::IntelTcb { tee: sealwire_attest::needs::IntelTee::Sgx, fmspc: [0x90, 0xc0, 0x6f, 0, 0, 0] };
    let refused = need.check(&Answer { bytes: indented, issuers: Vec::new() });
    assert!(matches!(refused, Err(Error::ReferenceInvalid(_))), "{refused:?}");
}

// AT-70: what is past its end is not handed on.
#[test]
fn what_has_ended_is_dropped() {
    let Some(collateral) = sample("tdx/phala-2025.collateral.json") else { return };
    let mut all = Endorsements::default();
    all.add(&collateral).unwrap();
    let count = |at| {
        let mut left = all.clone();
        let dropped = left.drop_ended(UnixTime(at));
        (left.crls.len(), left.references.len(), dropped)
    };
    assert_eq!(count(1_751_624_163), (2, 2, 0));
    // In autumn only the CRL of the root is left.
    assert_eq!(count(1_759_600_000), (1, 0, 3));
    assert_eq!(count(1_800_000_000), (0, 0, 4));
}
