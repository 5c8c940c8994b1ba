//! Keys and encapsulations: the X-Wing vectors, and what must be refused.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::path::PathBuf;

use common::low_order_points;
use sealwire_crypto::{
    Error,
    aead::Aead,
    hpke::{Mode, Symmetric, setup_receiver, setup_sender},
    kdf::Hkdf,
    kem::{Kem, PrivateKey, PublicKey},
    random::{OsRandom, Scripted},
};
use serde_json::Value;
use shake::{ExtendableOutput, Shake128, XofReader};

const KEMS: [Kem; 3] = [Kem::P256, Kem::X25519, Kem::XWing];

fn hex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn public_key_error(kem: Kem, bytes: &[u8]) -> Option<Error> {
    PublicKey::from_bytes(kem, bytes).err()
}

// OB-02
#[test]
fn xwing_draft_vectors() {
    let file: Value = serde_json::from_str(include_str!("vectors/xwing.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 3);
    // The draft draws seeds and the randomness of encapsulations (eseed) from SHAKE128 of nothing.
    let mut source = Shake128::default().finalize_xof();
    for vector in vectors {
        let (mut seed, mut eseed) = ([0; 32], [0; 64]);
        source.read(&mut seed);
        source.read(&mut eseed);
        assert_eq!(hex(&vector["seed"]), seed);
        let key = PrivateKey::from_bytes(Kem::XWing, &seed).unwrap();
        assert_eq!(key.public_key().as_bytes(), hex(&vector["pk"]));
        let (ct, secret) = key.public_key().encapsulate(&Scripted::new(&eseed)).unwrap();
        assert_eq!((ct, secret.to_vec()), (hex(&vector["ct"]), hex(&vector["ss"])));
        assert_eq!(key.decapsulate(&hex(&vector["ct"])).unwrap().as_slice(), hex(&vector["ss"]));
        let short = Scripted::new(&eseed[..63]);
        assert_eq!(key.public_key().encapsulate(&short).err(), Some(Error::Random));
    }
}

// OB-01, OB-02: the project's own vectors with X-Wing and P-256.
#[test]
fn oblivious_vectors() {
    let shared = std::env::var_os("SEALWIRE_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = shared.join("vectors/oblivious/kem.json");
    if !path.exists() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "no shared vectors");
        println!("skipped: no {}", path.display());
        return;
    }
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert!(!vectors.is_empty());
    for vector in vectors {
        let kem = Kem::from_id(u16::try_from(vector["kem_id"].as_u64().unwrap()).unwrap()).unwrap();
        let aead = Aead::from_id(u16::try_from(vector["aead_id"].as_u64().unwrap()).unwrap()).unwrap();
        let suite = Symmetric { kdf: Hkdf::Sha256, aead };
        let (enc, info, export_secret) =
            (hex(&vector["enc"]), hex(&vector["info"]), hex(&vector["export_secret"]));
        let key = PrivateKey::from_bytes(kem, &hex(&vector["skR"])).unwrap();
        assert_eq!(key.public_key().as_bytes(), hex(&vector["pkR"]), "{}", vector["id"]);
        if vector.get("kem_shared_secret").is_some() {
            assert_eq!(key.decapsulate(&enc).unwrap().as_slice(), hex(&vector["kem_shared_secret"]));
        }

        let chunked = info.starts_with(b"message/bhttp chunked request");
        let label: &[u8] =
            if chunked { b"message/bhttp chunked response" } else { b"message/bhttp response" };
        let mut exported = vec![0; export_secret.len()];
        let mut receiver = setup_receiver(&key, &enc, suite, Mode::Base, &info).unwrap();
        receiver.export(label, &mut exported).unwrap();
        assert_eq!(exported, export_secret, "{}", vector["id"]);
        if !chunked {
            let mut message = hex(&vector["encapsulated_request"]).split_off(7 + enc.len());
            assert_eq!(receiver.open(b"", &mut message).unwrap(), hex(&vector["request"]));
        }

        if vector.get("skE").is_some() {
            let ephemeral = Scripted::new(&hex(&vector["skE"]));
            let (made, sender) =
                setup_sender(key.public_key(), suite, Mode::Base, &info, &ephemeral).unwrap();
            assert_eq!(made, enc);
            sender.export(label, &mut exported).unwrap();
            assert_eq!(exported, export_secret);
        }
    }
}

#[test]
fn lengths_and_identifiers() {
    for (kem, id, enc, public, private) in [
        (Kem::P256, 0x0010, 65, 65, 32),
        (Kem::X25519, 0x0020, 32, 32, 32),
        (Kem::XWing, 0x647a, 1120, 1216, 32),
    ] {
        assert_eq!((kem.id(), Kem::from_id(id)), (id, Some(kem)));
        assert_eq!((kem.enc_len(), kem.public_key_len(), kem.private_key_len()), (enc, public, private));
        let key = PrivateKey::generate(kem, &OsRandom).unwrap();
        assert_eq!(key.public_key().kem(), kem);
        assert_eq!(key.public_key().as_bytes().len(), public);
        assert_eq!(key.public_key().encapsulate(&OsRandom).unwrap().0.len(), enc);
    }
    assert_eq!(Kem::from_id(0x0011), None);
}

#[test]
fn fresh_keys_and_encapsulations_differ() {
    for kem in KEMS {
        let (a, b) =
            (PrivateKey::generate(kem, &OsRandom).unwrap(), PrivateKey::generate(kem, &OsRandom).unwrap());
        assert_ne!(a.public_key().as_bytes(), b.public_key().as_bytes());
        let (first, first_secret) = a.public_key().encapsulate(&OsRandom).unwrap();
        let (second, second_secret) = a.public_key().encapsulate(&OsRandom).unwrap();
        assert_ne!(first, second);
        assert_ne!(first_secret, second_secret);
        assert_eq!(a.decapsulate(&first).unwrap(), first_secret);
        assert_ne!(b.decapsulate(&first).ok(), Some(first_secret));
    }
}

#[test]
fn wrong_lengths_are_refused() {
    for kem in KEMS {
        let key = PrivateKey::generate(kem, &OsRandom).unwrap();
        let public = key.public_key().as_bytes().to_vec();
        let (enc, _) = key.public_key().encapsulate(&OsRandom).unwrap();
        let resized = |bytes: &[u8]| {
            [&bytes[..bytes.len() - 1], &[bytes, &[0]].concat(), &bytes[1..], &[]].map(<[u8]>::to_vec)
        };
        for bytes in resized(&public) {
            assert_eq!(public_key_error(kem, &bytes), Some(Error::Key));
        }
        for bytes in resized(&enc) {
            assert_eq!(key.decapsulate(&bytes).err(), Some(Error::Kem));
        }
        for bytes in resized(&[1; 32]) {
            assert_eq!(PrivateKey::from_bytes(kem, &bytes).err(), Some(Error::Key));
        }
    }
}

// OB-04, OB-119
#[test]
fn low_order_points_are_refused() {
    let x25519 = PrivateKey::generate(Kem::X25519, &OsRandom).unwrap();
    let xwing = PrivateKey::generate(Kem::XWing, &OsRandom).unwrap();
    let (xwing_enc, _) = xwing.public_key().encapsulate(&OsRandom).unwrap();
    for point in low_order_points() {
        assert_eq!(public_key_error(Kem::X25519, &point), Some(Error::Key), "{}", hex::encode(point));
        assert_eq!(x25519.decapsulate(&point).err(), Some(Error::Kem), "{}", hex::encode(point));
        let with_point = |bytes: &[u8]| [&bytes[..bytes.len() - 32], &point].concat();
        assert_eq!(
            public_key_error(Kem::XWing, &with_point(xwing.public_key().as_bytes())),
            Some(Error::Key)
        );
        assert_eq!(xwing.decapsulate(&with_point(&xwing_enc)).err(), Some(Error::Kem));
    }
}

// OB-04, OB-119
#[test]
fn p256_takes_uncompressed_points_on_the_curve_only() {
    let key = PrivateKey::generate(Kem::P256, &OsRandom).unwrap();
    let good = key.public_key().as_bytes();
    assert_eq!(public_key_error(Kem::P256, good), None);

    let mut off_curve = good.to_vec();
    off_curve[64] ^= 1;
    let mut x_too_large = good.to_vec();
    x_too_large[1..33].fill(0xff);
    let compressed = [&[2 + (good[64] & 1)], &good[1..33]].concat();
    let mut compressed_padded = compressed.clone();
    compressed_padded.resize(65, 0);
    let mut hybrid = good.to_vec();
    hybrid[0] = 6 + (good[64] & 1);
    let infinity = [0; 65];
    for bytes in [off_curve, x_too_large, compressed, compressed_padded, hybrid, infinity.to_vec(), vec![0]] {
        assert_eq!(public_key_error(Kem::P256, &bytes), Some(Error::Key), "{}", hex::encode(&bytes));
        assert_eq!(key.decapsulate(&bytes).err(), Some(Error::Kem), "{}", hex::encode(&bytes));
    }
}

#[test]
fn p256_private_keys_are_in_range() {
    let order = hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").unwrap();
    let mut below = order.clone();
    below[31] -= 1;
    assert!(PrivateKey::from_bytes(Kem::P256, &below).is_ok());
    for bytes in [order.as_slice(), &[0; 32], &[0xff; 32]] {
        assert_eq!(PrivateKey::from_bytes(Kem::P256, bytes).err(), Some(Error::Key));
    }
    // A draw out of range is drawn again (RFC 9180 section 7.1.3).
    let random = Scripted::new(&[order.as_slice(), &below].concat());
    let drawn = PrivateKey::generate(Kem::P256, &random).unwrap();
    let expected = PrivateKey::from_bytes(Kem::P256, &below).unwrap();
    assert_eq!(drawn.public_key().as_bytes(), expected.public_key().as_bytes());
    // A source that only gives such draws is broken.
    let broken = Scripted::new(&[0xff; 32 * 8]);
    assert_eq!(PrivateKey::generate(Kem::P256, &broken).err(), Some(Error::Random));
}

// OB-04, OB-119: a coefficient of 3329 or above (FIPS 203 section 7.2).
#[test]
fn ml_kem_modulus_check() {
    let key = PrivateKey::generate(Kem::XWing, &OsRandom).unwrap();
    // Two 12-bit coefficients lie in three bytes, little end first; 3329 is 0xd01. The last ones end at 1152.
    for (at, bytes) in [(0, [0x01, 0x0d, 0x00]), (0, [0x00, 0x10, 0xd0]), (1149, [0xff, 0xff, 0xff])] {
        let mut public = key.public_key().as_bytes().to_vec();
        public[at..at + 3].copy_from_slice(&bytes);
        assert_eq!(public_key_error(Kem::XWing, &public), Some(Error::Key));
    }
    let mut largest = key.public_key().as_bytes().to_vec();
    largest[..3].copy_from_slice(&[0x00, 0x0d, 0xd0]);
    assert_eq!(public_key_error(Kem::XWing, &largest), None);
}

// OB-04: an altered ML-KEM ciphertext fails like a wrong tag, not before.
#[test]
fn altered_ml_kem_ciphertext_fails_at_the_tag() {
    let suite = Symmetric { kdf: Hkdf::Sha256, aead: Aead::Aes128Gcm };
    let key = PrivateKey::generate(Kem::XWing, &OsRandom).unwrap();
    let (mut enc, mut sender) = setup_sender(key.public_key(), suite, Mode::Base, b"", &OsRandom).unwrap();
    let mut message = b"plaintext".to_vec();
    let tag = sender.seal(b"", &mut message).unwrap();
    message.extend_from_slice(&tag);
    enc[17] ^= 4;
    let mut receiver = setup_receiver(&key, &enc, suite, Mode::Base, b"").unwrap();
    assert_eq!(receiver.open(b"", &mut message).err(), Some(Error::Open));
}

#[test]
fn no_randomness_is_an_error() {
    for kem in KEMS {
        let key = PrivateKey::generate(kem, &OsRandom).unwrap();
        assert_eq!(PrivateKey::generate(kem, &Scripted::new(&[3; 31])).err(), Some(Error::Random));
        assert_eq!(key.public_key().encapsulate(&Scripted::new(&[3; 31])).err(), Some(Error::Random));
    }
}
