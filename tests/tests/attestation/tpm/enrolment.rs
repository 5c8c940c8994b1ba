//! AT-62: credential activation against the EK chain, then a certificate for the attestation key.

use crate::enrolled::{DAY, certified, challenge, later, new_ca, new_tpm, now, request, roots};
use sealwire_attest::{
    Endorsements, Place, UnixTime,
    enrol::{Answer, Challenge, EkRoots, EndorsementKey, Error, Pending, Request},
    tpm::{Public, PublicKey},
};
use sealwire_crypto::random::OsRandom;
use sealwire_tee::tpm::{self, Error as TpmError};
use sealwire_tests::swtpm::{Between, Maker};

/// TPM2_GetCapability
const GET_CAPABILITY: u32 = 0x17a;

/// The response code of a command that the TPM refused.
fn refused(error: &TpmError) -> (&'static str, u32) {
    match error {
        TpmError::Refused { command, code } => (command, *code),
        other => panic!("{other}"),
    }
}

// AT-62
#[test]
fn a_tpm_is_enrolled() {
    let (ca, device) = (new_ca(), new_tpm());
    let request = Request::from_json(request(&device.address()).to_json().as_bytes()).unwrap();
    let endorsed = request.check(&roots(), now()).unwrap();
    assert!(endorsed.chain().ends_with("swtpm-localca ← swtpm-localca-rootca"), "{}", endorsed.chain());
    assert_eq!(endorsed.without_crl(), Some("CN=swtpm-localca"));
    let (challenge, pending) = endorsed.challenge(&OsRandom, later()).unwrap();
    assert_eq!(challenge.endorsement_key, EndorsementKey::Rsa2048);
    let challenge = Challenge::from_json(challenge.to_json().as_bytes()).unwrap();
    let answer = tpm::answer(&device.address(), &challenge).unwrap();
    let answer = Answer::from_json(answer.to_json().as_bytes()).unwrap();
    let pending = Pending::from_json(pending.to_json().as_bytes()).unwrap();
    let activated = pending.redeem(&request, &answer, &roots(), now()).unwrap();
    assert_eq!(activated.name(), endorsed.name());
    ca.certify(&activated, DAY, &OsRandom, now()).unwrap();
    // Nothing stays behind in the TPM.
    assert_eq!(device.loaded(), [0, 0]);
}

// AT-62: an EK on P-256, whose certificate the TPM does not hold.
#[test]
fn an_ecc_endorsement_key_and_a_certificate_from_a_file() {
    let device = Maker::shared().make(false);
    let error = tpm::request(&device.address(), None, Vec::new()).err().unwrap();
    assert!(matches!(error, TpmError::NoEkCertificate), "{error}");

    // Which key it is, its maker reads out at manufacture.
    let other = Maker::shared().certify_p256(&sample_point());
    let request = tpm::request(&device.address(), Some(other), Vec::new()).unwrap();
    let PublicKey::Ecc { point, .. } = Public::parse(&request.ek_public).unwrap().key else {
        panic!("not ECC")
    };
    assert_eq!(request.check(&roots(), now()).err(), Some(Error::EkMismatch));

    let certificate = Maker::shared().certify_p256(&point);
    assert_eq!(EndorsementKey::of_certificate(&certificate), Ok(EndorsementKey::EccP256));
    let request = tpm::request(&device.address(), Some(certificate), Vec::new()).unwrap();
    let (challenge, pending) = challenge(&request);
    assert_eq!(challenge.endorsement_key, EndorsementKey::EccP256);
    let answer = tpm::answer(&device.address(), &challenge).unwrap();
    pending.redeem(&request, &answer, &roots(), now()).unwrap();
    assert_eq!(device.loaded(), [0, 0]);
}

/// The generator of P-256 (SP 800-186 section 3.2.1.3).
fn sample_point() -> Vec<u8> {
    hex::decode(concat!(
        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
    ))
    .unwrap()
}

// A TPM without ECC: the list of its curves is empty.
#[test]
fn the_attestation_key_is_rsa_where_there_is_no_ecc() {
    let device = new_tpm();
    let between = Between::start(
        &device,
        Box::new(|command, response, _| {
            if command == GET_CAPABILITY && response[11..15] == [0, 0, 0, 8] {
                *response = [&[0x80, 0x01, 0, 0, 0, 19, 0, 0, 0, 0, 0, 0, 0, 0, 8], &[0; 4][..]].concat();
            }
        }),
    );
    let request = request(&between.address());
    let key = Public::parse(&request.ak_public).unwrap().key;
    assert!(matches!(key, PublicKey::Rsa { modulus, exponent: 65537 } if modulus.len() == 256));
    let ak = certified(&new_ca(), &between.address(), DAY);
    assert_eq!(ak.matches("BEGIN CERTIFICATE").count(), 2);
}

// AT-62: the chain must lead to a maker that the CA trusts.
#[test]
fn another_makers_tpm_is_refused() {
    let (device, other) = (new_tpm(), Maker::new());
    // Its files are made with its first TPM.
    let _made = other.make(true);
    let request = request(&device.address());
    let check =
        |endorsements: &Endorsements, at| request.check(&EkRoots::new(endorsements).unwrap(), at).err();
    // Both have the same names, so the signature decides.
    let leaf = sealwire_attest::Error::CertificateSignature(Place::Leaf);
    assert_eq!(check(&other.endorsements(), now()), Some(Error::EkChain(leaf)));
    let good = Maker::shared().endorsements();
    assert_eq!(check(&good, now()), None);
    let mut root_alone = good.clone();
    root_alone.certificates.truncate(1);
    assert!(matches!(
        check(&root_alone, now()),
        Some(Error::EkChain(sealwire_attest::Error::EndorsementMissing(_)))
    ));
    let mut no_root = good.clone();
    no_root.certificates.remove(0);
    assert_eq!(EkRoots::new(&no_root).err(), Some(Error::NoRoots));
    let yesterday = UnixTime(now().0 - 24 * 60 * 60);
    assert!(matches!(
        check(&good, yesterday),
        Some(Error::EkChain(sealwire_attest::Error::NotYetValid { .. }))
    ));
}

// AT-62: what is asked for has to be an attestation key, and the EK the one of the certificate and of a template.
#[test]
fn other_keys_are_refused() {
    let (device, other) = (new_tpm(), new_tpm());
    let (good, others) = (request(&device.address()), request(&other.address()));
    let check = |request: &Request| request.check(&roots(), now()).err();
    assert_eq!(check(&good), None);
    let swapped = Request { ek_public: others.ek_public.clone(), ..good.clone() };
    assert_eq!(check(&swapped), Some(Error::EkMismatch));
    let ak_as_ek = Request { ek_public: good.ak_public.clone(), ..good.clone() };
    assert_eq!(check(&ak_as_ek), Some(Error::EkTemplate));
    let ek_as_ak = Request { ak_public: good.ek_public.clone(), ..good.clone() };
    assert_eq!(check(&ek_as_ak), Some(Error::AkUnfit("does not sign")));
    // A certificate under the same root that is for no EK: the authority's own.
    let authority = Maker::shared().endorsements().certificates.remove(1);
    let not_ek = Request { ek_certificate: authority, ..good.clone() };
    assert!(matches!(check(&not_ek), Some(Error::EkChain(_))));
    // Attributes of the AK, each bit alone (TPMA_OBJECT, bytes 4 to 7).
    for (byte, bit, why) in [
        (7, 1, "fixedTPM"),
        (7, 4, "fixedParent"),
        (7, 5, "sensitiveDataOrigin"),
        (5, 0, "restricted"),
        (5, 1, "decrypts"),
        (5, 2, "does not sign"),
    ] {
        let mut ak_public = good.ak_public.clone();
        ak_public[byte] ^= 1 << bit;
        let Some(Error::AkUnfit(found)) = check(&Request { ak_public, ..good.clone() }) else {
            panic!("{why}");
        };
        assert!(found.contains(why), "{found}");
    }
}

// AT-62: a TPM opens what was made for its own two keys, and nothing else.
#[test]
fn a_challenge_is_for_one_tpm() {
    let (device, other) = (new_tpm(), new_tpm());
    let (good, others) = (request(&device.address()), request(&other.address()));
    let (made, _) = challenge(&good);
    assert!(matches!(tpm::answer(&other.address(), &made), Err(TpmError::OtherKey)));

    // The attestation key of one TPM with the EK certificate of another: neither can open it.
    let mixed = Request { ak_public: others.ak_public.clone(), ..good.clone() };
    let (made, _) = challenge(&mixed);
    assert!(matches!(tpm::answer(&device.address(), &made), Err(TpmError::OtherKey)));
    let (command, _) = refused(&tpm::answer(&other.address(), &made).err().unwrap());
    assert_eq!(command, "TPM2_ActivateCredential");
    // Or its Name on a challenge for another: the Name is what the secret is tied to.
    let (made, _) = challenge(&good);
    let renamed = Challenge { ak_name: request_name(&others), ..made };
    refused(&tpm::answer(&other.address(), &renamed).err().unwrap());

    // A challenge that was altered on its way (TPM_RC_INTEGRITY).
    let (mut made, _) = challenge(&good);
    *made.credential.last_mut().unwrap() ^= 1;
    let error = tpm::answer(&device.address(), &made).err().unwrap();
    assert_eq!(refused(&error).1 & 0xbf, 0x9f, "{error}");
    assert!(error.to_string().contains("not for this TPM"), "{error}");
    assert_eq!([device.loaded(), other.loaded()], [[0, 0]; 2]);
}

fn request_name(request: &Request) -> Vec<u8> {
    sealwire_attest::tpm::name_of(&request.ak_public).unwrap()
}

// AT-62: only the right secret, of this challenge, for this request, in time.
#[test]
fn only_the_right_answer_is_certified() {
    let (device, other) = (new_tpm(), new_tpm());
    let (good, others) = (request(&device.address()), request(&other.address()));
    let (made, pending) = challenge(&good);
    let answer = tpm::answer(&device.address(), &made).unwrap();
    let redeem =
        |request: &Request, answer: &Answer, at| pending.clone().redeem(request, answer, &roots(), at).err();
    assert_eq!(redeem(&good, &answer, now()), None);
    assert_eq!(redeem(&others, &answer, now()), Some(Error::OtherRequest));
    let mixed = Request { ak_public: others.ak_public.clone(), ..good.clone() };
    assert_eq!(redeem(&mixed, &answer, now()), Some(Error::OtherRequest));
    assert_eq!(redeem(&good, &answer, pending.expires()), None);
    let late = UnixTime(pending.expires().0 + 1);
    assert_eq!(redeem(&good, &answer, late), Some(Error::Expired(pending.expires())));
    for index in [0, 31] {
        let mut secret = answer.secret.clone();
        secret[index] ^= 1;
        assert_eq!(redeem(&good, &Answer { id: answer.id, secret }, now()), Some(Error::WrongSecret));
    }
    let other_challenge = Answer { id: [7; 16], secret: answer.secret.clone() };
    assert_eq!(redeem(&good, &other_challenge, now()), Some(Error::OtherChallenge));
    // Another challenge of the same request has another secret.
    let (_, second) = challenge(&good);
    let id = hex::decode(second.id()).unwrap().try_into().unwrap();
    let same_secret = Answer { id, secret: answer.secret.clone() };
    assert_eq!(second.redeem(&good, &same_secret, &roots(), now()).err(), Some(Error::WrongSecret));
}

// AT-62: the chain is looked at again when the certificate is issued; and a key that is known stays one TPM.
#[test]
fn what_was_genuine_is_checked_again() {
    let (ca, device, other) = (new_ca(), new_tpm(), Maker::new());
    let _made = other.make(true);
    let good = request(&device.address());
    let (made, pending) = challenge(&good);
    let answer = tpm::answer(&device.address(), &made).unwrap();
    // Its maker is trusted no more.
    let others = EkRoots::new(&other.endorsements()).unwrap();
    let refused = pending.clone().redeem(&good, &answer, &others, now()).err();
    assert!(matches!(refused, Some(Error::EkChain(_))), "{refused:?}");
    // A certificate that was not there when the challenge was made, and is for another key.
    let ek_certificate = request(&new_tpm().address()).ek_certificate;
    let swapped = Request { ek_certificate, ..good.clone() };
    let refused = pending.clone().redeem(&swapped, &answer, &roots(), now()).err();
    assert_eq!(refused, Some(Error::EkMismatch));

    let activated = pending.redeem(&good, &answer, &roots(), now()).unwrap();
    assert_eq!(activated.hardware_id(), hex::encode(sealwire_crypto::digest::sha256(&[&good.ek_public])));
    let activated = activated.known_as([7; 32]);
    assert_eq!(activated.hardware_id(), "07".repeat(32));
    let certificate = ca.certify(&activated, DAY, &OsRandom, now()).unwrap();
    // The subject's serialNumber is a PrintableString of 64 bytes.
    let id = [&[0x13, 64], "07".repeat(32).as_bytes()].concat();
    assert!(certificate.windows(id.len()).any(|window| window == id));
}
