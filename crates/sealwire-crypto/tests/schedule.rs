//! What a key schedule is made of: HMAC keys and chains of pseudorandom keys.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;
use sealwire_crypto::{
    Error,
    aead::{Aead, Key},
    digest::Hash,
    kdf::{Hkdf, Prk},
    mac,
};

const HASHES: [Hash; 3] = [Hash::Sha256, Hash::Sha384, Hash::Sha512];

fn hex(text: &str) -> Vec<u8> {
    ::hex::decode(text).unwrap()
}

// RFC 4231, test cases 1, 2 and 6.
#[test]
fn hmac_vectors() {
    for (key, data, sha256, sha384) in [
        (
            vec![0x0b; 20],
            &b"Hi There"[..],
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
        ),
        (
            b"Jefe".to_vec(),
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
        ),
        (
            vec![0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
        ),
    ] {
        for (hash, expected) in [(Hash::Sha256, sha256), (Hash::Sha384, sha384)] {
            let key = mac::Key::new(hash, &key);
            let parts = data.split_at(3);
            assert_eq!(key.sign(&[data]).as_bytes(), hex(expected));
            assert_eq!(key.sign(&[parts.0, b"", parts.1]).as_ref(), hex(expected));
            assert_eq!(key.verify(&[data], &hex(expected)), Ok(()));
        }
        assert_eq!(mac::hmac_sha256(&key, &[data]).to_vec(), hex(sha256));
    }
}

// RFC 4231, test case 5.
#[test]
fn hmac_truncation() {
    for (hash, expected) in [
        (Hash::Sha256, "a3b6167473100ee06e0c796c2955552b"),
        (Hash::Sha384, "3abf34c3503b2a23a46efc619baef897"),
    ] {
        let key = mac::Key::new(hash, &[0x0c; 20]);
        let data = b"Test With Truncation";
        let mut tag: [u8; 16] = key.sign_truncated(&[data]);
        assert_eq!(tag.to_vec(), hex(expected));
        assert_eq!(key.verify_truncated(&[data], &tag), Ok(()));
        // A short tag is good only where one is asked for.
        assert_eq!(key.verify(&[data], &tag), Err(Error::Open));
        tag[15] ^= 1;
        assert_eq!(key.verify_truncated(&[data], &tag), Err(Error::Open));
    }
}

proptest! {
    #[test]
    fn altered_tags_and_messages_are_refused(
        key: [u8; 48], data: Vec<u8>, hash in prop::sample::select(&HASHES[..]), bit: prop::sample::Index,
    ) {
        let key = mac::Key::new(hash, &key);
        let tag = key.sign(&[&data]).as_bytes().to_vec();
        prop_assert_eq!(tag.len(), hash.digest_len());
        prop_assert_eq!(key.verify(&[&data], &tag), Ok(()));
        let mut altered = tag.clone();
        let bit = bit.index(tag.len() * 8);
        altered[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(key.verify(&[&data], &altered), Err(Error::Open));
        prop_assert_eq!(key.verify(&[&data, b"more"], &tag), Err(Error::Open));
        for len in 0..tag.len() {
            prop_assert_eq!(key.verify(&[&data], &tag[..len]), Err(Error::Open));
        }
        prop_assert_eq!(key.verify(&[&data], &[&tag[..], &[0]].concat()), Err(Error::Open));
    }
}

/// HKDF-Expand-Label's info (RFC 8446 section 7.1).
fn label(len: u8, label: &str, context: &[u8]) -> Vec<u8> {
    let name = format!("tls13 {label}");
    [
        &[0, len, u8::try_from(name.len()).unwrap()],
        name.as_bytes(),
        &[u8::try_from(context.len()).unwrap()],
        context,
    ]
    .concat()
}

// RFC 8448 section 3: from the early secret to the keys of the server's handshake records, and the master secret.
// SE-05: the steps that our own schedule takes.
#[test]
fn the_schedule_of_tls_13() {
    let kdf = Hkdf::from(Hash::Sha256);
    let nothing = Hash::Sha256.digest(&[]);
    let transcript = hex("860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8");
    let agreed = hex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d");

    let early = kdf.extract(&[], &[&[0; 32]]);
    same(&early, "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a");
    let derived = early.derive(&[&label(32, "derived", nothing.as_bytes())]).unwrap();
    same(&derived, "6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba");
    let handshake = derived.extract(&[&agreed]);
    same(&handshake, "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac");
    let server = handshake.derive(&[&label(32, "s hs traffic", &transcript)]).unwrap();
    same(&server, "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
    let derived = handshake.derive(&[&label(32, "derived", nothing.as_bytes())]).unwrap();
    let master = derived.extract(&[&[0; 32]]);
    same(&master, "18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919");

    let iv = server.expand_array::<12>(&[&label(12, "iv", b"")]).unwrap();
    assert_eq!(iv.to_vec(), hex("5d313eb2671276ee13000b30"));
    let key = Key::derive(Aead::Aes128Gcm, &server, &[&label(16, "key", b"")]).unwrap();
    let expected = Key::new(Aead::Aes128Gcm, &hex("3fce516009c21727d0f2e4e86ee403bc")).unwrap();
    assert_eq!(key.seal(*iv, b"aad", &mut []), expected.seal(*iv, b"aad", &mut []));
}

/// A pseudorandom key does not show its bytes; what it makes is the same.
fn same(prk: &Prk, expected: &str) {
    let expected = Prk::from_bytes(prk.kdf(), &hex(expected)).unwrap();
    assert_eq!(prk.expand_array::<40>(&[b"info"]).unwrap(), expected.expand_array::<40>(&[b"info"]).unwrap());
    assert_eq!(prk.mac_key().sign(&[b"data"]).as_bytes(), expected.mac_key().sign(&[b"data"]).as_bytes());
}

#[test]
fn a_pseudorandom_key_has_the_length_of_the_hash() {
    for hash in HASHES {
        let kdf = Hkdf::from(hash);
        assert_eq!((kdf.hash(), kdf.hash_len()), (hash, hash.digest_len()));
        for len in (0..=80).filter(|len| *len != hash.digest_len()) {
            assert_eq!(Prk::from_bytes(kdf, &vec![1; len]).err(), Some(Error::Key));
        }
        let bytes = vec![1; hash.digest_len()];
        let prk = Prk::from_bytes(kdf, &bytes).unwrap();
        // Extract, derive and the MAC key by their definitions.
        assert_eq!(
            prk.mac_key().sign(&[b"a"]).as_bytes(),
            mac::Key::new(hash, &bytes).sign(&[b"a"]).as_bytes()
        );
        let expanded = |prk: &Prk| prk.expand_array::<100>(&[b"info"]).unwrap();
        assert_eq!(expanded(&prk.extract(&[b"i", b"km"])), expanded(&kdf.extract(&bytes, &[b"ikm"])));
        let mut next = vec![0; hash.digest_len()];
        prk.expand(&[b"next"], &mut next).unwrap();
        let next = Prk::from_bytes(kdf, &next).unwrap();
        assert_eq!(expanded(&prk.derive(&[b"ne", b"xt"]).unwrap()), expanded(&next));
    }
}
