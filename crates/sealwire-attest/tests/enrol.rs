//! The enrolment CA without a TPM (AT-62): its own files, its messages, and the certificate that it issues. What takes a TPM
//! is tested with software TPMs, in `tests/attestation/tpm`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use sealwire_attest::{
    Endorsements, UnixTime,
    enrol::{Answer, Ca, Challenge, EkRoots, EndorsementKey, Error, MAX_MESSAGE, Pending, Request},
};
use sealwire_crypto::{digest::sha256, random::OsRandom};
use serde_json::{Value, json};
use x509_cert::{
    Certificate,
    der::{Decode as _, oid::AssociatedOid as _},
    ext::pkix::{BasicConstraints, KeyUsage},
};

const NOW: UnixTime = UnixTime(1_800_000_000);

fn ca() -> Ca {
    Ca::generate(&OsRandom, NOW).unwrap()
}

fn request() -> Request {
    Request {
        ek_certificate: vec![1; 700],
        intermediates: vec![vec![2; 800]],
        ek_public: vec![3; 314],
        ak_public: vec![4; 88],
    }
}

fn challenge() -> Challenge {
    Challenge {
        id: [5; 16],
        endorsement_key: EndorsementKey::EccP256,
        ak_name: vec![6; 34],
        credential: vec![7; 68],
        encrypted_secret: vec![8; 68],
        expires: NOW,
    }
}

fn answer() -> Answer {
    Answer { id: [9; 16], secret: vec![10; 32].into() }
}

// AT-62: the root, and the files that it is kept in.
#[test]
fn a_ca_comes_back_from_its_files() {
    let ca = ca();
    let (key, certificate) = (ca.key_pem().unwrap(), ca.certificate_pem().unwrap());
    assert!(key.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    let again = Ca::from_pem(&key, &certificate).unwrap();
    assert_eq!(again.fingerprint(), ca.fingerprint());
    assert_eq!(again.fingerprint(), sha256(&[ca.certificate()]));
    let other = self::ca();
    let wrong = |key: &str, certificate: &str| Ca::from_pem(key, certificate).err().unwrap();
    let other_certificate = other.certificate_pem().unwrap();
    assert_eq!(wrong(&key, &other_certificate), Error::Ca("its certificate is of another key"));
    assert_eq!(wrong(&certificate, &certificate), Error::Ca("its key is not a private key in PKCS#8"));
    assert_eq!(wrong(&key, &key), Error::Ca("its certificate is none"));
    assert_eq!(wrong("", &certificate), Error::Ca("its key is not PEM"));

    let parsed = Certificate::from_der(ca.certificate()).unwrap();
    let tbs = parsed.tbs_certificate();
    assert_eq!(tbs.subject(), tbs.issuer());
    assert_ne!(
        tbs.subject(),
        Certificate::from_der(other.certificate()).unwrap().tbs_certificate().subject()
    );
    let begin = tbs.validity().not_before.to_unix_duration().as_secs();
    let end = tbs.validity().not_after.to_unix_duration().as_secs();
    assert_eq!((begin, end), (NOW.0 - 3600, NOW.0 + 20 * 365 * 24 * 3600));
    let extension = |oid| {
        let found = tbs.extensions().unwrap().iter().find(|extension| extension.extn_id == oid).unwrap();
        assert!(found.critical);
        found.extn_value.as_bytes().to_vec()
    };
    let constraints = BasicConstraints::from_der(&extension(BasicConstraints::OID)).unwrap();
    assert_eq!(constraints, BasicConstraints { ca: true, path_len_constraint: Some(0) });
    let usage = KeyUsage::from_der(&extension(KeyUsage::OID)).unwrap();
    assert!(usage.key_cert_sign() && usage.crl_sign() && !usage.digital_signature());
}

// AT-08: what is written is read back, and nothing else is.
#[test]
fn messages_are_strict() {
    let (request, challenge, answer) = (request(), challenge(), answer());
    assert!(Request::from_json(request.to_json().as_bytes()).is_ok_and(|read| read == request));
    assert_eq!(Challenge::from_json(challenge.to_json().as_bytes()), Ok(challenge.clone()));
    let read = Answer::from_json(answer.to_json().as_bytes()).unwrap();
    assert_eq!((read.id, &*read.secret), (answer.id, &*answer.secret));

    type Parse = fn(&[u8]) -> Option<Error>;
    let all: [(String, Parse); 3] = [
        (request.to_json(), |text| Request::from_json(text).err()),
        (challenge.to_json(), |text| Challenge::from_json(text).err()),
        (answer.to_json().to_string(), |text| Answer::from_json(text).err()),
    ];
    let refused = |error: Option<Error>| assert!(matches!(error, Some(Error::Message { .. })), "{error:?}");
    for (index, (text, parse)) in all.iter().enumerate() {
        assert_eq!(parse(text.as_bytes()), None);
        for (other, (text, _)) in all.iter().enumerate().filter(|(other, _)| *other != index) {
            refused(parse(text.as_bytes()));
            assert_ne!(other, index);
        }
        let value: Value = serde_json::from_str(text).unwrap();
        let keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        for key in keys {
            let changed = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
                let mut value = value.clone();
                change(value.as_object_mut().unwrap());
                parse(value.to_string().as_bytes())
            };
            // An answer of any other length is refused; other bytes are for the checks behind.
            refused(changed(&|map| {
                map.insert(key.clone(), json!("~"));
            }));
            refused(changed(&|map| {
                map.insert(key.clone(), json!(1));
            }));
            refused(changed(&|map| {
                map.insert(format!("{key}-2"), json!(""));
            }));
            if key != "intermediates" {
                refused(changed(&|map| drop(map.remove(&key))));
            }
        }
        refused(parse(&[text.as_bytes(), b"{}"].concat()));
        refused(parse(format!("{text}{}", " ".repeat(MAX_MESSAGE)).as_bytes()));
    }
    let many = Request { intermediates: vec![vec![1]; 9], ..request };
    refused(Request::from_json(many.to_json().as_bytes()).err());
}

// AT-62: a challenge that is pending does not hold the secret.
#[test]
fn what_waits_is_no_secret() {
    let text = json!({
        "sealwire-enrolment": "pending/1",
        "id": "05".repeat(16),
        "request-sha256": "06".repeat(32),
        "secret-sha256": "07".repeat(32),
        "expires": "2027-01-15T08:00:00Z",
    });
    let pending = Pending::from_json(text.to_string().as_bytes()).unwrap();
    assert_eq!(pending.id(), "05".repeat(16));
    assert_eq!(serde_json::from_str::<Value>(&pending.to_json()).unwrap(), text);
    let answer = Answer { id: [5; 16], secret: vec![7; 32].into() };
    let mut chosen = Endorsements::default();
    chosen.add(ca().certificate()).unwrap();
    let roots = EkRoots::new(&chosen).unwrap();
    assert_eq!(pending.redeem(&request(), &answer, &roots, NOW).err(), Some(Error::OtherRequest));
}

proptest! {
    // AT-08
    #[test]
    fn no_message_is_a_panic(text in proptest::collection::vec(any::<u8>(), 0..300), at in 0usize..2000, bit in 0u8..8) {
        for parse in [
            (|text: &[u8]| drop(Request::from_json(text))) as fn(&[u8]),
            |text| drop(Challenge::from_json(text)),
            |text| drop(Answer::from_json(text)),
            |text| drop(Pending::from_json(text)),
        ] {
            parse(&text);
        }
        let mut altered = request().to_json().into_bytes();
        let at = at % altered.len();
        altered[at] ^= 1 << bit;
        let _ = Request::from_json(&altered);
    }
}
