//! BLS signatures, the field of scalars, and X25519 with kept keys.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use sealwire_crypto::{
    Error,
    bls::{PublicKey, Scalar, SecretKey, Signature},
    random::{OsRandom, Scripted},
    x25519,
};

fn key(fill: u8) -> SecretKey {
    SecretKey::from_bytes(&[fill; 32]).unwrap()
}

#[test]
fn a_sum_of_signatures_verifies_under_the_sum_of_keys() {
    let keys = [key(1), key(2), key(3)];
    let signatures: Vec<_> = keys.iter().map(|key| key.sign(b"message")).collect();
    let public: Vec<_> = keys.iter().map(SecretKey::public_key).collect();
    let sum = PublicKey::sum(&public.iter().collect::<Vec<_>>()).unwrap();
    let all = Signature::sum(&signatures.iter().collect::<Vec<_>>()).unwrap();
    assert_eq!(sum.verify(b"message", &all), Ok(()));
    assert_eq!(sum.verify(b"massage", &all), Err(Error::Signature));
    let two = Signature::sum(&[&signatures[0], &signatures[1]]).unwrap();
    assert_eq!(sum.verify(b"message", &two), Err(Error::Signature));
    assert_eq!(PublicKey::sum(&[]), Err(Error::Key));
    assert_eq!(Signature::sum(&[]), Err(Error::Signature));
}

#[test]
fn a_proof_of_possession_is_no_signature_and_the_reverse() {
    let key = key(7);
    let public = key.public_key();
    let proof = key.prove_possession();
    assert_eq!(public.verify_possession(&proof), Ok(()));
    assert_eq!(public.verify(&public.to_bytes(), &proof), Err(Error::Signature));
    assert_eq!(public.verify_possession(&key.sign(&public.to_bytes())), Err(Error::Signature));
    assert_eq!(
        SecretKey::generate(&OsRandom).unwrap().public_key().verify_possession(&proof),
        Err(Error::Signature)
    );
}

#[test]
fn points_that_are_no_keys_are_refused() {
    let mut identity = [0; 48];
    identity[0] = 0xc0;
    let mut outside = [0; 48];
    (outside[0], outside[47]) = (0x80, 4);
    let uncompressed_flag = {
        let mut bytes = key(1).public_key().to_bytes();
        bytes[0] &= 0x7f;
        bytes
    };
    for bytes in [&identity[..], &outside, &uncompressed_flag, &[0xff; 48], &[0x80; 47], &[]] {
        assert_eq!(PublicKey::from_bytes(bytes).err(), Some(Error::Key));
    }
    let mut identity = [0; 96];
    identity[0] = 0xc0;
    for bytes in [&identity[..], &[0xff; 96], &[0x80; 95], &[]] {
        assert_eq!(Signature::from_bytes(bytes).err(), Some(Error::Signature));
    }
    for bytes in [&[0; 32][..], &[0xff; 32], &[1; 31], &[1; 33]] {
        assert_eq!(SecretKey::from_bytes(bytes).err(), Some(Error::Key));
    }
}

#[test]
fn keys_that_cancel_out_have_no_sum() {
    let one = Scalar::from_u8(1);
    let minus = Scalar::from_u8(0).sub(&one);
    let one = SecretKey::from_bytes(&*one.to_bytes()).unwrap();
    let minus = SecretKey::from_bytes(&*minus.to_bytes()).unwrap();
    assert_eq!(PublicKey::sum(&[&one.public_key(), &minus.public_key()]), Err(Error::Key));
    let signatures = [one.sign(b"m"), minus.sign(b"m")];
    assert_eq!(Signature::sum(&[&signatures[0], &signatures[1]]), Err(Error::Signature));
}

#[test]
fn zero_has_no_inverse_and_the_order_is_no_scalar() {
    assert_eq!(Scalar::from_u8(0).invert().err(), Some(Error::Key));
    let order = hex::decode("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001").unwrap();
    assert_eq!(Scalar::from_bytes(&order).err(), Some(Error::Key));
    assert_eq!(Scalar::from_bytes(&[0; 31]).err(), Some(Error::Key));
    assert_eq!(Scalar::random(&Scripted::new(&[1; 63])).err(), Some(Error::Random));
}

fn scalar() -> impl Strategy<Value = Shown> {
    prop::array::uniform32(any::<u8>())
        .prop_map(|wide| Shown(Scalar::random(&Scripted::new(&[wide, wide].concat())).unwrap()))
}

/// Two implementations agree: the field of one, the group of the other.
fn point(scalar: &Scalar) -> PublicKey {
    SecretKey::from_bytes(&*scalar.to_bytes()).unwrap().public_key()
}

/// A secret that a failing test may show.
struct Shown(Scalar);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(*self.0.to_bytes()))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn sums_of_scalars_are_sums_of_points(a in scalar(), b in scalar()) {
        let (a, b) = (&a.0, &b.0);
        prop_assume!(point(a) != point(&Scalar::from_u8(0).sub(b)));
        prop_assert_eq!(PublicKey::sum(&[&point(a), &point(b)]).unwrap(), point(&a.add(b)));
    }

    #[test]
    fn scalars_are_a_field(a in scalar(), b in scalar()) {
        let (a, b) = (&a.0, &b.0);
        prop_assert_eq!(a.add(b).sub(b).to_bytes(), a.to_bytes());
        prop_assert_eq!(a.mul(b).mul(&b.invert().unwrap()).to_bytes(), a.to_bytes());
        prop_assert_eq!(Scalar::from_bytes(&*a.to_bytes()).unwrap().to_bytes(), a.to_bytes());
    }
}

/// RFC 7748 section 6.1.
#[test]
fn x25519_agrees_as_published() {
    let private = |text: &str| x25519::PrivateKey::from_bytes(&hex::decode(text).unwrap()).unwrap();
    let alice = private("77076d0a7318a57d3c16c17251b26645df4c3a8c5b2c4c1b1a7a8b0d0c5e8f2a");
    let bob = private("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    let bob_public = bob.public_key().unwrap();
    assert_eq!(hex::encode(bob_public), "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    assert_eq!(alice.agree(&bob_public).unwrap(), bob.agree(&alice.public_key().unwrap()).unwrap());
    assert_eq!(bob.agree(&[0; 32]).err(), Some(Error::Kem));
    assert_eq!(bob.agree(&[9; 31]).err(), Some(Error::Kem));
    assert_eq!(x25519::PrivateKey::from_bytes(&[0; 31]).err(), Some(Error::Key));
}
