//! Genuine samples with bytes changed, as `mutations.json` lists them: each is refused at the step that has to refuse it,
//! for that reason and no other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::samples::{MILAN_TIME, quotes, sample};
use sealwire_attest::{Endorsements, Error, Evidence, Kind, UnixTime, Verifier, verify::Expected};
use serde_json::Value;
use std::collections::BTreeMap;

/// The samples that are changed: file, kind, endorsements, time.
const BASES: [(&str, Kind, &[&str], u64); 5] = [
    ("tdx/phala-2025.bin", Kind::Tdx, &["tdx/phala-2025.collateral.json"], 1_751_624_163),
    ("sgx/processor-ca.bin", Kind::Sgx, &["sgx/processor-ca.collateral.json"], 1_751_626_571),
    ("snp/milan.report.hex", Kind::Snp, &["snp/milan.vcek.der"], MILAN_TIME.0),
    ("nitro/production.cose", Kind::Nitro, &[], 1_736_179_625),
    ("nvidia/hopper-1.report.hex", Kind::Nvidia, &["nvidia/hopper-1.chain.pem"], 1_760_054_400),
];

/// What each is refused for. The list itself names the step in words.
const REFUSALS: [(&str, Error); 19] = [
    ("QM-01", Error::Signature),
    ("QM-02", Error::Signature),
    ("QM-04", Error::QeSignature),
    ("QM-05", Error::KeyNotBound("the quoting enclave speaks for another attestation key")),
    ("QM-07", Error::Malformed("cut short")),
    ("QM-08", Error::Malformed("cut short")),
    ("QM-09", Error::Malformed("bytes after the end")),
    ("QM-11", Error::Unsupported("an attestation key of another type than ECDSA P-256")),
    ("QM-13", Error::Signature),
    ("QM-14", Error::Signature),
    ("QM-20", Error::Signature),
    ("QM-21", Error::Signature),
    ("QM-22", Error::Signature),
    ("QM-25", Error::Length { what: "SEV-SNP report", expected: 1184, found: 1183 }),
    ("QM-30", Error::Signature),
    ("QM-31", Error::Signature),
    ("QM-33", Error::Malformed("bytes after the document")),
    ("QM-40", Error::Signature),
    ("QM-42", Error::Malformed("cut short")),
];

/// The reason codes that a step in the list's words has: those of the step itself, not of one before it.
fn codes(step: &str) -> &'static [&'static str] {
    match step {
        "quote signature" | "report signature" | "report signature and nonce" | "COSE signature" => {
            &["signature"]
        }
        "QE report signature" => &["qe-signature"],
        "attestation key not bound to the QE report" => &["key-not-bound"],
        "unsupported key type" => &["unsupported"],
        "parse" => &["malformed", "length"],
        "parse, without allocating" | "parse: trailing byte" | "policy: non-zero trailing bytes" => {
            &["malformed"]
        }
        other => panic!("a step that is not known: {other}"),
    }
}

/// A sample, or a change of it, through all that a verifier does.
fn verify(base: &str, bytes: &[u8]) -> Result<(), Error> {
    let (_, kind, files, at) = BASES.into_iter().find(|(name, ..)| *name == base).expect(base);
    let mut endorsements = Endorsements::default();
    for file in files {
        endorsements.add(&sample(file).unwrap()).expect(file);
    }
    let evidence = Evidence::detect(bytes, Some(kind))?;
    Verifier::new(&[]).verify(&evidence, &endorsements, Expected::Unbound, UnixTime(at)).map(drop)
}

fn edit(bytes: &mut Vec<u8>, edit: &Value) {
    let at = || usize::try_from(edit["at"].as_u64().unwrap()).unwrap();
    let with = || hex::decode(edit["bytes"].as_str().unwrap()).unwrap();
    match edit["op"].as_str().unwrap() {
        "xor" => {
            let with = with();
            bytes[at()..][..with.len()].iter_mut().zip(with).for_each(|(byte, with)| *byte ^= with);
        }
        "set" => {
            let with = with();
            bytes[at()..][..with.len()].copy_from_slice(&with);
        }
        "truncate" => bytes.truncate(at()),
        "append" => bytes.extend(with()),
        other => panic!("an edit that is not known: {other}"),
    }
}

// QI-08, SE-84: all of the list, from QM-01 to QM-42.
#[test]
fn every_mutation_of_the_list_is_refused_at_its_step() {
    let Some(folder) = quotes() else { return };
    for (base, ..) in BASES {
        assert_eq!(verify(base, &sample(base).unwrap()), Ok(()), "{base} as it is");
    }
    let list = std::fs::read(folder.join("mutations.json")).unwrap();
    let list: Value = serde_json::from_slice(&list).unwrap();
    let mut left = BTreeMap::from(REFUSALS);
    for case in list["cases"].as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap();
        let (id, base) = (text("id"), text("base"));
        assert_eq!(text("expect"), "reject", "{id}");
        let mut bytes = sample(base).unwrap();
        case["edits"].as_array().unwrap().iter().for_each(|step| edit(&mut bytes, step));
        let expected = left.remove(id).unwrap_or_else(|| panic!("{id} is new, or in the list twice"));
        assert!(codes(text("step")).contains(&expected.code()), "{id}: {}", text("step"));
        assert_eq!(verify(base, &bytes), Err(expected), "{id}");
    }
    assert!(left.is_empty(), "no longer in the list: {left:?}");
}
