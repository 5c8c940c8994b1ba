//! Diagnostics, their order and words.

use sealwire_envelope::{
    Reason,
    validate::{self, MAX_CLOCK_SKEW_MS, MAX_TTL_MS, validate},
};

use crate::{
    common::{Fixed, cases, text, vectors},
    support::{NOW, message, typed},
};

// EN-12, EN-13
#[test]
fn the_vectors_of_diagnostics() {
    let Some(file) = vectors("validate") else { return };
    for case in cases(&file) {
        let envelope = typed(&case["envelope"]);
        let (warnings, errors): (Vec<_>, Vec<_>) =
            validate(&envelope, case["now"].as_i64()).partition(|diagnostic| diagnostic.is_warning());
        let told = |diagnostics: Vec<_>| -> Vec<String> {
            diagnostics.iter().map(validate::Diagnostic::to_string).collect()
        };
        let expected =
            |member: &str| -> Vec<String> { serde_json::from_value(case[member].clone()).unwrap() };
        assert_eq!(told(errors), expected("errors"), "{}", text(case, "id"));
        assert_eq!(told(warnings), expected("warnings"), "{}", text(case, "id"));
    }
}

// SP-10: at the ends of the numbers nothing overflows, and nothing holds for ever.
#[test]
fn times_at_the_ends_of_the_numbers() {
    let mut envelope = message("x").envelope("alice", NOW, &Fixed(1)).unwrap();
    for timestamp_ms in [i64::MIN, i64::MAX, 0] {
        for ttl_ms in [i64::MIN, i64::MAX, 0, MAX_TTL_MS] {
            for now in [i64::MIN, i64::MAX, NOW] {
                (envelope.header.timestamp_ms, envelope.header.ttl_ms) = (timestamp_ms, ttl_ms);
                let _ = validate(&envelope, Some(now)).count();
            }
        }
    }
}

// EN-13, SP-13: which word is said when.
#[test]
fn time_has_a_word_of_its_own() {
    let fresh = message("x").envelope("alice", NOW, &Fixed(1)).unwrap();
    assert_eq!(validate::check(&fresh, NOW), Ok(()));
    assert_eq!(validate::check(&fresh, NOW - MAX_CLOCK_SKEW_MS), Ok(()));
    assert_eq!(validate::check(&fresh, NOW - MAX_CLOCK_SKEW_MS - 1), Err(Reason::TtlExpired));
    assert_eq!(validate::check(&fresh, NOW + 60_000), Ok(()));
    assert_eq!(validate::check(&fresh, NOW + 60_001), Err(Reason::TtlExpired));
    let mut other = fresh.clone();
    other.header.version = "aip/0.1".to_owned(); // EN-05
    assert_eq!(validate::check(&other, NOW), Err(Reason::ValidationError));
    // EN-14: blank by Unicode's white space.
    let mut blank = fresh;
    blank.header.nonce = "\u{a0}\u{2003}".to_owned();
    assert_eq!(validate::check(&blank, NOW), Err(Reason::ValidationError));
}
