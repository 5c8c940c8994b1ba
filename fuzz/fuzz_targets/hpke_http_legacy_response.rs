#![no_main]
//! Answers and key documents of hpke-http 1.x at the client. The first byte chooses between chunks and events.

use bytes::{BufMut, BytesMut};
use http::{HeaderMap, HeaderValue, header};
use libfuzzer_sys::fuzz_target;
use sealwire_crypto::aead::{Aead, Key};
use sealwire_crypto::hpke::{self, Mode, Symmetric};
use sealwire_crypto::kdf::Hkdf;
use sealwire_crypto::kem::{Kem, PrivateKey};
use sealwire_fuzz::{Fixed, divisions};
use sealwire_hpke_http::legacy::client::{self, AwaitedAnswer, Data};
use sealwire_hpke_http::legacy::{Credential, Error, Limits, document, name, parse_document};

const LIMITS: Limits = Limits { request: 5000, response: 5000, event: 500, ratio: 20 };
const PSK: [u8; 32] = [7; 32];

fn private() -> PrivateKey {
    PrivateKey::from_bytes(Kem::X25519, &[0x24; 32]).expect("32 bytes are a scalar")
}

fn awaited() -> AwaitedAnswer {
    let credential = Credential::new("tenant", &PSK).expect("of 32 bytes");
    client::start(private().public_key(), &credential, None, &Fixed).expect("fixed randomness is some").answer
}

fn read<'a>(headers: &HeaderMap, mut slices: impl Iterator<Item = &'a [u8]>) -> Result<Vec<u8>, Error> {
    let mut reader = awaited().open(headers, &LIMITS)?;
    let mut content = Vec::new();
    loop {
        match reader.next_data()? {
            Some(Data::Data(data)) => content.extend_from_slice(&data),
            Some(Data::End) => return Ok(content),
            None => match slices.next() {
                Some(slice) => reader.push(slice),
                None => reader.end(),
            },
        }
    }
}

/// Chunks that authenticate, each of a length in two bytes and so many clear bytes, coding included.
fn chunks(mut script: &[u8]) -> BytesMut {
    let suite = Symmetric { kdf: Hkdf::Sha256, aead: Aead::ChaCha20Poly1305 };
    let mode = Mode::Psk { psk: &PSK, id: b"tenant" };
    // The client's randomness is fixed, so this is its context.
    let (_, sender) = hpke::setup_sender(private().public_key(), suite, mode, b"tenant", &Fixed)
        .expect("fixed randomness is some");
    let mut key = [0; 32];
    sender.export(b"response-key", &mut key).expect("32 bytes");
    let key = Key::new(Aead::ChaCha20Poly1305, &key).expect("32 bytes");
    let mut out = BytesMut::new();
    let mut counter = 1_u32;
    while let Some((length, rest)) = script.split_first_chunk::<2>() {
        let (clear, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
        script = rest;
        let mut data = clear.to_vec();
        let mut nonce = [0; 12];
        nonce[8..].copy_from_slice(&counter.to_le_bytes());
        let tag = key.seal(nonce, b"", &mut data).expect("a short chunk");
        out.put_u32(u32::try_from(data.len() + 20).expect("a short chunk"));
        out.put_u32(counter);
        out.put_slice(&data);
        out.put_slice(&tag);
        counter += 1;
    }
    out
}

fuzz_target!(|input: &[u8]| {
    if let Ok(key) = parse_document(input) {
        let again =
            parse_document(document(&key).expect("a key of X25519").as_bytes()).expect("our own document");
        assert_eq!(again.as_bytes(), key.as_bytes());
    }
    let Some((choice, input)) = input.split_first() else { return };
    let content_type = if choice & 1 == 0 { "text/plain" } else { "text/event-stream" };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(name::STREAM, HeaderValue::from_static("AAAAAA"));
    for message in [input, &chunks(input)] {
        let [whole, small] = divisions(message).map(|slices| read(&headers, slices));
        assert_eq!(whole, small, "the division of the input changes the result");
        assert!(
            whole.is_err()
                || choice & 1 != 0
                || whole.is_ok_and(|found| found.len() as u64 <= LIMITS.response)
        );
    }
});
