//! The test vectors of RFC 9180: every published suite that this crate has, base and PSK modes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use sealwire_crypto::{
    aead::Aead,
    hpke::{Mode, Receiver, Sender, Symmetric, setup_receiver, setup_sender},
    kdf::Hkdf,
    kem::{Kem, PrivateKey, PublicKey},
    random::Scripted,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
#[allow(non_snake_case)]
struct Vector {
    mode: u8,
    kem_id: u16,
    kdf_id: u16,
    aead_id: u16,
    info: String,
    #[serde(default)]
    psk: String,
    #[serde(default)]
    psk_id: String,
    skRm: String,
    skEm: String,
    pkRm: String,
    enc: String,
    shared_secret: String,
    pt: String,
    ciphertexts: BTreeMap<String, String>,
    exports: Vec<Export>,
}

#[derive(Deserialize)]
struct Export {
    exporter_context: String,
    #[serde(rename = "L")]
    len: usize,
    exported_value: String,
}

fn hex(text: &str) -> Vec<u8> {
    ::hex::decode(text).unwrap()
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str::<File>(include_str!("vectors/hpke.json")).unwrap().vectors
}

fn with_contexts(vector: &Vector, check: impl Fn(Sender, Receiver)) {
    let kem = Kem::from_id(vector.kem_id).unwrap();
    let suite = Symmetric {
        kdf: Hkdf::from_id(vector.kdf_id).unwrap(),
        aead: Aead::from_id(vector.aead_id).unwrap(),
    };
    let (psk, id, info) = (hex(&vector.psk), hex(&vector.psk_id), hex(&vector.info));
    let mode = match vector.mode {
        0 => Mode::Base,
        1 => Mode::Psk { psk: &psk, id: &id },
        other => unreachable!("mode {other}"),
    };

    let private = PrivateKey::from_bytes(kem, &hex(&vector.skRm)).unwrap();
    assert_eq!(private.public_key().as_bytes(), hex(&vector.pkRm));
    let public = PublicKey::from_bytes(kem, &hex(&vector.pkRm)).unwrap();

    let ephemeral = Scripted::new(&hex(&vector.skEm));
    let (enc, sender) = setup_sender(&public, suite, mode, &info, &ephemeral).unwrap();
    assert_eq!(enc, hex(&vector.enc));
    assert_eq!(private.decapsulate(&enc).unwrap().as_slice(), hex(&vector.shared_secret));
    let receiver = setup_receiver(&private, &enc, suite, mode, &info).unwrap();
    check(sender, receiver);
}

#[test]
fn every_combination_is_covered() {
    // OB-01: both DHKEMs, the three AEADs.
    let mut seen: Vec<_> = vectors().iter().map(|v| (v.kem_id, v.kdf_id, v.aead_id, v.mode)).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 2 * 2 * 3 * 2);
}

#[test]
fn encryptions() {
    for vector in vectors() {
        with_contexts(&vector, |mut sender, mut receiver| {
            let plaintext = hex(&vector.pt);
            let last = vector.ciphertexts.keys().map(|key| key.parse().unwrap()).max().unwrap();
            // The published ones pass 255, so that the counter carries into its second byte.
            assert_eq!(last, 256);
            for number in 0..=last {
                let aad = format!("Count-{number}");
                let mut message = plaintext.clone();
                let tag = sender.seal(aad.as_bytes(), &mut message).unwrap();
                message.extend_from_slice(&tag);
                if let Some(expected) = vector.ciphertexts.get(&number.to_string()) {
                    assert_eq!(message, hex(expected), "message {number}");
                }
                assert_eq!(receiver.open(aad.as_bytes(), &mut message).unwrap(), plaintext);
            }
        });
    }
}

#[test]
fn exports() {
    for vector in vectors() {
        with_contexts(&vector, |sender, receiver| {
            assert!(!vector.exports.is_empty());
            for export in &vector.exports {
                let context = hex(&export.exporter_context);
                let mut value = vec![0; export.len];
                sender.export(&context, &mut value).unwrap();
                assert_eq!(value, hex(&export.exported_value));
                value.fill(0);
                receiver.export(&context, &mut value).unwrap();
                assert_eq!(value, hex(&export.exported_value));
            }
        });
    }
}
