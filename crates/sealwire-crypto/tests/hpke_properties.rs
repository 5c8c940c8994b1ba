//! Round trips and what a network can do to them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::LazyLock;

use proptest::prelude::*;
use sealwire_crypto::{
    Error,
    aead::{Aead, TAG_LEN},
    hpke::{Mode, Receiver, Sender, Symmetric, setup_receiver, setup_sender},
    kdf::Hkdf,
    kem::{Kem, PrivateKey},
    random::OsRandom,
};

static KEYS: LazyLock<[PrivateKey; 3]> = LazyLock::new(|| {
    [Kem::P256, Kem::X25519, Kem::XWing].map(|kem| PrivateKey::generate(kem, &OsRandom).unwrap())
});

fn suites() -> impl Strategy<Value = Symmetric> {
    let aeads = prop::sample::select(vec![Aead::Aes128Gcm, Aead::Aes256Gcm, Aead::ChaCha20Poly1305]);
    let kdfs = prop::sample::select(vec![Hkdf::Sha256, Hkdf::Sha384, Hkdf::Sha512]);
    (kdfs, aeads).prop_map(|(kdf, aead)| Symmetric { kdf, aead })
}

fn bytes(range: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), range)
}

fn pair(key: &PrivateKey, suite: Symmetric, mode: Mode<'_>, info: &[u8]) -> (Sender, Receiver) {
    let (enc, sender) = setup_sender(key.public_key(), suite, mode, info, &OsRandom).unwrap();
    (sender, setup_receiver(key, &enc, suite, mode, info).unwrap())
}

fn sealed(sender: &mut Sender, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut message = plaintext.to_vec();
    let tag = sender.seal(aad, &mut message).unwrap();
    message.extend_from_slice(&tag);
    message
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn round_trip(
        key in 0..3_usize,
        suite in suites(),
        psk in prop::option::of((bytes(32..80), bytes(1..20))),
        info in bytes(0..200),
        messages in prop::collection::vec((bytes(0..40), bytes(0..600)), 1..6),
        export_len in 1..300_usize,
    ) {
        let mode = psk.as_ref().map_or(Mode::Base, |(psk, id)| Mode::Psk { psk, id });
        let (mut sender, mut receiver) = pair(&KEYS[key], suite, mode, &info);
        for (aad, plaintext) in &messages {
            let mut message = sealed(&mut sender, aad, plaintext);
            prop_assert_eq!(message.len(), plaintext.len() + TAG_LEN);
            prop_assert_eq!(receiver.open(aad, &mut message).unwrap(), plaintext);
        }
        let (mut ours, mut theirs) = (vec![0; export_len], vec![0; export_len]);
        sender.export(&info, &mut ours).unwrap();
        receiver.export(&info, &mut theirs).unwrap();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn an_altered_message_is_refused_and_not_counted(
        suite in suites(),
        plaintext in bytes(0..300),
        aad in bytes(0..20),
        bit in any::<prop::sample::Index>(),
    ) {
        let (mut sender, mut receiver) = pair(&KEYS[1], suite, Mode::Base, b"");
        let good = sealed(&mut sender, &aad, &plaintext);

        let mut flipped = good.clone();
        let bit = bit.index(flipped.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(receiver.open(&aad, &mut flipped).err(), Some(Error::Open));
        prop_assert_eq!(receiver.open(&[&aad[..], &[0]].concat(), &mut good.clone()).err(), Some(Error::Open));
        prop_assert_eq!(receiver.open(&aad, &mut good[1..].to_vec()).err(), Some(Error::Open));
        prop_assert_eq!(receiver.open(&aad, &mut good[..good.len() - 1].to_vec()).err(), Some(Error::Open));
        prop_assert_eq!(receiver.open(&aad, &mut []).err(), Some(Error::Open));

        let mut unaltered = good.clone();
        prop_assert_eq!(receiver.open(&aad, &mut unaltered).unwrap(), &plaintext);
        // A second time it is a replay.
        prop_assert_eq!(receiver.open(&aad, &mut good.clone()).err(), Some(Error::Open));
    }

    #[test]
    fn an_altered_encapsulated_key_gives_nothing(key in 0..3_usize, suite in suites(), bit in any::<prop::sample::Index>()) {
        let key = &KEYS[key];
        let (mut enc, mut sender) = setup_sender(key.public_key(), suite, Mode::Base, b"", &OsRandom).unwrap();
        let mut message = sealed(&mut sender, b"", b"plaintext");
        // X25519 ignores the top bit of a point, but DHKEM's context and X-Wing's combiner both hash it.
        let bit = bit.index(enc.len() * 8);
        enc[bit / 8] ^= 1 << (bit % 8);
        match setup_receiver(key, &enc, suite, Mode::Base, b"") {
            Ok(mut receiver) => prop_assert_eq!(receiver.open(b"", &mut message).err(), Some(Error::Open)),
            Err(error) => prop_assert_eq!(error, Error::Kem),
        }
    }
}

#[test]
fn every_input_of_the_schedule_matters() {
    let suite = Symmetric { kdf: Hkdf::Sha256, aead: Aead::Aes128Gcm };
    let psk = [5; 32];
    let mode = Mode::Psk { psk: &psk, id: b"id" };
    let key = &KEYS[1];
    let (enc, mut sender) = setup_sender(key.public_key(), suite, mode, b"info", &OsRandom).unwrap();
    let message = sealed(&mut sender, b"", b"plaintext");
    let opens = |key, suite, mode, info| {
        let mut receiver = setup_receiver(key, &enc, suite, mode, info).unwrap();
        receiver.open(b"", &mut message.clone()).is_ok()
    };
    assert!(opens(key, suite, mode, b"info"));
    assert!(!opens(key, suite, mode, b"other"));
    assert!(!opens(key, suite, Mode::Base, b"info"));
    assert!(!opens(key, suite, Mode::Psk { psk: &[6; 32], id: b"id" }, b"info"));
    assert!(!opens(key, suite, Mode::Psk { psk: &psk, id: b"another" }, b"info"));
    assert!(!opens(key, Symmetric { kdf: Hkdf::Sha384, ..suite }, mode, b"info"));
    assert!(!opens(key, Symmetric { aead: Aead::ChaCha20Poly1305, ..suite }, mode, b"info"));
    let other = PrivateKey::generate(Kem::X25519, &OsRandom).unwrap();
    assert!(!opens(&other, suite, mode, b"info"));
}

// RFC 9180 sections 5.1 and 9.5
#[test]
fn psk_inputs_are_verified() {
    let suite = Symmetric { kdf: Hkdf::Sha256, aead: Aead::Aes128Gcm };
    for key in KEYS.iter() {
        let (enc, _) = setup_sender(key.public_key(), suite, Mode::Base, b"", &OsRandom).unwrap();
        for (psk, id) in [(&[1_u8; 31][..], &b"id"[..]), (&[], b"id"), (&[1; 32], b""), (&[], b"")] {
            let mode = Mode::Psk { psk, id };
            assert_eq!(setup_sender(key.public_key(), suite, mode, b"", &OsRandom).err(), Some(Error::Psk));
            assert_eq!(setup_receiver(key, &enc, suite, mode, b"").err(), Some(Error::Psk));
        }
    }
}

#[test]
fn exports_have_a_limit() {
    let suite = Symmetric { kdf: Hkdf::Sha256, aead: Aead::Aes128Gcm };
    let (sender, receiver) = pair(&KEYS[1], suite, Mode::Base, b"");
    let mut out = vec![0; 255 * 32];
    assert_eq!(sender.export(b"", &mut out), Ok(()));
    out.push(0);
    assert_eq!(sender.export(b"", &mut out), Err(Error::Limit));
    assert_eq!(receiver.export(b"", &mut vec![0; 70_000]), Err(Error::Limit));
}

#[test]
fn contexts_cross_threads() {
    fn is_send<T: Send>() {}
    fn is_sync<T: Sync>() {}
    is_send::<Sender>();
    is_send::<Receiver>();
    is_sync::<PrivateKey>();
}
