//! NaCl boxes, against a second implementation.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

use crypto_box::{
    PublicKey, SecretKey,
    aead::{Error as AeadError, rand_core},
};
use proptest::prelude::*;
use sealwire_crypto::{
    Error, nacl,
    random::{OsRandom, Random, Scripted},
};

/// Our source of randomness in the form that the peer takes.
struct Rng;

impl rand_core::RngCore for Rng {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }
    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }
    fn fill_bytes(&mut self, out: &mut [u8]) {
        OsRandom.fill(out).unwrap();
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(out);
        Ok(())
    }
}

impl rand_core::CryptoRng for Rng {}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    // TU-04: what one seals the other opens.
    #[test]
    fn sealed_boxes_are_those_of_the_peer(message in prop::collection::vec(any::<u8>(), 0..200), bytes: [u8; 32]) {
        let ours = nacl::SealedBoxKey::from_bytes(&bytes).unwrap();
        let theirs = SecretKey::from(bytes);
        prop_assert_eq!(*ours.public(), theirs.public_key().to_bytes());
        let sealed = nacl::seal(ours.public(), &message, &OsRandom).unwrap();
        prop_assert_eq!(sealed.len(), message.len() + nacl::SEALED_EXTRA);
        prop_assert_eq!(theirs.unseal(&sealed).unwrap(), message.clone());
        let sealed = PublicKey::from(*ours.public()).seal(&mut Rng, &message).unwrap();
        prop_assert_eq!(ours.open(&sealed).unwrap().to_vec(), message);
    }

    // TU-04: any change of any bit is found by both.
    #[test]
    fn a_changed_sealed_box_does_not_open(at in 0..80_usize, bit in 0..8_u8) {
        let key = nacl::SealedBoxKey::generate(&OsRandom).unwrap();
        let mut sealed = nacl::seal(key.public(), &[7; 32], &OsRandom).unwrap();
        sealed[at] ^= 1 << bit;
        prop_assert!(key.open(&sealed).is_err());
    }

    // TU-06
    #[test]
    fn secret_boxes_open_in_place(data in prop::collection::vec(any::<u8>(), 0..300), nonce: [u8; 24], at: prop::sample::Index) {
        let key = nacl::SecretBoxKey::new(&[5; 32]);
        let mut boxed = [[0; 16].as_slice(), &data].concat();
        let tag = key.seal(&nonce, &mut boxed[16..]).unwrap();
        boxed[..16].copy_from_slice(&tag);
        let mut changed = boxed.clone();
        changed[at.index(boxed.len())] ^= 1;
        let before = changed.clone();
        prop_assert_eq!(key.open(&nonce, &mut changed).err(), Some(Error::Open));
        prop_assert_eq!(changed, before);
        prop_assert_eq!(key.open(&nonce, &mut boxed).unwrap().to_vec(), data);
    }
}

// TU-83: a key of low order makes no box, and opens none.
#[test]
fn low_order_keys_are_refused() {
    let order_eight: [u8; 32] = [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda,
        0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ];
    let key = nacl::SealedBoxKey::generate(&OsRandom).unwrap();
    for point in [[0; 32], order_eight] {
        assert_eq!(nacl::seal(&point, b"x", &OsRandom).err(), Some(Error::Kem));
        let sealed = [point.as_slice(), &[0; 48]].concat();
        assert_eq!(key.open(&sealed).err(), Some(Error::Kem));
    }
}

#[test]
fn short_boxes_are_refused() {
    let key = nacl::SealedBoxKey::generate(&OsRandom).unwrap();
    for len in 0..nacl::SEALED_EXTRA {
        assert!(key.open(&vec![9; len]).is_err(), "{len}");
    }
    let secret = nacl::SecretBoxKey::new(&[0; 32]);
    for len in 0..nacl::TAG_LEN {
        assert_eq!(secret.open(&[0; 24], &mut vec![0; len]).err(), Some(Error::Open));
    }
    let _: AeadError = SecretKey::from([1; 32]).unseal(&[0; 47]).unwrap_err();
}

#[test]
fn a_box_needs_randomness() {
    let key = nacl::SealedBoxKey::from_bytes(&[1; 32]).unwrap();
    assert_eq!(nacl::seal(key.public(), b"x", &Scripted::new(&[0; 31])).err(), Some(Error::Random));
}
