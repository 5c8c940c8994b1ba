//! Against the second implementation, crate `hpke`: every KEM, every AEAD, base and PSK, in both directions (OB-01).

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use hpke::{
    Deserializable, Kem as PeerKem, OpModeR, OpModeS, PskBundle, Serializable, aead as peer_aead,
    kdf as peer_kdf, kem as peer_kem,
};
use sealwire_crypto::{
    aead::Aead,
    hpke::{Mode, Symmetric, setup_receiver, setup_sender},
    kdf::Hkdf,
    kem::{Kem, PrivateKey, PublicKey},
    random::OsRandom,
};

const INFO: &[u8] = b"message/bhttp request\0 and the rest";
const PSK: [u8; 32] = [7; 32];
const PSK_ID: &[u8] = b"tenant";
const MESSAGES: [(&[u8], &[u8]); 4] =
    [(b"", b"first"), (b"aad", b""), (b"final", &[9; 5000]), (b"", b"last")];
/// More than one block of every hash.
const EXPORT_LEN: usize = 100;

/// We send, the peer receives.
fn to_peer<A: peer_aead::Aead, D: peer_kdf::Kdf, K: PeerKem>(kem: Kem, suite: Symmetric, mode: Mode<'_>) {
    let (private, public) = K::gen_keypair();
    let public = PublicKey::from_bytes(kem, &public.to_bytes()).unwrap();
    let (enc, mut sender) = setup_sender(&public, suite, mode, INFO, &OsRandom).unwrap();
    assert_eq!(enc.len(), kem.enc_len());

    let peer_mode = match mode {
        Mode::Base => OpModeR::Base,
        Mode::Psk { psk, id } => OpModeR::Psk(PskBundle::new(psk, id).unwrap()),
    };
    let enc = K::EncappedKey::from_bytes(&enc).unwrap();
    let mut receiver = hpke::setup_receiver::<A, D, K>(&peer_mode, &private, &enc, INFO).unwrap();
    for (aad, plaintext) in MESSAGES {
        let mut message = plaintext.to_vec();
        let tag = sender.seal(aad, &mut message).unwrap();
        message.extend_from_slice(&tag);
        assert_eq!(receiver.open(&message, aad).unwrap(), plaintext);
    }
    let (mut ours, mut theirs) = ([0; EXPORT_LEN], [0; EXPORT_LEN]);
    sender.export(b"context", &mut ours).unwrap();
    receiver.export(b"context", &mut theirs).unwrap();
    assert_eq!(ours, theirs);
}

/// The peer sends, we receive.
fn from_peer<A: peer_aead::Aead, D: peer_kdf::Kdf, K: PeerKem>(kem: Kem, suite: Symmetric, mode: Mode<'_>) {
    let private = PrivateKey::generate(kem, &OsRandom).unwrap();
    let public = K::PublicKey::from_bytes(private.public_key().as_bytes()).unwrap();
    let peer_mode = match mode {
        Mode::Base => OpModeS::Base,
        Mode::Psk { psk, id } => OpModeS::Psk(PskBundle::new(psk, id).unwrap()),
    };
    let (enc, mut sender) = hpke::setup_sender::<A, D, K>(&peer_mode, &public, INFO).unwrap();
    let mut receiver = setup_receiver(&private, &enc.to_bytes(), suite, mode, INFO).unwrap();
    for (aad, plaintext) in MESSAGES {
        let mut message = sender.seal(plaintext, aad).unwrap();
        assert_eq!(receiver.open(aad, &mut message).unwrap(), plaintext);
    }
    let (mut ours, mut theirs) = ([0; EXPORT_LEN], [0; EXPORT_LEN]);
    receiver.export(b"context", &mut ours).unwrap();
    sender.export(b"context", &mut theirs).unwrap();
    assert_eq!(ours, theirs);
}

fn both_ways<A: peer_aead::Aead, D: peer_kdf::Kdf, K: PeerKem>(kem: Kem, kdf: Hkdf, aead: Aead) {
    let suite = Symmetric { kdf, aead };
    for mode in [Mode::Base, Mode::Psk { psk: &PSK, id: PSK_ID }] {
        to_peer::<A, D, K>(kem, suite, mode);
        from_peer::<A, D, K>(kem, suite, mode);
    }
}

fn every_aead<D: peer_kdf::Kdf, K: PeerKem>(kem: Kem, kdf: Hkdf) {
    both_ways::<peer_aead::AesGcm128, D, K>(kem, kdf, Aead::Aes128Gcm);
    both_ways::<peer_aead::AesGcm256, D, K>(kem, kdf, Aead::Aes256Gcm);
    both_ways::<peer_aead::ChaCha20Poly1305, D, K>(kem, kdf, Aead::ChaCha20Poly1305);
}

#[test]
fn x25519() {
    every_aead::<peer_kdf::HkdfSha256, peer_kem::X25519HkdfSha256>(Kem::X25519, Hkdf::Sha256);
}

#[test]
fn p256() {
    every_aead::<peer_kdf::HkdfSha256, peer_kem::DhP256HkdfSha256>(Kem::P256, Hkdf::Sha256);
}

// OB-02: the other side expands the seed and combines the secrets on its own.
#[test]
fn xwing() {
    every_aead::<peer_kdf::HkdfSha256, peer_kem::XWing>(Kem::XWing, Hkdf::Sha256);
}

#[test]
fn longer_hashes() {
    every_aead::<peer_kdf::HkdfSha384, peer_kem::X25519HkdfSha256>(Kem::X25519, Hkdf::Sha384);
    every_aead::<peer_kdf::HkdfSha512, peer_kem::X25519HkdfSha256>(Kem::X25519, Hkdf::Sha512);
}
