//! What holds for every kind of evidence alike: on genuine samples, and on evidence in every kind's own format that was
//! forged under a root of its own. Roots take the vendors' places inside of the crate alone, so these tests are here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod alike;
mod bad_input;
mod forged;

use crate::{
    Claims, Endorsements, Error, Evidence, UnixTime, Verified, Verifier, common::accepted, verify::Expected,
};

/// Evidence with the verifier that knows its root.
struct Subject {
    name: &'static str,
    verifier: Verifier,
    evidence: Evidence,
    endorsements: Endorsements,
    at: UnixTime,
}

impl Subject {
    fn verify(&self) -> Result<Verified<Claims>, Error> {
        self.verify_with(&self.evidence.bytes, Expected::Unbound, self.at)
    }

    /// Other bytes, or another time.
    fn verify_with(
        &self,
        bytes: &[u8],
        expected: Expected<'_>,
        at: UnixTime,
    ) -> Result<Verified<Claims>, Error> {
        let evidence = Evidence { kind: self.evidence.kind, bytes: bytes.to_vec() };
        self.verifier.verify(&evidence, &self.endorsements, expected, at)
    }
}

/// Samples, where there is a folder of them.
fn genuine() -> impl Iterator<Item = Subject> {
    accepted::genuine().into_iter().map(|sample| Subject {
        name: sample.name,
        verifier: Verifier::new(sample.trust),
        evidence: sample.evidence,
        endorsements: sample.endorsements,
        at: sample.at,
    })
}
