//! Seeds of `enrolment`.

use super::{Result, seed};
use sealwire_attest::{
    UnixTime,
    enrol::{Answer, Ca, Challenge, EndorsementKey, Request},
};
use sealwire_crypto::random::OsRandom;

const NOW: UnixTime = UnixTime(1_800_000_000);

/// Messages of the right form. The keys are those of the templates, which are public.
pub(crate) fn seeds() -> Result {
    let ca = Ca::generate(&OsRandom, NOW)?;
    for key in EndorsementKey::ALL {
        let request = Request {
            ek_certificate: ca.certificate().to_vec(),
            intermediates: Vec::new(),
            ek_public: key.template(),
            ak_public: key.template(),
        };
        seed("enrolment", &format!("request-{}", key.name()), request.to_json())?;
        let challenge = Challenge {
            id: [1; 16],
            endorsement_key: key,
            ak_name: [&[0, 0x0b][..], &[2; 32]].concat(),
            credential: vec![3; 68],
            encrypted_secret: vec![4; 68],
            expires: NOW,
        };
        seed("enrolment", &format!("challenge-{}", key.name()), challenge.to_json())?;
    }
    seed("enrolment", "answer", Answer { id: [1; 16], secret: vec![5; 32].into() }.to_json().as_bytes())
}
