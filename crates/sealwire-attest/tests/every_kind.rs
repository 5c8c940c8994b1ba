//! What holds for every kind of evidence alike, on genuine samples.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{
    genuine::{Genuine, genuine},
    samples::{quotes, sample},
};
use sealwire_attest::{
    Check, Claims, Error, Evidence, Kind, Outcome, UnixTime, Verified, Verifier, check, verify::Expected,
};
use serde_json::Value;

fn verify(sample: &Genuine, evidence: &Evidence, at: UnixTime) -> Result<Verified<Claims>, Error> {
    Verifier::new(&[]).verify(evidence, &sample.endorsements, Expected::Unbound, at)
}

/// The cell of the documentation's table.
fn cell(kind: Kind, check: Check) -> String {
    let table = check::table();
    let mut rows = table.lines().filter(|line| line.starts_with('|'));
    let column = rows.next().unwrap().split('|').position(|name| name.trim() == format!("`{kind}`")).unwrap();
    let row = rows.find(|row| row.split('|').nth(1).unwrap().trim() == check.name()).unwrap();
    row.split('|').nth(column).unwrap().to_owned()
}

// AT-03: no check is skipped in silence, and what the table says of a kind is what its verifier does.
#[test]
fn every_check_has_the_outcome_that_the_table_promises() {
    let Some(samples) = genuine() else { return };
    for sample in &samples {
        let first = verify(sample, &sample.evidence, sample.at).expect(sample.name);
        let data = first.get().report_data.clone();
        let verified = Verifier::new(&[])
            .verify(&sample.evidence, &sample.endorsements, Expected::ReportData(&data), sample.at)
            .expect(sample.name);
        for check in Check::ALL {
            let outcome = verified.checks().get(check);
            let promised = !cell(sample.evidence.kind, check).contains("**not available**");
            let holds = match outcome {
                Outcome::Passed(_) | Outcome::NotSupplied(_) => promised,
                Outcome::NotAvailable(_) => !promised,
                Outcome::Failed(_) | Outcome::NotReached => false,
            };
            assert!(holds, "{}: {check:?} is {outcome:?}", sample.name);
        }
    }
}

// AT-20: the id of the hardware is in no log and on no status page, whichever the kind.
#[test]
fn no_kind_tells_the_hardware_id() {
    let Some(samples) = genuine() else { return };
    for sample in &samples {
        let verified = verify(sample, &sample.evidence, sample.at).unwrap();
        let id = hex::encode(&verified.get().hardware_id);
        assert!(!id.is_empty(), "{}", sample.name);
        assert!(!format!("{verified:?}").contains(&id), "{}", sample.name);
    }
}

// AT-04: the right evidence over other report data is refused, and so is a binding that it does not carry.
#[test]
fn every_kind_is_held_to_its_report_data() {
    let Some(samples) = genuine() else { return };
    for sample in &samples {
        let verified = verify(sample, &sample.evidence, sample.at).unwrap();
        let mut data = verified.get().report_data.clone();
        let verifier = Verifier::new(&[]);
        let bound = |expected: Expected<'_>| {
            verifier.verify(&sample.evidence, &sample.endorsements, expected, sample.at).map(drop)
        };
        assert_eq!(bound(Expected::Binding(&[7; 64])), Err(Error::Binding), "{}", sample.name);
        data.push(0);
        assert_eq!(bound(Expected::ReportData(&data)), Err(Error::Binding), "{}", sample.name);
        data.pop();
        if let Some(first) = data.first_mut() {
            *first ^= 1;
            assert_eq!(bound(Expected::ReportData(&data)), Err(Error::Binding), "{}", sample.name);
        }
    }
}

// AT-08: of every kind, any bit flipped, any prefix and any suffix are refused.
#[test]
fn no_edit_of_a_sample_passes() {
    let Some(samples) = genuine() else { return };
    let passed = std::cell::RefCell::new(Vec::new());
    for sample in &samples {
        let bytes = &sample.evidence.bytes;
        let refused = |edited: Vec<u8>, what: String| {
            let evidence = Evidence { kind: sample.evidence.kind, bytes: edited };
            let verdict = verify(sample, &evidence, sample.at);
            if verdict.is_ok() {
                passed.borrow_mut().push(format!("{}: {what}", sample.name));
            }
        };
        // A step that has no common factor with the sizes of structures.
        // The TD's own report inside of an HCL report has a MAC that only its machine can check; what of it means
        // anything is compared with the quote.
        let unchecked = match sample.evidence.kind {
            Kind::AzureTdx => 32..32 + 1024 + 16,
            _ => 0..0,
        };
        let positions = (0..bytes.len()).step_by(37).filter(|at| !unchecked.contains(at));
        for at in positions.chain([bytes.len() - 1]) {
            let mut edited = bytes.clone();
            edited[at] ^= 1 << (at % 8);
            refused(edited, format!("a bit of byte {at}"));
        }
        for cut in (0..bytes.len()).step_by(61).chain([bytes.len() - 1]) {
            refused(bytes[..cut].to_vec(), format!("a prefix of {cut} bytes"));
        }
        // Zeros behind an Intel quote are the one exception of AT-08.
        let zero: &[u8] = if matches!(sample.evidence.kind, Kind::Tdx | Kind::Sgx) { &[1] } else { &[0] };
        for suffix in [zero, &[1], &[0xff; 64], bytes] {
            refused([bytes, suffix].concat(), format!("a suffix of {} bytes", suffix.len()));
        }
    }
    assert!(passed.borrow().is_empty(), "{:#?}", passed.borrow());
}

// AT-05: nothing verifies long before or long after its time.
#[test]
fn every_kind_has_its_time() {
    let Some(samples) = genuine() else { return };
    for sample in &samples {
        for at in [UnixTime(0), UnixTime(253_500_000_000)] {
            // NVIDIA's certificates end in the year 9999.
            if sample.evidence.kind == Kind::Nvidia && at.0 != 0 {
                continue;
            }
            let error = verify(sample, &sample.evidence, at).map(drop).unwrap_err();
            assert!(
                matches!(
                    error,
                    Error::Expired { .. }
                        | Error::NotYetValid { .. }
                        | Error::ReferenceExpired { .. }
                        | Error::ReferenceNotYetValid { .. }
                ),
                "{}: {error:?}",
                sample.name
            );
        }
    }
}

/// The kinds of evidence by the folder that a sample lies in.
fn kind(name: &str) -> Kind {
    Kind::ALL.into_iter().find(|kind| name.starts_with(&format!("{kind}/"))).unwrap()
}

fn edit(bytes: &mut Vec<u8>, edit: &Value) {
    let at = edit["at"].as_u64().map(|at| usize::try_from(at).unwrap());
    let with = edit["bytes"].as_str().map(|text| hex::decode(text).unwrap()).unwrap_or_default();
    match edit["op"].as_str().unwrap() {
        "xor" => bytes[at.unwrap()..].iter_mut().zip(with).for_each(|(byte, with)| *byte ^= with),
        "set" => bytes[at.unwrap()..].iter_mut().zip(with).for_each(|(byte, with)| *byte = with),
        "truncate" => bytes.truncate(at.unwrap()),
        "append" => bytes.extend(with),
        other => panic!("an edit that is not known: {other}"),
    }
}

/// The reason code for the step that has to refuse, or an earlier one.
fn codes(step: &str) -> &'static [&'static str] {
    match step {
        "quote signature" | "report signature" | "COSE signature" => &["signature", "malformed"],
        "report signature and nonce" => &["signature"],
        "QE report signature" => &["qe-signature"],
        "attestation key not bound to the QE report" => &["key-not-bound"],
        "unsupported key type" => &["unsupported"],
        "parse" | "parse: trailing byte" | "parse, without allocating" => &["malformed", "length"],
        "policy: non-zero trailing bytes" => &["malformed", "length"],
        other => panic!("a step that is not known: {other}"),
    }
}

// QI-08: QM-01 to QM-42, each refused at the step that the list names.
#[test]
fn mutations_are_refused_where_the_list_says() {
    let Some(folder) = quotes() else { return };
    let list: Value = serde_json::from_slice(&std::fs::read(folder.join("mutations.json")).unwrap()).unwrap();
    let samples = genuine().unwrap();
    let cases = list["cases"].as_array().unwrap();
    assert!(cases.len() >= 19);
    for case in cases {
        let name = case["base"].as_str().unwrap();
        let mut bytes = sample(name).unwrap();
        case["edits"].as_array().unwrap().iter().for_each(|step| edit(&mut bytes, step));
        let sample = samples.iter().find(|sample| sample.name == name).expect(name);
        let error = Evidence::detect(&bytes, Some(kind(name)))
            .and_then(|evidence| verify(sample, &evidence, sample.at).map(drop))
            .unwrap_err();
        let expected = codes(case["step"].as_str().unwrap());
        assert!(expected.contains(&error.code()), "{}: {error:?}, expected {expected:?}", case["id"]);
    }
}
