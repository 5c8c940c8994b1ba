//! Every way of the issue in which input is bad, over every kind, each with its exact reason.

use super::{
    Subject,
    forged::{Case, Row, rows},
    genuine,
};
use crate::{Check, Error, Kind, Outcome, Policy, Trust, UnixTime, Verifier, verify::Expected};
use std::collections::{BTreeMap, BTreeSet};

/// The codes of whatever refused: the verifier's one, or all of the policy's.
fn codes(subject: &Subject, policy: &Policy) -> BTreeSet<&'static str> {
    match subject.verify() {
        Err(error) => [error.code()].into(),
        Ok(verified) => match policy.appraise(verified, subject.at) {
            Err(denial) => denial.reasons.into_iter().map(|reason| reason.code).collect(),
            Ok(_) => ["accepted"].into(),
        },
    }
}

/// A policy that accepts exactly the good evidence of a row, and does.
fn policy(row: &Row) -> Policy {
    let verified = row.good.verify().expect(row.good.name);
    let policy = Policy::from_toml(&Policy::exactly(&verified, None, None)).unwrap();
    policy.appraise(verified, row.good.at).expect(row.good.name);
    policy
}

// AT-02: a kind without a row is not tested, and so is a row without its kind.
#[test]
fn there_is_a_row_for_every_kind() {
    let kinds: Vec<Kind> = rows().iter().map(|row| row.good.evidence.kind).collect();
    assert_eq!(kinds, Kind::ALL);
}

// AT-02, AT-03, AT-07: certificates of others, revoked ones, another firmware level, guests that can be debugged.
#[test]
fn each_kind_refuses_for_the_right_reason() {
    for row in rows() {
        let (kind, policy) = (row.good.evidence.kind, policy(&row));
        for (what, case) in [
            ("swapped certificates", &row.swapped),
            ("a revoked serial", &row.revoked),
            ("another TCB", &row.other_tcb),
            ("a debug guest", &row.debug),
        ] {
            match case {
                Case::Refused(subject, expected) => {
                    assert_eq!(codes(subject, &policy), BTreeSet::from([*expected]), "{kind}: {what}");
                    let error = subject.verify().map(drop).unwrap_err();
                    assert_eq!(error.code(), *expected, "{kind}: {what} is the verifier's to refuse");
                }
                Case::ByPolicy(subject, expected) => {
                    subject.verify().unwrap_or_else(|error| panic!("{kind}: {what} is genuine: {error}"));
                    let expected = expected.iter().copied().collect();
                    assert_eq!(codes(subject, &policy), expected, "{kind}: {what}");
                }
                Case::Lacks(_) => {}
            }
        }
    }
}

// AT-03: what a row says that a kind lacks, its verifier says, too.
#[test]
fn a_case_is_left_out_only_where_the_kind_has_no_such_thing() {
    for row in rows() {
        let verified = row.good.verify().unwrap();
        let kind = row.good.evidence.kind;
        assert!(!matches!(row.swapped, Case::Lacks(_)), "{kind}");
        assert!(!matches!(row.revoked, Case::Lacks(_)), "{kind}");
        assert!(matches!(verified.checks().revocation, Outcome::Passed(_)), "{kind}");
        let lacks_tcb = matches!(verified.checks().get(Check::Tcb), Outcome::NotAvailable(_));
        assert_eq!(matches!(row.other_tcb, Case::Lacks(_)), lacks_tcb, "{kind}");
        // A kind whose claims have an attribute for it can tell; a Nitro enclave tells by its registers.
        let tells = verified.get().attributes.contains_key("debug") || kind == Kind::Nitro;
        assert_eq!(matches!(row.debug, Case::Lacks(_)), !tells, "{kind}");
        assert!(!verified.get().debug, "{kind}");
    }
}

// AT-05: the first and the last second, and one beyond each.
#[test]
fn each_kind_has_its_first_and_its_last_second() {
    for row in rows() {
        let at = |at: u64| {
            row.good.verify_with(&row.good.evidence.bytes, Expected::Unbound, UnixTime(at)).map(drop)
        };
        let (kind, (first, before), (last, after)) = (row.good.evidence.kind, row.first, row.last);
        // With nothing known, and with everything.
        for _ in 0..2 {
            assert_eq!(at(first - 1).map_err(|error| error.code()), Err(before), "{kind}");
            assert_eq!(at(first), Ok(()), "{kind}");
            assert_eq!(at(last), Ok(()), "{kind}");
            assert_eq!(at(last + 1).map_err(|error| error.code()), Err(after), "{kind}");
        }
        assert_eq!(row.good.verify().unwrap().get().not_after, UnixTime(last), "{kind}");
    }
}

/// What refused, or that nothing did.
fn verdict(subject: &Subject, bytes: &[u8]) -> &'static str {
    let verdict = subject.verify_with(bytes, Expected::Unbound, subject.at);
    verdict.map_or_else(|error| error.code(), |_| "accepted")
}

// SE-84, AT-03: a word that names a machine, zeros, text in the format's clothes, and the good evidence under a root of
// somebody else's: nothing of it is evidence, of any kind.
#[test]
fn se_84_words_and_any_bytes_are_no_evidence() {
    let words: [&[u8]; 8] = [
        b"",
        b"GPU",
        b"NVIDIA-H100-CONFIDENTIAL",
        b"trusted",
        b"{}",
        b"\xd2\x84\x40\xa0\x40\x40",
        &[0; 4096],
        &[0xff; 1184],
    ];
    for row in rows() {
        let kind = row.good.evidence.kind;
        for (number, word) in words.iter().enumerate() {
            // It does not get as far as a chain or a signature.
            let code = verdict(&row.good, word);
            assert!(
                ["malformed", "version", "length", "unsupported"].contains(&code),
                "{kind}: word {number}: {code}"
            );
        }
        let stranger = Verifier::new(Trust::default());
        let evidence = &row.good.evidence;
        let refused = stranger.verify(evidence, &row.good.endorsements, Expected::Unbound, row.good.at);
        assert!(refused.is_err(), "{kind}: a root that nobody named");
    }
}

// AT-08: whatever is signed is refused by the signature over it, at any bit.
#[test]
fn a_flipped_bit_is_refused_by_what_covers_it() {
    for row in rows() {
        let (bytes, kind) = (&row.good.evidence.bytes, row.good.evidence.kind);
        for (what, range, expected) in &row.covered {
            for at in range.clone() {
                let mut edited = bytes.clone();
                edited[at] ^= 1 << (at % 8);
                assert_eq!(verdict(&row.good, &edited), *expected, "{kind}: {what}, byte {at}");
            }
        }
    }
}

// AT-08: any bit elsewhere, too, for one of the reasons that the kind's format can have.
#[test]
fn a_flipped_bit_is_refused_anywhere() {
    let mut others: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    let mut bits = |row: &Row, subject: &Subject, step: usize| {
        let bytes = &subject.evidence.bytes;
        let free = (row.free.1)(bytes);
        for at in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]).filter(|at| !free(*at)) {
            let mut edited = bytes.clone();
            edited[at] ^= 1 << (at % 8);
            let code = verdict(subject, &edited);
            if !row.flipped.contains(&code) {
                others.entry((subject.name, code)).or_default().push(at);
            }
        }
    };
    for row in rows() {
        // Steps that have no common factor with the sizes of structures.
        bits(&row, &row.good, 7);
        let kind = row.good.evidence.kind;
        genuine().filter(|sample| sample.evidence.kind == kind).for_each(|sample| bits(&row, &sample, 37));
    }
    assert!(others.is_empty(), "{others:?}");
}

// AT-08: cut anywhere, or longer.
#[test]
fn any_prefix_and_any_suffix_is_malformed() {
    for row in rows() {
        let kind = row.good.evidence.kind;
        let samples = genuine().filter(|sample| sample.evidence.kind == kind);
        for (subject, step) in [(&row.good, 1)]
            .into_iter()
            .chain(samples.map(|s| (s, 61)).collect::<Vec<_>>().iter().map(|(s, n)| (s, *n)))
        {
            let bytes = &subject.evidence.bytes;
            for len in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
                assert_eq!(verdict(subject, &bytes[..len]), row.cut, "{}: {len} bytes", subject.name);
            }
            // Zeros behind an Intel quote are the one exception of AT-08.
            let zero: &[u8] = if matches!(kind, Kind::Tdx | Kind::Sgx) { &[1] } else { &[0] };
            for suffix in [zero, &[1], &[0xff; 64], bytes] {
                let code = verdict(subject, &[bytes, suffix].concat());
                assert_eq!(code, row.cut, "{}: and {} bytes", subject.name, suffix.len());
            }
        }
    }
}

// AT-07: no kind passes for another one.
#[test]
fn each_kind_is_only_itself() {
    for row in rows() {
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != row.good.evidence.kind) {
            let evidence = crate::Evidence { kind, bytes: row.good.evidence.bytes.clone() };
            let Subject { verifier, endorsements, at, .. } = &row.good;
            let error =
                verifier.verify(&evidence, endorsements, Expected::Unbound, *at).map(drop).unwrap_err();
            let pair = [kind, row.good.evidence.kind];
            match pair.contains(&Kind::Development) && pair.contains(&Kind::Snp) {
                true => assert!(matches!(error, Error::KindMismatch { .. }), "{pair:?}: {error:?}"),
                false => assert_eq!(error.check(), Check::Format, "{pair:?}: {error:?}"),
            }
        }
    }
}
