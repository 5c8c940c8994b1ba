//! Signatures: RFC 8032, genuine certificates, and what must fail.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeyPair,
    signature::{RSA_PSS_SHA384, RsaPssSaltLength, RsaSignatureEncoding},
};
use sealwire_crypto::{
    Error,
    random::{OsRandom, Random, Scripted},
    sign::{ecdsa, ecdsa_p256, ecdsa_p384, ed25519, ml_dsa, ml_dsa_65, rsa_pss_sha384, slh_dsa_sha2_192f},
};
use shake::{ExtendableOutput, Shake128, Update, XofReader};
use x509_cert::{
    Certificate,
    der::{Decode, DecodePem, Encode, asn1::Uint},
};

fn hex(text: &str) -> Vec<u8> {
    ::hex::decode(text).unwrap()
}

/// Every signature and message with one bit flipped must fail, and so must resized signatures.
fn mutations_fail(
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
    verify: impl Fn(&[u8], &[u8], &[u8]) -> Result<(), Error>,
) {
    assert_eq!(verify(public_key, message, signature), Ok(()));
    for bit in (0..signature.len() * 8).step_by(5) {
        let mut altered = signature.to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(verify(public_key, message, &altered), Err(Error::Signature), "bit {bit}");
    }
    for bit in 0..message.len() * 8 {
        let mut altered = message.to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(verify(public_key, &altered, signature), Err(Error::Signature), "bit {bit}");
    }
    for altered in [&signature[1..], &signature[..signature.len() - 1], &[signature, &[0]].concat(), &[]] {
        assert_eq!(verify(public_key, message, altered), Err(Error::Signature));
    }
    for altered in [&public_key[1..], &[public_key, &[0]].concat(), &[]] {
        assert_eq!(verify(altered, message, signature), Err(Error::Signature));
    }
}

fn verify_p384(public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Error> {
    ecdsa::verify_fixed(ecdsa::Scheme::P384Sha384, public_key, message, signature)
}

/// A key that was parsed once says what the backend says, and is stricter where the backend is not.
fn verify_parsed(public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Error> {
    let parsed = ed25519::VerifyingKey::new(public_key).map_err(|_| Error::Signature)?;
    let verified = parsed.verify(message, signature);
    assert_eq!(verified, ed25519::verify(public_key, message, signature));
    verified
}

#[test]
fn ed25519_with_a_parsed_key_is_the_same() {
    for _ in 0..8 {
        let key = ed25519::SigningKey::generate(&OsRandom).unwrap();
        let again = ed25519::SigningKey::from_seed(&key.to_seed().unwrap()).unwrap();
        mutations_fail(&key.public_key(), b"a message", &again.sign(b"a message"), verify_parsed);
    }
}

// SP-08: points of small order, other encodings, and points that are none.
#[test]
fn ed25519_keys_under_which_everybody_signs() {
    let key = |digits: &str| ed25519::VerifyingKey::new(&hex(digits)).err();
    let tail = "00".repeat(30);
    for low in [
        format!("0100{tail}"),
        format!("0000{tail}"),
        format!("ecff{}ff7f", "ff".repeat(28)),
        // y = p and y = p + 1
        format!("edff{}ff7f", "ff".repeat(28)),
        format!("eeff{}ff7f", "ff".repeat(28)),
        // x = 0 with the sign of a negative x
        format!("0100{}80", "00".repeat(29)),
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05".to_owned(),
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a".to_owned(),
        // y = 2 is on no point
        format!("0200{tail}"),
        "00".to_owned(),
    ] {
        assert_eq!(key(&low), Some(Error::Key), "{low}");
    }
    // A signature whose R is of small order: S = k a makes it verify elsewhere.
    let honest = ed25519::SigningKey::generate(&OsRandom).unwrap();
    let parsed = ed25519::VerifyingKey::new(&honest.public_key()).unwrap();
    assert_eq!(parsed.verify(b"", &[0; 64]), Err(Error::Signature));
}

// FIPS 204, in all three sets, from seeds and from expanded keys.
#[test]
fn ml_dsa_round_trips_and_mutations() {
    for set in [ml_dsa::Parameters::MlDsa44, ml_dsa::Parameters::MlDsa65, ml_dsa::Parameters::MlDsa87] {
        let seed = [7; ml_dsa::SEED_LEN];
        let key = ml_dsa::SigningKey::from_seed(set, &seed).unwrap();
        let expanded = key.to_expanded().unwrap();
        assert_eq!(expanded.len(), set.private_key_len());
        let again = ml_dsa::SigningKey::from_expanded(set, &expanded).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        let public = ml_dsa::VerifyingKey::new(set, key.public_key()).unwrap();
        assert_eq!(public.as_bytes().len(), set.public_key_len());
        let signature = again.sign(b"message").unwrap();
        assert_eq!(signature.len(), set.signature_len());
        assert_eq!(public.verify(b"message", &signature), Ok(()));
        assert_eq!(public.verify(b"Message", &signature), Err(Error::Signature));
        assert_eq!(public.verify(b"message", &signature[1..]), Err(Error::Signature));
        let fresh = ml_dsa::SigningKey::generate(set, &Scripted::new(&seed)).unwrap();
        assert_eq!(fresh.public_key(), key.public_key());
        assert_eq!(ml_dsa::VerifyingKey::new(set, &key.public_key()[1..]).err(), Some(Error::Key));
        assert_eq!(ml_dsa::SigningKey::from_expanded(set, &expanded[1..]).err(), Some(Error::Key));
    }
}

// RFC 8032 section 7.1, TEST 1 to 3.
#[test]
fn ed25519_vectors() {
    for (seed, public, message, signature) in [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            concat!(
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155",
                "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
            ),
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            concat!(
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
                "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
            ),
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            concat!(
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac",
                "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
            ),
        ),
    ] {
        let key = ed25519::SigningKey::generate(&Scripted::new(&hex(seed))).unwrap();
        assert_eq!(key.public_key().to_vec(), hex(public));
        assert_eq!(key.sign(&hex(message)).to_vec(), hex(signature));
        assert_eq!(verify_parsed(&hex(public), &hex(message), &hex(signature)), Ok(()));
    }
}

#[test]
fn ed25519_round_trip_and_mutations() {
    let key = ed25519::SigningKey::generate(&OsRandom).unwrap();
    let again = ed25519::SigningKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
    assert_eq!(again.public_key(), key.public_key());
    let message = b"operator";
    mutations_fail(&key.public_key(), message, &again.sign(message), ed25519::verify);
    let other = ed25519::SigningKey::generate(&OsRandom).unwrap();
    assert_eq!(ed25519::verify(&other.public_key(), message, &key.sign(message)), Err(Error::Signature));
    assert_eq!(ed25519::SigningKey::generate(&Scripted::new(&[1; 31])).err(), Some(Error::Random));
}

// RFC 8032 section 5.1.7: S is below the group order, or one signature would have two forms.
#[test]
fn ed25519_refuses_a_second_form_of_a_signature() {
    let key = ed25519::SigningKey::generate(&OsRandom).unwrap();
    let mut signature = key.sign(b"message");
    let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(ed25519::verify(&key.public_key(), b"message", &signature), Err(Error::Signature));
}

// SE-09; C2SP's accumulated vector for ML-DSA-65: a hundred keys drawn from SHAKE128 of nothing, each with its deterministic
// signature of the empty message, hashed by SHAKE128.
#[test]
fn ml_dsa_65_accumulated_vector() {
    let mut source = Shake128::default().finalize_xof();
    let mut sum = Shake128::default();
    for _ in 0..100 {
        let mut seed = [0; 32];
        source.read(&mut seed);
        let key = ml_dsa_65::SigningKey::generate(&Scripted::new(&seed)).unwrap();
        sum.update(key.public_key());
        // The deterministic variant is the hedged one with zeros (FIPS 204 section 3.4).
        let signature = key.sign(b"", &Scripted::new(&[0; 32])).unwrap();
        sum.update(&signature);
        assert_eq!(ml_dsa_65::verify(key.public_key(), b"", &signature), Ok(()));
    }
    let mut result = [0; 32];
    sum.finalize_xof().read(&mut result);
    assert_eq!(::hex::encode(result), "8358a1843220194417cadbc2651295cd8fc65125b5a5c1a239a16dc8b57ca199");
}

// SE-09
#[test]
fn ml_dsa_65_round_trip_and_mutations() {
    let key = ml_dsa_65::SigningKey::generate(&OsRandom).unwrap();
    let message = b"transcript";
    let signature = key.sign(message, &OsRandom).unwrap();
    assert_eq!((key.public_key().len(), signature.len()), (1952, 3309));
    assert_eq!(
        (ml_dsa_65::PUBLIC_KEY_LEN, ml_dsa_65::SIGNATURE_LEN),
        (key.public_key().len(), signature.len())
    );
    mutations_fail(key.public_key(), message, &signature, ml_dsa_65::verify);
    let other = ml_dsa_65::SigningKey::generate(&OsRandom).unwrap();
    assert_eq!(ml_dsa_65::verify(other.public_key(), message, &signature), Err(Error::Signature));
    // Hedged: no two are alike.
    assert_ne!(key.sign(message, &OsRandom).unwrap(), signature);

    // The backend's signature, by another implementation.
    let peer = ::ml_dsa::VerifyingKey::<::ml_dsa::MlDsa65>::decode(&key.public_key().try_into().unwrap());
    let decoded = ::ml_dsa::Signature::try_from(signature.as_slice()).unwrap();
    assert!(peer.verify_with_context(message, b"", &decoded));
    assert!(!peer.verify_with_context(message, b"other", &decoded));
}

#[test]
fn ml_dsa_65_follows_from_a_script() {
    assert_eq!(ml_dsa_65::SigningKey::generate(&Scripted::new(&[1; 31])).err(), Some(Error::Random));
    let key = || ml_dsa_65::SigningKey::generate(&Scripted::new(&[1; 32])).unwrap();
    assert_eq!(key().public_key(), key().public_key());
    let script = Scripted::new(&[2; 64]);
    let (first, second) = (key().sign(b"m", &script).unwrap(), key().sign(b"m", &script).unwrap());
    assert_eq!(first, second);
    assert_eq!(script.fill(&mut [0]), Err(Error::Random));
    assert_eq!(key().sign(b"m", &Scripted::new(&[2; 31])), Err(Error::Random));
    assert_eq!(ml_dsa_65::verify(key().public_key(), b"m", &first), Ok(()));
    assert_ne!(key().sign(b"m", &Scripted::new(&[3; 32])).unwrap(), first);
}

// NIST's ACVP vectors for SLH-DSA key generation, SLH-DSA-SHA2-192f, tests 61 and 62.
#[test]
fn slh_dsa_sha2_192f_key_vectors() {
    for (seeds, public_key) in [
        (
            concat!(
                "a021b4b9d6dee168722bc10225e50a946642af630c3c7c7d69e3a40ba09df2ac165b792a07f064ac5fc28d8c99a580f4",
                "ee4823d09e79854706daa80ae3179b5bc8c2e9409d6328a3"
            ),
            "ee4823d09e79854706daa80ae3179b5bc8c2e9409d6328a33577fd584bc0784c559cdb2437a46f7f753c336369419acf",
        ),
        (
            concat!(
                "156eb07a9aebf22073377d60c60215fda07be0495588a8514fe7e3296f67b47d025359b415241dfd31cccf448d3dbf24",
                "c6be215942c9d1482d5ceea28a317339a02bc7c3f0515916"
            ),
            "c6be215942c9d1482d5ceea28a317339a02bc7c3f0515916628bf63a7f9243b0ae221f60bd49fc94926ac48011eb4f47",
        ),
    ] {
        let key = slh_dsa_sha2_192f::SigningKey::generate(&Scripted::new(&hex(seeds))).unwrap();
        assert_eq!(key.public_key(), hex(public_key));
    }
}

// SE-09
#[test]
fn slh_dsa_sha2_192f_round_trip_and_mutations() {
    let key = slh_dsa_sha2_192f::SigningKey::generate(&OsRandom).unwrap();
    let message = b"transcript";
    let signature = key.sign(message, &OsRandom).unwrap();
    assert_eq!((key.public_key().len(), signature.len()), (48, 35664));
    let verify = slh_dsa_sha2_192f::verify;
    assert_eq!(verify(key.public_key(), message, &signature), Ok(()));
    assert_ne!(key.sign(message, &OsRandom).unwrap(), signature);

    let refused = |public_key: &[u8], message: &[u8], signature: &[u8]| {
        assert_eq!(verify(public_key, message, signature), Err(Error::Signature));
    };
    // A verification takes long, so not every bit: the randomizer, every 700th byte of the trees, the last byte.
    for at in (0..signature.len()).step_by(700).chain([23, signature.len() - 1]) {
        let mut altered = signature.clone();
        altered[at] ^= 1;
        refused(key.public_key(), message, &altered);
    }
    for at in 0..key.public_key().len() {
        let mut altered = key.public_key().to_vec();
        altered[at] ^= 0x80;
        refused(&altered, message, &signature);
    }
    refused(key.public_key(), b"transcripu", &signature);
    refused(key.public_key(), b"", &signature);
    for altered in [&signature[1..], &signature[..signature.len() - 1], &[&signature[..], &[0]].concat(), &[]]
    {
        refused(key.public_key(), message, altered);
    }
    for altered in [&key.public_key()[1..], &[key.public_key(), &[0]].concat(), &[]] {
        refused(altered, message, &signature);
    }
}

#[test]
fn slh_dsa_sha2_192f_follows_from_a_script() {
    type Key = slh_dsa_sha2_192f::SigningKey;
    for short in [0, 23, 24, 47, 48, 71] {
        assert_eq!(Key::generate(&Scripted::new(&vec![1; short])).err(), Some(Error::Random));
    }
    let key = Key::generate(&Scripted::new(&[1; 72])).unwrap();
    let script = Scripted::new(&[2; 24]);
    let signature = key.sign(b"m", &script).unwrap();
    assert_eq!(script.fill(&mut [0]), Err(Error::Random));
    assert_eq!(key.sign(b"m", &Scripted::new(&[2; 24])).unwrap(), signature);
    assert_eq!(key.sign(b"m", &Scripted::new(&[2; 23])), Err(Error::Random));
    assert_eq!(slh_dsa_sha2_192f::verify(key.public_key(), b"m", &signature), Ok(()));

    // Another implementation makes the same signature of the same script.
    type Peer = slh_dsa::SigningKey<slh_dsa::Sha2_192f>;
    let peer = Peer::slh_keygen_internal(&[1; 24], &[1; 24], &[1; 24]);
    assert!(peer.try_sign_with_context(b"m", b"", Some(&[2; 24])).unwrap().to_vec() == signature);
}

#[test]
fn ecdsa_p384_round_trip_and_mutations() {
    let key = ecdsa_p384::SigningKey::generate().unwrap();
    let again = ecdsa_p384::SigningKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
    assert_eq!(again.public_key(), key.public_key());
    let message = b"report";
    let signature = again.sign(message).unwrap();
    mutations_fail(&key.public_key(), message, &signature, verify_p384);

    for zeroed in [0..48, 48..96, 0..96] {
        let mut altered = signature;
        altered[zeroed].fill(0);
        assert_eq!(verify_p384(&key.public_key(), message, &altered), Err(Error::Signature));
    }
    // s and n - s are both valid in plain ECDSA, r and r + n never.
    let order = hex(
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    );
    for half in [0..48, 48..96] {
        let mut altered = signature;
        altered[half].copy_from_slice(&order);
        assert_eq!(verify_p384(&key.public_key(), message, &altered), Err(Error::Signature));
    }
    let compressed = [&[2 + (key.public_key()[96] & 1)], &key.public_key()[1..49]].concat();
    assert_eq!(verify_p384(&compressed, message, &signature), Err(Error::Signature));
    let ed25519 = ed25519::SigningKey::generate(&OsRandom).unwrap().to_pkcs8().unwrap();
    assert_eq!(ecdsa_p384::SigningKey::from_pkcs8(&ed25519).err(), Some(Error::Key));
}

#[test]
fn ecdsa_p256_round_trip_and_mutations() {
    let key = ecdsa_p256::SigningKey::generate().unwrap();
    let again = ecdsa_p256::SigningKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
    assert_eq!(again.public_key(), key.public_key());
    let signature = again.sign(b"certificate").unwrap();
    mutations_fail(&key.public_key(), b"certificate", &signature, |key, message, signature| {
        ecdsa::verify_der(ecdsa::Scheme::P256Sha256, key, message, signature)
    });
    let p384 = ecdsa_p384::SigningKey::generate().unwrap().to_pkcs8().unwrap();
    assert_eq!(ecdsa_p256::SigningKey::from_pkcs8(&p384).err(), Some(Error::Key));
}

#[test]
fn rsa_pss_round_trip_and_mutations() {
    let key = rsa_pss_sha384::SigningKey::generate().unwrap();
    let pkcs8 = key.to_pkcs8().unwrap();
    let again = rsa_pss_sha384::SigningKey::from_pkcs8(&pkcs8).unwrap();
    assert_eq!(again.public_key(), key.public_key());
    let message = b"chain";
    let signature = again.sign(message).unwrap();
    assert_eq!(signature.len(), 512);
    mutations_fail(&key.public_key(), message, &signature, rsa_pss_sha384::verify);

    // A salt of another length is another scheme.
    static SHORT_SALT: RsaSignatureEncoding =
        RSA_PSS_SHA384.with_pss_salt_length(RsaPssSaltLength::Custom(32));
    let mut signature = vec![0; 512];
    KeyPair::from_pkcs8(&pkcs8)
        .unwrap()
        .sign(&SHORT_SALT, &SystemRandom::new(), message, &mut signature)
        .unwrap();
    assert_eq!(rsa_pss_sha384::verify(&key.public_key(), message, &signature), Err(Error::Signature));
}

#[test]
fn garbage_is_no_key() {
    for der in [&[][..], &[0x30, 0], &[0xff; 80]] {
        assert_eq!(ed25519::SigningKey::from_pkcs8(der).err(), Some(Error::Key));
        assert_eq!(ecdsa_p256::SigningKey::from_pkcs8(der).err(), Some(Error::Key));
        assert_eq!(ecdsa_p384::SigningKey::from_pkcs8(der).err(), Some(Error::Key));
        assert_eq!(rsa_pss_sha384::SigningKey::from_pkcs8(der).err(), Some(Error::Key));
        assert_eq!(rsa_pss_sha384::verify(der, b"", &[0; 512]), Err(Error::Signature));
    }
}

fn parts(certificate: &Certificate) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let key = certificate.tbs_certificate().subject_public_key_info();
    (
        key.subject_public_key.as_bytes().unwrap().to_vec(),
        certificate.tbs_certificate().to_der().unwrap(),
        certificate.signature().as_bytes().unwrap().to_vec(),
    )
}

// AMD's root for Milan signs itself with RSA-PSS.
#[test]
fn genuine_rsa_pss_certificate() {
    let certificate = Certificate::from_pem(include_bytes!("vectors/amd-ark-milan.pem")).unwrap();
    let (key, mut tbs, signature) = parts(&certificate);
    assert_eq!(rsa_pss_sha384::verify(&key, &tbs, &signature), Ok(()));
    tbs[100] ^= 1;
    assert_eq!(rsa_pss_sha384::verify(&key, &tbs, &signature), Err(Error::Signature));
}

// The root of AWS Nitro Enclaves signs itself with ECDSA on P-384.
#[test]
fn genuine_ecdsa_certificate() {
    let certificate = Certificate::from_der(include_bytes!("vectors/aws-nitro-root-g1.der")).unwrap();
    let (key, mut tbs, signature) = parts(&certificate);
    let mut fixed = Vec::new();
    for half in Vec::<Uint>::from_der(&signature).unwrap() {
        fixed.resize(fixed.len() + 48 - half.as_bytes().len(), 0);
        fixed.extend_from_slice(half.as_bytes());
    }
    assert_eq!(verify_p384(&key, &tbs, &fixed), Ok(()));
    tbs[100] ^= 1;
    assert_eq!(verify_p384(&key, &tbs, &fixed), Err(Error::Signature));
}
