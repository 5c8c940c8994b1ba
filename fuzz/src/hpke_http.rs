//! A peer of hpke-http/3 who has the keys: whatever it writes authenticates, so that the fuzzer gets behind the tags.

use sealwire_crypto::aead::{Aead, Key, Sequence, TAG_LEN};
use sealwire_crypto::hpke::{self, Mode, Symmetric};
use sealwire_crypto::kdf::Hkdf;
use sealwire_crypto::kem::{Kem, PrivateKey};
use sealwire_hpke_http::server::ServerKey;
use sealwire_hpke_http::{Credential, Limits};
use std::sync::LazyLock;

use crate::Fixed;

/// When everything happens, in Unix seconds.
pub const NOW: u64 = 1_800_000_000;

const PSK: &[u8; 32] = b"a pre-shared key of 32 bytes....";
const SUITE: Symmetric = Symmetric { kdf: Hkdf::Sha256, aead: Aead::ChaCha20Poly1305 };

/// Small enough to be reached.
pub const LIMITS: Limits = Limits {
    max_body_len: 2000,
    max_request_bytes: 5000,
    max_header_bytes: 1000,
    max_header_count: 16,
    max_target_len: 200,
};

fn private() -> PrivateKey {
    PrivateKey::from_bytes(Kem::X25519, &[0x24; 32]).expect("32 bytes are a scalar")
}

/// The server's one key.
pub static KEY: LazyLock<ServerKey> =
    LazyLock::new(|| ServerKey::new("key", private(), &Fixed).expect("a key of X25519"));

/// The one tenant's.
pub static CREDENTIAL: LazyLock<Credential> =
    LazyLock::new(|| Credential::new("tenant", PSK).expect("of 32 bytes"));

/// A script: each record's clear bytes behind their length in two bytes. What is left is the last record.
fn records(mut script: &[u8]) -> Vec<&[u8]> {
    let mut records = Vec::new();
    while let Some((length, rest)) = script.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (record, rest) = rest.split_at(length);
        records.push(record);
        script = rest;
    }
    records
}

/// The script of these records.
pub fn script(records: &[&[u8]]) -> Vec<u8> {
    let length = |record: &[u8]| u16::try_from(record.len()).expect("a short record").to_be_bytes();
    records.iter().flat_map(|record| [&length(record), *record].concat()).collect()
}

fn frame(
    front: &[&[u8]],
    number: u64,
    clear: &[u8],
    seal: impl FnOnce(&[u8], &mut [u8]) -> [u8; TAG_LEN],
) -> Vec<u8> {
    let ct_len = u32::try_from(clear.len() + TAG_LEN).expect("a short record").to_be_bytes();
    let aad = [&front.concat(), number.to_be_bytes().as_slice(), &ct_len].concat();
    let mut data = clear.to_vec();
    let tag = seal(&aad, &mut data);
    [ct_len.as_slice(), &data, &tag].concat()
}

/// A sealed request of a script's records.
pub fn request(script: &[u8]) -> Vec<u8> {
    let header =
        [b"HHRQ\x03\x03\x06\x00\x20\x00\x01\x00\x03".as_slice(), &NOW.to_be_bytes(), b"keytenant"].concat();
    let info = [b"message/hpke-http request\0v3\0".as_slice(), &header].concat();
    let mode = Mode::Psk { psk: PSK, id: b"tenant" };
    let to = private();
    let (enc, mut sender) =
        hpke::setup_sender(to.public_key(), SUITE, mode, &info, &Fixed).expect("fixed randomness is some");
    let label = b"hpke-http/3 request record\0".as_slice();
    let frames = records(script).into_iter().zip(0..).flat_map(|(clear, number)| {
        frame(&[label, &header], number, clear, |aad, data| sender.seal(aad, data).expect("not used up"))
    });
    let frames: Vec<u8> = frames.collect();
    [header, enc, frames].concat()
}

/// A sealed answer of a script's records, to a sealed request of our client.
pub fn answer(request: &[u8], script: &[u8]) -> Vec<u8> {
    let (header, rest) = request.split_at(30);
    let enc = &rest[..32];
    let info = [b"message/hpke-http request\0v3\0".as_slice(), header].concat();
    let mode = Mode::Psk { psk: PSK, id: b"tenant" };
    let receiver = hpke::setup_receiver(&private(), enc, SUITE, mode, &info).expect("our client's key");
    let mut secret = [0; 32];
    receiver.export(b"message/hpke-http response\0v3", &mut secret).expect("32 bytes");
    let nonce = [9; 32];
    let prk = Hkdf::Sha256.extract(&[enc, &nonce].concat(), &[&secret]);
    let key = Key::derive(Aead::ChaCha20Poly1305, &prk, &[b"hpke-http/3 response key"]).expect("32 bytes");
    let base = *prk.expand_array(&[b"hpke-http/3 response nonce"]).expect("12 bytes");
    let mut sequence = Sequence::new(key, base);
    let prefix = [b"HHRP\x03".as_slice(), &nonce].concat();
    let label = b"hpke-http/3 response record\0".as_slice();
    let frames = records(script).into_iter().zip(0..).flat_map(|(clear, number)| {
        frame(&[label, &prefix], number, clear, |aad, data| sequence.seal(aad, data).expect("not used up"))
    });
    let frames: Vec<u8> = frames.collect();
    [prefix, frames].concat()
}
