//! What genuine evidence of any kind has in common.

use super::{Subject, forged, genuine};
use crate::{Check, Error, Kind, Outcome, check, verify::Expected};

/// Genuine and forged.
fn all() -> impl Iterator<Item = Subject> {
    forged::rows().into_iter().map(|row| row.good).chain(genuine())
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
    for subject in all() {
        let first = subject.verify().expect(subject.name);
        let expected = Expected::ReportData(&first.get().report_data);
        let verified = subject.verify_with(&subject.evidence.bytes, expected, subject.at).unwrap();
        for check in Check::ALL {
            let outcome = verified.checks().get(check);
            let promised = !cell(subject.evidence.kind, check).contains("**not available**");
            let holds = match outcome {
                Outcome::Passed(_) | Outcome::NotSupplied(_) => promised,
                Outcome::NotAvailable(_) => !promised,
                Outcome::Failed(_) | Outcome::NotReached => false,
            };
            assert!(holds, "{}: {check:?} is {outcome:?}", subject.name);
        }
    }
}

// AT-20: the id of the hardware is in no log and on no status page, whichever the kind.
#[test]
fn no_kind_tells_the_hardware_id() {
    for subject in all() {
        let verified = subject.verify().unwrap();
        let id = &verified.get().hardware_id;
        let shown = format!("{verified:?}{}", verified.get().to_json());
        assert!(!id.is_empty(), "{}", subject.name);
        assert!(!shown.contains(&hex::encode(id)), "{}", subject.name);
        assert!(!shown.contains(&*String::from_utf8_lossy(id)), "{}", subject.name);
    }
}

// AT-04: the right evidence over other report data is refused, and so is a binding that it does not carry.
#[test]
fn every_kind_is_held_to_its_report_data() {
    for subject in all() {
        let data = subject.verify().unwrap().get().report_data.clone();
        let bound = |expected: Expected<'_>| {
            subject.verify_with(&subject.evidence.bytes, expected, subject.at).map(drop)
        };
        assert_eq!(bound(Expected::ReportData(&data)), Ok(()), "{}", subject.name);
        assert_eq!(bound(Expected::Binding(&[0x77; 64])), Err(Error::Binding), "{}", subject.name);
        assert_eq!(bound(Expected::ReportData(&[&data[..], &[0]].concat())), Err(Error::Binding));
        for index in [0, data.len().saturating_sub(1)] {
            let mut other = data.clone();
            let Some(byte) = other.get_mut(index) else { continue };
            *byte ^= 1;
            assert_eq!(bound(Expected::ReportData(&other)), Err(Error::Binding), "{}", subject.name);
            other.truncate(index);
            assert_eq!(bound(Expected::ReportData(&other)), Err(Error::Binding), "{}", subject.name);
        }
        // AT-04: exactly what the kind carries of a binding.
        let len = subject.evidence.kind.binding_len();
        if data.len() == len {
            let mut binding = [0x77; 64];
            binding[..len].copy_from_slice(&data);
            assert_eq!(bound(Expected::Binding(&binding)), Ok(()), "{}", subject.name);
            binding[len - 1] ^= 1;
            assert_eq!(bound(Expected::Binding(&binding)), Err(Error::Binding), "{}", subject.name);
        }
    }
}

// AT-26: whatever the kind, a repeat costs no public-key operation, and says the same.
#[test]
fn a_repeat_is_known_for_every_kind() {
    for subject in all() {
        let first = subject.verify().unwrap();
        let before = [subject.verifier.chain_cache().misses, subject.verifier.signature_cache().misses];
        let again = subject.verify().unwrap();
        let after = [subject.verifier.chain_cache().misses, subject.verifier.signature_cache().misses];
        assert_eq!(before, after, "{}", subject.name);
        assert_eq!(format!("{first:?}"), format!("{again:?}"), "{}", subject.name);
    }
}
