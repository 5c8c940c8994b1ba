//! An enrolment CA, and TPMs that are enrolled with it.

use sealwire_attest::{
    UnixTime,
    enrol::{Ca, Challenge, EkRoots, Pending, Request},
};
use sealwire_crypto::random::OsRandom;
use sealwire_http::{Clock as _, SystemClock};
use sealwire_tee::tpm::{self, Address};
use sealwire_tests::swtpm::{Maker, Swtpm};
use std::time::Duration;

/// A day.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn now() -> UnixTime {
    UnixTime(SystemClock.unix_seconds())
}

pub(crate) fn later() -> UnixTime {
    now().saturating_add(DAY)
}

pub(crate) fn new_ca() -> Ca {
    Ca::generate(&OsRandom, now()).unwrap()
}

/// A TPM of the shared maker.
pub(crate) fn new_tpm() -> Swtpm {
    Maker::shared().make(true)
}

pub(crate) fn roots() -> EkRoots {
    EkRoots::new(&Maker::shared().endorsements()).unwrap()
}

pub(crate) fn request(address: &Address) -> Request {
    tpm::request(address, None, Vec::new()).unwrap()
}

/// A challenge for a request of a TPM of the shared maker.
pub(crate) fn challenge(request: &Request) -> (Challenge, Pending) {
    request.check(&roots(), now()).unwrap().challenge(&OsRandom, later()).unwrap()
}
