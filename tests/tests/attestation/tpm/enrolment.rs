//! AT-62: credential activation against the EK chain, then a certificate for the attestation key.

use crate::enrolled::{DAY, challenge, later, new_ca, new_tpm, now, request, roots};
use sealwire_attest::{
    Place,
    enrol::{Answer, Challenge, EkRoots, EndorsementKey, Error, Pending, Request},
    tpm::{Public, PublicKey},
};
use sealwire_crypto::random::OsRandom;
use sealwire_tee::tpm;
use sealwire_tests::swtpm::Maker;

// AT-62
#[test]
fn a_tpm_is_enrolled() {
    let (ca, device) = (new_ca(), new_tpm());
    let request = Request::from_json(request(&device.address()).to_json().as_bytes()).unwrap();
    let endorsed = request.check(&roots(), now()).unwrap();
    let (challenge, pending) = endorsed.challenge(&OsRandom, later()).unwrap();
    assert_eq!(challenge.endorsement_key, EndorsementKey::Rsa2048);
    let challenge = Challenge::from_json(challenge.to_json().as_bytes()).unwrap();
    let answer = tpm::answer(&device.address(), &challenge).unwrap();
    let answer = Answer::from_json(answer.to_json().as_bytes()).unwrap();
    let pending = Pending::from_json(pending.to_json().as_bytes()).unwrap();
    let activated = pending.redeem(&request, &answer, now()).unwrap();
    assert_eq!(activated.name(), endorsed.name());
    ca.certify(&activated, DAY, &OsRandom, now()).unwrap();
    // Nothing stays behind in the TPM.
    assert_eq!(device.loaded(), [0, 0]);
}
