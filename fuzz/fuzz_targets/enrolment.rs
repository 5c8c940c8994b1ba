#![no_main]
//! Messages of the enrolment of TPMs, and what the CA checks of a request.

use libfuzzer_sys::fuzz_target;
use sealwire_attest::enrol::{Answer, Ca, Challenge, EkRoots, Pending, Request};
use sealwire_attest::{Endorsements, UnixTime};
use sealwire_crypto::random::OsRandom;
use std::sync::LazyLock;

const NOW: UnixTime = UnixTime(1_800_000_000);

static ROOTS: LazyLock<EkRoots> = LazyLock::new(|| {
    let ca = Ca::generate(&OsRandom, NOW).unwrap();
    let certificates = vec![ca.certificate().to_vec()];
    EkRoots::new(&Endorsements { certificates, ..Endorsements::default() }).unwrap()
});

fuzz_target!(|input: &[u8]| {
    if let Ok(request) = Request::from_json(input) {
        assert!(Request::from_json(request.to_json().as_bytes()).is_ok_and(|again| again == request));
        // Nothing that was made by chance is signed by the one root.
        assert!(request.check(&ROOTS, NOW).is_err());
    }
    if let Ok(challenge) = Challenge::from_json(input) {
        assert_eq!(Challenge::from_json(challenge.to_json().as_bytes()), Ok(challenge));
    }
    if let Ok(answer) = Answer::from_json(input) {
        assert_eq!(answer.secret.len(), 32);
    }
    if let Ok(pending) = Pending::from_json(input) {
        assert_eq!(Pending::from_json(pending.to_json().as_bytes()), Ok(pending));
    }
});
