//! What protects a credential for a TPM: HMAC, AES-CFB, RSA-OAEP with a label, KDFa and KDFe, ECDH on P-256.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use aws_lc_rs::{
    agreement,
    encoding::{AsDer as _, PublicKeyX509Der},
    rsa::{KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey},
};
use sealwire_crypto::{
    Error, cfb, kem, mac, oaep,
    random::{OsRandom, Scripted},
    tpm_kdf::{kdfa_sha256, kdfe_sha256},
};

fn hex(text: &str) -> Vec<u8> {
    ::hex::decode(text).unwrap()
}

fn array<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().unwrap()
}

// RFC 4231 section 4.3 and 4.7 (a key longer than a block).
#[test]
fn hmac_vectors() {
    let tag = mac::hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
    assert_eq!(tag, array("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
    let tag = mac::hmac_sha256(&[0xaa; 131], &[b"Test Using Larger Than Block-Size Key - Hash Key First"]);
    assert_eq!(tag, array("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"));
}

// NIST SP 800-38A, F.3.13.
#[test]
fn cfb128_vector() {
    let mut text = hex(concat!(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
    ));
    let (key, iv) = (array("2b7e151628aed2a6abf7158809cf4f3c"), array("000102030405060708090a0b0c0d0e0f"));
    let expected = hex(concat!(
        "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b",
        "26751f67a3cbb140b1808cf187a4f4dfc04b05357c5d1c0eeac4c66f9ff7f2e6"
    ));
    let whole = text.clone();
    cfb::aes128_encrypt(&key, &iv, &mut text).unwrap();
    assert_eq!(text, expected);
    // A last block that is cut short, as TPMs have it.
    let mut cut = whole[..34].to_vec();
    cfb::aes128_encrypt(&key, &iv, &mut cut).unwrap();
    assert_eq!(cut, &expected[..34]);
}

// TPM 2.0 part 1, section 11.4.10: computed apart from this code, by a general implementation of SP 800-108 and of
// SP 800-56A.
#[test]
fn derivation_vectors() {
    let key: Vec<u8> = (0..32).collect();
    let name = [&[0, 0x0b][..], &(0x40..0x60).collect::<Vec<u8>>()].concat();
    assert_eq!(*kdfa_sha256(&key, b"STORAGE", &name, b""), array::<16>("7a58c2079bee13e00ed160d657aecaef"));
    assert_eq!(
        *kdfa_sha256(&key, b"INTEGRITY", b"", b""),
        array::<32>("bacf689f634ece301e1f1b15b072d9c87db6a69585db42b1a0cb8f73ebe2692e")
    );
    let [z, u, v] = [0x80, 0x20, 0x60].map(|from| (from..from + 0x20).collect::<Vec<u8>>());
    assert_eq!(
        *kdfe_sha256(&z, b"IDENTITY", &u, &v),
        array::<32>("cfd462d205d90077bcfb7c9585fecf703c10a60b59d0cdeffd27c8aaa02b04c0")
    );
}

#[test]
fn oaep_opens_under_its_label_alone() {
    let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let public: PublicKeyX509Der<'_> = private.public_key().as_der().unwrap();
    let sealed = oaep::encrypt_sha256(public.as_ref(), b"IDENTITY\0", &[7; 32]).unwrap();
    assert_eq!(sealed.len(), 256);
    assert_ne!(sealed, oaep::encrypt_sha256(public.as_ref(), b"IDENTITY\0", &[7; 32]).unwrap());
    let private = OaepPrivateDecryptingKey::new(private).unwrap();
    let open = |label: &[u8]| {
        let mut out = [0; 256];
        let opened = private.decrypt(&OAEP_SHA256_MGF1SHA256, &sealed, &mut out, Some(label));
        opened.map(|message| message.to_vec()).ok()
    };
    assert_eq!(open(b"IDENTITY\0"), Some(vec![7; 32]));
    assert_eq!(open(b"IDENTITY"), None);
    assert_eq!(open(b""), None);
    assert_eq!(oaep::encrypt_sha256(public.as_ref(), b"", &[7; 256]), Err(Error::Limit));
    assert_eq!(oaep::encrypt_sha256(&public.as_ref()[1..], b"", &[7]), Err(Error::Key));
}

// NIST CAVP, ECC CDH primitive, P-256, count 0: the ephemeral key is the one in the script.
#[test]
fn ecdh_vector() {
    let peer = hex(concat!(
        "04700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287",
        "db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac"
    ));
    let ephemeral = hex("7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534");
    let (point, z) = kem::p256_ephemeral(&peer, &Scripted::new(&ephemeral)).unwrap();
    assert_eq!(*z, array("46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b"));
    assert_eq!(
        point,
        hex(concat!(
            "04ead218590119e8876b29146ff89ca61770c4edbbf97d38ce385ed281d8a6b230",
            "28af61281fd35e2fa7002523acc85a429cb06ee6648325389f59edfce1405141"
        ))
    );
    // Another point that is on no curve, another form, and agreement from the other side.
    let mut off = peer.clone();
    off[64] ^= 1;
    assert_eq!(kem::p256_ephemeral(&off, &OsRandom).unwrap_err(), Error::Key);
    assert_eq!(kem::p256_ephemeral(&peer[1..], &OsRandom).unwrap_err(), Error::Key);
    let other = agreement::PrivateKey::generate(&agreement::ECDH_P256).unwrap();
    let (point, z) = kem::p256_ephemeral(other.compute_public_key().unwrap().as_ref(), &OsRandom).unwrap();
    let point = agreement::UnparsedPublicKey::new(&agreement::ECDH_P256, &point);
    agreement::agree(&other, point, (), |same| {
        assert_eq!(same, z.as_slice());
        Ok(())
    })
    .unwrap();
}
