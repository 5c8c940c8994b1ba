//! A quote as this project's own programs make it, from a software TPM to the enrolled key, kept as a file: what was
//! made once is verified by every later version.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

use sealwire_attest::{Endorsements, Error, Evidence, Kind, Trust, UnixTime, Verifier, verify::Expected};
use sealwire_crypto::digest::sha256;

struct Vector {
    at: UnixTime,
    evidence: Evidence,
    endorsements: Endorsements,
    root: [u8; 32],
    report_data: [u8; 64],
}

fn vector() -> Vector {
    let json: serde_json::Value = serde_json::from_str(include_str!("vectors/tpm-quote.json")).unwrap();
    let field = |name: &str| hex::decode(json[name].as_str().unwrap()).unwrap();
    let root = field("enrolment-root");
    let mut endorsements = Endorsements::default();
    endorsements.add(&field("attestation-key-certificate")).unwrap();
    endorsements.add(&root).unwrap();
    Vector {
        at: UnixTime(json["at"].as_u64().unwrap()),
        evidence: Evidence::detect(&field("evidence"), Some(Kind::Tpm)).unwrap(),
        endorsements,
        root: sha256(&[&root]),
        report_data: field("report-data").try_into().unwrap(),
    }
}

// AT-02, AT-04: from the file to the claims, and each part held against the others.
#[test]
fn the_vector_verifies() {
    let Vector { at, evidence, endorsements, root, report_data } = vector();
    let verifier = Verifier::new(Trust { enrolment: vec![root], ..Trust::default() });
    let verify = |evidence: &Evidence, data: &[u8; 64]| {
        let verified = verifier.verify(evidence, &endorsements, Expected::Binding(data), at);
        verified.map(|verified| verified.get().clone())
    };
    let claims = verify(&evidence, &report_data).unwrap();
    assert_eq!((claims.root, claims.report_data.as_slice()), (root, &report_data[..32]));
    assert_eq!(claims.measurements.len(), 22);
    assert_eq!(claims.hardware_id.len(), 32);

    let mut other = report_data;
    other[31] ^= 1;
    assert_eq!(verify(&evidence, &other).err(), Some(Error::Binding));
    let mut altered = evidence.clone();
    let last = altered.bytes.len() - 1;
    altered.bytes[last] ^= 1;
    assert_eq!(verify(&altered, &report_data).err(), Some(Error::PcrDigest));
    let nobody = Verifier::new(Trust { enrolment: vec![[0; 32]], ..Trust::default() });
    nobody.verify(&evidence, &endorsements, Expected::Binding(&report_data), at).unwrap_err();
}
